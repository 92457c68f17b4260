"""Positions by their names: as they are, and as they were. Many are answered by one statement."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from ..domain.instants import Instant
from ..domain.operations import ItemAtLocation, PositionId
from ..domain.records import Position
from .arrays import numbers
from .describing import read_position
from .instants import POSITION_THEN

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

_WANTED_THEN = """
       unnest(
           %(position_ids)s::bigint[], %(item_ids)s::bigint[], %(location_ids)s::bigint[], %(movement_ids)s::bigint[],
           %(operation_ids)s::bigint[], %(times)s::timestamptz[]
       ) WITH ORDINALITY AS wanted(position_id, item_id, location_id, movement_id, operation_id, time, number)
  JOIN LATERAL (
""" + POSITION_THEN.format(movement_id="wanted.movement_id", operation_id="wanted.operation_id", time="wanted.time")

# Each half by an index of its own.
_THEN = f"""
SELECT {_COLUMNS}, wanted.number
  FROM {_WANTED_THEN}
       ) AS p ON p.tenant_id = %(tenant_id)s AND p.position_id = wanted.position_id
 UNION ALL
SELECT {_COLUMNS}, wanted.number
  FROM {_WANTED_THEN}
       ) AS p
    ON p.tenant_id = %(tenant_id)s AND p.item_id = wanted.item_id AND p.location_id = wanted.location_id
"""


def positions_now(connection: Connection, tenant_id: int, names: Iterable[Name]) -> dict[Name, Position]:
    """The positions of these names, which are open; missing ones are missing."""
    given = dict.fromkeys(names)
    pairs = [name for name in given if isinstance(name, ItemAtLocation)]
    rows = connection.exec_driver_sql(
        _NOW,
        {
            "tenant_id": tenant_id,
            "position_ids": numbers(name.position_id for name in given if isinstance(name, PositionId)),
            "item_ids": numbers(pair.item_id for pair in pairs),
            "location_ids": numbers(pair.location_id for pair in pairs),
        },
    )
    found: dict[Name, Position] = {}
    for position in map(read_position, rows):
        found[PositionId(position.position_id)] = position
        found[ItemAtLocation(position.item_id, position.location_id)] = position
    return found


def positions_then(
    connection: Connection, tenant_id: int, asked: Sequence[tuple[Name, Instant]]
) -> dict[tuple[Name, Instant], Position]:
    """The positions of these names as they were at these instants; those that were not open then are missing."""
    names, instants = [name for name, _ in asked], [instant for _, instant in asked]
    rows = connection.exec_driver_sql(
        _THEN,
        {
            "tenant_id": tenant_id,
            "position_ids": numbers(name.position_id if isinstance(name, PositionId) else None for name in names),
            "item_ids": numbers(name.item_id if isinstance(name, ItemAtLocation) else None for name in names),
            "location_ids": numbers(name.location_id if isinstance(name, ItemAtLocation) else None for name in names),
            "movement_ids": numbers(instant.movement_id for instant in instants),
            "operation_ids": numbers(instant.operation_id for instant in instants),
            "times": numbers(instant.time for instant in instants),
        },
    )
    return {asked[row.number - 1]: read_position(row) for row in rows}
