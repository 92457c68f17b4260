"""A catalog on a real database: with a server from `tests.harness`, without one from here."""

from collections.abc import Iterator

import pytest

from storekeeper_kit.database import Database
from tests.catalog.dump import Dump
from tests.catalog.tenant import Tenant
from tests.harness.databases import CatalogDatabase


@pytest.fixture(scope="module")
def database(catalog_database: CatalogDatabase) -> Iterator[Database]:
    """The service's connections to the module's database."""
    database = Database(catalog_database.service_url, pool_size=8)
    yield database
    database.close()


@pytest.fixture
def tenant(database: Database) -> Tenant:
    """A tenant that has nothing yet."""
    return Tenant(database)


@pytest.fixture(scope="module")
def dump(catalog_database: CatalogDatabase) -> Iterator[Dump]:
    """Tells all rows of the module's database."""
    with Dump(catalog_database) as dump:
        yield dump
