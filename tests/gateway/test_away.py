"""A service or its database goes away: clients are told so in time, in their vendor's shape, and all is well when it is back."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from os import kill
from typing import Any

import httpx
import pytest

from storekeeper_cli.postgres import EmbeddedPostgres
from tests.gateway.client import ADDITION, LIMITS, PRODUCT, Autotask
from tests.harness.catalog_process import CatalogProcess
from tests.harness.databases import LedgerDatabases, ServiceDatabases
from tests.harness.gateway_process import GatewayProcess
from tests.harness.ledger_process import NOT_SERVING, SERVING, LedgerProcess
from tests.kit.waiting import eventually

CALL_TIMEOUT_S = "4"
"""How long the gateway waits for the services; the clients have all the time in the world."""

CATALOG, STOCK_LEDGER = "storekeeper.catalog.v1.Catalog", "storekeeper.stockledger.v1.StockLedger"


# Other processes than those that the other modules share.


@pytest.fixture(scope="module")
def ledger(ledger_databases: LedgerDatabases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerProcess]:
    database = ledger_databases.create()
    with LedgerProcess(database.service_url, tmp_path_factory.mktemp("ledger")) as process:
        yield process
    ledger_databases.drop(database)


@pytest.fixture(scope="module")
def catalog(
    ledger: LedgerProcess, catalog_databases: ServiceDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CatalogProcess]:
    database = catalog_databases.create()
    with CatalogProcess(database.service_url, ledger.address, tmp_path_factory.mktemp("catalog")) as process:
        yield process
    catalog_databases.drop(database)


@pytest.fixture(scope="module")
def gateway(
    ledger: LedgerProcess, catalog: CatalogProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(catalog.address, ledger.address, folder, CALL_TIMEOUT_S=CALL_TIMEOUT_S) as process:
        yield process


class Shelf:
    """A tenant with five units of one product."""

    def __init__(self, autotask: Autotask) -> None:
        self.autotask = autotask
        self.product_id = autotask.product()
        self.position_id = autotask.position(product_id=self.product_id)
        self.stocked_item_id = autotask.add(self.position_id, 5)

    def asks_the_catalog(self) -> list[tuple[str, str, Any]]:
        """Requests that the catalog answers."""
        return [
            ("GET", f"Products/{self.product_id}", None),
            ("POST", "Products/query", {"filter": [{"op": "exist", "field": "id"}]}),
            ("POST", "Products", {**PRODUCT, "name": "Rat"}),
            ("PATCH", "Products", {"id": self.product_id, "name": "Rat"}),
        ]

    def asks_the_ledger(self) -> list[tuple[str, str, Any]]:
        """Requests that the stock ledger answers."""
        below = f"InventoryProducts/{self.position_id}"
        return [
            ("GET", below, None),
            ("POST", "InventoryStockedItems/query/count", {"filter": [{"op": "exist", "field": "id"}]}),
            ("POST", "InventoryLocations", {"locationName": "Van", "isActive": False, "isDefault": False}),
            ("PATCH", "InventoryProducts", {"id": self.position_id, "bin": "B-2"}),
            ("POST", "InventoryProducts", {"productID": self.product_id, "inventoryLocationID": 1, **LIMITS}),
            ("POST", f"{below}/StockedItemsAdd", {**ADDITION, "quantityBeingAdded": 1}),
            ("POST", f"{below}/StockedItemsRemove", {"quantityBeingRemoved": 1}),
            ("DELETE", below, None),
        ]

    def is_as_it_was(self) -> bool:
        """Whether nothing of all that has happened."""
        product = self.autotask.get("Products", self.product_id)
        position = self.autotask.get("InventoryProducts", self.position_id)
        return (product["name"] != "Rat", position["onHandUnits"], position["bin"]) == (True, 5, None) and (
            self.autotask.count("InventoryLocations") == self.autotask.count("InventoryStockedItems") == 1
        )


@pytest.fixture
def shelf(autotask: Autotask) -> Shelf:
    return Shelf(autotask)


def test_the_stock_ledger_is_away(gateway: GatewayProcess, ledger: LedgerProcess, shelf: Shelf) -> None:
    ledger.kill()
    try:
        _all_are_told(shelf, shelf.asks_the_ledger())
        assert _waiting_for(gateway) == [STOCK_LEDGER]
    finally:
        ledger.start()
    gateway.wait_until(SERVING)
    assert shelf.is_as_it_was()


def test_a_product_that_is_created_meanwhile_is_stocked_afterwards(
    gateway: GatewayProcess, ledger: LedgerProcess, autotask: Autotask
) -> None:
    location_id = autotask.location()
    ledger.kill()
    try:
        product_id = autotask.product()
    finally:
        ledger.start()
    gateway.wait_until(SERVING)
    payload = {"productID": product_id, "inventoryLocationID": location_id, **LIMITS}
    assert eventually(lambda: autotask.send("POST", "InventoryProducts", payload).status == 200)


def test_the_catalog_is_away(gateway: GatewayProcess, catalog: CatalogProcess, shelf: Shelf) -> None:
    catalog.kill()
    try:
        _all_are_told(shelf, shelf.asks_the_catalog())
        assert _waiting_for(gateway) == [CATALOG]
        # Stock goes on.
        shelf.autotask.remove(1, inventoryProductID=shelf.position_id)
        shelf.autotask.add(shelf.position_id, 1)
    finally:
        catalog.start()
    gateway.wait_until(SERVING)
    assert shelf.autotask.get("Products", shelf.product_id)["name"] != "Rat"


def test_the_database_is_away(gateway: GatewayProcess, shelf: Shelf, postgres: EmbeddedPostgres) -> None:
    postgres.kill()
    try:
        _all_are_told(shelf, shelf.asks_the_catalog() + shelf.asks_the_ledger())
        gateway.wait_until(NOT_SERVING)
    finally:
        postgres.start()
    gateway.wait_until(SERVING)
    assert shelf.is_as_it_was()


def test_services_that_hang_are_not_waited_for(
    gateway: GatewayProcess, catalog: CatalogProcess, ledger: LedgerProcess, shelf: Shelf
) -> None:
    """What they were asked may happen once they go on: so only reads are asked."""
    reads = [asked for asked in shelf.asks_the_catalog() + shelf.asks_the_ledger() if asked[0] == "GET"]
    with _stopped(catalog), _stopped(ledger):
        _all_are_told(shelf, reads)
        assert _waiting_for(gateway) == [CATALOG, STOCK_LEDGER]
    gateway.wait_until(SERVING)
    assert shelf.is_as_it_was()


def test_a_change_that_nobody_knows_of_happens_once_when_it_is_repeated(
    gateway: GatewayProcess, ledger: LedgerProcess, shelf: Shelf
) -> None:
    removal = ("POST", f"InventoryProducts/{shelf.position_id}/StockedItemsRemove", {"quantityBeingRemoved": 2})
    with _stopped(ledger):
        refusal = shelf.autotask.refusal(*removal, Idempotency_Key="charge 7")
        assert "not known whether" in refusal
    gateway.wait_until(SERVING)
    for _ in range(2):
        assert shelf.autotask.done(*removal, Idempotency_Key="charge 7") == {"itemId": shelf.stocked_item_id}
    assert shelf.autotask.units(shelf.stocked_item_id) == {"onHandUnits": 3, "removedUnits": 2}


def test_the_gateway_itself_remembers_nothing(gateway: GatewayProcess, shelf: Shelf) -> None:
    removal = ("POST", f"InventoryProducts/{shelf.position_id}/StockedItemsRemove", {"quantityBeingRemoved": 2})
    shelf.autotask.done(*removal, Idempotency_Key="charge 8")
    gateway.restart()
    with Autotask(gateway.address, tenant_id=shelf.autotask.tenant_id) as again:
        again.done(*removal, Idempotency_Key="charge 8")
        assert again.get("InventoryProducts", shelf.position_id)["onHandUnits"] == 3


def test_a_gateway_that_is_asked_to_stop_ends_in_good_order(
    catalog: CatalogProcess, ledger: LedgerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with GatewayProcess(catalog.address, ledger.address, tmp_path_factory.mktemp("stopping")) as gateway:
        gateway.stop()
        assert gateway.health() is None
        assert '"server_stopped"' in gateway.log_tail()


def _all_are_told(shelf: Shelf, asked: list[tuple[str, str, Any]]) -> None:
    with ThreadPoolExecutor(len(asked)) as threads:
        refusals = list(threads.map(lambda request: shelf.autotask.refusal(*request), asked))
    assert [refusal for refusal in refusals if "can't do this at the moment" not in refusal] == []


def _waiting_for(gateway: GatewayProcess) -> list[str]:
    """What the gateway says that it waits for."""
    answer = httpx.get(f"http://{gateway.address}/readyz", timeout=10)
    assert answer.status_code == 503
    status: dict[str, Any] = answer.json()
    assert status["status"] == "NOT_SERVING"
    return list(status["waitingFor"])


@contextmanager
def _stopped(process: CatalogProcess | LedgerProcess) -> Iterator[None]:
    """The process stands still."""
    kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        kill(process.pid, signal.SIGCONT)
