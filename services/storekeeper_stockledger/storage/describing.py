"""Statements about locations, items, positions and settings: what stock is kept of, where, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Row, Select, Table, exists, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from ..domain.costs import UnitCost
from ..domain.items import Item, Settings, Tracking
from ..domain.journal import Entry
from ..domain.records import Location, Position, PositionTerms
from ..domain.stock import Totals
from . import tables
from .recording import Numbers, number_and_record

FIRST_REVISION: Final = 1
"""Of what nobody has changed yet."""

_BEFORE_ALL: Final = datetime(1970, 1, 1, tzinfo=UTC)


def begin_tenant(connection: Connection, tenant_id: int) -> None:
    """Give a tenant its settings and its journal, if it has none yet: both must be there to be locked."""
    defaults = asdict(Settings()) | {"revision": FIRST_REVISION}
    head = {"last_operation_id": 0, "last_movement_id": 0, "record_time": _BEFORE_ALL, "chain_hash": b""}
    for table, values in ((tables.settings, defaults), (tables.journal_head, head)):
        connection.execute(upsert(table).values(tenant_id=tenant_id, **values).on_conflict_do_nothing())


def record_creation(connection: Connection, tenant_id: int, entry: Entry) -> Numbers:
    """Write down that something was created; the journal head is locked."""
    driver_connection = connection.connection.driver_connection
    assert isinstance(driver_connection, psycopg.Connection)
    return number_and_record(driver_connection, tenant_id, entry)


def recorded_operation(connection: Connection, tenant_id: int, request_id: str) -> tuple[int, bytes] | None:
    """Id and fingerprint of what was recorded under a request id."""
    operation = tables.operation.c
    row = connection.execute(
        select(operation.operation_id, operation.fingerprint).where(
            operation.tenant_id == tenant_id, operation.request_id == request_id
        )
    ).one_or_none()
    return (row.operation_id, row.fingerprint) if row else None


def insert_row(connection: Connection, table: Table, values: Mapping[str, object]) -> Row[Any]:
    """Insert a row and return it whole."""
    return connection.execute(insert(table).values(**values).returning(table)).one()


def insert_item(connection: Connection, tenant_id: int, item: Item) -> bool:
    """Insert an item; False when it is known already."""
    inserted = connection.execute(
        upsert(tables.item)
        .values(tenant_id=tenant_id, **_item_values(item))
        .on_conflict_do_nothing()
        .returning(tables.item.c.item_id)
    )
    return inserted.one_or_none() is not None


def update_item(connection: Connection, tenant_id: int, item: Item) -> None:
    """Write what is newly known of an item, which is known from now on."""
    update_row(connection, tables.item, tenant_id, {"item_id": item.item_id}, _item_values(item))


def forget_item(connection: Connection, tenant_id: int, item_id: int) -> None:
    """Let an item be unknown from now on. Its row stays, for the positions that it had."""
    update_row(connection, tables.item, tenant_id, {"item_id": item_id}, {"forgotten": True, "standard_cost": None})


def drop_standard_costs(connection: Connection, tenant_id: int) -> None:
    """Let no item have a standard cost, as those that are known are in another currency."""
    item = tables.item
    costed = (item.c.tenant_id == tenant_id) & item.c.standard_cost.is_not(None)
    connection.execute(update(item).where(costed).values(standard_cost=None))


def _item_values(item: Item) -> dict[str, object]:
    return {
        "item_id": item.item_id,
        "version": item.version,
        "tracking": item.tracking,
        "quantity_scale": item.quantity_scale,
        "archived": item.archived,
        "standard_cost": item.standard_cost and item.standard_cost.value,
        "forgotten": False,
    }


def update_row(
    connection: Connection, table: Table, tenant_id: int, key: Mapping[str, int], values: Mapping[str, object]
) -> Row[Any]:
    """Change the columns of the row with this key and return it whole."""
    statement = update(table).where(table.c.tenant_id == tenant_id).values(**values).returning(table)
    for name, value in key.items():
        statement = statement.where(table.c[name] == value)
    return connection.execute(statement).one()


def find_row(connection: Connection, table: Table, tenant_id: int, **key: object) -> Row[Any] | None:
    """The row with this key."""
    return connection.execute(_rows_of(table, tenant_id, key)).one_or_none()


def find_rows(connection: Connection, table: Table, tenant_id: int, **key: object) -> Sequence[Row[Any]]:
    """The rows with this key."""
    return connection.execute(_rows_of(table, tenant_id, key)).all()


def has_rows(connection: Connection, table: Table, tenant_id: int, **key: object) -> bool:
    """Whether there is any row with this key."""
    return bool(connection.execute(select(exists(_rows_of(table, tenant_id, key)))).scalar_one())


def _rows_of(table: Table, tenant_id: int, key: Mapping[str, object]) -> Select[Any]:
    return select(table).where(table.c.tenant_id == tenant_id, *(table.c[name] == value for name, value in key.items()))


def read_location(row: Row[Any]) -> Location:
    """A location as it is stored."""
    return Location(
        location_id=row.location_id,
        name=row.name,
        active=row.active,
        create_time=row.create_time,
        revision=row.revision,
        extensions=row.extensions,
    )


def read_item(row: Row[Any], currency_code: str | None = None) -> Item:
    """An item as it is stored; with its standard cost if the currency is known, which is the settings'."""
    cost = row.standard_cost
    return Item(
        item_id=row.item_id,
        version=row.version,
        tracking=Tracking(row.tracking),
        quantity_scale=row.quantity_scale,
        archived=row.archived,
        standard_cost=None if cost is None or currency_code is None else UnitCost(currency_code, cost),
    )


def read_settings(row: Row[Any]) -> tuple[Settings, int]:
    """Settings as they are stored, and their revision."""
    settings = Settings(
        reason_required=row.reason_required,
        currency_code=row.currency_code,
        invoice_number_required=row.invoice_number_required,
        inactive_location_removal_allowed=row.inactive_location_removal_allowed,
    )
    return settings, row.revision


def read_position(row: Any) -> Position:
    """A position as it is stored."""
    return Position(
        position_id=row.position_id,
        item_id=row.item_id,
        location_id=row.location_id,
        terms=PositionTerms(
            bin=row.bin,
            reference_number=row.reference_number,
            minimum=row.minimum,
            maximum=row.maximum,
            extensions=row.extensions,
        ),
        totals=Totals(row.available, row.reserved, row.picked, row.on_order),
        creator=row.creator,
        create_time=row.create_time,
        revision=row.revision,
    )
