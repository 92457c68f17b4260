"""A program: rounds of requests that a ledger and its oracle are given, and that go on making sense when some are left out."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import groupby
from typing import Final

from tests.stockledger.oracle.requests import Change, Name


@dataclass(frozen=True, slots=True)
class Call:
    """A change by a call of its own."""

    change: Change


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do."""

    change: Change


@dataclass(frozen=True, slots=True)
class Batch:
    """Many changes in one message, or so many in each message of a stream."""

    changes: tuple[Change, ...]
    all_or_none: bool = False
    streamed: int = 0


@dataclass(frozen=True, slots=True)
class Settle:
    """Change a setting."""

    setting: str
    value: bool


@dataclass(frozen=True, slots=True)
class Activate:
    """Make a location active, or inactive."""

    location: Name
    active: bool


@dataclass(frozen=True, slots=True)
class Archive:
    """Archive an item, or bring it back."""

    item: int
    archived: bool


@dataclass(frozen=True, slots=True)
class Open:
    """Open a position, if there is none and it may be."""

    item: int
    location: Name


@dataclass(frozen=True, slots=True)
class Look:
    """Compare everything that can be read."""


Round = Call | Preview | Batch | Settle | Activate | Archive | Open | Look


LAST_ROUNDS: Final = 2
"""What goes wrong goes wrong in one of them: the last is a look."""


def shown(value: object) -> str:
    """A value as a program would say it, without what need not be said."""
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))}{',' * (len(value) == 1)})"
    if not is_dataclass(value):
        return repr(value)
    said = [(one.name, getattr(value, one.name)) for one in fields(value) if getattr(value, one.name) != one.default]
    return f"{type(value).__name__}({', '.join(f'{name}={shown(given)}' for name, given in said)})"


def smallest(program: Sequence[Round], fails: Callable[[Sequence[Round]], bool]) -> list[Round]:
    """The program without whatever it fails without: halves of it first, single changes last."""
    parts = [part for one in program for part in _parts(one)]
    size = len(parts)
    while size := size // 2:
        start = 0
        while start < len(parts):
            rest = parts[:start] + parts[start + size :]
            if rest and fails(_whole(rest)):
                parts = rest
            else:
                start += size
    return _whole(parts)


def effective(program: Sequence[Round], done: Collection[Name]) -> list[Round]:
    """The program without what left no trace before its last rounds."""
    parts = [part for one in program[:-LAST_ROUNDS] for part in _parts(one)]
    kept = [
        (one, change)
        for one, change in parts
        if not isinstance(one, Preview | Look)
        and (not isinstance(one, Call) or one.change.name in done)
        and (change is None or change.name in done)
    ]
    return [*_whole(kept), *program[-LAST_ROUNDS:]]


def _parts(one: Round) -> Iterator[tuple[Round, Change | None]]:
    """The changes of a batch, each with its batch; any other round as it is."""
    if isinstance(one, Batch):
        yield from ((one, change) for change in one.changes)
    else:
        yield one, None


def _whole(parts: Sequence[tuple[Round, Change | None]]) -> list[Round]:
    """The rounds that the parts are of."""
    rounds = []
    for one, group in groupby(parts, key=lambda part: part[0]):
        changes = tuple(change for _, change in group if change)
        rounds.append(replace(one, changes=changes) if isinstance(one, Batch) else one)
    return rounds
