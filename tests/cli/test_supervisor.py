"""Programs are kept running, stopped in order, and never left behind. Real processes, real signals."""

import functools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.processes import all_ended, family_of, wait_for

TIMEOUT_S = 20


class Supervised:
    """A running supervisor, and what its programs noted."""

    def __init__(
        self, folder: Path, modes: tuple[str, ...], through: tuple[str, ...] = (), stdin: int = subprocess.DEVNULL
    ) -> None:
        self.folder = folder
        self._printed = (folder / "printed").open("wb")
        self.process = subprocess.Popen(
            [*through, sys.executable, "-m", "tests.cli.supervised", folder, *modes],
            stdin=stdin,
            stdout=self._printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def printed(self) -> str:
        return (self.folder / "printed").read_text()

    def events(self) -> list[str]:
        events = self.folder / "events"
        return events.read_text().splitlines() if events.exists() else []

    def stops(self) -> list[str]:
        return [event.split()[0] for event in self.events() if event.endswith("stopped")]

    def pids(self, name: str) -> list[int]:
        return [int(event.split()[2]) for event in self.events() if event.startswith(f"{name} started")]

    def has_lived(self, name: str, lives: int) -> bool:
        return len(self.pids(name)) == lives

    def wait_until_ready(self) -> None:
        wait_for(lambda: "everything is ready" in self.printed())

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._printed.close()


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(*modes: str, through: tuple[str, ...] = (), stdin: int = subprocess.DEVNULL) -> Supervised:
        started.append(Supervised(tmp_path, modes, through, stdin))
        return started[0]

    yield start
    for supervised in started:
        supervised.end()


Supervise = Callable[..., Supervised]


def test_a_program_that_dies_is_started_again_and_said_so(supervise: Supervise) -> None:
    supervised = supervise("plain", "plain")
    supervised.wait_until_ready()
    os.kill(supervised.pids("first")[0], signal.SIGKILL)
    wait_for(lambda: "first is back." in supervised.printed() and supervised.has_lived("first", 2))
    first, again = supervised.pids("first")
    assert all_ended([first])
    assert not all_ended([again])
    assert "first ended by SIGKILL. It is started again in 0.1 s.\n" in supervised.printed()
    assert len(supervised.pids("second")) == 1


def test_the_pause_grows_while_a_program_keeps_dying(supervise: Supervise) -> None:
    supervised = supervise("plain")
    supervised.wait_until_ready()
    pauses = ["0.1 s", "0.5 s", "1.0 s"]
    for lives, _ in enumerate(pauses, 1):
        wait_for(functools.partial(supervised.has_lived, "first", lives))
        os.kill(supervised.pids("first")[-1], signal.SIGKILL)
    wait_for(lambda: pauses[-1] in supervised.printed())
    assert re.findall("again in (.*)[.]", supervised.printed()) == pauses


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_programs_last_started_first(supervise: Supervise, number: signal.Signals) -> None:
    supervised = supervise("plain", "plain", "plain")
    supervised.wait_until_ready()
    supervised.process.send_signal(number)
    assert supervised.process.wait(TIMEOUT_S) == 0
    assert supervised.stops() == ["third", "second", "first"]


def test_ctrl_c_in_the_terminal_reaches_the_supervisor_alone(supervise: Supervise) -> None:
    supervised = supervise("plain")
    supervised.wait_until_ready()
    [pid] = supervised.pids("first")
    assert os.getsid(pid) != os.getsid(supervised.process.pid)
    assert os.getpgid(pid) != os.getpgid(supervised.process.pid)


def test_losing_the_terminal_stops_the_programs_even_if_only_make_is_told(supervise: Supervise) -> None:
    terminal, end_of_terminal = os.openpty()
    # A shell that is told of the loss and keeps it to itself, as make does.
    shell = ("setsid", "--ctty", "--wait", "/bin/sh", "-c", 'trap : HUP; "$@"; :', "sh")
    supervised = supervise("plain", through=shell, stdin=end_of_terminal)
    os.close(end_of_terminal)
    supervised.wait_until_ready()
    os.close(terminal)
    supervised.process.wait(TIMEOUT_S)
    assert supervised.stops() == ["first"]


def test_the_terminal_of_another_session_is_not_in_the_way(supervise: Supervise) -> None:
    # `su USER -c` leaves a program its terminal as input, but in a session of its own.
    terminal, end_of_terminal = os.openpty()
    supervise("plain", stdin=end_of_terminal).wait_until_ready()
    os.close(end_of_terminal)
    os.close(terminal)


def test_closed_input_is_not_in_the_way(supervise: Supervise) -> None:
    supervise("plain", through=("/bin/sh", "-c", 'exec "$@" <&-', "sh")).wait_until_ready()


def test_a_program_that_will_not_stop_is_killed_within_five_seconds(supervise: Supervise) -> None:
    supervised = supervise("stubborn", "stubborn", "stubborn")
    supervised.wait_until_ready()
    pids = family_of(supervised.process.pid)
    asked = time.monotonic()
    supervised.process.terminate()
    supervised.process.wait(TIMEOUT_S)
    assert time.monotonic() - asked < 5
    assert all_ended(pids)
    assert "first took too long to stop and was killed." in supervised.printed()


def test_the_second_ctrl_c_kills_at_once(supervise: Supervise) -> None:
    supervised = supervise("stubborn", "stubborn")
    supervised.wait_until_ready()
    pids = family_of(supervised.process.pid)
    supervised.process.send_signal(signal.SIGINT)
    wait_for(lambda: supervised.stops() == ["second"])
    asked = time.monotonic()
    supervised.process.send_signal(signal.SIGINT)
    supervised.process.wait(TIMEOUT_S)
    assert time.monotonic() - asked < 1
    assert all_ended(pids)


def test_kill_9_of_the_supervisor_leaves_no_process_behind(supervise: Supervise) -> None:
    supervised = supervise("plain", "stubborn", "plain")
    supervised.wait_until_ready()
    pids = family_of(supervised.process.pid)
    assert len(pids) == 4
    supervised.process.kill()
    wait_for(lambda: all_ended(pids), timeout_s=2)


def test_a_program_that_fails_before_it_is_ready_stops_everything_and_its_last_words_are_told(
    supervise: Supervise,
) -> None:
    supervised = supervise("plain", "failing")
    assert supervised.process.wait(TIMEOUT_S) == 1
    assert "second ended by exit code 1: there is no stock to keep\n" in supervised.printed()
    assert all_ended(supervised.pids("first"))


def test_what_programs_write_is_kept_in_files(supervise: Supervise) -> None:
    supervised = supervise("plain", "plain")
    supervised.wait_until_ready()
    assert (supervised.folder / "second.log").read_text() == "second says hello\n"
