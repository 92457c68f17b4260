"""Everything that a ledger's database holds, row for row, to be compared with what it held before."""

from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from storekeeper_stockledger.storage.tables import metadata
from tests.harness.databases import LedgerDatabase

Rows = dict[str, list[str]]
"""The rows of each table as text, each with the transaction that wrote it: one that was written again differs too."""

TABLES = sorted(metadata.tables)
ALL_ROWS = sql.SQL("\nUNION ALL\n").join(
    sql.SQL("SELECT {}, concat_ws(' ', xmin, ctid, t), ctid FROM {} AS t").format(table, sql.Identifier(table))
    for table in TABLES
) + sql.SQL(" ORDER BY 1, 3")


class Dump:
    """Tells all rows whenever it is called; keeps its connection, because most tests call it twice."""

    def __init__(self, database: LedgerDatabase) -> None:
        self._connection = psycopg.connect(database.owner_url, autocommit=True)

    def __call__(self) -> Rows:
        rows: Rows = {table: [] for table in TABLES}
        for table, row, _ in self._connection.execute(ALL_ROWS):
            rows[table].append(row)
        return rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
