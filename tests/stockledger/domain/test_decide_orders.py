"""Deciding what order lines bring: expected, expected no more, received, and taken back."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.changes import Changes
from storekeeper_stockledger.domain.holdings import Expectation
from storekeeper_stockledger.domain.items import Settings, Tracking
from storekeeper_stockledger.domain.operations import ItemAtLocation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    BadField,
    ExpectationExceeded,
    ItemArchived,
    LocationInactive,
    PositionInUse,
    PositionNotFound,
    ReasonRequired,
    ReceiptExceeded,
    Refused,
    SerialUnitRequired,
    StockedItemNotFound,
    StockLimitExceeded,
)
from storekeeper_stockledger.domain.shelf import NotLoaded
from storekeeper_stockledger.domain.state import Stock
from storekeeper_stockledger.domain.stock import QUANTITY_LIMIT, StockedItem
from tests.stockledger.domain.shelves import (
    DAY,
    ITEM_ID,
    LOCATION_ID,
    POSITION_ID,
    carry_out,
    closing,
    counts,
    decide,
    drawn,
    item,
    layer,
    removing,
    shelf,
    stock_on,
)
from tests.stockledger.verbs import (
    ORDER_LINE,
    cancelling,
    expecting,
    receiving,
    reserving,
    transferring,
    units,
    unreceiving,
)

SERIAL = item(Tracking.SERIAL)


def line(stock: Stock, order_line: str = ORDER_LINE) -> list[Decimal | int | None]:
    """What an order line has on order, and what it has brought."""
    there = stock.shelves[POSITION_ID].expectations[order_line]
    return counts(there.on_order, there.received)


def brought(*layers: StockedItem, on_order: int = 0, **fields: Any) -> Stock:
    """Stock that came by the order line, and what is still to come."""
    received = sum(int(one.places.received) for one in layers if one.order_line == ORDER_LINE)
    known = {
        ORDER_LINE: Expectation(Decimal(on_order), Decimal(received)),
        "PO 2-1": Expectation(Decimal(0), Decimal(9)),
    }
    settings = fields.pop("settings", None)
    return stock_on(shelf(*layers, expectations=known, **fields), settings=settings)


def of_order(stocked_item_id: int, available: int, age: int = 1, **fields: Any) -> StockedItem:
    """Units that the order line brought so many days ago."""
    return layer(stocked_item_id, available, age=age * DAY, order_line=ORDER_LINE, **fields)


class TestExpecting:
    def test_units_are_on_order_and_nothing_else(self) -> None:
        stock = stock_on(shelf(layer(1, 5)))
        (movement,) = carry_out(stock, expecting(POSITION_ID, 7))
        assert (movement.kind, movement.stocked_item, movement.amount, movement.order_line) == (
            Kind.EXPECTED,
            None,
            None,
            ORDER_LINE,
        )
        assert counts(movement.totals.on_order, movement.totals.on_hand, movement.totals.available) == [7, 5, 5]
        assert line(stock) == [7, 0]
        assert len(decide(removing(5), stock)) == 1

    def test_expected_again_a_line_brings_more_and_lines_are_told_apart(self) -> None:
        stock = stock_on(shelf())
        for quantity, order_line in ((7, ORDER_LINE), (2, ORDER_LINE), (4, "PO 2-1")):
            carry_out(stock, expecting(POSITION_ID, quantity, order_line))
        assert (line(stock), line(stock, "PO 2-1")) == ([9, 0], [4, 0])
        assert counts(stock.shelves[POSITION_ID].totals.on_order) == [13]

    def test_a_position_is_opened_if_there_is_none(self) -> None:
        pair = ItemAtLocation(ITEM_ID, LOCATION_ID)
        stock = stock_on(blank=[shelf()])
        carry_out(stock, expecting(pair, 7))
        carry_out(stock, receiving(pair, 2))
        assert stock.changes.opened == {POSITION_ID: 1}
        assert line(stock) == [5, 2]

    def test_a_position_is_not_closed_while_units_are_on_order(self) -> None:
        stock = stock_on(shelf())
        carry_out(stock, expecting(POSITION_ID, 7))
        with pytest.raises(PositionInUse):
            carry_out(stock, closing())
        carry_out(stock, cancelling(POSITION_ID))
        assert carry_out(stock, closing()) == ()

    def test_nothing_is_expected_where_nothing_may_come_in(self) -> None:
        with pytest.raises(LocationInactive):
            decide(expecting(POSITION_ID), stock_on(shelf(location_active=False)))
        with pytest.raises(ItemArchived):
            decide(expecting(POSITION_ID), stock_on(shelf(stocks=item(archived=True))))

    def test_no_more_is_on_order_than_can_be_recorded(self) -> None:
        stock = stock_on(shelf(on_order=QUANTITY_LIMIT - 5))
        assert decide(expecting(POSITION_ID, 4), stock)
        with pytest.raises(StockLimitExceeded):
            decide(expecting(POSITION_ID, 5), stock)

    @pytest.mark.parametrize("verb", [expecting, cancelling, receiving, unreceiving])
    def test_a_fraction_of_a_unit_that_has_none_is_refused(self, verb: Any) -> None:
        with pytest.raises(BadField) as refusal:
            decide(verb(POSITION_ID, "0.5"), brought(on_order=5))
        assert refusal.value.field == "quantity"

    @pytest.mark.parametrize("verb", [expecting, cancelling, receiving, unreceiving])
    def test_a_position_that_is_not_there_is_refused(self, verb: Any) -> None:
        with pytest.raises(PositionNotFound):
            decide(verb(99), brought(on_order=5))


class TestExpectingNoMore:
    def test_all_that_a_line_has_on_order_unless_the_caller_says_how_much(self) -> None:
        stock = brought(on_order=7)
        (movement,) = carry_out(stock, cancelling(POSITION_ID, 2))
        assert (movement.kind, movement.quantity) == (Kind.EXPECTATION_CANCELLED, 2)
        assert line(stock) == [5, 0]
        (movement,) = carry_out(stock, cancelling(POSITION_ID))
        assert (movement.quantity, line(stock)) == (5, [0, 0])

    @pytest.mark.parametrize(("quantity", "order_line", "on_order"), [(8, ORDER_LINE, 7), (None, "PO 2-1", 0)])
    def test_no_more_than_the_line_has_on_order(self, quantity: Any, order_line: str, on_order: int) -> None:
        with pytest.raises(ExpectationExceeded) as refusal:
            decide(cancelling(POSITION_ID, quantity, order_line), brought(on_order=7))
        assert counts(refusal.value.requested, refusal.value.on_order) == [quantity, on_order]
        assert (refusal.value.order_line, refusal.value.position_id) == (order_line, POSITION_ID)

    def test_where_nothing_may_come_in_any_more_orders_can_be_cancelled(self) -> None:
        stock = brought(on_order=7, location_active=False, stocks=item(archived=True))
        assert carry_out(stock, cancelling(POSITION_ID))


class TestTakingBack:
    def test_the_newest_receipts_go_first_and_are_on_order_again(self) -> None:
        stock = brought(of_order(1, 5, age=3, unit_cost=1), of_order(2, 5, age=2, unit_cost=3), layer(3, 5))
        first, second = carry_out(stock, unreceiving(POSITION_ID, 6))
        assert drawn((first, second)) == [(2, 5), (1, 1)]
        assert [(one.kind, one.order_line, one.reversed_movement_id) for one in (first, second)] == [
            (Kind.UNRECEIVED, ORDER_LINE, 2),
            (Kind.UNRECEIVED, ORDER_LINE, 1),
        ]
        assert counts(first.amount, second.amount, first.stocked_item.places.received) == [15, 1, 0]
        assert counts(second.totals.on_order, second.totals.on_hand) == [6, 9]
        assert line(stock) == [6, 4]

    def test_or_the_line_is_lowered_by_as_much(self) -> None:
        stock = brought(of_order(1, 5), on_order=2)
        *_, last = carry_out(stock, unreceiving(POSITION_ID, 3, lower_order=True))
        assert (last.kind, last.quantity, last.stocked_item) == (Kind.EXPECTATION_CANCELLED, 3, None)
        assert line(stock) == [2, 2]

    @pytest.mark.parametrize(
        ("layers", "reversible"),
        [
            ((of_order(1, 2, reserved=1, picked=1),), 2),
            ((of_order(1, 2, removed=3), of_order(2, 0, delivered=5)), 2),
            ((of_order(1, 2, transferred=3), layer(2, 9, order_line="PO 2-1"), layer(3, 9)), 2),
        ],
    )
    def test_at_most_what_is_still_available_of_its_own_stocked_items(
        self, layers: tuple[StockedItem, ...], reversible: int
    ) -> None:
        stock = brought(*layers)
        with pytest.raises(ReceiptExceeded) as refusal:
            carry_out(stock, unreceiving(POSITION_ID, reversible + 1))
        assert counts(refusal.value.requested, refusal.value.reversible) == [reversible + 1, reversible]
        assert (refusal.value.order_line, stock.changes) == (ORDER_LINE, Changes())
        assert carry_out(stock, unreceiving(POSITION_ID, reversible))
        with pytest.raises(ReceiptExceeded):
            carry_out(stock, unreceiving(POSITION_ID, 1))

    def test_by_stocked_item_only_of_that_one(self) -> None:
        stock = brought(of_order(1, 5, age=3), of_order(2, 5), layer(3, 5, order_line="PO 2-1"))
        with pytest.raises(ReceiptExceeded) as refusal:
            decide(unreceiving(units(1), 6), stock)
        assert counts(refusal.value.reversible) == [5]
        assert drawn(decide(unreceiving(units(1, 2), 6), stock)) == [(1, 5), (2, 1)]
        with pytest.raises(ReceiptExceeded):
            decide(unreceiving(units(3), 1), stock)
        with pytest.raises(StockedItemNotFound):
            decide(unreceiving(units(99), 1), stock)

    def test_units_that_went_elsewhere_are_not_taken_back_there(self) -> None:
        there = POSITION_ID + 1
        elsewhere = shelf(position_id=there, location_id=LOCATION_ID + 1, expectations={ORDER_LINE: Expectation()})
        here = shelf(of_order(1, 5), expectations={ORDER_LINE: Expectation(Decimal(0), Decimal(5))})
        stock = stock_on(here, elsewhere)
        carry_out(stock, transferring(POSITION_ID, LOCATION_ID + 1, 3), new_id=9)
        for where in (there, units(9)):
            with pytest.raises(ReceiptExceeded) as refusal:
                decide(unreceiving(where, 1), stock)
            assert counts(refusal.value.reversible) == [0]
        assert drawn(decide(unreceiving(POSITION_ID, 2), stock)) == [(1, 2)]

    def test_a_unit_with_a_serial_number_is_taken_back_only_where_it_was_received(self) -> None:
        elsewhere = shelf(
            position_id=POSITION_ID + 1,
            location_id=LOCATION_ID + 1,
            stocks=SERIAL,
            expectations={ORDER_LINE: Expectation()},
        )
        here = shelf(
            of_order(1, 1, serial_number="A1"),
            of_order(2, 1, serial_number="A2"),
            stocks=SERIAL,
            expectations={ORDER_LINE: Expectation(Decimal(0), Decimal(2))},
        )
        stock = stock_on(here, elsewhere)
        with pytest.raises(SerialUnitRequired):
            decide(unreceiving(POSITION_ID, 1), stock)
        carry_out(stock, transferring(units(1), LOCATION_ID + 1))
        with pytest.raises(ReceiptExceeded):
            decide(unreceiving(units(1), 1), stock)
        carry_out(stock, transferring(units(1), LOCATION_ID))
        (movement,) = carry_out(stock, unreceiving(units(1), 1))
        assert counts(movement.stocked_item.places.received) == [0]
        assert stock.serial_numbers == {(ITEM_ID, "A2"): 2}

    def test_it_takes_a_reason_where_the_tenant_demands_one(self) -> None:
        stock = brought(of_order(1, 5), settings=Settings(reason_required=True))
        with pytest.raises(ReasonRequired):
            decide(unreceiving(POSITION_ID, 1), stock)
        assert decide(unreceiving(POSITION_ID, 1, reason="wrong goods"), stock)

    def test_an_inactive_location_and_an_expired_lot_are_no_hindrance(self) -> None:
        stock = brought(of_order(1, 5, expire_time=None), location_active=False, stocks=item(archived=True))
        assert carry_out(stock, unreceiving(POSITION_ID, 5))

    def test_what_was_received_a_moment_ago_has_to_be_recorded_first(self) -> None:
        stock = brought(on_order=5)
        carry_out(stock, receiving(POSITION_ID, 5), new_id=9)
        with pytest.raises(NotLoaded):
            decide(unreceiving(POSITION_ID, 5), stock)


STEPS = [expecting, cancelling, receiving, unreceiving, removing, reserving]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 6)), max_size=12))
def test_whatever_is_received_and_taken_back_the_line_says_what_its_stocked_items_do(
    steps: list[tuple[Any, int]],
) -> None:
    stock = brought(on_order=6)
    for number, (verb, quantity) in enumerate(steps):
        operation = verb(quantity) if verb is removing else verb(POSITION_ID, quantity)
        before = stock.changes.copy()
        try:
            carry_out(stock, operation, new_id=10 + number)
            stock.receipts = {(POSITION_ID, one): one for one in stock.homes}
        except Refused:
            assert stock.changes == before
    there = stock.shelves[POSITION_ID]
    assert there.expectations[ORDER_LINE].received == sum(there[one].places.received for one in stock.homes)
    assert there.totals.on_order == there.expectations[ORDER_LINE].on_order
