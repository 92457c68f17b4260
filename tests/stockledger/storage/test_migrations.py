"""What the migrations leave is what the code takes for granted."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from storekeeper_kit.migrations import upgrade
from storekeeper_stockledger.storage.tables import metadata
from tests.harness.databases import PACKAGE, ROLE, LedgerDatabase
from tests.harness.schema import assert_same_checks, assert_same_tables, assert_tenant_leads, pairs

CHANGED_BY_QUANTITY = ("position", "stocked_item", "journal_head")

TYPES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'c'"

STATISTICS = """
SELECT DISTINCT attstattarget
  FROM pg_attribute
 WHERE attrelid IN ('operation'::regclass, 'movement'::regclass) AND attnum > 0 AND NOT attisdropped
"""
OPTIONS = "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace"


@pytest.fixture
def owner(ledger_database: LedgerDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(ledger_database.owner_url) as connection:
        yield connection
        connection.rollback()


def test_the_tables_of_the_code_are_those_of_the_database(ledger_database: LedgerDatabase) -> None:
    assert_same_tables(ledger_database.owner_url, metadata)


def test_the_checks_of_the_code_are_those_of_the_database(owner: psycopg.Connection) -> None:
    assert_same_checks(owner, metadata)


def test_every_key_and_index_leads_with_the_tenant(owner: psycopg.Connection) -> None:
    assert_tenant_leads(owner, metadata)


def test_rows_whose_quantities_change_have_room_on_their_page(owner: psycopg.Connection) -> None:
    options = pairs(owner, OPTIONS)
    assert all("fillfactor" in str(options[table]) for table in CHANGED_BY_QUANTITY)


def test_each_column_of_the_journal_is_looked_at_less_closely(owner: psycopg.Connection) -> None:
    """One that isn't has the whole table looked at as closely as it is."""
    assert owner.execute(STATISTICS).fetchall() == [(10,)]


def test_a_migration_that_was_cut_off_can_be_repeated(ledger_database: LedgerDatabase) -> None:
    """One that commits step by step may find some or all of its work done."""
    with psycopg.connect(ledger_database.owner_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.execute("DROP INDEX position_open_key")
        connection.execute("ALTER TABLE position DROP CONSTRAINT position_closed_check")
        # Made by a script of one transaction, which was yet to come.
        for (name,) in connection.execute(TYPES).fetchall():
            connection.execute(sql.SQL("DROP TYPE {}").format(sql.Identifier(name)))
    upgrade(PACKAGE, ledger_database.owner_url, ROLE)
    assert_same_tables(ledger_database.owner_url, metadata)
