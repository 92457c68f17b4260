"""All that is measured, on one PostgreSQL: the services, the function and the bare servers, each in its own process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import psycopg

from storekeeper_cli.postgres import EmbeddedPostgres
from tests.bench.client import Answered
from tests.bench.function import Function
from tests.bench.ground import WITHOUT_WAITING, Ground, require_durable, vacuum
from tests.bench.loading import TENANT_ID, load, load_catalog, load_old
from tests.harness.catalog_process import CatalogProcess
from tests.harness.databases import LedgerDatabases, ServiceDatabases
from tests.harness.gateway_process import GatewayProcess
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import LedgerProcess

FUNCTION_DATABASE: Final = "bench_function"

Who = Literal["empty", "ledger", "two-ledgers", "old-ledger", "catalog", "empty-http", "gateway"]
"""Who is asked: a bare server, a ledger, two of them on one database, one whose database has seen years, ..."""


class Stage:
    """What stands ready to be measured. Each part is there from when it is first asked for until all of it is closed."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self._folder = folder
        self._opened = opened

    def targets(self, who: Who) -> list[str]:
        """The addresses of those who are asked."""
        return {
            "empty": lambda: [self._empty],
            "ledger": lambda: [self._ledger.address],
            "two-ledgers": lambda: [self._ledger.address, self._second_ledger.address],
            "old-ledger": lambda: [self._old_ledger.address],
            "catalog": lambda: [self._catalog.address],
            "empty-http": lambda: [self._empty_http],
            "gateway": lambda: [self._gateway.address],
        }[who]()

    def answered(self, who: Who, call: str, at_once: int, **bounds: int) -> Answered:
        """What came of calls of this kind; `bounds` are how many seconds, or how many calls."""
        ground = self._old_ground if who == "old-ledger" else self._ground
        return ground.answered(self.targets(who), call, at_once, **bounds)

    def check(self) -> None:
        """Fail unless every answered change is recorded, nothing else is, and everything that is stored agrees."""
        for name in ("_ground", "_old_ground"):
            if name in vars(self):
                getattr(self, name).check()
        if "_ground" in vars(self):
            check_invariants(self._ground.database.superuser_url, TENANT_ID)
        if "function" in vars(self):
            self.function.check()

    def postgresql_version(self) -> str:
        """The version of the PostgreSQL that all of them use."""
        return (self._postgres.data / "PG_VERSION").read_text().strip()

    # --- what is asked ---

    @cached_property
    def function(self) -> Function:
        """The baseline in SQL."""
        with psycopg.connect(self._postgres.superuser_url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {FUNCTION_DATABASE}")
        url = self._postgres.superuser_url(FUNCTION_DATABASE)
        require_durable(url)
        return Function(url)

    @cached_property
    def _empty(self) -> str:
        return self._opened.enter_context(_bare_server("empty_server"))

    @cached_property
    def _empty_http(self) -> str:
        return self._opened.enter_context(_bare_server("empty_http_server"))

    @cached_property
    def _ledger(self) -> LedgerProcess:
        return self._opened.enter_context(self.new_ledger(self._ground))

    @cached_property
    def _second_ledger(self) -> LedgerProcess:
        return self._opened.enter_context(self.new_ledger(self._ground))

    @cached_property
    def _old_ledger(self) -> LedgerProcess:
        return self._opened.enter_context(self.new_ledger(self._old_ground))

    @cached_property
    def _catalog(self) -> CatalogProcess:
        database = ServiceDatabases(self._postgres, "catalog").create()
        load_catalog(database.owner_url)
        vacuum(database)
        return self._opened.enter_context(CatalogProcess(database.service_url, self._ledger.address, self._folder))

    @cached_property
    def _gateway(self) -> GatewayProcess:
        gateway = GatewayProcess(self._catalog.address, self._ledger.address, self._folder)
        return self._opened.enter_context(gateway)

    def new_ledger(self, ground: Ground) -> LedgerProcess:
        """One more ledger on a database, to be started."""
        return LedgerProcess(ground.database.service_url, self._folder)

    # --- what it draws on ---

    @cached_property
    def _old_ground(self) -> Ground:
        database = self._databases.create()
        return Ground(database, load_old(database.owner_url))

    @cached_property
    def _ground(self) -> Ground:
        return self.new_ground()

    def new_ground(self) -> Ground:
        """A fresh database, stocked by a ledger."""
        database = self._databases.create()
        with LedgerProcess(database.service_url + WITHOUT_WAITING, self._folder) as ledger:
            locations = load(ledger.address, database.owner_url)
        return Ground(database, locations)

    @cached_property
    def _databases(self) -> LedgerDatabases:
        return LedgerDatabases(self._postgres)

    @cached_property
    def _postgres(self) -> EmbeddedPostgres:
        return self._opened.enter_context(EmbeddedPostgres(self._folder / "postgres"))


@contextmanager
def _bare_server(name: str) -> Iterator[str]:
    command = [sys.executable, "-m", f"tests.bench.{name}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield f"127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()
