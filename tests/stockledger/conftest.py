"""A ledger on a real database: with a server from `tests.harness`, without one from here."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from storekeeper_kit.database import Database
from storekeeper_kit.round_trips import Result, RoundTrip, Statement
from storekeeper_stockledger.storage.planning import BY_INDEX
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import Tenant


@pytest.fixture(scope="module")
def database(ledger_database: LedgerDatabase) -> Iterator[Database]:
    """The service's connections to the module's database, planned as in the lanes."""
    database = Database(ledger_database.service_url, pool_size=8, settings=BY_INDEX)
    yield database
    database.close()


@pytest.fixture
def tenant(database: Database, ledger_database: LedgerDatabase) -> Iterator[Tenant]:
    """A tenant that has nothing yet. Whatever a test does with it, all invariants hold in the end."""
    tenant = Tenant(database)
    yield tenant
    if tenant.has_journal():
        check_invariants(ledger_database.owner_url, tenant.tenant_id)


@pytest.fixture
def another_process(database: Database, tenant: Tenant) -> Tenant:
    """The same tenant, through a ledger that shares nothing with the first but the database."""
    other = Tenant(database)
    other.tenant_id = tenant.tenant_id
    return other


@pytest.fixture(scope="module")
def dump(ledger_database: LedgerDatabase) -> Iterator[Dump]:
    """Tells all rows of the module's database."""
    with Dump(ledger_database) as dump:
        yield dump


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each statement that is sent from now on."""
    sent: list[str] = []
    execute, execute_together = psycopg.Cursor.execute, RoundTrip.execute

    def counted(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(str(query))
        return execute(cursor, query, *args, **kwargs)

    def counted_together(trip: RoundTrip, statement: Statement, **parameters: object) -> Result:
        sent.append(statement.sql)
        return execute_together(trip, statement, **parameters)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    monkeypatch.setattr(RoundTrip, "execute", counted_together)
    return sent
