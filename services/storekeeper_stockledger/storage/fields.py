"""What filters may ask of the rows of each list, and the orders that lists have: declared once, for all who ask."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from storekeeper_kit.caller import COSTS_VIEW
from storekeeper_kit.ordering import Key, Order
from storekeeper_kit.querying import Field, Fields, boolean, choice, decimal, integer, text, time

from ..domain.places import Kind
from .tables import PLACE_NAMES, location, movement, operation, position, stocked_item

LOCATION_FIELDS: Final = Fields(
    {
        "location_id": integer(location.c.location_id),
        "name": text(location.c.name),
        "active": boolean(location.c.active),
        "create_time": time(location.c.create_time),
    },
    extensions=location.c.extensions,
)

_TOTALS: Final[Mapping[str, Field]] = {
    "totals.on_hand": decimal(position.c.available + position.c.reserved + position.c.picked),
    **{f"totals.{name}": decimal(position.c[name]) for name in ("available", "reserved", "picked", "on_order")},
}

POSITION_FIELDS: Final = Fields(
    {
        "position_id": integer(position.c.position_id),
        "item_id": integer(position.c.item_id),
        "location_id": integer(position.c.location_id),
        "bin": text(position.c.bin, blank_is_none=True),
        "reference_number": text(position.c.reference_number, blank_is_none=True),
        "creator": text(position.c.creator),
        "minimum": decimal(position.c.minimum),
        "maximum": decimal(position.c.maximum),
        **_TOTALS,
        "create_time": time(position.c.create_time),
    },
    extensions=position.c.extensions,
)

STOCKED_ITEM_FIELDS: Final = Fields(
    {
        "stocked_item_id": integer(stocked_item.c.stocked_item_id),
        "position_id": integer(stocked_item.c.position_id),
        "item_id": integer(stocked_item.c.item_id),
        "location_id": integer(stocked_item.c.location_id),
        "receive_time": time(stocked_item.c.receive_time),
        "create_time": time(stocked_item.c.create_time),
        **{f"places.{name}": decimal(stocked_item.c[name]) for name in ("received", *PLACE_NAMES)},
        "unit_cost.value": decimal(stocked_item.c.unit_cost, permission=COSTS_VIEW),
        "lot": text(stocked_item.c.lot, blank_is_none=True),
        "serial_number": text(stocked_item.c.serial_number, blank_is_none=True),
    },
    extensions=stocked_item.c.extensions,
)

MOVEMENT_FIELDS: Final = Fields(
    {
        "movement_id": integer(movement.c.movement_id),
        "operation_id": integer(movement.c.operation_id),
        "line": integer(movement.c.line),
        "stocked_item_id": integer(movement.c.stocked_item_id),
        "position_id": integer(movement.c.position_id),
        "item_id": integer(position.c.item_id),
        "location_id": integer(position.c.location_id),
        "kind": choice(movement.c.kind, {kind.name: kind.value for kind in Kind}),
        "quantity": decimal(movement.c.quantity),
        "amount": decimal(movement.c.amount, permission=COSTS_VIEW),
        "reason": text(operation.c.reason, blank_is_none=True),
        "reference": text(movement.c.reference, blank_is_none=True),
        "actor": text(operation.c.actor),
        "effective_time": time(movement.c.effective_time),
        "record_time": time(movement.c.record_time),
    }
)

LOCATION_ORDER: Final = Order((Key(location.c.location_id, int, "location_id"),))
POSITION_ORDER: Final = Order((Key(position.c.position_id, int, "position_id"),))
MOVEMENT_ORDER: Final = Order((Key(movement.c.movement_id, int, "movement_id"),))

_BY_ID: Final = Key(stocked_item.c.stocked_item_id, int, "stocked_item_id")

OLDEST_FIRST: Final = Order((Key(stocked_item.c.receive_time, datetime, "receive_time"), _BY_ID))

STOCKED_ITEM_ORDERS: Final[Mapping[str, Order]] = {
    "age": OLDEST_FIRST,
    "stocked_item_id": Order((_BY_ID,)),
}
"""By what they are called; the first one is the default."""
