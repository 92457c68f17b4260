"""Deciding receipts: what is on order becomes available, as one stocked item or one for each serial number."""

from decimal import Decimal
from typing import Any

import pytest

from storekeeper_stockledger.domain.changes import Changes
from storekeeper_stockledger.domain.costs import Costing, CostMethod, UnitCost
from storekeeper_stockledger.domain.holdings import Expectation
from storekeeper_stockledger.domain.items import Item, Settings, Tracking
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    BadField,
    CostUnknown,
    CurrencyMismatch,
    ExpectationExceeded,
    InvoiceNumberRequired,
    ItemArchived,
    LocationInactive,
    SerialNumberInStock,
    StockLimitExceeded,
    TrackingViolated,
)
from storekeeper_stockledger.domain.state import Stock
from storekeeper_stockledger.domain.stock import QUANTITY_LIMIT
from tests.stockledger.domain.shelves import (
    DAY,
    NOW,
    POSITION_ID,
    carry_out,
    counts,
    decide,
    drawn,
    item,
    layer,
    removing,
    shelf,
    stock_on,
    usd,
)
from tests.stockledger.verbs import ORDER_LINE, adding, expecting, receiving

SERIAL, LOT = item(Tracking.SERIAL), item(Tracking.LOT)


def on_order(quantity: int = 10, *layers: Any, settings: Settings | None = None, **fields: Any) -> Stock:
    """A position where units are on order."""
    expectations = {ORDER_LINE: Expectation(Decimal(quantity))}
    return stock_on(shelf(*layers, expectations=expectations, **fields), settings=settings)


class TestWhatComes:
    def test_units_on_order_become_available_in_one_step(self) -> None:
        stock = on_order(10, layer(1, 3))
        receipt = receiving(
            POSITION_ID,
            4,
            receive_time=NOW - DAY,
            cost=usd("2.50"),
            reference="R 1",
            invoice_number="INV 1",
            extensions={"autotask": {"binID": 7}},
            expire_time=NOW + DAY,
        )
        (movement,) = carry_out(stock, receipt, new_id=9)
        assert (movement.kind, movement.order_line, movement.reference) == (Kind.RECEIVED, ORDER_LINE, "R 1")
        assert counts(movement.quantity, movement.amount, movement.unit_cost) == [4, 10, Decimal("2.50")]
        totals = movement.totals
        assert counts(totals.on_order, totals.available, totals.on_hand) == [6, 7, 7]
        made = movement.stocked_item
        assert (made.stocked_item_id, made.order_line, made.invoice_number) == (9, ORDER_LINE, "INV 1")
        assert (made.receive_time, movement.effective_time, made.expire_time) == (NOW - DAY, NOW - DAY, NOW + DAY)
        assert made.extensions == {"autotask": {"binID": 7}}

    def test_a_back_dated_receipt_is_first_in_line_from_then_on(self) -> None:
        stock = on_order(10, layer(1, 3))
        assert drawn(carry_out(stock, removing(1))) == [(1, 1)]
        carry_out(stock, receiving(POSITION_ID, 2, receive_time=NOW - 2 * DAY), new_id=9)
        assert drawn(carry_out(stock, removing(3))) == [(9, 2), (1, 1)]

    def test_an_order_line_is_received_in_parts(self) -> None:
        stock = on_order(10)
        for quantity in (4, 6):
            carry_out(stock, receiving(POSITION_ID, quantity))
        assert stock.shelves[POSITION_ID].expectations[ORDER_LINE] == Expectation(Decimal(0), Decimal(10))
        with pytest.raises(ExpectationExceeded):
            decide(receiving(POSITION_ID, 1), stock)

    def test_more_than_was_ordered_is_expected_first(self) -> None:
        stock = on_order(10)
        with pytest.raises(ExpectationExceeded) as refusal:
            carry_out(stock, receiving(POSITION_ID, 12))
        assert counts(refusal.value.requested, refusal.value.on_order) == [12, 10]
        carry_out(stock, expecting(POSITION_ID, 2))
        assert carry_out(stock, receiving(POSITION_ID, 12))

    def test_another_order_line_brings_nothing(self) -> None:
        with pytest.raises(ExpectationExceeded) as refusal:
            decide(receiving(POSITION_ID, 1, "PO 2-1"), on_order(10))
        assert counts(refusal.value.on_order) == [0]

    @pytest.mark.parametrize(("method", "cost"), [(CostMethod.AVERAGE, 10), (CostMethod.LAST_RECEIVED, 12)])
    def test_a_cost_may_be_found(self, method: CostMethod, cost: int) -> None:
        costing = Costing(Decimal(2), Decimal(20), Decimal(12), (NOW - DAY, 1))
        (movement,) = decide(receiving(POSITION_ID, 1, cost=method), on_order(1, costing=costing))
        assert counts(movement.amount) == [cost]
        with pytest.raises(CostUnknown):
            decide(receiving(POSITION_ID, 1, cost=method), on_order(1))

    def test_without_one_it_is_unknown(self) -> None:
        (movement,) = decide(receiving(POSITION_ID, 1), on_order(1))
        assert (movement.amount, movement.unit_cost, movement.stocked_item.value) == (None, None, None)


class TestSerialNumbers:
    def test_each_is_a_stocked_item_of_its_own_in_their_order(self) -> None:
        stock = on_order(5, stocks=SERIAL)
        numbers = ("B2", "A1", "C3")
        movements = carry_out(stock, receiving(POSITION_ID, serial_numbers=numbers, cost=usd(7)), new_id=7)
        assert [(one.stocked_item.stocked_item_id, one.stocked_item.serial_number) for one in movements] == [
            (7, "B2"),
            (8, "A1"),
            (9, "C3"),
        ]
        assert {(one.quantity, one.amount, one.stocked_item.order_line) for one in movements} == {(1, 7, ORDER_LINE)}
        assert [one.totals.on_order for one in movements] == [4, 3, 2]

    def test_none_that_is_in_stock(self) -> None:
        stock = on_order(5, layer(1, 1, serial_number="A1"), stocks=SERIAL)
        with pytest.raises(SerialNumberInStock) as refusal:
            carry_out(stock, receiving(POSITION_ID, serial_numbers=("A0", "A1")))
        assert (refusal.value.serial_number, refusal.value.stocked_item_id) == ("A1", 1)
        assert stock.changes == Changes()

    def test_one_that_is_gone_may_come_again(self) -> None:
        stock = on_order(5, layer(1, 0, removed=1, serial_number="A1"), stocks=SERIAL)
        assert carry_out(stock, receiving(POSITION_ID, serial_numbers=("A1",)))
        with pytest.raises(SerialNumberInStock):
            decide(receiving(POSITION_ID, serial_numbers=("A1",)), stock)

    @pytest.mark.parametrize(
        ("stocks", "fields"),
        [
            (SERIAL, {}),
            (SERIAL, {"serial_numbers": ("A1",), "lot": "L1"}),
            (LOT, {}),
            (LOT, {"serial_numbers": ("A1",), "lot": "L1"}),
            (item(), {"serial_numbers": ("A1",)}),
            (item(), {"lot": "L1"}),
        ],
    )
    def test_what_the_items_tracking_demands_is_given_and_nothing_else(
        self, stocks: Item, fields: dict[str, Any]
    ) -> None:
        with pytest.raises(TrackingViolated) as refusal:
            decide(receiving(POSITION_ID, 1, **fields), on_order(5, stocks=stocks))
        assert refusal.value.tracking is stocks.tracking


class TestWhatIsRefused:
    def test_an_invoice_number_is_given_where_the_tenant_demands_one(self) -> None:
        demanding = Settings(invoice_number_required=True)
        for refused in (receiving(POSITION_ID, 1), adding(POSITION_ID, 1, invoice_number=" ")):
            with pytest.raises(InvoiceNumberRequired):
                decide(refused, on_order(settings=demanding))
        for fine in (receiving(POSITION_ID, 1, invoice_number="INV 1"), adding(POSITION_ID, 1, invoice_number="INV 1")):
            assert decide(fine, on_order(settings=demanding))

    def test_no_reason_is_asked_for(self) -> None:
        assert decide(receiving(POSITION_ID, 1), on_order(settings=Settings(reason_required=True)))

    def test_nothing_comes_where_nothing_may_come_in(self) -> None:
        with pytest.raises(LocationInactive):
            decide(receiving(POSITION_ID), on_order(location_active=False))
        with pytest.raises(ItemArchived):
            decide(receiving(POSITION_ID), on_order(stocks=item(archived=True)))

    def test_nothing_comes_from_the_future(self) -> None:
        with pytest.raises(BadField) as refusal:
            decide(receiving(POSITION_ID, receive_time=NOW + DAY), on_order())
        assert refusal.value.field == "receive_time"

    def test_nothing_comes_at_a_cost_in_another_currency(self) -> None:
        with pytest.raises(CurrencyMismatch):
            decide(receiving(POSITION_ID, cost=UnitCost("EUR", Decimal(1))), on_order())

    def test_no_more_comes_than_can_be_recorded(self) -> None:
        stock = on_order(10, layer(1, QUANTITY_LIMIT - 5))
        assert decide(receiving(POSITION_ID, 4), stock)
        with pytest.raises(StockLimitExceeded):
            decide(receiving(POSITION_ID, 5), stock)
