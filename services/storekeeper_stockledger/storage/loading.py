"""Locks and loads the stock that the operations of a batch can touch.

One round trip, whatever the number of operations: the locks of the positions, and what the operations name. A second one
where that showed that more is needed: of positions that are closed or counted, of reservations that have expired, of
what is missing. Of a position's stocked items only the first ones are read, until they cover what the whole batch
asks of it; so it is with what is given back of what a demand was delivered or an order line has brought. An operation that
turns out to need more is decided again, alone. Then lines are read in the second round trip, by what the first one
told: operations draw on lines, and on what they name or hold; so a line reaches far enough if it covers what is asked
of all lines of its position, and what is available of all that is known already.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

from psycopg import Connection, Cursor

from storekeeper_kit.round_trips import round_trip

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
from ..domain.shelf import UNLOADED, Key, Line, Shelf, key_of
from ..domain.state import Stock
from ..domain.stock import StockedItem, Totals
from . import selecting
from .locking import lock_origins, lock_positions
from .needs import ALL, Needs, needs_of
from .selecting import Bounds, Facts, Repeat, Selecting

ORDINARY: Final = Bounds(page=256, total=4096)
"""What needs more is decided again, alone."""

GENEROUS: Final = Bounds(page=10 * DRAWS_MAX + 1, total=4 * (10 * DRAWS_MAX + 1))
"""For what is decided alone: more of each line than changes that belong together may draw on, and room for many lines."""

Brought = tuple[Name, str]
"""A position, and an order line."""

Held = tuple[StockedItem, int, str, Holding]
"""A stocked item, the position and the demand that it is held for, and what is held."""

WHOLE: Final = Line(StockOrder.OLDEST_FIRST, with_expired=True)
"""The line that closings and counts draw on."""


Value = TypeVar("Value")
Group = TypeVar("Group", bound=Hashable)


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
    loading.look_for_receipts()
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
    ends: dict[Line, Key | None] = field(default_factory=dict)
    costing: Costing | None = None
    holdings: defaultdict[str, dict[int, Holding]] = field(default_factory=lambda: defaultdict(dict))
    half_held: set[str] = field(default_factory=set)
    delivered_ends: dict[str, Key | None] = field(default_factory=dict)
    expectations: dict[str, Expectation] = field(default_factory=dict)
    brought_ends: dict[str, Key | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines that are being read, and what they were asked to cover."""

    asked: Mapping[Line, Mapping[Name, Decimal]]
    brought: Mapping[Brought, Decimal]
    cursors: Mapping[Line, Cursor[Any]]
    of_orders: Cursor[Any] | None


class _Loading:
    """Reads what a batch needs."""

    def __init__(self, connection: Connection[Any], tenant_id: int, needs: Needs, *, generously: bool) -> None:
        self.new_ids: Sequence[int] = ()
        self.due: dict[int, int] = {}
        self._connection = connection
        self._tenant_id = tenant_id
        self._needs = needs
        self._generously = generously
        self._bounds = GENEROUS if generously else ORDINARY
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
        with round_trip(self._connection):
            self._connection.execute("BEGIN", prepare=False)
            origins = lock_origins(self._connection, self._tenant_id, opening) if opening else None
            # What is read after the locks can't change any more.
            locked = lock_positions(self._connection, self._tenant_id, needs.names, needs.beside)
            state = select.state(needs.names, needs.beside)
            repeats = select.repeats(submission.request_id for submission in submissions) if submissions else None
            lines = None if self._generously else self._select_lines(needs.asked, needs.brought)
            items = select.named(named) if named else None
            held = self._select_held()
            receipts = select.receipts(needs.receipts) if needs.receipts else None
            expectations = select.expectations(needs.order_lines) if needs.order_lines else None
            costing = select.costing(needs.costed) if needs.costed else None
            in_stock = select.serial_numbers(needs.serial_numbers) if needs.serial_numbers else None
            new_ids = select.new_ids(self._new_id_count()) if needs.new_ids else None
            position_ids = select.new_position_ids(len(opening)) if opening else None
        self._read_positions(locked)
        self._now, self._settings, self._facts = selecting.read_state(state)
        self._leave_out_closed()
        if items:
            self._put_named(named, selecting.read_stocked_items(items))
        if lines:
            self._put_lines(lines)
        for put_held, cursor in held:
            put_held(selecting.read_holdings(cursor))
        if receipts:
            self._put_receipts(receipts)
        if expectations:
            self._put_expectations(expectations)
        if costing:
            self._put_costing(selecting.read_costing(costing))
        if in_stock:
            self._serial_numbers = selecting.read_serial_numbers(in_stock)
        if new_ids:
            self.new_ids = selecting.read_ids(new_ids)
        if origins and position_ids:
            self._make_blank(opening, origins, selecting.read_ids(position_ids))
        return selecting.read_repeats(repeats) if repeats else {}

    def _select_lines(self, asked: Mapping[Line, Mapping[Name, Decimal]], brought: Mapping[Brought, Decimal]) -> _Lines:
        return _Lines(
            asked,
            brought,
            {line: self._select.lines(line, of_line, self._bounds) for line, of_line in asked.items()},
            self._select.brought(brought, self._bounds) if brought else None,
        )

    def _select_held(self) -> list[tuple[Callable[[Sequence[Held]], None], Cursor[Any]]]:
        """Ask what demands hold; returns what takes the answers in."""
        needs, select = self._needs, self._select
        held: list[tuple[Callable[[Sequence[Held]], None], Cursor[Any]]] = []
        if needs.demands:
            held.append((self._put_held_by_demands, select.held_by_demands(needs.demands, self._bounds)))
        if needs.held:
            held.append((self._put_holdings, select.held_of_stocked_items(needs.held)))
        if needs.returned:
            held.append((self._put_delivered, select.delivered(self._returned(), self._bounds)))
        return held

    def _returned(self) -> Mapping[tuple[Name, str], Decimal]:
        """What is given back newest first. Units of stocked items that are named may be among the newest."""
        returned = self._needs.returned
        if not self._generously:
            return returned
        return {(name, demand): self._needs.given_back[demand] for name, demand in returned}

    def _new_id_count(self) -> int:
        return self._needs.new_ids + (GENEROUS.page if self._generously and self._has_transfers() else 0)

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

    def _put_lines(self, lines: _Lines) -> None:
        for line, cursor in lines.cursors.items():
            self._put_line(line, lines.asked[line], selecting.read_stocked_items(cursor))
        if lines.of_orders:
            self._put_brought(lines.brought, selecting.read_brought(lines.of_orders))

    def _put_line(self, line: Line, asked: Mapping[Name, Decimal], stocked_items: Sequence[StockedItem]) -> None:
        self._put(stocked_items)
        by_position = _grouped(stocked_items, lambda one: one.position_id)
        for position_id, quantity in self._by_position(asked).items():
            there = by_position.get(position_id, [])
            # Some may have expired since the transaction began, and cover nothing. By all, no line is taken for whole that isn't.
            is_covered = sum((one.available for one in there), ZERO) >= quantity
            keys = [key_of(line.order, one) for one in there]
            self._positions[position_id].ends[line] = self._end(keys, len(stocked_items), is_covered=is_covered)

    def _end(self, keys: Sequence[Key], total: int, *, is_covered: bool) -> Key | None:
        """How far a line is known: all of it, unless it covers what is asked, or its page or that of all lines is full."""
        if is_covered or len(keys) == self._bounds.page or total == self._bounds.total:
            return keys[-1] if keys else UNLOADED
        return None

    def _by_position(self, asked: Mapping[Name, Decimal]) -> dict[int, Decimal]:
        by_position: defaultdict[int, Decimal] = defaultdict(Decimal)
        for name, quantity in asked.items():
            position_id = self._position_of(name)
            if position_id in self._positions:
                by_position[position_id] += quantity
        return by_position

    def _by_position_and(self, asked: Mapping[tuple[Name, str], Decimal]) -> dict[tuple[int, str], Decimal]:
        """The same, for a demand or an order line each."""
        by_position: defaultdict[tuple[int, str], Decimal] = defaultdict(Decimal)
        for (name, what), quantity in asked.items():
            position_id = self._position_of(name)
            if position_id in self._positions:
                by_position[position_id, what] += quantity
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

    def _put_held_by_demands(self, rows: Sequence[Held]) -> None:
        self._put_holdings(rows)
        known = {(position_id, demand, one.stocked_item_id) for one, position_id, demand, _ in rows}
        counts = Counter((position_id, demand) for position_id, demand, _ in known)
        last = rows[-1][1:3] if len(rows) == self._bounds.total else None
        is_cut = False
        for name, demand in self._needs.demands:
            position_id = self._position_of(name)
            is_cut = is_cut or (position_id, demand) == last
            if position_id in self._positions and (is_cut or counts[position_id, demand] == self._bounds.page):
                self._positions[position_id].half_held.add(demand)

    def _put_delivered(self, rows: Sequence[Held]) -> None:
        self._put_holdings(rows)
        grouped = _grouped(rows, lambda row: (row[1], row[2]))
        for (position_id, demand), quantity in self._by_position_and(self._returned()).items():
            newest = grouped.get((position_id, demand), [])
            is_covered = sum((holding.delivered for *_, holding in newest), ZERO) > quantity
            end = self._end([one.age for one, *_ in newest], len(rows), is_covered=is_covered)
            self._positions[position_id].delivered_ends[demand] = end

    def _put_holdings(self, rows: Iterable[Held]) -> None:
        for stocked_item, position_id, demand, holding in rows:
            self._put([stocked_item])
            self._positions[position_id].holdings[demand][stocked_item.stocked_item_id] = holding

    def _put_expectations(self, cursor: Cursor[Any]) -> None:
        for position_id, order_line, expectation in selecting.read_expectations(cursor):
            self._positions[position_id].expectations[order_line] = expectation

    def _put_brought(self, brought: Mapping[Brought, Decimal], rows: Sequence[tuple[StockedItem, int | None]]) -> None:
        self._put(one for one, _ in rows)
        receipts = {one.stocked_item_id: receipt for one, receipt in rows if receipt is not None}
        self._receipts |= {(one.position_id, one.stocked_item_id): receipt for one, receipt in rows if receipt}
        grouped = _grouped((one for one, _ in rows), lambda one: (one.position_id, one.order_line))
        for (position_id, order_line), quantity in self._by_position_and(brought).items():
            newest = grouped.get((position_id, order_line), [])
            units = sum((one.available for one in newest if one.stocked_item_id in receipts), ZERO)
            end = self._end([one.age for one in newest], len(rows), is_covered=units >= quantity)
            self._positions[position_id].brought_ends[order_line] = end

    def _put_receipts(self, cursor: Cursor[Any]) -> None:
        for position_id, stocked_item_id, receipt in selecting.read_receipts(cursor):
            if receipt is not None:
                self._receipts[position_id, stocked_item_id] = receipt

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
        asked, brought = self._asked_now()
        if not (missing or due or counts or revived or asked or brought):
            return
        select = self._select
        with round_trip(self._connection):
            items = select.known_items(missing) if missing else None
            locations = select.known_locations(missing) if missing else None
            expired = select.expired_holdings(due, self._now, EXPIRIES_MAX + 1) if due else None
            position_ids = [self._position_of(count.target) for count in counts]
            counted = select.counted(counts, position_ids) if counts else None
            lines = self._select_lines(asked, brought)
            in_stock = select.serial_numbers(revived) if revived else None
        if items and locations:
            self._known_items = frozenset(selecting.read_ids(items))
            self._known_locations = frozenset(selecting.read_ids(locations))
            self._require_open(opening)
        if expired:
            self._put_expired(expired)
        if counted:
            self._counted = selecting.read_counted(counted, counts)
        self._put_lines(lines)
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

    def _asked_now(self) -> tuple[Mapping[Line, Mapping[Name, Decimal]], Mapping[Brought, Decimal]]:
        """What lines and order lines must cover that have not been read yet."""
        whole = self._whole()
        if not self._generously:
            return {WHOLE: whole} if whole else {}, {}
        needs = self._needs
        asked = {line: self._by_position(of_line) for line, of_line in needs.asked.items()}
        asked[WHOLE] = asked.get(WHOLE, {}) | self._by_position(whole)
        brought = self._by_position_and(needs.brought)
        reach = self._reach([*asked.values(), *({position_id: units} for (position_id, _), units in brought.items())])
        return (
            {line: {PositionId(one): reach[one] for one in of_line} for line, of_line in asked.items() if of_line},
            {(PositionId(one), order_line): reach[one] for one, order_line in brought},
        )

    def _reach(self, asked: Iterable[Mapping[int, Decimal]]) -> Mapping[int, Decimal]:
        """What each line of a position must cover: all that is asked there, and what may be taken otherwise."""
        reach: defaultdict[int, Decimal] = defaultdict(Decimal)
        for units in asked:
            for position_id, quantity in units.items():
                reach[position_id] += quantity
        for position_id in reach:
            known = self._positions[position_id].stocked_items.values()
            reach[position_id] += sum((one.available for one in known), ZERO)
        return reach

    def _whole(self) -> dict[Name, Decimal]:
        """Positions of which closings and counts may take all that is available."""
        whole = {name: self._position_of(name) for name in self._needs.whole}
        for position_id in whole.values():
            if position_id in self._positions:
                # Unless something is there to be read.
                self._positions[position_id].ends[WHOLE] = None
        return {
            name: ALL
            for name, position_id in whole.items()
            if position_id in self._positions and self._positions[position_id].totals.available
        }

    def _put_expired(self, cursor: Cursor[Any]) -> None:
        rows = selecting.read_holdings(cursor)
        self._put_holdings(rows)
        for _, position_id, _, _ in rows:
            self.due[position_id] = self.due.get(position_id, 0) + 1

    # --- a third one, seldom ---

    def look_for_receipts(self) -> None:
        """Units of an order line may be available only when others of the operations have made them so."""
        emptied = [
            one.stocked_item_id
            for position_id, order_line in self._by_position_and(self._needs.brought)
            for one in self._positions[position_id].stocked_items.values()
            if one.order_line == order_line and not one.available
        ]
        if emptied:
            self._put_receipts(self._select.receipts(emptied))

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
            half_held=position.half_held,
            delivered_ends=position.delivered_ends,
            expectations=position.expectations,
            brought_ends=position.brought_ends,
        )


def _grouped(values: Iterable[Value], key: Callable[[Value], Group]) -> dict[Group, list[Value]]:
    """Values by what they have in common, in their order."""
    groups: dict[Group, list[Value]] = {}
    for value in values:
        groups.setdefault(key(value), []).append(value)
    return groups
