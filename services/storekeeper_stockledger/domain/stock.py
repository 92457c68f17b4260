"""Stock as it lies: stocked items on the shelf of a position, and the movements that change them.

Values are frozen. A `Shelf` is the working copy of one position while a batch of operations is decided: it is only ever
changed by movements that were decided whole, and by being closed after them, so a refused operation leaves nothing
behind.
"""

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from .costs import Costing
from .extensions import Extensions
from .items import Item
from .places import ZERO, Kind, Places

QUANTITY_LIMIT: Final = Decimal(10) ** 12
"""No position holds as many units, and no quantity is as great: numeric(18,6)."""

UNIT_COST_LIMIT: Final = Decimal(10) ** 12
"""No unit costs as much: numeric(22,10)."""

VALUE_LIMIT: Final = Decimal(10) ** 18
"""No stocked item is worth as much: what fits google.type.Money, with room to add."""


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
    extensions: Extensions = field(default_factory=dict)
    """Known when it is added or read to be told; no decision needs them."""
    create_time: datetime | None = None

    @property
    def available(self) -> Decimal:
        """Units that may be removed."""
        return self.places.available

    @property
    def age(self) -> tuple[datetime, int]:
        """What oldest-first removal orders by; equal times fall back to the id, so equal stock gives equal draws."""
        return (self.receive_time, self.stocked_item_id)


@dataclass(frozen=True, slots=True)
class Totals:
    """Units at a position, summed over its stocked items."""

    available: Decimal = ZERO
    reserved: Decimal = ZERO
    picked: Decimal = ZERO
    on_order: Decimal = ZERO

    @property
    def on_hand(self) -> Decimal:
        """Units physically present."""
        return self.available + self.reserved + self.picked

    def after(self, before: Places, after: Places) -> "Totals":
        """The totals once one of the stocked items has gone from `before` to `after`."""
        return Totals(
            self.available + after.available - before.available,
            self.reserved + after.reserved - before.reserved,
            self.picked + after.picked - before.picked,
            self.on_order,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Units of one stocked item going from one place to another, with what came of it."""

    kind: Kind
    quantity: Decimal
    amount: Decimal | None
    stocked_item: StockedItem
    """As it is after the movement."""
    totals: Totals
    """The position's, after the movement."""
    effective_time: datetime
    reference: str = ""


class Shelf:
    """The working copy of one position: its totals, and as many of its stocked items as the batch can need."""

    def __init__(
        self,
        *,
        position_id: int,
        item: Item,
        location_id: int,
        location_active: bool,
        is_open: bool = True,
        totals: Totals,
        stocked_items: Iterable[StockedItem] = (),
        costing: Costing | None = None,
    ) -> None:
        self.position_id = position_id
        self.item = item
        self.location_id = location_id
        self.location_active = location_active
        self.is_open = is_open
        self.closes = False
        """Whether it was closed while it was this working copy."""
        self.totals = totals
        self.costing = costing or Costing()
        self.changed: dict[int, StockedItem] = {}
        """Those that movements have changed, as they are now."""
        self.added: set[int] = set()
        """Which of them are new."""
        self._by_id = {stocked_item.stocked_item_id: stocked_item for stocked_item in stocked_items}
        self._line = sorted(stocked_item.age for stocked_item in self._by_id.values())

    def __getitem__(self, stocked_item_id: int) -> StockedItem:
        return self._by_id[stocked_item_id]

    def oldest_first(self) -> Iterator[StockedItem]:
        """The stocked items in the order in which a removal draws on them."""
        return (self._by_id[stocked_item_id] for _, stocked_item_id in self._line)

    def apply(self, movements: Iterable[Movement]) -> None:
        """Let the shelf be as `movements`, decided against it, have left it."""
        for movement in movements:
            after = movement.stocked_item
            if after.stocked_item_id not in self._by_id:
                self.added.add(after.stocked_item_id)
                insort(self._line, after.age)
            self._by_id[after.stocked_item_id] = self.changed[after.stocked_item_id] = after
            self.totals = movement.totals
            self._follow_costs(movement)
        self._drop_emptied()

    def close(self) -> None:
        """Be gone for all that is decided from now on."""
        assert self.is_open, "a position is closed once"
        left = self.totals.on_hand + self.totals.on_order
        assert not left, "nothing is left at a position that is closed"
        self.is_open, self.closes = False, True

    def _follow_costs(self, movement: Movement) -> None:
        if movement.amount is None:
            return
        if movement.kind is Kind.ADDED:
            after = movement.stocked_item
            assert after.unit_cost is not None, "an amount comes of a unit cost"
            self.costing = self.costing.came(movement.quantity, movement.amount, after.unit_cost, after.receive_time)
        else:
            self.costing = self.costing.left(movement.quantity, movement.amount)

    def _drop_emptied(self) -> None:
        """Let the next removal begin where this one ended; an emptied stocked item can still be named."""
        emptied = 0
        for _, stocked_item_id in self._line:
            if self._by_id[stocked_item_id].places.on_hand:
                break
            emptied += 1
        del self._line[:emptied]


def with_value_after(stocked_item: StockedItem, *, places: Places, amount: Decimal | None) -> StockedItem:
    """The stocked item once units worth `amount` have left it and its units are in `places`."""
    if amount is None or stocked_item.value is None:
        return replace(stocked_item, places=places)
    return replace(stocked_item, places=places, value=stocked_item.value - amount)
