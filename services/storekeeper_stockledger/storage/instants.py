"""Finds instants in the journal, and what positions held then: one look-up by index for each position.

Each movement says what its position held after it. So what a position held at an instant stands on the last movement that
it had by then, however many there are before and after it.
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, select, text

from ..domain.instants import AfterMovement, AsOf, Instant, RecordedBy
from ..domain.refusals import WatchAhead
from . import tables, views

BEFORE_ALL: Final = Instant(0, 0, datetime.min.replace(tzinfo=UTC))
"""Nothing was recorded yet."""

# Which movement and operation were the last ones, by a movement or by a time; what is not given is NULL.
LAST_MOVEMENT: Final = """
coalesce(wanted.movement_id, (
    SELECT o.last_movement_id
      FROM operation o
     WHERE o.tenant_id = %(tenant_id)s AND o.record_time <= wanted.time
     ORDER BY o.record_time DESC, o.operation_id DESC
     LIMIT 1
), 0)
"""
LAST_OPERATION: Final = """
coalesce((
    SELECT m.operation_id FROM movement m WHERE m.tenant_id = %(tenant_id)s AND m.movement_id = wanted.movement_id
), (
    SELECT o.operation_id
      FROM operation o
     WHERE o.tenant_id = %(tenant_id)s AND o.record_time <= wanted.time
     ORDER BY o.record_time DESC, o.operation_id DESC
     LIMIT 1
), 0)
"""
LAST_TIME: Final = """
coalesce(wanted.time, (
    SELECT m.record_time FROM movement m WHERE m.tenant_id = %(tenant_id)s AND m.movement_id = wanted.movement_id
), '0001-01-01+00')
"""

JOURNAL_END: Final = "LEFT JOIN journal_head AS head ON head.tenant_id = %(tenant_id)s"
IS_AHEAD: Final = """
coalesce(wanted.movement_id > coalesce(head.last_movement_id, 0),
         wanted.time > greatest(clock_timestamp(), head.record_time))
"""

_FIND = f"""
SELECT {LAST_MOVEMENT} AS movement_id, {LAST_OPERATION} AS operation_id, {LAST_TIME} AS time,
       {IS_AHEAD} AS is_ahead, coalesce(head.last_movement_id, 0) AS last_movement_id
  FROM (SELECT %(movement_id)s::bigint AS movement_id, %(time)s::timestamptz AS time) AS wanted
  {JOURNAL_END}
"""


def find_instant(connection: Connection, tenant_id: int, wanted: AsOf) -> Instant:
    """Where this instant lies in the journal; raises WatchAhead."""
    row = connection.exec_driver_sql(
        _FIND,
        {
            "tenant_id": tenant_id,
            "movement_id": movement_of(wanted),
            "time": time_of(wanted),
        },
    ).one()
    if row.is_ahead:
        raise WatchAhead(row.last_movement_id)
    return Instant(row.movement_id, row.operation_id, row.time)


def movement_of(wanted: AsOf | None) -> int | None:
    """The movement that an instant is named by, if it is."""
    return wanted.movement_id if isinstance(wanted, AfterMovement) else None


def time_of(wanted: AsOf | None) -> datetime | None:
    """The time that an instant is named by, if it is."""
    return wanted.time if isinstance(wanted, RecordedBy) else None


def last_instant(connection: Connection, tenant_id: int) -> Instant:
    """Where the journal ends."""
    head = tables.journal_head.c
    row = connection.execute(
        select(head.last_movement_id, head.last_operation_id, head.record_time).where(head.tenant_id == tenant_id)
    ).one_or_none()
    return Instant(row.last_movement_id, row.last_operation_id, row.record_time) if row else BEFORE_ALL


# --- positions as they were ---------------------------------------------------------------------------------------

POSITION_THEN: Final = """
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
 WHERE {condition}
   AND (last.movement_id IS NOT NULL OR p.operation_id <= {operation_id})
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
    text(
        POSITION_THEN.format(
            condition="true",
            movement_id=":then_movement_id",
            operation_id=":then_operation_id",
            time=":then_time",
        )
    )
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
