"""Holds a lock that ledgers need, so that what they do meanwhile comes together in the moment when it is let go."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from tests.cli.processes import wait_for
from tests.harness.databases import LedgerDatabase

WAITERS_TIMEOUT_S = 10.0
"""A ledger that has waited too long for a lock starts over, and waits again."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lock, and those who wait for it."""

    connection: psycopg.Connection

    def wait_for_waiters(self, count: int) -> None:
        """Return when that many connections wait for a lock."""
        wait_for(lambda: self._waiters() >= count, WAITERS_TIMEOUT_S)

    def _waiters(self) -> int:
        # A transaction sees the same activity again and again until it asks for news.
        self.connection.execute("SELECT pg_stat_clear_snapshot()")
        row = self.connection.execute(_WAITERS).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def held_journal_head(database: LedgerDatabase, tenant_id: int) -> Iterator[Held]:
    """Nobody of this tenant can record anything."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SELECT FROM journal_head WHERE tenant_id = %s FOR UPDATE", [tenant_id])
        yield Held(connection)


@contextmanager
def held_position(database: LedgerDatabase, position_id: int) -> Iterator[Held]:
    """Nobody can change the stock of this position."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SELECT FROM position WHERE position_id = %s FOR UPDATE", [position_id])
        yield Held(connection)


@contextmanager
def held_movements(database: LedgerDatabase) -> Iterator[Held]:
    """Nobody can read any movement, or record one."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("LOCK TABLE movement IN ACCESS EXCLUSIVE MODE")
        yield Held(connection)


_WAITERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
