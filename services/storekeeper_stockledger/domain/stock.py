"""Stock as it lies: stocked items, the totals of a position, and the movements that change them. Values, all frozen."""

from dataclasses import field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from .extensions import Extensions
from .numbers import Written
from .places import ENDS, ZERO, Kind, Places
from .values import dataclass

QUANTITY_LIMIT: Final = Decimal(10) ** 12
"""No position holds as many units, and no quantity is as great: numeric(18,6)."""

UNIT_COST_LIMIT: Final = Decimal(10) ** 12
"""No unit costs as much: numeric(22,10)."""

VALUE_LIMIT: Final = Decimal(10) ** 18
"""No stocked item is worth as much: what fits google.type.Money, with room to add."""

Age = tuple[datetime, int]
"""What oldest first orders by; equal times fall back to the id, so that equal stock gives equal draws."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockedItem:
    """Units of one item that entered one location together at one cost."""

    stocked_item_id: int
    position_id: int
    item_id: int
    location_id: int
    receive_time: datetime
    places: Places
    unit_cost: Decimal | None = None
    value: Decimal | None = None
    currency_code: str = ""
    """Of unit cost and value. Known when it is read to be told; while a batch is decided it is the settings'."""
    lot: str = ""
    serial_number: str = ""
    expire_time: datetime | None = None
    parent_stocked_item_id: int | None = None
    order_line: str = ""
    invoice_number: str = ""
    extensions: Extensions = field(default_factory=dict)
    create_time: datetime | None = None

    @property
    def available(self) -> Decimal:
        """Units that may be removed."""
        return self.places.available

    @property
    def age(self) -> Age:
        """See `Age`."""
        return (self.receive_time, self.stocked_item_id)

    def has_expired(self, now: datetime) -> bool:
        """Whether its units are not to be used any more."""
        return self.expire_time is not None and self.expire_time <= now

    def numbered(self, serial_number: str) -> "StockedItem":
        """The same with this serial number."""
        return replace(self, serial_number=serial_number)

    def after(self, places: Places, value: Decimal | None) -> "StockedItem":
        """The same with its units in these places, and with this worth."""
        # Written out, because it is done for each movement: `replace` looks every field up first.
        return StockedItem(
            stocked_item_id=self.stocked_item_id,
            position_id=self.position_id,
            item_id=self.item_id,
            location_id=self.location_id,
            receive_time=self.receive_time,
            places=places,
            unit_cost=self.unit_cost,
            value=value,
            currency_code=self.currency_code,
            lot=self.lot,
            serial_number=self.serial_number,
            expire_time=self.expire_time,
            parent_stocked_item_id=self.parent_stocked_item_id,
            order_line=self.order_line,
            invoice_number=self.invoice_number,
            extensions=self.extensions,
            create_time=self.create_time,
        )


@dataclass(frozen=True, slots=True)
class Totals(Written):
    """Units at a position, summed over its stocked items; and those that are on order."""

    available: Decimal = ZERO
    reserved: Decimal = ZERO
    picked: Decimal = ZERO
    on_order: Decimal = ZERO

    @property
    def on_hand(self) -> Decimal:
        """Units physically present."""
        return self.available + self.reserved + self.picked

    @property
    def units(self) -> tuple[Decimal, ...]:
        """The fields in their order."""
        return (self.available, self.reserved, self.picked, self.on_order)

    def after(self, kind: Kind, quantity: Decimal) -> "Totals":
        """The totals once that many units have moved."""
        totals = list(self.units)
        for number, sign in _STEPS[kind]:
            totals[number] += quantity * sign
        return Totals(*totals)


def _steps(kind: Kind) -> tuple[tuple[int, int], ...]:
    """Which totals change by it, by their numbers, and in which direction."""
    fields = list(Totals.__dataclass_fields__)
    origin, target = ENDS[kind]
    changed = ((origin, -1), (target, 1)) if origin is not target else ()
    return tuple((fields.index(place), sign) for place, sign in changed if place in fields)


_STEPS: Final = {kind: _steps(kind) for kind in Kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Units going from one place to another, with what came of it."""

    kind: Kind
    quantity: Decimal
    amount: Decimal | None
    position_id: int
    item_id: int
    location_id: int
    stocked_item: StockedItem | None
    """As it is after the movement. None where units are only expected."""
    totals: Totals
    """The position's, after the movement."""
    effective_time: datetime
    reference: str = ""
    demand: str = ""
    order_line: str = ""
    reversed_movement_id: int | None = None
    unit_cost: Decimal | None = None
    """Where the movement gives the stocked item its unit cost."""
