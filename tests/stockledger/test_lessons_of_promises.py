"""What went wrong in other systems with what is promised, ordered, moved and valued, thread by thread, and can't here."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from structlog.testing import capture_logs

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain.operations import Operation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    DemandExceeded,
    InsufficientStock,
    ReceiptExceeded,
)
from storekeeper_stockledger.storage.listing import ExpectationFilter, ReservationFilter
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.harness.stock import Stock, decimal
from tests.stockledger.tenant import ALL, Tenant, accepted
from tests.stockledger.verbs import (
    adding,
    assembling,
    closing,
    component,
    delivering,
    expecting,
    extending,
    picking,
    receiving,
    releasing,
    removing,
    reserving,
    returning,
    transferring,
    unpicking,
    unreceiving,
)

CLIENTS: Final = 16
SEED: Final = 2026
MOMENT: Final = timedelta(microseconds=1)


def holders(tenant: Tenant) -> dict[str, Decimal]:
    """Who holds how much of what is on hand."""
    held: Counter[str] = Counter()
    for one in tenant.reads.reservations(tenant.tenant_id, ALL, ReservationFilter()).rows:
        held[one.demand] += one.reserved + one.picked  # type: ignore[assignment]
    return dict(held)  # type: ignore[arg-type]


def at_once(tenant: Tenant, operations: Sequence[Operation]) -> list[Any]:
    """What becomes of operations that come together, each in a batch of its own."""
    start = threading.Barrier(len(operations))

    def ask(one: Operation) -> Any:
        start.wait()
        return tenant.ask(one)[0]

    with ThreadPoolExecutor(len(operations)) as threads:
        return list(threads.map(ask, operations))


def test_11_what_is_held_never_goes_below_nothing_nor_sticks(tenant: Tenant) -> None:
    """medusajs/medusa#12401, #11131, #11266, #11703: reserved quantities went negative, or stayed after a cancellation."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [7, 8])
    chance = random.Random(SEED)
    steps: list[Any] = [reserving, releasing, picking, unpicking, delivering, returning]
    for _ in range(20):
        tenant.ask(*(chance.choice(steps)(position_id, chance.randint(1, 4), chance.choice("AB")) for _ in range(10)))
    for demand in "AB":
        for give_up in (releasing, unpicking, returning):
            tenant.ask(give_up(position_id, demand=demand))
    assert (holders(tenant), tenant.layers(position_id)) == ({}, [7, 8]), f"seed {SEED}"


def test_11_everybody_who_holds_stock_can_be_listed(tenant: Tenant) -> None:
    """medusajs/medusa#11703: a reservation that stuck could be neither found nor ended."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [10])
    accepted(tenant.ask(reserving(position_id, 2, "A"), reserving(position_id, 3, "B"), picking(position_id, 1, "C")))
    assert holders(tenant) == {"A": Decimal(2), "B": Decimal(3), "C": Decimal(1)}
    accepted(tenant.ask(releasing(position_id, demand="A"), picking(position_id, demand="B")))
    accepted(tenant.ask(unpicking(position_id, demand="B"), delivering(position_id, demand="C")))
    assert holders(tenant) == {}


def test_12_unpaid_or_half_delivered_demands_hold_nothing_for_ever(tenant: Tenant) -> None:
    """vendure#3509, erpnext#52851: a demand that nobody paid, or the rest of one, held stock until somebody noticed."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [10])
    accepted(
        tenant.ask(
            reserving(position_id, 4, "unpaid", expire_after=MOMENT),
            reserving(position_id, 4, "half", expire_after=timedelta(days=1)),
            picking(position_id, 1, "half"),
            delivering(position_id, 1, "half"),
        )
    )
    time.sleep(0.001)
    assert holders(tenant) == {"half": Decimal(3)}
    tenant.carry_out(extending(position_id, "half", expire_after=timedelta(days=2)))
    tenant.carry_out(releasing(position_id, demand="half"))
    assert len(tenant.carry_out(removing(position_id, 9)).movements) == 1


def test_13_a_receipt_whose_units_are_gone_or_promised_is_not_cancelled(tenant: Tenant) -> None:
    """frappe/erpnext#37728, #38688, #37754, #41080: cancelling one corrupted the lots that its units had gone to."""
    (position_id,) = tenant.positions()
    accepted(tenant.ask(expecting(position_id, 10), receiving(position_id, 10)))
    accepted(tenant.ask(removing(position_id, 2), reserving(position_id, 3), picking(position_id, 1, "SO 2")))
    (refused,) = tenant.ask(unreceiving(position_id, 10))
    assert isinstance(refused, ReceiptExceeded)
    assert refused.reversible == 4
    tenant.carry_out(unreceiving(position_id, 4))
    assert tenant.layers(position_id) == [0]


def test_13_a_cancellation_is_a_movement_that_is_summed_like_any_other(tenant: Tenant) -> None:
    """frappe/erpnext#58659: cancelled rows were counted twice, because a flag had to be remembered by every sum."""
    (position_id,) = tenant.positions()
    accepted(tenant.ask(expecting(position_id, 10), receiving(position_id, 10), unreceiving(position_id, 4)))
    signs = {Kind.EXPECTED: 0, Kind.RECEIVED: 1, Kind.UNRECEIVED: -1}
    assert sum(signs[one.kind] * one.quantity for one in tenant.movements()) == sum(tenant.layers(position_id)) == 6
    (line,) = tenant.reads.expectations(tenant.tenant_id, ALL, ExpectationFilter()).rows
    assert (line.on_order, line.received) == (Decimal(4), Decimal(6))


def test_14_what_was_received_can_be_cancelled_and_goods_can_go_back_which_is_not_the_same(tenant: Tenant) -> None:
    """odoo/odoo#208650, #13299: received orders couldn't be cancelled, and returns were to lower what was received."""
    (position_id,) = tenant.positions()
    accepted(tenant.ask(expecting(position_id, 10), receiving(position_id, 10)))
    tenant.carry_out(removing(position_id, 3, reason="back to the supplier"))
    (line,) = tenant.reads.expectations(tenant.tenant_id, ALL, ExpectationFilter(include_closed=True)).rows
    assert (line.on_order, line.received) == (Decimal(0), Decimal(10))
    tenant.carry_out(unreceiving(position_id, 7, lower_order=True))
    (line,) = tenant.reads.expectations(tenant.tenant_id, ALL, ExpectationFilter(include_closed=True)).rows
    assert (line.on_order, line.received) == (Decimal(0), Decimal(3))


def test_19_both_ends_of_a_transfer_are_locked(tenant: Tenant) -> None:
    """blnkfinance/blnk#238: only the source was locked, and updates of the destination were lost."""
    item_id, target = tenant.item().item_id, tenant.location("Target")
    there = tenant.position(item_id, target)
    sources = [tenant.position(item_id, tenant.location(f"Source {number}")) for number in range(4)]
    for position_id in sources:
        tenant.stock(position_id, [CLIENTS])
    transfers = [transferring(position_id, target, 1) for position_id in sources * 3]
    outcomes = at_once(tenant, [*transfers, *[adding(there, 1)] * 4])
    assert all(isinstance(outcome, Recorded) for outcome in outcomes)
    assert sum(tenant.layers(there)) == CLIENTS


def test_19_holds_count(tenant: Tenant) -> None:
    """blnkfinance/blnk#181: what was in flight was ignored by the check of what is there."""
    (position_id,) = tenant.positions()
    elsewhere = tenant.location("Elsewhere")
    tenant.stock(position_id, [10])
    accepted(tenant.ask(reserving(position_id, 4), picking(position_id, 4, "SO 2")))
    for asked in (removing(position_id, 3), transferring(position_id, elsewhere, 3), reserving(position_id, 3, "SO 3")):
        (refused,) = tenant.ask(asked)
        assert isinstance(refused, InsufficientStock)
        assert refused.available == 2


def test_19_of_a_hundred_who_would_commit_one_hold_one_does(tenant: Tenant) -> None:
    """blnkfinance/blnk#171, #315: a hundred committers raced one hold, and several won."""
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [10])
    tenant.carry_out(picking(position_id, 10))
    outcomes = at_once(tenant, [delivering(position_id, 10)] * 100)
    assert Counter(map(type, outcomes)) == {Recorded: 1, DemandExceeded: 99}


def test_20_whatever_touches_several_positions_takes_them_in_one_order(
    tenant: Tenant, another_process: Tenant, ledger_database: LedgerDatabase
) -> None:
    """saleor/saleor#17123, #6897, #5334: mixed lock orders deadlocked, and one order in many had no allocation."""
    positions = tenant.positions(4)
    places = [tenant.location(f"Place {number}") for number in range(2)]
    for position_id in positions:
        tenant.stock(position_id, [50])

    def work(number: int) -> None:
        chance = random.Random(SEED + number)
        process = (tenant, another_process)[number % 2]
        for _ in range(4):
            first, second, third = chance.sample(positions, 3)
            process.ask(
                assembling(first, 1, [component(second, 2), component(third, 1)]),
                transferring(chance.choice(positions), chance.choice(places), 1),
                *(reserving(position_id, 1, f"SO {number}") for position_id in chance.sample(positions, 4)),
                *(releasing(position_id, demand=f"SO {number}") for position_id in chance.sample(positions, 4)),
            )

    with capture_logs() as logs, ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert not {"DeadlockDetected", "SerializationFailure"} & {line.get("cause") for line in logs}
    check_invariants(ledger_database.owner_url, tenant.tenant_id)


def test_20_no_promise_is_made_without_the_units_that_it_rests_on(tenant: Tenant) -> None:
    """saleor/saleor#6897: orders without an allocation were found by chance."""
    positions = tenant.positions(3)
    for position_id in positions:
        tenant.stock(position_id, [3, 3])
    chance = random.Random(SEED)
    for number in range(20):
        tenant.ask(*(reserving(chance.choice(positions), chance.randint(1, 3), f"SO {number}") for _ in range(3)))
    promised = sum(one.quantity for one in tenant.movements() if one.kind is Kind.RESERVED)
    assert sum(holders(tenant).values()) == promised == 18


def test_21_a_report_of_the_past_uses_the_costs_of_then(stock: Stock) -> None:
    """odoo/odoo#27880, #266093, #131370, #16902: reports as of a date used today's costs, and left lots out."""
    (position_id,) = stock.positions()
    added = stock.add(position_id, 5, unit_cost=7)
    stock.add(position_id, 5, unit_cost=9)
    dearer = pb.StockedItem(
        stocked_item_id=added.stocked_item_id, unit_cost=pb.UnitCost(currency_code="USD", value=decimal(100))
    )
    stock.change("UpdateStockedItem", stocked_item=dearer, update_mask={"paths": ["unit_cost"]})
    stock.remove(10, position_id=position_id)

    def worth(movement_id: int) -> int:
        then = pb.AsOf(movement_id=movement_id)
        asked = pb.GetValuationRequest(method=pb.VALUATION_METHOD_FIFO, as_of=then, with_total=True)
        return int(stock.call("GetValuation", asked).total.units)

    assert [worth(movement.movement_id) for movement in stock.movements()] == [35, 80, 545, 45, 0]


def test_22_a_position_that_is_emptied_and_filled_again_stays_one_row(tenant: Tenant) -> None:
    """odoo/odoo#59949, #72867: each turn left another row, and merging them took days."""
    (position_id,) = tenant.positions()
    for _ in range(3):
        accepted(
            tenant.ask(adding(position_id, 5), reserving(position_id, 5), picking(position_id), delivering(position_id))
        )
    tenant.carry_out(closing(position_id))
    assert len(tenant.stocked_items(position_id)) == 3
    assert len(tenant.reads.reservations(tenant.tenant_id, ALL, ReservationFilter(include_closed=True)).rows) == 3
