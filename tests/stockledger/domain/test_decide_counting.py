"""Deciding what a stocktake changes: the books are made to agree, at the time at which it was counted."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.costs import Costing
from storekeeper_stockledger.domain.draws import DRAWS_MAX
from storekeeper_stockledger.domain.items import Settings, Tracking
from storekeeper_stockledger.domain.operations import CountStock
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    BadField,
    CountBelowCommitted,
    PositionNotFound,
    SerialNumberInStock,
    SerialUnitRequired,
    StockedItemNotFound,
    StockLimitExceeded,
    TooManyStockedItems,
    TrackingViolated,
)
from storekeeper_stockledger.domain.state import Stock
from storekeeper_stockledger.domain.stock import QUANTITY_LIMIT
from tests.stockledger.domain.shelves import (
    DAY,
    NOW,
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
from tests.stockledger.verbs import Number, counting, taking, unit

SERIAL, LOT = item(Tracking.SERIAL), item(Tracking.LOT)


class TestShortages:
    def test_the_oldest_available_units_are_written_off(self) -> None:
        layers = [layer(1, 2, age=2 * DAY, reserved=1, unit_cost=1), layer(2, 4, picked=1, unit_cost=3)]
        stock = stock_on(shelf(*layers))
        first, second = carry_out(stock, counting(POSITION_ID, 5))
        assert drawn((first, second)) == [(1, 2), (2, 1)]
        assert {one.kind for one in (first, second)} == {Kind.COUNTED_OUT}
        assert counts(first.amount, second.amount, second.totals.on_hand) == [2, 3, 5]
        assert counts(first.stocked_item.places.removed, first.effective_time == NOW) == [2, 1]

    def test_units_that_are_not_to_be_used_any_more_are_found_missing_like_others(self) -> None:
        stock = stock_on(shelf(layer(1, 2, expire_time=NOW - DAY), layer(2, 2)))
        assert drawn(decide(counting(POSITION_ID, 1), stock)) == [(1, 2), (2, 1)]

    def test_of_one_stocked_item_only_its_own_units(self) -> None:
        stock = stock_on(shelf(layer(1, 5, age=2 * DAY), layer(2, 5)))
        assert drawn(decide(counting(unit(2), 3), stock)) == [(2, 2)]

    def test_a_stocktake_to_nothing_leaves_exactly_nothing(self) -> None:
        stock = stock_on(shelf(layer(1, "33.59999", unit_cost="0.3333333333", value="11.20"), stocks=item(scale=5)))
        (movement,) = carry_out(stock, counting(POSITION_ID, 0))
        assert counts(movement.amount, movement.stocked_item.value, movement.totals.on_hand) == [Decimal("11.20"), 0, 0]

    @pytest.mark.parametrize(("where", "committed"), [(POSITION_ID, 3), (unit(1), 2)])
    def test_no_fewer_than_are_reserved_and_picked(self, where: Any, committed: int) -> None:
        stock = stock_on(shelf(layer(1, 5, reserved=1, picked=1), layer(2, 5, reserved=1)))
        assert decide(counting(where, committed), stock)
        with pytest.raises(CountBelowCommitted) as refusal:
            decide(counting(where, committed - 1), stock)
        assert counts(refusal.value.counted, refusal.value.committed) == [committed - 1, committed]

    def test_more_stocked_items_than_one_call_may_draw_on(self) -> None:
        stock = stock_on(shelf(*(layer(number, 1) for number in range(1, DRAWS_MAX + 2))))
        assert len(decide(counting(POSITION_ID, 1), stock)) == DRAWS_MAX
        with pytest.raises(TooManyStockedItems):
            decide(counting(POSITION_ID, 0), stock)


class TestSurpluses:
    COSTING = Costing(Decimal(2), Decimal(20), Decimal(12), (NOW - DAY, 1))

    def test_it_becomes_a_new_stocked_item_at_the_last_received_cost(self) -> None:
        stock = stock_on(shelf(layer(1, 2, unit_cost=10), costing=self.COSTING))
        (movement,) = carry_out(stock, counting(POSITION_ID, 5), new_id=9)
        found = movement.stocked_item
        assert (movement.kind, movement.quantity, found.stocked_item_id) == (Kind.COUNTED_IN, 3, 9)
        assert counts(found.unit_cost, movement.unit_cost, movement.amount, found.value) == [12, 12, 36, 36]
        assert (found.receive_time, movement.effective_time) == (NOW, NOW)
        assert drawn(carry_out(stock, removing(5))) == [(1, 2), (9, 3)]

    def test_where_no_cost_is_known_its_own_is_unknown(self) -> None:
        (movement,) = decide(counting(POSITION_ID, 1), stock_on(shelf()))
        assert (movement.amount, movement.stocked_item.unit_cost) == (None, None)

    def test_of_a_lot_the_stocked_item_is_counted_and_the_rest_of_it_has_the_same(self) -> None:
        stock = stock_on(shelf(layer(1, 2, lot="L1", expire_time=NOW + DAY), stocks=LOT))
        with pytest.raises(TrackingViolated):
            decide(counting(POSITION_ID, 3), stock)
        (movement,) = decide(counting(unit(1), 3), stock)
        found = movement.stocked_item
        assert (found.lot, found.expire_time, movement.quantity) == ("L1", NOW + DAY, 1)
        assert drawn(decide(counting(POSITION_ID, 1), stock)) == [(1, 1)]

    def test_neither_an_inactive_location_nor_an_archived_item_matters(self) -> None:
        stock = stock_on(shelf(layer(1, 2), stocks=item(archived=True), location_active=False))
        assert [decide(counting(POSITION_ID, counted), stock)[0].kind for counted in (1, 3)] == [
            Kind.COUNTED_OUT,
            Kind.COUNTED_IN,
        ]

    def test_more_than_a_position_can_hold(self) -> None:
        stock = stock_on(shelf(layer(1, 1), layer(2, QUANTITY_LIMIT - 2), costing=None))
        with pytest.raises(StockLimitExceeded):
            decide(counting(unit(1), 2), stock_on(shelf(layer(1, 1), layer(2, QUANTITY_LIMIT - 2))))
        assert decide(counting(POSITION_ID, QUANTITY_LIMIT - 1), stock) == ()


class TestSerialUnits:
    def stocked(self, *, picked: int = 0, here: int = 1) -> Stock:
        unit_there = layer(1, here, picked=picked, removed=1 - here - picked, serial_number="A1")
        return stock_on(shelf(unit_there, stocks=SERIAL))

    def test_a_unit_is_there_or_it_is_not(self) -> None:
        assert decide(counting(unit(1), 1), self.stocked()) == ()
        assert drawn(decide(counting(unit(1), 0), self.stocked())) == [(1, 1)]
        with pytest.raises(TrackingViolated):
            decide(counting(unit(1), 2), self.stocked())
        with pytest.raises(CountBelowCommitted):
            decide(counting(unit(1), 0), self.stocked(picked=1, here=0))

    def test_units_are_counted_one_by_one(self) -> None:
        with pytest.raises(SerialUnitRequired):
            decide(counting(POSITION_ID, 1), self.stocked())

    def test_one_that_was_gone_and_is_found_comes_as_a_new_stocked_item(self) -> None:
        stock = self.stocked(here=0)
        (movement,) = carry_out(stock, counting(unit(1), 1), new_id=9)
        assert (movement.kind, movement.stocked_item.serial_number) == (Kind.COUNTED_IN, "A1")
        assert [*stock.serial_numbers.values()] == [9]
        with pytest.raises(SerialNumberInStock):
            decide(counting(unit(1), 1), stock)


class TestWhenItWasCounted:
    THEN = NOW - timedelta(hours=1)

    def at(self, on_hand_then: Number, counted: Number, *layers: Any) -> tuple[CountStock, Stock]:
        """A count in the past, and the stock now."""
        count = counting(POSITION_ID, counted, count_time=self.THEN)
        stock = stock_on(shelf(*layers))
        stock.counted = {count: Decimal(on_hand_then)}
        return count, stock

    def test_the_difference_is_against_what_was_on_hand_then(self) -> None:
        count, stock = self.at(10, 9, layer(1, 4))
        (movement,) = decide(count, stock)
        assert (movement.kind, movement.quantity, movement.effective_time) == (Kind.COUNTED_OUT, 1, self.THEN)
        assert counts(movement.totals.on_hand) == [3]

    def test_units_that_came_since_are_not_taken_for_a_surplus(self) -> None:
        count, stock = self.at(2, 2, layer(1, 7))
        assert decide(count, stock) == ()

    def test_a_surplus_of_then_comes_now(self) -> None:
        count, stock = self.at(2, 3, layer(1, 7))
        (movement,) = decide(count, stock)
        assert (movement.stocked_item.receive_time, movement.effective_time) == (NOW, self.THEN)
        assert counts(movement.totals.on_hand) == [8]

    def test_a_shortage_of_then_needs_units_that_are_available_now(self) -> None:
        count, stock = self.at(10, 6, layer(1, 3, reserved=2))
        with pytest.raises(CountBelowCommitted) as refusal:
            decide(count, stock)
        assert counts(refusal.value.counted, refusal.value.committed) == [6, 2]

    def test_nobody_has_counted_in_the_future(self) -> None:
        with pytest.raises(BadField) as refusal:
            decide(counting(POSITION_ID, 1, count_time=NOW + timedelta(microseconds=1)), stock_on(shelf()))
        assert refusal.value.field == "count_time"


class TestInsideABatch:
    def test_it_sees_what_the_ones_before_it_have_left(self) -> None:
        stock = stock_on(shelf(layer(1, 5)))
        carry_out(stock, removing(2))
        assert carry_out(stock, counting(POSITION_ID, 3)) == ()
        carry_out(stock, counting(POSITION_ID, 8), new_id=9)
        assert drawn(carry_out(stock, counting(unit(9), 1))) == [(9, 4)]

    @given(st.lists(st.integers(0, 9), max_size=6))
    def test_afterwards_the_books_say_what_was_counted(self, found: list[int]) -> None:
        stock = stock_on(shelf(layer(1, 3, age=2 * DAY), layer(2, 2)))
        for number, counted in enumerate(found):
            carry_out(stock, counting(POSITION_ID, counted), new_id=10 + number)
            assert stock.shelves[POSITION_ID].totals.on_hand == counted
            assert carry_out(stock, counting(POSITION_ID, counted)) == ()


class TestWhatIsRefused:
    def test_a_fraction_of_a_unit_that_has_none(self) -> None:
        with pytest.raises(BadField) as refusal:
            decide(counting(POSITION_ID, "0.5"), stock_on(shelf()))
        assert refusal.value.field == "counted"

    @pytest.mark.parametrize(("where", "refusal"), [(99, PositionNotFound), (unit(99), StockedItemNotFound)])
    def test_what_is_not_there(self, where: Any, refusal: Any) -> None:
        with pytest.raises(refusal):
            decide(counting(where, 0), stock_on(shelf(layer(1, 1))))

    def test_a_position_that_is_closed(self) -> None:
        stock = stock_on(shelf(layer(1, 1)))
        carry_out(stock, closing())
        for where in (POSITION_ID, unit(1)):
            with pytest.raises(PositionNotFound):
                decide(counting(where, 0), stock)

    def test_a_tenant_that_demands_reasons_gets_one_of_every_count(self) -> None:
        demanding = Settings(reason_required=True)
        assert decide(counting(POSITION_ID, 0), stock_on(shelf(layer(1, 1)), settings=demanding))


def test_one_unit_fewer_is_the_same_as_one_that_was_taken() -> None:
    stocks = [stock_on(shelf(layer(1, 3, unit_cost="3.3333333333", value="10.00"))) for _ in range(2)]
    (counted,), (taken,) = carry_out(stocks[0], counting(unit(1), 2)), carry_out(stocks[1], taking(1))
    assert (counted.amount, counted.stocked_item, counted.totals) == (taken.amount, taken.stocked_item, taken.totals)
