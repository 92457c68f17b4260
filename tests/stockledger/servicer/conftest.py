"""What requests to a real server are about."""

from collections.abc import Iterator

import pytest

from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock
from tests.stockledger.servicer.world import World


@pytest.fixture(scope="module")
def world(ledger: LedgerProcess) -> Iterator[World]:
    """A tenant with something of everything, for all tests of a module that leave it as it is."""
    with Stock(ledger.address) as stock:
        yield World(stock)
