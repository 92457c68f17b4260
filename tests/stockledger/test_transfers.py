"""Units that go to another location, on a real database: positions that are opened, serial units, and rivals."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Final

import pytest

from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.draws import DRAWS_MAX
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.operations import ItemAtLocation, Operation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.records import PositionTerms
from storekeeper_stockledger.domain.refusals import (
    BadField,
    InsufficientStock,
    ItemArchived,
    LocationInactive,
    LocationNotFound,
    PositionExists,
    TooManyStockedItems,
)
from storekeeper_stockledger.storage.listing import PositionFilter
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import ALL, Tenant, accepted, drawn
from tests.stockledger.verbs import NEWEST_FIRST, adding, closing, expecting, removing, taking, transferring, units

AT_ONCE: Final = 8


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as executor:
        yield executor


@pytest.fixture
def elsewhere(tenant: Tenant) -> int:
    return tenant.location("Elsewhere")


def positions(tenant: Tenant) -> dict[tuple[int, int], int]:
    """All open positions, by item and location."""
    rows = tenant.reads.positions_where(tenant.tenant_id, ALL, PositionFilter()).rows
    return {(row.item_id, row.location_id): row.position_id for row in rows}


class TestPositions:
    def test_one_is_opened_by_whoever_transfers_there_first(self, tenant: Tenant, elsewhere: int) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        out, into = tenant.carry_out(transferring(position_id, elsewhere, 2)).movements
        wanted = PositionFilter(location_id=elsewhere)
        (opened,) = tenant.reads.positions_where(tenant.tenant_id, ALL, wanted).rows
        assert (opened.position_id, opened.creator, opened.create_time) == (
            into.position_id,
            "tester",
            out.record_time,
        )
        assert opened.terms == PositionTerms()
        assert opened.totals.on_hand == 2
        tenant.carry_out(transferring(position_id, elsewhere, 1))
        assert tenant.layers(opened.position_id) == [2, 1]

    @pytest.mark.parametrize("by_pair", [True, False])
    def test_operations_of_one_batch_that_need_it_share_it(self, tenant: Tenant, elsewhere: int, by_pair: bool) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        (pair,) = positions(tenant)
        source: Any = ItemAtLocation(*pair) if by_pair else position_id
        there = ItemAtLocation(pair[0], elsewhere)
        steps: list[Operation] = [
            transferring(source, elsewhere, 2),
            expecting(there, 4),
            adding(there, 1),
            transferring(source, elsewhere, 3),
            removing(there, 6),
        ]
        accepted(tenant.ask(*steps))
        assert len(positions(tenant)) == 2

    def test_a_closed_one_is_opened_anew_in_the_same_batch(self, tenant: Tenant, elsewhere: int) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        tenant.carry_out(transferring(position_id, elsewhere, 2))
        closed = positions(tenant)[1, elsewhere]
        accepted(tenant.ask(closing(closed), transferring(position_id, elsewhere, 3)))
        assert positions(tenant)[1, elsewhere] > closed
        assert tenant.layers(closed) == [0]

    def test_a_refused_transfer_opens_none(self, tenant: Tenant, elsewhere: int, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        inactive = tenant.create_location("Inactive", active=False).resource.location_id
        before = dump()
        outcomes = tenant.ask(
            transferring(position_id, elsewhere, 6),
            transferring(position_id, inactive),
            transferring(position_id, 99_999_999),
            transferring(position_id, tenant.movements()[0].location_id),
        )
        assert [type(one) for one in outcomes] == [InsufficientStock, LocationInactive, LocationNotFound, BadField]
        assert dump() == before

    def test_none_is_opened_for_an_archived_item(self, tenant: Tenant, elsewhere: int) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        tenant.item(1, version=2, archived=True)
        (refused,) = tenant.ask(transferring(position_id, elsewhere))
        assert isinstance(refused, ItemArchived)
        assert len(positions(tenant)) == 1


class TestStockedItems:
    def test_age_cost_and_what_is_known_travel_and_the_link_lasts(self, tenant: Tenant, elsewhere: int) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.LOT)
        known = {"lot": "L1", "invoice_number": "INV 1", "extensions": {"autotask": {"binID": Decimal("7.10")}}}
        (parent_id,) = tenant.bring(adding(position_id, 5, cost=UnitCost("USD", Decimal("1.10")), **known))
        tenant.carry_out(transferring(position_id, elsewhere, 2, reference="a van"))
        tenant.carry_out(taking(parent_id, 3))
        (parent,) = tenant.stocked_items(position_id)
        (child,) = tenant.stocked_items(positions(tenant)[1, elsewhere])
        assert child.parent_stocked_item_id == parent_id
        for name in ("receive_time", "unit_cost", "lot", "invoice_number", "expire_time", "extensions"):
            assert getattr(child, name) == getattr(parent, name), name
        assert (child.value, parent.value, parent.places.transferred) == (Decimal("2.20"), Decimal(0), Decimal(2))
        assert {one.reference for one in tenant.movements()[1:3]} == {"a van"}

    def test_many_go_at_once_in_their_order(self, tenant: Tenant, elsewhere: int) -> None:
        (position_id,) = tenant.positions()
        ids = tenant.stock(position_id, [1] * (DRAWS_MAX + 1))
        movements = tenant.carry_out(transferring(position_id, elsewhere, DRAWS_MAX, order=NEWEST_FIRST)).movements
        assert [one.stocked_item_id for one in movements[::2]] == ids[:0:-1]
        assert len(tenant.layers(positions(tenant)[1, elsewhere])) == DRAWS_MAX
        there = positions(tenant)[1, elsewhere]
        tenant.stock(there, [1])
        (refused,) = tenant.ask(transferring(there, tenant.movements()[0].location_id, DRAWS_MAX + 1))
        assert isinstance(refused, TooManyStockedItems)
        assert refused.covered == DRAWS_MAX


class TestSerialUnits:
    def test_a_unit_relocates_and_its_story_goes_on(self, tenant: Tenant, elsewhere: int) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        (unit, other) = tenant.bring(*(adding(position_id, serial_number=number) for number in ("A1", "A2")))
        tenant.carry_out(transferring(units(unit), elsewhere))
        there = positions(tenant)[1, elsewhere]
        assert [one.stocked_item_id for one in tenant.stocked_items(there)] == [unit]
        assert [one.stocked_item_id for one in tenant.stocked_items(position_id)] == [other]
        story = [movement.kind for movement in tenant.movements() if movement.stocked_item_id == unit]
        assert story == [Kind.ADDED, Kind.RELOCATED_OUT, Kind.RELOCATED_IN]
        assert drawn(tenant.carry_out(taking(unit))) == [(unit, 1)]

    def test_there_and_back_and_gone_in_one_batch(self, tenant: Tenant, elsewhere: int) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        (unit,) = tenant.bring(adding(position_id, serial_number="A1"))
        home = tenant.movements()[0].location_id
        accepted(tenant.ask(transferring(units(unit), elsewhere), transferring(units(unit), home), taking(unit)))
        assert tenant.layers(position_id) == [0]

    def test_whoever_waited_for_it_finds_it_where_it_is_now(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor, elsewhere: int
    ) -> None:
        """The position that was locked for it is no longer its own: the batch begins again."""
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        (unit,) = tenant.bring(adding(position_id, serial_number="A1"))
        home = tenant.movements()[0].location_id
        start = threading.Barrier(2)

        def go_to_and_fro(process: Tenant) -> None:
            start.wait()
            for _ in range(10):
                outcomes = process.ask(transferring(units(unit), elsewhere), transferring(units(unit), home))
                # One of the two, or both: wherever the rival has left it.
                assert {type(one) for one in outcomes} <= {Recorded, BadField}

        list(threads.map(go_to_and_fro, [tenant, another_process]))
        assert len(tenant.carry_out(taking(unit)).movements) == 1


class TestRivals:
    def test_two_processes_that_transfer_to_where_nothing_is_yet_open_one_position(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [100])
        start = threading.Barrier(AT_ONCE)

        def transfer(number: int) -> None:
            process = (tenant, another_process)[number % 2]
            for turn in range(3):
                location_id = places[turn]
                start.wait()
                process.carry_out(transferring(position_id, location_id, 1))

        places = [tenant.location(f"Place {turn}") for turn in range(3)]
        list(threads.map(transfer, range(AT_ONCE)))
        there = [positions(tenant)[1, location_id] for location_id in places]
        assert [sum(tenant.layers(one)) for one in there] == [AT_ONCE] * 3

    def test_transfers_in_opposite_directions_wait_for_each_other(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor, elsewhere: int
    ) -> None:
        (here,) = tenant.positions()
        there = tenant.position(1, elsewhere)
        home = tenant.open_position(1, tenant.location("Third")).resource.location_id
        for position_id in (here, there):
            tenant.stock(position_id, [50])
        ways = [(here, elsewhere), (there, home)]

        def transfer(number: int) -> None:
            process, (source, target) = (tenant, another_process)[number % 2], ways[number // 2 % 2]
            for _ in range(5):
                process.carry_out(transferring(source, target, 1))

        list(threads.map(transfer, range(AT_ONCE)))
        assert sum(sum(tenant.layers(one)) for one in positions(tenant).values()) == 100

    def test_one_that_is_opened_by_somebody_else_meanwhile_is_used(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [20])
        start = threading.Barrier(2)

        def open_it(location_id: int) -> None:
            start.wait()
            try:
                another_process.position(1, location_id)
            except PositionExists:
                return

        for turn in range(5):
            location_id = tenant.location(f"Place {turn}")
            opening = threads.submit(open_it, location_id)
            start.wait()
            tenant.carry_out(transferring(position_id, location_id, 1))
            opening.result()
            assert tenant.layers(positions(tenant)[1, location_id]) == [1]
