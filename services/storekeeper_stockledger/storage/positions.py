"""Positions by their names: as they are, and as they were. Many are answered by one statement."""

from collections.abc import Sequence
from typing import Any, Final

from storekeeper_kit.round_trips import Result, RoundTrip, Statement

from ..domain.instants import PositionAsked
from ..domain.operations import PositionName
from ..domain.records import Position, PositionTerms
from ..domain.refusals import WatchAhead
from ..domain.stock import Totals
from .arrays import numbers
from .extensions import read_extensions
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
from .naming import position_names

# Not `p.*`: a statement that is prepared fails for good when a migration adds a column to what it answers.
_COLUMNS = """
       p.position_id, p.item_id, p.location_id, p.bin, p.reference_number, p.minimum, p.maximum, p.extensions::text,
       p.available, p.reserved, p.picked, p.on_order, p.creator, p.revision, p.create_time
"""
_NUMBER: Final = 15
"""The column after them tells which of the wanted ones it is, from 1."""

_BY_ID: Final = ("position_id", "p.position_id = wanted.position_id")
_BY_PAIR: Final = ("item_id", "p.item_id = wanted.item_id AND p.location_id = wanted.location_id")
"""A column of the names that is given, and which position is meant then. Each has an index of its own."""

_NOW = Statement(
    "\n UNION ALL".join(
        f"""
SELECT {_COLUMNS}, wanted.number
  FROM unnest(%(names)s::position_name[])
       WITH ORDINALITY AS wanted(position_id, item_id, location_id, stocked_item_id, number)
  JOIN position_now p
    ON p.tenant_id = %(tenant_id)s AND {condition} AND p.close_time IS NULL
 WHERE wanted.{name} IS NOT NULL
"""
        for name, condition in (_BY_ID, _BY_PAIR)
    )
)

_THEN_BY = f"""
SELECT {_COLUMNS}, wanted.number, {IS_AHEAD} AS is_ahead, coalesce(head.last_movement_id, 0) AS last_movement_id
  FROM (
       SELECT wanted.*, {LAST_MOVEMENT} AS last_movement
         FROM unnest(%(names)s::position_name[], %(movement_ids)s::bigint[], %(times)s::timestamptz[])
              WITH ORDINALITY AS wanted(position_id, item_id, location_id, stocked_item_id, movement_id, time, number)
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


_THEN = Statement("\n UNION ALL".join(_then_by(*name) for name in (_BY_ID, _BY_PAIR)))


def select_now(trip: RoundTrip, tenant_id: int, names: Sequence[PositionName]) -> Result:
    """The positions of these names. See `read_now`."""
    return trip.execute(_NOW, tenant_id=tenant_id, names=position_names(names))


def read_now(result: Result, count: int) -> list[Position | None]:
    """So many positions, in the order of their names; None for one that is not open."""
    found: list[Position | None] = [None] * count
    for row in result.rows():
        found[row[_NUMBER] - 1] = _position(row)
    return found


def select_then(trip: RoundTrip, tenant_id: int, asked: Sequence[PositionAsked]) -> Result:
    """The positions of these names as they were. See `read_then`."""
    instants = [one.as_of for one in asked]
    return trip.execute(
        _THEN,
        tenant_id=tenant_id,
        movement_ids=numbers(map(movement_of, instants)),
        times=numbers(map(time_of, instants)),
        names=position_names(one.name for one in asked),
    )


def read_then(result: Result, count: int) -> list[Position | WatchAhead | None]:
    """The same; WatchAhead where the instant lies ahead, None for one that was not open then."""
    found: list[Position | WatchAhead | None] = [None] * count
    for row in result.rows():
        *_, number, is_ahead, last_movement_id = row
        if is_ahead:
            found[number - 1] = WatchAhead(last_movement_id)
        elif row[0] is not None:
            found[number - 1] = _position(row)
    return found


def _position(row: Sequence[Any]) -> Position:
    return Position(
        position_id=row[0],
        item_id=row[1],
        location_id=row[2],
        terms=PositionTerms(
            bin=row[3],
            reference_number=row[4],
            minimum=row[5],
            maximum=row[6],
            extensions=read_extensions(row[7]),
        ),
        totals=Totals(*row[8:12]),
        creator=row[12],
        revision=row[13],
        create_time=row[14],
    )
