"""What a watch asks the database: how far journals go, and which movements of a stretch of one pass its conditions."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, any_, bindparam, select, true

from ..domain.journal import RecordedMovement
from ..domain.places import Kind
from . import tables
from .listing import MovementFilter, select_movements_where
from .movements import read_movement

_IDS: Final[ARRAY[int]] = ARRAY(BigInteger)
_EVERY: Final = MovementFilter()


@dataclass(frozen=True, slots=True)
class Watched:
    """Which movements a watch wants."""

    movements: MovementFilter = _EVERY
    kinds: Collection[Kind] = ()
    """Empty: of any."""


def journal_ends(connection: Connection, tenant_ids: Iterable[int]) -> dict[int, int]:
    """The id of the last movement of each of these tenants; those that never recorded anything are missing."""
    head = tables.journal_head.c
    of_these = head.tenant_id == any_(bindparam("ids", list(tenant_ids), _IDS))
    rows = connection.execute(select(head.tenant_id, head.last_movement_id).where(of_these))
    return {row.tenant_id: row.last_movement_id for row in rows}


def movements_between(
    connection: Connection, tenant_id: int, after: int, last: int, wanted: Watched, *, limit: int
) -> list[RecordedMovement]:
    """The first of the wanted movements after one and up to another. No others are looked at, however few are wanted."""
    movement, operation = tables.movement.c, tables.operation.c
    stretch = (
        select_movements_where(tenant_id, wanted.movements)
        .where(
            movement.movement_id > after,
            movement.movement_id <= last,
            # Or the planner, told of a reason or an actor, looks at all operations for it.
            operation.operation_id >= _operation_of(tenant_id, after + 1),
            operation.operation_id <= _operation_of(tenant_id, last),
            movement.kind.in_(wanted.kinds) if wanted.kinds else true(),
        )
        .order_by(movement.movement_id)
        .limit(limit)
    )
    return [read_movement(row) for row in connection.execute(stretch)]


def _operation_of(tenant_id: int, movement_id: int) -> ColumnElement[int]:
    movement = tables.movement.alias().c
    named = (movement.tenant_id == tenant_id) & (movement.movement_id == movement_id)
    return select(movement.operation_id).where(named).scalar_subquery()
