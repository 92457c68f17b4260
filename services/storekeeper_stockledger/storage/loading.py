"""Locks and loads the stock that the operations of a batch can touch.

Two round trips, whatever the number of operations: the locks with all that the operations themselves name, then what
depends on which positions were found. Of a position's stocked items only the oldest are read, until they cover what
the whole batch asks of it, and never more than one operation could draw on.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection

from ..domain.costs import Costing, CostMethod
from ..domain.decide import Stock
from ..domain.items import Item, Settings
from ..domain.operations import (
    AddStock,
    ClosePosition,
    ItemAtLocation,
    Operation,
    PositionId,
    RemoveStock,
    StockedItemId,
    Submission,
)
from ..domain.places import ZERO
from ..domain.removal import DRAWS_MAX
from ..domain.stock import Shelf, StockedItem, Totals
from . import selecting
from .locking import lock_positions
from .selecting import Repeat, Selecting


class StockMoved(Exception):
    """A stocked item that is named has left the position that was locked for it: begin again."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a batch can touch, and which of its requests are repeats."""

    stock: Stock
    repeats: Mapping[UUID, Repeat]
    new_ids: Sequence[int]
    """For the stocked items that additions make, rising."""


def lock_and_load(connection: Connection[Any], tenant_id: int, submissions: Sequence[Submission]) -> Loaded:
    """The stock that the submissions can touch, locked until the transaction ends."""
    select = Selecting(connection, tenant_id)
    found = _lock(connection, select, tenant_id, submissions)
    fresh = [
        submission.operation
        for submission in submissions
        if submission.validate_only or submission.request_id not in found.repeats
    ]
    return Loaded(_load(connection, select, found, fresh), found.repeats, found.new_ids)


# --- the first round trip -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The locked positions, and what could be asked for before it was known which they are."""

    totals: Mapping[int, Totals]
    is_open: Mapping[int, bool]
    positions: Mapping[ItemAtLocation, int]
    pairs: Mapping[int, ItemAtLocation]
    named: Mapping[int, StockedItem]
    now: datetime
    settings: Settings
    repeats: Mapping[UUID, Repeat]
    serial_numbers: dict[tuple[int, str], int]
    new_ids: Sequence[int]

    def position_of(self, operation: Operation) -> int | None:
        """The position that an operation touches; None when there is none."""
        match _name(operation):
            case ItemAtLocation() as pair:
                return self.positions.get(pair)
            case PositionId(position_id):
                return position_id if position_id in self.totals else None
            case StockedItemId(stocked_item_id):
                return self.named[stocked_item_id].position_id if stocked_item_id in self.named else None


def _lock(connection: Connection[Any], select: Selecting, tenant_id: int, submissions: Sequence[Submission]) -> _Found:
    names = {_name(submission.operation): None for submission in submissions}
    stocked_item_ids = [name.stocked_item_id for name in names if isinstance(name, StockedItemId)]
    additions = [submission.operation for submission in submissions if isinstance(submission.operation, AddStock)]
    serial_numbers = {addition.serial_number for addition in additions} - {""}
    with connection.pipeline():
        # First of all: what is read after it can't change any more.
        locked = lock_positions(
            connection,
            tenant_id,
            position_ids=[name.position_id for name in names if isinstance(name, PositionId)],
            pairs=[name for name in names if isinstance(name, ItemAtLocation)],
            stocked_item_ids=stocked_item_ids,
        )
        tenant = select.tenant()
        repeats = select.repeats(submission.request_id for submission in submissions)
        named = select.named(stocked_item_ids) if stocked_item_ids else None
        in_stock = select.serial_numbers(serial_numbers) if serial_numbers else None
        new_ids = select.new_ids(len(additions)) if additions else None
    rows = locked.fetchall()
    now, settings = selecting.read_tenant(tenant)
    pairs = {row[0]: ItemAtLocation(row[2], row[3]) for row in rows}
    is_open = {row[0]: row[1] for row in rows}
    found = _Found(
        totals={row[0]: Totals(*row[4:]) for row in rows},
        is_open=is_open,
        positions={pair: position_id for position_id, pair in pairs.items() if is_open[position_id]},
        pairs=pairs,
        named={item.stocked_item_id: item for item in selecting.read_stocked_items(named)} if named else {},
        now=now,
        settings=settings,
        repeats=selecting.read_repeats(repeats),
        serial_numbers=selecting.read_serial_numbers(in_stock) if in_stock else {},
        new_ids=selecting.read_ids(new_ids) if new_ids else (),
    )
    if any(item.position_id not in found.totals for item in found.named.values()):
        raise StockMoved
    return found


def _name(operation: Operation) -> ItemAtLocation | PositionId | StockedItemId:
    return operation.target if isinstance(operation, AddStock) else operation.source


# --- the second round trip ----------------------------------------------------------------------------------------


def _load(connection: Connection[Any], select: Selecting, found: _Found, operations: Sequence[Operation]) -> Stock:
    asked = _asked(found, operations)
    costed = _costed(found, operations)
    unknown = [name for name in map(_name, operations) if isinstance(name, ItemAtLocation)]
    unknown = [pair for pair in unknown if pair not in found.positions]
    with connection.pipeline():
        facts = select.position_facts(found.totals)
        lines = select.lines(asked, {}) if asked else None
        costing = select.costing(costed) if costed else None
        items = select.known_items(unknown) if unknown else None
        locations = select.known_locations(unknown) if unknown else None
    on_line = _lines(select, asked, selecting.read_stocked_items(lines)) if lines else []
    return Stock(
        settings=found.settings,
        now=found.now,
        shelves=_shelves(
            found,
            selecting.read_position_facts(facts),
            # A named one may be on the line too: it is the same row.
            [*on_line, *found.named.values()],
            selecting.read_costing(costing) if costing else {},
        ),
        positions=found.positions,
        homes={item.stocked_item_id: item.position_id for item in found.named.values()},
        known_items=frozenset(selecting.read_ids(items)) if items else frozenset(),
        known_locations=frozenset(selecting.read_ids(locations)) if locations else frozenset(),
        serial_numbers=found.serial_numbers,
    )


def _asked(found: _Found, operations: Iterable[Operation]) -> dict[int, Decimal]:
    """Units that are asked of each position, at most what it has: its oldest stocked items must cover them."""
    asked: defaultdict[int, Decimal] = defaultdict(Decimal)
    for operation in operations:
        position_id = found.position_of(operation)
        if position_id is None:
            continue
        if isinstance(operation, RemoveStock):
            asked[position_id] += operation.quantity
        elif isinstance(operation, ClosePosition):
            asked[position_id] += found.totals[position_id].available
    return {
        position_id: min(quantity, found.totals[position_id].available)
        for position_id, quantity in asked.items()
        if found.totals[position_id].available
    }


def _costed(found: _Found, operations: Iterable[Operation]) -> set[int]:
    """Positions whose stock must tell a cost."""
    return {
        position_id
        for operation in operations
        if isinstance(operation, AddStock) and isinstance(operation.cost, CostMethod)
        if (position_id := found.position_of(operation)) is not None
    }


def _lines(select: Selecting, asked: Mapping[int, Decimal], page: list[StockedItem]) -> list[StockedItem]:
    """The first page of each line and, for the first line that it doesn't cover, those that follow.

    So much is enough for the first operation of the batch, whatever it asks. One that needs more waits for the next
    batch, where it is the first.
    """
    by_position = _by_position(page)
    for position_id, quantity in asked.items():
        line = by_position.get(position_id, [])
        if sum(item.available for item in line) < quantity:
            return page + _rest_of_line(select, position_id, quantity, line)
    return page


def _rest_of_line(
    select: Selecting, position_id: int, quantity: Decimal, line: Sequence[StockedItem]
) -> list[StockedItem]:
    """The pages after `line`, until they cover the quantity or hold as many stocked items as one removal draws on."""
    rest: list[StockedItem] = []
    missing = quantity - sum((item.available for item in line), ZERO)
    end = line[-1].age if line else None
    while missing > 0 and len(line) + len(rest) < DRAWS_MAX:
        page = selecting.read_stocked_items(select.lines({position_id: missing}, {position_id: end} if end else {}))
        assert page, "the units that a position has available are those of its stocked items"
        rest += page
        missing -= sum(item.available for item in page)
        end = page[-1].age
    return rest


def _by_position(stocked_items: Iterable[StockedItem]) -> dict[int, list[StockedItem]]:
    by_position: defaultdict[int, list[StockedItem]] = defaultdict(list)
    for stocked_item in stocked_items:
        by_position[stocked_item.position_id].append(stocked_item)
    return by_position


def _shelves(
    found: _Found,
    facts: Mapping[int, tuple[bool, Item]],
    stocked_items: Iterable[StockedItem],
    costing: Mapping[int, Costing],
) -> dict[int, Shelf]:
    by_position = _by_position(stocked_items)
    return {
        position_id: Shelf(
            position_id=position_id,
            item=facts[position_id][1],
            location_id=found.pairs[position_id].location_id,
            location_active=facts[position_id][0],
            is_open=found.is_open[position_id],
            totals=totals,
            stocked_items=by_position.get(position_id, ()),
            costing=costing.get(position_id),
        )
        for position_id, totals in found.totals.items()
    }
