"""Stocked items, and the movements of each, as they stand."""

from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from .balances import PLACES, Units

COUNTED: Final = ("received", *PLACES)
"""What is counted of a stocked item; on movements, with `_after` behind it."""


class Movement(NamedTuple):
    """Units of a stocked item on their way, and what came of it."""

    stocked_item_id: int
    movement_id: int
    kind: str
    position_id: int
    quantity: Decimal
    amount: Decimal | None
    effective_time: datetime
    record_time: datetime
    order_line: str
    unit_cost: Decimal | None
    value_after: Decimal | None
    received: Decimal
    available: Decimal
    reserved: Decimal
    picked: Decimal
    delivered: Decimal
    transferred: Decimal
    removed: Decimal

    @property
    def units_after(self) -> Units:
        """What was received, and what is in each place."""
        return self[-len(COUNTED) :]  # type: ignore[return-value]


class StockedItem(NamedTuple):
    """A stocked item as it stands."""

    stocked_item_id: int
    position_id: int
    receive_time: datetime
    create_time: datetime
    order_line: str
    open: bool
    unit_cost: Decimal | None
    value: Decimal | None
    received: Decimal
    available: Decimal
    reserved: Decimal
    picked: Decimal
    delivered: Decimal
    transferred: Decimal
    removed: Decimal

    @property
    def units(self) -> Units:
        """What was received, and what is in each place."""
        return self[-len(COUNTED) :]  # type: ignore[return-value]


MOVEMENTS: Final = """
SELECT stocked_item_id, movement_id, kind, position_id, quantity, amount, effective_time, record_time, order_line,
       unit_cost, value_after, received_after, available_after, reserved_after, picked_after, delivered_after,
       transferred_after, removed_after
  FROM movement
 WHERE tenant_id = %s AND stocked_item_id IS NOT NULL
 ORDER BY stocked_item_id, movement_id
"""

STOCKED_ITEMS: Final = """
SELECT stocked_item_id, position_id, receive_time, create_time, order_line, open, unit_cost, value, received, available,
       reserved, picked, delivered, transferred, removed
  FROM stocked_item
 WHERE tenant_id = %s
 ORDER BY stocked_item_id
"""
