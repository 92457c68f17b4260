"""What a batch writes (`recording.py`), as rows of the types that the migrations make for that."""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from storekeeper_kit.json_text import dump_json

from ..domain.holdings import Expectation, Holding
from ..domain.journal import Entry
from ..domain.shelf import Shelf
from ..domain.stock import Movement, StockedItem
from .rows import quoted, row

# The two that each operation takes are written out: `row` would look at each field first.


def entry_row(entry: Entry) -> str:
    """An operation as a `journal_entry`."""
    return (
        f'"({entry.request_id},{entry.kind},{_BYTES}{entry.fingerprint.hex()},{quoted(entry.actor)},{quoted(entry.reason)},'
        f'{len(entry.movements)},{_time(entry.effective_time)},{quoted(entry.draws)})"'
    )


def line_row(entry_number: int, line: int, movement: Movement) -> str:
    """A movement, with what came after it, as a `journal_line`."""
    after = movement.stocked_item
    return (
        f'"({entry_number},{line},{movement.kind},{after.stocked_item_id if after else ""},{movement.position_id},'
        f"{movement.quantity},{_optional(movement.amount)},{quoted(movement.reference)},{_time(movement.effective_time)},"
        f"{','.join(after.places.texts) if after else _NO_PLACES},{_optional(after.value if after else None)},"
        f"{','.join(movement.totals.texts)},{quoted(movement.demand)},{quoted(movement.order_line)},"
        f'{_optional(movement.reversed_movement_id)},{_optional(movement.unit_cost)})"'
    )


def opened_row(shelf: Shelf, entry_number: int, creator: str) -> str:
    """A position as an `opened_position`."""
    totals = shelf.totals
    return row(
        shelf.position_id,
        shelf.item.item_id,
        shelf.location_id,
        totals.available,
        totals.reserved,
        totals.picked,
        totals.on_order,
        entry_number,
        creator,
    )


def described_row(one: StockedItem) -> str:
    """A stocked item as a `described_stocked_item`."""
    return row(
        one.stocked_item_id,
        one.position_id,
        one.item_id,
        one.location_id,
        one.receive_time,
        *one.places.units,
        one.places.on_hand > 0,
        one.unit_cost,
        one.value,
        one.lot,
        one.serial_number,
        one.expire_time,
        one.parent_stocked_item_id,
        one.order_line,
        one.invoice_number,
        dump_json(one.extensions),
    )


def held_row(position_id: int, demand: str, stocked_item_id: int, holding: Holding) -> str:
    """What a demand holds of a stocked item as a `holding`."""
    return row(
        position_id,
        demand,
        stocked_item_id,
        holding.reserved,
        holding.picked,
        holding.delivered,
        holding.delivered_value,
        holding.is_open,
        holding.expire_time,
        holding.is_addition,
    )


def expected_row(position_id: int, order_line: str, expectation: Expectation) -> str:
    """What an order line brings to a position as an `order_line_state`."""
    return row(position_id, order_line, expectation.on_order, expectation.received)


@lru_cache(1024)
def _time(time: datetime) -> str:
    """Remembered: most of what a batch records has one time."""
    return quoted(str(time))


def _optional(number: Decimal | int | None) -> str:
    return "" if number is None else str(number)


_BYTES: Final = "\\\\\\\\x"
"""The beginning of bytes, with its backslash quoted twice."""

_NO_PLACES: Final = "," * 6
