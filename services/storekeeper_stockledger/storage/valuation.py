"""What a valuation reads: the positions that had units on hand at an instant, and what their journals say of them.

Nothing here reads more than it is told to, and the journal up to an instant stays as it is. So a valuation is read in as
many statements as it takes, each of them short, and all of them agree.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from ..domain.instants import Instant
from ..domain.places import Kind
from ..domain.valuation import MATTERING, Line, Worth
from . import tables
from .arrays import numbers
from .instants import parameters, position_then

LINES_MAX: Final = 10_000
"""Movements that are read at a time."""


@dataclass(frozen=True, slots=True)
class ValuationFilter:
    """Which positions to value."""

    item_id: int | None = None
    location_id: int | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """What a position held at an instant, and what a unit of it should cost now."""

    position_id: int
    item_id: int
    location_id: int
    on_hand: Decimal
    standard_cost: Decimal | None


def holdings(
    connection: Connection, tenant_id: int, instant: Instant, wanted: ValuationFilter, *, after: int, size: int
) -> list[Holding]:
    """Positions with units on hand, by id."""
    position, item = position_then.c, tables.item.c
    on_hand = position.available + position.reserved + position.picked
    statement = (
        select(
            position.position_id, position.item_id, position.location_id, on_hand.label("on_hand"), item.standard_cost
        )
        .join(tables.item, (item.tenant_id == position.tenant_id) & (item.item_id == position.item_id))
        .where(position.tenant_id == tenant_id, position.position_id > after, on_hand > 0)
        .order_by(position.position_id)
        .limit(size)
    )
    if wanted.item_id is not None:
        statement = statement.where(position.item_id == wanted.item_id)
    if wanted.location_id is not None:
        statement = statement.where(position.location_id == wanted.location_id)
    return [Holding(*row) for row in connection.execute(statement, parameters(instant))]


# Stocked items that were touched since are looked up in the journal, the others are as they were.
_WORTH = """
SELECT wanted.position_id, coalesce(sum(layer.value), 0) AS value,
       coalesce(sum(layer.units) FILTER (WHERE layer.value IS NULL), 0) AS unknown
  FROM unnest(%(position_ids)s::bigint[]) AS wanted(position_id)
 CROSS JOIN LATERAL (
       WITH touched AS MATERIALIZED (
           SELECT DISTINCT m.stocked_item_id
             FROM movement m
            WHERE m.tenant_id = %(tenant_id)s
              AND m.position_id = wanted.position_id
              AND m.movement_id > %(movement_id)s
              AND m.stocked_item_id IS NOT NULL
       )
       SELECT s.available + s.reserved + s.picked AS units, s.value
         FROM stocked_item s
        WHERE s.tenant_id = %(tenant_id)s
          AND s.position_id = wanted.position_id
          AND s.open
          AND NOT EXISTS (SELECT FROM touched WHERE touched.stocked_item_id = s.stocked_item_id)
        UNION ALL
       SELECT last.available_after + last.reserved_after + last.picked_after, last.value_after
         FROM touched
        CROSS JOIN LATERAL (
              SELECT m.*
                FROM movement m
               WHERE m.tenant_id = %(tenant_id)s
                 AND m.stocked_item_id = touched.stocked_item_id
                 AND m.movement_id <= %(movement_id)s
               ORDER BY m.movement_id DESC
               LIMIT 1
              ) AS last
        WHERE last.position_id = wanted.position_id
       ) AS layer
 GROUP BY wanted.position_id
"""


def worth_of_layers(
    connection: Connection, tenant_id: int, instant: Instant, position_ids: Collection[int]
) -> dict[int, Worth]:
    """What the units on hand really came for, by position."""
    rows = connection.exec_driver_sql(
        _WORTH,
        {"tenant_id": tenant_id, "movement_id": instant.movement_id, "position_ids": numbers(position_ids)},
    )
    return {row.position_id: Worth(row.value, row.unknown) for row in rows}


_LINES = """
SELECT m.movement_id, m.kind, m.quantity, m.amount, m.unit_cost, m.stocked_item_id, s.receive_time, m.demand,
       CASE WHEN m.kind = 'revalued' THEN (
           SELECT before.value_after IS NULL
             FROM movement before
            WHERE before.tenant_id = m.tenant_id
              AND before.stocked_item_id = m.stocked_item_id
              AND before.movement_id < m.movement_id
            ORDER BY before.movement_id DESC
            LIMIT 1
       ) ELSE false END AS was_unknown
  FROM movement m
  JOIN stocked_item s ON s.tenant_id = m.tenant_id AND s.stocked_item_id = m.stocked_item_id
 WHERE m.tenant_id = %(tenant_id)s
   AND m.position_id = %(position_id)s
   AND m.movement_id > %(after)s
   AND m.movement_id <= %(until)s
   AND m.kind = ANY(%(kinds)s::text[])
 ORDER BY m.movement_id
 LIMIT %(size)s
"""


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of a journal, and where the next ones begin; None if these were the last."""

    lines: Sequence[Line]
    after: int | None


def lines_of(
    connection: Connection,
    tenant_id: int,
    instant: Instant,
    position_id: int,
    *,
    kinds: Collection[Kind] = MATTERING,
    after: int,
) -> Lines:
    """The next movements of these kinds that a position had by then, in their order."""
    rows = connection.exec_driver_sql(
        _LINES,
        {
            "tenant_id": tenant_id,
            "position_id": position_id,
            "after": after,
            "until": instant.movement_id,
            "kinds": list(kinds),
            "size": LINES_MAX,
        },
    ).all()
    return Lines([_line(row) for row in rows], rows[-1].movement_id if len(rows) == LINES_MAX else None)


def _line(row: Row[Any]) -> Line:
    return Line(
        kind=Kind(row.kind),
        quantity=row.quantity,
        amount=row.amount,
        unit_cost=row.unit_cost,
        stocked_item_id=row.stocked_item_id,
        receive_time=row.receive_time,
        demand=row.demand,
        was_unknown=row.was_unknown,
    )
