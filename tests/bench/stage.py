"""All that is measured, on one PostgreSQL: the services, the function and the bare servers, each in its own process."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg

from storekeeper_cli.postgres import EmbeddedPostgres
from tests.bench.client import Answered
from tests.bench.function import Function
from tests.bench.loading import TENANT_ID, load, load_catalog
from tests.harness.catalog_process import CatalogProcess
from tests.harness.databases import LedgerDatabases, ServiceDatabase, ServiceDatabases
from tests.harness.gateway_process import GatewayProcess
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import LedgerProcess

FUNCTION_DATABASE: Final = "bench_function"
DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")
# Loading is not measured, and a checkpoint makes it durable afterwards.
WITHOUT_WAITING: Final = f"?options={quote('-c synchronous_commit=off')}"

TARGETS: Final[Mapping[str, str]] = {
    "empty": "empty",
    "uniform": "ledger",
    "hot": "ledger",
    "item": "catalog",
    "empty-http": "empty-http",
    "rest-removal": "gateway",
    "rest-stocked-item": "gateway",
}
"""Who is asked by each kind of call."""
REMOVALS: Final = ("uniform", "hot", "rest-removal")


class Stage:
    """What stands ready to be measured."""

    def __init__(
        self, *, database: ServiceDatabase, targets: Mapping[str, str], location_id: int, function: Function
    ) -> None:
        self._database = database
        self._targets = targets
        self._location_id = location_id
        self._removals = 0
        self.function = function

    def answered(self, call: str, in_flight: int, seconds: int) -> Answered:
        """What came of calls of this kind, as `TARGETS` names them."""
        target = self._targets[TARGETS[call]]
        answered = _client(call, target, in_flight, seconds, self._location_id)
        if call in REMOVALS:
            self._removals += answered.calls
        return answered

    def check(self) -> None:
        """Fail unless every answered removal is recorded, nothing else is, and everything that is stored agrees."""
        journal = check_invariants(self._database.superuser_url, TENANT_ID)
        recorded = sum(operation.kind == "remove_stock" for operation in journal.operations)
        assert recorded == self._removals, f"{self._removals} removals were answered, and {recorded} are recorded"
        self.function.check()


@contextmanager
def set_up(folder: Path) -> Iterator[Stage]:
    """Start and fill everything in this folder; end it afterwards."""
    with EmbeddedPostgres(folder / "postgres") as postgres:
        database = LedgerDatabases(postgres).create()
        with LedgerProcess(database.service_url + WITHOUT_WAITING, folder) as ledger:
            location_id = load(ledger.address, database.owner_url)
        catalog_database = ServiceDatabases(postgres, "catalog").create()
        load_catalog(catalog_database.owner_url)
        function = Function(_function_database(postgres))
        for url in (database.superuser_url, catalog_database.superuser_url):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
                connection.execute("CHECKPOINT")
        for url in (database.service_url, postgres.superuser_url(FUNCTION_DATABASE)):
            _require_durable(url)
        with (
            LedgerProcess(database.service_url, folder) as ledger,
            CatalogProcess(catalog_database.service_url, ledger.address, folder) as catalog,
            GatewayProcess(catalog.address, ledger.address, folder) as gateway,
            _bare_server("empty_server") as empty,
            _bare_server("empty_http_server") as empty_http,
        ):
            targets = {
                "ledger": ledger.address,
                "catalog": catalog.address,
                "gateway": gateway.address,
                "empty": empty,
                "empty-http": empty_http,
            }
            yield Stage(database=database, targets=targets, location_id=location_id, function=function)


def postgresql_version(folder: Path) -> str:
    """The version of the PostgreSQL whose data is in this folder."""
    return (folder / "postgres" / "data" / "PG_VERSION").read_text().strip()


def _function_database(postgres: EmbeddedPostgres) -> str:
    with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {FUNCTION_DATABASE}")
    return postgres.superuser_url(FUNCTION_DATABASE)


def _require_durable(url: str) -> None:
    with psycopg.connect(url) as connection:
        for name in DURABLE:
            setting = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            assert setting == ("on",), f"{name} is {setting}: what is acknowledged would not be durable"


@contextmanager
def _bare_server(name: str) -> Iterator[str]:
    command = [sys.executable, "-m", f"tests.bench.{name}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield f"127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def _client(call: str, target: str, in_flight: int, seconds: int, location_id: int = 0) -> Answered:
    options = {
        "--target": target,
        "--call": call,
        "--location": location_id,
        "--in-flight": in_flight,
        "--seconds": seconds,
    }
    command = [sys.executable, "-m", "tests.bench.client", *(f"{name}={value}" for name, value in options.items())]
    client = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Answered(**json.loads(client.stdout))
