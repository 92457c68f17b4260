"""Bringing a database up to its package's schema, and telling whether it is."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from storekeeper_cli.postgres import EmbeddedPostgres, Urls
from storekeeper_kit import migrations, schema
from storekeeper_kit.database import Database
from storekeeper_kit.migrations import MigrationFailed, upgrade
from storekeeper_kit.schema import SchemaOutdated, require_current

ROLE = "storekeeper_kit"
ENVIRONMENT = "from storekeeper_kit.migrations import run_migrations\n\nrun_migrations()\n"
SCRIPT = """
from alembic import context, op

revision, down_revision = {revision!r}, {before!r}


def upgrade():
    op.execute("SELECT pg_sleep({pause})")
    op.execute("CREATE TABLE table_{revision} (id int PRIMARY KEY)")
    role = op.get_bind().dialect.identifier_preparer.quote(context.config.attributes["service_role"])
    op.execute(f"GRANT SELECT, INSERT ON table_{revision} TO {{role}}")
    {after}
"""

Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    """Makes a package with so many migrations; the last one can be told to do more."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str, count: int, *, pause: float = 0, after: str = "pass") -> str:
        versions = tmp_path / name / "migrations" / "versions"
        versions.mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        (versions.parent / "env.py").write_text(ENVIRONMENT)
        for number in range(1, count + 1):
            script = SCRIPT.format(
                revision=f"{number:04}",
                before=f"{number - 1:04}" if number > 1 else None,
                pause=pause,
                after=after if number == count else "pass",
            )
            (versions / f"{number:04}_step.py").write_text(script)
        return name

    yield make
    schema.revisions.cache_clear()


@pytest.fixture
def service(fresh_urls: Urls) -> Iterator[Database]:
    """The service's connections to a database of the test's own."""
    database = Database(fresh_urls.service)
    yield database
    database.close()


def tables(urls: Urls) -> set[str]:
    with psycopg.connect(urls.owner) as owner:
        found = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {name for (name,) in found} - {"alembic_version"}


class TestUpgrading:
    def test_an_empty_database_gets_everything(self, fresh_urls: Urls, package: Package) -> None:
        upgrade(package("two_steps", 2), fresh_urls.owner, ROLE)
        assert tables(fresh_urls) == {"table_0001", "table_0002"}

    def test_an_older_database_gets_what_it_lacks(self, fresh_urls: Urls, package: Package) -> None:
        upgrade(package("one_step", 1), fresh_urls.owner, ROLE)
        upgrade(package("three_steps", 3), fresh_urls.owner, ROLE)
        assert tables(fresh_urls) == {"table_0001", "table_0002", "table_0003"}

    def test_a_current_database_is_left_alone(self, fresh_urls: Urls, package: Package) -> None:
        name = package("one_step", 1)
        upgrade(name, fresh_urls.owner, ROLE)
        upgrade(name, fresh_urls.owner, ROLE)
        assert tables(fresh_urls) == {"table_0001"}

    def test_two_at_once_both_succeed(self, fresh_urls: Urls, package: Package, tmp_path: Path) -> None:
        name = package("slow_steps", 2, pause=0.3)
        call = "import sys; from storekeeper_kit.migrations import upgrade; upgrade(*sys.argv[1:])"
        both = [
            subprocess.Popen(
                [sys.executable, "-c", call, name, fresh_urls.owner, ROLE],
                cwd=tmp_path,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        said = [migrator.communicate(timeout=30)[1] for migrator in both]

        assert [migrator.returncode for migrator in both] == [0, 0], said
        assert tables(fresh_urls) == {"table_0001", "table_0002"}

    def test_one_that_waits_too_long_for_another_gives_up(
        self, fresh_urls: Urls, package: Package, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(migrations, "LOCK_TIMEOUT_S", 0.1)
        with psycopg.connect(fresh_urls.owner) as other:
            other.execute("SELECT pg_advisory_lock(%s)", [migrations.LOCK_KEY])
            with pytest.raises(MigrationFailed, match="lock timeout"):
                upgrade(package("one_step", 1), fresh_urls.owner, ROLE)
        assert tables(fresh_urls) == set()

    def test_a_step_that_fails_leaves_the_ones_before_it(self, fresh_urls: Urls, package: Package) -> None:
        with pytest.raises(MigrationFailed, match="division by zero"):
            upgrade(package("broken_step", 2, after='op.execute("SELECT 1 / 0")'), fresh_urls.owner, ROLE)
        assert tables(fresh_urls) == {"table_0001"}

    def test_the_service_gets_the_rights_that_a_step_grants_and_no_others(
        self, fresh_urls: Urls, package: Package
    ) -> None:
        upgrade(package("one_step", 1), fresh_urls.owner, ROLE)
        with psycopg.connect(fresh_urls.service, autocommit=True) as service:
            service.execute("INSERT INTO table_0001 VALUES (1)")
            for statement in (
                "DELETE FROM table_0001",
                "TRUNCATE table_0001",
                "CREATE TABLE mine ()",
                "DROP TABLE table_0001",
            ):
                with pytest.raises(errors.InsufficientPrivilege):
                    service.execute(statement)

    def test_a_database_from_a_later_release_is_not_touched(self, fresh_urls: Urls, package: Package) -> None:
        upgrade(package("two_steps", 2), fresh_urls.owner, ROLE)
        with pytest.raises(MigrationFailed, match="0002"):
            upgrade(package("one_step", 1), fresh_urls.owner, ROLE)


class TestRoles:
    def test_the_service_must_not_be_the_owner(self, fresh_urls: Urls, package: Package) -> None:
        with pytest.raises(MigrationFailed, match="superuser or the owner"):
            upgrade(package("one_step", 1), fresh_urls.owner, f"{ROLE}_owner")

    def test_the_service_must_not_be_a_superuser(
        self, postgres: EmbeddedPostgres, fresh_urls: Urls, package: Package
    ) -> None:
        superuser = conninfo_to_dict(postgres.superuser_url())["user"]
        with pytest.raises(MigrationFailed, match="superuser or the owner"):
            upgrade(package("one_step", 1), fresh_urls.owner, str(superuser))

    def test_the_service_s_role_must_exist(self, fresh_urls: Urls, package: Package) -> None:
        with pytest.raises(MigrationFailed, match='"nobody", which the service uses, does not exist'):
            upgrade(package("one_step", 1), fresh_urls.owner, "nobody")

    def test_a_database_that_is_away_is_told_in_one_line_without_a_password(self, package: Package) -> None:
        with pytest.raises(MigrationFailed) as error:
            upgrade(package("one_step", 1), "postgresql://me:hunter2@127.0.0.1:1/db", ROLE)
        assert "\n" not in str(error.value)
        assert "hunter2" not in str(error.value)


class TestReadiness:
    def test_a_migrated_database_is_current(self, fresh_urls: Urls, service: Database, package: Package) -> None:
        name = package("two_steps", 2)
        upgrade(name, fresh_urls.owner, ROLE)
        require_current(name, service)

    def test_an_empty_one_is_not(self, service: Database, package: Package) -> None:
        with pytest.raises(SchemaOutdated, match="needs 0001"):
            require_current(package("one_step", 1), service)

    def test_an_older_one_is_not(self, fresh_urls: Urls, service: Database, package: Package) -> None:
        upgrade(package("one_step", 1), fresh_urls.owner, ROLE)
        with pytest.raises(SchemaOutdated, match="has schema 0001, and this release needs 0002"):
            require_current(package("two_steps", 2), service)

    def test_a_newer_one_is_so_that_releases_can_replace_each_other(
        self, fresh_urls: Urls, service: Database, package: Package
    ) -> None:
        upgrade(package("two_steps", 2), fresh_urls.owner, ROLE)
        require_current(package("one_step", 1), service)
