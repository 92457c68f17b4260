"""Two ledgers on one database that both bring units to where there is no position yet: one is opened, by one of them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, decimal

AT_ONCE: Final = 8
TURNS: Final = 10


@pytest.fixture
def clients(
    ledger: LedgerProcess, ledger_database: LedgerDatabase, stock: Stock, tmp_path: Path
) -> Iterator[list[Stock]]:
    """Clients of one tenant, every other one of another ledger on the same database."""
    with ExitStack() as opened:
        other = opened.enter_context(LedgerProcess(ledger_database.service_url, tmp_path))
        yield [
            opened.enter_context(Stock((ledger, other)[number % 2].address, tenant_id=stock.tenant_id, seed=number + 1))
            for number in range(AT_ONCE)
        ]


def test_a_position_that_many_need_at_once_is_opened_once(
    clients: list[Stock], stock: Stock, ledger_database: LedgerDatabase
) -> None:
    (position_id,) = stock.positions()
    stock.add(position_id, AT_ONCE * TURNS)
    places = [stock.location(f"Place {turn}") for turn in range(TURNS)]
    start = threading.Barrier(AT_ONCE)

    def bring(number: int) -> None:
        for location_id in places:
            there = pb.ItemAtLocation(item_id=1, location_id=location_id)
            expecting: dict[str, Any] = {"order_line": f"PO {number}", "item_at_location": there}
            transferring: dict[str, Any] = {
                "source": pb.StockSource(position_id=position_id),
                "to_location_id": location_id,
            }
            verb, fields = ("ExpectStock", expecting) if number % 4 == 3 else ("TransferStock", transferring)
            start.wait()
            clients[number].change(verb, 1, **fields)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(bring, range(AT_ONCE)))
    for location_id in places:
        (opened,) = stock.call("ListPositions", pb.ListPositionsRequest(location_id=location_id)).positions
        assert (opened.totals.on_hand, opened.totals.on_order) == (decimal(AT_ONCE * 3 // 4), decimal(AT_ONCE // 4))
    check_invariants(ledger_database.owner_url, stock.tenant_id)
