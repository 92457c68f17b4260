"""Where units are, and how they go from one place to another.

Every unit of a stocked item is in exactly one place, and a movement takes units from one place to another. Its kind
names the pair, as in double entry: so no operation can make a unit or lose one.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

ZERO: Final = Decimal(0)


class Place(StrEnum):
    """Where a unit is. OUTSIDE is the other end of movements that bring units in; nothing is counted there."""

    OUTSIDE = "outside"
    AVAILABLE = "available"
    RESERVED = "reserved"
    PICKED = "picked"
    DELIVERED = "delivered"
    TRANSFERRED = "transferred"
    REMOVED = "removed"


class Kind(StrEnum):
    """What a movement does."""

    ADDED = "added"
    REMOVED = "removed"


ENDS: Final[dict[Kind, tuple[Place, Place]]] = {
    Kind.ADDED: (Place.OUTSIDE, Place.AVAILABLE),
    Kind.REMOVED: (Place.AVAILABLE, Place.REMOVED),
}
"""From which place to which place each kind of movement goes."""


@dataclass(frozen=True, slots=True)
class Places:
    """How many units of one stocked item are in each place. Their sum is what was received."""

    received: Decimal = ZERO
    available: Decimal = ZERO
    reserved: Decimal = ZERO
    picked: Decimal = ZERO
    delivered: Decimal = ZERO
    transferred: Decimal = ZERO
    removed: Decimal = ZERO

    @property
    def on_hand(self) -> Decimal:
        """Units physically present."""
        return self.available + self.reserved + self.picked


def move(places: Places, kind: Kind, quantity: Decimal) -> Places:
    """Take `quantity` units from the one place of `kind` to the other: the primitive that every change is made of."""
    assert quantity > 0, "the kind gives the direction, the quantity is positive"
    origin, target = ENDS[kind]
    changed: dict[str, Decimal] = {target: getattr(places, target) + quantity}
    if origin is Place.OUTSIDE:
        changed["received"] = places.received + quantity
    else:
        changed[origin] = getattr(places, origin) - quantity
        assert changed[origin] >= 0, f"{quantity} units were taken from {origin}, which has fewer"
    return replace(places, **changed)
