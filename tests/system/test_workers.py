"""A ledger is several processes, a server and its workers, which end together whichever of them is killed."""

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


def test_a_ledger_ends_with_a_worker_and_loses_nothing(
    ledger: LedgerProcess, ledger_database: LedgerDatabase, stock: Stock
) -> None:
    (position_id,) = stock.positions()
    stock.call("AddStock", adding(stock.new_request_id(), position_id, 5))
    request = removing(stock.new_request_id(), 1, position_id=position_id)
    line = Line(ledger.address, stock.tenant_id)
    with held_position(ledger_database, position_id) as held:
        asked = line.ask(request)
        held.wait_for_waiters(1)
        server, first, second = ledger.process_ids
        os.kill(first, signal.SIGKILL)
        assert not asked.answer().known
        ledger.wait_for_end(END_TIMEOUT_S)
        ended(server, second)
    assert "worker_gone" in ledger.log.read_text()
    ledger.restart()
    assert line.settle(request).accepted
    assert stock.available(position_id) == 4
    check_invariants(ledger_database.owner_url, stock.tenant_id)


def test_workers_end_with_their_ledger(ledger: LedgerProcess) -> None:
    _, *workers = ledger.process_ids
    ledger.kill()
    ended(*workers)
    ledger.start()


def test_workers_leave_it_to_their_ledger_when_to_stop(
    ledger: LedgerProcess, ledger_database: LedgerDatabase, stock: Stock
) -> None:
    """As Ctrl-C tells all of them."""
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


def ended(*process_ids: int) -> None:
    """Return when these have ended."""
    deadline = time.monotonic() + END_TIMEOUT_S
    while any(Path(f"/proc/{one}").exists() for one in process_ids):
        assert time.monotonic() < deadline, "they go on without anybody to answer"
        time.sleep(0.01)
