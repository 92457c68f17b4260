"""The tables of a service in its code and in its database: how the two differ, and what holds for all of them."""

from typing import Any, LiteralString

import psycopg
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import CheckConstraint, MetaData

from storekeeper_kit.database import sqlalchemy_url

_CHECKS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE contype = 'c' AND connamespace = 'public'::regnamespace
"""
_FIRST_COLUMNS = """
    SELECT index.relname, attname
      FROM pg_index
      JOIN pg_class index ON index.oid = indexrelid AND index.relnamespace = 'public'::regnamespace
      JOIN pg_class of ON of.oid = indrelid AND of.relname <> 'alembic_version'
      JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
"""


def pairs(owner: psycopg.Connection, query: LiteralString) -> dict[str, Any]:
    """The two columns of a query."""
    return {name: value for name, value in owner.execute(query)}  # noqa: C416 - the types are lost in `dict(...)`.


def assert_same_tables(owner_url: str, metadata: MetaData) -> None:
    """The tables of the code are those of the database, but for their checks."""
    engine = sqlalchemy.create_engine(sqlalchemy_url(owner_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def assert_same_checks(owner: psycopg.Connection, metadata: MetaData) -> None:
    """The checks are the same, too: each is added a second time, and PostgreSQL tells whether it means the same."""
    in_database = pairs(owner, _CHECKS)
    in_code = {
        str(check.name): sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} CHECK (" + str(check.sqltext) + ")").format(
            sql.Identifier(table.name), sql.Identifier(f"copy of {check.name}")
        )
        for table in metadata.sorted_tables
        for check in table.constraints
        if isinstance(check, CheckConstraint)
    }
    assert in_code.keys() == in_database.keys()
    for statement in in_code.values():
        owner.execute(statement)
    with_copies = pairs(owner, _CHECKS)
    assert {name: with_copies[f"copy of {name}"] for name in in_code} == in_database


def assert_tenant_leads(owner: psycopg.Connection, metadata: MetaData) -> None:
    """Every key and index leads with the tenant, so that the tables can be distributed by it."""
    first_columns = pairs(owner, _FIRST_COLUMNS)
    assert len(first_columns) > len(metadata.tables)
    assert {name for name, column in first_columns.items() if column != "tenant_id"} == set()
