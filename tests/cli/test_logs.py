"""What programs write: all of it in bounded files, what matters for a person's eyes."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storekeeper_cli import logs
from storekeeper_cli.logs import LogFile, is_loud, readable

EVENT = {"timestamp": "2026-11-21T23:10:42.5Z", "level": "info", "event": "stock_removed", "item_id": 7}


def event(**changes: object) -> str:
    return json.dumps(EVENT | changes)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LogFile]:
    """A log file that is being written."""
    with closing(LogFile(tmp_path / "some.log")) as log:
        yield log


def test_lines_are_put_together_from_whatever_pieces_arrive(file: LogFile) -> None:
    assert file.write(b"one\ntw") == ["one"]
    assert file.write(b"o\n\nthr") == ["two", ""]
    assert file.path.read_bytes() == b"one\ntwo\n\nthr"


def test_logs_cannot_fill_the_disk(file: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_SIZE_MAX", 1000)
    for _ in range(1000):
        file.write(b"x" * 99 + b"\n")
    kept = list(file.path.parent.iterdir())
    assert len(kept) == 2
    assert all(1000 <= path.stat().st_size <= 1100 for path in kept if path.suffix == ".1")
    assert sum(path.stat().st_size for path in kept) <= 2200


def test_a_line_without_an_end_is_not_collected_for_ever(file: LogFile) -> None:
    for _ in range(10):
        file.write(b"x" * logs.LINE_LENGTH_MAX)
    [line] = file.write(b"\n")
    assert len(line) == logs.LINE_LENGTH_MAX


@pytest.mark.parametrize("line", [event(level="warning"), event(level="error"), "Traceback (most recent call last):"])
def test_what_went_wrong_is_loud(line: str) -> None:
    assert is_loud(line)


@pytest.mark.parametrize("line", [event(), "2026-11-21 LOG:  checkpoint starting", "FATAL:  no such role", "{broken"])
def test_everyday_lines_are_quiet(line: str) -> None:
    assert not is_loud(line)


def test_an_event_reads_as_time_level_name_and_keys() -> None:
    assert readable(event()) == "23:10:42 info    stock_removed item_id=7"


def test_a_traceback_comes_after_its_event() -> None:
    assert readable(event(exception="Traceback ...\nboom")).endswith("item_id=7\nTraceback ...\nboom")


def test_other_lines_stay_as_they_are() -> None:
    assert readable("[1, 2] {not an event}") == "[1, 2] {not an event}"
