"""The driver's own connections, kept between transactions: a pool's bookkeeping costs as much as a small read."""

import select
import threading
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine

from storekeeper_kit.refusals import Unavailable
from storekeeper_kit.round_trips import ROLLBACK, RoundTrip

Connection = psycopg.Connection[Any]


class RawConnections:
    """As many as threads use at once, up to a bound. They are in autocommit mode."""

    def __init__(self, engine: Engine, *, size: int, timeout_s: float) -> None:
        """Connections are made as the engine's are; so long one is waited for while `size` of them are in use."""
        self._engine = engine
        self._free = threading.BoundedSemaphore(size)
        self._timeout_s = timeout_s
        self._idle: list[Connection] = []
        self._is_closed = False

    def take(self) -> Connection:
        """One that is idle, or a new one. Raises Unavailable while all are in use."""
        if not self._free.acquire(timeout=self._timeout_s):
            raise Unavailable("all connections are in use")
        try:
            return self._idle_one() or self._open()
        except BaseException:
            self._free.release()
            raise

    def give_back(self, connection: Connection) -> None:
        """Keep it for the next user; what wasn't committed is rolled back."""
        try:
            self._keep(connection)
        finally:
            self._free.release()

    def _idle_one(self) -> Connection | None:
        while (connection := self._last()) is not None:
            if not has_ended(connection):
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        status = connection.info.transaction_status
        try:
            if status is TransactionStatus.ACTIVE:
                # What was sent ahead, nobody has waited for. The server notices once it has nothing else to do.
                connection.close()
            elif status is not TransactionStatus.IDLE:
                with RoundTrip(connection) as trip:
                    trip.execute(ROLLBACK)
        except psycopg.Error:
            connection.close()
        if self._is_closed:
            connection.close()
        elif not connection.closed:
            self._idle.append(connection)

    def close(self) -> None:
        """Close those that are idle; the others when they come back."""
        self._is_closed = True
        while (connection := self._last()) is not None:
            connection.close()

    def _last(self) -> Connection | None:
        """The one that was used last, and is warm. Nobody else has it then: threads do this side by side."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _open(self) -> Connection:
        pooled = self._engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        assert isinstance(connection, psycopg.Connection)
        connection.autocommit = True
        return connection


def has_ended(connection: Connection) -> bool:
    """Whether its server has gone since it was last used.

    A server that stops closes its connections, so that an idle one has something to read: its last words. That shows
    without asking the server, unlike a ping, which every transaction would have to wait for.
    """
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    if not poll.poll(0):
        return False
    try:
        # It may have been a mere notice.
        connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return bool(poll.poll(0))
