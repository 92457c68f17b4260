"""What each kind of movement does to what is counted, as a row of numbers to add."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from ..domain.places import ELSEWHERE, ENDS, Kind, Place

PLACES: Final = (
    Place.AVAILABLE,
    Place.RESERVED,
    Place.PICKED,
    Place.DELIVERED,
    Place.TRANSFERRED,
    Place.REMOVED,
)
"""The places of a stocked item, in the order of its columns behind `received`."""

TOTALS: Final = (Place.AVAILABLE, Place.RESERVED, Place.PICKED, Place.ON_ORDER)
"""What a position counts, in the order of its columns."""

Signs = tuple[int, ...]
Units = tuple[Decimal, ...]


def after(units: Units, signs: Signs | None, quantity: Decimal) -> Units:
    """What is counted once units have moved; the same if nobody knows how, which is a finding of its own."""
    if signs is None:
        return units
    return tuple(
        one if not sign else one + quantity if sign > 0 else one - quantity
        for one, sign in zip(units, signs, strict=True)
    )


def _signs(kind: Kind, counted: Sequence[Place]) -> Signs:
    origin, target = ENDS[kind]
    return tuple((place is target) - (place is origin) for place in counted)


def _received(kind: Kind) -> int:
    origin, target = ENDS[kind]
    return (origin in ELSEWHERE) - (target in ELSEWHERE)


OF_STOCKED_ITEM: Final[dict[str, Signs]] = {kind: (_received(kind), *_signs(kind, PLACES)) for kind in Kind}
"""By kind: what is received, and then each of `PLACES`."""

OF_POSITION: Final[dict[str, Signs]] = {kind: _signs(kind, TOTALS) for kind in Kind}
"""By kind: each of `TOTALS`."""

OF_DEMAND: Final[dict[str, Signs]] = {
    kind: _signs(kind, (Place.RESERVED, Place.PICKED, Place.DELIVERED)) for kind in Kind
}
"""By kind: what a demand has reserved, picked and delivered."""

OF_ORDER_LINE: Final[dict[str, Signs]] = {
    kind: (*_signs(kind, (Place.ON_ORDER,)), (kind is Kind.RECEIVED) - (kind is Kind.UNRECEIVED)) for kind in Kind
}
"""By kind: what an order line has on order, and what it has brought."""
