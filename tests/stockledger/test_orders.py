"""What order lines bring, on a real database: in bulk, taken back at most once, and never more than they brought."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Final

import pytest

from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.operations import ItemAtLocation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    BadField,
    ChangeRefused,
    ExpectationExceeded,
    ItemNotFound,
    LocationNotFound,
    PositionNotFound,
    ReceiptExceeded,
    SerialNumberInStock,
    TooManyStockedItems,
)
from storekeeper_stockledger.storage.listing import ExpectationFilter, PositionFilter
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import ALL, Tenant, accepted, drawn, submission
from tests.stockledger.verbs import (
    adding,
    cancelling,
    closing,
    expecting,
    picking,
    receiving,
    removing,
    taking,
    transferring,
    units,
    unreceiving,
)

AT_ONCE: Final = 8
MANY: Final = 10_000


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as executor:
        yield executor


def lines(tenant: Tenant) -> dict[str, tuple[int, int]]:
    """What each order line has on order, and has brought."""
    rows = tenant.reads.expectations(tenant.tenant_id, ALL, ExpectationFilter(include_closed=True)).rows
    return {row.order_line: (int(row.on_order), int(row.received)) for row in rows}


class TestALine:
    def test_is_expected_received_and_taken_back(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.carry_out(expecting(position_id, 10))
        older, newer = tenant.bring(*(receiving(position_id, 4, cost=UnitCost("USD", Decimal(2))) for _ in range(2)))
        taken_back = tenant.carry_out(unreceiving(position_id, 5))
        assert drawn(taken_back) == [(newer, 4), (older, 1)]
        received = {one.stocked_item_id: one.movement_id for one in tenant.movements() if one.kind is Kind.RECEIVED}
        assert [one.reversed_movement_id for one in taken_back.movements] == [received[newer], received[older]]
        assert (lines(tenant), tenant.layers(position_id)) == ({"PO 1-1": (7, 3)}, [3, 0])
        tenant.carry_out(unreceiving(position_id, 1, lower_order=True))
        tenant.carry_out(cancelling(position_id))
        assert lines(tenant) == {"PO 1-1": (0, 2)}

    def test_goes_all_the_way_in_one_batch(self, tenant: Tenant) -> None:
        """What is taken back names the receipt, which has to be recorded first: that takes another transaction."""
        (position_id,) = tenant.positions()
        accepted(tenant.ask(expecting(position_id, 5), receiving(position_id, 5), unreceiving(position_id, 2)))
        assert lines(tenant) == {"PO 1-1": (2, 3)}

    def test_more_than_was_ordered_is_expected_and_received_together(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.carry_out(expecting(position_id, 5))
        assert isinstance(tenant.apply_together(receiving(position_id, 6)), ChangeRefused)
        assert isinstance(tenant.apply_together(expecting(position_id, 1), receiving(position_id, 6)), tuple)
        assert lines(tenant) == {"PO 1-1": (0, 6)}

    def test_opens_the_position_that_it_will_bring_units_to(self, tenant: Tenant) -> None:
        item_id, location_id = tenant.item().item_id, tenant.location()
        pair = ItemAtLocation(item_id, location_id)
        outcomes = tenant.ask(receiving(pair, 1), cancelling(pair), unreceiving(pair, 1))
        assert [type(one) for one in outcomes] == [PositionNotFound] * 3
        accepted(tenant.ask(expecting(pair, 5), receiving(pair, 5)))
        (position,) = tenant.reads.positions_where(tenant.tenant_id, ALL, PositionFilter()).rows
        assert (position.item_id, position.location_id, position.totals.on_hand) == (item_id, location_id, Decimal(5))
        (refused,) = tenant.ask(expecting(ItemAtLocation(99, location_id), 1))
        assert isinstance(refused, ItemNotFound)
        (refused,) = tenant.ask(expecting(ItemAtLocation(item_id, 99_999_999), 1))
        assert isinstance(refused, LocationNotFound)

    def test_is_of_one_position(self, tenant: Tenant) -> None:
        first, second = tenant.positions(2)
        tenant.carry_out(expecting(first, 5))
        (refused,) = tenant.ask(receiving(second, 1))
        assert isinstance(refused, ExpectationExceeded)
        assert refused.on_order == 0

    def test_belongs_to_a_position_for_good(self, tenant: Tenant) -> None:
        """Opened anew, a position has nothing of what was ordered for the one before it."""
        (position_id,) = tenant.positions()
        accepted(tenant.ask(expecting(position_id, 5), receiving(position_id, 5), closing(position_id)))
        again = tenant.position(1, tenant.movements()[0].location_id)
        (refused,) = tenant.ask(unreceiving(again, 1))
        assert isinstance(refused, ReceiptExceeded)
        (refused,) = tenant.ask(unreceiving(units(tenant.stocked_items(position_id)[0].stocked_item_id), 1))
        assert isinstance(refused, ReceiptExceeded)


class TestTakingBack:
    @pytest.fixture
    def brought(self, tenant: Tenant) -> tuple[int, int]:
        """A position, and 10 units there that an order line has brought."""
        (position_id,) = tenant.positions()
        tenant.carry_out(expecting(position_id, 10))
        (stocked_item_id,) = tenant.bring(receiving(position_id, 10))
        return position_id, stocked_item_id

    def test_neither_picked_removed_nor_transferred_units(self, tenant: Tenant, brought: tuple[int, int]) -> None:
        position_id, stocked_item_id = brought
        tenant.stock(position_id, [50])
        accepted(
            tenant.ask(
                picking(units(stocked_item_id), 1),
                taking(stocked_item_id, 2),
                transferring(units(stocked_item_id), tenant.location("Elsewhere"), 3),
            )
        )
        for where in (position_id, units(stocked_item_id)):
            (refused,) = tenant.ask(unreceiving(where, 5))
            assert isinstance(refused, ReceiptExceeded)
            assert refused.reversible == 4
        tenant.carry_out(unreceiving(position_id, 4))

    def test_never_more_than_was_received_though_two_cancel_at_once(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor, brought: tuple[int, int]
    ) -> None:
        position_id, _ = brought
        start = threading.Barrier(AT_ONCE)

        def cancel(number: int) -> Any:
            start.wait()
            return (tenant, another_process)[number % 2].ask(unreceiving(position_id, 4))[0]

        outcomes = list(threads.map(cancel, range(AT_ONCE)))
        assert Counter(map(type, outcomes)) == {Recorded: 2, ReceiptExceeded: AT_ONCE - 2}
        assert lines(tenant) == {"PO 1-1": (8, 2)}

    def test_a_unit_with_a_serial_number_only_where_it_was_received(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        tenant.carry_out(expecting(position_id, 2))
        unit, other = tenant.bring(receiving(position_id, serial_numbers=("A1", "A2")))
        home = tenant.movements()[0].location_id
        tenant.carry_out(transferring(units(unit), tenant.location("Elsewhere")))
        (refused,) = tenant.ask(unreceiving(units(unit)))
        assert isinstance(refused, ReceiptExceeded)
        tenant.carry_out(transferring(units(unit), home))
        tenant.carry_out(unreceiving(units(other, unit), 2))
        assert lines(tenant) == {"PO 1-1": (2, 0)}
        tenant.carry_out(receiving(position_id, serial_numbers=("A1", "A2")))

    def test_a_unit_that_relocated_within_the_batch_neither(self, tenant: Tenant) -> None:
        item = tenant.item(tracking=Tracking.SERIAL)
        here, there = tenant.location("Here"), tenant.location("There")
        of_units = {}
        for location_id, serial_numbers in ((here, ("S1", "S2")), (there, ("S3", "S4"))):
            position_id = tenant.position(item.item_id, location_id)
            tenant.carry_out(expecting(position_id, 2))
            of_units[location_id] = tenant.bring(receiving(position_id, serial_numbers=serial_numbers))
        (first, moved), (other, _) = of_units[here], of_units[there]
        # What the line brought to either position is known in the batch.
        outcomes = tenant.ask(
            unreceiving(units(first)),
            unreceiving(units(other)),
            transferring(units(moved), there),
            unreceiving(units(moved)),
        )
        accepted(outcomes[:3])
        assert isinstance(outcomes[3], ReceiptExceeded)

    def test_returning_goods_to_a_supplier_is_something_else(self, tenant: Tenant, brought: tuple[int, int]) -> None:
        position_id, _ = brought
        tenant.carry_out(removing(position_id, 4, reason="back to the supplier"))
        assert lines(tenant) == {"PO 1-1": (0, 10)}

    def test_a_long_line_of_receipts(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.carry_out(expecting(position_id, 1001))
        ids = tenant.bring(*(receiving(position_id, 1) for _ in range(1001)))
        (refused,) = tenant.ask(unreceiving(position_id, 1001))
        assert isinstance(refused, TooManyStockedItems)
        assert [one for one, _ in drawn(tenant.carry_out(unreceiving(position_id, 1000)))] == ids[:0:-1]


class TestManySerialNumbers:
    @pytest.fixture
    def position_id(self, tenant: Tenant) -> int:
        """Where many units are expected."""
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        tenant.carry_out(expecting(position_id, MANY))
        return position_id

    def test_ten_thousand_come_by_one_call_and_a_handful_of_statements(
        self, tenant: Tenant, position_id: int, statements: list[str]
    ) -> None:
        numbers = tuple(f"A{number}" for number in range(MANY))
        once = submission(receiving(position_id, serial_numbers=numbers, cost=UnitCost("USD", Decimal("0.05"))))
        statements.clear()
        (recorded,) = accepted(tenant.apply(once))
        assert len(statements) <= 12
        ids = [one for one, _ in drawn(recorded)]
        assert ids == list(range(ids[0], ids[0] + MANY))
        (again,) = accepted(tenant.apply(once))
        assert again.movements == recorded.movements
        stocked = tenant.stocked_items(position_id)
        assert [one.serial_number for one in stocked] == list(numbers)
        assert lines(tenant) == {"PO 1-1": (0, MANY)}

    def test_one_that_is_in_stock_keeps_all_of_them_out(self, tenant: Tenant, position_id: int, dump: Dump) -> None:
        (there,) = tenant.bring(adding(position_id, serial_number="A999"))
        before = dump()
        (refused,) = tenant.ask(receiving(position_id, serial_numbers=tuple(f"A{number}" for number in range(1000))))
        assert isinstance(refused, SerialNumberInStock)
        assert (refused.serial_number, refused.stocked_item_id) == ("A999", there)
        assert dump() == before

    def test_a_rivals_number_that_came_meanwhile_is_found(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        """At another location, so that no lock keeps the two apart: the database does."""
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        elsewhere = tenant.position(1, tenant.location("Elsewhere"))
        numbers = tuple(f"A{number}" for number in range(50))
        start = threading.Barrier(2)

        def receive(process: Tenant, where: int) -> Any:
            process.carry_out(expecting(where, 50))
            start.wait()
            return process.ask(receiving(where, serial_numbers=numbers))[0]

        outcomes = list(threads.map(receive, (tenant, another_process), (position_id, elsewhere)))
        assert Counter(map(type, outcomes)) == {Recorded: 1, SerialNumberInStock: 1}


def test_what_is_refused_leaves_no_expectation_behind(tenant: Tenant, dump: Dump) -> None:
    (position_id,) = tenant.positions()
    before = dump()
    outcomes = tenant.ask(
        expecting(position_id, "0.5"), cancelling(position_id), receiving(position_id, 1), unreceiving(position_id, 1)
    )
    assert [type(one) for one in outcomes] == [BadField, ExpectationExceeded, ExpectationExceeded, ReceiptExceeded]
    assert dump() == before
