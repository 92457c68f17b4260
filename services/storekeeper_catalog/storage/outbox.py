"""The outbox: one entry for each item whose last change the stock ledger has not confirmed yet.

An entry says that the ledger has to hear of the item as of some version, or a later one. So only the newest version
matters, entries need no order, and telling one twice does no harm.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, func, update
from sqlalchemy.dialects.postgresql import insert

from ..domain.item import Counting, Facts, ItemState, Tracking
from .items import read_unit_cost
from .locking import lease_entries
from .tables import registration

HEAD_START: Final = timedelta(seconds=1)
"""How long an entry is left to whoever made it, who tries first."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An item that the ledger has to hear of, and how often that was tried by sweeps."""

    tenant_id: int
    facts: Facts
    attempts: int = 0


def enqueue(connection: Connection, tenant_id: int, item_id: int, version: int) -> None:
    """Write down that the ledger has to hear of this version, in the transaction that makes it."""
    values = {
        "version": version,
        "attempts": 0,
        "next_attempt_time": func.now() + HEAD_START,
        "refused_reason": None,
        "refused_message": None,
    }
    statement = insert(registration).values(tenant_id=tenant_id, item_id=item_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "item_id"], set_=values))


def lease(connection: Connection, count: int, duration: timedelta) -> list[Entry]:
    """Take entries that are due, for this long."""
    rows = lease_entries(connection, count, duration)
    return [Entry(row.tenant_id, _facts(row), row.attempts) for row in rows]


def _facts(row: Row[Any]) -> Facts:
    return Facts(
        item_id=row.item_id,
        version=row.version,
        counting=Counting(Tracking(row.tracking), row.quantity_scale),
        archived=row.state == ItemState.ARCHIVED,
        unit_cost=read_unit_cost(row),
    )


def acknowledge(connection: Connection, entry: Entry) -> None:
    """The ledger knows the item as of this version: no earlier one needs to be told."""
    connection.execute(delete(registration).where(*_settled_by(entry)))


def park(connection: Connection, entry: Entry, reason: str, message: str) -> None:
    """The ledger refuses this version: leave it alone until the item changes."""
    statement = update(registration).where(*_settled_by(entry))
    connection.execute(statement.values(refused_reason=reason, refused_message=message))


def postpone(connection: Connection, entry: Entry, delay: timedelta) -> None:
    """The ledger could not be told: try again after this long."""
    statement = update(registration).where(*_settled_by(entry))
    connection.execute(statement.values(next_attempt_time=func.now() + delay))


def _settled_by(entry: Entry) -> tuple[ColumnElement[bool], ...]:
    column = registration.c
    return (
        column.tenant_id == entry.tenant_id,
        column.item_id == entry.facts.item_id,
        column.version <= entry.facts.version,
    )
