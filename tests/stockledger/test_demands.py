"""Units that are promised, picked, handed over and returned, on a real database: what is kept, and who wins a race."""

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.operations import Operation, StockOrder
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import DemandExceeded, InsufficientStock, SerialNumberInStock
from storekeeper_stockledger.storage.listing import ReservationFilter
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import ALL, Tenant, accepted, drawn, submission
from tests.stockledger.verbs import (
    FIRST_EXPIRED_FIRST,
    NEWEST_FIRST,
    adding,
    delivering,
    picking,
    releasing,
    removing,
    reserving,
    returning,
    taking,
    units,
    unpicking,
)

AT_ONCE: Final = 8
SEED: Final = 20261122


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as executor:
        yield executor


def held(tenant: Tenant) -> dict[tuple[str, int], tuple[int, int, int]]:
    """What each demand has reserved, picked and been delivered of each stocked item."""
    rows = tenant.reads.reservations(tenant.tenant_id, ALL, ReservationFilter(include_closed=True)).rows
    return {(row.demand, row.stocked_item_id): (int(row.reserved), int(row.picked), int(row.delivered)) for row in rows}


class TestOneDemand:
    def test_each_step_leaves_its_units_where_they_are_then(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        first, second = tenant.bring(*(adding(position_id, 5, cost=UnitCost("USD", Decimal(2))) for _ in range(2)))
        steps: list[tuple[Operation, tuple[int, int, int], tuple[int, int, int]]] = [
            (reserving(position_id, 8), (5, 0, 0), (3, 0, 0)),
            (picking(position_id, 6), (0, 5, 0), (2, 1, 0)),
            (unpicking(position_id, 2, keep_reserved=True), (1, 4, 0), (3, 0, 0)),
            (delivering(position_id, 3), (1, 1, 3), (3, 0, 0)),
            (releasing(position_id, 2), (1, 1, 3), (1, 0, 0)),
            (returning(position_id, 2), (1, 1, 1), (1, 0, 0)),
        ]
        for step, of_first, of_second in steps:
            tenant.carry_out(step)
            assert held(tenant) == {("SO 1", first): of_first, ("SO 1", second): of_second}
        assert tenant.layers(position_id) == [2, 4]
        assert [movement.amount for movement in tenant.movements() if movement.amount][2:] == [6, 4]

    def test_a_batch_may_take_it_all_the_way(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        steps: list[Operation] = [
            adding(position_id, 5),
            reserving(position_id, 5),
            picking(position_id),
            delivering(position_id),
        ]
        accepted(tenant.ask(*steps, returning(position_id, 1)))
        assert tenant.layers(position_id) == [1]

    def test_what_is_picked_without_a_reservation_is_held_as_well(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        (stocked_item_id,) = tenant.stock(position_id, [5])
        tenant.carry_out(picking(position_id, 2))
        assert held(tenant) == {("SO 1", stocked_item_id): (0, 2, 0)}

    @pytest.mark.parametrize("demand", ["'; --", '"', "\\", "{}", "NULL", "a,b", " ", "grüß 🪿", "x" * 100])
    def test_a_demand_is_named_in_its_callers_own_words(self, tenant: Tenant, demand: str) -> None:
        (position_id,) = tenant.positions()
        (stocked_item_id,) = tenant.stock(position_id, [5])
        tenant.carry_out(reserving(position_id, 2, demand))
        assert held(tenant) == {(demand, stocked_item_id): (2, 0, 0)}
        tenant.carry_out(picking(position_id, demand=demand))

    def test_a_serial_unit_comes_back_under_its_number_unless_that_came_in_again(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        (unit,) = tenant.bring(adding(position_id, serial_number="A1"))
        accepted(tenant.ask(picking(units(unit), 1), delivering(units(unit))))
        (another,) = tenant.bring(adding(position_id, serial_number="A1"))
        (refused,) = tenant.ask(returning(units(unit)))
        assert isinstance(refused, SerialNumberInStock)
        assert refused.stocked_item_id == another
        tenant.carry_out(taking(another))
        tenant.carry_out(returning(units(unit)))
        (refused,) = tenant.ask(adding(position_id, serial_number="A1"))
        assert isinstance(refused, SerialNumberInStock)

    def test_of_two_units_that_had_one_number_in_turn_only_one_comes_back(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        for _ in range(2):
            (unit,) = tenant.bring(adding(position_id, serial_number="A1"))
            accepted(tenant.ask(picking(units(unit), 1), delivering(units(unit))))
        before = dump()
        (refused,) = tenant.ask(returning(position_id))
        assert isinstance(refused, SerialNumberInStock)
        assert dump() == before

    def test_a_unit_that_leaves_makes_room_for_its_number_to_be_returned_in_the_same_batch(
        self, tenant: Tenant
    ) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        (unit,) = tenant.bring(adding(position_id, serial_number="A1"))
        accepted(tenant.ask(picking(units(unit), 1), delivering(units(unit))))
        (another,) = tenant.bring(adding(position_id, serial_number="A1"))
        with capture_logs() as logs:
            accepted(tenant.ask(taking(another), returning(units(unit))))
        assert (tenant.layers(position_id), logs) == ([1, 0], [])


class TestLines:
    """Which stocked items are read, and in which order."""

    @pytest.mark.parametrize("order", StockOrder)
    @pytest.mark.parametrize("quantity", [3, 300])
    def test_each_order_is_that_of_a_sorted_list_however_long_the_line(
        self, tenant: Tenant, order: StockOrder, quantity: int
    ) -> None:
        (position_id,) = tenant.positions()
        chance = random.Random(SEED)
        begin = tenant.create_location("Time").resource.create_time
        times = [None, *(begin.replace(year=begin.year + chance.randint(1, 9)) for _ in range(5))]
        ages = [begin.replace(year=begin.year - chance.randint(1, 9)) for _ in range(9)]
        tenant.bring(
            *(
                adding(position_id, 1, receive_time=chance.choice(ages), expire_time=chance.choice(times))
                for _ in range(350)
            )
        )
        layers = tenant.stocked_items(position_id)
        key = {
            StockOrder.OLDEST_FIRST: lambda one: one.age,
            StockOrder.NEWEST_FIRST: lambda one: one.age,
            StockOrder.FIRST_EXPIRED_FIRST: lambda one: (one.expire_time is None, one.expire_time or 0, one.age),
        }[order]
        expected = sorted(layers, key=key, reverse=order is NEWEST_FIRST)[:quantity]
        reserved = tenant.carry_out(reserving(position_id, quantity, order=order))
        assert [one for one, _ in drawn(reserved)] == [one.stocked_item_id for one in expected], f"seed {SEED}"

    def test_units_that_are_not_to_be_used_any_more_are_read_past(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        long_ago = tenant.create_location("Time").resource.create_time
        tenant.bring(*(adding(position_id, 1, expire_time=long_ago) for _ in range(300)))
        (fresh,) = tenant.bring(adding(position_id, 3))
        for order in (StockOrder.OLDEST_FIRST, FIRST_EXPIRED_FIRST):
            assert drawn(tenant.carry_out(removing(position_id, 1, order=order))) == [(fresh, 1)]
        (refused,) = tenant.ask(removing(position_id, 2))
        assert isinstance(refused, InsufficientStock)
        assert refused.available == 1
        assert len(tenant.carry_out(removing(position_id, 301, include_expired=True)).movements) == 301


class TestRaces:
    """Two processes, and many threads each."""

    def at_once(
        self, threads: ThreadPoolExecutor, processes: Sequence[Tenant], operations: Sequence[Operation]
    ) -> list[Any]:
        """What becomes of operations that come together, each in a batch of its own."""
        start = threading.Barrier(len(operations))

        def apply(number: int) -> Any:
            start.wait()
            return processes[number % len(processes)].ask(operations[number])[0]

        return list(threads.map(apply, range(len(operations))))

    def test_one_reservation_ends_once_however_many_would_end_it(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5, 5])
        for _ in range(5):
            tenant.carry_out(reserving(position_id, 7))
            ends: list[Operation] = [releasing(position_id), picking(position_id)] * (AT_ONCE // 2)
            outcomes = self.at_once(threads, (tenant, another_process), ends)
            assert Counter(map(type, outcomes)) == {Recorded: 1, DemandExceeded: AT_ONCE - 1}
            (ended,) = (one for one in outcomes if isinstance(one, Recorded))
            assert sum(one.quantity for one in ended.movements) == 7
            if ended.movements[0].kind is Kind.PICKED_RESERVED:
                tenant.carry_out(unpicking(position_id))
        assert tenant.layers(position_id) == [5, 5]

    def test_what_was_picked_is_delivered_or_put_back_once(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        tenant.carry_out(picking(position_id, 5))
        ends: list[Operation] = [delivering(position_id), unpicking(position_id)] * (AT_ONCE // 2)
        outcomes = self.at_once(threads, (tenant, another_process), ends)
        assert Counter(map(type, outcomes)) == {Recorded: 1, DemandExceeded: AT_ONCE - 1}

    def test_no_unit_is_promised_twice(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [2, 3])
        asked = [reserving(position_id, 2, f"SO {number}") for number in range(AT_ONCE)]
        outcomes = self.at_once(threads, (tenant, another_process), asked)
        assert Counter(map(type, outcomes)) == {Recorded: 2, InsufficientStock: AT_ONCE - 2}

    def test_twins_of_a_reservation_happen_once(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        once = submission(reserving(position_id, 4))
        recorded = [
            accepted(outcomes)[0]
            for outcomes in threads.map(lambda one: one.apply(once), [tenant, another_process] * (AT_ONCE // 2))
        ]
        assert sorted(one.replayed for one in recorded) == [False] + [True] * (AT_ONCE - 1)
        assert len({one.movements for one in recorded}) == 1
