"""Statements about items."""

from collections.abc import Collection
from typing import Any, Final

import psycopg
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    any_,
    bindparam,
    case,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from ..domain.item import (
    Draft,
    Item,
    ItemState,
    ItemType,
    Registration,
    RegistrationState,
    Tracking,
    UnitCost,
)
from .tables import item, registration

FIRST_VERSION: Final = 1

_IDS: ARRAY[int] = ARRAY(BigInteger)

REGISTRATION_STATE: Final = case(
    (item.c.type != ItemType.INVENTORY, RegistrationState.NOT_NEEDED),
    (registration.c.version.is_(None), RegistrationState.DONE),
    (registration.c.refused_reason.is_not(None), RegistrationState.REFUSED),
    else_=RegistrationState.PENDING,
)
"""Where the registration of an item stands: what has no entry in the outbox is done."""

_ITEMS: Final = item.outerjoin(
    registration, (registration.c.tenant_id == item.c.tenant_id) & (registration.c.item_id == item.c.item_id)
)


def select_items(tenant_id: int) -> Select[Any]:
    """A tenant's items with the state of their registration. See `read_item`."""
    return (
        select(
            item,
            REGISTRATION_STATE.label("registration_state"),
            registration.c.refused_reason,
            registration.c.refused_message,
        )
        .select_from(_ITEMS)
        .where(item.c.tenant_id == tenant_id)
    )


def count_items(tenant_id: int) -> Select[int]:
    """How many items a tenant has; conditions may be about their registration."""
    return select(func.count()).select_from(_ITEMS).where(item.c.tenant_id == tenant_id)


def find_item(connection: Connection, tenant_id: int, condition: ColumnElement[bool]) -> Item | None:
    """The one item that the condition holds for."""
    row = connection.execute(select_items(tenant_id).where(condition)).one_or_none()
    return read_item(row) if row else None


def by_id(item_id: int) -> ColumnElement[bool]:
    """The item with this id."""
    return item.c.item_id == item_id


def by_sku(sku: str) -> ColumnElement[bool]:
    """The item with this sku; the empty one names none."""
    # Said twice, for the planner: the index has only items with a sku.
    return (item.c.sku == sku) & (item.c.sku != "")


def find_items(connection: Connection, tenant_id: int, item_ids: Collection[int]) -> list[Item]:
    """The items with these ids, in any order; missing ones are missing."""
    wanted = item.c.item_id == any_(bindparam("ids", list(item_ids), _IDS))
    rows = connection.execute(select_items(tenant_id).where(wanted))
    return [read_item(row) for row in rows]


def find_request(connection: Connection, tenant_id: int, request_id: str) -> tuple[int, bytes] | None:
    """Which item a request created, and the fingerprint of what it asked."""
    row = connection.execute(
        select(item.c.item_id, item.c.fingerprint).where(item.c.tenant_id == tenant_id, item.c.request_id == request_id)
    ).one_or_none()
    return (row.item_id, row.fingerprint) if row else None


def find_sku_holder(connection: Connection, tenant_id: int, sku: str) -> int | None:
    """The id of the item with this sku."""
    return connection.scalar(select(item.c.item_id).where(item.c.tenant_id == tenant_id, by_sku(sku)))


def insert_item(
    connection: Connection, tenant_id: int, draft: Draft, *, request_id: str, fingerprint: bytes
) -> int | None:
    """Insert an item and return its id; None when another one has its request id or its sku."""
    statement = insert(item).values(
        tenant_id=tenant_id,
        **_described(draft),
        type=draft.type,
        version=FIRST_VERSION,
        request_id=request_id,
        fingerprint=fingerprint,
        create_time=func.now(),
        update_time=func.now(),
    )
    # Waits for a twin that is in flight, and does not fail when it was faster.
    inserted = connection.execute(statement.on_conflict_do_nothing().returning(item.c.item_id))
    return inserted.scalar_one_or_none()


def update_item(connection: Connection, tenant_id: int, changed: Item) -> None:
    """Write an item that is locked and keeps its sku."""
    statement = update(item).where(item.c.tenant_id == tenant_id, item.c.item_id == changed.item_id)
    # Not the time at which the transaction began, which then may have waited for the change before; nor earlier than
    # that when the clock was turned back.
    update_time = func.greatest(item.c.update_time, func.clock_timestamp())
    connection.execute(statement.values(**_described(changed), version=changed.version, update_time=update_time))


def update_item_with_sku(connection: Connection, tenant_id: int, changed: Item) -> bool:
    """Write an item that is locked and gets another sku; False when another item has it."""
    try:
        # A savepoint, so that the transaction outlives a twin that took the sku first.
        with connection.begin_nested():
            update_item(connection, tenant_id, changed)
    except IntegrityError as error:
        if not _is_about_sku(error):
            raise
        return False
    return True


def read_item(row: Row[Any]) -> Item:
    """An item as it is stored."""
    return Item(
        item_id=row.item_id,
        sku=row.sku,
        name=row.name,
        description=row.description,
        type=ItemType(row.type),
        tracking=Tracking(row.tracking),
        quantity_scale=row.quantity_scale,
        unit_cost=read_unit_cost(row),
        extensions=row.extensions,
        state=ItemState(row.state),
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
        registration=Registration(
            RegistrationState(row.registration_state), row.refused_reason or "", row.refused_message or ""
        ),
    )


def read_unit_cost(row: Row[Any]) -> UnitCost | None:
    """What a unit of an item usually costs."""
    return None if row.unit_cost is None else UnitCost(row.currency_code, row.unit_cost)


def _is_about_sku(error: IntegrityError) -> bool:
    return isinstance(error.orig, psycopg.Error) and error.orig.diag.constraint_name == "item_sku_key"


def _described(draft: Draft) -> dict[str, object]:
    """The columns for what a caller says of an item, but for its type."""
    cost = draft.unit_cost
    return {
        "sku": draft.sku,
        "name": draft.name,
        "description": draft.description,
        "tracking": draft.tracking,
        "quantity_scale": draft.quantity_scale,
        "unit_cost": cost and cost.value,
        "currency_code": cost and cost.currency_code,
        "extensions": draft.extensions,
        "state": draft.state,
    }
