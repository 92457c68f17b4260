"""The one module that locks rows, and the one order in which it is done.

    settings, or item → location → positions (by id) → journal head

A position's lock guards its totals, all of its stocked items, and what decides over them: the state of its location,
the tracking and scale of its item. Positions are locked sorted, so that two batches that touch the same ones wait for
each other instead of deadlocking. The journal head comes last, so that numbers are given in the order of commits: a
batch takes it with its first write (`recording.py`), a creation before it looks whether there is such a thing already.
No other statement of the ledger waits for a lock, save the first ones that know a tenant or an item, for their twins.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor
from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy import Connection as CoreConnection

from ..domain.operations import ItemAtLocation
from . import tables
from .arrays import numbers

_LOCK_POSITIONS = """
SELECT p.position_id, p.close_time IS NULL, p.item_id, p.location_id, p.available, p.reserved, p.picked, p.on_order
  FROM position p
 WHERE p.tenant_id = %(tenant_id)s
   AND p.position_id IN (
       SELECT unnest(%(position_ids)s::bigint[])
       UNION ALL
       SELECT named.position_id
         FROM unnest(%(item_ids)s::bigint[], %(location_ids)s::bigint[]) AS wanted(item_id, location_id)
         JOIN position named
           ON named.tenant_id = %(tenant_id)s
          AND named.item_id = wanted.item_id
          AND named.location_id = wanted.location_id
          AND named.close_time IS NULL
       UNION ALL
       SELECT holding.position_id
         FROM unnest(%(stocked_item_ids)s::bigint[]) AS wanted(stocked_item_id)
         JOIN stocked_item holding
           ON holding.tenant_id = %(tenant_id)s
          AND holding.stocked_item_id = wanted.stocked_item_id
       )
 ORDER BY p.position_id
   FOR NO KEY UPDATE
"""


def lock_positions(
    connection: Connection[Any],
    tenant_id: int,
    *,
    position_ids: Collection[int],
    pairs: Collection[ItemAtLocation],
    stocked_item_ids: Collection[int],
) -> Cursor[Any]:
    """Lock the positions that are named by id, by item and location, or by a stocked item of theirs.

    Closed ones as well: what closed them may have been waited for, and be what is asked again.
    """
    return connection.execute(
        _LOCK_POSITIONS,
        {
            "tenant_id": tenant_id,
            "position_ids": numbers(position_ids),
            "item_ids": numbers(pair.item_id for pair in pairs),
            "location_ids": numbers(pair.location_id for pair in pairs),
            "stocked_item_ids": numbers(stocked_item_ids),
        },
        prepare=True,
    )


def lock_location(connection: CoreConnection, tenant_id: int, location_id: int) -> Row[Any] | None:
    """Lock a location against being deactivated, or against positions being opened at it."""
    location = tables.location
    return connection.execute(
        select(location)
        .where(location.c.tenant_id == tenant_id, location.c.location_id == location_id)
        .with_for_update(key_share=True)
    ).one_or_none()


def lock_item(connection: CoreConnection, tenant_id: int, item_id: int) -> Row[Any] | None:
    """Lock an item against another registration, or against positions being opened for it."""
    item = tables.item
    return connection.execute(
        select(item).where(item.c.tenant_id == tenant_id, item.c.item_id == item_id).with_for_update(key_share=True)
    ).one_or_none()


def lock_settings(connection: CoreConnection, tenant_id: int) -> Row[Any]:
    """Lock a tenant's settings against another change."""
    settings = tables.settings
    return connection.execute(
        select(settings).where(settings.c.tenant_id == tenant_id).with_for_update(key_share=True)
    ).one()


def lock_journal_head(connection: CoreConnection, tenant_id: int) -> datetime:
    """Lock the journal head: until the commit, nobody else creates or records anything. Returns the time of record."""
    head = tables.journal_head
    now: datetime = connection.execute(
        select(func.greatest(func.clock_timestamp(), head.c.record_time))
        .where(head.c.tenant_id == tenant_id)
        .with_for_update()
    ).scalar_one()
    return now


def lock_positions_where(connection: CoreConnection, tenant_id: int, condition: ColumnElement[bool]) -> None:
    """Lock all open positions of an item or a location: whoever changes stock there has finished, or will see the change."""
    position = tables.position
    connection.execute(
        select(position.c.position_id)
        .where(position.c.tenant_id == tenant_id, condition, position.c.close_time.is_(None))
        .order_by(position.c.position_id)
        .with_for_update(key_share=True)
    )
