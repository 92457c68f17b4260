"""One operation while it is decided: its movements so far, and the stock as they would leave it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from .costs import amount_of, share_of
from .draws import Draw
from .items import Settings
from .places import ZERO, Kind, Places, comes, leaves, move
from .refusals import StockLimitExceeded
from .shelf import Shelf
from .state import Stock
from .stock import QUANTITY_LIMIT, VALUE_LIMIT, Movement, StockedItem, Totals


class Draft:
    """Collects movements. Each sees what the ones before it have left; the stock itself changes only once all are decided."""

    def __init__(self, stock: Stock, new_id: Callable[[], int]) -> None:
        self.stock = stock
        self.movements: list[Movement] = []
        self._new_id = new_id
        self._stocked_items: dict[int, StockedItem] = {}
        self._totals: dict[int, Totals] = {}
        self._expired: dict[int, Decimal] = {}
        self._serial_numbers: dict[tuple[int, str], int | None] = {}

    @property
    def settings(self) -> Settings:
        """What the tenant decided."""
        return self.stock.settings

    @property
    def now(self) -> datetime:
        """The time of record, near enough."""
        return self.stock.now

    def totals(self, shelf: Shelf) -> Totals:
        """The totals of a position by now."""
        return self._totals.get(shelf.position_id, shelf.totals)

    def usable(self, shelf: Shelf, *, include_expired: bool) -> Decimal:
        """Units of a position that may be taken by now."""
        available = self.totals(shelf).available
        return available if include_expired else available - self._expired.get(shelf.position_id, shelf.expired)

    def holder_of(self, item_id: int, serial_number: str) -> int | None:
        """The stocked item that has a serial number by now. None: no unit in stock has it."""
        key = (item_id, serial_number)
        return self._serial_numbers.get(key, self.stock.serial_numbers.get(key))

    def draw(self, shelf: Shelf, kind: Kind, draws: Iterable[Draw], **about: Any) -> list[StockedItem]:
        """Move what was drawn, and return the stocked items as they were before."""
        before = []
        for one in draws:
            stocked_item = self.stocked_item(shelf, one.stocked_item_id)
            before.append(stocked_item)
            self.move(shelf, kind, stocked_item, one.quantity, **about)
        return before

    def stocked_item(self, shelf: Shelf, stocked_item_id: int) -> StockedItem:
        """A stocked item as it is by now."""
        return self._stocked_items.get(stocked_item_id) or shelf[stocked_item_id]

    def bring(
        self,
        shelf: Shelf,
        kind: Kind,
        stocked_item: StockedItem,
        quantity: Decimal,
        value: Decimal | None,
        **about: Any,
    ) -> None:
        """Make a new stocked item, which `stocked_item` describes, of units that are worth `value` together."""
        new = replace(
            stocked_item,
            stocked_item_id=self._new_id(),
            position_id=shelf.position_id,
            item_id=shelf.item.item_id,
            location_id=shelf.location_id,
            places=Places(),
            value=None if value is None else ZERO,
        )
        self.move(shelf, kind, new, quantity, amount=value, unit_cost=new.unit_cost, **about)
        if new.serial_number:
            # Its id means nothing to whom the second one is refused.
            self._serial_numbers[new.item_id, new.serial_number] = 0

    def move(
        self,
        shelf: Shelf,
        kind: Kind,
        before: StockedItem,
        quantity: Decimal,
        *,
        amount: Decimal | None = None,
        effective_time: datetime | None = None,
        **about: Any,
    ) -> None:
        """Move units of a stocked item. Those that leave take their share of its worth; those that come bring `amount`."""
        value = before.value
        if value is not None and leaves(kind):
            amount = self._share(before, value, quantity)
            value -= amount
        elif value is not None and comes(kind):
            assert amount is not None, "units of known cost come with an amount"
            value += amount
            if value >= VALUE_LIMIT:
                raise StockLimitExceeded(shelf.position_id, VALUE_LIMIT)
        after = before.after(move(before.places, kind, quantity), value)
        self._stocked_items[after.stocked_item_id] = after
        if after.serial_number:
            self._follow_serial_number(before, after)
        if after.has_expired(self.now):
            expired = self._expired.get(shelf.position_id, shelf.expired)
            self._expired[shelf.position_id] = expired + after.available - before.available
        self._note(shelf, kind, quantity, after, amount=amount, effective_time=effective_time, **about)

    def expect(self, shelf: Shelf, kind: Kind, quantity: Decimal, order_line: str) -> None:
        """Move units that are not there yet."""
        self._note(shelf, kind, quantity, None, order_line=order_line)

    def revalue(self, shelf: Shelf, before: StockedItem, unit_cost: Decimal) -> None:
        """Let the units on hand be worth what they would have cost at `unit_cost`."""
        quantity = before.places.on_hand
        value = amount_of(quantity, unit_cost, self.settings.currency_code)
        after = replace(before, unit_cost=unit_cost, value=value)
        self._stocked_items[after.stocked_item_id] = after
        self._note(shelf, Kind.REVALUED, quantity, after, amount=value - (before.value or ZERO), unit_cost=unit_cost)

    def _follow_serial_number(self, before: StockedItem, after: StockedItem) -> None:
        """A unit that leaves gives its serial number free, one that comes takes it."""
        if before.places.on_hand != after.places.on_hand:
            holder = after.stocked_item_id if after.places.on_hand else None
            self._serial_numbers[after.item_id, after.serial_number] = holder

    def _share(self, before: StockedItem, value: Decimal, quantity: Decimal) -> Decimal:
        return share_of(value, taken=quantity, on_hand=before.places.on_hand, currency_code=self.settings.currency_code)

    def _note(
        self,
        shelf: Shelf,
        kind: Kind,
        quantity: Decimal,
        after: StockedItem | None,
        *,
        amount: Decimal | None = None,
        effective_time: datetime | None = None,
        **about: Any,
    ) -> None:
        totals = self._totals[shelf.position_id] = self.totals(shelf).after(kind, quantity)
        if totals.on_hand >= QUANTITY_LIMIT or totals.on_order >= QUANTITY_LIMIT:
            raise StockLimitExceeded(shelf.position_id, QUANTITY_LIMIT)
        self.movements.append(
            Movement(
                kind=kind,
                quantity=quantity,
                amount=amount,
                position_id=shelf.position_id,
                item_id=shelf.item.item_id,
                location_id=shelf.location_id,
                stocked_item=after,
                totals=totals,
                effective_time=effective_time or self.now,
                **about,
            )
        )
