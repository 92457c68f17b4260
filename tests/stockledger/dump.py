"""Everything that a ledger's database holds, row for row, to be compared with what it held before."""

import psycopg
from psycopg import sql

from storekeeper_stockledger.storage.tables import metadata
from tests.harness.databases import LedgerDatabase

Dump = dict[str, list[str]]


def dump(database: LedgerDatabase) -> Dump:
    """Each table's rows as text, with the transaction that wrote each: a row that was written again differs too."""
    with psycopg.connect(database.owner_url) as connection:
        return {table: _rows(connection, table) for table in sorted(metadata.tables)}


def _rows(connection: psycopg.Connection, table: str) -> list[str]:
    statement = sql.SQL("SELECT concat_ws(' ', xmin, ctid, t) FROM {} AS t ORDER BY ctid").format(sql.Identifier(table))
    return [text for (text,) in connection.execute(statement)]
