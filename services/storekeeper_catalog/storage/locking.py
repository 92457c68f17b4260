"""The one module that locks rows, and the one order in which it is done.

    item -> its entry in the outbox

A change locks its item and writes the item's entry, if any, after it. Whoever carries entries over locks nothing but
entries. To take them it waits for none: one that somebody else holds is passed by. To settle one it may wait for a change
that is about to commit, which waits for nobody who settles.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, update

from .tables import item, registration

PAUSE_MAX: Final = timedelta(minutes=1)
"""The longest that an entry is left alone: as long as the settings allow."""


def lock_item(connection: Connection, tenant_id: int, item_id: int) -> bool:
    """Lock an item, so that nobody else changes it; False when there is none."""
    statement = select(item.c.item_id).where(item.c.tenant_id == tenant_id, item.c.item_id == item_id)
    return connection.execute(statement.with_for_update(key_share=True)).one_or_none() is not None


def lease_entries(connection: Connection, count: int, lease: timedelta) -> Sequence[Row[Any]]:
    """Take the entries that have been due for longest: until the lease ends, nobody else does.

    Each comes with what its item is now. Of an item that is being changed that may be what it was before; its entry
    then outlives the attempt.
    """
    entry = registration.c
    # One that would have to wait longer than any was ever told to was written before the clock was turned back.
    is_due = (entry.next_attempt_time <= func.now()) | (entry.next_attempt_time > func.now() + PAUSE_MAX)
    due = (
        select(entry.tenant_id, entry.item_id)
        .where(entry.refused_reason.is_(None), is_due)
        .order_by(entry.next_attempt_time)
        .limit(count)
        .with_for_update(skip_locked=True)
        # By itself, and once: joined to what is updated, it might be asked again and take more than it may.
        .cte("due")
    )
    statement = (
        update(registration)
        .where(entry.tenant_id == due.c.tenant_id, entry.item_id == due.c.item_id)
        .where(item.c.tenant_id == entry.tenant_id, item.c.item_id == entry.item_id)
        .values(attempts=entry.attempts + 1, next_attempt_time=func.now() + lease)
        .returning(
            entry.tenant_id,
            entry.item_id,
            entry.attempts,
            item.c.version,
            item.c.tracking,
            item.c.quantity_scale,
            item.c.state,
            item.c.unit_cost,
            item.c.currency_code,
        )
    )
    return connection.execute(statement).all()
