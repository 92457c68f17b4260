"""What went wrong in other systems, thread by thread, and can't here."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg import errors
from structlog.testing import capture_logs

from storekeeper_kit.database import Database
from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.operations import Operation, Submission
from storekeeper_stockledger.domain.refusals import BadField, DemandExceeded, InsufficientStock, SerialNumberInStock
from storekeeper_stockledger.storage.recording import Recording
from storekeeper_stockledger.storage.tables import metadata
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.harness.stock import Stock, caller
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import Tenant, accepted, drawn, submission
from tests.stockledger.verbs import (
    adding,
    counting,
    delivering,
    expecting,
    picking,
    receiving,
    releasing,
    removing,
    reserving,
    taking,
    unit,
)

CLIENTS = 16
SEED = 2026
LONG_AGO = datetime(2019, 1, 1, tzinfo=UTC)


def at_once(tenant: Tenant, *operations: Operation) -> list[Any]:
    """What becomes of operations that come together, each in a batch of its own."""
    start = threading.Barrier(len(operations))

    def apply(one: Submission) -> Any:
        start.wait()
        return tenant.apply(one)[0]

    with ThreadPoolExecutor(len(operations)) as threads:
        return list(threads.map(apply, map(submission, operations)))


@pytest.mark.parametrize(("verb", "clients"), [(removing, 16), (picking, 16), (reserving, 2), (reserving, 64)])
def test_01_one_serial_unit_is_taken_once_however_many_ask(tenant: Tenant, verb: Any, clients: int) -> None:
    """odoo/odoo#268942, #272560: SKIP LOCKED let two transactions reserve one serial number."""
    (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
    (one,) = tenant.bring(adding(position_id, serial_number="A1"))
    outcomes = at_once(tenant, *[verb(unit(one), 1)] * clients)
    assert sum(isinstance(outcome, Recorded) for outcome in outcomes) == 1
    refusals = InsufficientStock | DemandExceeded
    assert sum(isinstance(outcome, refusals) for outcome in outcomes) == clients - 1


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE stocked_item SET available = available - 1",
        "UPDATE stocked_item SET removed = removed + 1",
        "UPDATE stocked_item SET available = -1, removed = received + 1",
        "UPDATE stocked_item SET open = NOT open",
        "UPDATE stocked_item SET reserved = reserved + 1",
        "UPDATE position SET available = -1",
        "UPDATE position SET reserved = -1",
        "UPDATE position SET on_order = -1",
        "UPDATE reservation SET reserved = -1",
        "UPDATE reservation SET open = NOT open",
        "UPDATE expectation SET on_order = -1",
        "UPDATE expectation SET received = -1",
    ],
)
def test_01_what_must_not_be_is_refused_by_the_database_itself(
    tenant: Tenant, ledger_database: LedgerDatabase, spoil: str
) -> None:
    """odoo/odoo#268942: a merged row showed 2 reserved of 1."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [5])
    accepted(tenant.ask(reserving(position_id, 3), expecting(position_id, 3)))
    with psycopg.connect(ledger_database.superuser_url) as superuser, pytest.raises(errors.CheckViolation):
        superuser.execute(spoil.encode())


def test_02_totals_never_drift_from_their_rows(tenant: Tenant, ledger_database: LedgerDatabase) -> None:
    """odoo/odoo#62139, #32857, #32434: totals drifted, and a job repaired them every ten minutes."""
    positions = tenant.positions(3)

    verbs: list[Any] = [removing, reserving, releasing, picking, delivering]

    def change(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(4):
            changes: list[Operation] = []
            for _ in range(2):
                changes.append(adding(chance.choice(positions), chance.randint(1, 9)))
                changes += [verb(chance.choice(positions), chance.randint(1, 9)) for verb in verbs]
            tenant.ask(*changes)

    with ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(change, range(SEED, SEED + CLIENTS)))
    check_invariants(ledger_database.owner_url, tenant.tenant_id)


def test_03_a_conflict_of_transactions_is_repeated_inside(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """odoo/odoo#62131, #113897, #53276: "could not serialize access" reached the users."""
    (position_id,) = tenant.positions()
    finish = Recording.finish
    conflicts = [errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable]

    def conflicting(*args: Any) -> Any:
        if conflicts:
            raise conflicts.pop()
        return finish(*args)

    monkeypatch.setattr(Recording, "finish", conflicting)
    tenant.stock(position_id, [5])
    assert tenant.layers(position_id) == [5]


@pytest.mark.parametrize("by_order", [False, True])
def test_04_a_back_dated_receipt_rewrites_nothing(tenant: Tenant, dump: Dump, by_order: bool) -> None:
    """frappe/erpnext#53773, #36634, #24031: a back-dated entry posted everything after it again, for 25 minutes."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [5] * 50)
    tenant.carry_out(removing(position_id, 120))
    tenant.carry_out(expecting(position_id, 5))
    before = dump()
    tenant.carry_out((receiving if by_order else adding)(position_id, 5, receive_time=LONG_AGO))
    after = dump()
    added = {table: len(set(after[table]) - set(before[table])) for table in metadata.tables}
    assert {table: count for table, count in added.items() if count} == {
        "operation": 1, "movement": 1, "stocked_item": 1, "position": 1, "journal_head": 1,
    } | ({"expectation": 1} if by_order else {})  # fmt: skip
    for table in ("operation", "movement", "stocked_item"):
        assert set(before[table]) < set(after[table])


def test_05_balances_run_in_the_order_of_record_whatever_the_clocks_say(
    tenant: Tenant, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """frappe/erpnext#51562, #30913, #24570, #42904: equal or crossed times gave wrong running balances."""
    (position_id,) = tenant.positions()
    chance = random.Random(SEED)
    same = LONG_AGO + timedelta(days=1)
    for _ in range(30):
        when = chance.choice([None, same, LONG_AGO, same])
        tenant.apply(
            submission(adding(position_id, chance.randint(1, 5), receive_time=when)),
            submission(removing(position_id, chance.randint(1, 3))),
        )
    balance = Decimal()
    for movement in tenant.movements():
        balance += movement.quantity if movement.kind == "added" else -movement.quantity
        assert movement.position_after.available == balance
    times = [movement.record_time for movement in tenant.movements()]
    assert all(before is not None and after is not None and before <= after for before, after in pairwise(times))


def test_06_batches_in_opposite_orders_wait_for_each_other_and_never_deadlock(tenant: Tenant) -> None:
    """frappe/erpnext#53638, #47787, #36825, saleor#17123, #6897: mixed lock orders killed an import every night."""
    positions = tenant.positions(6)
    for position_id in positions:
        tenant.stock(position_id, [1000])

    def remove(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(10):
            order = chance.sample(positions, len(positions))
            accepted(tenant.apply(*(submission(removing(position_id)) for position_id in order)))

    with capture_logs() as logs, ThreadPoolExecutor(CLIENTS) as threads:
        list(threads.map(remove, range(SEED, SEED + CLIENTS)))
    assert "DeadlockDetected" not in {line.get("cause") for line in logs}
    assert [sum(tenant.layers(position_id)) for position_id in positions] == [1000 - 10 * CLIENTS] * len(positions)


def test_07_the_owner_of_the_stock_keeps_the_rule_and_not_its_callers(tenant: Tenant) -> None:
    """medusajs/medusa#16569: a read-modify-write without a lock; only one of its callers locked."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [CLIENTS // 2])
    outcomes = at_once(tenant, *[removing(position_id)] * CLIENTS)
    assert sum(isinstance(outcome, Recorded) for outcome in outcomes) == CLIENTS // 2
    assert tenant.layers(position_id) == [0]


@pytest.mark.parametrize("verb", [removing, reserving, picking])
def test_08_lines_of_one_request_see_each_other(tenant: Tenant, verb: Any) -> None:
    """medusajs/medusa#16502, vendure#1028, InvenTree#7285: each line was checked against the same starting stock."""
    positions = tenant.positions(3)
    chance = random.Random(SEED)
    left = dict.fromkeys(positions, 20)
    for position_id in positions:
        tenant.stock(position_id, [7, 7, 6])
    for _ in range(20):
        asked = [(chance.choice(positions), chance.randint(1, 6)) for _ in range(8)]
        outcomes = tenant.ask(*(verb(position_id, units) for position_id, units in asked))
        for (position_id, units), outcome in zip(asked, outcomes, strict=True):
            assert isinstance(outcome, Recorded) == (units <= left[position_id]), f"seed {SEED}"
            left[position_id] -= units if isinstance(outcome, Recorded) else 0
    assert [sum(tenant.layers(position_id)) for position_id in positions] == list(left.values())


def test_09_what_is_checked_is_taken_in_the_same_transaction(
    tenant: Tenant, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vendure#4930, #3508, #1738: check and allocation in two transactions sold more than there was."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [5])
    finish = Recording.finish
    rivals: list[threading.Thread] = []
    outcomes: list[Any] = []

    def recorded_while_a_rival_asks(*args: Any) -> Any:
        if not rivals:
            rivals.append(
                threading.Thread(target=lambda: outcomes.extend(tenant.apply(submission(removing(position_id, 5)))))
            )
            rivals[0].start()
            rivals[0].join(0.2)
            assert rivals[0].is_alive(), "the rival was answered between check and taking"
        return finish(*args)

    monkeypatch.setattr(Recording, "finish", recorded_while_a_rival_asks)
    tenant.carry_out(removing(position_id, 5))
    rivals[0].join()
    assert isinstance(outcomes[0], InsufficientStock)


def test_10_all_of_the_stock_is_promised_once(tenant: Tenant) -> None:
    """inventree/InvenTree#12478: two allocations of 5 of 5 at once were both accepted, nine times out of ten."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [5])
    outcomes = at_once(tenant, *(reserving(position_id, 5, f"SO {number}") for number in range(CLIENTS)))
    assert sum(isinstance(outcome, Recorded) for outcome in outcomes) == 1


def test_10_a_serial_number_is_unique_by_the_database_itself(tenant: Tenant, ledger_database: LedgerDatabase) -> None:
    """inventree/InvenTree#12478, #12718, #12483: uniqueness lived in Python, and two requests at once both passed."""
    (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
    outcomes = at_once(tenant, *[adding(position_id, serial_number="A1")] * CLIENTS)
    assert sum(isinstance(outcome, Recorded) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, SerialNumberInStock) for outcome in outcomes) == CLIENTS - 1
    tenant.carry_out(adding(position_id, serial_number="A2"))
    with psycopg.connect(ledger_database.superuser_url) as superuser, pytest.raises(errors.UniqueViolation):
        superuser.execute("UPDATE stocked_item SET serial_number = 'A1' WHERE serial_number = 'A2'")


def test_15_a_serial_number_that_comes_again_keeps_its_earlier_story(tenant: Tenant) -> None:
    """frappe/erpnext#31787, #49520, #16385, #51593: receiving it again overwrote the first unit's story."""
    (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
    for _ in range(3):
        (unit,) = tenant.bring(adding(position_id, serial_number="A1", cost=UnitCost("USD", Decimal(7))))
        tenant.carry_out(taking(unit))
    units = tenant.stocked_items(position_id)
    assert [unit.serial_number for unit in units] == ["A1"] * 3
    assert all(unit.places.received == unit.places.removed == 1 for unit in units)
    assert len(tenant.movements()) == 6


def test_15_a_serial_number_is_not_taken_in_twice_by_one_document(tenant: Tenant) -> None:
    """frappe/erpnext#16385: duplicates inside one document."""
    (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
    tenant.carry_out(expecting(position_id, 9))
    twice: list[Operation] = [
        adding(position_id, serial_number="A1"),
        receiving(position_id, serial_numbers=("A2", "A1")),
    ]
    first, second = tenant.ask(*twice)
    assert isinstance(first, Recorded)
    assert isinstance(second, SerialNumberInStock)
    assert tenant.layers(position_id) == [1]


def test_16_whatever_comes_back_to_nothing_is_exactly_nothing(tenant: Tenant) -> None:
    """odoo/odoo#54357, #65453, #154983, #201509, erpnext#51482, #57064: floats left 33.59999, -0.001 and lost cents."""
    (position_id,) = tenant.positions(scale=6)
    chance = random.Random(SEED)
    came = Decimal()
    for _ in range(10):
        quantity = Decimal(chance.randint(1, 10**9)) / 10**6
        cost = UnitCost("USD", Decimal(chance.randint(1, 10**12)) / 10**10)
        (added,) = tenant.carry_out(adding(position_id, quantity, cost=cost)).movements
        came += added.amount or 0
    left = Decimal(sum(tenant.layers(position_id)))
    removed = Decimal()
    while left:
        quantity = min(left, Decimal(chance.randint(1, 10**9)) / 10**6)
        removed += sum(movement.amount or 0 for movement in tenant.carry_out(removing(position_id, quantity)).movements)
        left -= quantity
    assert removed == came, f"seed {SEED}"
    assert {(str(one.places.available), str(one.value)) for one in tenant.stocked_items(position_id)} == {
        ("0.000000", "0.0000")
    }


def test_16_a_stocktake_to_nothing_leaves_exactly_nothing(tenant: Tenant) -> None:
    """odoo/odoo#201509, erpnext#9154, #11551: a count of zero left ghosts, or failed."""
    (position_id,) = tenant.positions(scale=6)
    tenant.carry_out(adding(position_id, "33.599990", cost=UnitCost("USD", Decimal("0.3333333333"))))
    (written_off,) = tenant.carry_out(counting(position_id, 0)).movements
    assert (written_off.amount, written_off.position_after.on_hand) == (Decimal("11.20"), Decimal(0))
    assert {str(one.value) for one in tenant.stocked_items(position_id)} == {"0.0000"}


def test_17_a_receipt_of_two_thousand_serial_numbers_takes_as_many_statements_as_one_of_two(
    tenant: Tenant, statements: list[str]
) -> None:
    """erpnext#19765, #41174: 10,000 serial numbers took a minute after the fix."""
    (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
    tenant.carry_out(expecting(position_id, 3000))

    def receive(numbers: int) -> Callable[[], object]:
        serial_numbers = tuple(f"{numbers}-{number}" for number in range(numbers))
        return lambda: tenant.carry_out(receiving(position_id, serial_numbers=serial_numbers))

    counts = [count(statements, receive(numbers)) for numbers in (2, 2000)]
    assert counts[0] == counts[1] <= 12


def test_17_a_thousand_lines_are_picked_by_two_more_statements_than_two(tenant: Tenant, statements: list[str]) -> None:
    """erpnext#42522, #32895: a pick list of 5,000 lines took 20 minutes."""
    positions = tenant.positions(20)
    for position_id in positions:
        tenant.stock(position_id, [100])

    def pick(lines: int) -> Callable[[], object]:
        picks = [picking(positions[number % 20], 1, f"SO {lines} {number}") for number in range(lines)]
        return lambda: accepted(tenant.ask(*picks))

    counts = [count(statements, pick(lines)) for lines in (2, 300, 1000)]
    assert counts[0] == counts[1] == counts[2] - 2 <= 10


def test_17_a_thousand_serial_numbers_take_two_more_statements_than_two(tenant: Tenant, statements: list[str]) -> None:
    """inventree/InvenTree#10174, erpnext#19765, #41174, odoo#32525, saleor#14667: 300 serial numbers timed out."""
    (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
    counts = [count(statements, taking_in(tenant, position_id, numbers)) for numbers in (2, 300, 1000)]
    assert counts[0] == counts[1] == counts[2] - 2 <= 10


def taking_in(tenant: Tenant, position_id: int, numbers: int) -> Callable[[], object]:
    additions = [submission(adding(position_id, serial_number=f"{numbers}-{number}")) for number in range(numbers)]
    return lambda: accepted(tenant.apply(*additions))


def count(statements: list[str], work: Callable[[], object]) -> int:
    """How many statements the work sends."""
    statements.clear()
    work()
    return len(statements)


def test_18_a_storm_of_repeats_has_one_effect_and_one_answer(tenant: Tenant) -> None:
    """square/connect-api-examples#135, formancehq/ledger#364: retries doubled stock."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [3, 100])
    once = submission(removing(position_id, 5))
    start = threading.Barrier(CLIENTS)

    def ask(_: int) -> list[Recorded]:
        start.wait()
        return [answer for _ in range(5) for answer in accepted(tenant.apply(once))]

    with ThreadPoolExecutor(CLIENTS) as threads:
        answers = [answer for asked in threads.map(ask, range(CLIENTS)) for answer in asked]
    assert len({answer.movements for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert tenant.layers(position_id) == [0, 98]


def test_21_what_is_used_up_keeps_its_history(tenant: Tenant) -> None:
    """odoo/odoo#27880, #266093, #131370, #16902, InvenTree#4103: history vanished with the item that was depleted."""
    (position_id,) = tenant.positions(tracking=Tracking.LOT)
    cost = UnitCost("USD", Decimal(7))
    tenant.carry_out(adding(position_id, 5, lot="L1", cost=cost, receive_time=LONG_AGO))
    tenant.carry_out(removing(position_id, 5))
    tenant.carry_out(adding(position_id, 1, lot="L2", cost=UnitCost("USD", Decimal(9))))
    used_up, _ = tenant.stocked_items(position_id)
    assert (used_up.lot, used_up.unit_cost, used_up.receive_time) == ("L1", Decimal(7), LONG_AGO)
    assert [movement.amount for movement in tenant.movements()] == [Decimal(35), Decimal(35), Decimal(9)]


def test_22_changes_of_stock_make_no_rows_to_be_merged_later(tenant: Tenant, dump: Dump) -> None:
    """odoo/odoo#22866, #59949, #72867: merging duplicate quants took seconds at a million rows, and days at five."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [100])
    tenant.carry_out(reserving(position_id, 1))
    before = dump()
    at_once(tenant, *[removing(position_id)] * CLIENTS, *[reserving(position_id)] * CLIENTS)
    after = dump()
    grown = {table for table in metadata.tables if len(after[table]) > len(before[table])}
    assert grown == {"operation", "movement"}


def test_22_a_removal_reads_no_emptied_stocked_items(tenant: Tenant, ledger_database: LedgerDatabase) -> None:
    """odoo/odoo#22866: what is used up must not slow down what is left."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [1] * 500)
    tenant.carry_out(removing(position_id, 499))
    with psycopg.connect(ledger_database.owner_url) as owner:
        indexes = owner.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'stocked_item_line_index'")
        assert [definition.rpartition("WHERE ")[2] for (definition,) in indexes] == ["open"]
        open_ones = owner.execute(
            "SELECT count(*) FROM stocked_item WHERE tenant_id = %s AND open", [tenant.tenant_id]
        ).fetchone()
    assert open_ones == (1,)


def test_23_costs_leak_through_no_list_no_read_and_no_answer(stock: Stock) -> None:
    """InvenTree#9319, #4022, erpnext#3501, snipe-it#15936, OCA#2823: costs leaked through other screens and APIs."""
    (position_id,) = stock.positions()
    stock.add(position_id, 5, unit_cost=7)
    stock.metadata = caller(stock.tenant_id, "warehouse", ["stock.write"])
    seen = [*stock.remove(2, position_id=position_id), *stock.stocked_items(position_id), *stock.movements()]
    assert len(seen) == 4
    assert not any(word in str(message) for message in seen for word in ("USD", "unit_cost", "amount", "value {"))


@pytest.mark.parametrize(("scale", "quantity"), [(2, "0.01"), (3, "1.125"), (6, "0.000001")])
def test_24_fractions_are_stocked_to_the_items_scale(tenant: Tenant, scale: int, quantity: str) -> None:
    """medusajs/medusa#13363, vendure#1060: whole numbers forced their users to count hundredths."""
    (position_id,) = tenant.positions(scale=scale)
    (stocked_item_id,) = tenant.stock(position_id, [quantity])
    assert drawn(tenant.carry_out(removing(position_id, quantity))) == [(stocked_item_id, Decimal(quantity))]


def test_24_whole_units_are_a_rule_of_the_item(tenant: Tenant) -> None:
    """saleor: where only whole units make sense, half of one is refused."""
    (position_id,) = tenant.positions(scale=0)
    (outcome,) = tenant.apply(submission(adding(position_id, "0.5")))
    assert isinstance(outcome, BadField)
