"""Holds what the journal says of something against the row that says the same."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any, TypeVar

Moved = TypeVar("Moved")
Row = TypeVar("Row")
Key = Any


def matched(
    movements: Iterable[Moved],
    movement_key: Callable[[Moved], Key],
    rows: Iterable[Row],
    row_key: Callable[[Row], Key],
) -> Iterator[tuple[Key, Iterator[Moved], Row | None]]:
    """Each key with its movements and its row, if it has any of either. Both come sorted by it."""
    waiting = iter(rows)
    row = next(waiting, None)
    for key, group in groupby(movements, movement_key):
        while row is not None and row_key(row) < key:
            yield row_key(row), iter(()), row
            row = next(waiting, None)
        if row is not None and row_key(row) == key:
            yield key, group, row
            row = next(waiting, None)
        else:
            yield key, group, None
    while row is not None:
        yield row_key(row), iter(()), row
        row = next(waiting, None)
