"""The working copy of one position while a batch of operations is decided.

It is only ever changed by operations that were decided whole (`Stock.apply`), so a refused one leaves nothing behind. It
knows as much of the position as the batch can need; whoever asks for more hears `NotLoaded`.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from .costs import Costing
from .holdings import ADDED, Expectation, Holding
from .items import Item
from .operations import StockOrder
from .places import ZERO, Kind, comes
from .stock import Age, Movement, StockedItem, Totals

NEVER: Final = datetime.max.replace(tzinfo=UTC)

Key = tuple[Any, ...]
"""What an order sorts by."""

UNLOADED: Final[Key] = ()
"""The end of a line of which nothing is known."""


class NotLoaded(Exception):
    """The decision needs more of the stock than was loaded: it must be made again, with that."""


class Line(NamedTuple):
    """The stocked items of a position that have units available, in an order."""

    order: StockOrder
    with_expired: bool
    """Whether those that have expired are part of it."""


EVERY_LINE: Final = tuple(Line(order, with_expired) for order in StockOrder for with_expired in (False, True))


def key_of(order: StockOrder, stocked_item: StockedItem) -> Key:
    """What the order sorts by; newest first is oldest first, read backwards."""
    if order is StockOrder.FIRST_EXPIRED_FIRST:
        return (stocked_item.expire_time or NEVER, *stocked_item.age)
    return stocked_item.age


class Shelf:
    """One position: its totals, its stocked items as far as they are known, and what is held and expected there."""

    def __init__(
        self,
        *,
        position_id: int,
        item: Item,
        location_id: int,
        location_active: bool,
        is_open: bool = True,
        totals: Totals,
        now: datetime,
        stocked_items: Iterable[StockedItem] = (),
        ends: Mapping[Line, Key | None] | None = None,
        expired: Decimal = ZERO,
        costing: Costing | None = None,
        holdings: Mapping[str, Mapping[int, Holding]] | None = None,
        half_held: Collection[str] = (),
        delivered_ends: Mapping[str, Key | None] | None = None,
        expectations: Mapping[str, Expectation] | None = None,
        brought_ends: Mapping[str, Key | None] | None = None,
    ) -> None:
        """`ends` tells how far each line is known: up to this key, or None for all of it.

        So do `delivered_ends` for what was delivered to a demand and `brought_ends` for what an order line has brought,
        both newest first. Where they are not given, all is known. `half_held` are the demands that hold more on hand
        than is known, `expired` the available units that are not to be used any more.
        """
        self.position_id = position_id
        self.item = item
        self.location_id = location_id
        self.location_active = location_active
        self.is_open = is_open
        self.totals = totals
        self.expired = expired
        self.holdings = {demand: dict(held) for demand, held in (holdings or {}).items()}
        self.expectations = dict(expectations or {})
        self._costing = costing
        self._now = now
        self._half_held = half_held
        self._delivered_ends = delivered_ends
        self._brought_ends = brought_ends
        self._ends = dict.fromkeys(EVERY_LINE) if ends is None else ends
        self._by_id = {stocked_item.stocked_item_id: stocked_item for stocked_item in stocked_items}
        self._lines: dict[StockOrder, list[Key]] = {}
        """The keys of those that have units available, sorted; made when first asked for."""

    def copy(self) -> "Shelf":
        """A copy that changes on its own."""
        copied = copy(self)
        vars(copied).update(
            holdings={demand: dict(held) for demand, held in self.holdings.items()},
            expectations=dict(self.expectations),
            _by_id=dict(self._by_id),
            _lines={order: list(line) for order, line in self._lines.items()},
        )
        return copied

    # --- what lies there ---

    def __getitem__(self, stocked_item_id: int) -> StockedItem:
        return self._by_id[stocked_item_id]

    def line(self, order: StockOrder, *, with_expired: bool) -> Iterator[StockedItem]:
        """The stocked items with units available, in this order. Raises NotLoaded where what is known ends.

        Without those that have expired some of these may come nevertheless.
        """
        return map(self.__getitem__, self.ids_in_line(order, with_expired=with_expired))

    def ids_in_line(self, order: StockOrder, *, with_expired: bool) -> Iterator[int]:
        """Their ids."""
        end = self._ends.get(Line(order, with_expired), UNLOADED)
        newest_first = order is StockOrder.NEWEST_FIRST
        keys = self._keys(StockOrder.OLDEST_FIRST if newest_first else order)
        for key in reversed(keys) if newest_first else keys:
            if end is not None and (end == UNLOADED or (key < end if newest_first else key > end)):
                raise NotLoaded
            yield key[-1]
        if end is not None:
            raise NotLoaded

    @property
    def costing(self) -> Costing:
        """What its units of known cost tell about the cost of others."""
        if self._costing is None:
            raise NotLoaded
        return self._costing

    def require_held(self, demand: str) -> None:
        """Raises NotLoaded unless all is known that a demand holds on hand."""
        if demand in self._half_held:
            raise NotLoaded

    def held_by(self, demand: str) -> list[tuple[StockedItem, Holding]]:
        """What a demand holds on hand, oldest stocked item first; what was delivered to it as far as that is known."""
        self.require_held(demand)
        held = self.holdings.get(demand, {})
        return sorted(((self._by_id[one], holding) for one, holding in held.items()), key=_age_of_held)

    def held_of(self, demand: str, stocked_item_ids: Collection[int]) -> list[tuple[StockedItem, Holding]]:
        """What a demand holds of these stocked items, oldest first."""
        held = self.holdings.get(demand, {})
        return sorted(((self._by_id[one], held[one]) for one in stocked_item_ids if one in held), key=_age_of_held)

    def delivered_to(self, demand: str, quantity: Decimal | None) -> list[tuple[StockedItem, Holding]]:
        """What was delivered to a demand, oldest first: the newest of it, so that it is more than this quantity, or all."""
        end = None if self._delivered_ends is None else self._delivered_ends.get(demand, UNLOADED)
        held = self.holdings.get(demand, {})
        newest = [(self._by_id[one], holding) for one, holding in held.items() if holding.delivered]
        newest = [pair for pair in newest if end is None or pair[0].age >= end]
        units = sum((holding.delivered for _, holding in newest), ZERO)
        if end == UNLOADED or (end is not None and (quantity is None or units <= quantity)):
            raise NotLoaded
        return sorted(newest, key=_age_of_held)

    def brought_by(self, order_line: str) -> Iterator[StockedItem]:
        """What an order line has brought and is available, newest first. Raises NotLoaded where what is known ends."""
        end = None if self._brought_ends is None else self._brought_ends.get(order_line, UNLOADED)
        brought = [one for one in self._by_id.values() if one.order_line == order_line and one.available]
        for one in sorted(brought, key=lambda one: one.age, reverse=True):
            if end is not None and (end == UNLOADED or one.age < end):
                raise NotLoaded
            yield one
        if end is not None:
            raise NotLoaded

    # --- what becomes of it ---

    def apply(self, movement: Movement) -> None:
        """Let the shelf be as the movement has left it."""
        self.totals = movement.totals
        if movement.stocked_item is not None:
            before = self._by_id.get(movement.stocked_item.stocked_item_id)
            self.put(movement.stocked_item)
            self._follow_costs(movement, before, movement.stocked_item)
        if movement.demand and movement.stocked_item is not None:
            held = self.holdings.setdefault(movement.demand, {})
            one = movement.stocked_item.stocked_item_id
            held[one] = held.get(one, ADDED).after(movement)
        if movement.order_line:
            expected = self.expectations.get(movement.order_line, Expectation())
            self.expectations[movement.order_line] = expected.after(movement)

    def put(self, after: StockedItem) -> None:
        """Let a stocked item be as it is after a change."""
        before = self._by_id.get(after.stocked_item_id)
        self._by_id[after.stocked_item_id] = after
        if before is not None and before.has_expired(self._now):
            self.expired -= before.available
        if after.has_expired(self._now):
            self.expired += after.available
        if before is None or _stands_elsewhere(before, after):
            for order, keys in self._lines.items():
                _follow(keys, _key_in_line(order, before), _key_in_line(order, after))

    def describe(self, after: StockedItem) -> None:
        """Let a stocked item be described as it is after a change."""
        self.put(after)
        if self._costing is not None and after.unit_cost is not None:
            self._costing = self._costing.came(ZERO, ZERO, after.unit_cost, after.age)

    def close(self) -> None:
        """Be gone for all that is decided from now on."""
        assert self.is_open, "a position is closed once"
        left = self.totals.on_hand + self.totals.on_order
        assert not left, "nothing is left at a position that is closed"
        self.is_open = False

    def _keys(self, order: StockOrder) -> list[Key]:
        if order not in self._lines:
            self._lines[order] = sorted(key_of(order, one) for one in self._by_id.values() if one.available)
        return self._lines[order]

    def _follow_costs(self, movement: Movement, before: StockedItem | None, after: StockedItem) -> None:
        costing, amount = self._costing, movement.amount
        if costing is None or amount is None:
            return
        if movement.kind is Kind.REVALUED:
            assert before is not None, "what is revalued is there"
            assert after.unit_cost is not None, "it gets a cost"
            newly_known = after.places.on_hand if before.unit_cost is None else ZERO
            self._costing = costing.came(newly_known, amount, after.unit_cost, after.age)
        elif movement.kind is Kind.RELOCATED_OUT and after.age == costing.last_age:
            # Which one is the newest without it is more than is known here.
            self._costing = None
        elif comes(movement.kind):
            assert after.unit_cost is not None, "an amount comes of a unit cost"
            self._costing = costing.came(movement.quantity, amount, after.unit_cost, after.age)
        else:
            self._costing = costing.left(movement.quantity, amount)


def _age_of_held(pair: tuple[StockedItem, Holding]) -> Age:
    return pair[0].age


def _key_in_line(order: StockOrder, stocked_item: StockedItem | None) -> Key | None:
    return key_of(order, stocked_item) if stocked_item is not None and stocked_item.available else None


def _stands_elsewhere(before: StockedItem, after: StockedItem) -> bool:
    """Whether it has come into the line, or left it, or its place there may be another one: its age never changes."""
    return bool(before.available) is not bool(after.available) or before.expire_time != after.expire_time


def _follow(keys: list[Key], before: Key | None, after: Key | None) -> None:
    """Move a stocked item to where it is in line now."""
    if before == after:
        return
    if before is not None:
        del keys[bisect_left(keys, before)]
    if after is not None:
        insort(keys, after)
