"""A ledger is two processes, a server and its worker, which end together whichever of them is killed."""

import os
import signal
import time
from pathlib import Path

from tests.harness.asking import Line
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, adding, removing
from tests.system.holding import held_position

END_TIMEOUT_S = 10.0


def worker_of(ledger: LedgerProcess) -> int:
    """The process id of the ledger's worker."""
    _, worker = ledger.process_ids
    return worker


def test_a_ledger_ends_with_its_worker_and_loses_nothing(
    ledger: LedgerProcess, ledger_database: LedgerDatabase, stock: Stock
) -> None:
    (position_id,) = stock.positions()
    stock.call("AddStock", adding(stock.new_request_id(), position_id, 5))
    request = removing(stock.new_request_id(), 1, position_id=position_id)
    line = Line(ledger.address, stock.tenant_id)
    with held_position(ledger_database, position_id) as held:
        asked = line.ask(request)
        held.wait_for_waiters(1)
        os.kill(worker_of(ledger), signal.SIGKILL)
        assert not asked.answer().known
        ledger.wait_for_end(END_TIMEOUT_S)
    assert "worker_gone" in ledger.log.read_text()
    ledger.restart()
    assert line.settle(request).accepted
    assert stock.available(position_id) == 4
    check_invariants(ledger_database.owner_url, stock.tenant_id)


def test_a_worker_ends_with_its_ledger(ledger: LedgerProcess) -> None:
    worker = worker_of(ledger)
    ledger.kill()
    deadline = time.monotonic() + END_TIMEOUT_S
    while Path(f"/proc/{worker}").exists():
        assert time.monotonic() < deadline, "it goes on without anybody to answer"
        time.sleep(0.01)
    ledger.start()


def test_a_worker_leaves_it_to_its_ledger_when_to_stop(
    ledger: LedgerProcess, ledger_database: LedgerDatabase, stock: Stock
) -> None:
    """As Ctrl-C tells both of them."""
    (position_id,) = stock.positions()
    request = adding(stock.new_request_id(), position_id, 5)
    line = Line(ledger.address, stock.tenant_id)
    with held_position(ledger_database, position_id) as held:
        asked = line.ask(request)
        held.wait_for_waiters(1)
        for process_id in ledger.process_ids:
            os.kill(process_id, signal.SIGINT)
        # Until the position is let go, the batch goes on, and so does the ledger.
        time.sleep(0.2)
    assert asked.answer().accepted
    ledger.wait_for_end(END_TIMEOUT_S)
    ledger.restart()
