"""What is known of the stock that the operations of a batch can touch, while it is being loaded.

What is read is put in as it arrives. Of lines, of demands and of order lines it then tells how far they are known.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from ..domain.costs import Costing
from ..domain.holdings import Expectation, Holding
from ..domain.items import Item, Settings
from ..domain.operations import CountStock, ItemAtLocation, Name, PositionId, StockedItemId, StockedItemIds
from ..domain.places import ZERO
from ..domain.shelf import UNLOADED, Key, Line, Shelf
from ..domain.shelves import Shelves
from ..domain.state import Stock
from ..domain.stock import StockedItem, Totals
from .pages import Pages, grouped, pages_of
from .selected import Facts, Held, State
from .selecting import Bounds


class StockMoved(Exception):
    """What was named has moved, or was closed, since it was looked up: begin again."""


@dataclass(slots=True)
class Position:
    """A locked position, as far as it is known."""

    pair: ItemAtLocation
    is_open: bool
    next_expiry: datetime | None
    totals: Totals
    stocked_items: dict[int, StockedItem] = field(default_factory=dict)
    ends: dict[Line, Key | None] = field(default_factory=dict)
    costing: Costing | None = None


@dataclass(slots=True)
class Promised:
    """What demands hold of a position's stock, and what order lines bring there, as far as it is known."""

    holdings: defaultdict[str, dict[int, Holding]] = field(default_factory=lambda: defaultdict(dict))
    half_held: set[str] = field(default_factory=set)
    delivered_ends: dict[str, Key | None] = field(default_factory=dict)
    expectations: dict[str, Expectation] = field(default_factory=dict)
    brought_ends: dict[str, Key | None] = field(default_factory=dict)


_NOTHING_PROMISED: Final = Promised()
"""Of most positions in most batches, as nobody asks. All share it, so it is never written to; a shelf copies what it is given."""


class Known:
    """Takes in what is read within these bounds."""

    def __init__(self, bounds: Bounds) -> None:
        self.now: datetime
        self.positions: dict[int, Position] = {}
        """By position id."""
        self.open: dict[ItemAtLocation, int] = {}
        """The ids of the open ones."""
        self.due: dict[int, int] = {}
        """How many reservations have expired at each position where any has."""
        self.item_ids: frozenset[int] = frozenset()
        """Items that are registered, of those that were looked for; so it is with locations."""
        self.location_ids: frozenset[int] = frozenset()
        self._bounds = bounds
        self._settings = Settings()
        self._facts: Mapping[int, Facts] = {}
        self._promised: defaultdict[int, Promised] = defaultdict(Promised)
        """By position id. Of one that was opened after the locks, too: nobody asks for that."""
        self._homes: dict[int, int] = {}
        self._receipts: dict[tuple[int, int], int] = {}
        self._blank: dict[ItemAtLocation, Shelf] = {}
        self._serial_numbers: dict[tuple[int, str], int] = {}
        self._counted: Mapping[CountStock, Decimal] = {}

    # --- which position is meant ---

    def position_of(self, name: Name) -> int:
        """The position that is meant; 0 when there is none."""
        match name:
            case ItemAtLocation():
                return self.open.get(name, 0)
            case PositionId(position_id):
                return position_id
            case StockedItemId(stocked_item_id):
                return self._homes.get(stocked_item_id, 0)
            case StockedItemIds(stocked_item_ids):
                return self._homes.get(stocked_item_ids[0], 0)

    def by_position(self, asked: Mapping[Name, Decimal]) -> dict[int, Decimal]:
        """How many units are asked of each position."""
        by_position: defaultdict[int, Decimal] = defaultdict(Decimal)
        for name, quantity in asked.items():
            position_id = self.position_of(name)
            if position_id in self.positions:
                by_position[position_id] += quantity
        return by_position

    def by_position_and(self, asked: Mapping[tuple[Name, str], Decimal]) -> dict[tuple[int, str], Decimal]:
        """The same, for a demand or an order line each."""
        by_position: defaultdict[tuple[int, str], Decimal] = defaultdict(Decimal)
        for (name, what), quantity in asked.items():
            position_id = self.position_of(name)
            if position_id in self.positions:
                by_position[position_id, what] += quantity
        return by_position

    # --- positions, and what is said of them ---

    def put_positions(self, rows: Iterable[tuple[int, ItemAtLocation, bool, datetime | None, Totals]]) -> None:
        """Positions that were locked."""
        for position_id, pair, is_open, next_expiry, totals in rows:
            self.positions[position_id] = Position(pair, is_open, next_expiry, totals)
            if is_open:
                self.open[pair] = position_id

    def put_state(self, state: State) -> None:
        """The time, the settings, and facts about the positions.

        What was closed while its lock was waited for is gone for those who name it by item and location. Begin again if
        it was opened anew by then: nobody has locked that position.
        """
        self.now, self._settings, facts = state
        self._facts = facts
        if facts.keys() - self.positions.keys():
            raise StockMoved
        for position_id in self.positions.keys() - facts.keys():
            del self.positions[position_id]

    def require_open(self, ids: Mapping[ItemAtLocation, PositionId]) -> None:
        """Begin again unless these are the open positions of their items and locations, for which their ids were locked."""
        if any(self.open.get(pair) != name.position_id for pair, name in ids.items()):
            raise StockMoved

    def put_costing(self, costing: Mapping[int, Costing]) -> None:
        """What the positions' stock tells about costs."""
        for position_id, known in costing.items():
            if position_id in self.positions:
                self.positions[position_id].costing = known

    def put_blank(
        self, pairs: Mapping[ItemAtLocation, int], items: Mapping[int, Item], locations: Mapping[int, bool]
    ) -> None:
        """Positions that may be opened, with ids for them, and what there is of their items and locations."""
        for pair, position_id in pairs.items():
            if pair not in self.open and pair.item_id in items and pair.location_id in locations:
                self._blank[pair] = Shelf(
                    position_id=position_id,
                    item=items[pair.item_id],
                    location_id=pair.location_id,
                    location_active=locations[pair.location_id],
                    totals=Totals(),
                    now=self.now,
                    costing=Costing(),
                )

    # --- stocked items ---

    def put_named(self, stocked_items: Collection[StockedItem]) -> None:
        """Stocked items that are named: a position may be meant by them."""
        self._put(stocked_items)
        self._homes.update((one.stocked_item_id, one.position_id) for one in stocked_items)

    def put_line(self, line: Line, asked: Mapping[Name, Decimal], stocked_items: Sequence[StockedItem]) -> None:
        """The first stocked items in a line of each position, and what was asked of it."""
        self.put_pages(line, asked, pages_of(line.order, stocked_items, self._bounds))

    def put_pages(self, line: Line, asked: Mapping[Name, Decimal], pages: Pages) -> None:
        """The same, put together already. Begin again if one is of a position that nobody has locked."""
        if not pages.by_position.keys() <= self.positions.keys():
            raise StockMoved
        for position_id, quantity in self.by_position(asked).items():
            page, position = pages.of(position_id), self.positions[position_id]
            position.stocked_items.update(page.stocked_items)
            position.ends[line] = page.end(quantity)

    # --- what demands hold ---

    def put_holdings(self, rows: Iterable[Held]) -> None:
        """What demands hold of stocked items."""
        for stocked_item, position_id, demand, holding in rows:
            self._put([stocked_item])
            self._promised[position_id].holdings[demand][stocked_item.stocked_item_id] = holding

    def put_held_by_demands(self, demands: Iterable[tuple[Name, str]], rows: Sequence[Held]) -> None:
        """All that these demands hold on hand, as far as it was read."""
        self.put_holdings(rows)
        known = {(position_id, demand, one.stocked_item_id) for one, position_id, demand, _ in rows}
        counts = Counter((position_id, demand) for position_id, demand, _ in known)
        last = rows[-1][1:3] if len(rows) == self._bounds.total else None
        is_cut = False
        for name, demand in demands:
            position_id = self.position_of(name)
            is_cut = is_cut or (position_id, demand) == last
            if position_id in self.positions and (is_cut or counts[position_id, demand] == self._bounds.page):
                self._promised[position_id].half_held.add(demand)

    def put_delivered(self, returned: Mapping[tuple[Name, str], Decimal], rows: Sequence[Held]) -> None:
        """The newest of what was delivered to demands, and what is given back of it."""
        self.put_holdings(rows)
        by_demand = grouped(rows, lambda row: (row[1], row[2]))
        for (position_id, demand), quantity in self.by_position_and(returned).items():
            newest = by_demand.get((position_id, demand), [])
            is_covered = sum((holding.delivered for *_, holding in newest), ZERO) > quantity
            end = self._end([one.age for one, *_ in newest], len(rows), is_covered=is_covered)
            self._promised[position_id].delivered_ends[demand] = end

    def put_expired(self, rows: Sequence[Held]) -> None:
        """What is held by reservations that have expired."""
        self.put_holdings(rows)
        for _, position_id, _, _ in rows:
            self.due[position_id] = self.due.get(position_id, 0) + 1

    # --- what order lines bring ---

    def put_expectations(self, rows: Iterable[tuple[int, str, Expectation]]) -> None:
        """What order lines bring to positions."""
        for position_id, order_line, expectation in rows:
            self._promised[position_id].expectations[order_line] = expectation

    def put_brought(
        self, asked: Mapping[tuple[Name, str], Decimal], rows: Sequence[tuple[StockedItem, int | None]]
    ) -> None:
        """The newest of what order lines have brought, and what was asked of it."""
        self._put(one for one, _ in rows)
        received_here = {one.stocked_item_id for one, receipt in rows if receipt is not None}
        self.put_receipts((one.position_id, one.stocked_item_id, receipt) for one, receipt in rows)
        by_order_line = grouped((one for one, _ in rows), lambda one: (one.position_id, one.order_line))
        for (position_id, order_line), quantity in self.by_position_and(asked).items():
            newest = by_order_line.get((position_id, order_line), [])
            units = sum((one.available for one in newest if one.stocked_item_id in received_here), ZERO)
            end = self._end([one.age for one in newest], len(rows), is_covered=units >= quantity)
            self._promised[position_id].brought_ends[order_line] = end

    def put_item_ids(self, item_ids: Iterable[int]) -> None:
        """Items that are registered, of those that were looked for."""
        self.item_ids = frozenset(item_ids)

    def put_location_ids(self, location_ids: Iterable[int]) -> None:
        """Locations that there are, of those that were looked for."""
        self.location_ids = frozenset(location_ids)

    def put_serial_numbers(self, holders: Mapping[tuple[int, str], int]) -> None:
        """Which stocked items in stock have serial numbers that were looked for, by item and number."""
        self._serial_numbers.update(holders)

    def put_counted(self, counted: Mapping[CountStock, Decimal]) -> None:
        """What was on hand when it was counted."""
        self._counted = counted

    def put_receipts(self, rows: Iterable[tuple[int, int, int | None]]) -> None:
        """The movements that received stocked items where they are."""
        for position_id, stocked_item_id, receipt in rows:
            if receipt is not None:
                self._receipts[position_id, stocked_item_id] = receipt

    # --- together ---

    def stock(self) -> Stock:
        """All of it."""
        return Stock(
            settings=self._settings,
            now=self.now,
            shelves=Shelves(makeable=self.positions, make=self._shelf),
            positions=self.open,
            homes=self._homes,
            # What has a position is known, even if that is closed meanwhile.
            known_items=self.item_ids | {position.pair.item_id for position in self.positions.values()},
            known_locations=self.location_ids | {position.pair.location_id for position in self.positions.values()},
            serial_numbers=self._serial_numbers,
            blank=self._blank,
            counted=self._counted,
            receipts=self._receipts,
        )

    def _shelf(self, position_id: int) -> Shelf:
        position, facts = self.positions[position_id], self._facts[position_id]
        promised = self._promised.get(position_id, _NOTHING_PROMISED)
        return Shelf(
            position_id=position_id,
            item=facts.item,
            location_id=position.pair.location_id,
            location_active=facts.location_active,
            is_open=position.is_open,
            totals=position.totals,
            now=self.now,
            stocked_items=position.stocked_items.values(),
            ends=position.ends,
            expired=facts.expired,
            costing=position.costing,
            holdings=promised.holdings,
            half_held=promised.half_held,
            delivered_ends=promised.delivered_ends,
            expectations=promised.expectations,
            brought_ends=promised.brought_ends,
        )

    def _put(self, stocked_items: Iterable[StockedItem]) -> None:
        for stocked_item in stocked_items:
            position = self.positions.get(stocked_item.position_id)
            if position is None:
                raise StockMoved
            position.stocked_items[stocked_item.stocked_item_id] = stocked_item

    def _end(self, keys: Sequence[Key], total: int, *, is_covered: bool) -> Key | None:
        """How far is known what was read in this order: all of it, unless it covers what is asked, or a page is full."""
        if is_covered or len(keys) == self._bounds.page or total == self._bounds.total:
            return keys[-1] if keys else UNLOADED
        return None
