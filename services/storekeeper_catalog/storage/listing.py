"""Lists of items: what a filter may ask of them, the orders that they can have, and one page by one statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection

from storekeeper_kit import querying
from storekeeper_kit.caller import COSTS_VIEW
from storekeeper_kit.ordering import Key, Order

from ..domain.item import Item, ItemState, ItemType, RegistrationState, Tracking
from .items import REGISTRATION_STATE, count_items, read_item, select_items
from .tables import item

FIELDS: Final = querying.Fields(
    {
        "item_id": querying.integer(item.c.item_id),
        "sku": querying.text(item.c.sku, blank_is_none=True),
        "name": querying.text(item.c.name, blank_is_none=True),
        "description": querying.text(item.c.description, blank_is_none=True),
        "type": querying.choice(item.c.type, {one.name: one for one in ItemType}),
        "tracking": querying.choice(item.c.tracking, {one.name: one for one in Tracking}),
        "quantity_scale": querying.integer(item.c.quantity_scale),
        "state": querying.choice(item.c.state, {one.name: one for one in ItemState}),
        "registration.state": querying.choice(REGISTRATION_STATE, {one.name: one for one in RegistrationState}),
        "unit_cost.value": querying.decimal(item.c.unit_cost, permission=COSTS_VIEW),
        # Whoever may ask in which currency a cost is learns whether there is one.
        "unit_cost.currency_code": querying.text(item.c.currency_code, permission=COSTS_VIEW),
        "create_time": querying.time(item.c.create_time),
        "update_time": querying.time(item.c.update_time),
    },
    extensions=item.c.extensions,
)
"""What a filter may ask."""

_BY_ID: Final = Key(item.c.item_id, int, "item_id")

ORDERS: Final = {
    "item_id": Order((_BY_ID,)),
    "sku": Order((Key(item.c.sku, str, "sku"), _BY_ID)),
    "name": Order((Key(item.c.name, str, "name"), _BY_ID)),
    "create_time": Order((Key(item.c.create_time, datetime, "create_time"), _BY_ID)),
    "update_time": Order((Key(item.c.update_time, datetime, "update_time"), _BY_ID)),
}
"""The orders that a list can have, by what they are called; the first one is the default."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items are listed, in which order, how many of them, and after which keys of that order."""

    filter: ColumnElement[bool]
    order: Order
    size: int
    after: tuple[Any, ...] | None


def list_items(connection: Connection, tenant_id: int, wanted: Wanted) -> list[Item]:
    """One page of items."""
    statement = select_items(tenant_id).where(wanted.filter, wanted.order.after(wanted.after))
    rows = connection.execute(statement.order_by(*wanted.order.columns).limit(wanted.size))
    return [read_item(row) for row in rows]


def count(connection: Connection, tenant_id: int, wanted: Wanted) -> int:
    """How many items there are on all pages."""
    return connection.scalars(count_items(tenant_id).where(wanted.filter)).one()
