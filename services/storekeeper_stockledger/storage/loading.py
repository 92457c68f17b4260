"""Locks and loads the stock that the operations of a batch can touch.

One round trip, whatever the number of operations: the locks of the positions, and what the operations name; with
fewer statements for a single one (`single.py`). A second one where that showed that more is needed: of positions that
are closed or counted, of reservations that have expired, of what is missing, of a single one's repeat or long line.
The lines of hundreds of positions are read in one before the locks, and in the second again where they have changed
by then (`ahead.py`). Of a position's stocked items only the first ones are read, until they cover what the whole
batch asks of it; so it is with what is given back of what a demand was delivered or an order line has brought. An
operation that turns out to need more is decided again, alone. Then lines are read in the second round trip, by what
the first one told: operations draw on lines, and on what they name or hold; so a line reaches far enough if it covers
what is asked of all lines of its position, and what is available of all that is known already.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final, TypeVar

from psycopg import Connection

from storekeeper_kit.round_trips import BEGIN, Result, RoundTrip

from ..domain.decisions.demanding import EXPIRIES_MAX
from ..domain.draws import DRAWS_MAX
from ..domain.operations import ItemAtLocation, Name, PositionId, StockOrder, Submission
from ..domain.places import ZERO
from ..domain.shelf import Line
from ..domain.state import Stock
from ..domain.stock import StockedItem
from . import selected
from .ahead import EVERY, MOVED_MAX, Ahead, outdated, read_ahead
from .known import Known
from .locking import lock_origins, lock_position, lock_positions
from .needs import ALL, Needs, needs_of
from .selected import Repeat, State
from .selecting import Bounds, Selecting
from .single import Single, single

ORDINARY: Final = Bounds(page=256, total=4096)
"""What needs more is decided again, alone."""

GENEROUS: Final = Bounds(page=10 * DRAWS_MAX + 1, total=4 * (10 * DRAWS_MAX + 1))
"""For what is decided alone: more of each line than changes that belong together may draw on, and room for many lines."""

WHOLE: Final = Line(StockOrder.OLDEST_FIRST, with_expired=True)
"""The line that closings and counts draw on."""


Read = TypeVar("Read")


class PositionsMissing(Exception):
    """Positions have to be opened: begin again with the locks that this takes."""

    def __init__(self, pairs: Collection[ItemAtLocation]) -> None:
        super().__init__(pairs)
        self.pairs = frozenset(pairs)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a batch can touch, and which of its requests are repeats."""

    stock: Stock
    repeats: Mapping[str, Repeat]
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
    loading = _Loading(connection, tenant_id, needs_of(submissions), generously=generously)
    loading.look_ahead()
    loading.lock(submissions, opening)
    loading.look_again(opening)
    loading.look_for_receipts()
    return loading.loaded()


def lock_and_load_due(connection: Connection[Any], tenant_id: int, position_ids: Collection[int]) -> Loaded:
    """Positions whose reservations have expired, and nothing else."""
    needs = Needs(names={PositionId(position_id): None for position_id in position_ids})
    loading = _Loading(connection, tenant_id, needs, generously=False)
    loading.lock((), ())
    loading.look_again(())
    return loading.loaded()


class _Loading:
    """Reads what a batch needs."""

    def __init__(self, connection: Connection[Any], tenant_id: int, needs: Needs, *, generously: bool) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._needs = needs
        self._generously = generously
        self._bounds = GENEROUS if generously else ORDINARY
        self._known = Known(self._bounds)
        self._repeats: Mapping[str, Repeat] = {}
        self._new_ids: Sequence[int] = ()
        self._ahead: Ahead | None = None
        self._outdated: dict[Line, dict[Name, Decimal]] = {}
        """What lines must cover that have changed since they were read ahead, or were not read far enough."""
        self._repeated = ""
        """The request of a single operation, if that is recorded."""

    def loaded(self) -> Loaded:
        """All that was read."""
        return Loaded(self._known.stock(), self._repeats, self._new_ids, self._known.due)

    # --- before the locks ---

    def look_ahead(self) -> None:
        """Read the lines of many positions, which all but a few will still have when they are locked."""
        if not self._generously:
            self._ahead = read_ahead(self._connection, self._tenant_id, self._needs.asked, self._bounds)

    # --- the first round trip ---

    def lock(self, submissions: Sequence[Submission], opening: Collection[ItemAtLocation]) -> None:
        """Lock the positions, and read what the operations name and what was recorded under their request ids."""
        needs, known = self._needs, self._known
        one = None if opening or self._generously else single(submissions, needs)
        with RoundTrip(self._connection) as trip:
            if not self._ahead:
                trip.execute(BEGIN)
            origins = lock_origins(trip, self._tenant_id, opening) if opening else None
            # What is read after the locks can't change any more.
            select = Selecting(trip, self._tenant_id)
            if one:
                self._ask_for_single(trip, one)
            else:
                self._ask_for_all(trip, select, submissions)
            self._ask_for_named(select)
            if not self._generously:
                self._ask_for_lines(select, {} if one or self._ahead else needs.asked, needs.brought)
            self._ask_for_held(select)
            if needs.costed:
                _put(known.put_costing, selected.read_costing, select.costing(needs.costed))
            if needs.serial_numbers:
                in_stock = select.serial_numbers(needs.serial_numbers)
                _put(known.put_serial_numbers, selected.read_serial_numbers, in_stock)
            if needs.new_ids:
                _put(self._put_new_ids, selected.read_ids, select.new_ids(self._new_id_count()))
            position_ids = select.new_position_ids(len(opening)) if opening else None
        if self._ahead:
            known.require_open(self._ahead.position_ids)
        if origins and position_ids:
            pairs = dict(zip(opening, selected.read_ids(position_ids), strict=True))
            known.put_blank(pairs, selected.read_items(origins[0]), selected.read_locations(origins[1]))

    def _ask_for_all(self, trip: RoundTrip, select: Selecting, submissions: Sequence[Submission]) -> None:
        """Lock the positions of a batch, and read what is always needed of them."""
        needs, known = self._needs, self._known
        names = self._ahead.by_id(needs.names) if self._ahead else needs.names
        _put(known.put_positions, selected.read_positions, lock_positions(trip, self._tenant_id, names, needs.beside))
        if self._ahead:
            moved = select.moved_since(self._ahead.journal_end, MOVED_MAX)
            _put(partial(self._put_lines, self._ahead), selected.read_moved, moved)
        _put(known.put_state, selected.read_state, select.state(names, needs.beside))
        if submissions:
            repeats = select.repeats(submission.request_id for submission in submissions)
            _put(self._put_repeats, selected.read_repeats, repeats)

    def _ask_for_single(self, trip: RoundTrip, one: Single) -> None:
        """The same for a single operation at a single position, with its line."""
        _put(self._known.put_positions, selected.read_positions, lock_position(trip, self._tenant_id, one.name))
        _put(partial(self._put_single, one), selected.read_single, one.read(trip, self._tenant_id))

    def _put_single(self, one: Single, read: tuple[State, bool, Sequence[StockedItem]]) -> None:
        """Put what was read for a single operation. What a repeat was told, and a line that has to reach further, are read next."""
        state, is_repeated, in_line = read
        self._known.put_state(state)
        if is_repeated:
            self._repeated = one.request_id
        if one.line is None:
            return
        if pages := one.pages(in_line, self._known.now):
            self._known.put_pages(one.line, one.asked, pages)
        else:
            self._outdated[one.line] = dict(one.asked)

    def _put_repeats(self, repeats: Mapping[str, Repeat]) -> None:
        self._repeats = repeats

    def _put_lines(self, ahead: Ahead, moved: Sequence[int | None]) -> None:
        """Put the lines that were read ahead and are as they were; the others have to be read again."""
        known, changed = self._known, outdated(moved)
        for line, asked in self._needs.asked.items():
            pages = ahead.lines[line]
            # Cut short, they don't tell which positions they have left out.
            again = EVERY if pages.are_cut else changed
            stayed = {name: units for name, units in asked.items() if known.position_of(name) not in again}
            known.put_pages(line, stayed, pages)
            if len(stayed) < len(asked):
                self._outdated[line] = {name: units for name, units in asked.items() if name not in stayed}

    def _put_new_ids(self, new_ids: Sequence[int]) -> None:
        self._new_ids = new_ids

    def _ask_for_named(self, select: Selecting) -> None:
        """Stocked items, receipts and order lines that operations name."""
        needs, known = self._needs, self._known
        if named := needs.stocked_item_ids():
            _put(known.put_named, selected.read_stocked_items, select.named(named))
        if needs.receipts:
            _put(known.put_receipts, selected.read_receipts, select.receipts(needs.receipts))
        if needs.order_lines:
            _put(known.put_expectations, selected.read_expectations, select.expectations(needs.order_lines))

    def _ask_for_lines(
        self,
        select: Selecting,
        asked: Mapping[Line, Mapping[Name, Decimal]],
        brought: Mapping[tuple[Name, str], Decimal],
    ) -> None:
        """What lines and order lines must cover."""
        for line, of_line in asked.items():
            put = partial(self._known.put_line, line, of_line)
            _put(put, selected.read_stocked_items, select.lines(line, of_line, self._bounds))
        if brought:
            put_brought = partial(self._known.put_brought, brought)
            _put(put_brought, selected.read_brought, select.brought(brought, self._bounds))

    def _ask_for_held(self, select: Selecting) -> None:
        """What demands hold, and what was delivered to them."""
        needs, known = self._needs, self._known
        if needs.demands:
            put = partial(known.put_held_by_demands, needs.demands)
            _put(put, selected.read_holdings, select.held_by_demands(needs.demands, self._bounds))
        if needs.held:
            _put(known.put_holdings, selected.read_holdings, select.held_of_stocked_items(needs.held))
        if needs.returned:
            returned = self._returned()
            put = partial(known.put_delivered, returned)
            _put(put, selected.read_holdings, select.delivered(returned, self._bounds))

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

    # --- the second round trip ---

    def look_again(self, opening: Collection[ItemAtLocation]) -> None:
        """Read what the first round trip showed to be needed, if anything."""
        known = self._known
        missing = self._missing()
        due = [
            position_id
            for position_id, position in known.positions.items()
            if position.next_expiry is not None and position.next_expiry <= known.now
        ]
        counts = [count for count in self._needs.counted if known.position_of(count.target) in known.positions]
        revived = self._revived()
        asked, brought = self._asked_now()
        if not (missing or due or counts or revived or asked or brought or self._repeated):
            return
        with RoundTrip(self._connection) as trip:
            select = Selecting(trip, self._tenant_id)
            if missing:
                _put(known.put_item_ids, selected.read_ids, select.known_items(missing))
                _put(known.put_location_ids, selected.read_ids, select.known_locations(missing))
            if due:
                expired = select.expired_holdings(due, known.now, EXPIRIES_MAX + 1)
                _put(known.put_expired, selected.read_holdings, expired)
            if counts:
                position_ids = [known.position_of(count.target) for count in counts]
                counted = select.counted(counts, position_ids)
                _put(known.put_counted, partial(selected.read_counted, counts=counts), counted)
            self._ask_for_lines(select, asked, brought)
            if self._repeated:
                _put(self._put_repeats, selected.read_repeats, select.repeats([self._repeated]))
            if revived:
                _put(known.put_serial_numbers, selected.read_serial_numbers, select.serial_numbers(revived))
        if missing:
            self._require_open(opening)

    def _missing(self) -> list[ItemAtLocation]:
        wanted = [name for name in self._needs.names if isinstance(name, ItemAtLocation)]
        return [pair for pair in [*wanted, *self._wanted_beside()] if pair not in self._known.open]

    def _wanted_beside(self) -> list[ItemAtLocation]:
        """Positions that are named by another one and their own location."""
        known = self._known
        sources = [(known.position_of(name), location_id) for name, location_id in self._needs.beside]
        return [
            ItemAtLocation(known.positions[position_id].pair.item_id, location_id)
            for position_id, location_id in sources
            if position_id in known.positions
        ]

    def _require_open(self, opening: Collection[ItemAtLocation]) -> None:
        """Begin again if positions have to be opened that could be."""
        known = self._known
        wanted = [*self._needs.opens, *self._wanted_beside()]
        unopened = {
            pair
            for pair in wanted
            if pair not in known.open
            and pair not in opening
            and pair.item_id in known.item_ids
            and pair.location_id in known.location_ids
        }
        if unopened:
            raise PositionsMissing({*unopened, *opening})

    def _revived(self) -> set[str]:
        """Serial numbers of units that are gone and may come back."""
        if not self._needs.revives:
            return set()
        there = [one for position in self._known.positions.values() for one in position.stocked_items.values()]
        return {one.serial_number for one in there if one.serial_number and not one.places.on_hand}

    def _asked_now(self) -> tuple[Mapping[Line, Mapping[Name, Decimal]], Mapping[tuple[Name, str], Decimal]]:
        """What lines and order lines must cover that have not been read yet."""
        whole = self._whole()
        if not self._generously:
            again = dict(self._outdated)
            if whole:
                again[WHOLE] = again.get(WHOLE, {}) | whole
            return again, {}
        needs, known = self._needs, self._known
        asked = {line: known.by_position(of_line) for line, of_line in needs.asked.items()}
        asked[WHOLE] = asked.get(WHOLE, {}) | known.by_position(whole)
        brought = known.by_position_and(needs.brought)
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
            there = self._known.positions[position_id].stocked_items.values()
            reach[position_id] += sum((one.available for one in there), ZERO)
        return reach

    def _whole(self) -> dict[Name, Decimal]:
        """Positions of which closings and counts may take all that is available."""
        positions = self._known.positions
        whole = {name: self._known.position_of(name) for name in self._needs.whole}
        for position_id in whole.values():
            if position_id in positions:
                # Unless something is there to be read.
                positions[position_id].ends[WHOLE] = None
        return {
            name: ALL
            for name, position_id in whole.items()
            if position_id in positions and positions[position_id].totals.available
        }

    # --- a third one, seldom ---

    def look_for_receipts(self) -> None:
        """Units of an order line may be available only when others of the operations have made them so."""
        emptied = [
            one.stocked_item_id
            for position_id, order_line in self._known.by_position_and(self._needs.brought)
            for one in self._known.positions[position_id].stocked_items.values()
            if one.order_line == order_line and not one.available
        ]
        if emptied:
            with RoundTrip(self._connection) as trip:
                receipts = Selecting(trip, self._tenant_id).receipts(emptied)
            self._known.put_receipts(selected.read_receipts(receipts))


def _put(put: Callable[[Read], None], read: Callable[[Result], Read], result: Result) -> None:
    """Have an answer read, and put where it belongs, while PostgreSQL is busy with the next one."""
    result.then(lambda answer: put(read(answer)))
