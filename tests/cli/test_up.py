"""``storekeeper up`` as a whole: the real command, the real service, a PostgreSQL of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM
from typing import Self

import pytest

from storekeeper_cli.postgres import EmbeddedPostgres
from storekeeper_cli.program import Program
from tests.cli.processes import all_ended, family_of, wait_for

STOREKEEPER = (sys.executable, "-P", "-m", "storekeeper_cli")
EXAMPLES = 4  # The last thing that is printed when everything serves.
READY_TIMEOUT_S = 60  # It takes three seconds where nothing else is going on.


class Up:
    """A running ``storekeeper up``."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self._printed = folder.with_suffix(".printed")
        # As a program, so that it ends with pytest, however pytest ends.
        program = Program(
            "up", (*STOREKEEPER, "up", "--folder", str(folder)), environment(**variables), death_signal=SIGTERM
        )
        with self._printed.open("wb") as printed:
            self.process = program.start(printed)

    def __enter__(self) -> Self:
        try:
            wait_for(lambda: len(self.examples()) == EXAMPLES or self.process.poll() is not None, READY_TIMEOUT_S)
            assert self.process.poll() is None
        except AssertionError as error:
            self.__exit__()
            raise AssertionError(self.printed()) from error
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()

    def printed(self) -> str:
        return self._printed.read_text()

    def examples(self) -> list[str]:
        return re.findall(r"^  (\S*(?:grpcurl|buf) .*)$", self.printed(), re.MULTILINE)

    def pid_of(self, program: str) -> int:
        [pid] = [pid for pid in family_of(self.process.pid)[1:] if program in command_line(pid)]
        return pid

    def kill(self, program: str) -> None:
        os.kill(self.pid_of(program), signal.SIGKILL)


def environment(**variables: str) -> dict[str, str]:
    return os.environ | {"STOREKEEPER_STOCKLEDGER_LISTEN": "127.0.0.1:0"} | variables


def command_line(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return b" ".join(words).decode()


def fails(*arguments: str | Path, **variables: str) -> tuple[int, str]:
    """Run the command, which fails; its exit code and the one line that it says."""
    done = subprocess.run(
        [*STOREKEEPER, *arguments], env=environment(**variables), check=False, capture_output=True, text=True
    )
    [line] = done.stderr.splitlines()
    return done.returncode, line


def run(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line as a shell does into which it is pasted."""
    return subprocess.run(line, shell=True, check=False, capture_output=True, text=True, timeout=10)  # noqa: S602 - that is the point


def create_location(up: Up, name: str) -> None:
    """Leave something behind."""
    request = json.dumps({"request_id": str(uuid.uuid4()), "location": {"name": name}})
    done = run(up.examples()[-1].replace("ListLocations", "CreateLocation").replace("{}", request))
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is set up once, so that most tests see a second start."""
    return tmp_path_factory.mktemp("up") / "storekeeper"


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Up]:
    """One that runs for many tests."""
    with Up(folder) as running:
        yield running


@pytest.fixture
def given(postgres: EmbeddedPostgres) -> dict[str, str]:
    """The variables that name a database that is there already."""
    urls = postgres.create_service_database("stockledger", database="given_to_up")
    return {
        "STOREKEEPER_STOCKLEDGER_DATABASE_URL": urls.service,
        "STOREKEEPER_STOCKLEDGER_OWNER_DATABASE_URL": urls.owner,
    }


def test_the_printed_calls_work_as_pasted(up: Up) -> None:
    assert "Storekeeper is up." in up.printed()
    for line in up.examples():
        done = run(line)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


def test_every_program_runs_in_a_session_of_its_own(up: Up) -> None:
    sessions = {
        os.getsid(pid)
        for pid in (up.process.pid, up.pid_of("bin/postgres -D"), up.pid_of("-m storekeeper_stockledger"))
    }
    assert len(sessions) == 3


def test_the_service_never_learns_the_owners_password(up: Up) -> None:
    variables = Path(f"/proc/{up.pid_of('-m storekeeper_stockledger')}/environ").read_text()
    assert "STOREKEEPER_STOCKLEDGER_DATABASE_URL" in variables
    assert "OWNER" not in variables


def test_a_second_up_in_the_same_folder_is_told_who_is_there(up: Up) -> None:
    assert fails("up", "--folder", up.folder) == (
        1,
        f"Another storekeeper up, process {up.process.pid}, is using {up.folder}.",
    )


@pytest.mark.parametrize("program", ["-m storekeeper_stockledger", "bin/postgres -D"])
def test_what_is_killed_comes_back(up: Up, program: str) -> None:
    name = "postgres" if "postgres" in program else "stockledger"
    before = up.printed().count(f"{name} is back.")
    up.kill(program)
    wait_for(lambda: up.printed().count(f"{name} is back.") > before)
    call = up.examples()[1]
    wait_for(lambda: '"SERVING"' in run(call).stdout)


def test_a_taken_port_is_named_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        code, line = fails("up", "--folder", tmp_path, STOREKEEPER_STOCKLEDGER_LISTEN=address)
    assert code == 1
    assert line.startswith(f"The stock ledger cannot listen on {address}: Address already in use.")
    assert not (tmp_path / "postgres").exists()


def test_a_port_whose_holder_would_share_it_counts_as_taken(tmp_path: Path) -> None:
    with socket.create_server(("", 0), reuse_port=True) as holder:
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        code, line = fails("up", "--folder", tmp_path, STOREKEEPER_STOCKLEDGER_LISTEN=address)
    assert code == 1
    assert address in line


def test_one_database_url_without_the_other_is_refused_by_name(tmp_path: Path) -> None:
    code, line = fails("up", "--folder", tmp_path, STOREKEEPER_STOCKLEDGER_DATABASE_URL="postgresql://somewhere/else")
    assert code == 2
    assert line.startswith("STOREKEEPER_STOCKLEDGER_OWNER_DATABASE_URL is not set, but")


def test_a_misspelt_variable_is_refused_by_name(tmp_path: Path) -> None:
    code, line = fails("up", "--folder", tmp_path, STOREKEEPER_UP_FOLDR="elsewhere")
    assert code == 2
    assert line.startswith("STOREKEEPER_UP_FOLDR ")


def test_a_given_database_is_used_instead_of_a_postgresql_of_our_own(tmp_path: Path, given: dict[str, str]) -> None:
    with Up(tmp_path / "folder", **given) as up:
        assert not (up.folder / "postgres").exists()
        assert "PostgreSQL" not in up.printed()
        assert len(family_of(up.process.pid)) == 2


def test_a_bad_setting_of_a_service_ends_up_with_the_services_own_words(tmp_path: Path, given: dict[str, str]) -> None:
    code, line = fails("up", "--folder", tmp_path, STOREKEEPER_STOCKLEDGER_CALL_TIMEOUT_S="soon", **given)
    assert code == 1
    assert line.startswith("stockledger ended by exit code 2: STOREKEEPER_STOCKLEDGER_CALL_TIMEOUT_S")


def test_kill_9_leaves_no_process_behind_and_the_next_start_has_the_data_until_ctrl_c(up: Up) -> None:
    # The last test here: it ends what the others share.
    create_location(up, "Shed")
    pids = family_of(up.process.pid)
    up.process.kill()
    with Up(up.folder) as again:
        assert all_ended(pids)
        assert "Shed" in run(again.examples()[-1]).stdout
        ends_on_ctrl_c(again)


def ends_on_ctrl_c(up: Up) -> None:
    """As the terminal sends it; everything is gone within five seconds."""
    pids = family_of(up.process.pid)
    asked = time.monotonic()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(10) == 0
    assert time.monotonic() - asked < 5
    assert all_ended(pids)
