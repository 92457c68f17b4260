"""A journal of all kinds of movements, written by hand: the invariants hold, and fail as soon as a row is tampered with.

As `test_invariants.py` does it, of what a ledger has written.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from tests.harness.books import Layer, Site
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants, check_journal
from tests.harness.journal import journal_on
from tests.harness.kinds import ENDS, OPERATIONS
from tests.harness.lineage import check_taken_back
from tests.harness.scribe import Scribe
from tests.harness.story import BEGIN, Story

TENANT = 8

TAMPERED = [
    # --- names and causes ---
    ("nothing has come yet", "UPDATE movement SET stocked_item_id = 1 WHERE movement_id = 19"),
    ("of no stocked item", "UPDATE movement SET stocked_item_id = NULL WHERE movement_id = 4"),
    ("at no position", "UPDATE reservation SET position_id = 99"),
    (
        "of no stocked item",
        "ALTER TABLE reservation DROP CONSTRAINT reservation_tenant_id_stocked_item_id_fkey",
        "UPDATE reservation SET stocked_item_id = 99 WHERE demand = 'C'",
    ),
    ("is for demand ''", "UPDATE movement SET demand = '' WHERE movement_id = 4"),
    ("is for demand 'A'", "UPDATE movement SET demand = 'A' WHERE movement_id = 1"),
    ("is for order line ''", "UPDATE movement SET order_line = '' WHERE movement_id = 21"),
    ("is for order line 'PO-1'", "UPDATE movement SET order_line = 'PO-1' WHERE movement_id = 1"),
    ("takes movement None back", "UPDATE movement SET reversed_movement_id = NULL WHERE movement_id = 23"),
    ("takes movement 1 back", "UPDATE movement SET reversed_movement_id = 1 WHERE movement_id = 21"),
    ("gives a unit cost", "UPDATE movement SET unit_cost = 1 WHERE movement_id = 4"),
    # --- what operations are made of ---
    ("can't be made of", "UPDATE operation SET kind = 'pick_stock' WHERE operation_id = 24"),
    ("can't be made of", "UPDATE operation SET kind = 'receive_stock' WHERE operation_id = 29"),
    ("can't be made of", "UPDATE operation SET kind = 'transfer_stock' WHERE operation_id = 35"),
    ("can't be made of", "UPDATE movement SET kind = 'transferred_in' WHERE movement_id = 26"),
    ("can't be made of", "UPDATE movement SET kind = 'produced' WHERE movement_id = 33"),
    # --- balances (I3, I5, I6) ---
    ("position 1 has other totals", "UPDATE position SET on_order = on_order + 1 WHERE position_id = 1"),
    ("position 1 has other totals", "UPDATE expectation SET on_order = on_order + 1"),
    (
        "position 1 is not as the journal",
        "UPDATE position SET on_order = on_order + 1 WHERE position_id = 1",
        "UPDATE expectation SET on_order = on_order + 1",
    ),
    ("moves what was never added", "UPDATE movement SET stocked_item_id = 10 WHERE movement_id = 4"),
    ("another position than its stocked item", "UPDATE movement SET position_id = 2 WHERE movement_id = 4"),
    ("other places than the fold", "UPDATE movement SET received_after = 0 WHERE movement_id = 19"),
    ("other totals than the fold", "UPDATE movement SET position_on_order_after = 99 WHERE movement_id = 20"),
    ("takes more from on_order", "UPDATE movement SET quantity = 99 WHERE movement_id = 20"),
    # --- reservations (I4) ---
    ("other units reserved than demands hold", "UPDATE reservation SET reserved = reserved + 1 WHERE demand = 'B'"),
    ("other units picked than demands hold", "UPDATE reservation SET picked = picked + 1 WHERE reserved > 0"),
    ("other units reserved than demands hold", "DELETE FROM reservation WHERE demand = 'B'"),
    ("without movements, or without rows", "DELETE FROM reservation WHERE demand = 'C'"),
    ("without movements, or without rows", "UPDATE reservation SET demand = 'D' WHERE demand = 'C'"),
    (
        "without movements, or without rows",
        "INSERT INTO reservation (tenant_id, position_id, demand, stocked_item_id, open) VALUES (8, 1, 'D', 1, false)",
    ),
    (
        "reservation .* is not as the journal",
        "UPDATE reservation SET reserved = reserved - 1 WHERE demand = 'B' AND stocked_item_id = 1",
        "UPDATE reservation SET reserved = reserved + 1, open = true WHERE demand = 'A' AND stocked_item_id = 1",
    ),
    ("reservation .* is not as the journal", "UPDATE reservation SET delivered = delivered + 1 WHERE demand = 'A'"),
    ("takes more from reserved", "UPDATE movement SET demand = 'C' WHERE movement_id = 16"),
    ("worth otherwise", "UPDATE reservation SET delivered_value = delivered_value + 1 WHERE delivered > 0"),
    ("worth otherwise", "UPDATE reservation SET delivered_value = NULL WHERE demand = 'C'"),
    (
        "open, or closed, wrongly",
        "ALTER TABLE reservation DROP CONSTRAINT reservation_open_check",
        "UPDATE reservation SET open = NOT open",
    ),
    (
        "is over, and yet to expire",
        "ALTER TABLE reservation DROP CONSTRAINT reservation_expiry_check",
        "UPDATE reservation SET expire_time = '2099-01-01' WHERE reserved = 0",
    ),
    (
        "expires at different times",
        "UPDATE reservation SET expire_time = '2098-01-01' WHERE demand = 'B' AND stocked_item_id = 2",
    ),
    ("something else expire next", "UPDATE position SET next_expiry = NULL"),
    ("something else expire next", "UPDATE position SET next_expiry = '2098-01-01' WHERE position_id = 2"),
    (
        "something else expire next",
        "UPDATE reservation SET expire_time = '2098-01-01' WHERE demand = 'B' AND reserved > 0",
    ),
    # --- expectations (I12) ---
    ("without movements, or without rows", "UPDATE expectation SET order_line = 'PO-2'"),
    (
        "without movements, or without rows",
        "INSERT INTO expectation (tenant_id, position_id, order_line) VALUES (8, 2, 'PO-2')",
    ),
    ("expectation .* is not as the journal", "UPDATE expectation SET received = received + 1"),
    ("have brought something else", "UPDATE stocked_item SET order_line = 'PO-1' WHERE stocked_item_id = 1"),
    # --- amounts (I11) ---
    ("units that have yet to come", "UPDATE movement SET amount = 1 WHERE movement_id = 19"),
    ("leaves a value without units", "UPDATE movement SET value_after = 1 WHERE movement_id = 19"),
    ("though all units stay on hand", "UPDATE movement SET amount = 0 WHERE movement_id = 4"),
    ("of units of unknown cost, or none", "UPDATE movement SET amount = NULL WHERE movement_id = 40"),
    ("has an amount below zero", "UPDATE movement SET amount = -1 WHERE movement_id = 40"),
    ("brings all back, but not", "UPDATE movement SET amount = amount + 1 WHERE movement_id = 13"),
    ("other units than those on hand", "UPDATE movement SET quantity = 1 WHERE movement_id = 38"),
    ("revalues without an amount", "UPDATE movement SET amount = NULL WHERE movement_id = 38"),
    ("a unit cost without an amount", "UPDATE movement SET unit_cost = NULL WHERE movement_id = 21"),
    ("a unit cost without an amount", "UPDATE movement SET unit_cost = 1 WHERE movement_id = 3"),
    (
        "without a cost, or the reverse",
        "ALTER TABLE stocked_item DROP CONSTRAINT stocked_item_value_check",
        "UPDATE stocked_item SET unit_cost = NULL",
    ),
    (
        "brings something else than what left",
        "UPDATE movement SET amount = amount + 1, value_after = value_after + 1 WHERE movement_id = 27",
        "UPDATE stocked_item SET value = value + 1 WHERE stocked_item_id = 6",
    ),
    ("made something worth", "UPDATE movement SET amount = 0, value_after = 0 WHERE movement_id IN (35, 36)"),
    (
        "out of something of unknown cost, or the reverse",
        "UPDATE movement SET amount = NULL, value_after = NULL, unit_cost = NULL WHERE movement_id IN (35, 36)",
        "UPDATE stocked_item SET value = NULL, unit_cost = NULL WHERE stocked_item_id = 10",
    ),
    # --- lineage (I7, I13) ---
    ("another parent than the journal", "UPDATE stocked_item SET parent_stocked_item_id = 2 WHERE stocked_item_id = 6"),
    ("another parent than the journal", "UPDATE stocked_item SET parent_stocked_item_id = NULL"),
    ("another parent than the journal", "UPDATE stocked_item SET parent_stocked_item_id = 1 WHERE stocked_item_id = 8"),
    ("item or lot than its parent", "UPDATE stocked_item SET lot = 'L' WHERE stocked_item_id = 6"),
    ("not as old as its parent", "UPDATE stocked_item SET receive_time = create_time WHERE stocked_item_id = 6"),
    (
        "in stock more than once",
        "DROP INDEX stocked_item_serial_in_stock_key",
        "UPDATE stocked_item SET serial_number = 'S1' WHERE serial_number = 'S2'",
    ),
    (
        "one number for many units",
        "ALTER TABLE stocked_item DROP CONSTRAINT stocked_item_serial_check",
        "UPDATE stocked_item SET serial_number = 'S2' WHERE stocked_item_id = 1",
    ),
    ("takes back what was never received", "UPDATE movement SET reversed_movement_id = 1 WHERE movement_id = 23"),
    ("another receipt back than that of its", "UPDATE movement SET reversed_movement_id = 21 WHERE movement_id = 23"),
    ("another order line than what brought", "UPDATE stocked_item SET order_line = 'PO-2' WHERE received = 0"),
    # --- the order of draws (I10) ---
    ("which comes first, had units", "UPDATE stocked_item SET expire_time = NULL"),
    ("which had expired", "UPDATE stocked_item SET expire_time = receive_time WHERE stocked_item_id = 1"),
    ("draws in no order", "UPDATE operation SET draws = '' WHERE kind = 'remove_stock'"),
    # --- the hash chain (I14): what nothing else would notice ---
    ("chain breaks", "UPDATE movement SET reference = 'another' WHERE movement_id = 19"),
    ("chain breaks", "UPDATE operation SET actor = 'somebody else' WHERE operation_id = 24"),
]


def _relocate_nowhere(scribe: Scribe, site: Site, old: Layer, _: Layer) -> None:
    scribe.operation("remove_stock")
    scribe.move("removed", old, 9)
    scribe.operation("transfer_stock")
    scribe.relocate(old, site)


def _transfer_nowhere(scribe: Scribe, site: Site, old: Layer, _: Layer) -> None:
    scribe.operation("transfer_stock")
    scribe.transfer(old, site, 1)


def _remove_the_newest(scribe: Scribe, _: Site, __: Layer, new: Layer) -> None:
    scribe.operation("remove_stock")
    scribe.move("removed", new, 1)


def _release_the_oldest(scribe: Scribe, _: Site, old: Layer, new: Layer) -> None:
    for layer in (old, new):
        scribe.operation("reserve_stock")
        scribe.move("reserved", layer, layer.available, demand="A")
    scribe.operation("release_stock")
    scribe.move("released", old, 1, demand="A")


def _deliver_the_newest(scribe: Scribe, _: Site, old: Layer, new: Layer) -> None:
    for layer in (old, new):
        scribe.operation("pick_stock")
        scribe.move("picked", layer, layer.available, demand="A")
    scribe.operation("deliver_stock")
    scribe.move("delivered", new, 1, demand="A")


def _pick_what_is_not_reserved(scribe: Scribe, _: Site, old: Layer, __: Layer) -> None:
    scribe.operation("reserve_stock")
    scribe.move("reserved", old, 1, demand="A")
    scribe.operation("pick_stock")
    scribe.move("picked", old, 1, demand="A")


def _forget_what_a_unit_cost(scribe: Scribe, site: Site, _: Layer, __: Layer) -> None:
    layer = scribe.layer(site, unit_cost=Decimal(2))
    scribe.operation("add_stock")
    scribe.move("added", layer, 1)
    layer.unit_cost = Decimal(3)


def _close_with_the_newest_first(scribe: Scribe, site: Site, old: Layer, new: Layer) -> None:
    scribe.operation("close_position")
    for layer in (new, old):
        scribe.move("removed", layer, layer.available)
    scribe.close(site)


TOLD = [
    ("comes from where it goes", _relocate_nowhere),
    ("comes from where it goes", _transfer_nowhere),
    ("which comes first, had units", _remove_the_newest),
    ("which comes first, had units", _release_the_oldest),
    ("which comes first, had units", _deliver_the_newest),
    ("though its demand has units reserved", _pick_what_is_not_reserved),
    ("another unit cost than the journal", _forget_what_a_unit_cost),
    ("which comes first, had units", _close_with_the_newest_first),
]
"""What leaves balances, amounts and hashes that agree, and is wrong all the same."""


@pytest.fixture(scope="module")
def story(ledger_database: LedgerDatabase) -> Story:
    """Written once."""
    with psycopg.connect(ledger_database.owner_url) as connection:
        story = Story(Scribe(connection, TENANT, begin=BEGIN))
        story.tell()
    return story


@pytest.fixture
def superuser(ledger_database: LedgerDatabase) -> Iterator[psycopg.Connection]:
    """A transaction that nothing can refuse, and that leaves nothing behind."""
    with psycopg.connect(ledger_database.superuser_url) as connection:
        yield connection
        connection.rollback()


def test_a_story_of_all_kinds_is_consistent(ledger_database: LedgerDatabase, story: Story) -> None:
    journal = check_invariants(ledger_database.owner_url, TENANT)
    assert {movement.kind for movement in journal.movements} == ENDS.keys()
    assert {operation.kind for operation in journal.operations} == OPERATIONS.keys()


@pytest.mark.parametrize("tampered", TAMPERED, ids=lambda tampered: f"{tampered[0]}: {tampered[-1]}")
def test_fail_when_a_row_is_tampered_with(
    superuser: psycopg.Connection, story: Story, tampered: tuple[str, ...]
) -> None:
    message, *statements = tampered
    for statement in statements:
        superuser.execute(statement.encode())
    with pytest.raises(AssertionError, match=message):
        check_journal(journal_on(superuser, TENANT))


@pytest.mark.parametrize(("message", "tell"), TOLD, ids=lambda told: getattr(told, "__name__", told))
def test_fail_when_a_story_is_told_wrongly(
    superuser: psycopg.Connection, message: str, tell: Callable[[Scribe, Site, Layer, Layer], None]
) -> None:
    scribe = Scribe(superuser, TENANT + 1, begin=BEGIN)
    site = scribe.site(scribe.item(1), scribe.location(1))
    old, new = scribe.layer(site, receive_time=BEGIN - timedelta(days=1)), scribe.layer(site)
    for layer in (old, new):
        scribe.operation("add_stock")
        scribe.move("added", layer, 10)
    tell(scribe, site, old, new)
    scribe.finish()
    journal = journal_on(superuser, TENANT + 1)
    with pytest.raises(AssertionError, match=message):
        check_journal(journal)


def test_fail_when_more_is_taken_back_than_was_received(superuser: psycopg.Connection, story: Story) -> None:
    superuser.execute("UPDATE movement SET quantity = 99 WHERE kind = 'unreceived'")
    with pytest.raises(AssertionError, match="takes back more than was received"):
        check_taken_back(journal_on(superuser, TENANT))
