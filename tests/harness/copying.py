"""Fills the ledger's tables by COPY, some thousand rows at a time."""

from collections import defaultdict
from typing import Final

import psycopg
from psycopg import sql

from tests.harness.journal import PLACES, TOTALS

ROWS_MAX: Final = 20_000
"""How many rows wait before they are sent."""

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "item": ("item_id", "version", "tracking", "quantity_scale"),
    "location": ("location_id", "name", "active", "operation_id", "revision", "create_time"),
    "settings": ("reason_required", "currency_code", "revision"),
    "position": (
        *("position_id", "item_id", "location_id", "bin", "reference_number", "operation_id", "revision"),
        *("create_time", "close_time", "next_expiry", *TOTALS),
    ),
    "stocked_item": (
        *("stocked_item_id", "position_id", "item_id", "location_id", "receive_time", "received", *PLACES, "open"),
        *("unit_cost", "value", "lot", "serial_number", "create_time", "expire_time", "parent_stocked_item_id"),
        "order_line",
    ),
    "reservation": (
        *("position_id", "demand", "stocked_item_id", "reserved", "picked", "delivered", "delivered_value"),
        *("open", "expire_time"),
    ),
    "expectation": ("position_id", "order_line", "on_order", "received"),
    "journal_head": ("last_operation_id", "last_movement_id", "record_time", "chain_hash"),
    "operation": (
        *("operation_id", "request_id", "kind", "fingerprint", "actor", "reason", "effective_time"),
        *("draws", "movement_count", "last_movement_id", "record_time", "chain_hash"),
    ),
    "movement": (
        *("movement_id", "operation_id", "line", "record_time", "kind", "stocked_item_id", "position_id", "quantity"),
        *("amount", "reference", "effective_time", "received_after", *(f"{place}_after" for place in PLACES)),
        *("value_after", *(f"position_{total}_after" for total in TOTALS)),
        *("demand", "order_line", "reversed_movement_id", "unit_cost"),
    ),
}
"""By table, in an order that no foreign key minds."""

COUNTED: Final = {"location": "location_id", "position": "position_id", "stocked_item": "stocked_item_id"}
"""Tables whose ids come from a sequence."""


class Tables:
    """The rows of one tenant, on their way."""

    def __init__(self, connection: psycopg.Connection, tenant_id: int) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._rows: defaultdict[str, list[tuple[object, ...]]] = defaultdict(list)

    def add(self, table: str, *row: object) -> None:
        """One more row, with its values in the order of `COLUMNS`."""
        rows = self._rows[table]
        rows.append((self._tenant_id, *row))
        if len(rows) == ROWS_MAX:
            self._send(table)

    def flush(self) -> None:
        """Send all that wait, and let the sequences go on after them."""
        for table in COLUMNS:
            self._send(table)
        for table, key in COUNTED.items():
            self._connection.execute(
                sql.SQL(
                    "SELECT setval(pg_get_serial_sequence({table}, {key}), greatest(max({column}), 1)) FROM {name}"
                ).format(table=table, key=key, column=sql.Identifier(key), name=sql.Identifier(table))
            )

    def _send(self, table: str) -> None:
        rows = self._rows.pop(table, ())
        if not rows:
            return
        # What a row refers to goes before it.
        for other in COLUMNS:
            if other == table:
                break
            self._send(other)
        columns = sql.SQL(", ").join(map(sql.Identifier, ("tenant_id", *COLUMNS[table])))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
