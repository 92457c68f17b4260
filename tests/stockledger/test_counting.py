"""Stocktakes, on a real database: against the books of now or of the time of the count, while others move stock."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal

from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.journal import RecordedMovement
from storekeeper_stockledger.domain.operations import Operation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    BadField,
    CountBelowCommitted,
    SerialNumberInStock,
    SerialUnitRequired,
    TrackingViolated,
)
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import Tenant, accepted, drawn
from tests.stockledger.verbs import adding, counting, picking, removing, reserving, taking, unit


def difference(movements: Sequence[RecordedMovement]) -> int:
    """Units too few on the books, or too many."""
    signs = {Kind.COUNTED_IN: 1, Kind.COUNTED_OUT: -1}
    return sum(signs[one.kind] * int(one.quantity) for one in movements)


def last_record_time(tenant: Tenant) -> datetime:
    """When the newest movement was recorded."""
    time = tenant.movements()[-1].record_time
    assert time is not None
    return time


class TestNow:
    def test_a_shortage_leaves_the_oldest_and_a_surplus_comes_at_the_last_cost(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        costs = (UnitCost("USD", Decimal(value)) for value in ("1.50", "2"))
        first, second = tenant.bring(*(adding(position_id, 5, cost=cost) for cost in costs))
        assert drawn(tenant.carry_out(counting(position_id, 4))) == [(first, 5), (second, 1)]
        (found,) = tenant.bring(counting(position_id, 6))
        *_, surplus = tenant.stocked_items(position_id)
        assert (surplus.stocked_item_id, surplus.unit_cost, surplus.value) == (found, Decimal(2), Decimal(4))
        assert tenant.carry_out(counting(position_id, 6)).movements == ()

    def test_one_that_changes_nothing_is_on_record_all_the_same(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        before = dump()
        assert tenant.carry_out(counting(position_id, 5)).movements == ()
        grown = {table for table, rows in dump().items() if len(rows) > len(before[table])}
        assert grown == {"operation"}

    def test_several_in_one_batch_each_see_what_was_found_before(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        counts: list[Operation] = [counting(position_id, counted) for counted in (5, 3, 3, 0, 2)]
        recorded = accepted(tenant.ask(*counts))
        assert [difference(one.movements) for one in recorded] == [5, -2, 0, -3, 2]

    def test_what_is_promised_is_there(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        accepted(tenant.ask(reserving(position_id, 2), picking(position_id, 3)))
        (refused,) = tenant.ask(counting(position_id, 2))
        assert isinstance(refused, CountBelowCommitted)
        assert (refused.counted, refused.committed) == (Decimal(2), Decimal(3))
        tenant.carry_out(counting(position_id, 3))

    def test_units_with_serial_numbers_are_counted_one_by_one(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        (stocked_item_id,) = tenant.bring(adding(position_id, serial_number="A1"))
        outcomes = tenant.ask(counting(position_id, 1), counting(unit(stocked_item_id), 2))
        assert [type(one) for one in outcomes] == [SerialUnitRequired, TrackingViolated]
        tenant.carry_out(counting(unit(stocked_item_id), 0))
        (found,) = tenant.bring(counting(unit(stocked_item_id), 1))
        assert [one.serial_number for one in tenant.stocked_items(position_id)] == ["A1", "A1"]
        (refused,) = tenant.ask(counting(unit(stocked_item_id), 1))
        assert isinstance(refused, SerialNumberInStock)
        assert refused.stocked_item_id == found

    def test_a_long_line_is_counted_whole(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 600)
        assert len(tenant.carry_out(counting(position_id, 50)).movements) == 550


class TestThen:
    def test_the_difference_is_against_the_books_of_that_instant(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        instants = []
        for quantity in (5, 7):
            tenant.stock(position_id, [quantity])
            instants.append(last_record_time(tenant))
        tenant.carry_out(removing(position_id, 4))
        instants.append(last_record_time(tenant))
        previews = [
            tenant.carry_out(counting(position_id, counted, count_time=instant)).movements
            for instant, counted in zip(instants, (5, 12, 8), strict=True)
        ]
        assert [difference(one) for one in previews] == [0, 0, 0]
        before_anything = instants[0] - timedelta(microseconds=1)
        (movement,) = tenant.carry_out(counting(position_id, 1, count_time=before_anything)).movements
        assert (movement.kind, movement.effective_time) == (Kind.COUNTED_IN, before_anything)
        assert movement.position_after.on_hand == 9

    def test_what_moved_since_is_not_lost(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [10])
        counted_at = last_record_time(tenant)
        accepted(tenant.ask(removing(position_id, 4), adding(position_id, 1)))
        (movement,) = tenant.carry_out(counting(position_id, 9, count_time=counted_at)).movements
        assert (movement.kind, movement.quantity) == (Kind.COUNTED_OUT, Decimal(1))
        assert movement.position_after.on_hand == 6

    def test_of_a_stocked_item_by_itself(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        first, second = tenant.stock(position_id, [5, 5])
        counted_at = last_record_time(tenant)
        accepted(tenant.ask(taking(first, 2), taking(second, 3)))
        recorded = accepted(
            tenant.ask(
                counting(unit(first), 4, count_time=counted_at),
                counting(unit(second), 5, count_time=counted_at),
            )
        )
        assert [drawn(one) for one in recorded] == [[(first, 1)], []]

    def test_back_dated_stock_counts_from_when_it_was_recorded(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        counted_at = last_record_time(tenant)
        tenant.stock(position_id, [3], first=counted_at - timedelta(days=365))
        assert tenant.carry_out(counting(position_id, 5, count_time=counted_at)).movements == ()

    def test_a_shortage_that_nothing_is_left_for_is_told(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [10])
        counted_at = last_record_time(tenant)
        tenant.carry_out(removing(position_id, 9))
        (refused,) = tenant.ask(counting(position_id, 8, count_time=counted_at))
        assert isinstance(refused, CountBelowCommitted)

    def test_nobody_has_counted_in_the_future(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [10])
        (refused,) = tenant.ask(counting(position_id, 8, count_time=last_record_time(tenant) + timedelta(seconds=50)))
        assert isinstance(refused, BadField)


def test_the_difference_is_taken_under_the_lock_whatever_others_do(tenant: Tenant, another_process: Tenant) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [1000])
    start = threading.Barrier(2)

    def remove() -> None:
        start.wait()
        for _ in range(10):
            another_process.carry_out(removing(position_id, 1))

    with ThreadPoolExecutor(1) as threads:
        removals = threads.submit(remove)
        start.wait()
        for turn in range(1, 11):
            counted = tenant.carry_out(counting(position_id, 1000 + turn)).movements
            assert counted[-1].position_after.on_hand == 1000 + turn
        removals.result()
