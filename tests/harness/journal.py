"""All that a ledger has stored of one tenant, read in one instant and from the tables alone."""

from collections import defaultdict
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

T = TypeVar("T")
Row = dict[str, Any]

PLACES = ("available", "reserved", "picked", "delivered", "transferred", "removed")
TOTALS = ("available", "reserved", "picked", "on_order")


@dataclass(frozen=True, slots=True)
class Head:
    """Where a tenant's journal ends."""

    last_operation_id: int
    last_movement_id: int
    record_time: datetime
    chain_hash: bytes


@dataclass(frozen=True, slots=True)
class Operation:
    """An accepted request."""

    operation_id: int
    request_id: UUID
    kind: str
    fingerprint: bytes
    actor: str
    reason: str
    movement_count: int
    last_movement_id: int
    effective_time: datetime
    record_time: datetime
    chain_hash: bytes | None
    draws: str
    transaction: str
    """That recorded it, as PostgreSQL counts them."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A line of the journal, and what came after it."""

    movement_id: int
    operation_id: int
    line: int
    kind: str
    stocked_item_id: int | None
    position_id: int
    quantity: Decimal
    amount: Decimal | None
    reference: str
    demand: str
    order_line: str
    reversed_movement_id: int | None
    unit_cost: Decimal | None
    effective_time: datetime
    record_time: datetime
    value_after: Decimal | None
    places_after: dict[str, Decimal | None]
    """With `received`. Nothing but None where units are only expected."""
    totals_after: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class StockedItem:
    """A layer, as it is now."""

    stocked_item_id: int
    position_id: int
    item_id: int
    location_id: int
    receive_time: datetime
    create_time: datetime
    open: bool
    unit_cost: Decimal | None
    value: Decimal | None
    lot: str
    serial_number: str
    expire_time: datetime | None
    parent_stocked_item_id: int | None
    order_line: str
    expiry_operation_id: int | None
    places: dict[str, Decimal]
    """With `received`."""

    @property
    def age(self) -> tuple[datetime, int]:
        """What oldest first orders by."""
        return (self.receive_time, self.stocked_item_id)


@dataclass(frozen=True, slots=True)
class Position:
    """One item at one location, as it is now."""

    position_id: int
    item_id: int
    location_id: int
    close_time: datetime | None
    next_expiry: datetime | None
    totals: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a demand holds of a stocked item, as it is now."""

    position_id: int
    demand: str
    stocked_item_id: int
    reserved: Decimal
    picked: Decimal
    delivered: Decimal
    delivered_value: Decimal | None
    open: bool
    expire_time: datetime | None

    @property
    def key(self) -> tuple[int, str, int]:
        """What there is one of."""
        return (self.position_id, self.demand, self.stocked_item_id)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an order line brings to a position, as it is now."""

    position_id: int
    order_line: str
    on_order: Decimal
    received: Decimal

    @property
    def key(self) -> tuple[int, str]:
        """What there is one of."""
        return (self.position_id, self.order_line)


@dataclass(frozen=True, slots=True)
class Journal:
    """A tenant's journal, in order, and the stock that it must explain."""

    head: Head
    operations: list[Operation]
    movements: list[Movement]
    positions: dict[int, Position]
    stocked_items: dict[int, StockedItem]
    reservations: list[Reservation]
    expectations: list[Expectation]

    def movements_of(self) -> dict[int, list[Movement]]:
        """The movements of each operation that has any."""
        movements: defaultdict[int, list[Movement]] = defaultdict(list)
        for movement in self.movements:
            movements[movement.operation_id].append(movement)
        return movements


def read_journal(url: str, tenant_id: int) -> Journal:
    """Everything at one instant, as a role that may read it."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return journal_on(connection, tenant_id)


def journal_on(connection: psycopg.Connection, tenant_id: int) -> Journal:
    """Everything as this connection sees it."""
    read = _Reader(connection, tenant_id)
    (head,) = read.rows("journal_head", "tenant_id")
    return Journal(
        head=_built(Head, head),
        operations=[_built(Operation, row) for row in read.rows("operation", "operation_id")],
        movements=[_movement(row) for row in read.rows("movement", "movement_id")],
        positions={row["position_id"]: _position(row) for row in read.rows("position", "position_id")},
        stocked_items={
            row["stocked_item_id"]: _stocked_item(row) for row in read.rows("stocked_item", "stocked_item_id")
        },
        reservations=[
            _built(Reservation, row) for row in read.rows("reservation", "position_id", "demand", "stocked_item_id")
        ],
        expectations=[_built(Expectation, row) for row in read.rows("expectation", "position_id", "order_line")],
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    connection: psycopg.Connection
    tenant_id: int

    def rows(self, table: str, *key: str) -> list[Row]:
        query = sql.SQL("SELECT *, xmin::text AS transaction FROM {} WHERE tenant_id = %s ORDER BY {}")
        order = sql.SQL(", ").join(map(sql.Identifier, key))
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(query.format(sql.Identifier(table), order), [self.tenant_id])
            return cursor.fetchall()


def _movement(row: Row) -> Movement:
    places = {name: row[f"{name}_after"] for name in ("received", *PLACES)}
    totals = {name: row[f"position_{name}_after"] for name in TOTALS}
    return _built(Movement, row, places_after=places, totals_after=totals)


def _position(row: Row) -> Position:
    return _built(Position, row, totals={name: row[name] for name in TOTALS})


def _stocked_item(row: Row) -> StockedItem:
    return _built(StockedItem, row, places={name: row[name] for name in ("received", *PLACES)})


def _built(kind: type[T], row: Row, **gathered: Row) -> T:
    """The columns of a row that the class has fields for, and what was gathered from others."""
    names = {field.name for field in fields(kind)} - gathered.keys()  # type: ignore[arg-type]
    return kind(**{name: row[name] for name in names}, **gathered)
