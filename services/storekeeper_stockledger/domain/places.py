"""Where units are, and how they go from one place to another.

Every unit of a stocked item is in exactly one place, and a movement takes units from one place to another. Its kind
names the pair, as in double entry: so no operation can make a unit or lose one.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from .numbers import Written
from .values import dataclass

ZERO: Final = Decimal(0)


class Place(StrEnum):
    """Where a unit is. OUTSIDE is the other end of movements that bring or take units; nothing is counted there.

    ON_ORDER is where a position counts units that are not there yet. They belong to no stocked item.
    """

    OUTSIDE = "outside"
    ON_ORDER = "on_order"
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
    RESERVED = "reserved"
    RELEASED = "released"
    PICKED = "picked"
    PICKED_RESERVED = "picked_reserved"
    UNPICKED = "unpicked"
    UNPICKED_RESERVED = "unpicked_reserved"
    DELIVERED = "delivered"
    RETURNED = "returned"
    TRANSFERRED_OUT = "transferred_out"
    TRANSFERRED_IN = "transferred_in"
    RELOCATED_OUT = "relocated_out"
    RELOCATED_IN = "relocated_in"
    COUNTED_IN = "counted_in"
    COUNTED_OUT = "counted_out"
    CONSUMED = "consumed"
    PRODUCED = "produced"
    EXPECTED = "expected"
    EXPECTATION_CANCELLED = "expectation_cancelled"
    RECEIVED = "received"
    UNRECEIVED = "unreceived"
    REVALUED = "revalued"


ENDS: Final[dict[Kind, tuple[Place, Place]]] = {
    Kind.ADDED: (Place.OUTSIDE, Place.AVAILABLE),
    Kind.REMOVED: (Place.AVAILABLE, Place.REMOVED),
    Kind.RESERVED: (Place.AVAILABLE, Place.RESERVED),
    Kind.RELEASED: (Place.RESERVED, Place.AVAILABLE),
    Kind.PICKED: (Place.AVAILABLE, Place.PICKED),
    Kind.PICKED_RESERVED: (Place.RESERVED, Place.PICKED),
    Kind.UNPICKED: (Place.PICKED, Place.AVAILABLE),
    Kind.UNPICKED_RESERVED: (Place.PICKED, Place.RESERVED),
    Kind.DELIVERED: (Place.PICKED, Place.DELIVERED),
    Kind.RETURNED: (Place.DELIVERED, Place.AVAILABLE),
    Kind.TRANSFERRED_OUT: (Place.AVAILABLE, Place.TRANSFERRED),
    Kind.TRANSFERRED_IN: (Place.OUTSIDE, Place.AVAILABLE),
    Kind.RELOCATED_OUT: (Place.AVAILABLE, Place.OUTSIDE),
    Kind.RELOCATED_IN: (Place.OUTSIDE, Place.AVAILABLE),
    Kind.COUNTED_IN: (Place.OUTSIDE, Place.AVAILABLE),
    Kind.COUNTED_OUT: (Place.AVAILABLE, Place.REMOVED),
    Kind.CONSUMED: (Place.AVAILABLE, Place.REMOVED),
    Kind.PRODUCED: (Place.OUTSIDE, Place.AVAILABLE),
    Kind.EXPECTED: (Place.OUTSIDE, Place.ON_ORDER),
    Kind.EXPECTATION_CANCELLED: (Place.ON_ORDER, Place.OUTSIDE),
    Kind.RECEIVED: (Place.ON_ORDER, Place.AVAILABLE),
    Kind.UNRECEIVED: (Place.AVAILABLE, Place.ON_ORDER),
    # The same place twice: no unit moves, their worth does.
    Kind.REVALUED: (Place.AVAILABLE, Place.AVAILABLE),
}
"""From which place to which place each kind of movement goes."""


MAKING: Final = frozenset({Kind.ADDED, Kind.TRANSFERRED_IN, Kind.COUNTED_IN, Kind.PRODUCED, Kind.RECEIVED})
"""Each of these makes a stocked item."""

DESCRIBING: Final = frozenset({Kind.RELOCATED_IN, Kind.REVALUED})
"""Each of these changes more of a stocked item than its units and their worth."""

ON_HAND: Final = frozenset({Place.AVAILABLE, Place.RESERVED, Place.PICKED})
"""The places of units that are physically present."""

ELSEWHERE: Final = frozenset({Place.OUTSIDE, Place.ON_ORDER})
"""What is no place of a stocked item: units that come from there are received, and no longer once they are back."""


def comes(kind: Kind) -> bool:
    """Whether units come on hand by it."""
    origin, target = ENDS[kind]
    return origin not in ON_HAND and target in ON_HAND


def leaves(kind: Kind) -> bool:
    """Whether units are no longer on hand after it."""
    origin, target = ENDS[kind]
    return origin in ON_HAND and target not in ON_HAND


@dataclass(frozen=True, slots=True)
class Places(Written):
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

    @property
    def units(self) -> tuple[Decimal, ...]:
        """What was received, and what is in each place: the fields in their order."""
        return (
            self.received,
            self.available,
            self.reserved,
            self.picked,
            self.delivered,
            self.transferred,
            self.removed,
        )


def _steps(kind: Kind) -> tuple[tuple[int, int], ...]:
    """Which fields of `Places` change by it, by their numbers, and in which direction."""
    origin, target = ENDS[kind]
    if origin is target:
        return ()
    fields = list(Places.__dataclass_fields__)
    received = fields.index("received")
    return (
        (received, 1) if origin in ELSEWHERE else (fields.index(origin), -1),
        (received, -1) if target in ELSEWHERE else (fields.index(target), 1),
    )


_STEPS: Final = {kind: _steps(kind) for kind in Kind}


def move(places: Places, kind: Kind, quantity: Decimal) -> Places:
    """Take `quantity` units from the one place of `kind` to the other: the primitive that every change is made of."""
    assert quantity > 0, "the kind gives the direction, the quantity is positive"
    units = list(places.units)
    for number, sign in _STEPS[kind]:
        units[number] += quantity * sign
        assert units[number] >= 0, f"{quantity} units were taken by {kind}, where there are fewer"
    return Places(*units)
