"""Lists and reads: each a single statement that sees what is committed, page by page by the keys that order it.

A list is a `select_…` of all that is wanted; `page_of` cuts its page out, and `total_of` counts it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, Row, Select, any_, bindparam, func, select, true

from storekeeper_kit.ordering import Order

from ..domain.instants import AsOf
from ..domain.places import Kind, Places
from ..domain.records import Expectation, Reservation
from ..domain.stock import StockedItem
from . import tables, views
from .instants import position_then
from .movements import select_movements

_IDS: ARRAY[int] = ARRAY(BigInteger)

_EVERY: ColumnElement[bool] = true()


@dataclass(frozen=True, slots=True)
class Page:
    """How many rows, the sort keys of the last row of the page before, and whether all rows are to be counted."""

    size: int
    after: tuple[Any, ...] | None
    with_total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationFilter:
    """Which locations to list."""

    active_only: bool = False
    matching: ColumnElement[bool] = _EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionFilter:
    """Which positions to list."""

    item_id: int | None = None
    location_id: int | None = None
    below_minimum: bool = False
    as_of: AsOf | None = None
    """Whether they are listed as they were then; then `matching` is about the columns of `position_then`."""
    matching: ColumnElement[bool] = _EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class StockedItemFilter:
    """Which stocked items to list."""

    position_id: int | None = None
    item_id: int | None = None
    location_id: int | None = None
    on_hand_only: bool = False
    serial_number: str | None = None
    matching: ColumnElement[bool] = _EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationFilter:
    """Whose reservations to list, and of what."""

    demand: str | None = None
    position_id: int | None = None
    stocked_item_id: int | None = None
    item_id: int | None = None
    location_id: int | None = None
    include_closed: bool = False
    matching: ColumnElement[bool] = _EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationFilter:
    """Which order lines to list."""

    order_line: str | None = None
    position_id: int | None = None
    item_id: int | None = None
    location_id: int | None = None
    include_closed: bool = False
    matching: ColumnElement[bool] = _EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementFilter:
    """Which movements to list."""

    position_id: int | None = None
    stocked_item_id: int | None = None
    item_id: int | None = None
    location_id: int | None = None
    request_id: str | None = None
    kind: Kind | None = None
    record_time_from: datetime | None = None
    record_time_before: datetime | None = None
    matching: ColumnElement[bool] = _EVERY

    @property
    def is_of_an_item(self) -> bool:
        """Whether an item is named, and nothing that would have fewer movements."""
        narrower = (self.position_id, self.stocked_item_id, self.request_id)
        return self.item_id is not None and not any(narrower)


def page_of(
    connection: Connection, listed: Select[Any], order: Order, page: Page, parameters: Mapping[str, object]
) -> Sequence[Row[Any]]:
    """The rows of one page."""
    rows = listed.where(order.after(page.after)).order_by(*order.columns).limit(page.size)
    return connection.execute(rows, parameters).all()


def total_of(connection: Connection, listed: Select[Any], parameters: Mapping[str, object]) -> int:
    """How many rows there are on all pages."""
    counted = listed.with_only_columns(func.count(), maintain_column_froms=True)
    return connection.scalars(counted, parameters).one()


def select_locations(tenant_id: int, wanted: LocationFilter) -> Select[Any]:
    """Locations of a tenant. See `read_location`."""
    columns = tables.location.c
    return select(tables.location).where(
        columns.tenant_id == tenant_id, columns.active if wanted.active_only else true(), wanted.matching
    )


def select_positions(tenant_id: int, wanted: PositionFilter) -> Select[Any]:
    """Positions of a tenant, without those that were closed. See `read_position`."""
    seen = views.position if wanted.as_of is None else position_then
    columns = seen.c
    return select(seen).where(
        columns.tenant_id == tenant_id,
        columns.close_time.is_(None),
        *_equal({columns.item_id: wanted.item_id, columns.location_id: wanted.location_id}),
        columns.available + columns.reserved + columns.picked < columns.minimum if wanted.below_minimum else true(),
        wanted.matching,
    )


def select_stocked_items(tenant_id: int, wanted: StockedItemFilter) -> Select[Any]:
    """Stocked items of a tenant, with the currency that their cost is in. See `read_stocked_item`."""
    columns = views.stocked_item.c
    return _stocked_items(tenant_id).where(
        *_equal(
            {
                columns.position_id: wanted.position_id,
                columns.item_id: wanted.item_id,
                columns.location_id: wanted.location_id,
                columns.serial_number: wanted.serial_number,
            }
        ),
        columns.open if wanted.on_hand_only else true(),
        # Tells the planner that the index of serial numbers will do.
        columns.serial_number != "" if wanted.serial_number else true(),
        wanted.matching,
    )


def select_reservations(tenant_id: int, wanted: ReservationFilter) -> Select[Any]:
    """What demands of a tenant have of stocked items. See `read_reservation`."""
    columns = views.reservation.c
    return select(views.reservation).where(
        columns.tenant_id == tenant_id,
        *_equal(
            {
                columns.demand: wanted.demand,
                columns.position_id: wanted.position_id,
                columns.stocked_item_id: wanted.stocked_item_id,
                columns.item_id: wanted.item_id,
                columns.location_id: wanted.location_id,
            }
        ),
        true() if wanted.include_closed else columns.open,
        wanted.matching,
    )


def select_expectations(tenant_id: int, wanted: ExpectationFilter) -> Select[Any]:
    """What order lines of a tenant bring to positions. See `read_expectation`."""
    columns, position = tables.expectation.c, tables.position.c
    return (
        select(tables.expectation, position.item_id, position.location_id)
        .join(tables.position, (position.tenant_id == tenant_id) & (position.position_id == columns.position_id))
        .where(
            columns.tenant_id == tenant_id,
            *_equal(
                {
                    columns.order_line: wanted.order_line,
                    columns.position_id: wanted.position_id,
                    position.item_id: wanted.item_id,
                    position.location_id: wanted.location_id,
                }
            ),
            true() if wanted.include_closed else columns.on_order > 0,
            wanted.matching,
        )
    )


def select_movements_where(tenant_id: int, wanted: MovementFilter) -> Select[Any]:
    """Movements of a tenant. See `read_movement`."""
    columns, position = tables.movement.c, tables.position.c
    return select_movements(tenant_id).where(
        *_equal(
            {
                columns.position_id: wanted.position_id,
                columns.stocked_item_id: wanted.stocked_item_id,
                position.item_id: wanted.item_id,
                position.location_id: wanted.location_id,
                columns.kind: wanted.kind,
            }
        ),
        _of_request(wanted.request_id) if wanted.request_id else true(),
        columns.movement_id > _last_before(tenant_id, wanted.record_time_from) if wanted.record_time_from else true(),
        columns.movement_id <= _last_before(tenant_id, wanted.record_time_before)
        if wanted.record_time_before
        else true(),
        wanted.matching,
    )


def next_of_each_position(
    listed: Select[Any], tenant_id: int, wanted: MovementFilter, order: Order, page: Page
) -> Select[Any]:
    """Of the movements of an item, those that a page may need: as many as it holds of each of its positions.

    An index has the movements of each position in their order. Without this, those of all of them would be sorted for
    each page, from the first one ever. Not so for a location, which may have more positions than a page has rows.
    """
    movement, position = tables.movement.c, tables.position.c
    positions = (
        select(position.position_id)
        .where(
            position.tenant_id == tenant_id,
            *_equal({position.item_id: wanted.item_id, position.location_id: wanted.location_id}),
        )
        .subquery("positions")
    )
    next_ones = (
        listed.with_only_columns(movement.movement_id)
        .where(movement.position_id == positions.c.position_id, order.after(page.after))
        .order_by(*order.columns)
        .limit(page.size)
        .correlate(positions)
        .lateral("next_ones")
    )
    ids = select(next_ones.c.movement_id).select_from(positions.join(next_ones, true()))
    ids = ids.order_by(next_ones.c.movement_id).limit(page.size)
    return select_movements(tenant_id).where(movement.movement_id.in_(ids.correlate(None)))


def find_stocked_items(connection: Connection, tenant_id: int, stocked_item_ids: Iterable[int]) -> list[StockedItem]:
    """The stocked items of these ids, in any order; missing ones are missing."""
    wanted = views.stocked_item.c.stocked_item_id == any_(bindparam("ids", list(stocked_item_ids), _IDS))
    return [read_stocked_item(row) for row in connection.execute(_stocked_items(tenant_id).where(wanted))]


def read_stocked_item(row: Row[Any]) -> StockedItem:
    """A stocked item as it is stored."""
    return StockedItem(
        stocked_item_id=row.stocked_item_id,
        position_id=row.position_id,
        item_id=row.item_id,
        location_id=row.location_id,
        receive_time=row.receive_time,
        places=Places(
            row.received, row.available, row.reserved, row.picked, row.delivered, row.transferred, row.removed
        ),
        unit_cost=row.unit_cost,
        value=row.value,
        lot=row.lot,
        serial_number=row.serial_number,
        expire_time=row.expire_time,
        parent_stocked_item_id=row.parent_stocked_item_id,
        order_line=row.order_line,
        invoice_number=row.invoice_number,
        extensions=row.extensions,
        currency_code=row.currency_code,
        create_time=row.create_time,
    )


def read_reservation(row: Row[Any]) -> Reservation:
    """What a demand has of a stocked item."""
    return Reservation(
        demand=row.demand,
        stocked_item_id=row.stocked_item_id,
        position_id=row.position_id,
        item_id=row.item_id,
        location_id=row.location_id,
        reserved=row.reserved,
        picked=row.picked,
        delivered=row.delivered,
        expire_time=row.expire_time,
    )


def read_expectation(row: Row[Any]) -> Expectation:
    """What an order line brings to a position."""
    return Expectation(
        order_line=row.order_line,
        position_id=row.position_id,
        item_id=row.item_id,
        location_id=row.location_id,
        on_order=row.on_order,
        received=row.received,
    )


def _stocked_items(tenant_id: int) -> Select[Any]:
    stocked_item, settings = views.stocked_item, tables.settings
    return (
        select(stocked_item, settings.c.currency_code)
        .join(settings, settings.c.tenant_id == tenant_id)
        .where(stocked_item.c.tenant_id == tenant_id)
    )


def _equal(wanted: Mapping[ColumnElement[Any], object]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in wanted.items() if value is not None]


def _of_request(request_id: str) -> ColumnElement[bool]:
    """The movements of an operation have neighbouring ids, which the primary key finds."""
    operation, movement_id = tables.operation.c, tables.movement.c.movement_id
    first = operation.last_movement_id - operation.movement_count + 1
    return (operation.request_id == request_id) & movement_id.between(first, operation.last_movement_id)


def _last_before(tenant_id: int, time: datetime) -> ColumnElement[int]:
    """The last movement that was recorded before a time: record times never run backwards along ids."""
    operation = tables.operation.c
    newest = (
        select(operation.last_movement_id)
        .where(operation.tenant_id == tenant_id, operation.record_time < time)
        .order_by(operation.record_time.desc(), operation.operation_id.desc())
        .limit(1)
    )
    return func.coalesce(newest.scalar_subquery(), 0)
