"""What is wrong with a row: which one, what it says, and what it should say."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ..domain.numbers import plain

Row = tuple[str, object]
"""A table, and the key of a row in it; `...` for the only one that a tenant has."""

Column = tuple[str, object, object]
"""A column, what it says, and what it should say."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that disagrees with the rest."""

    row: str
    """Its table, and its key there."""
    trouble: str
    """What it says, and should say; or that it is missing, or should not be there."""
    because: str
    """What it was held against."""
    movement_id: int | None = None
    """Of a movement: of several that are wrong, the first is what the others may come of."""

    def __str__(self) -> str:
        return f"{self.row}{self.trouble}: {self.because}."


def wrong(row: Row, column: str, says: object, should: object, because: str) -> Finding:
    """A column that says something else than it should. `...` stands for anything but what it says."""
    other = "something" if says is None else "another"
    return _finding(row, f": {column} is {_told(says)}, should be {other if should is ... else _told(should)}", because)


def missing(row: Row, because: str) -> Finding:
    """A row that should be there."""
    return _finding(row, " is missing", because)


def unexpected(row: Row, because: str) -> Finding:
    """A row that should not be there."""
    return _finding(row, " should not be there", because)


def differences(row: Row, columns: Iterable[Column], because: str) -> Iterator[Finding]:
    """A finding for each column that says something else than it should."""
    for column, says, should in columns:
        if says != should:
            yield wrong(row, column, says, should, because)


def _finding(row: Row, trouble: str, because: str) -> Finding:
    table, key = row
    movement_id = key if table == "movement" and isinstance(key, int) else None
    return Finding(table if key is ... else f"{table} {_told(key)}", trouble, because, movement_id)


def _told(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case Decimal():
            return plain(value)
        case datetime():
            return value.isoformat(sep=" ")
        case tuple():
            return f"({', '.join(map(_told, value))})"
        case _:
            return value.hex() if isinstance(value, bytes) else repr(value)
