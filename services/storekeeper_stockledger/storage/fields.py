"""What filters may ask of the rows of each list, and the orders that lists have: declared once, for all who ask."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from storekeeper_kit.caller import COSTS_VIEW
from storekeeper_kit.ordering import Key, Order
from storekeeper_kit.querying import Fields, boolean, choice, decimal, integer, text, time

from ..domain.places import Kind
from . import views
from .instants import position_then
from .tables import PLACE_NAMES, expectation, location, movement, operation, position
from .views import reservation, stocked_item

LOCATION_FIELDS: Final = Fields(
    {
        "location_id": integer(location.c.location_id),
        "name": text(location.c.name),
        "active": boolean(location.c.active),
        "create_time": time(location.c.create_time),
    },
    extensions=location.c.extensions,
)


def _position_fields(columns: ReadOnlyColumnCollection[str, ColumnElement[Any]]) -> Fields:
    return Fields(
        {
            "position_id": integer(columns.position_id),
            "item_id": integer(columns.item_id),
            "location_id": integer(columns.location_id),
            "bin": text(columns.bin, blank_is_none=True),
            "reference_number": text(columns.reference_number, blank_is_none=True),
            "creator": text(columns.creator),
            "minimum": decimal(columns.minimum),
            "maximum": decimal(columns.maximum),
            "totals.on_hand": decimal(columns.available + columns.reserved + columns.picked),
            **{f"totals.{name}": decimal(columns[name]) for name in ("available", "reserved", "picked", "on_order")},
            "create_time": time(columns.create_time),
        },
        extensions=columns.extensions,
    )


POSITION_FIELDS: Final = _position_fields(views.position.c)

POSITION_THEN_FIELDS: Final = _position_fields(position_then.c)
"""The same of positions as they were at an instant."""

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
        "order_line": text(stocked_item.c.order_line, blank_is_none=True),
        "invoice_number": text(stocked_item.c.invoice_number, blank_is_none=True),
        "expire_time": time(stocked_item.c.expire_time),
        "parent_stocked_item_id": integer(stocked_item.c.parent_stocked_item_id),
    },
    extensions=stocked_item.c.extensions,
)

RESERVATION_FIELDS: Final = Fields(
    {
        "demand": text(reservation.c.demand),
        "stocked_item_id": integer(reservation.c.stocked_item_id),
        "position_id": integer(reservation.c.position_id),
        "item_id": integer(reservation.c.item_id),
        "location_id": integer(reservation.c.location_id),
        **{name: decimal(reservation.c[name]) for name in ("reserved", "picked", "delivered")},
        "expire_time": time(reservation.c.expire_time),
    }
)

EXPECTATION_FIELDS: Final = Fields(
    {
        "order_line": text(expectation.c.order_line),
        "position_id": integer(expectation.c.position_id),
        "item_id": integer(position.c.item_id),
        "location_id": integer(position.c.location_id),
        **{name: decimal(expectation.c[name]) for name in ("on_order", "received")},
    }
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
        "demand": text(movement.c.demand, blank_is_none=True),
        "order_line": text(movement.c.order_line, blank_is_none=True),
        "actor": text(operation.c.actor),
        "effective_time": time(movement.c.effective_time),
        "record_time": time(movement.c.record_time),
    }
)

LOCATION_ORDER: Final = Order((Key(location.c.location_id, int, "location_id"),))
POSITION_ORDER: Final = Order((Key(views.position.c.position_id, int, "position_id"),))
POSITION_THEN_ORDER: Final = Order((Key(position_then.c.position_id, int, "position_id"),))
RESERVATION_ORDER: Final = Order(
    (
        Key(reservation.c.position_id, int, "position_id"),
        Key(reservation.c.demand, str, "demand"),
        Key(reservation.c.stocked_item_id, int, "stocked_item_id"),
    )
)
EXPECTATION_ORDER: Final = Order(
    (Key(expectation.c.position_id, int, "position_id"), Key(expectation.c.order_line, str, "order_line"))
)
MOVEMENT_ORDER: Final = Order((Key(movement.c.movement_id, int, "movement_id"),))

_BY_ID: Final = Key(stocked_item.c.stocked_item_id, int, "stocked_item_id")

OLDEST_FIRST: Final = Order((Key(stocked_item.c.receive_time, datetime, "receive_time"), _BY_ID))

STOCKED_ITEM_ORDERS: Final[Mapping[str, Order]] = {
    "age": OLDEST_FIRST,
    "stocked_item_id": Order((_BY_ID,)),
}
"""By what they are called; the first one is the default."""
