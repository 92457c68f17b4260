"""How somebody with all rights would rewrite a journal of one tenant, as thoroughly as without computing new hashes."""

from typing import Final

import psycopg
from psycopg import sql

CHANGED: Final = {
    "bytea": "coalesce(set_byte({column}, 7, get_byte({column}, 7) # 1), sha256(''))",
    "text": "{column} || '.'",
    "uuid": "gen_random_uuid()",
    "numeric": "coalesce({column}, 0) + 0.0001",
    "integer": "{column} + 1",
    "bigint": "coalesce({column}, 0) + 1000000",
    "timestamp with time zone": "{column} - interval '1 microsecond'",
}
"""The least change of a value, by type, that runs into no other row."""


def columns_of(superuser: psycopg.Connection, table: str) -> list[tuple[str, str]]:
    """The columns of a table, with their types; of all rows but those of other tenants."""
    return superuser.execute(_COLUMNS, [table]).fetchall()


def change(superuser: psycopg.Connection, table: str, column: tuple[str, str], row_id: int) -> None:
    """Change one value a little."""
    names = {
        "table": sql.Identifier(table),
        "column": sql.Identifier(column[0]),
        "key": sql.Identifier(f"{table}_id"),
    }
    changed = sql.SQL(CHANGED[column[1]]).format(column=names["column"])
    statement = sql.SQL("UPDATE {table} SET {column} = {changed} WHERE {key} = %s").format(changed=changed, **names)
    superuser.execute(statement, [row_id])


def take_out(superuser: psycopg.Connection, operation_id: int, *, movements: int, last_movement_id: int) -> None:
    """Take an operation out, and let those behind it move up."""
    named = {"gone": operation_id, "count": movements, "last": last_movement_id}
    for statement in _TAKE_OUT:
        superuser.execute(statement, named)


def swap(superuser: psycopg.Connection, one: int, other: int) -> None:
    """Let two neighbouring operations of one movement each change places."""
    for statement in _SWAP:
        superuser.execute(statement, {"one": one, "other": other})


_COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
 WHERE table_schema = 'public' AND table_name = %s AND column_name <> 'tenant_id' ORDER BY ordinal_position
"""

# Both go through negative numbers, so that no two rows ever have the same one.
_TAKE_OUT = (
    "DELETE FROM movement WHERE operation_id = %(gone)s",
    "DELETE FROM operation WHERE operation_id = %(gone)s",
    """
    UPDATE operation SET operation_id = 1 - operation_id, last_movement_id = last_movement_id - %(count)s
     WHERE operation_id > %(gone)s
    """,
    "UPDATE operation SET operation_id = -operation_id WHERE operation_id < 0",
    """
    UPDATE movement SET movement_id = %(count)s - movement_id, operation_id = operation_id - 1
     WHERE movement_id > %(last)s
    """,
    "UPDATE movement SET movement_id = -movement_id WHERE movement_id < 0",
    """
    UPDATE journal_head
       SET last_operation_id = last_operation_id - 1, last_movement_id = last_movement_id - %(count)s
    """,
)

_SWAP = (
    "UPDATE operation SET operation_id = -operation_id WHERE operation_id IN (%(one)s, %(other)s)",
    """
    UPDATE operation SET operation_id = %(one)s::bigint + %(other)s + operation_id,
           last_movement_id = (SELECT sum(last_movement_id) FROM operation WHERE operation_id < 0) - last_movement_id
     WHERE operation_id < 0
    """,
    "UPDATE movement SET movement_id = -movement_id WHERE operation_id IN (%(one)s, %(other)s)",
    """
    UPDATE movement SET operation_id = %(one)s::bigint + %(other)s - operation_id,
           movement_id = movement_id - (SELECT sum(movement_id) FROM movement WHERE movement_id < 0)
     WHERE movement_id < 0
    """,
)
