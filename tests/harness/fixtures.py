"""What tests of a running ledger begin with, for every folder of tests."""

import random
from collections.abc import Iterator

import pytest

from storekeeper_cli.postgres import EmbeddedPostgres
from tests.harness.databases import LedgerDatabase, LedgerDatabases
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
