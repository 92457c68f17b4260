"""A ledger stands still in the middle of a batch, with stock locked: a machine that pauses, or that the network lost."""

import os
import signal
from pathlib import Path

from tests.harness.asking import Line
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, adding, removing
from tests.system.holding import held_position


def test_others_get_on_with_what_it_had_locked(
    ledger: LedgerProcess, ledger_database: LedgerDatabase, stock: Stock, tmp_path: Path
) -> None:
    (position_id,) = stock.positions()
    stock.call("AddStock", adding(stock.new_request_id(), position_id, 5))
    request = removing(stock.new_request_id(), 1, position_id=position_id)
    with LedgerProcess(ledger_database.service_url, tmp_path) as other:
        lines = [Line(process.address, stock.tenant_id) for process in (ledger, other)]
        with held_position(ledger_database, position_id) as held:
            first = lines[0].ask(request)
            held.wait_for_waiters(1)
            _signal(ledger, signal.SIGSTOP)
        try:
            # The position is locked for the one that stands still, until the database gives it up.
            again = lines[1].settle(request)
        finally:
            _signal(ledger, signal.SIGCONT)
        assert again.accepted
        first.answer()
        late = lines[0].settle(request)
    assert late.replayed
    assert late.movements == again.movements
    assert stock.available(position_id) == 4
    check_invariants(ledger_database.owner_url, stock.tenant_id)


def _signal(ledger: LedgerProcess, number: signal.Signals) -> None:
    for process_id in ledger.process_ids:
        os.kill(process_id, number)
