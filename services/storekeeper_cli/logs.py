"""What the programs write: all of it into files that cannot fill the disk, and what matters onto the terminal."""

import json
from pathlib import Path
from typing import Any

FILE_SIZE_MAX = 10_000_000  # Bytes. One full file is kept beside the current one.
LINE_LENGTH_MAX = 20_000
LOUD_LEVELS = {"warning", "error", "critical"}
# The only word of PostgreSQL's that is always news; it logs what clients do wrong as ERROR and FATAL.
POSTGRES_ALARM = "PANIC"


class LogFile:
    """The log of one program, and the reader of its lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)
        self._rest = b""

    def write(self, chunk: bytes) -> list[str]:
        """Keep what a program wrote, and return the lines that this completes."""
        if self._file.tell() > FILE_SIZE_MAX:
            self._begin_another()
        self._file.write(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._rest = self._rest[:LINE_LENGTH_MAX]
        return [line.decode(errors="replace") for line in lines]

    def close(self) -> None:
        """Nothing more will be written."""
        self._file.close()

    def _begin_another(self) -> None:
        self._file.close()
        self.path.replace(self.path.with_suffix(".log.1"))
        self._file = self.path.open("ab", buffering=0)


def is_loud(line: str) -> bool:
    """Whether the line should be seen by somebody who did not ask for logs."""
    if event := _event(line):
        return event.get("level") in LOUD_LEVELS
    return POSTGRES_ALARM in line or line.startswith("Traceback")


def readable(line: str) -> str:
    """The line for a person: an event with its keys, or the line as it is."""
    event = _event(line)
    if not event:
        return line
    time, level, name = (str(event.pop(key, "")) for key in ("timestamp", "level", "event"))
    trace = event.pop("exception", "")
    words = [time[11:19], f"{level:<7}", name, *(f"{key}={value}" for key, value in event.items())]
    return " ".join(words) + (f"\n{trace}" if trace else "")


def _event(line: str) -> dict[str, Any]:
    try:
        content = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
