"""`storekeeper verify` on journals that were corrupted behind the ledger's back: it names the row, and what is wrong.

Corrupted by the superuser, whom nothing stops, in a transaction that is rolled back; some take a constraint away first,
which would have refused it.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import psycopg
import pytest

from storekeeper_stockledger.verify.findings import Finding
from storekeeper_stockledger.verify.run import verify
from storekeeper_stockledger.verify.snapshot import Snapshot
from tests.bench.long_journal import LongJournal
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_journal
from tests.harness.journal import journal_on
from tests.harness.ledger_process import LedgerProcess
from tests.harness.scribe import Scribe
from tests.harness.stock import OLDEST, Stock
from tests.harness.story import BEGIN, Story

BY_HAND = 1_000
"""A tenant whose journal has every kind of movement."""
BY_THE_LEDGER = 1_001
BY_CHANCE = 1_002

CORRUPTED = [
    # --- movements ---
    ("movement 40: quantity is 4, should be 3", "UPDATE movement SET quantity = 4 WHERE movement_id = 40"),
    ("movement 12 is missing", "DELETE FROM movement WHERE movement_id = 12"),
    ("movement 40 is missing", "DELETE FROM movement WHERE movement_id = 40"),
    (
        "movement 41 should not be there",
        "CREATE TEMPORARY TABLE copied AS SELECT * FROM movement WHERE movement_id = 40",
        "UPDATE copied SET movement_id = 41",
        "INSERT INTO movement SELECT * FROM copied",
    ),
    (
        "movement 38 should not be there: they are numbered without a gap, from 1 on, and each number is there once",
        "ALTER TABLE movement DROP CONSTRAINT movement_pkey",
        "INSERT INTO movement SELECT * FROM movement WHERE movement_id = 38",
    ),
    (
        "movement 4: operation_id is 12, should be 11",
        "UPDATE movement SET movement_id = -movement_id WHERE movement_id IN (4, 5)",
        "UPDATE movement SET movement_id = 9 + movement_id WHERE movement_id < 0",
    ),
    ("movement 6: line is 3, should be 2", "UPDATE movement SET line = 3 WHERE movement_id = 6"),
    ("movement 6: kind is 'lost', should be another", "UPDATE movement SET kind = 'lost' WHERE movement_id = 6"),
    ("movement 6: kind is 'added'", "UPDATE movement SET kind = 'added' WHERE movement_id = 6"),
    ("movement 40: amount is 5, should be 6", "UPDATE movement SET amount = 5 WHERE movement_id = 40"),
    ("movement 40: amount is nothing", "UPDATE movement SET amount = NULL WHERE movement_id = 40"),
    ("movement 4: amount is 1, should be nothing", "UPDATE movement SET amount = 1 WHERE movement_id = 4"),
    (
        "unless value_after, which is 11, should be 10",
        "UPDATE movement SET value_after = value_after + 1 WHERE movement_id = 40",
    ),
    ("movement 38: quantity is 1, should be 2", "UPDATE movement SET quantity = 1 WHERE movement_id = 38"),
    (
        "movement 11: delivered_after is 6, should be 5",
        "UPDATE movement SET delivered_after = 6 WHERE movement_id = 11",
    ),
    (
        "movement 19: position_on_order_after is 9, should be 10",
        "UPDATE movement SET position_on_order_after = 9 WHERE movement_id = 19",
    ),
    ("movement 4: position_id is 2, should be 1", "UPDATE movement SET position_id = 2 WHERE movement_id = 4"),
    (
        "movement 25: position_id is 99, should be another",
        "UPDATE movement SET position_id = 99 WHERE movement_id = 25",
    ),
    (
        "movement 3: stocked_item_id is 99, should be another",
        "UPDATE movement SET stocked_item_id = 99 WHERE stocked_item_id = 3",
    ),
    ("movement 40: record_time is", "UPDATE movement SET record_time = '2001-01-01' WHERE movement_id = 40"),
    ("movement 40: effective_time is", "UPDATE movement SET effective_time = '2999-01-01' WHERE movement_id = 40"),
    ("movement 40: effective_time is", "UPDATE movement SET effective_time = '-infinity' WHERE movement_id = 40"),
    ("movement 40: available_after is nothing", "UPDATE movement SET available_after = NULL WHERE movement_id = 40"),
    ("movement 40: available_after is NaN", "UPDATE movement SET available_after = 'NaN' WHERE movement_id = 40"),
    ("reservation (1, 'A', 1): reserved is", "UPDATE movement SET quantity = 'NaN' WHERE movement_id = 4"),
    ("movement 27: amount is 6.03", "UPDATE movement SET amount = amount + 1 WHERE movement_id = 27"),
    ("operation 35: what it produced", "UPDATE movement SET amount = 0 WHERE movement_id = 35"),
    ("movement 23: reversed_movement_id is 21", "UPDATE movement SET reversed_movement_id = 21 WHERE movement_id = 23"),
    # --- operations, and the seals ---
    (
        "operation 20 should not be there: they are numbered without a gap, from 1 on, and each number is there once",
        "ALTER TABLE operation DROP CONSTRAINT operation_pkey, DROP CONSTRAINT operation_request_id_key",
        "INSERT INTO operation SELECT * FROM operation WHERE operation_id = 20",
    ),
    ("operation 20 is missing", "DELETE FROM operation WHERE operation_id = 20"),
    ("chain_hash", "UPDATE operation SET kind = 'pick_stock' WHERE operation_id = 24"),
    ("chain_hash", "UPDATE operation SET actor = 'somebody else' WHERE operation_id = 24"),
    ("chain_hash", "UPDATE operation SET reason = 'another' WHERE operation_id = 24"),
    ("chain_hash", "UPDATE operation SET fingerprint = sha256('') WHERE operation_id = 24"),
    ("chain_hash", "UPDATE operation SET request_id = gen_random_uuid() WHERE operation_id = 24"),
    ("chain_hash", "UPDATE operation SET draws = 'named' WHERE operation_id = 24"),
    ("chain_hash", "UPDATE operation SET draws = 'one by one:x' WHERE operation_id = 24"),
    ("chain_hash", "UPDATE movement SET reference = 'another' WHERE movement_id = 19"),
    ("chain_hash", "UPDATE operation SET chain_hash = sha256('') WHERE operation_id = 24"),
    ("unless operation 24 ended it", "UPDATE operation SET chain_hash = NULL WHERE operation_id = 24"),
    ("chain_hash", "UPDATE operation SET chain_hash = NULL WHERE operation_id = 40"),
    ("journal_head: chain_hash is", "UPDATE journal_head SET chain_hash = sha256('')"),
    ("journal_head: last_movement_id is 41, should be 40", "UPDATE journal_head SET last_movement_id = 41"),
    ("journal_head: record_time is", "UPDATE journal_head SET record_time = '2001-01-01'"),
    ("journal_head is missing", "DELETE FROM journal_head"),
    (
        "operation 24: last_movement_id is 19, should be 18",
        "UPDATE operation SET last_movement_id = 19 WHERE operation_id = 24",
    ),
    ("operation 24: record_time is", "UPDATE operation SET record_time = '2001-01-01' WHERE operation_id = 24"),
    ("operation 24: record_time is", "UPDATE operation SET record_time = '200000-01-01' WHERE operation_id = 24"),
    ("operation 24: effective_time is", "UPDATE operation SET effective_time = '2999-01-01' WHERE operation_id = 24"),
    (
        "operation 40: request_id is",
        "ALTER TABLE operation DROP CONSTRAINT operation_request_id_key",
        "UPDATE operation SET request_id = (SELECT min(request_id::text)::uuid FROM operation) WHERE operation_id = 40",
    ),
    # --- stocked items ---
    (
        "stocked_item 2: delivered is 1, should be 0",
        "UPDATE stocked_item SET removed = removed - 1, delivered = delivered + 1 WHERE stocked_item_id = 2",
    ),
    (
        "stocked_item 2: available is",
        "ALTER TABLE stocked_item DROP CONSTRAINT stocked_item_received_check",
        "UPDATE stocked_item SET available = available + 1 WHERE stocked_item_id = 2",
    ),
    ("stocked_item 2: value is", "UPDATE stocked_item SET value = value + 1 WHERE stocked_item_id = 2"),
    ("stocked_item 2: unit_cost is 3, should be 2", "UPDATE stocked_item SET unit_cost = 3 WHERE stocked_item_id = 2"),
    (
        "stocked_item 2: receive_time is",
        "UPDATE stocked_item SET receive_time = '2001-01-01' WHERE stocked_item_id = 2",
    ),
    ("stocked_item 2: expire_time is", "UPDATE stocked_item SET expire_time = 'infinity' WHERE stocked_item_id = 2"),
    ("stocked_item 2: create_time is", "UPDATE stocked_item SET create_time = '2001-01-01' WHERE stocked_item_id = 2"),
    (
        "stocked_item 9: receive_time is",
        "UPDATE stocked_item SET receive_time = '2001-01-01' WHERE stocked_item_id = 9",
    ),
    ("stocked_item 2: order_line is 'PO-1'", "UPDATE stocked_item SET order_line = 'PO-1' WHERE stocked_item_id = 2"),
    (
        "stocked_item 2: position_id is 2, should be 1",
        "UPDATE stocked_item SET position_id = 2 WHERE stocked_item_id = 2",
    ),
    (
        "stocked_item 2: item_id, location_id are (9, 1)",
        "UPDATE stocked_item SET item_id = 9 WHERE stocked_item_id = 2",
    ),
    (
        "stocked_item 12 should not be there",
        "CREATE TEMPORARY TABLE copied AS SELECT * FROM stocked_item WHERE stocked_item_id = 3",
        "UPDATE copied SET stocked_item_id = 12",
        "INSERT INTO stocked_item SELECT * FROM copied",
    ),
    (
        "stocked_item 6: parent_stocked_item_id is 2, should be 1",
        "UPDATE stocked_item SET parent_stocked_item_id = 2 WHERE stocked_item_id = 6",
    ),
    ("stocked_item 6: lot is 'L', should be ''", "UPDATE stocked_item SET lot = 'L' WHERE stocked_item_id = 6"),
    (
        "stocked_item 8: serial_number is 'S1', should be another",
        "DROP INDEX stocked_item_serial_in_stock_key",
        "UPDATE stocked_item SET serial_number = 'S1' WHERE serial_number = 'S2'",
    ),
    # --- draws ---
    (
        "movement 4: stocked_item_id is 1, should be 2",
        "UPDATE operation SET draws = 'newest_first' WHERE kind = 'reserve_stock'",
    ),
    (
        "movement 4: stocked_item_id is 1, should be 3",
        "UPDATE stocked_item SET expire_time = NULL WHERE stocked_item_id = 3",
    ),
    # --- positions ---
    ("position 1: available is", "UPDATE position SET available = available + 1 WHERE position_id = 1"),
    ("position 1: on_order is 5, should be 4", "UPDATE position SET on_order = 5 WHERE position_id = 1"),
    ("position 1: next_expiry is nothing", "UPDATE position SET next_expiry = NULL WHERE position_id = 1"),
    (
        "1 positions were closed at",
        "UPDATE position SET close_time = close_time - interval '1 us' WHERE position_id = 3",
    ),
    ("movement 35: record_time is", "UPDATE position SET close_time = '2026-01-01' WHERE position_id = 3"),
    (
        "position 2 should not be there",
        "DROP INDEX position_open_key",
        "UPDATE position SET location_id = 1 WHERE position_id = 2",
    ),
    # --- what demands hold, and what order lines bring ---
    (
        "reservation (1, 'D', 1) should not be there",
        "INSERT INTO reservation VALUES (1000, 1, 'D', 1, 0, 0, 0, 0, false)",
    ),
    ("reservation (1, 'C', 2) is missing", "DELETE FROM reservation WHERE demand = 'C'"),
    (
        "reservation (1, 'B', 1): reserved is 4, should be 3",
        "UPDATE reservation SET reserved = 4 WHERE demand = 'B' AND stocked_item_id = 1",
    ),
    (
        "reservation (1, 'A', 1): delivered_value is 2, should be 1",
        "UPDATE reservation SET delivered_value = 2 WHERE delivered_value = 1",
    ),
    ("stocked_item 1: reserved is 3, should be 4", "UPDATE reservation SET reserved = 4 WHERE reserved = 3"),
    (
        "reservation (1, 'B'): expire_time is nothing, should be 2099",
        "UPDATE reservation SET expire_time = NULL WHERE demand = 'B' AND stocked_item_id = 2",
    ),
    ("expectation (1, 'PO-1'): on_order is 5, should be 4", "UPDATE expectation SET on_order = 5"),
    ("expectation (1, 'PO-1') is missing", "DELETE FROM expectation"),
    ("expectation (2, 'PO-9') should not be there", "INSERT INTO expectation VALUES (1000, 2, 'PO-9', 0, 0)"),
    ("expectation 'PO-1' of item 1: received is 4, should be 3", "UPDATE expectation SET received = 4"),
]


class Told:
    """Keeps what was found."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self.total = self.work = 0.0

    def begin(self, work: float) -> None:
        self.total = work

    def step(self, _subject: str, work: float) -> None:
        self.work += work

    def advance(self, work: float) -> None:
        """Nobody watches."""

    def found(self, tenant_id: int, finding: Finding) -> None:
        self.findings.append(f"tenant {tenant_id}: {finding}")


@pytest.fixture(scope="module")
def written(ledger_database: LedgerDatabase, ledger: LedgerProcess) -> None:
    """Two tenants' journals."""
    with psycopg.connect(ledger_database.owner_url) as connection:
        Story(Scribe(connection, BY_HAND, begin=BEGIN)).tell()
    with Stock(ledger.address, tenant_id=BY_THE_LEDGER) as stock:
        position_id, other_id = stock.positions(2, scale=2)
        stock.add(position_id, "5.50", OLDEST, unit_cost="1.005", reference="na\u00efve")
        stock.add(position_id, 10)
        stock.remove(7, position_id=position_id, reason="broken")
        stock.close_position(other_id)


@pytest.fixture
def superuser(ledger_database: LedgerDatabase) -> Iterator[psycopg.Connection]:
    """A transaction that nothing can refuse, and that leaves nothing behind."""
    with psycopg.connect(ledger_database.superuser_url) as connection:
        yield connection
        connection.rollback()


@pytest.mark.usefixtures("written")
def test_finds_nothing_wrong_with_what_is_right(ledger_database: LedgerDatabase) -> None:
    """And needs no right but to read."""
    with psycopg.connect(ledger_database.service_url) as connection:
        rows, told = Snapshot(connection), Told()
        assert rows.tenants() == [BY_HAND, BY_THE_LEDGER]
        assert verify(rows, rows.tenants(), told) == 0
    assert told.findings == []
    assert told.work == pytest.approx(told.total)


def test_finds_nothing_wrong_with_a_longer_journal(superuser: psycopg.Connection) -> None:
    LongJournal(superuser, tenant_id=BY_CHANCE, movements=2_000, items=20).write()
    assert _findings(superuser) == []
    check_journal(journal_on(superuser, BY_CHANCE))


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("corrupted", CORRUPTED, ids=lambda corrupted: f"{corrupted[0]}: {corrupted[-1]}")
def test_names_the_row_that_was_corrupted(superuser: psycopg.Connection, corrupted: tuple[str, ...]) -> None:
    finding, *statements = corrupted
    for statement in statements:
        superuser.execute(statement.encode())
    told = Told()
    assert verify(Snapshot(superuser), [BY_HAND], told) == len(told.findings)
    assert any(finding in found for found in told.findings), told.findings


Drawn = tuple[str, tuple[int, ...]]
"""In which order, and the stocked items in which they came."""

EXPIRED, OLD, EXPIRING, NEW = 1, 2, 3, 4
"""Stocked items by age; the first is not to be used any more, the third not much longer."""

IN_ORDER: Final[list[Drawn]] = [
    ("oldest_first", (OLD,)),
    ("oldest_first+expired", (EXPIRED,)),
    ("newest_first", (NEW,)),
    ("newest_first+expired", (NEW,)),
    ("first_expired_first", (EXPIRING,)),
    ("first_expired_first+expired", (EXPIRED,)),
    ("named", (NEW, OLD)),
    ("named+expired", (EXPIRED,)),
    ("oldest_first:1 newest_first:1", (OLD, NEW)),
    ("named:2 first_expired_first:1", (NEW, NEW, EXPIRING)),
    # The release before told none.
    ("", (NEW,)),
]
OUT_OF_ORDER: Final[list[tuple[str, Drawn]]] = [
    ("is 3, should be 2: that one had units, and comes before, oldest first", ("oldest_first", (EXPIRING,))),
    ("is 1, should be another: it had expired", ("oldest_first", (EXPIRED,))),
    ("is 2, should be 1", ("oldest_first+expired", (OLD,))),
    ("is 3, should be 4", ("newest_first", (EXPIRING,))),
    ("is 2, should be 3", ("first_expired_first", (OLD,))),
    ("is 3, should be 1", ("first_expired_first+expired", (EXPIRING,))),
    ("is 1, should be another: it had expired", ("named", (EXPIRED,))),
    ("is 3, should be 4", ("oldest_first:1 newest_first:1", (OLD, EXPIRING))),
]


def _draw(connection: psycopg.Connection, draws: list[Drawn]) -> list[str]:
    """Write a journal in which these were drawn, and say what is wrong with it."""
    scribe = Scribe(connection, BY_CHANCE, begin=BEGIN)
    site = scribe.site(scribe.item(1), scribe.location(1))
    expiries = {EXPIRED: BEGIN, EXPIRING: BEGIN + timedelta(days=1)}
    layers = {
        one: scribe.layer(site, receive_time=BEGIN - timedelta(days=9 - one), expire_time=expiries.get(one))
        for one in (EXPIRED, OLD, EXPIRING, NEW)
    }
    for layer in layers.values():
        scribe.operation("add_stock")
        scribe.move("added", layer, 100)
    for order, drawn in draws:
        scribe.operation("remove_stock", draws=order)
        for one in drawn:
            scribe.move("removed", layers[one], 1)
    scribe.finish()
    return _findings(connection)


def _findings(connection: psycopg.Connection) -> list[str]:
    told = Told()
    verify(Snapshot(connection), [BY_CHANCE], told)
    return told.findings


def test_finds_nothing_wrong_with_what_was_drawn_in_order(superuser: psycopg.Connection) -> None:
    assert _draw(superuser, IN_ORDER) == []


@pytest.mark.parametrize(("told", "drawn"), OUT_OF_ORDER, ids=str)
def test_names_what_was_drawn_out_of_order(superuser: psycopg.Connection, told: str, drawn: Drawn) -> None:
    (finding,) = _draw(superuser, [*IN_ORDER, drawn])
    assert f"stocked_item_id {told}" in finding


def test_judges_no_draw_by_an_expiry_of_later_on(superuser: psycopg.Connection) -> None:
    """What was passed over may have been too old then, and be fresh by what is known of it now."""
    (finding,) = _draw(superuser, [("oldest_first", (NEW,))])
    assert "is 4, should be 2" in finding
    superuser.execute("UPDATE stocked_item SET expiry_operation_id = (SELECT max(operation_id) FROM operation)")
    assert _findings(superuser) == []
