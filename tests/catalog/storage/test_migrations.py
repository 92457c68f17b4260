"""What the migrations leave is what the code takes for granted."""

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg import errors

from storekeeper_catalog.domain.item import ID_MAX
from storekeeper_catalog.storage.tables import metadata
from tests.harness.databases import CatalogDatabase
from tests.harness.schema import assert_same_checks, assert_same_tables, assert_tenant_leads


@pytest.fixture
def owner(catalog_database: CatalogDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(catalog_database.owner_url) as connection:
        yield connection
        connection.rollback()


def test_the_tables_of_the_code_are_those_of_the_database(catalog_database: CatalogDatabase) -> None:
    assert_same_tables(catalog_database.owner_url, metadata)


def test_the_checks_of_the_code_are_those_of_the_database(owner: psycopg.Connection) -> None:
    assert_same_checks(owner, metadata)


def test_every_key_and_index_leads_with_the_tenant(owner: psycopg.Connection) -> None:
    assert_tenant_leads(owner, metadata)


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
