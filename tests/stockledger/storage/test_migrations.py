"""What the migrations leave is what the code takes for granted."""

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import CheckConstraint

from storekeeper_kit.database import sqlalchemy_url
from storekeeper_kit.migrations import upgrade
from storekeeper_stockledger.storage.tables import metadata
from tests.harness.databases import PACKAGE, ROLE, LedgerDatabase

CHANGED_BY_QUANTITY = ("position", "stocked_item", "journal_head")

CHECKS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE contype = 'c' AND connamespace = 'public'::regnamespace
"""
FIRST_COLUMNS = """
    SELECT index.relname, attname
      FROM pg_index
      JOIN pg_class index ON index.oid = indexrelid AND index.relnamespace = 'public'::regnamespace
      JOIN pg_class of ON of.oid = indrelid AND of.relname <> 'alembic_version'
      JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
"""
OPTIONS = "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace"


@pytest.fixture
def owner(ledger_database: LedgerDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(ledger_database.owner_url) as connection:
        yield connection
        connection.rollback()


def pairs(owner: psycopg.Connection, query: LiteralString) -> dict[str, Any]:
    """The two columns of a query."""
    return {name: value for name, value in owner.execute(query)}  # noqa: C416 - the types are lost in `dict(...)`.


def test_the_tables_of_the_code_are_those_of_the_database(ledger_database: LedgerDatabase) -> None:
    engine = sqlalchemy.create_engine(sqlalchemy_url(ledger_database.owner_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_checks_of_the_code_are_those_of_the_database(owner: psycopg.Connection) -> None:
    """Alembic does not compare them: each is added a second time, and PostgreSQL tells whether it means the same."""
    in_database = pairs(owner, CHECKS)
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
    with_copies = pairs(owner, CHECKS)
    assert {name: with_copies[f"copy of {name}"] for name in in_code} == in_database


def test_every_key_and_index_leads_with_the_tenant(owner: psycopg.Connection) -> None:
    """So that the tables can be distributed by it."""
    first_columns = pairs(owner, FIRST_COLUMNS)
    assert len(first_columns) > len(metadata.tables)
    assert {name for name, column in first_columns.items() if column != "tenant_id"} == set()


def test_rows_whose_quantities_change_have_room_on_their_page(owner: psycopg.Connection) -> None:
    options = pairs(owner, OPTIONS)
    assert all("fillfactor" in str(options[table]) for table in CHANGED_BY_QUANTITY)


def test_a_migration_that_was_cut_off_can_be_repeated(ledger_database: LedgerDatabase) -> None:
    """One that commits step by step may find some or all of its work done."""
    with psycopg.connect(ledger_database.owner_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.execute("DROP INDEX position_open_key")
        connection.execute("ALTER TABLE position DROP CONSTRAINT position_closed_check")
    upgrade(PACKAGE, ledger_database.owner_url, ROLE)
    test_the_tables_of_the_code_are_those_of_the_database(ledger_database)
