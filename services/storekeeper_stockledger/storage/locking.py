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

from sqlalchemy import ColumnElement, Connection, Row, func, select

from storekeeper_kit.round_trips import Result, RoundTrip, Statement

from ..domain.operations import ItemAtLocation, Name, PositionName
from . import tables
from .arrays import numbers
from .naming import StatementOfOnePosition, StatementOfPositions

_POSITION_TO_LOCK = """
SELECT p.position_id, p.close_time IS NULL, p.item_id, p.location_id, p.next_expiry, p.available, p.reserved, p.picked,
       p.on_order
  FROM position p
 WHERE p.tenant_id = %(tenant_id)s
"""

_LOCK_POSITIONS = StatementOfPositions(f"""{_POSITION_TO_LOCK}
   AND p.position_id IN (
       {{positions}}
       )
 ORDER BY p.position_id
   FOR NO KEY UPDATE
""")

_LOCK_POSITION = StatementOfOnePosition(f"""{_POSITION_TO_LOCK}
   AND {{position}}
   FOR NO KEY UPDATE
""")


def lock_positions(
    trip: RoundTrip, tenant_id: int, names: Collection[Name], beside: Collection[tuple[Name, int]] = ()
) -> Result:
    """Lock the positions that are named by id, by item and location, or by stocked items of theirs.

    Those beside them, too: of the item of a name, at another location. Closed ones as well: what closed them may have
    been waited for, and be what is asked again.
    """
    return _LOCK_POSITIONS.execute(trip, tenant_id, names, beside)


def lock_position(trip: RoundTrip, tenant_id: int, name: PositionName) -> Result:
    """Lock one position. Named by item and location it is left out if it was closed meanwhile: it was waited for, then."""
    return _LOCK_POSITION.execute(trip, tenant_id, name)


_LOCK_SETTINGS = Statement("SELECT FROM settings WHERE tenant_id = %(tenant_id)s FOR SHARE")

_LOCK_ITEMS = Statement("""
SELECT i.item_id, i.version, i.tracking, i.quantity_scale, i.archived
  FROM item i
 WHERE i.tenant_id = %(tenant_id)s AND i.item_id = ANY(%(item_ids)s::bigint[]) AND NOT i.forgotten
 ORDER BY i.item_id
   FOR SHARE
""")

_LOCK_LOCATIONS = Statement("""
SELECT l.location_id, l.active
  FROM location l
 WHERE l.tenant_id = %(tenant_id)s AND l.location_id = ANY(%(location_ids)s::bigint[])
 ORDER BY l.location_id
   FOR SHARE
""")


def lock_origins(trip: RoundTrip, tenant_id: int, pairs: Collection[ItemAtLocation]) -> tuple[Result, Result]:
    """Lock the items and locations of positions that are to be opened, and the currency that is frozen by it.

    Shared, unlike those who change them: positions may be opened side by side.
    """
    trip.execute(_LOCK_SETTINGS, tenant_id=tenant_id)
    return (
        trip.execute(_LOCK_ITEMS, tenant_id=tenant_id, item_ids=numbers(pair.item_id for pair in pairs)),
        trip.execute(_LOCK_LOCATIONS, tenant_id=tenant_id, location_ids=numbers(pair.location_id for pair in pairs)),
    )


def lock_location(connection: Connection, tenant_id: int, location_id: int) -> Row[Any] | None:
    """Lock a location against being deactivated, or against positions being opened at it."""
    location = tables.location
    return connection.execute(
        select(location)
        .where(location.c.tenant_id == tenant_id, location.c.location_id == location_id)
        .with_for_update(key_share=True)
    ).one_or_none()


def lock_item(connection: Connection, tenant_id: int, item_id: int) -> Row[Any] | None:
    """Lock an item against another registration, or against positions being opened for it."""
    item = tables.item
    return connection.execute(
        select(item).where(item.c.tenant_id == tenant_id, item.c.item_id == item_id).with_for_update(key_share=True)
    ).one_or_none()


def lock_settings(connection: Connection, tenant_id: int) -> Row[Any]:
    """Lock a tenant's settings against another change."""
    settings = tables.settings
    return connection.execute(
        select(settings).where(settings.c.tenant_id == tenant_id).with_for_update(key_share=True)
    ).one()


def share_settings(connection: Connection, tenant_id: int) -> Row[Any]:
    """Lock a tenant's settings against a change, beside others who need them as they are."""
    settings = tables.settings
    return connection.execute(
        select(settings).where(settings.c.tenant_id == tenant_id).with_for_update(read=True)
    ).one()


def lock_journal_head(connection: Connection, tenant_id: int) -> datetime:
    """Lock the journal head: until the commit, nobody else creates or records anything. Returns the time of record."""
    head = tables.journal_head
    now: datetime = connection.execute(
        select(func.greatest(func.clock_timestamp(), head.c.record_time))
        .where(head.c.tenant_id == tenant_id)
        .with_for_update()
    ).scalar_one()
    return now


def lock_positions_where(connection: Connection, tenant_id: int, condition: ColumnElement[bool]) -> None:
    """Lock all open positions of an item or a location: whoever changes stock there has finished, or will see the change."""
    position = tables.position
    connection.execute(
        select(position.c.position_id)
        .where(position.c.tenant_id == tenant_id, condition, position.c.close_time.is_(None))
        .order_by(position.c.position_id)
        .with_for_update(key_share=True)
    )
