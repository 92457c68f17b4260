"""What the rows mean that are locked (`locking.py`) and read (`selecting.py`) for a batch."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from storekeeper_kit.round_trips import Result

from ..domain.costs import Costing
from ..domain.holdings import Expectation, Holding
from ..domain.items import Item, Settings, Tracking
from ..domain.operations import CountStock, ItemAtLocation
from ..domain.places import Places
from ..domain.stock import StockedItem, Totals
from ..domain.values import dataclass
from .extensions import read_extensions

STOCKED_ITEM_COLUMNS = """
       s.stocked_item_id, s.position_id, s.item_id, s.location_id, s.receive_time, s.received, s.available,
       s.reserved, s.picked, s.delivered, s.transferred, s.removed, s.unit_cost, s.value, s.lot, s.serial_number,
       s.expire_time, s.parent_stocked_item_id, s.order_line, s.invoice_number, s.extensions::text
"""
"""What is read of a stocked item; what else a row holds comes after them."""
_STOCKED_ITEM_WIDTH: Final = 21

STATE_COLUMNS = """
       tenant.now, tenant.reason_required, tenant.currency_code, tenant.invoice_number_required,
       tenant.inactive_location_removal_allowed, fact.position_id, fact.active, fact.item_id, fact.version,
       fact.tracking, fact.quantity_scale, fact.archived, fact.expired
"""
"""What is read of a tenant, and of the item and the location of a position."""
_STATE_WIDTH: Final = 13

HOLDING_COLUMNS = "r.demand, r.reserved, r.picked, r.delivered, r.delivered_value, r.expire_time"
"""The demand that holds units, and what is read of the holding."""

Held = tuple[StockedItem, int, str, Holding]
"""A stocked item, the position and the demand that it is held for, and what is held."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """What is recorded under a request id."""

    fingerprint: bytes
    operation_id: int
    movement_count: int
    last_movement_id: int
    effective_time: datetime
    unit_cost: Decimal | None
    """What units cost that it brought, if that was known; of what the first release recorded, what they cost now."""

    @property
    def movement_ids(self) -> range:
        """The ids of its movements."""
        return range(self.last_movement_id - self.movement_count + 1, self.last_movement_id + 1)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the item and the location of a position say about it, and how many of its available units have expired."""

    location_active: bool
    item: Item
    expired: Decimal


State = tuple[datetime, Settings, Mapping[int, Facts]]
"""The time, the settings, and facts about positions by their ids."""


class JournalEnd(NamedTuple):
    """The last ids in a journal."""

    operation_id: int
    movement_id: int


def read_positions(result: Result) -> list[tuple[int, ItemAtLocation, bool, datetime | None, Totals]]:
    """Positions with their names, whether they are open, when the next reservation there expires, and their totals."""
    return [(row[0], ItemAtLocation(row[2], row[3]), row[1], row[4], Totals(*row[5:])) for row in result.rows()]


def read_items(result: Result) -> dict[int, Item]:
    """Items by their ids."""
    return {row[0]: Item(row[0], row[1], Tracking(row[2]), row[3], row[4]) for row in result.rows()}


def read_locations(result: Result) -> dict[int, bool]:
    """Whether locations are active, by their ids."""
    return dict(result.rows())


def read_state(result: Result) -> State:
    """The time, the settings (those of a tenant that has none are the defaults), and the facts by position id."""
    return _state(result.rows())


def read_single(result: Result) -> tuple[State, bool, list[StockedItem]]:
    """The state, whether the request is recorded, and the first stocked items in the line, if one was asked for."""
    rows = result.rows()
    # There is a row also where none was asked for, and of a line that is empty.
    in_line = [row[_STATE_WIDTH + 1 :] for row in rows if any(row[_STATE_WIDTH + 1 :])]
    return _state(rows[:1]), rows[0][_STATE_WIDTH], list(map(_stocked_item, in_line))


def _state(rows: Sequence[Sequence[Any]]) -> State:
    now, *settings = rows[0][:5]
    facts = {
        row[5]: Facts(row[6], Item(row[7], row[8], Tracking(row[9]), row[10], row[11]), row[12] or Decimal())
        for row in rows
        if row[5] is not None
    }
    return now, Settings() if settings[0] is None else Settings(*settings), facts


def read_repeats(result: Result) -> dict[str, Repeat]:
    """What is recorded, by request id."""
    return {request_id: Repeat(*rest) for request_id, *rest in result.rows()}


def read_stocked_items(result: Result) -> list[StockedItem]:
    """Stocked items as they are stored."""
    return [_stocked_item(row) for row in result.rows()]


def read_holdings(result: Result) -> list[Held]:
    """Stocked items with the position and the demand that they are held for, and what is held."""
    return [
        (
            _stocked_item(row),
            row[_STOCKED_ITEM_WIDTH],
            row[_STOCKED_ITEM_WIDTH + 1],
            Holding(*row[_STOCKED_ITEM_WIDTH + 2 :]),
        )
        for row in result.rows()
    ]


def read_expectations(result: Result) -> list[tuple[int, str, Expectation]]:
    """Positions, order lines, and what these bring there."""
    return [(position_id, line, Expectation(*rest)) for position_id, line, *rest in result.rows()]


def read_brought(result: Result) -> list[tuple[StockedItem, int | None]]:
    """Stocked items, each with the movement that received it; None where it has come from another location since."""
    return [(_stocked_item(row), row[_STOCKED_ITEM_WIDTH]) for row in result.rows()]


def read_receipts(result: Result) -> list[tuple[int, int, int | None]]:
    """Positions, stocked items that are there, and the movements that received them there, if any did."""
    return result.rows()


def read_ids(result: Result) -> list[int]:
    """One column of ids."""
    return [row[0] for row in result.rows()]


def read_journal_end(result: Result) -> JournalEnd:
    """How far the journal goes; of a tenant that has none, nowhere."""
    return JournalEnd(*(result.rows() or [(0, 0)])[0])


def read_moved(result: Result) -> list[int | None]:
    """The positions at which something has moved, each maybe often; None among them where it may be any."""
    return [row[0] for row in result.rows()]


def read_serial_numbers(result: Result) -> dict[tuple[int, str], int]:
    """The stocked item in stock, by item and serial number."""
    return {(item_id, serial_number): holder for item_id, serial_number, holder in result.rows()}


def read_costing(result: Result) -> dict[int, Costing]:
    """Costings by position id."""
    return {
        position_id: Costing(units, value, last_cost, None if receive_time is None else (receive_time, stocked_item_id))
        for position_id, units, value, last_cost, receive_time, stocked_item_id in result.rows()
    }


def read_counted(result: Result, counts: Sequence[CountStock]) -> dict[CountStock, Decimal]:
    """What was on hand for each count; nothing, where nothing was recorded by then."""
    return {counts[number - 1]: on_hand or Decimal() for number, on_hand in result.rows()}


def _stocked_item(row: Sequence[Any]) -> StockedItem:
    return StockedItem(
        stocked_item_id=row[0],
        position_id=row[1],
        item_id=row[2],
        location_id=row[3],
        receive_time=row[4],
        places=Places(*row[5:12]),
        unit_cost=row[12],
        value=row[13],
        lot=row[14],
        serial_number=row[15],
        expire_time=row[16],
        parent_stocked_item_id=row[17],
        order_line=row[18],
        invoice_number=row[19],
        extensions=read_extensions(row[20]),
    )
