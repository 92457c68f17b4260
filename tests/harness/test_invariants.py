"""The invariants themselves: each fails as soon as a row says something else than it should.

Rows are tampered with as the superuser, whom nothing stops, in a transaction that is rolled back. Some take a
constraint away first, which would have refused it.
"""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants, check_journal
from tests.harness.journal import journal_on
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import OLDEST, Stock, removing

TENANT = 7

TAMPERED = [
    # --- names ---
    ("operation 2 is of no kind", "UPDATE operation SET kind = 'forget' WHERE operation_id = 2"),
    ("movement 2 is of no kind", "UPDATE movement SET kind = 'lost' WHERE movement_id = 2"),
    ("of no stocked item", "UPDATE movement SET stocked_item_id = 99 WHERE movement_id = 2"),
    ("at no position", "UPDATE movement SET position_id = 99 WHERE movement_id = 2"),
    # --- numbers ---
    ("ids have a gap", "UPDATE journal_head SET last_movement_id = last_movement_id + 1"),
    ("ids have a gap", "UPDATE journal_head SET last_operation_id = last_operation_id + 1"),
    ("ids have a gap", "UPDATE movement SET movement_id = 1000 WHERE movement_id = 6"),
    ("ids have a gap", "UPDATE operation SET operation_id = 1000 WHERE operation_id = 10"),
    ("ids have a gap", "DELETE FROM movement WHERE movement_id = 3"),
    ("ids have a gap", "DELETE FROM operation WHERE operation_id = 4"),
    (
        "another order than their operations",
        "UPDATE movement SET movement_id = CASE movement_id WHEN 6 THEN -7 ELSE -6 END WHERE movement_id IN (6, 7)",
        "UPDATE movement SET movement_id = -movement_id WHERE movement_id < 0",
    ),
    ("another order than their operations", "UPDATE movement SET operation_id = 1000 WHERE movement_id = 2"),
    # --- operations (I9) ---
    (
        "recorded twice",
        "ALTER TABLE operation DROP CONSTRAINT operation_request_id_key",
        "UPDATE operation SET request_id = (SELECT min(request_id::text)::uuid FROM operation)",
    ),
    ("says otherwise", "UPDATE operation SET movement_count = 2 WHERE operation_id = 5"),
    ("names another last movement", "UPDATE operation SET last_movement_id = 9 WHERE operation_id = 5"),
    ("gap in its lines", "UPDATE movement SET line = 9 WHERE movement_id = 7"),
    ("can't be made of", "UPDATE movement SET kind = 'added' WHERE movement_id = 6"),
    ("can't be made of", "UPDATE operation SET kind = 'remove_stock' WHERE operation_id = 6"),
    ("can't be made of", "UPDATE operation SET kind = 'remove_stock' WHERE operation_id = 1"),
    # --- balances (I1, I2, I3) ---
    (
        "less than nothing",
        "ALTER TABLE stocked_item DROP CONSTRAINT stocked_item_places_check",
        "UPDATE stocked_item SET reserved = reserved - 1, available = available + 1",
    ),
    (
        "lost or won units",
        "ALTER TABLE stocked_item DROP CONSTRAINT stocked_item_received_check",
        "UPDATE stocked_item SET removed = removed + 1",
    ),
    (
        "open and empty, or closed",
        "ALTER TABLE stocked_item DROP CONSTRAINT stocked_item_open_check",
        "ALTER TABLE stocked_item DROP CONSTRAINT stocked_item_value_check",
        "UPDATE stocked_item SET open = NOT open",
    ),
    ("another item or location", "UPDATE stocked_item SET item_id = 99"),
    ("another item or location", "UPDATE stocked_item SET location_id = 99"),
    ("other totals than its stocked items", "UPDATE position SET available = available + 1 WHERE close_time IS NULL"),
    ("other totals than its stocked items", "UPDATE position SET reserved = 1 WHERE close_time IS NULL"),
    # --- closed positions ---
    ("closed at other times", "UPDATE position SET close_time = NULL"),
    ("closed at other times", "UPDATE position SET close_time = close_time + interval '1 us'"),
    (
        "position that was closed before",
        "ALTER TABLE position DROP CONSTRAINT position_closed_check",
        "UPDATE operation SET kind = 'close_position' WHERE operation_id = 1",
        "UPDATE position SET close_time = (SELECT min(record_time) FROM operation) WHERE position_id = 1",
    ),
    (
        "is closed, not empty",
        "ALTER TABLE position DROP CONSTRAINT position_closed_check",
        "UPDATE position SET close_time = (SELECT max(close_time) FROM position) WHERE position_id = 1",
        "UPDATE position SET close_time = NULL WHERE position_id = 3",
    ),
    (
        "two open positions",
        "DROP INDEX position_open_key",
        "UPDATE position SET item_id = 1",
        "UPDATE stocked_item SET item_id = 1",
    ),
    # --- the fold (I5, I6) ---
    ("other places than the fold", "UPDATE movement SET quantity = quantity + 1 WHERE movement_id = 2"),
    ("other places than the fold", "UPDATE movement SET removed_after = removed_after + 1 WHERE movement_id = 6"),
    ("other places than the fold", "UPDATE movement SET received_after = received_after + 1 WHERE movement_id = 2"),
    ("other totals than the fold", "UPDATE movement SET position_available_after = 99 WHERE movement_id = 4"),
    ("other totals than the fold", "UPDATE movement SET position_on_order_after = 1 WHERE movement_id = 4"),
    (
        "not where the journal has left it",
        "UPDATE stocked_item SET position_id = 2, item_id = 2 WHERE receive_time = '2021-01-01'",
        "UPDATE position SET available = available - 10 WHERE position_id = 1",
        "UPDATE position SET available = available + 10 WHERE position_id = 2",
    ),
    ("takes more from", "UPDATE movement SET quantity = quantity + 1000 WHERE kind = 'removed'"),
    ("adds what is there", "UPDATE movement SET stocked_item_id = (SELECT min(stocked_item_id) FROM stocked_item)"),
    (
        "stocked item . is not as",
        "UPDATE stocked_item SET removed = removed - 1, delivered = delivered + 1 WHERE removed > 0",
    ),
    ("other totals than its stocked items", "UPDATE position SET on_order = 5 WHERE close_time IS NULL"),
    # --- amounts (I11) ---
    ("of units of unknown cost", "UPDATE movement SET amount = 1 WHERE amount IS NULL AND kind = 'removed'"),
    ("another value than its amounts", "UPDATE movement SET amount = amount + 0.01 WHERE movement_id = 6"),
    ("another value than its amounts", "UPDATE movement SET value_after = value_after + 0.01 WHERE movement_id = 7"),
    ("another value than its amounts", "UPDATE stocked_item SET value = value + 0.01 WHERE open"),
    ("leaves a debt", "UPDATE movement SET amount = amount + 9, value_after = value_after - 9 WHERE movement_id = 6"),
    (
        "without a cost",
        "ALTER TABLE stocked_item DROP CONSTRAINT stocked_item_value_check",
        "UPDATE stocked_item SET unit_cost = NULL",
    ),
    (
        "no units, and still worth",
        "ALTER TABLE stocked_item DROP CONSTRAINT stocked_item_value_check",
        "UPDATE movement SET amount = amount - 1, value_after = 1 WHERE movement_id = 6",
        "UPDATE stocked_item SET value = 1 WHERE NOT open",
    ),
    # --- times ---
    ("runs backwards", "UPDATE operation SET record_time = record_time + interval '1 hour' WHERE operation_id = 5"),
    ("head is older", "UPDATE journal_head SET record_time = record_time - interval '1 hour'"),
    ("at another time than its operation", "UPDATE movement SET record_time = '2026-01-01' WHERE movement_id = 6"),
    ("from the future", "UPDATE movement SET effective_time = '2999-01-01' WHERE movement_id = 6"),
    ("from the future", "UPDATE operation SET effective_time = '2999-01-01' WHERE operation_id = 1"),
    ("another time than its movement", "UPDATE stocked_item SET receive_time = receive_time - interval '1 day'"),
    ("another time than its movement", "UPDATE stocked_item SET create_time = create_time - interval '1 day'"),
    # --- the order of draws (I10) ---
    (
        "which comes first, had units",
        "UPDATE movement SET effective_time = '2018-01-01' WHERE movement_id = 3",
        "UPDATE stocked_item SET receive_time = '2018-01-01' WHERE receive_time = '2020-01-01'",
    ),
    # --- the hash chain (I14): what nothing else would notice ---
    ("chain breaks", "UPDATE operation SET actor = 'somebody else' WHERE operation_id = 5"),
    ("chain breaks", "UPDATE operation SET reason = 'another' WHERE operation_id = 7"),
    ("chain breaks", "UPDATE operation SET request_id = gen_random_uuid() WHERE operation_id = 5"),
    ("chain breaks", "UPDATE operation SET fingerprint = sha256('') WHERE operation_id = 5"),
    ("chain breaks", "UPDATE operation SET effective_time = '2001-01-01' WHERE operation_id = 5"),
    ("chain breaks", "UPDATE operation SET chain_hash = sha256('') WHERE operation_id = 5"),
    ("chain breaks", "UPDATE operation SET record_time = record_time + interval '1 us' WHERE operation_id = 1"),
    ("chain breaks", "UPDATE movement SET reference = 'another' WHERE movement_id = 1"),
    ("chain breaks", "UPDATE movement SET effective_time = '2001-01-01' WHERE movement_id = 6"),
    ("head has another hash", "UPDATE journal_head SET chain_hash = sha256('')"),
    ("no batch that was sealed", "UPDATE operation SET chain_hash = NULL WHERE operation_id = 12"),
]


@pytest.fixture(scope="module")
def removal(ledger_database: LedgerDatabase, ledger: LedgerProcess) -> str:
    """The request id of a removal that empties the first of three layers and draws on the second."""
    with Stock(ledger.address, tenant_id=TENANT) as stock:
        position_id, other_id = stock.positions(2)
        # Operations 4 to 7 with movements 1 to 4, after those that made the location and the positions.
        stock.add(position_id, 5, OLDEST, unit_cost="1.005", reference="first")
        stock.add(other_id, 3)
        stock.add(position_id, 10, OLDEST.replace(year=2020), unit_cost=2)
        stock.add(position_id, 10, OLDEST.replace(year=2021))
        stock.remove(2, position_id=position_id, reason="broken")
        request = removing(stock.new_request_id(), 7, position_id=position_id)
        # Movements 6 and 7, of operation 9.
        stock.call("RemoveStock", request)
        stock.remove(1, position_id=other_id)
        # Operations 11 and 12, without movements.
        stock.close_position(stock.position(stock.item(3), stock.position_named(other_id).location_id))
    return request.request_id


@pytest.fixture
def superuser(ledger_database: LedgerDatabase) -> Iterator[psycopg.Connection]:
    """A transaction that nothing can refuse, and that leaves nothing behind."""
    with psycopg.connect(ledger_database.superuser_url) as connection:
        yield connection
        connection.rollback()


def test_hold_of_what_the_ledger_has_written(ledger_database: LedgerDatabase, removal: str) -> None:
    journal = check_invariants(ledger_database.owner_url, TENANT)
    assert len(journal.movements) == 8
    assert journal.head.record_time - journal.operations[0].record_time < timedelta(hours=1)


@pytest.mark.parametrize("tampered", TAMPERED, ids=lambda tampered: f"{tampered[0]}: {tampered[-1]}")
def test_fail_when_a_row_is_tampered_with(
    superuser: psycopg.Connection, removal: str, tampered: tuple[str, ...]
) -> None:
    message, *statements = tampered
    for statement in statements:
        superuser.execute(statement.encode())
    with pytest.raises(AssertionError, match=message):
        check_journal(journal_on(superuser, TENANT))
