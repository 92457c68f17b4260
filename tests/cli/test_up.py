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
from storekeeper_cli.services import SERVICES, WITH_DATABASE
from tests.cli.processes import all_ended, command_line, family_of, wait_for

STOREKEEPER = (sys.executable, "-P", "-m", "storekeeper_cli")
EXAMPLES = 9  # The last thing that is printed when everything serves.
# What their command lines have in them.
PROGRAMS = {service.name: f"-m {service.package}" for service in SERVICES} | {"postgres": "bin/postgres -D"}
READY_TIMEOUT_S = 60  # It takes four seconds where nothing else is going on.


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
        return re.findall(r"^  (\S*(?:grpcurl|buf|curl) .*)$", self.printed(), re.MULTILINE)

    def example(self, word: str) -> str:
        """The first of them in which this is found."""
        return next(line for line in self.examples() if re.search(word, line))

    def pid_of(self, program: str) -> int:
        # Before those that it has forked.
        pid, *_ = [pid for pid in family_of(self.process.pid)[1:] if program in command_line(pid)]
        return pid

    def kill(self, program: str) -> None:
        os.kill(self.pid_of(program), signal.SIGKILL)


def environment(**variables: str) -> dict[str, str]:
    anywhere = {service.variable("LISTEN"): "127.0.0.1:0" for service in SERVICES}
    return os.environ | anywhere | variables


def variables_of(pid: int) -> list[str]:
    """The names of a process's environment variables."""
    return [line.partition("=")[0] for line in Path(f"/proc/{pid}/environ").read_text().split("\0")]


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
    done = run(up.example("ListLocations").replace("ListLocations", "CreateLocation").replace("{}", request))
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
    """The variables that name databases that are there already."""
    variables = {}
    for service in WITH_DATABASE:
        urls = postgres.create_service_database(service.name, database=f"{service.name}_given_to_up")
        variables[service.variable("DATABASE_URL")] = urls.service
        variables[service.variable("OWNER_DATABASE_URL")] = urls.owner
    return variables


def test_the_printed_calls_work_as_pasted(up: Up) -> None:
    assert "Storekeeper is up." in up.printed()
    for line in up.examples():
        done = run(line)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


def test_every_program_runs_in_a_session_of_its_own(up: Up) -> None:
    pids = [up.process.pid, *(up.pid_of(program) for program in PROGRAMS.values())]
    assert len({os.getsid(pid) for pid in pids}) == len(pids)


def test_a_service_learns_no_password_but_its_own(up: Up) -> None:
    known = {
        service.name: [name for name in variables_of(up.pid_of(PROGRAMS[service.name])) if "DATABASE_URL" in name]
        for service in SERVICES
    }
    assert known == {
        "stockledger": ["STOREKEEPER_STOCKLEDGER_DATABASE_URL"],
        "catalog": ["STOREKEEPER_CATALOG_DATABASE_URL"],
        "gateway": [],
    }


def test_what_a_client_of_the_gateway_creates_is_in_the_catalog_and_registered_with_the_ledger(up: Up) -> None:
    mouse = {"name": "Mouse", "isActive": True, "isSerialized": False, "productBillingCodeID": 1}
    query = up.example("Products/query")
    created = run(re.sub(r"-d .*", f"-d '{json.dumps(mouse)}'", query.replace("/query", "")))
    item_id = json.loads(created.stdout)["itemId"]
    [item] = json.loads(run(up.example("buf curl .*ListItems")).stdout)["items"]
    assert (item["itemId"], item["registration"]) == (str(item_id), {"state": "REGISTRATION_STATE_DONE"})


def test_a_second_up_in_the_same_folder_is_told_who_is_there(up: Up) -> None:
    assert fails("up", "--folder", up.folder) == (
        1,
        f"Another storekeeper up, process {up.process.pid}, is using {up.folder}.",
    )


@pytest.mark.parametrize("name", ["gateway", "catalog", "stockledger", "postgres"])
def test_what_is_killed_comes_back(up: Up, name: str) -> None:
    before = up.printed().count(f"{name} is back.")
    up.kill(PROGRAMS[name])
    wait_for(lambda: up.printed().count(f"{name} is back.") > before)
    checks = [up.example(f"{service.grpc_service}.*Health/Check") for service in WITH_DATABASE]
    wait_for(lambda: all('"SERVING"' in run(check).stdout for check in checks))
    wait_for(lambda: run(up.example("Products/query")).stdout.startswith('{"items"'))


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
        # Itself, the services, and the stock ledger's workers.
        assert len(family_of(up.process.pid)) == 1 + len(SERVICES) + 2


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
        assert "Shed" in run(again.example("ListLocations")).stdout
        ends_on_ctrl_c(again)


def ends_on_ctrl_c(up: Up) -> None:
    """As the terminal sends it; everything is gone within five seconds."""
    pids = family_of(up.process.pid)
    asked = time.monotonic()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(10) == 0
    assert time.monotonic() - asked < 5
    assert all_ended(pids)
