"""What requests to a real server are about."""

from collections.abc import Iterator

import pytest

from tests.catalog.servicer.world import World
from tests.harness.catalog_process import CatalogProcess
from tests.harness.items import Items
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock


@pytest.fixture(scope="module")
def world(catalog: CatalogProcess, ledger: LedgerProcess) -> Iterator[World]:
    """A tenant with something of everything, for all tests of a module that leave it as it is."""
    with Stock(ledger.address) as stock, Items(catalog.address, tenant_id=stock.tenant_id) as items:
        yield World(items, stock)
