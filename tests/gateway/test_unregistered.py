"""A product that the stock ledger has not heard of yet: its client is told to try again, not that there is none."""

from collections.abc import Iterator

import pytest

from tests.gateway.client import LIMITS, Autotask
from tests.harness.catalog_process import CatalogProcess
from tests.harness.databases import ServiceDatabases
from tests.harness.gateway_process import GatewayProcess
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock

NOWHERE = "127.0.0.1:9"


@pytest.fixture
def cut_off(
    catalog_databases: ServiceDatabases, ledger: LedgerProcess, stock: Stock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Autotask]:
    """A client of a gateway whose catalog does not reach the ledger."""
    database = catalog_databases.create()
    folder = tmp_path_factory.mktemp("cut_off")
    with (
        CatalogProcess(database.service_url, NOWHERE, folder) as catalog,
        GatewayProcess(catalog.address, ledger.address, folder) as gateway,
        Autotask(gateway.address, tenant_id=stock.tenant_id) as client,
    ):
        yield client
    catalog_databases.drop(database)


def test_a_product_that_is_not_registered_yet_is_not_said_to_be_none(cut_off: Autotask) -> None:
    product_id = cut_off.product()
    payload = {"productID": product_id, "inventoryLocationID": cut_off.location(), **LIMITS}
    assert "please try again" in cut_off.refusal("POST", "InventoryProducts", payload)
    unknown = cut_off.refusal("POST", "InventoryProducts", {**payload, "productID": product_id + 1})
    assert "refers to no Product that exists" in unknown
    assert cut_off.count("InventoryProducts") == 0
