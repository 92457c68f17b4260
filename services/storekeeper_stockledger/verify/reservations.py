"""Reservations: what a demand holds of a stocked item is what the movements that name it give."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from ..domain.places import ZERO, Kind
from .balances import OF_DEMAND, Units, after
from .findings import Finding, differences, missing, unexpected
from .matching import matched
from .snapshot import Advance, Snapshot

Key = tuple[int, str, int]
_HELD: Final = ("reserved", "picked", "delivered")
_NOTHING: Final[Units] = (ZERO,) * len(_HELD)


class Movement(NamedTuple):
    """Units for a demand on their way."""

    position_id: int
    demand: str
    stocked_item_id: int
    movement_id: int
    kind: str
    quantity: Decimal
    amount: Decimal | None


class Reservation(NamedTuple):
    """A reservation as it stands."""

    position_id: int
    demand: str
    stocked_item_id: int
    reserved: Decimal
    picked: Decimal
    delivered: Decimal
    delivered_value: Decimal | None
    open: bool


def check(snapshot: Snapshot, tenant_id: int, advance: Advance) -> Iterator[Finding]:
    """What is wrong with reservations."""
    movements = snapshot.rows(Movement, _MOVEMENTS, tenant_id, advance)
    reservations = snapshot.rows(Reservation, _RESERVATIONS, tenant_id)
    for key, moved, reservation in matched(movements, _key, reservations, _key):
        holding = _Holding()
        for movement in moved:
            holding.follow(movement)
        if reservation is None:
            yield missing(("reservation", key), f"it has movements, up to {holding.movement_id}")
        elif not holding.movement_id:
            yield unexpected(("reservation", key), "no movement names it")
        else:
            yield from holding.agrees(reservation)


class _Holding:
    """What the journal says of a reservation up to some movement."""

    def __init__(self) -> None:
        self.movement_id = 0
        self._units = _NOTHING
        self._delivered_value: Decimal | None = ZERO

    def follow(self, movement: Movement) -> None:
        """Hold more, or less."""
        self.movement_id = movement.movement_id
        self._units = after(self._units, OF_DEMAND.get(movement.kind), movement.quantity)
        if movement.kind == Kind.DELIVERED:
            self._add(movement.amount)
        elif movement.kind == Kind.RETURNED:
            self._add(None if movement.amount is None else -movement.amount)
            if not self._units[_HELD.index("delivered")]:
                self._delivered_value = ZERO

    def agrees(self, reservation: Reservation) -> Iterator[Finding]:
        """How the reservation differs from what the journal has left."""
        reserved, picked, delivered = self._units
        because = f"so movement {self.movement_id}, its last, has left it"
        columns = (
            ("reserved", reservation.reserved, reserved),
            ("picked", reservation.picked, picked),
            ("delivered", reservation.delivered, delivered),
            ("delivered_value", reservation.delivered_value, self._delivered_value),
            ("open", reservation.open, reserved + picked > 0),
        )
        yield from differences(("reservation", _key(reservation)), columns, because)

    def _add(self, amount: Decimal | None) -> None:
        known = self._delivered_value is not None and amount is not None
        self._delivered_value = self._delivered_value + amount if known else None  # type: ignore[operator]


def _key(row: Movement | Reservation) -> Key:
    return row[0], row[1], row[2]


# Sorted as Python sorts text.
_MOVEMENTS: Final = """
SELECT position_id, demand, stocked_item_id, movement_id, kind, quantity, amount
  FROM movement
 WHERE tenant_id = %s AND demand <> ''
 ORDER BY position_id, demand COLLATE "C", stocked_item_id, movement_id
"""

_RESERVATIONS: Final = """
SELECT position_id, demand, stocked_item_id, reserved, picked, delivered, delivered_value, open
  FROM reservation
 WHERE tenant_id = %s
 ORDER BY position_id, demand COLLATE "C", stocked_item_id
"""
