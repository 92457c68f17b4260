"""Finds instants in the journal, and what positions held then: one look-up by index for each position.

Each movement says what its position held after it. So what a position held at an instant stands on the last movement that
it had by then, however many there are before and after it.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, text

from ..domain.instants import AfterMovement, AsOf, Instant, RecordedBy
from ..domain.refusals import WatchAhead
from . import tables, views
from .arrays import numbers

BEFORE_ALL: Final = Instant(0, 0, datetime.min.replace(tzinfo=UTC))
"""Nothing was recorded yet."""

_FIND = """
SELECT coalesce(head.last_movement_id, 0) AS last_movement_id, greatest(clock_timestamp(), head.record_time) AS now,
       coalesce(named.movement_id, timed.last_movement_id) AS movement_id,
       coalesce(named.operation_id, timed.operation_id) AS operation_id,
       coalesce(named.record_time, wanted.time) AS time
  FROM unnest(%(movement_ids)s::bigint[], %(times)s::timestamptz[])
       WITH ORDINALITY AS wanted(movement_id, time, number)
  LEFT JOIN journal_head AS head ON head.tenant_id = %(tenant_id)s
  LEFT JOIN movement AS named ON named.tenant_id = %(tenant_id)s AND named.movement_id = wanted.movement_id
  LEFT JOIN LATERAL (
       SELECT o.last_movement_id, o.operation_id
         FROM operation o
        WHERE o.tenant_id = %(tenant_id)s AND o.record_time <= wanted.time
        ORDER BY o.record_time DESC, o.operation_id DESC
        LIMIT 1
       ) AS timed ON true
 ORDER BY wanted.number
"""


def find_instants(connection: Connection, tenant_id: int, wanted: Collection[AsOf]) -> dict[AsOf, Instant | WatchAhead]:
    """Where these instants lie in the journal; WatchAhead in the place of one that lies ahead of it."""
    rows = connection.exec_driver_sql(
        _FIND,
        {
            "tenant_id": tenant_id,
            "movement_ids": numbers(one.movement_id if isinstance(one, AfterMovement) else None for one in wanted),
            "times": numbers(one.time if isinstance(one, RecordedBy) else None for one in wanted),
        },
    )
    return {one: _found(one, row) for one, row in zip(wanted, rows, strict=True)}


def find_instant(connection: Connection, tenant_id: int, wanted: AsOf) -> Instant:
    """Where this instant lies in the journal; raises WatchAhead."""
    found = find_instants(connection, tenant_id, [wanted])[wanted]
    if isinstance(found, WatchAhead):
        raise found
    return found


def last_instant(connection: Connection, tenant_id: int) -> Instant:
    """Where the journal ends."""
    head = tables.journal_head.c
    row = connection.execute(
        select(head.last_movement_id, head.last_operation_id, head.record_time).where(head.tenant_id == tenant_id)
    ).one_or_none()
    return Instant(row.last_movement_id, row.last_operation_id, row.record_time) if row else BEFORE_ALL


def _found(wanted: AsOf, row: Row[Any]) -> Instant | WatchAhead:
    is_ahead = wanted.movement_id > row.last_movement_id if isinstance(wanted, AfterMovement) else wanted.time > row.now
    if is_ahead:
        return WatchAhead(row.last_movement_id)
    return BEFORE_ALL if row.operation_id is None else Instant(row.movement_id, row.operation_id, row.time)


# --- positions as they were ---------------------------------------------------------------------------------------

POSITION_THEN = """
SELECT p.tenant_id, p.position_id, p.item_id, p.location_id, p.bin, p.reference_number, p.minimum, p.maximum,
       coalesce(last.position_available_after, 0) AS available, coalesce(last.position_reserved_after, 0) AS reserved,
       coalesce(last.position_picked_after, 0) AS picked, coalesce(last.position_on_order_after, 0) AS on_order,
       p.operation_id, p.revision, p.create_time, p.extensions, p.creator, CAST(NULL AS timestamptz) AS close_time
  FROM position p
  LEFT JOIN LATERAL (
       SELECT m.*
         FROM movement m
        WHERE m.tenant_id = p.tenant_id AND m.position_id = p.position_id AND m.movement_id <= {movement_id}
        ORDER BY m.movement_id DESC
        LIMIT 1
       ) AS last ON true
 WHERE p.operation_id <= {operation_id}
   AND (p.close_time IS NULL
        OR p.close_time > {time}
        OR EXISTS (
           SELECT FROM movement m
            WHERE m.tenant_id = p.tenant_id AND m.position_id = p.position_id AND m.movement_id > {movement_id}
           ))
"""
"""The positions that were open at an instant, with the columns of the view of today's, and what they held then.

A batch has one time of record. A position that was closed at the very time of the instant was still open then if it had
movements later.
"""

position_then: Final = (
    text(POSITION_THEN.format(movement_id=":then_movement_id", operation_id=":then_operation_id", time=":then_time"))
    .columns(**{column.name: column.type for column in views.position.c})
    .subquery("position_then")
)
"""The same, to select from. Executed with the `parameters` of the instant."""


def parameters(instant: Instant) -> dict[str, object]:
    """What a statement that selects from `position_then` is executed with."""
    return {
        "then_movement_id": instant.movement_id,
        "then_operation_id": instant.operation_id,
        "then_time": instant.time,
    }
