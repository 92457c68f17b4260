"""Deciding what is taken off the shelf for a demand, put back, handed over, and returned."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.changes import Changes
from storekeeper_stockledger.domain.items import Settings, Tracking
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    DemandExceeded,
    InsufficientStock,
    LocationInactive,
    PositionNotFound,
    SerialNumberInStock,
    SerialUnitRequired,
)
from storekeeper_stockledger.domain.state import Stock
from tests.stockledger.domain.shelves import (
    DAY,
    NOW,
    POSITION_ID,
    carry_out,
    closing,
    counts,
    decide,
    drawn,
    held,
    item,
    layer,
    shelf,
    stock_on,
    usd,
)
from tests.stockledger.verbs import (
    DEMAND,
    NEWEST_FIRST,
    delivering,
    picking,
    releasing,
    reserving,
    returning,
    units,
    unpicking,
    updating,
)

SERIAL = item(Tracking.SERIAL)


def three_layers(**fields: Any) -> Stock:
    """Two, three and four units, oldest first."""
    layers = [layer(1, 2, age=3 * DAY), layer(2, 3, age=2 * DAY), layer(3, 4, age=DAY)]
    return stock_on(shelf(*layers, **fields))


def moved(movements: tuple[Any, ...]) -> list[tuple[Kind, int, int]]:
    """Kind, stocked item and quantity of each movement."""
    return [(one.kind, one.stocked_item.stocked_item_id, int(one.quantity)) for one in movements]


def place(stock: Stock, name: str, demand: str = DEMAND) -> dict[int, Decimal | int]:
    """What a demand has in a place, by stocked item."""
    holdings = stock.shelves[POSITION_ID].holdings.get(demand, {})
    return {one: getattr(holding, name) for one, holding in holdings.items() if getattr(holding, name)}


class TestPicking:
    def test_what_the_demand_has_reserved_goes_first_and_then_what_is_available(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(units(3), 2))
        movements = carry_out(stock, picking(POSITION_ID, 5))
        assert moved(movements) == [(Kind.PICKED_RESERVED, 3, 2), (Kind.PICKED, 1, 2), (Kind.PICKED, 2, 1)]
        assert {(one.demand, one.amount) for one in movements} == {(DEMAND, None)}
        totals = movements[-1].totals
        assert counts(totals.available, totals.reserved, totals.picked, totals.on_hand) == [4, 0, 5, 9]

    def test_without_a_quantity_exactly_what_is_reserved(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4))
        assert moved(carry_out(stock, picking(POSITION_ID))) == [
            (Kind.PICKED_RESERVED, 1, 2),
            (Kind.PICKED_RESERVED, 2, 2),
        ]
        with pytest.raises(DemandExceeded) as refusal:
            decide(picking(POSITION_ID), stock)
        assert counts(refusal.value.requested, refusal.value.held) == [None, 0]

    def test_a_part_of_what_is_reserved_takes_the_oldest_and_leaves_the_rest_reserved(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4, expire_after=DAY))
        assert moved(carry_out(stock, picking(POSITION_ID, 3))) == [
            (Kind.PICKED_RESERVED, 1, 2),
            (Kind.PICKED_RESERVED, 2, 1),
        ]
        assert place(stock, "reserved") == {2: 1}
        assert place(stock, "expire_time") == {2: NOW + DAY}

    def test_nothing_of_what_others_have_reserved(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4, "SO 2"))
        assert moved(decide(picking(POSITION_ID, 5), stock)) == [(Kind.PICKED, 2, 1), (Kind.PICKED, 3, 4)]
        with pytest.raises(InsufficientStock) as refusal:
            decide(picking(POSITION_ID, 6), stock)
        assert counts(refusal.value.requested, refusal.value.available) == [6, 5]

    def test_order_and_expired_units_hold_for_what_was_not_reserved(self) -> None:
        stock = stock_on(shelf(layer(1, 1, age=2 * DAY), layer(2, 1), layer(3, 1, age=3 * DAY, expire_time=NOW)))
        carry_out(stock, reserving(units(3, 1), 2, include_expired=True))
        assert moved(decide(picking(POSITION_ID, 3, order=NEWEST_FIRST), stock)) == [
            (Kind.PICKED_RESERVED, 3, 1),
            (Kind.PICKED_RESERVED, 1, 1),
            (Kind.PICKED, 2, 1),
        ]

    def test_short_of_units_all_that_could_be_picked_is_told(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4))
        with pytest.raises(InsufficientStock) as refusal:
            carry_out(stock, picking(POSITION_ID, 10))
        assert counts(refusal.value.requested, refusal.value.available) == [10, 9]
        with pytest.raises(InsufficientStock) as refusal:
            carry_out(stock, picking(units(3), 5))
        assert counts(refusal.value.available, refusal.value.stocked_item_id) == [4, 3]
        assert place(stock, "picked") == {}

    def test_only_what_is_reserved_if_that_is_asked_for(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4))
        with pytest.raises(DemandExceeded) as refusal:
            decide(picking(POSITION_ID, 5, reserved_only=True), stock)
        assert counts(refusal.value.requested, refusal.value.held) == [5, 4]
        fewer = decide(picking(POSITION_ID, 5, reserved_only=True, allow_partial=True), stock)
        assert moved(fewer) == moved(decide(picking(POSITION_ID), stock))
        with pytest.raises(DemandExceeded):
            decide(picking(POSITION_ID, 1, "SO 2", reserved_only=True, allow_partial=True), stock)

    @pytest.mark.parametrize(("reserved", "picked"), [(0, 9), (4, 9), (9, 9)])
    def test_fewer_will_do(self, reserved: int, picked: int) -> None:
        stock = three_layers()
        if reserved:
            carry_out(stock, reserving(POSITION_ID, reserved))
        movements = decide(picking(POSITION_ID, 20, allow_partial=True), stock)
        assert sum(one.quantity for one in movements) == picked

    def test_fewer_than_one_will_not(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 9, "SO 2"))
        with pytest.raises(InsufficientStock):
            decide(picking(POSITION_ID, 1, allow_partial=True), stock)

    def test_at_an_inactive_location_only_what_is_reserved(self) -> None:
        inactive = shelf(layer(1, 2, reserved=2), location_active=False, holdings={DEMAND: {1: held(reserved=2)}})
        assert moved(decide(picking(POSITION_ID, 2), stock_on(inactive))) == [(Kind.PICKED_RESERVED, 1, 2)]
        with pytest.raises(LocationInactive):
            decide(picking(POSITION_ID, 3), stock_on(inactive))
        allowing = Settings(inactive_location_removal_allowed=True)
        assert len(decide(picking(POSITION_ID, 3), stock_on(inactive, settings=allowing))) == 2

    def test_units_with_serial_numbers_are_named_unless_all_that_are_reserved_go(self) -> None:
        layers = [layer(number, 1, serial_number=f"A{number}") for number in (1, 2, 3)]
        stock = stock_on(shelf(*layers, stocks=SERIAL))
        carry_out(stock, reserving(units(1, 2), 2))
        for refused in (picking(POSITION_ID, 1), picking(POSITION_ID, 3), picking(POSITION_ID, 1, "SO 2")):
            with pytest.raises(SerialUnitRequired):
                decide(refused, stock)
        assert drawn(decide(picking(POSITION_ID), stock)) == drawn(decide(picking(POSITION_ID, 2), stock))
        assert moved(decide(picking(units(2, 3), 2), stock)) == [(Kind.PICKED_RESERVED, 2, 1), (Kind.PICKED, 3, 1)]


class TestPuttingBack:
    def test_the_newest_go_first_and_are_available(self) -> None:
        stock = three_layers()
        carry_out(stock, picking(POSITION_ID, 7))
        assert moved(carry_out(stock, unpicking(POSITION_ID, 3))) == [(Kind.UNPICKED, 3, 2), (Kind.UNPICKED, 2, 1)]
        assert place(stock, "picked") == {1: 2, 2: 2}
        assert counts(stock.shelves[POSITION_ID].totals.available) == [5]

    def test_or_they_are_reserved_for_the_demand_again(self) -> None:
        stock = three_layers()
        carry_out(stock, picking(POSITION_ID, 4))
        assert moved(carry_out(stock, unpicking(POSITION_ID, keep_reserved=True))) == [
            (Kind.UNPICKED_RESERVED, 2, 2),
            (Kind.UNPICKED_RESERVED, 1, 2),
        ]
        assert (place(stock, "picked"), place(stock, "reserved")) == ({}, {1: 2, 2: 2})

    def test_what_is_reserved_again_expires_with_the_rest_of_what_the_demand_has_reserved(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4, expire_after=DAY))
        carry_out(stock, picking(POSITION_ID, 2))
        carry_out(stock, unpicking(POSITION_ID, keep_reserved=True))
        assert place(stock, "expire_time") == {1: NOW + DAY, 2: NOW + DAY}

    def test_where_nothing_else_is_reserved_it_does_not_expire(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 2, expire_after=DAY))
        carry_out(stock, picking(POSITION_ID))
        carry_out(stock, unpicking(POSITION_ID, keep_reserved=True))
        assert (place(stock, "reserved"), place(stock, "expire_time")) == ({1: 2}, {})

    @pytest.mark.parametrize("verb", [unpicking, delivering])
    def test_no_more_than_the_demand_has_picked_there(self, verb: Any) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 9))
        carry_out(stock, picking(POSITION_ID, 4))
        for where, quantity, has in ((POSITION_ID, 5, 4), (units(1), 3, 2), (units(3), None, 0)):
            with pytest.raises(DemandExceeded) as refusal:
                decide(verb(where, quantity), stock)
            assert counts(refusal.value.requested, refusal.value.held) == [quantity, has]
        with pytest.raises(DemandExceeded):
            decide(verb(POSITION_ID, 1, "SO 2"), stock)


class TestHandingOver:
    def test_the_oldest_go_first_and_leave_with_what_they_are_worth(self) -> None:
        layers = [layer(1, 3, age=2 * DAY, unit_cost="3.3333333333", value="10.00"), layer(2, 5, unit_cost=2)]
        stock = stock_on(shelf(*layers))
        carry_out(stock, picking(POSITION_ID, 5))
        first, second = carry_out(stock, delivering(POSITION_ID, 4))
        assert moved((first, second)) == [(Kind.DELIVERED, 1, 3), (Kind.DELIVERED, 2, 1)]
        assert counts(first.amount, second.amount) == [10, 2]
        assert counts(second.totals.picked, second.totals.on_hand) == [1, 4]
        assert counts(first.stocked_item.value, first.stocked_item.places.delivered) == [0, 3]
        assert place(stock, "delivered_value") == {1: Decimal(10), 2: Decimal(2)}

    def test_units_of_unknown_cost_leave_with_an_unknown_amount(self) -> None:
        stock = three_layers()
        carry_out(stock, picking(POSITION_ID, 2))
        (movement,) = carry_out(stock, delivering(POSITION_ID))
        assert (movement.amount, stock.shelves[POSITION_ID].holdings[DEMAND][1].delivered_value) == (None, None)

    def test_an_inactive_location_hands_over_what_is_picked(self) -> None:
        picked = shelf(layer(1, 0, picked=2), location_active=False, holdings={DEMAND: {1: held(picked=2)}})
        assert moved(decide(delivering(POSITION_ID), stock_on(picked))) == [(Kind.DELIVERED, 1, 2)]


class TestReturning:
    def delivered(self, *layers: Any, **fields: Any) -> Stock:
        """Stock all of which was picked and delivered."""
        stock = stock_on(shelf(*layers, **fields))
        named = units(*(one.stocked_item_id for one in layers))
        quantity = sum(int(one.available) for one in layers)
        carry_out(stock, picking(named, quantity))
        carry_out(stock, delivering(POSITION_ID))
        return stock

    def test_the_newest_come_back_first_to_where_they_came_from(self) -> None:
        stock = self.delivered(layer(1, 2, age=2 * DAY), layer(2, 3))
        assert moved(carry_out(stock, returning(POSITION_ID, 4))) == [(Kind.RETURNED, 2, 3), (Kind.RETURNED, 1, 1)]
        assert place(stock, "delivered") == {1: 1}
        assert [one.stocked_item_id for one in stock.shelves[POSITION_ID].line(NEWEST_FIRST, with_expired=True)] == [
            2,
            1,
        ]

    def test_they_bring_back_what_they_left_with_to_the_smallest_unit(self) -> None:
        stock = self.delivered(layer(1, 3, unit_cost="3.3333333333", value="10.00"))
        amounts = [carry_out(stock, returning(POSITION_ID, 1))[0].amount for _ in range(3)]
        assert [str(amount) for amount in amounts] == ["3.33", "3.34", "3.33"]
        assert stock.shelves[POSITION_ID][1].value == Decimal(10)

    def test_they_bring_back_what_they_left_with_though_the_unit_cost_was_changed_since(self) -> None:
        stock = self.delivered(layer(1, 2, unit_cost=5))
        carry_out(stock, updating(1, unit_cost=usd(7)))
        (movement,) = carry_out(stock, returning(POSITION_ID))
        assert counts(movement.amount, movement.stocked_item.value, movement.stocked_item.unit_cost) == [10, 10, 7]

    def test_where_that_was_unknown_then_what_they_cost_now(self) -> None:
        stock = self.delivered(layer(1, 2))
        carry_out(stock, updating(1, unit_cost=usd(7)))
        (movement,) = carry_out(stock, returning(POSITION_ID, 1))
        assert counts(movement.amount, movement.stocked_item.value) == [7, 7]

    def test_an_archived_item_comes_back_but_not_to_an_inactive_location(self) -> None:
        holdings = {DEMAND: {1: held(delivered=2)}}
        gone = layer(1, 0, delivered=2)
        archived = stock_on(shelf(gone, stocks=item(archived=True), holdings=holdings))
        assert moved(decide(returning(POSITION_ID), archived)) == [(Kind.RETURNED, 1, 2)]
        allowing = Settings(inactive_location_removal_allowed=True)
        with pytest.raises(LocationInactive):
            decide(
                returning(POSITION_ID),
                stock_on(shelf(gone, location_active=False, holdings=holdings), settings=allowing),
            )

    def test_a_serial_number_that_came_in_again_meanwhile_is_in_the_way(self) -> None:
        gone = layer(1, 0, delivered=1, serial_number="A1")
        another = layer(2, 1, serial_number="A1")
        stock = stock_on(shelf(gone, another, stocks=SERIAL, holdings={DEMAND: {1: held(delivered=1)}}))
        with pytest.raises(SerialNumberInStock) as refusal:
            decide(returning(units(1)), stock)
        assert refusal.value.stocked_item_id == 2

    def test_nothing_comes_back_to_a_position_that_is_closed(self) -> None:
        stock = self.delivered(layer(1, 2))
        carry_out(stock, closing())
        for where in (POSITION_ID, units(1)):
            with pytest.raises(PositionNotFound):
                decide(returning(where), stock)

    def test_no_more_than_was_delivered_to_the_demand(self) -> None:
        stock = self.delivered(layer(1, 2))
        for where, quantity in ((POSITION_ID, 3), (units(1), 3)):
            with pytest.raises(DemandExceeded) as refusal:
                decide(returning(where, quantity), stock)
            assert counts(refusal.value.requested, refusal.value.held) == [3, 2]
        carry_out(stock, returning(POSITION_ID))
        with pytest.raises(DemandExceeded):
            decide(returning(POSITION_ID), stock)

    def test_units_with_serial_numbers_are_named_unless_all_come_back(self) -> None:
        stock = self.delivered(*(layer(number, 1, serial_number=f"A{number}") for number in (1, 2)), stocks=SERIAL)
        with pytest.raises(SerialUnitRequired):
            decide(returning(POSITION_ID, 1), stock)
        assert moved(carry_out(stock, returning(units(1)))) == [(Kind.RETURNED, 1, 1)]
        assert moved(carry_out(stock, returning(POSITION_ID))) == [(Kind.RETURNED, 2, 1)]


STEPS = [reserving, releasing, picking, unpicking, delivering, returning]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from("AB"), st.integers(1, 6)), max_size=12))
def test_whatever_demands_do_each_unit_is_in_one_place_and_every_cent_is_somewhere(
    steps: list[tuple[Any, str, int]],
) -> None:
    layers = [layer(1, 3, age=2 * DAY, unit_cost="3.3333333333", value="10.00"), layer(2, 4, unit_cost="0.0175")]
    stock = stock_on(shelf(*layers))
    came = [one.value or Decimal() for one in layers]
    for verb, demand, quantity in steps:
        before = stock.changes.copy()
        try:
            carry_out(stock, verb(POSITION_ID, quantity, demand))
        except (InsufficientStock, DemandExceeded):
            assert stock.changes == before
    there = stock.shelves[POSITION_ID]
    for one, worth in zip((1, 2), came, strict=True):
        kept = [there.holdings[demand][one] for demand in there.holdings if one in there.holdings[demand]]
        places = there[one].places
        for name in ("reserved", "picked", "delivered"):
            assert getattr(places, name) == sum((getattr(holding, name) for holding in kept), Decimal())
        assert places.received == places.on_hand + places.delivered
        assert (there[one].value or 0) + sum(holding.delivered_value or Decimal() for holding in kept) == worth


def test_a_refusal_leaves_the_stock_as_it_was() -> None:
    stock = three_layers()
    carry_out(stock, reserving(POSITION_ID, 4))
    stock.changes = Changes()
    with pytest.raises(InsufficientStock):
        carry_out(stock, picking(POSITION_ID, 10))
    assert stock.changes == Changes()
    assert place(stock, "reserved") == {1: 2, 2: 2}
