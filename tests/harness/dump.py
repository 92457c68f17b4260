"""Everything that a service's database holds, row for row, to be compared with what it held before."""

from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from sqlalchemy import MetaData

from tests.harness.databases import ServiceDatabase

Rows = dict[str, list[str]]
"""The rows of each table as text, each with the transaction that wrote it: one that was written again differs too."""


class ServiceDump:
    """Tells all rows whenever it is called; keeps its connection, because most tests call it twice."""

    def __init__(self, database: ServiceDatabase, metadata: MetaData) -> None:
        self._connection = psycopg.connect(database.owner_url, autocommit=True)
        self._tables = sorted(metadata.tables)
        self._all_rows = sql.SQL("\nUNION ALL\n").join(
            sql.SQL("SELECT {}, concat_ws(' ', xmin, ctid, t), ctid FROM {} AS t").format(table, sql.Identifier(table))
            for table in self._tables
        ) + sql.SQL(" ORDER BY 1, 3")

    def __call__(self) -> Rows:
        rows: Rows = {table: [] for table in self._tables}
        for table, row, _ in self._connection.execute(self._all_rows):
            rows[table].append(row)
        return rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
