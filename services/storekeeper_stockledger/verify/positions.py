"""Positions: from nothing, movement by movement, come the totals that stand on each, and today's."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Final, NamedTuple

from ..domain.places import ZERO
from .balances import OF_POSITION, TOTALS, Units, after
from .findings import Finding, differences, missing, wrong
from .matching import matched
from .snapshot import Advance, Snapshot

_NOTHING: Final[Units] = (ZERO,) * len(TOTALS)


class Movement(NamedTuple):
    """Units at a position on their way, and the totals after it."""

    position_id: int
    movement_id: int
    kind: str
    quantity: Decimal
    record_time: datetime
    available: Decimal
    reserved: Decimal
    picked: Decimal
    on_order: Decimal

    @property
    def totals_after(self) -> Units:
        """In the order of `TOTALS`."""
        return self[-len(TOTALS) :]  # type: ignore[return-value]


class Position(NamedTuple):
    """A position as it stands."""

    position_id: int
    close_time: datetime | None
    available: Decimal
    reserved: Decimal
    picked: Decimal
    on_order: Decimal

    @property
    def totals(self) -> Units:
        """In the order of `TOTALS`."""
        return self[-len(TOTALS) :]  # type: ignore[return-value]


def check(snapshot: Snapshot, tenant_id: int, advance: Advance) -> Iterator[Finding]:
    """What is wrong with positions, and with the totals on the movements of each."""
    key = attrgetter("position_id")
    movements = snapshot.rows(Movement, _MOVEMENTS, tenant_id, advance)
    positions = snapshot.rows(Position, _POSITIONS, tenant_id)
    for position_id, moved, position in matched(movements, key, positions, key):
        if position is None:
            yield missing(("position", position_id), f"it has movements, from {next(moved).movement_id} on")
        else:
            yield from _check_position(position, moved)


def _check_position(position: Position, moved: Iterable[Movement]) -> Iterator[Finding]:
    row, totals = ("position", position.position_id), _NOTHING
    because = "nothing ever moved there"
    for movement in moved:
        totals = after(totals, OF_POSITION.get(movement.kind), movement.quantity)
        yield from _check_movement(movement, totals, position.close_time)
        totals = movement.totals_after
        because = f"so movement {movement.movement_id}, its last, has left it"
    yield from differences(row, zip(TOTALS, position.totals, totals, strict=True), because)
    if position.close_time is not None:
        yield from differences(row, zip(TOTALS, totals, _NOTHING, strict=True), "it is closed")


def _check_movement(movement: Movement, totals: Units, close_time: datetime | None) -> Iterator[Finding]:
    row = ("movement", movement.movement_id)
    if totals != movement.totals_after:
        columns = zip((f"position_{total}_after" for total in TOTALS), movement.totals_after, totals, strict=True)
        yield from differences(row, columns, "so it follows from those up to it")
    if close_time is not None and movement.record_time > close_time:
        yield wrong(row, "record_time", movement.record_time, close_time, "its position was closed then")


_MOVEMENTS: Final = """
SELECT position_id, movement_id, kind, quantity, record_time, position_available_after, position_reserved_after,
       position_picked_after, position_on_order_after
  FROM movement
 WHERE tenant_id = %s
 ORDER BY position_id, movement_id
"""

_POSITIONS: Final = """
SELECT position_id, close_time, available, reserved, picked, on_order
  FROM position
 WHERE tenant_id = %s
 ORDER BY position_id
"""
