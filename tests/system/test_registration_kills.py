"""Catalog and ledger are killed at every step of a change: in the end the item is there once, and the ledger knows it.

Each step is a death of its own: before and after each statement, each commit, and the call from one to the other. Then the
process is started again, and a client that got no answer repeats its call.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, LiteralString

import grpc
import psycopg
import pytest

from storekeeper.catalog.v1 import catalog_pb2 as pb
from tests.harness.catalog_process import CatalogProcess
from tests.harness.databases import CatalogDatabase, LedgerDatabase
from tests.harness.items import Items
from tests.harness.ledger_process import LedgerProcess
from tests.kit.waiting import eventually
from tests.system.mortal import Mortal

CATALOG_STEPS_MIN = 16
"""Before and after at least: four statements and their commit, the call, and the acknowledgement with its commit."""
LEDGER_STEPS_MIN = 4
BACKLOG = 60

ENTRIES = "SELECT item_id FROM registration WHERE tenant_id = %s"
KEPT = "SELECT item_id, version, state = 'archived' FROM item WHERE tenant_id = %s ORDER BY 1"
REGISTERED = "SELECT item_id, version, archived FROM item WHERE tenant_id = %s ORDER BY 1"

Change = Callable[[], pb.Item]


@dataclass(frozen=True, slots=True)
class World:
    """Both databases, looked into without asking the services; and clients of the catalog."""

    address: str
    catalog_url: str
    ledger_url: str
    tenants: Iterator[int]

    @contextmanager
    def items(self) -> Iterator[Items]:
        """A client, as a tenant that has nothing yet."""
        with Items(self.address, tenant_id=next(self.tenants)) as items:
            yield items

    def is_settled(self, tenant_id: int) -> bool:
        """Whether nothing is left that the ledger has to hear of."""
        return _rows(self.catalog_url, ENTRIES, tenant_id) == []

    def confirms(self, ledger: LedgerProcess, tenant_id: int) -> bool:
        """Whether the ledger lives to confirm what it is told."""
        return eventually(lambda: not ledger.is_running or self.is_settled(tenant_id)) and ledger.is_running

    def registered(self, tenant_id: int) -> list[Any]:
        """The items that the ledger knows in the end, without a client's help: those that the catalog has, as they are."""
        assert eventually(lambda: self.is_settled(tenant_id))
        registered = _rows(self.ledger_url, REGISTERED, tenant_id)
        assert registered == _rows(self.catalog_url, KEPT, tenant_id)
        return registered


def _rows(url: str, query: LiteralString, tenant_id: int) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(query, [tenant_id]).fetchall()


@pytest.fixture(scope="module")
def catalog(
    catalog_database: CatalogDatabase, ledger: LedgerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CatalogProcess]:
    """A catalog that doesn't wait for its ledger longer than it does by default."""
    folder = tmp_path_factory.mktemp("catalog")
    with CatalogProcess(catalog_database.service_url, ledger.address, folder) as process:
        yield process


@pytest.fixture(scope="module")
def world(catalog: CatalogProcess, catalog_database: CatalogDatabase, ledger_database: LedgerDatabase) -> World:
    return World(catalog.address, catalog_database.owner_url, ledger_database.owner_url, count(1))


def creation(items: Items) -> Change:
    """Creates an item, the same one each time."""
    request = items.creation(sku="A-1")
    return lambda: items.call("CreateItem", request)


def archival(items: Items) -> Change:
    """Archives an item, the same one each time."""
    item_id = items.create().item_id
    return lambda: items.archive(item_id)


CHANGES = {"CreateItem": creation, "ArchiveItem": archival}


@pytest.mark.parametrize("method", CHANGES)
def test_the_catalog_may_die_at_every_step(
    world: World, catalog: CatalogProcess, ledger: LedgerProcess, tmp_path: Path, method: str
) -> None:
    mortal = Mortal(catalog, "storekeeper_catalog", method, tmp_path)
    mortal.restart()
    for step in count(1):
        with world.items() as items:
            change = CHANGES[method](items)
            with mortal.dying_at(step):
                survived = _is_answered(change)
            if not survived:
                catalog.wait_for_end()
                mortal.restart()
                # What was committed is carried over, whether or not the client ever comes back.
                world.registered(items.tenant_id)
            item = change()
            assert world.registered(items.tenant_id) == [(item.item_id, int(item.etag), method == "ArchiveItem")]
        if survived:
            break
    assert step > CATALOG_STEPS_MIN


@pytest.mark.parametrize("method", CHANGES)
def test_the_ledger_may_die_at_every_step_of_hearing_of_it(
    world: World, ledger: LedgerProcess, tmp_path: Path, method: str
) -> None:
    mortal = Mortal(ledger, "storekeeper_stockledger", "RegisterItem", tmp_path)
    mortal.restart()
    for step in count(1):
        with world.items() as items:
            change = CHANGES[method](items)
            with mortal.dying_at(step):
                # It is answered, whatever becomes of the ledger.
                item = change()
                survived = world.confirms(ledger, items.tenant_id)
            if not survived:
                mortal.restart()
            assert world.registered(items.tenant_id) == [(item.item_id, int(item.etag), method == "ArchiveItem")]
        if survived:
            break
    assert step > LEDGER_STEPS_MIN


def test_two_catalogs_carry_over_what_was_left_while_the_ledger_was_away(
    world: World, ledger: LedgerProcess, catalog_database: CatalogDatabase, tmp_path: Path
) -> None:
    ledger.kill()
    with CatalogProcess(catalog_database.service_url, ledger.address, tmp_path), world.items() as items:
        calls = [
            items.stub.CreateItem.future(items.creation(), metadata=items.metadata, timeout=30) for _ in range(BACKLOG)
        ]
        created = [call.result() for call in calls]
        assert {item.registration.state for item in created} == {pb.REGISTRATION_STATE_PENDING}
        ledger.start()
        assert world.registered(items.tenant_id) == sorted((item.item_id, 1, False) for item in created)


def _is_answered(change: Change) -> bool:
    """Whether the catalog lives to answer."""
    try:
        change()
    except grpc.RpcError:
        return False
    return True
