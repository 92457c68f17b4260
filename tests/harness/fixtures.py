"""What tests of running services begin with, for every folder of tests."""

import random
from collections.abc import Iterator

import pytest

from storekeeper_cli.postgres import EmbeddedPostgres
from tests.harness.catalog_process import CatalogProcess
from tests.harness.databases import CatalogDatabase, LedgerDatabase, LedgerDatabases, ServiceDatabases
from tests.harness.items import Items
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make test ARGS="--seed 7"` asks again what a failed run has asked."""
    parser.addoption("--seed", type=int, help="what randomized tests draw their requests from")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Another one in every run; shown with a failure."""
    given: int | None = request.config.getoption("--seed")
    chosen = random.randrange(2**32) if given is None else given
    print(f"--seed {chosen}")
    return chosen


@pytest.fixture(scope="session")
def ledger_databases(postgres: EmbeddedPostgres) -> LedgerDatabases:
    """Makes migrated databases."""
    return LedgerDatabases(postgres)


@pytest.fixture(scope="module")
def ledger_database(ledger_databases: LedgerDatabases) -> Iterator[LedgerDatabase]:
    """An empty, migrated database for the tests of one module, which tell their data apart by tenant."""
    database = ledger_databases.create()
    yield database
    ledger_databases.drop(database)


@pytest.fixture(scope="module")
def ledger(ledger_database: LedgerDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerProcess]:
    """A stock ledger in a process of its own, on the module's database."""
    with LedgerProcess(ledger_database.service_url, tmp_path_factory.mktemp("ledger")) as process:
        yield process


@pytest.fixture
def stock(ledger: LedgerProcess) -> Iterator[Stock]:
    """A client of that ledger, as a tenant that has nothing yet."""
    with Stock(ledger.address) as client:
        yield client


@pytest.fixture(scope="session")
def catalog_databases(postgres: EmbeddedPostgres) -> ServiceDatabases:
    """Makes migrated databases for catalogs."""
    return ServiceDatabases(postgres, "catalog")


@pytest.fixture(scope="module")
def catalog_database(catalog_databases: ServiceDatabases) -> Iterator[CatalogDatabase]:
    """An empty, migrated database for the tests of one module, which tell their data apart by tenant."""
    database = catalog_databases.create()
    yield database
    catalog_databases.drop(database)


@pytest.fixture(scope="module")
def catalog(
    catalog_database: CatalogDatabase, ledger: LedgerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CatalogProcess]:
    """A catalog in a process of its own, on the module's database, beside the module's ledger.

    It is patient: what a test creates is registered then, however busy the machine.
    """
    folder = tmp_path_factory.mktemp("catalog")
    with CatalogProcess(catalog_database.service_url, ledger.address, folder, REGISTRATION_WAIT_S="10") as process:
        yield process


@pytest.fixture
def items(catalog: CatalogProcess, stock: Stock) -> Iterator[Items]:
    """A client of that catalog, as the tenant that `stock` is a client for."""
    with Items(catalog.address, tenant_id=stock.tenant_id) as client:
        yield client
