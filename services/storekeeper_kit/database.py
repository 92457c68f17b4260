"""One PostgreSQL database: its connections, its transactions, and what its errors mean to a caller.

Straight synchronous code, for worker threads. Nothing here waits without a bound: connecting, waiting for a pooled
connection, a statement, a lock and a dead peer each have one.

    begin()      a transaction: commits at the end, rolls back on an error
    read()       single statements, each with the newest snapshot; costs no extra round trip
    raw()        a psycopg connection outside of the pool, for round trips of several statements
    transact(f)  begin(), repeated when another transaction was in the way

Each of them raises Unavailable when the database is away, and DeadlineExceeded when a statement took too long.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from itertools import chain, repeat
from types import MappingProxyType
from typing import Any, TypeVar

import psycopg
import sqlalchemy
import structlog
from sqlalchemy import Connection, Engine, event, exc
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from storekeeper_kit.failpoints import Point, reach
from storekeeper_kit.json_text import dump_json, load_json
from storekeeper_kit.raw_connections import RawConnections, has_ended
from storekeeper_kit.refusals import DeadlineExceeded, Unavailable

CONNECT_TIMEOUT_S = 2
# How long a transaction may wait for a connection while all of them are in use.
POOL_TIMEOUT_S = 5.0
# A peer that vanished without a word is noticed after about this long.
DEAD_PEER_TIMEOUT_MS = 10_000
KEEPALIVE_IDLE_S = 5
KEEPALIVE_INTERVAL_S = 2
KEEPALIVE_COUNT = 3
# A transaction of ours never waits for anything but the database. One that takes longer has been forgotten, by a process
# that stands still or a machine that is gone, and must not keep what it has locked.
FORGOTTEN_AFTER_MS = 15_000
# Between the attempts of `transact`, the last one again and again; each is drawn from half of it to all of it, so that
# rivals drift apart.
RETRY_DELAYS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
# Without these, what was acknowledged may be lost when the machine stops.
DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

T = TypeVar("T")


class Trouble(Enum):
    """What an error of the database means to whoever meets it."""

    AWAY = auto()
    """It can't be reached, or takes no work: nothing is known of what was being committed."""
    CONFLICT = auto()
    """Another transaction was in the way; nothing happened, and trying again helps."""
    SLOW = auto()
    """The statement took longer than it may; nothing happened."""
    OTHER = auto()
    """The statement was refused, or is wrong."""


def classify(error: BaseException) -> Trouble:
    """What this error means; takes psycopg's, SQLAlchemy's and the kit's own."""
    match error:
        case Unavailable() | exc.TimeoutError():
            return Trouble.AWAY
        case DeadlineExceeded():
            return Trouble.SLOW
        case exc.DBAPIError(orig=psycopg.Error() as cause):
            return classify(cause)
        case psycopg.Error(sqlstate=str() as state):
            return _TROUBLE.get(state) or _TROUBLE.get(state[:2], Trouble.OTHER)
        case psycopg.OperationalError():
            # No SQLSTATE: the error is the client library's own, so the connection failed or was lost.
            return Trouble.AWAY
        case _:
            return Trouble.OTHER


_TROUBLE = {
    "08": Trouble.AWAY,  # connection exceptions
    "53": Trouble.AWAY,  # out of connections, memory or disk
    "57P01": Trouble.AWAY,  # admin_shutdown
    "57P02": Trouble.AWAY,  # crash_shutdown
    "57P03": Trouble.AWAY,  # cannot_connect_now: it is starting or stopping
    "57P05": Trouble.AWAY,  # idle_session_timeout
    "25006": Trouble.AWAY,  # read_only_sql_transaction: it has become a standby
    "25P03": Trouble.AWAY,  # idle_in_transaction_session_timeout: the connection is gone
    "25P04": Trouble.AWAY,  # transaction_timeout: the same
    "0A000": Trouble.AWAY,  # feature_not_supported: a prepared statement would answer another type since a migration
    "26000": Trouble.AWAY,  # invalid_sql_statement_name: a pooler has changed the server for one that knows it not
    "42P05": Trouble.AWAY,  # duplicate_prepared_statement: or for one that does
    "40001": Trouble.CONFLICT,  # serialization_failure
    "40P01": Trouble.CONFLICT,  # deadlock_detected
    "55P03": Trouble.CONFLICT,  # lock_not_available
    "57014": Trouble.SLOW,  # query_canceled
}


class Database:
    """The connections to one database; opened when first needed, so that it may be away at the start."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 5,
        statement_timeout_ms: int = 5000,
        lock_timeout_ms: int = 2000,
        application_name: str = "storekeeper",
        settings: Mapping[str, str] = NO_SETTINGS,
    ) -> None:
        """Nothing is connected yet; `settings` are further parameters of PostgreSQL for each connection."""
        session = {
            "statement_timeout": statement_timeout_ms,
            "lock_timeout": lock_timeout_ms,
            "idle_in_transaction_session_timeout": FORGOTTEN_AFTER_MS,
            # The server's side of what the connection arguments say for ours.
            "tcp_keepalives_idle": KEEPALIVE_IDLE_S,
            "tcp_keepalives_interval": KEEPALIVE_INTERVAL_S,
            "tcp_keepalives_count": KEEPALIVE_COUNT,
            "tcp_user_timeout": DEAD_PEER_TIMEOUT_MS,
            "default_transaction_isolation": "read committed",
            "timezone": "UTC",
            # The only style of times that the driver reads.
            "datestyle": "ISO, YMD",
            **settings,
        }
        self._engine = _engine(url, session, application_name, pool_size)
        self._raw = RawConnections(self._engine, size=pool_size, timeout_s=POOL_TIMEOUT_S)
        self._reads = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # Readiness must not wait behind the calls that keep all other connections busy.
        self._probes = _engine(url, session, f"{application_name} readiness", 1).execution_options(
            isolation_level="AUTOCOMMIT"
        )
        self._warned = False

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A READ COMMITTED transaction, committed at the end of the block."""
        with _translated(), self._engine.begin() as connection:
            yield connection
            reach(Point.TRANSACTION_COMMITTING)
        reach(Point.TRANSACTION_COMMITTED)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading, where each statement stands alone and sees what is committed by then.

        Only whoever changes a table can be in its way: then it takes too long.
        """
        with _translated(_SLOW_READS), self._reads.connect() as connection:
            yield connection

    @contextmanager
    def raw(self, *, reads: bool = False) -> Iterator[psycopg.Connection[Any]]:
        """A psycopg connection outside of a transaction, in autocommit mode; what isn't committed is undone.

        There are as many of these as threads use at once, but no more than the pool has, and beside those. BEGIN is the user's own: so it can
        travel with what follows, where the driver's costs a round trip. `reads` tells that each statement stands alone, as
        in `read`.
        """
        with _translated(_SLOW_READS if reads else _SLOW):
            connection = self._raw.take()
            try:
                yield connection
            finally:
                self._raw.give_back(connection)

    def transact(self, function: Callable[[Connection], T], *, deadline: float) -> T:
        """What the function returns from a transaction of its own; it is called again after a conflict.

        Args:
            function: Reads and writes through the connection, and does nothing else that can't be repeated.
            deadline: When to give up, as `time.monotonic()` counts.
        """
        for delay in chain(RETRY_DELAYS_S, repeat(RETRY_DELAYS_S[-1])):
            try:
                with self.begin() as connection:
                    return function(connection)
            except (exc.DBAPIError, psycopg.Error) as error:
                pause = delay * random.uniform(0.5, 1)
                if classify(error) is not Trouble.CONFLICT:
                    raise
                if time.monotonic() + pause >= deadline:
                    raise DeadlineExceeded from error
                log.debug("transaction_repeated", cause=type(getattr(error, "orig", error)).__name__)
            time.sleep(pause)
        raise AssertionError("there is always another attempt")

    @contextmanager
    def probing(self) -> Iterator[Connection]:
        """A connection that is kept for readiness checks."""
        with _translated(), self._probes.connect() as connection:
            yield connection

    def probe(self) -> None:
        """Raises Unavailable unless the database answers; warns once if it may lose what it acknowledged."""
        with self.probing() as connection:
            switched_off = connection.scalars(_SWITCHED_OFF, {"names": list(DURABILITY)}).all()
        if switched_off and not self._warned:
            self._warned = True
            log.warning("database_may_lose_acknowledged_changes", switched_off=", ".join(switched_off))

    def close(self) -> None:
        """Closes the connections; those in use are closed when they come back."""
        self._raw.close()
        self._engine.dispose()
        self._probes.dispose()


_SWITCHED_OFF = sqlalchemy.text(
    "SELECT name FROM unnest(CAST(:names AS text[])) AS name WHERE current_setting(name) = 'off'"
)


def sqlalchemy_url(url: str) -> sqlalchemy.URL:
    """The URL as SQLAlchemy wants it, with psycopg as its driver."""
    return sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")


def _engine(url: str, session: dict[str, Any], application_name: str, pool_size: int) -> Engine:
    parsed = sqlalchemy_url(url)
    options = " ".join(f"-c {name}={str(value).replace(' ', chr(92) + ' ')}" for name, value in session.items())
    engine = sqlalchemy.create_engine(
        parsed,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        pool_use_lifo=True,  # A few connections stay warm instead of all of them lukewarm.
        hide_parameters=True,  # What callers send stays out of errors and logs.
        json_serializer=dump_json,
        json_deserializer=load_json,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": application_name,
            "client_encoding": "utf8",
            # After a failover, the old primary must not be taken for the new one.
            "target_session_attrs": "read-write",
            "keepalives": 1,
            "keepalives_idle": KEEPALIVE_IDLE_S,
            "keepalives_interval": KEEPALIVE_INTERVAL_S,
            "keepalives_count": KEEPALIVE_COUNT,
            "tcp_user_timeout": DEAD_PEER_TIMEOUT_MS,
            # What the URL asks for comes last and wins.
            "options": f"{options} {parsed.query.get('options', '')}",
        },
    )
    event.listen(engine, "connect", _limit_transactions)
    event.listen(engine, "checkout", _discard_if_ended)
    return engine


def _limit_transactions(connection: psycopg.Connection[Any], _record: ConnectionPoolEntry) -> None:
    """Has the server end any transaction that was forgotten, from PostgreSQL 17 on; one before it has no such setting.

    The limit for idle ones, which all have, doesn't watch one whose server is at work, or sends what nobody takes. The URL's
    own wish wins here as everywhere.
    """
    connection.execute(_LIMIT_TRANSACTIONS, [str(FORGOTTEN_AFTER_MS)])
    connection.commit()


_LIMIT_TRANSACTIONS = (
    "SELECT set_config(name, %s, false) FROM pg_settings WHERE name = 'transaction_timeout' AND source <> 'client'"
)


def _discard_if_ended(
    connection: psycopg.Connection[Any], _record: ConnectionPoolEntry, _proxy: PoolProxiedConnection
) -> None:
    """Keeps a call from meeting a connection whose server has gone since it was last used."""
    if has_ended(connection):
        # One that ended means that all have: the pool replaces each connection that is older than this moment.
        raise exc.InvalidatePoolError


_SLOW = (Trouble.SLOW,)
_SLOW_READS = (Trouble.SLOW, Trouble.CONFLICT)


@contextmanager
def _translated(slow: Collection[Trouble] = _SLOW) -> Iterator[None]:
    """Raises the kit's own exceptions for what any caller may meet."""
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError, psycopg.Error) as error:
        trouble = classify(error)
        if trouble is Trouble.AWAY:
            raise Unavailable(str(error)) from error
        if trouble in slow:
            raise DeadlineExceeded(str(error)) from error
        raise
