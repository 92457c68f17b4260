"""Positions by their names: as they are, and as they were. Many are answered by one statement."""

from collections.abc import Sequence

from sqlalchemy import Connection

from ..domain.instants import PositionAsked
from ..domain.operations import ItemAtLocation, PositionId
from ..domain.records import Position
from ..domain.refusals import WatchAhead
from .arrays import numbers
from .describing import read_position
from .instants import (
    IS_AHEAD,
    JOURNAL_END,
    LAST_MOVEMENT,
    LAST_OPERATION,
    LAST_TIME,
    POSITION_THEN,
    movement_of,
    time_of,
)

Name = ItemAtLocation | PositionId

# Not `p.*`: a statement that is prepared fails for good when a migration adds a column to what it answers.
_COLUMNS = """
       p.position_id, p.item_id, p.location_id, p.bin, p.reference_number, p.minimum, p.maximum, p.available,
       p.reserved, p.picked, p.on_order, p.extensions, p.creator, p.revision, p.create_time
"""

_NOW = f"""
SELECT {_COLUMNS}
  FROM unnest(%(position_ids)s::bigint[]) AS wanted(position_id)
  JOIN position_now p
    ON p.tenant_id = %(tenant_id)s AND p.position_id = wanted.position_id AND p.close_time IS NULL
 UNION ALL
SELECT {_COLUMNS}
  FROM unnest(%(item_ids)s::bigint[], %(location_ids)s::bigint[]) AS wanted(item_id, location_id)
  JOIN position_now p
    ON p.tenant_id = %(tenant_id)s AND p.item_id = wanted.item_id AND p.location_id = wanted.location_id
   AND p.close_time IS NULL
"""

_THEN_BY = f"""
SELECT {_COLUMNS}, wanted.number, {IS_AHEAD} AS is_ahead, coalesce(head.last_movement_id, 0) AS last_movement_id
  FROM (
       SELECT wanted.*, {LAST_MOVEMENT} AS last_movement
         FROM unnest(
                  %(position_ids)s::bigint[], %(item_ids)s::bigint[], %(location_ids)s::bigint[],
                  %(movement_ids)s::bigint[], %(times)s::timestamptz[]
              ) WITH ORDINALITY AS wanted(position_id, item_id, location_id, movement_id, time, number)
       ) AS wanted
  {JOURNAL_END}
  LEFT JOIN LATERAL (
       {POSITION_THEN}
       ) AS p ON true
"""


def _then_by(name: str, condition: str) -> str:
    then = _THEN_BY.format(
        condition=f"p.tenant_id = %(tenant_id)s AND {condition}",
        movement_id="wanted.last_movement",
        operation_id=LAST_OPERATION,
        time=LAST_TIME,
    )
    return f"{then} WHERE wanted.{name} IS NOT NULL"


# Each half by an index of its own.
_THEN = "\n UNION ALL".join(
    [
        _then_by("position_id", "p.position_id = wanted.position_id"),
        _then_by("item_id", "p.item_id = wanted.item_id AND p.location_id = wanted.location_id"),
    ]
)


def positions_now(
    connection: Connection, tenant_id: int, asked: Sequence[PositionAsked]
) -> dict[PositionAsked, Position]:
    """The positions of these names; those that are not open are missing."""
    names = {one.name: one for one in asked}
    pairs = [name for name in names if isinstance(name, ItemAtLocation)]
    rows = connection.exec_driver_sql(
        _NOW,
        {
            "tenant_id": tenant_id,
            "position_ids": numbers(name.position_id for name in names if isinstance(name, PositionId)),
            "item_ids": numbers(pair.item_id for pair in pairs),
            "location_ids": numbers(pair.location_id for pair in pairs),
        },
    )
    found: dict[PositionAsked, Position] = {}
    for position in map(read_position, rows):
        for name in (PositionId(position.position_id), ItemAtLocation(position.item_id, position.location_id)):
            if name in names:
                found[names[name]] = position
    return found


def positions_then(
    connection: Connection, tenant_id: int, asked: Sequence[PositionAsked]
) -> dict[PositionAsked, Position | WatchAhead]:
    """The positions of these names as they were, WatchAhead where that lies ahead; those not open then are missing."""
    names, instants = [one.name for one in asked], [one.as_of for one in asked]
    rows = connection.exec_driver_sql(
        _THEN,
        {
            "tenant_id": tenant_id,
            "position_ids": numbers(name.position_id if isinstance(name, PositionId) else None for name in names),
            "item_ids": numbers(name.item_id if isinstance(name, ItemAtLocation) else None for name in names),
            "location_ids": numbers(name.location_id if isinstance(name, ItemAtLocation) else None for name in names),
            "movement_ids": numbers(map(movement_of, instants)),
            "times": numbers(map(time_of, instants)),
        },
    )
    found: dict[PositionAsked, Position | WatchAhead] = {}
    for row in rows:
        if row.is_ahead:
            found[asked[row.number - 1]] = WatchAhead(row.last_movement_id)
        elif row.position_id is not None:
            found[asked[row.number - 1]] = read_position(row)
    return found
