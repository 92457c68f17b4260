"""A gateway with a catalog and a stock ledger behind it, for all modules of this folder that don't break them.

They start once. Each test is a tenant of its own, to whom nobody else's data exists.
"""

from collections.abc import Iterator

import pytest

from tests.gateway.client import Autotask
from tests.gateway.places import Hand
from tests.harness.catalog_process import CatalogProcess
from tests.harness.databases import LedgerDatabases, ServiceDatabase, ServiceDatabases
from tests.harness.gateway_process import GatewayProcess
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock


@pytest.fixture(scope="session")
def ledger_database(ledger_databases: LedgerDatabases) -> Iterator[ServiceDatabase]:
    """An empty, migrated database."""
    database = ledger_databases.create()
    yield database
    ledger_databases.drop(database)


@pytest.fixture(scope="session")
def ledger(ledger_database: ServiceDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerProcess]:
    """A stock ledger in a process of its own."""
    with LedgerProcess(ledger_database.service_url, tmp_path_factory.mktemp("ledger")) as process:
        yield process


@pytest.fixture(scope="session")
def catalog_database(catalog_databases: ServiceDatabases) -> Iterator[ServiceDatabase]:
    """An empty, migrated database."""
    database = catalog_databases.create()
    yield database
    catalog_databases.drop(database)


@pytest.fixture(scope="session")
def catalog(
    catalog_database: ServiceDatabase, ledger: LedgerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CatalogProcess]:
    """A catalog in a process of its own, beside the ledger."""
    with CatalogProcess(catalog_database.service_url, ledger.address, tmp_path_factory.mktemp("catalog")) as process:
        yield process


@pytest.fixture(scope="session")
def gateway(
    catalog: CatalogProcess, ledger: LedgerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway in a process of its own, in front of both."""
    with GatewayProcess(catalog.address, ledger.address, tmp_path_factory.mktemp("gateway")) as process:
        yield process


@pytest.fixture
def autotask(gateway: GatewayProcess, stock: Stock) -> Iterator[Autotask]:
    """A client of Autotask's REST API, as the tenant that `stock` is a client for."""
    with Autotask(gateway.address, tenant_id=stock.tenant_id) as client:
        yield client


@pytest.fixture
def hand(stock: Stock) -> Hand:
    """Takes units of the same tenant where Autotask's calls don't."""
    return Hand(stock)
