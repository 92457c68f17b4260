"""Locks and loads the stock that the operations of a batch can touch.

One round trip, whatever the number of operations: the locks of the positions, and what the operations name. A second one
where that showed that more is needed: of positions that are closed or counted, of reservations that have expired, of
what is missing. Of a position's stocked items only the first ones are read, until they cover what the whole batch
asks of it; an operation that turns out to need more is decided again, alone.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, Cursor

from ..domain.costs import Costing
from ..domain.decisions.demanding import EXPIRIES_MAX
from ..domain.draws import DRAWS_MAX
from ..domain.holdings import Expectation, Holding
from ..domain.items import Item, Settings, Tracking
from ..domain.operations import (
    CountStock,
    ItemAtLocation,
    Name,
    PositionId,
    StockedItemId,
    StockedItemIds,
    StockOrder,
    Submission,
)
from ..domain.places import ZERO
from ..domain.shelf import UNLOADED, Key, Shelf, key_of
from ..domain.state import Stock
from ..domain.stock import StockedItem, Totals
from . import selecting
from .locking import lock_origins, lock_positions
from .needs import Needs, needs_of
from .selecting import LINE_PAGE, LINES_MAX, Facts, Repeat, Selecting

GENEROUS_PAGE: Final = 10 * DRAWS_MAX + 1
"""Stocked items of one position that are read for what is decided alone: more than it may draw on."""


class StockMoved(Exception):
    """A stocked item that is named has left the position that was locked for it: begin again."""


class PositionsMissing(Exception):
    """Positions have to be opened: begin again with the locks that this takes."""

    def __init__(self, pairs: Collection[ItemAtLocation]) -> None:
        super().__init__(pairs)
        self.pairs = frozenset(pairs)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a batch can touch, and which of its requests are repeats."""

    stock: Stock
    repeats: Mapping[UUID, Repeat]
    new_ids: Sequence[int]
    """For the stocked items that operations make, rising."""
    due: Mapping[int, int]
    """How many reservations have expired at each position where any has."""


def lock_and_load(
    connection: Connection[Any],
    tenant_id: int,
    submissions: Sequence[Submission],
    *,
    opening: Collection[ItemAtLocation] = (),
    generously: bool = False,
) -> Loaded:
    """The stock that the submissions can touch, locked until the transaction ends.

    `opening` are positions that may be opened, as PositionsMissing told. `generously` reads as much as one operation,
    or several together, can need.
    """
    needs = needs_of(submissions)
    loading = _Loading(connection, tenant_id, needs, generously=generously)
    repeats = loading.lock(submissions, opening)
    loading.look_again(opening)
    return Loaded(loading.stock(), repeats, loading.new_ids, loading.due)


def lock_and_load_due(connection: Connection[Any], tenant_id: int, position_ids: Collection[int]) -> Loaded:
    """Positions whose reservations have expired, and nothing else."""
    needs = Needs(names={PositionId(position_id): None for position_id in position_ids})
    loading = _Loading(connection, tenant_id, needs, generously=False)
    loading.lock((), ())
    loading.look_again(())
    return Loaded(loading.stock(), {}, (), loading.due)


@dataclass(slots=True)
class _Position:
    """A locked position, as far as it is known."""

    pair: ItemAtLocation
    is_open: bool
    next_expiry: datetime | None
    totals: Totals
    stocked_items: dict[int, StockedItem] = field(default_factory=dict)
    ends: dict[StockOrder, Key | None] = field(default_factory=dict)
    costing: Costing | None = None
    holdings: defaultdict[str, dict[int, Holding]] = field(default_factory=lambda: defaultdict(dict))
    expectations: dict[str, Expectation] = field(default_factory=dict)
    known_lines: set[str] = field(default_factory=set)


class _Loading:
    """Reads what a batch needs."""

    def __init__(self, connection: Connection[Any], tenant_id: int, needs: Needs, *, generously: bool) -> None:
        self.new_ids: Sequence[int] = ()
        self.due: dict[int, int] = {}
        self._connection = connection
        self._tenant_id = tenant_id
        self._needs = needs
        self._generously = generously
        self._select = Selecting(connection, tenant_id)
        self._positions: dict[int, _Position] = {}
        self._open: dict[ItemAtLocation, int] = {}
        self._homes: dict[int, int] = {}
        self._facts: Mapping[int, Facts] = {}
        self._settings = Settings()
        self._now: datetime
        self._serial_numbers: dict[tuple[int, str], int] = {}
        self._receipts: dict[tuple[int, int], int] = {}
        self._counted: dict[CountStock, Decimal] = {}
        self._known_items: frozenset[int] = frozenset()
        self._known_locations: frozenset[int] = frozenset()
        self._blank: dict[ItemAtLocation, Shelf] = {}

    # --- the first round trip ---

    def lock(self, submissions: Sequence[Submission], opening: Collection[ItemAtLocation]) -> Mapping[UUID, Repeat]:
        """Lock the positions and read what the operations name; returns what was recorded under their request ids."""
        needs, select = self._needs, self._select
        named = needs.stocked_item_ids()
        with self._connection.pipeline():
            self._connection.execute("BEGIN", prepare=False)
            origins = lock_origins(self._connection, self._tenant_id, opening) if opening else None
            # What is read after the locks can't change any more.
            locked = lock_positions(self._connection, self._tenant_id, needs.names, needs.beside)
            state = select.state(needs.names, needs.beside)
            repeats = select.repeats(submission.request_id for submission in submissions) if submissions else None
            lines = {order: self._select_lines(order, asked) for order, asked in needs.asked.items() if asked}
            items = select.named(named) if named else None
            holdings = select.holdings(needs.demands) if needs.demands else None
            expectations = select.expectations(needs.order_lines) if needs.order_lines else None
            brought = select.brought(needs.brought) if needs.brought else None
            costing = select.costing(needs.costed) if needs.costed else None
            in_stock = select.serial_numbers(needs.serial_numbers) if needs.serial_numbers else None
            new_ids = select.new_ids(self._new_id_count()) if needs.new_ids else None
            position_ids = select.new_position_ids(len(opening)) if opening else None
        self._read_positions(locked)
        self._now, self._settings, self._facts = selecting.read_state(state)
        self._leave_out_closed()
        if items:
            self._put_named(named, selecting.read_stocked_items(items))
        for order, page in lines.items():
            self._put_lines(order, needs.asked[order], selecting.read_stocked_items(page))
        if holdings:
            self._put_holdings(holdings)
        if expectations:
            self._put_expectations(expectations)
        if brought:
            self._put_brought(brought)
        if costing:
            self._put_costing(selecting.read_costing(costing))
        if in_stock:
            self._serial_numbers = selecting.read_serial_numbers(in_stock)
        if new_ids:
            self.new_ids = selecting.read_ids(new_ids)
        if origins and position_ids:
            self._make_blank(opening, origins, selecting.read_ids(position_ids))
        return selecting.read_repeats(repeats) if repeats else {}

    def _select_lines(self, order: StockOrder, asked: Mapping[Name, Decimal]) -> Cursor[Any]:
        if not self._generously:
            return self._select.lines(order, asked)
        # What is named is drawn on beside the lines, so that none of them tells how far it must reach.
        unbounded = dict.fromkeys(asked, Decimal("Infinity"))
        return self._select.lines(order, unbounded, page=GENEROUS_PAGE, lines=GENEROUS_PAGE)

    def _new_id_count(self) -> int:
        return self._needs.new_ids + (GENEROUS_PAGE if self._generously and self._has_transfers() else 0)

    def _has_transfers(self) -> bool:
        return bool(self._needs.beside or self._needs.opens)

    def _read_positions(self, locked: Cursor[Any]) -> None:
        for row in locked.fetchall():
            pair = ItemAtLocation(row[2], row[3])
            self._positions[row[0]] = _Position(pair, row[1], row[4], Totals(*row[5:]))
            if row[1]:
                self._open[pair] = row[0]

    def _leave_out_closed(self) -> None:
        """What was closed while its lock was waited for is gone for those who name it by item and location.

        Begin again if it was opened anew by then: nobody has locked that position.
        """
        if self._facts.keys() - self._positions.keys():
            raise StockMoved
        for position_id in self._positions.keys() - self._facts.keys():
            del self._positions[position_id]

    def _put(self, stocked_items: Iterable[StockedItem]) -> None:
        for stocked_item in stocked_items:
            position = self._positions.get(stocked_item.position_id)
            if position is None:
                raise StockMoved
            position.stocked_items[stocked_item.stocked_item_id] = stocked_item

    def _put_named(self, named: Collection[int], stocked_items: Sequence[StockedItem]) -> None:
        self._put(stocked_items)
        self._homes.update((one.stocked_item_id, one.position_id) for one in stocked_items)

    def _put_lines(
        self, order: StockOrder, asked: Mapping[Name, Decimal], stocked_items: Sequence[StockedItem]
    ) -> None:
        """Remember how far each line is known: all of it, unless its page or the page of all lines was full."""
        page, lines = (GENEROUS_PAGE, GENEROUS_PAGE) if self._generously else (LINE_PAGE, LINES_MAX)
        by_position: defaultdict[int, list[StockedItem]] = defaultdict(list)
        for one in stocked_items:
            by_position[one.position_id].append(one)
        self._put(stocked_items)
        is_cut = len(stocked_items) == lines
        for position_id, quantity in self._by_position(asked).items():
            line = by_position.get(position_id, [])
            covered = not self._generously and self._usable(line) >= quantity
            if covered or len(line) == page or is_cut:
                self._positions[position_id].ends[order] = key_of(order, line[-1]) if line else UNLOADED
            else:
                self._positions[position_id].ends[order] = None

    def _usable(self, line: Iterable[StockedItem]) -> Decimal:
        return sum((one.available for one in line if not one.has_expired(self._now)), ZERO)

    def _by_position(self, asked: Mapping[Name, Decimal]) -> dict[int, Decimal]:
        by_position: defaultdict[int, Decimal] = defaultdict(Decimal)
        for name, quantity in asked.items():
            position_id = self._position_of(name)
            if position_id in self._positions:
                by_position[position_id] += quantity
        return by_position

    def _position_of(self, name: Name) -> int:
        """The position that is meant; 0 when there is none."""
        match name:
            case ItemAtLocation():
                return self._open.get(name, 0)
            case PositionId(position_id):
                return position_id
            case StockedItemId(stocked_item_id):
                return self._homes.get(stocked_item_id, 0)
            case StockedItemIds(stocked_item_ids):
                return self._homes.get(stocked_item_ids[0], 0)

    def _put_holdings(self, cursor: Cursor[Any]) -> None:
        for stocked_item, position_id, demand, holding in selecting.read_holdings(cursor):
            self._put([stocked_item])
            self._positions[position_id].holdings[demand][stocked_item.stocked_item_id] = holding

    def _put_expectations(self, cursor: Cursor[Any]) -> None:
        for position_id, order_line, expectation in selecting.read_expectations(cursor):
            self._positions[position_id].expectations[order_line] = expectation

    def _put_brought(self, cursor: Cursor[Any]) -> None:
        for name, order_line in self._needs.brought:
            position = self._positions.get(self._position_of(name))
            if position is not None:
                position.known_lines.add(order_line)
        for stocked_item, movement_id in selecting.read_brought(cursor):
            self._put([stocked_item])
            self._receipts[stocked_item.position_id, stocked_item.stocked_item_id] = movement_id

    def _put_costing(self, costing: Mapping[int, Costing]) -> None:
        for position_id, known in costing.items():
            if position_id in self._positions:
                self._positions[position_id].costing = known

    def _make_blank(
        self,
        opening: Collection[ItemAtLocation],
        origins: tuple[Cursor[Any], Cursor[Any]],
        position_ids: Sequence[int],
    ) -> None:
        items = {row[0]: Item(row[0], row[1], Tracking(row[2]), row[3], row[4]) for row in origins[0].fetchall()}
        locations = dict(origins[1].fetchall())
        for pair, position_id in zip(opening, position_ids, strict=True):
            if pair not in self._open and pair.item_id in items and pair.location_id in locations:
                self._blank[pair] = Shelf(
                    position_id=position_id,
                    item=items[pair.item_id],
                    location_id=pair.location_id,
                    location_active=locations[pair.location_id],
                    totals=Totals(),
                    now=self._now,
                    costing=Costing(),
                )

    # --- the second round trip ---

    def look_again(self, opening: Collection[ItemAtLocation]) -> None:
        """Read what the first round trip showed to be needed, if anything."""
        missing = self._missing()
        due = [
            position_id
            for position_id, position in self._positions.items()
            if position.next_expiry is not None and position.next_expiry <= self._now
        ]
        counts = [count for count in self._needs.counted if self._position_of(count.target) in self._positions]
        revived = self._revived()
        whole = self._whole()
        if not (missing or due or counts or revived or whole):
            return
        select = self._select
        with self._connection.pipeline():
            items = select.known_items(missing) if missing else None
            locations = select.known_locations(missing) if missing else None
            expired = select.expired_holdings(due, self._now, EXPIRIES_MAX + 1) if due else None
            position_ids = [self._position_of(count.target) for count in counts]
            counted = select.counted(counts, position_ids) if counts else None
            lines = self._select_lines(StockOrder.OLDEST_FIRST, whole) if whole else None
            in_stock = select.serial_numbers(revived) if revived else None
        if items and locations:
            self._known_items = frozenset(selecting.read_ids(items))
            self._known_locations = frozenset(selecting.read_ids(locations))
            self._require_open(opening)
        if expired:
            self._put_expired(expired)
        if counted:
            self._counted = selecting.read_counted(counted, counts)
        if lines:
            self._put_lines(StockOrder.OLDEST_FIRST, whole, selecting.read_stocked_items(lines))
        if in_stock:
            self._serial_numbers |= selecting.read_serial_numbers(in_stock)

    def _missing(self) -> list[ItemAtLocation]:
        wanted = [name for name in self._needs.names if isinstance(name, ItemAtLocation)]
        return [pair for pair in [*wanted, *self._wanted_beside()] if pair not in self._open]

    def _wanted_beside(self) -> list[ItemAtLocation]:
        """Positions that are named by another one and their own location."""
        sources = [(self._position_of(name), location_id) for name, location_id in self._needs.beside]
        return [
            ItemAtLocation(self._positions[position_id].pair.item_id, location_id)
            for position_id, location_id in sources
            if position_id in self._positions
        ]

    def _require_open(self, opening: Collection[ItemAtLocation]) -> None:
        """Begin again if positions have to be opened that could be."""
        wanted = [*self._needs.opens, *self._wanted_beside()]
        unopened = {
            pair
            for pair in wanted
            if pair not in self._open
            and pair not in opening
            and pair.item_id in self._known_items
            and pair.location_id in self._known_locations
        }
        if unopened:
            raise PositionsMissing({*unopened, *opening})

    def _revived(self) -> set[str]:
        """Serial numbers of units that are gone and may come back."""
        if not self._needs.revives:
            return set()
        known = [one for position in self._positions.values() for one in position.stocked_items.values()]
        return {one.serial_number for one in known if one.serial_number and not one.places.on_hand}

    def _whole(self) -> dict[Name, Decimal]:
        """Units that closings and counts may take: all that are available at their positions."""
        available = {
            name: self._positions[position_id].totals.available
            for name in self._needs.whole
            if (position_id := self._position_of(name)) in self._positions
        }
        for name, quantity in available.items():
            if not quantity:
                # Nothing is there to be read, and that is all there is.
                self._positions[self._position_of(name)].ends[StockOrder.OLDEST_FIRST] = None
        return {name: quantity for name, quantity in available.items() if quantity}

    def _put_expired(self, cursor: Cursor[Any]) -> None:
        for stocked_item, position_id, demand, holding in selecting.read_holdings(cursor):
            self._put([stocked_item])
            self._positions[position_id].holdings[demand][stocked_item.stocked_item_id] = holding
            self.due[position_id] = self.due.get(position_id, 0) + 1

    # --- together ---

    def stock(self) -> Stock:
        """All that was read."""
        return Stock(
            settings=self._settings,
            now=self._now,
            shelves={
                position_id: self._shelf(position_id, position) for position_id, position in self._positions.items()
            },
            positions=self._open,
            homes=self._homes,
            # What has a position is known, even if that is closed meanwhile.
            known_items=self._known_items | {position.pair.item_id for position in self._positions.values()},
            known_locations=self._known_locations
            | {position.pair.location_id for position in self._positions.values()},
            serial_numbers=self._serial_numbers,
            blank=self._blank,
            counted=self._counted,
            receipts=self._receipts,
        )

    def _shelf(self, position_id: int, position: _Position) -> Shelf:
        facts = self._facts[position_id]
        return Shelf(
            position_id=position_id,
            item=facts.item,
            location_id=position.pair.location_id,
            location_active=facts.location_active,
            is_open=position.is_open,
            totals=position.totals,
            now=self._now,
            stocked_items=position.stocked_items.values(),
            ends=position.ends,
            expired=facts.expired,
            costing=position.costing,
            holdings=position.holdings,
            expectations=position.expectations,
            known_lines=position.known_lines,
        )
