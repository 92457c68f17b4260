"""Watching processes from outside, as an operator would."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path


def wait_for(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def family_of(pid: int) -> list[int]:
    """A process and everything below it."""
    return [pid, *(below for child in _children(pid) for below in family_of(child))]


def command_line(pid: int) -> str:
    """A process's words; none when it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def all_ended(pids: Iterable[int]) -> bool:
    """Whether none of these runs any more. One that only waits for its parent to notice counts as ended."""
    return not any(_state(pid) not in "ZX" for pid in pids)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"
