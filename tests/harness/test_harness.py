"""The harness itself: what tests begin with works."""

from decimal import Decimal

from tests.harness.ledger_process import SERVING, LedgerProcess
from tests.harness.stock import OLDEST, Stock


def test_stock_is_added_removed_and_seen(ledger: LedgerProcess, stock: Stock) -> None:
    (position_id,) = stock.positions()
    stock.add(position_id, 5, OLDEST)
    stock.add(position_id, 7)
    assert len(stock.remove(6, position_id=position_id)) == 2
    assert stock.layers(position_id) == [0, 6]
    assert stock.available(position_id) == Decimal(6)


def test_a_killed_ledger_comes_back_where_it_was(ledger: LedgerProcess, stock: Stock) -> None:
    (position_id,) = stock.positions()
    stock.add(position_id, 5)
    address, pid = ledger.address, ledger.pid
    ledger.kill()
    assert ledger.health() is None
    ledger.start()
    assert ledger.health() == SERVING
    assert ledger.address == address
    assert ledger.pid != pid
    with Stock(address, tenant_id=stock.tenant_id) as again:
        assert again.available(position_id) == Decimal(5)
