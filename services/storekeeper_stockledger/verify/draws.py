"""I10: where units were drawn in an order, nothing that comes before in it was available and passed over.

The journal tells in which order each operation drew (`domain/draw_orders.py`). Positions are replayed one by one, with
what is available there in memory: never more than lies there at once.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import groupby
from math import inf
from operator import attrgetter
from re import Pattern
from re import compile as pattern
from typing import Final, NamedTuple

from ..domain.places import ENDS, Kind, Place
from .findings import Finding, wrong
from .snapshot import Advance, Snapshot

NEWEST_FIRST: Final = "newest_first"
FIRST_EXPIRED_FIRST: Final = "first_expired_first"
_DRAWING: Final = {kind for kind, (origin, target) in ENDS.items() if origin is Place.AVAILABLE is not target}
_RUN: Final[Pattern[str]] = pattern(r"([a-z_]+)(\+expired)?(?::(\d+))?")

Key = tuple[float, ...]
"""What comes first has the least; the stocked item's id is its end, or less than nothing where the last comes first."""


class Movement(NamedTuple):
    """A movement of a stocked item that is available before or after it; times are in microseconds."""

    position_id: int
    movement_id: int
    operation_id: int
    line: int
    kind: str
    draws: str
    effective_time: int
    available: bool
    """Whether units are after it."""
    stocked_item_id: int
    receive_time: int
    expire_time: int | None
    expiry_operation_id: int | None
    order_line: str

    def told_before(self, operation_id: int) -> bool:
        """Whether it is known when its stocked item was to expire, when this operation drew."""
        return self.expiry_operation_id is None or self.expiry_operation_id < operation_id

    def has_expired(self, time: int) -> bool:
        """Whether its stocked item was not to be used any more at this time."""
        return self.expire_time is not None and self.expire_time <= time


class Order(NamedTuple):
    """In which order something was drawn."""

    name: str
    with_expired: bool


def check(snapshot: Snapshot, tenant_id: int, advance: Advance) -> Iterator[Finding]:
    """What was drawn out of its order."""
    movements = snapshot.rows(Movement, _MOVEMENTS, tenant_id, advance)
    for _, moved in groupby(movements, attrgetter("position_id")):
        line = _Line()
        for movement in moved:
            order = _order(movement.draws, movement.line) if movement.kind in _DRAWING else None
            if order is not None:
                yield from _check(movement, order, line)
            line.follow(movement)


def _check(drawn: Movement, order: Order, line: "_Line") -> Iterator[Finding]:
    row = ("movement", drawn.movement_id)
    known = drawn.told_before(drawn.operation_id)
    if known and not order.with_expired and drawn.has_expired(drawn.effective_time):
        yield wrong(row, "stocked_item_id", drawn.stocked_item_id, ..., "it had expired, and such were not to be drawn")
    if order.name not in _KEYS or (order.name == FIRST_EXPIRED_FIRST and not known):
        return
    first = line.first(order, drawn)
    key = _KEYS[order.name]
    if first is not None and key(first) < key(drawn):
        because = f"that one had units, and comes before, {order.name.replace('_', ' ')}"
        yield wrong(row, "stocked_item_id", drawn.stocked_item_id, first.stocked_item_id, because)


class _Line:
    """What is available at a position, up to some movement: by the last movement of each stocked item."""

    def __init__(self) -> None:
        self._there: dict[int, Movement] = {}
        self._sorted: dict[Order, list[Key]] = {}
        """Made when first asked for. Where what has expired counts for nothing, it is left out from when it is come upon:
        it never becomes usable again, as time goes on from draw to draw."""

    def follow(self, movement: Movement) -> None:
        """Let the next movement happen."""
        one = movement.stocked_item_id
        if movement.available == (one in self._there):
            return
        if movement.available:
            self._there[one] = movement
        else:
            del self._there[one]
        follow = insort if movement.available else _take_out
        for order, keys in self._sorted.items():
            follow(keys, _KEYS[order.name](movement))

    def first(self, order: Order, drawn: Movement) -> Movement | None:
        """What should have been drawn; of what an order line has brought, where that is taken back."""
        keys, number = self._keys(order), 0
        while number < len(keys):
            one = self._there[int(abs(keys[number][-1]))]
            if drawn.kind == Kind.UNRECEIVED and one.order_line != drawn.order_line:
                number += 1
            elif order.with_expired and order.name != FIRST_EXPIRED_FIRST:
                return one
            elif not one.told_before(drawn.operation_id):
                number += 1
            elif not order.with_expired and one.has_expired(drawn.effective_time):
                del keys[number]
            else:
                return one
        return None

    def _keys(self, order: Order) -> list[Key]:
        if order not in self._sorted:
            self._sorted[order] = sorted(map(_KEYS[order.name], self._there.values()))
        return self._sorted[order]


def _take_out(keys: list[Key], key: Key) -> None:
    number = bisect_left(keys, key)
    if number < len(keys) and keys[number] == key:
        del keys[number]


def _oldest_first(one: Movement) -> Key:
    return (one.receive_time, one.stocked_item_id)


def _newest_first(one: Movement) -> Key:
    return (-one.receive_time, -one.stocked_item_id)


def _first_expired_first(one: Movement) -> Key:
    return (inf if one.expire_time is None else one.expire_time, one.receive_time, one.stocked_item_id)


_KEYS: Final[dict[str, Callable[[Movement], Key]]] = {
    "oldest_first": _oldest_first,
    NEWEST_FIRST: _newest_first,
    FIRST_EXPIRED_FIRST: _first_expired_first,
}


@lru_cache(maxsize=10_000)
def _order(draws: str, line: int) -> Order | None:
    """The order of a line of an operation; None if the journal doesn't tell it."""
    last = 0
    for run in map(_RUN.fullmatch, draws.split()):
        if run is None:
            return None
        name, expired, count = run.groups()
        last += int(count or line)
        if line <= last:
            return Order(name, expired is not None)
    return None


# Of a closing it is known, though earlier releases didn't tell. Kinds that leave alone what is available are left out.
_MOVEMENTS: Final = """
SELECT m.position_id, m.movement_id, m.operation_id, m.line, m.kind,
       CASE WHEN o.draws = '' AND o.kind = 'close_position' THEN 'oldest_first+expired' ELSE coalesce(o.draws, '') END,
       (extract(epoch FROM m.effective_time) * 1000000)::bigint, coalesce(m.available_after > 0, false),
       s.stocked_item_id, (extract(epoch FROM s.receive_time) * 1000000)::bigint,
       (extract(epoch FROM s.expire_time) * 1000000)::bigint, s.expiry_operation_id, s.order_line
  FROM movement m
  JOIN stocked_item s ON s.tenant_id = m.tenant_id AND s.stocked_item_id = m.stocked_item_id
  LEFT JOIN operation o ON o.tenant_id = m.tenant_id AND o.operation_id = m.operation_id
 WHERE m.tenant_id = %s AND m.kind NOT IN ('picked_reserved', 'unpicked_reserved', 'delivered', 'revalued')
 ORDER BY m.position_id, m.movement_id
"""
