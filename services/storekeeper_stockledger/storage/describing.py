"""Statements about locations, items, positions and settings: what stock is kept of, where, and how."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Row, Table, exists, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

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


def recorded_operation(connection: Connection, tenant_id: int, request_id: UUID) -> tuple[int, bytes] | None:
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
        .values(tenant_id=tenant_id, **asdict(item))
        .on_conflict_do_nothing()
        .returning(tables.item.c.item_id)
    )
    return inserted.one_or_none() is not None


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
    statement = select(table).where(table.c.tenant_id == tenant_id)
    for name, value in key.items():
        statement = statement.where(table.c[name] == value)
    return connection.execute(statement).one_or_none()


def has_rows(connection: Connection, table: Table, tenant_id: int, **key: object) -> bool:
    """Whether there is any row with this key."""
    rows = select(table.c.tenant_id).where(table.c.tenant_id == tenant_id)
    for name, value in key.items():
        rows = rows.where(table.c[name] == value)
    return bool(connection.execute(select(exists(rows))).scalar_one())


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


def read_item(row: Row[Any]) -> Item:
    """An item as it is stored."""
    return Item(row.item_id, row.version, Tracking(row.tracking), row.quantity_scale, row.archived)


def read_settings(row: Row[Any]) -> tuple[Settings, int]:
    """Settings as they are stored, and their revision."""
    return Settings(row.reason_required, row.currency_code), row.revision


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
