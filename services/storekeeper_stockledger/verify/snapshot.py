"""What a database held at one instant, read a few thousand rows at a time."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any, Final, LiteralString, TypeVar

import psycopg
from psycopg.rows import args_row

from storekeeper_kit.database import CONNECT_TIMEOUT_S

ROWS_FETCHED: Final = 5_000
OPTIONS: Final[Mapping[str, str]] = {
    "default_transaction_isolation": "repeatable\\ read",
    "default_transaction_read_only": "on",
    "timezone": "UTC",
    # Looking at a whole journal takes longer than any call may, and nobody waits for it.
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    # All rows are read, and not just the first of them.
    "cursor_tuple_fraction": "1",
}

Advance = Callable[[int], None]
"""Called with how many rows more have been looked at."""

Row = TypeVar("Row")


class Snapshot:
    """Reads it. Several queries may be read in turns."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._numbers = count(1)

    def tenants(self) -> list[int]:
        """All that have anything stored, in their order."""
        return [tenant_id for (tenant_id,) in self._connection.execute(_TENANTS)]

    def last_movement_id(self, tenant_id: int) -> int:
        """The number of a tenant's last movement: so many there should be."""
        [(last,)] = self._connection.execute(_LAST_MOVEMENT, [tenant_id])
        return int(last)

    def rows(
        self, kind: type[Row], query: LiteralString, tenant_id: int, advance: Advance | None = None
    ) -> Iterator[Row]:
        """The rows of a tenant that a query gives, fetched as they are asked for."""
        name = f"verify_{next(self._numbers)}"
        with self._connection.cursor(name, row_factory=args_row(kind)) as cursor:
            cursor.execute(query, [tenant_id])
            while rows := cursor.fetchmany(ROWS_FETCHED):
                yield from rows
                if advance is not None:
                    advance(len(rows))

    def first(self, query: LiteralString, tenant_id: int) -> tuple[Any, ...] | None:
        """The first row of a tenant that a query gives."""
        return self._connection.execute(query, {"tenant_id": tenant_id}).fetchone()


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """The database as it is now, whatever happens to it meanwhile."""
    options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
    with psycopg.connect(
        url, connect_timeout=CONNECT_TIMEOUT_S, options=options, application_name="storekeeper verify"
    ) as connection:
        yield Snapshot(connection)


# A probe of an index for each tenant and table, rather than a look at each row.
_TENANTS: Final = """
WITH RECURSIVE named(tenant_id) AS (
    SELECT 0::bigint
     UNION ALL
    SELECT least(
               (SELECT min(tenant_id) FROM journal_head WHERE tenant_id > named.tenant_id),
               (SELECT min(tenant_id) FROM operation WHERE tenant_id > named.tenant_id),
               (SELECT min(tenant_id) FROM movement WHERE tenant_id > named.tenant_id),
               (SELECT min(tenant_id) FROM position WHERE tenant_id > named.tenant_id),
               (SELECT min(tenant_id) FROM stocked_item WHERE tenant_id > named.tenant_id),
               (SELECT min(tenant_id) FROM reservation WHERE tenant_id > named.tenant_id),
               (SELECT min(tenant_id) FROM expectation WHERE tenant_id > named.tenant_id)
           )
      FROM named
     WHERE named.tenant_id IS NOT NULL
)
SELECT tenant_id FROM named WHERE tenant_id > 0 ORDER BY tenant_id
"""

_LAST_MOVEMENT: Final = """
SELECT coalesce(max(movement_id), 0) FROM movement WHERE tenant_id = %s
"""
