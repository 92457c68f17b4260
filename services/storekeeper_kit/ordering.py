"""The orders that a list can have: which columns they sort by, and the keys that its page tokens carry.

A service declares the orders of a list once, by name. The last key of each is unique, so that a page never skips a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, true, tuple_

from storekeeper_kit import paging
from storekeeper_kit.reading import Reading

KeyType = type[int] | type[str] | type[datetime]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
DESCENDING: Final = " desc"


@dataclass(frozen=True, slots=True)
class Key:
    """A column to sort by; its attribute on a row has the same name."""

    column: ColumnElement[Any]
    type: KeyType
    name: str


@dataclass(frozen=True, slots=True)
class Order:
    """The columns that rows are sorted by, the first one first."""

    keys: Sequence[Key]
    descending: bool = False

    @property
    def key_types(self) -> tuple[type[int] | type[str], ...]:
        """The types of a row's keys in a token, where an instant is its microseconds."""
        return tuple(str if key.type is str else int for key in self.keys)

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """What to order by."""
        return [key.column.desc() if self.descending else key.column.asc() for key in self.keys]

    def keys_of(self, row: Row[Any] | Any) -> paging.Keys:
        """What a token says of the row that it goes on after."""
        return tuple(_written(getattr(row, key.name)) for key in self.keys)

    def after(self, keys: tuple[Any, ...] | None) -> ColumnElement[bool]:
        """Whether a row comes after the one with these keys; all do when there are none."""
        if keys is None:
            return true()
        columns = tuple_(*(key.column for key in self.keys))
        return columns < tuple_(*keys) if self.descending else columns > tuple_(*keys)

    def read_token(self, read: Reading, path: str, token: str, query: paging.Query) -> tuple[Any, ...] | None:
        """The keys that a page token carries; None for the first page."""
        keys = paging.read(read, path, token, query)
        try:
            return None if keys is None else tuple(map(_read, keys, (key.type for key in self.keys)))
        except OverflowError:
            # We never issued it: the digest of a token is no secret.
            read.violation(path, "names no instant of the years 1 to 9999")
            return None


def read_order(read: Reading, path: str, text: str, orders: Mapping[str, Order]) -> Order:
    """The order of this name, " desc" behind it for the other way round; the first one when there is no name."""
    name = text.strip() or next(iter(orders))
    order = orders.get(name.removesuffix(DESCENDING).rstrip())
    if order is None:
        read.violation(path, f'is "{text[:100]}", which is none of {", ".join(orders)}')
        return next(iter(orders.values()))
    return replace(order, descending=name.endswith(DESCENDING))


def _written(value: int | str | datetime) -> int | str:
    return (value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value


def _read(value: int | str, wanted: KeyType) -> int | str | datetime:
    if wanted is datetime:
        assert isinstance(value, int), "the token was read by its types"
        return _EPOCH + timedelta(microseconds=value)
    return value
