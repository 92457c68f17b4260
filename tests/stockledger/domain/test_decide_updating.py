"""Deciding what is newly known of a stocked item: its cost, its serial number, its expiry. Never where its units are."""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest

from storekeeper_stockledger.domain.changes import Changes
from storekeeper_stockledger.domain.costs import Costing, CostMethod, UnitCost
from storekeeper_stockledger.domain.items import Settings, Tracking
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    CurrencyMismatch,
    InsufficientStock,
    ReasonRequired,
    SerialNumberInStock,
    StockedItemInUse,
    StockedItemNotFound,
    StockLimitExceeded,
    TrackingViolated,
)
from storekeeper_stockledger.domain.state import Stock
from storekeeper_stockledger.domain.stock import UNIT_COST_LIMIT
from tests.stockledger.domain.shelves import (
    DAY,
    ITEM_ID,
    NOW,
    POSITION_ID,
    adding,
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
from tests.stockledger.verbs import FIRST_EXPIRED_FIRST, taking, units, updating

SERIAL = item(Tracking.SERIAL)


def serials(*layers: Any) -> Stock:
    return stock_on(shelf(*layers, stocks=SERIAL))


class TestUnitCosts:
    def test_units_on_hand_are_revalued_on_record(self) -> None:
        stock = stock_on(shelf(layer(1, 2, reserved=1, removed=5, unit_cost=2)))
        (movement,) = carry_out(stock, updating(1, unit_cost=usd("3.335")))
        assert (movement.kind, movement.quantity) == (Kind.REVALUED, 3)
        assert counts(movement.amount, movement.unit_cost) == [4, Decimal("3.335")]
        after = stock.shelves[POSITION_ID][1]
        assert counts(after.unit_cost, after.value) == [Decimal("3.335"), 10]
        assert after.places == layer(1, 2, reserved=1, removed=5).places
        assert stock.changes.described == {1}

    def test_they_may_be_worth_less(self) -> None:
        stock = stock_on(shelf(layer(1, 3, unit_cost=2)))
        (movement,) = carry_out(stock, updating(1, unit_cost=usd(0)))
        assert counts(movement.amount, movement.stocked_item.value) == [-6, 0]

    def test_a_cost_that_was_unknown_becomes_known(self) -> None:
        stock = stock_on(shelf(layer(1, 3)))
        (movement,) = carry_out(stock, updating(1, unit_cost=usd(2)))
        assert counts(movement.amount) == [6]
        assert counts(carry_out(stock, removing(1))[0].amount) == [2]

    def test_the_same_cost_again_moves_nothing(self) -> None:
        stock = stock_on(shelf(layer(1, 3, unit_cost=2)))
        assert carry_out(stock, updating(1, unit_cost=usd("2.00"))) == ()

    def test_with_nothing_on_hand_there_is_nothing_to_revalue(self) -> None:
        stock = stock_on(shelf(layer(1, 0, removed=3)))
        assert carry_out(stock, updating(1, unit_cost=usd(2))) == ()
        after = stock.shelves[POSITION_ID][1]
        assert counts(after.unit_cost, after.value) == [2, 0]

    def test_what_leaves_afterwards_in_the_same_batch_leaves_with_the_new_worth(self) -> None:
        stock = stock_on(shelf(layer(1, 3, unit_cost=2)))
        carry_out(stock, updating(1, unit_cost=usd(5)))
        assert [carry_out(stock, removing(1))[0].amount for _ in range(3)] == [5, 5, 5]

    def test_the_costs_of_units_to_come_are_found_with_it(self) -> None:
        costing = Costing(Decimal(4), Decimal(10), Decimal(3), (NOW - DAY, 2))
        stock = stock_on(
            shelf(layer(1, 2, age=2 * DAY, unit_cost=2), layer(2, 2, unit_cost=3), layer(3, 2), costing=costing)
        )
        carry_out(stock, updating(1, unit_cost=usd(4)))
        assert counts(decide(adding(cost=CostMethod.AVERAGE), stock)[0].amount) == [Decimal("3.50")]
        assert counts(decide(adding(cost=CostMethod.LAST_RECEIVED), stock)[0].amount) == [3]
        carry_out(stock, updating(2, unit_cost=usd(9)))
        assert counts(decide(adding(cost=CostMethod.LAST_RECEIVED), stock)[0].amount) == [9]

    @pytest.mark.parametrize(
        ("cost", "refusal"),
        [
            (UnitCost("EUR", Decimal(1)), CurrencyMismatch),
            (usd(UNIT_COST_LIMIT), StockLimitExceeded),
            (usd(UNIT_COST_LIMIT - 1), StockLimitExceeded),
        ],
    )
    def test_none_that_cannot_be_recorded(self, cost: UnitCost, refusal: Any) -> None:
        stock = stock_on(shelf(layer(1, 10**7)))
        with pytest.raises(refusal):
            carry_out(stock, updating(1, unit_cost=cost))
        assert stock.changes == Changes()


class TestSerialNumbers:
    def test_a_free_unit_gets_another_one_and_the_old_one_is_free(self) -> None:
        stock = serials(layer(1, 1, serial_number="A1"), layer(2, 1, serial_number="A2"))
        assert carry_out(stock, updating(1, serial_number="B1")) == ()
        assert stock.serial_numbers == {(ITEM_ID, "B1"): 1, (ITEM_ID, "A2"): 2}
        carry_out(stock, updating(2, serial_number="A1"))
        carry_out(stock, adding(serial_number="A2"))

    def test_its_own_again_is_fine(self) -> None:
        assert carry_out(serials(layer(1, 1, serial_number="A1")), updating(1, serial_number="A1")) == ()

    @pytest.mark.parametrize("elsewhere", [{"reserved": 1}, {"picked": 1}, {"delivered": 1}, {"removed": 1}])
    def test_that_of_a_unit_that_is_not_free_is_frozen(self, elsewhere: dict[str, Any]) -> None:
        stock = serials(layer(1, 0, serial_number="A1", **elsewhere))
        with pytest.raises(StockedItemInUse) as refusal:
            decide(updating(1, serial_number="B1"), stock)
        assert refusal.value.stocked_item_id == 1

    def test_none_that_another_unit_in_stock_has(self) -> None:
        stock = serials(layer(1, 1, serial_number="A1"), layer(2, 1, serial_number="A2"))
        with pytest.raises(SerialNumberInStock) as refusal:
            decide(updating(1, serial_number="A2"), stock)
        assert refusal.value.stocked_item_id == 2
        carry_out(stock, taking(2))
        assert decide(updating(1, serial_number="A2"), stock) == ()

    @pytest.mark.parametrize("tracking", [Tracking.NONE, Tracking.LOT])
    def test_none_for_units_that_have_none(self, tracking: Tracking) -> None:
        with pytest.raises(TrackingViolated):
            decide(updating(1, serial_number="A1"), stock_on(shelf(layer(1, 1), stocks=item(tracking))))


class TestExpiries:
    def test_what_expires_is_passed_over_from_then_on_also_in_the_same_batch(self) -> None:
        stock = stock_on(shelf(layer(1, 2, age=2 * DAY), layer(2, 3)))
        assert carry_out(stock, updating(1, expire_time=NOW)) == ()
        assert drawn(decide(removing(3), stock)) == [(2, 3)]
        with pytest.raises(InsufficientStock):
            decide(removing(4), stock)
        carry_out(stock, updating(1, drops_expire_time=True))
        assert drawn(decide(removing(3), stock)) == [(1, 2), (2, 1)]

    def test_the_line_of_what_expires_first_follows(self) -> None:
        stock = stock_on(shelf(*(layer(number, 1, expire_time=NOW + number * DAY) for number in (1, 2, 3))))
        first_expired = removing(1, order=FIRST_EXPIRED_FIRST)
        assert drawn(decide(first_expired, stock)) == [(1, 1)]
        carry_out(stock, updating(1, expire_time=NOW + 4 * DAY))
        assert drawn(carry_out(stock, first_expired)) == [(2, 1)]
        carry_out(stock, updating(3, drops_expire_time=True))
        assert [drawn(carry_out(stock, first_expired)) for _ in range(2)] == [[(1, 1)], [(3, 1)]]


class TestExtensions:
    KNOWN: Final = {"autotask": {"binID": 7}, "saasu": {}}

    @pytest.mark.parametrize(
        ("given", "vendors", "left"),
        [
            ({}, (), {}),
            ({"intacct": {}}, (), {"intacct": {}}),
            ({"autotask": {"binID": 8}}, ("autotask",), {"autotask": {"binID": 8}, "saasu": {}}),
            ({}, ("autotask",), {"saasu": {}}),
            ({"intacct": {}}, ("saasu",), {"autotask": {"binID": 7}}),
        ],
    )
    def test_all_of_them_or_those_of_single_vendors(self, given: Any, vendors: tuple[str, ...], left: Any) -> None:
        stock = stock_on(shelf(layer(1, 1, extensions=self.KNOWN)))
        assert carry_out(stock, updating(1, extensions=given, vendors=vendors)) == ()
        assert stock.shelves[POSITION_ID][1].extensions == left


def test_all_at_once() -> None:
    stock = serials(layer(1, 1, serial_number="A1", unit_cost=1))
    changes = {"unit_cost": usd(2), "serial_number": "B1", "expire_time": NOW + DAY, "extensions": {"saasu": {}}}
    (movement,) = carry_out(stock, updating(1, **changes))
    assert movement.kind is Kind.REVALUED
    after = stock.shelves[POSITION_ID][1]
    expected = replace(movement.stocked_item, serial_number="B1", expire_time=NOW + DAY, extensions={"saasu": {}})
    assert after == expected


def test_a_stocked_item_that_is_not_there() -> None:
    with pytest.raises(StockedItemNotFound):
        decide(updating(99, expire_time=NOW), stock_on(shelf()))


def test_a_reason_is_given_where_the_tenant_demands_one() -> None:
    stock = stock_on(shelf(layer(1, 1)), settings=Settings(reason_required=True))
    with pytest.raises(ReasonRequired):
        decide(updating(1, expire_time=NOW), stock)
    assert decide(updating(1, expire_time=NOW, reason="mould"), stock) == ()


def test_where_the_units_are_does_not_matter() -> None:
    stock = stock_on(shelf(layer(1, 1, unit_cost=1), stocks=item(archived=True), location_active=False))
    assert carry_out(stock, updating(1, unit_cost=usd(2)))
    assert stock.home_of(1).position_id == POSITION_ID
    assert stock.shelf(units(1)).position_id == POSITION_ID
