"""``storekeeper verify``: the real command, by its exit codes and its lines. What it finds is in `tests/system`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from storekeeper_cli.postgres import EmbeddedPostgres, Urls
from storekeeper_cli.postgres.keys import Keys
from storekeeper_cli.services import STOCK_LEDGER
from storekeeper_kit.migrations import upgrade
from tests.harness.scribe import Scribe
from tests.harness.story import BEGIN, Story

URL = STOCK_LEDGER.variable("DATABASE_URL")


@pytest.fixture(scope="module")
def urls(postgres: EmbeddedPostgres) -> Iterator[Urls]:
    """The database that `up` would make, with a short journal in it."""
    urls = postgres.create_service_database(STOCK_LEDGER.name)
    upgrade(STOCK_LEDGER.package, urls.owner, STOCK_LEDGER.package)
    with psycopg.connect(urls.owner) as connection:
        Story(Scribe(connection, 7, begin=BEGIN)).tell()
    yield urls
    postgres.drop_database(STOCK_LEDGER.package)


def verify(*arguments: str, url: str = "", folder: Path = Path("nowhere")) -> subprocess.CompletedProcess[str]:
    """Run it, with nothing of these tests' own variables."""
    variables = {URL: url, "STOREKEEPER_UP_FOLDER": str(folder)}
    command = [sys.executable, "-P", "-m", "storekeeper_cli", "verify", *arguments]
    return subprocess.run(command, env=os.environ | variables, check=False, capture_output=True, text=True)


def test_says_in_one_line_that_all_is_right(urls: Urls) -> None:
    done = verify(url=urls.service)
    assert done.stdout.startswith("All is right: looked at 1 tenant with 40 movements in ")
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)


def test_finds_the_database_that_up_runs(urls: Urls, postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    (tmp_path / "postgres").symlink_to(postgres.data.parent)
    assert verify(folder=tmp_path).returncode == 0
    assert verify("--folder", str(tmp_path)).returncode == 0


def test_names_the_row_that_is_wrong(urls: Urls) -> None:
    with psycopg.connect(urls.owner) as owner:
        owner.execute("UPDATE position SET available = available + 1 WHERE position_id = 1")
    try:
        done = verify("--url", urls.service)
    finally:
        with psycopg.connect(urls.owner) as owner:
            owner.execute("UPDATE position SET available = available - 1 WHERE position_id = 1")
    first, *_, last = done.stdout.splitlines()
    assert first == "Tenant 7: position 1: available is 8, should be 7: so movement 40, its last, has left it."
    assert last.startswith("Not all is right: looked at 1 tenant with 40 movements in ")
    assert (done.returncode, done.stderr) == (1, "")


def test_says_in_one_line_without_a_password_that_it_could_not_be_checked(
    urls: Urls, postgres: EmbeddedPostgres
) -> None:
    empty = postgres.create_service_database(STOCK_LEDGER.name, database="empty")
    for done, why in (
        (verify(), f"{URL} is not set, and nowhere has no database of ours"),
        (verify(url="postgresql://someone:secret@127.0.0.1:1/nowhere"), "Connection refused"),
        (verify(url=empty.service), "no tables of a stock ledger"),
        (verify("--tenant", "6", url=urls.service), "tenant 6 has nothing stored"),
    ):
        [line] = done.stderr.splitlines()
        assert why in line
        assert "secret" not in line
        assert (done.returncode, done.stdout) == (2, "")
    postgres.drop_database("empty")


def test_says_that_the_database_of_up_is_not_running(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    Keys(tmp_path / "postgres" / "keys.json").settle_port()
    done = verify(folder=tmp_path)
    assert done.stderr == f"The PostgreSQL in {tmp_path} is not running: storekeeper up starts it\n"
    assert done.returncode == 2
