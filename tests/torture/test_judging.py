"""What the judge must not take for a mistake."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from google.protobuf.duration_pb2 import Duration

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.asking import Line
from tests.harness.databases import LedgerDatabase
from tests.harness.history import Diary, read_history
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, adding, decimal, removing, timestamp
from tests.stockledger.oracle.terms import Item, Terms
from tests.system.holding import held_movements
from tests.torture.judging import judge

EXPIRE_AFTER_MS = 700
A_WHILE_S = 0.4


def test_what_expires_between_a_decision_and_its_record_had_not_expired(
    ledger: LedgerProcess, ledger_database: LedgerDatabase, stock: Stock, tmp_path: Path
) -> None:
    """Also if that decision doesn't tell its time, and another one beside it was made after the expiry."""
    here, elsewhere = stock.positions(2)
    diaries = tmp_path / "diaries"
    diaries.mkdir()
    with (
        LedgerProcess(ledger_database.service_url, tmp_path) as other,
        Diary(diaries / "1.diary") as first_diary,
        Diary(diaries / "2.diary") as second_diary,
        ThreadPoolExecutor(2) as threads,
    ):
        first, second = (Line(process.address, stock.tenant_id) for process in (ledger, other))

        def settle(request: Any) -> None:
            assert first.settle(request, first_diary).accepted

        settle(adding(stock.new_request_id(), here, 9))
        settle(adding(stock.new_request_id(), elsewhere, 9))
        settle(
            pb.ReserveStockRequest(
                request_id=stock.new_request_id(),
                demand="short",
                source=pb.StockSource(position_id=here),
                quantity=decimal(4),
                expire_after=Duration(nanos=EXPIRE_AFTER_MS * 1_000_000),
            )
        )
        with held_movements(ledger_database) as held:
            count = pb.CountStockRequest(
                request_id=stock.new_request_id(),
                position_id=here,
                counted=decimal(8),
                count_time=timestamp(datetime.now(UTC) - timedelta(milliseconds=1)),
                reason="stocktake",
            )
            counted = threads.submit(first.settle, count, first_diary)
            held.wait_for_waiters(1)
            time.sleep(EXPIRE_AFTER_MS / 1000)
            removed = threads.submit(
                second.settle, removing(stock.new_request_id(), 1, position_id=elsewhere), second_diary
            )
            time.sleep(A_WHILE_S)
        assert counted.result().accepted
        assert removed.result().accepted
        settle(removing(stock.new_request_id(), 1, position_id=here))
    journal = check_invariants(ledger_database.owner_url, stock.tenant_id)
    location_id = stock.position_named(here).location_id
    positions = {here: (1, location_id), elsewhere: (2, location_id)}
    assert (
        judge(read_history(diaries), journal, Terms({1: Item(), 2: Item()}, {str(location_id): True}), positions) == 0
    )
