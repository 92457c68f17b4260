"""Reads movements back from the journal."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Connection, Row, Select, any_, bindparam, case, func, select

from ..domain.journal import RecordedMovement
from ..domain.places import Kind, Places
from ..domain.stock import Totals
from . import tables
from .selected import Repeat

_IDS: ARRAY[int] = ARRAY(BigInteger)
_MOVEMENT, _OPERATION, _POSITION, _SETTINGS = tables.movement, tables.operation, tables.position, tables.settings
_STOCKED_ITEM = tables.stocked_item
_of_stocked_item = _STOCKED_ITEM.c.stocked_item_id == _MOVEMENT.c.stocked_item_id
_has_cost_of_its_item = (_MOVEMENT.c.kind == Kind.ADDED) & _MOVEMENT.c.amount.is_not(None)


def select_movements(tenant_id: int) -> Select[Any]:
    """Movements of a tenant with what their operation and position say of them. See `read_movement`."""
    columns = _MOVEMENT.c
    return (
        select(
            _MOVEMENT,
            _OPERATION.c.request_id,
            _OPERATION.c.actor,
            _OPERATION.c.reason,
            _POSITION.c.item_id,
            _POSITION.c.location_id,
            # The first release didn't write it down. Without an amount it was unknown, whatever is known of it since.
            func.coalesce(columns.unit_cost, case((_has_cost_of_its_item, _STOCKED_ITEM.c.unit_cost))).label(
                "recorded_unit_cost"
            ),
            _SETTINGS.c.currency_code,
        )
        .join(_OPERATION, (_OPERATION.c.tenant_id == tenant_id) & (_OPERATION.c.operation_id == columns.operation_id))
        .join(_POSITION, (_POSITION.c.tenant_id == tenant_id) & (_POSITION.c.position_id == columns.position_id))
        .outerjoin(_STOCKED_ITEM, (_STOCKED_ITEM.c.tenant_id == tenant_id) & _of_stocked_item)
        .join(_SETTINGS, _SETTINGS.c.tenant_id == tenant_id)
        .where(columns.tenant_id == tenant_id)
    )


def movements_of(
    connection: Connection, tenant_id: int, repeats: Iterable[Repeat]
) -> dict[int, tuple[RecordedMovement, ...]]:
    """The movements of recorded operations, by operation id."""
    movement_ids = [movement_id for repeat in repeats for movement_id in repeat.movement_ids]
    statement = select_movements(tenant_id).where(_MOVEMENT.c.movement_id == any_(bindparam("ids", movement_ids, _IDS)))
    found: defaultdict[int, list[RecordedMovement]] = defaultdict(list)
    for row in connection.execute(statement.order_by(_MOVEMENT.c.movement_id)):
        found[row.operation_id].append(read_movement(row))
    return {operation_id: tuple(movements) for operation_id, movements in found.items()}


def read_movement(row: Row[Any]) -> RecordedMovement:
    """A movement as it was recorded."""
    return RecordedMovement(
        movement_id=row.movement_id,
        operation_id=row.operation_id,
        request_id=row.request_id,
        line=row.line,
        kind=Kind(row.kind),
        stocked_item_id=row.stocked_item_id,
        position_id=row.position_id,
        item_id=row.item_id,
        location_id=row.location_id,
        quantity=row.quantity,
        amount=row.amount,
        unit_cost=row.recorded_unit_cost,
        currency_code=row.currency_code,
        reason=row.reason,
        reference=row.reference,
        actor=row.actor,
        effective_time=row.effective_time,
        record_time=row.record_time,
        stocked_item_after=_places(row) if row.stocked_item_id is not None else None,
        position_after=Totals(
            row.position_available_after,
            row.position_reserved_after,
            row.position_picked_after,
            row.position_on_order_after,
        ),
        demand=row.demand,
        order_line=row.order_line,
        reversed_movement_id=row.reversed_movement_id,
    )


def _places(row: Row[Any]) -> Places:
    return Places(
        row.received_after,
        row.available_after,
        row.reserved_after,
        row.picked_after,
        row.delivered_after,
        row.transferred_after,
        row.removed_after,
    )
