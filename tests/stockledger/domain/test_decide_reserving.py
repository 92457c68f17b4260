"""Deciding what is promised to a demand, and what it gives back."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.changes import Changes
from storekeeper_stockledger.domain.items import Settings, Tracking
from storekeeper_stockledger.domain.operations import Operation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    BadField,
    DemandExceeded,
    InsufficientStock,
    LocationInactive,
    PositionNotFound,
    SerialUnitRequired,
    StockedItemNotFound,
)
from storekeeper_stockledger.domain.state import Stock
from tests.stockledger.domain.shelves import (
    DAY,
    NOW,
    POSITION_ID,
    carry_out,
    counts,
    decide,
    drawn,
    held,
    item,
    layer,
    removing,
    shelf,
    stock_on,
)
from tests.stockledger.verbs import (
    DEMAND,
    FIRST_EXPIRED_FIRST,
    NEWEST_FIRST,
    extending,
    picking,
    releasing,
    reserving,
    units,
)

SERIAL = item(Tracking.SERIAL)
WEEK = 7 * DAY


def three_layers(**fields: Any) -> Stock:
    """Two, three and four units, oldest first."""
    layers = [layer(1, 2, age=3 * DAY), layer(2, 3, age=2 * DAY), layer(3, 4, age=DAY)]
    return stock_on(shelf(*layers, **fields))


def reserved(stock: Stock, demand: str = DEMAND) -> dict[int, Decimal | int]:
    """What a demand has reserved of each stocked item."""
    holdings = stock.shelves[POSITION_ID].holdings.get(demand, {})
    return {stocked_item_id: holding.reserved for stocked_item_id, holding in holdings.items() if holding.reserved}


def expiries(stock: Stock, demand: str = DEMAND) -> set[Any]:
    """When what a demand has reserved expires."""
    return {one.expire_time for one in stock.shelves[POSITION_ID].holdings[demand].values() if one.reserved}


class TestWhatIsReserved:
    def test_the_oldest_units_are_pinned_at_once_and_stay_on_the_shelf(self) -> None:
        stock = three_layers()
        first, second = carry_out(stock, reserving(POSITION_ID, 4))
        assert drawn((first, second)) == [(1, 2), (2, 2)]
        assert {(one.kind, one.demand, one.amount, one.effective_time) for one in (first, second)} == {
            (Kind.RESERVED, DEMAND, None, NOW)
        }
        assert counts(second.totals.available, second.totals.reserved, second.totals.on_hand) == [5, 4, 9]
        assert counts(first.stocked_item.places.reserved, first.stocked_item.places.received) == [2, 2]

    def test_two_promises_never_rest_on_one_unit(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4))
        carry_out(stock, reserving(POSITION_ID, 5, "SO 2"))
        assert (reserved(stock), reserved(stock, "SO 2")) == ({1: 2, 2: 2}, {2: 1, 3: 4})
        with pytest.raises(InsufficientStock):
            decide(reserving(POSITION_ID, 1, "SO 3"), stock)

    def test_removals_cannot_take_them(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4))
        assert drawn(decide(removing(5), stock)) == [(2, 1), (3, 4)]
        with pytest.raises(InsufficientStock):
            decide(removing(6), stock)

    def test_what_they_are_worth_stays(self) -> None:
        stock = stock_on(shelf(layer(1, 3, unit_cost="3.3333333333", value="10.00")))
        (movement,) = carry_out(stock, reserving(POSITION_ID, 2))
        assert (movement.amount, movement.stocked_item.value) == (None, Decimal(10))
        (movement,) = carry_out(stock, removing(1))
        assert counts(movement.amount, movement.stocked_item.value) == [Decimal("3.33"), Decimal("6.67")]

    @pytest.mark.parametrize(
        ("source", "order", "draws"),
        [
            (POSITION_ID, NEWEST_FIRST, [(3, 4), (2, 1)]),
            (POSITION_ID, FIRST_EXPIRED_FIRST, [(1, 2), (2, 3)]),
            (units(3, 1), None, [(3, 4), (1, 1)]),
        ],
    )
    def test_which_units_is_for_the_caller_to_say(self, source: Any, order: Any, draws: list[tuple[int, int]]) -> None:
        ordered = {"order": order} if order else {}
        assert drawn(decide(reserving(source, 5, **ordered), three_layers())) == draws

    def test_units_that_are_not_to_be_used_any_more_are_not_promised_unless_that_is_asked_for(self) -> None:
        stock = stock_on(shelf(layer(1, 3, expire_time=NOW), layer(2, 1)))
        assert drawn(decide(reserving(POSITION_ID, 4, allow_partial=True), stock)) == [(2, 1)]
        assert drawn(decide(reserving(POSITION_ID, 4, include_expired=True), stock)) == [(1, 3), (2, 1)]

    def test_a_unit_with_a_serial_number_is_named(self) -> None:
        stock = stock_on(shelf(layer(1, 1, serial_number="A1"), layer(2, 1, serial_number="A2"), stocks=SERIAL))
        with pytest.raises(SerialUnitRequired):
            decide(reserving(POSITION_ID, 1), stock)
        assert drawn(decide(reserving(units(2), 1), stock)) == [(2, 1)]

    def test_no_reason_is_asked_for(self) -> None:
        stock = stock_on(shelf(layer(1, 1)), settings=Settings(reason_required=True))
        assert carry_out(stock, reserving(POSITION_ID, 1))
        assert carry_out(stock, releasing(POSITION_ID))


class TestWhenItExpires:
    def test_an_interval_from_now(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4, expire_after=DAY))
        assert expiries(stock) == {NOW + DAY}

    def test_what_a_demand_has_reserved_at_a_position_expires_together(self) -> None:
        stock = three_layers()
        for expire_after in (DAY, WEEK, None, DAY):
            carry_out(stock, reserving(POSITION_ID, 2, expire_after=expire_after))
            assert expiries(stock) == {expire_after and NOW + expire_after}

    def test_other_demands_keep_their_own(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 1, expire_after=DAY))
        carry_out(stock, reserving(POSITION_ID, 1, "SO 2", expire_after=WEEK))
        assert (expiries(stock), expiries(stock, "SO 2")) == ({NOW + DAY}, {NOW + WEEK})

    def test_extending_moves_nothing(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4, expire_after=DAY))
        for expire_after in (WEEK, None):
            assert carry_out(stock, extending(POSITION_ID, expire_after=expire_after)) == ()
            assert expiries(stock) == {expire_after and NOW + expire_after}

    @pytest.mark.parametrize("over", [releasing(POSITION_ID), picking(POSITION_ID)])
    def test_what_is_no_longer_reserved_does_not_expire_and_cannot_be_extended(self, over: Operation) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4, expire_after=DAY))
        carry_out(stock, over)
        assert {one.expire_time for one in stock.shelves[POSITION_ID].holdings[DEMAND].values()} == {None}
        with pytest.raises(DemandExceeded) as refusal:
            decide(extending(POSITION_ID, expire_after=WEEK), stock)
        assert (refusal.value.demand, refusal.value.requested) == (DEMAND, None)

    def test_what_is_left_after_a_partial_release_expires_as_before(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 4, expire_after=DAY))
        carry_out(stock, releasing(POSITION_ID, 1))
        assert expiries(stock) == {NOW + DAY}


class TestWhatIsReleased:
    def test_all_of_it_unless_the_caller_says_how_much(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 7))
        carry_out(stock, reserving(POSITION_ID, 1, "SO 2"))
        movements = carry_out(stock, releasing(POSITION_ID))
        assert {(one.kind, one.demand) for one in movements} == {(Kind.RELEASED, DEMAND)}
        assert (reserved(stock), reserved(stock, "SO 2")) == ({}, {3: 1})
        assert stock.shelves[POSITION_ID].totals.available == 8

    def test_the_newest_go_first_so_that_the_demand_keeps_the_oldest(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 7))
        assert drawn(carry_out(stock, releasing(POSITION_ID, 3))) == [(3, 2), (2, 1)]
        assert reserved(stock) == {1: 2, 2: 2}

    def test_of_named_stocked_items_only_those(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 7))
        assert drawn(carry_out(stock, releasing(units(1)))) == [(1, 2)]
        assert drawn(carry_out(stock, releasing(units(2, 3), 4))) == [(3, 2), (2, 2)]

    def test_released_units_may_be_taken_by_the_next_in_the_same_batch(self) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 9))
        carry_out(stock, releasing(POSITION_ID, 5))
        assert drawn(carry_out(stock, removing(5))) == [(2, 1), (3, 4)]

    def test_units_with_serial_numbers_are_named_unless_all_go(self) -> None:
        layers = [layer(number, 0, reserved=1, serial_number=f"A{number}") for number in (1, 2)]
        stock = stock_on(shelf(*layers, stocks=SERIAL, holdings={DEMAND: {1: held(reserved=1), 2: held(reserved=1)}}))
        with pytest.raises(SerialUnitRequired):
            decide(releasing(POSITION_ID, 1), stock)
        assert drawn(decide(releasing(POSITION_ID), stock)) == drawn(decide(releasing(POSITION_ID, 2), stock))
        assert drawn(carry_out(stock, releasing(units(1)))) == [(1, 1)]
        assert drawn(carry_out(stock, releasing(POSITION_ID, 1))) == [(2, 1)]

    @given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.data())
    def test_whatever_is_reserved_and_released_is_counted_once(self, layers: list[int], data: st.DataObject) -> None:
        stock = stock_on(shelf(*(layer(number, count) for number, count in enumerate(layers, start=1))))
        for _ in range(6):
            demand = data.draw(st.sampled_from(["A", "B"]))
            verb: Any = data.draw(st.sampled_from([reserving, releasing]))
            try:
                carry_out(stock, verb(POSITION_ID, data.draw(st.integers(1, 6)), demand))
            except (InsufficientStock, DemandExceeded):
                continue
        totals = stock.shelves[POSITION_ID].totals
        promised = {one: reserved(stock, "A").get(one, 0) + reserved(stock, "B").get(one, 0) for one in stock.homes}
        assert sum(promised.values()) == totals.reserved
        assert totals.on_hand == sum(layers)
        assert all(stock.shelves[POSITION_ID][one].places.reserved == count for one, count in promised.items())


class TestWhatIsRefused:
    def test_more_than_is_available(self) -> None:
        stock = three_layers()
        with pytest.raises(InsufficientStock) as refusal:
            carry_out(stock, reserving(POSITION_ID, 10))
        assert counts(refusal.value.requested, refusal.value.available) == [10, 9]
        assert stock.changes == Changes()
        assert drawn(decide(reserving(POSITION_ID, 10, allow_partial=True), stock)) == [(1, 2), (2, 3), (3, 4)]

    @pytest.mark.parametrize(("where", "has"), [(POSITION_ID, 2), (units(1), 2), (units(2, 3), 0)])
    def test_more_than_the_demand_has_there(self, where: Any, has: int) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 2))
        with pytest.raises(DemandExceeded) as refusal:
            decide(releasing(where, 3), stock)
        assert counts(refusal.value.requested, refusal.value.held) == [3, has]
        assert (refusal.value.demand, refusal.value.position_id) == (DEMAND, POSITION_ID)

    @pytest.mark.parametrize("where", [POSITION_ID, units(1), units(1, 2)])
    def test_all_of_nothing(self, where: Any) -> None:
        stock = three_layers()
        carry_out(stock, reserving(POSITION_ID, 2, "SO 2"))
        with pytest.raises(DemandExceeded) as refusal:
            decide(releasing(where), stock)
        assert counts(refusal.value.requested, refusal.value.held) == [None, 0]

    def test_what_is_at_an_inactive_location_unless_the_tenant_allows_it(self) -> None:
        stock = three_layers(location_active=False)
        with pytest.raises(LocationInactive):
            decide(reserving(POSITION_ID, 1), stock)
        stock.settings = Settings(inactive_location_removal_allowed=True)
        carry_out(stock, reserving(POSITION_ID, 1))
        stock.settings = Settings()
        assert carry_out(stock, releasing(POSITION_ID))

    @pytest.mark.parametrize("verb", [reserving, releasing, picking])
    def test_a_fraction_of_a_unit_that_has_none(self, verb: Any) -> None:
        with pytest.raises(BadField) as refusal:
            decide(verb(POSITION_ID, "0.5"), three_layers())
        assert refusal.value.field == "quantity"

    @pytest.mark.parametrize("verb", [reserving, releasing, picking, extending])
    def test_a_position_that_is_not_there(self, verb: Any) -> None:
        with pytest.raises(PositionNotFound):
            decide(verb(99), three_layers())

    @pytest.mark.parametrize("verb", [reserving, releasing, picking])
    def test_a_stocked_item_that_is_not_there(self, verb: Any) -> None:
        with pytest.raises(StockedItemNotFound):
            decide(verb(units(99)), three_layers())


def test_an_interval_has_microseconds() -> None:
    stock = three_layers()
    carry_out(stock, reserving(POSITION_ID, 1, expire_after=timedelta(microseconds=1)))
    assert expiries(stock) == {NOW + timedelta(microseconds=1)}
