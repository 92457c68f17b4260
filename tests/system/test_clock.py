"""The database's clock is turned back; the journal's time is not."""

from datetime import UTC, datetime, timedelta

import psycopg

from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, adding, removing

AHEAD = timedelta(hours=3)


def test_record_times_never_run_backwards(stock: Stock, ledger_database: LedgerDatabase) -> None:
    (position_id,) = stock.positions()
    stock.add(position_id, 5)
    newest = _turn_back(ledger_database, stock.tenant_id)
    stock.add(position_id, 5)
    stock.remove(7, position_id=position_id)
    stock.location("Another")
    journal = check_invariants(ledger_database.owner_url, stock.tenant_id)
    assert all(operation.record_time >= newest for operation in journal.operations[-3:])
    assert all(movement.record_time >= newest for movement in journal.movements[-3:])


def test_what_comes_without_a_receive_time_joins_the_end_of_the_line(
    stock: Stock, ledger_database: LedgerDatabase
) -> None:
    (position_id,) = stock.positions()
    _turn_back(ledger_database, stock.tenant_id)
    layers = [stock.add(position_id, 1).stocked_item_id for _ in range(5)]
    assert [item.stocked_item_id for item in stock.stocked_items(position_id)] == layers
    assert [stock.remove(1, position_id=position_id)[0].stocked_item_id for _ in range(5)] == layers


def test_the_present_is_not_the_future(ledger: LedgerProcess, stock: Stock, ledger_database: LedgerDatabase) -> None:
    """Units received by the clock of whoever received them may come before others that are on record already."""
    (position_id,) = stock.positions()
    _turn_back(ledger_database, stock.tenant_id)
    ahead = stock.add(position_id, 1)
    received = datetime.now(UTC)
    request = adding(stock.new_request_id(), position_id, 1, received)
    on_time = stock.call("AddStock", request).movement
    assert on_time.effective_time.ToDatetime(tzinfo=UTC) == received
    removal = removing(stock.new_request_id(), 2, position_id=position_id)
    drawn = [movement.stocked_item_id for movement in stock.call("RemoveStock", removal).movements]
    assert drawn == [on_time.stocked_item_id, ahead.stocked_item_id]
    check_invariants(ledger_database.owner_url, stock.tenant_id)


def _turn_back(database: LedgerDatabase, tenant_id: int) -> datetime:
    """Let the newest record be as far ahead of the clock as if that had been turned back since."""
    newest = datetime.now(UTC) + AHEAD
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("UPDATE journal_head SET record_time = %s WHERE tenant_id = %s", [newest, tenant_id])
    return newest
