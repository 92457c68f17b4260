"""What the migrations leave is what the code takes for granted."""

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import errors, sql
from sqlalchemy import CheckConstraint

from storekeeper_catalog.domain.item import ID_MAX
from storekeeper_catalog.storage.tables import metadata
from storekeeper_kit.database import sqlalchemy_url
from tests.harness.databases import CatalogDatabase

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


@pytest.fixture
def owner(catalog_database: CatalogDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(catalog_database.owner_url) as connection:
        yield connection
        connection.rollback()


def pairs(owner: psycopg.Connection, query: LiteralString) -> dict[str, Any]:
    """The two columns of a query."""
    return {name: value for name, value in owner.execute(query)}  # noqa: C416 - the types are lost in `dict(...)`.


def test_the_tables_of_the_code_are_those_of_the_database(catalog_database: CatalogDatabase) -> None:
    engine = sqlalchemy.create_engine(sqlalchemy_url(catalog_database.owner_url))
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


def test_ids_end_where_a_vendor_s_narrowest_id_does(owner: psycopg.Connection) -> None:
    row = owner.execute("SELECT max_value FROM pg_sequences WHERE sequencename = 'item_item_id_seq'").fetchone()
    assert row == (ID_MAX,)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM item",
        "TRUNCATE item",
        "UPDATE item SET type = 'service'",
        "UPDATE item SET request_id = gen_random_uuid()",
        "UPDATE item SET create_time = now()",
        "DROP TABLE registration",
    ],
)
def test_the_service_cannot_take_back_what_stays(catalog_database: CatalogDatabase, statement: LiteralString) -> None:
    with psycopg.connect(catalog_database.service_url) as service, pytest.raises(errors.InsufficientPrivilege):
        service.execute(statement)
