"""Deciding removals: what is taken, what it is worth, and what is refused."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.changes import Changes
from storekeeper_stockledger.domain.items import Settings, Tracking
from storekeeper_stockledger.domain.operations import ItemAtLocation, Operation, PositionId, StockedItemId, StockOrder
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    BadField,
    InsufficientStock,
    ItemNotFound,
    LocationInactive,
    LocationNotFound,
    PositionNotFound,
    ReasonRequired,
    Refused,
    SerialUnitRequired,
    StockedItemNotFound,
)
from tests.stockledger.domain.shelves import (
    DAY,
    HERE,
    ITEM_ID,
    LOCATION_ID,
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
)
from tests.stockledger.verbs import FIRST_EXPIRED_FIRST, NEWEST_FIRST, units

SERIAL = item(Tracking.SERIAL)
MICE = (5, 10, 20, 5)
"""Units available in the worked example, oldest first."""


class TestWhatIsTaken:
    def test_the_oldest_units_go_first(self) -> None:
        layers = [layer(number, units, age=DAY * (9 - number)) for number, units in enumerate(MICE, start=1)]
        assert drawn(decide(removing(20), stock_on(shelf(*layers)))) == [(1, 5), (2, 10), (3, 5)]

    def test_of_equal_age_the_lower_id_goes_first(self) -> None:
        stock = stock_on(shelf(layer(12, 1), layer(11, 1), layer(13, 1)))
        assert drawn(decide(removing(2), stock)) == [(11, 1), (12, 1)]

    def test_age_counts_and_not_the_order_of_recording(self) -> None:
        stock = stock_on(shelf(layer(1, 5, age=DAY), layer(2, 5, age=2 * DAY)))
        assert drawn(decide(removing(6), stock)) == [(2, 5), (1, 1)]

    @pytest.mark.parametrize("source", [ItemAtLocation(ITEM_ID, LOCATION_ID), PositionId(POSITION_ID)])
    def test_a_position_is_named_by_its_id_or_by_item_and_location(self, source: ItemAtLocation | PositionId) -> None:
        assert drawn(decide(removing(source=source), stock_on(shelf(layer(1, 5))))) == [(1, 1)]

    def test_a_named_stocked_item_is_taken_from_though_older_ones_wait(self) -> None:
        stock = stock_on(shelf(layer(1, 5, age=2 * DAY), layer(2, 5)))
        assert drawn(decide(removing(5, source=StockedItemId(2)), stock)) == [(2, 5)]

    def test_each_movement_tells_what_came_after_it(self) -> None:
        stock = stock_on(shelf(layer(1, 2, age=2 * DAY, reserved=1), layer(2, 5, picked=4)))
        first, second = decide(removing(3), stock)
        assert (first.kind, first.effective_time) == (Kind.REMOVED, NOW)
        assert counts(first.stocked_item.places.available, first.stocked_item.places.removed) == [0, 2]
        assert counts(first.totals.available, first.totals.on_hand) == [5, 10]
        assert counts(second.stocked_item.places.available, second.stocked_item.places.removed) == [4, 1]
        assert counts(second.totals.available, second.totals.reserved, second.totals.picked) == [4, 1, 4]

    def test_newest_first_is_the_exact_reverse(self) -> None:
        layers = [layer(number, units, age=DAY * (number % 3)) for number, units in enumerate(MICE, start=1)]
        oldest_first = drawn(decide(removing(sum(MICE)), stock_on(shelf(*layers))))
        assert drawn(decide(removing(sum(MICE), order=NEWEST_FIRST), stock_on(shelf(*layers)))) == oldest_first[::-1]

    def test_what_expires_first_goes_first_and_what_does_not_expire_goes_last(self) -> None:
        layers = [
            layer(1, 1, age=4 * DAY),
            layer(2, 1, age=3 * DAY, expire_time=NOW + 2 * DAY),
            layer(3, 1, age=2 * DAY, expire_time=NOW + DAY),
            layer(4, 1, age=5 * DAY, expire_time=NOW + 2 * DAY),
            layer(5, 1, age=5 * DAY),
        ]
        draws = drawn(decide(removing(5, order=FIRST_EXPIRED_FIRST), stock_on(shelf(*layers))))
        assert [stocked_item_id for stocked_item_id, _ in draws] == [3, 4, 2, 5, 1]

    def test_named_stocked_items_are_drawn_on_in_the_order_in_which_they_are_named(self) -> None:
        stock = stock_on(shelf(layer(1, 2), layer(2, 2), layer(3, 2)))
        assert drawn(decide(removing(3, source=units(3, 1)), stock)) == [(3, 2), (1, 1)]

    def test_an_inactive_location_lets_units_out_where_the_tenant_allows_it(self) -> None:
        inactive = shelf(layer(1, 5), location_active=False)
        with pytest.raises(LocationInactive):
            decide(removing(5), stock_on(inactive))
        allowing = Settings(inactive_location_removal_allowed=True)
        assert drawn(decide(removing(5), stock_on(inactive, settings=allowing))) == [(1, 5)]

    def test_an_archived_item_can_still_be_taken_out(self) -> None:
        stock = stock_on(shelf(layer(1, 5), stocks=item(archived=True)))
        assert drawn(decide(removing(5), stock)) == [(1, 5)]


class TestWhatHasExpired:
    STALE, FRESH, LASTING = (
        layer(1, 3, age=3 * DAY, expire_time=NOW),
        layer(2, 2, age=2 * DAY, expire_time=NOW + timedelta(microseconds=1)),
        layer(3, 1),
    )

    @pytest.mark.parametrize("order", StockOrder)
    def test_it_is_passed_over_in_every_order(self, order: StockOrder) -> None:
        stock = stock_on(shelf(self.STALE, self.FRESH, self.LASTING))
        assert sorted(drawn(decide(removing(3, order=order), stock))) == [(2, 2), (3, 1)]

    def test_it_counts_as_not_there(self) -> None:
        stock = stock_on(shelf(self.STALE, self.FRESH, self.LASTING))
        with pytest.raises(InsufficientStock) as refusal:
            decide(removing(4), stock)
        assert refusal.value.available == 3
        with pytest.raises(InsufficientStock) as refusal:
            decide(removing(1, source=units(1)), stock)
        assert counts(refusal.value.available, refusal.value.stocked_item_id) == [0, 1]

    def test_it_goes_where_it_is_asked_for(self) -> None:
        stock = stock_on(shelf(self.STALE, self.FRESH, self.LASTING))
        assert drawn(decide(removing(4, include_expired=True), stock)) == [(1, 3), (2, 1)]
        assert drawn(decide(removing(1, source=units(1), include_expired=True), stock)) == [(1, 1)]

    def test_the_totals_count_it_as_available(self) -> None:
        stock = stock_on(shelf(self.STALE, self.FRESH, self.LASTING))
        (movement,) = decide(removing(2), stock)
        assert movement.totals.available == 4

    def test_units_that_come_expired_in_the_same_batch_are_passed_over_as_well(self) -> None:
        stock = stock_on(shelf(self.LASTING))
        carry_out(stock, adding(5, expire_time=NOW - DAY))
        carry_out(stock, removing(1, include_expired=True, order=NEWEST_FIRST))
        with pytest.raises(InsufficientStock) as refusal:
            decide(removing(2), stock)
        assert refusal.value.available == 1


class TestFewer:
    """`allow_partial`: as many as there are."""

    @pytest.mark.parametrize(
        ("source", "draws"), [(HERE, [(1, 2), (2, 3)]), (units(2), [(2, 3)]), (units(2, 1), [(2, 3), (1, 2)])]
    )
    def test_as_many_are_taken_as_there_are(self, source: Any, draws: list[tuple[int, int]]) -> None:
        stock = stock_on(shelf(layer(1, 2), layer(2, 3, reserved=4), layer(3, 9, expire_time=NOW)))
        assert drawn(decide(removing(100, source=source, allow_partial=True), stock)) == draws

    def test_not_more_than_was_asked_for(self) -> None:
        stock = stock_on(shelf(layer(1, 5)))
        assert drawn(decide(removing(3, allow_partial=True), stock)) == [(1, 3)]

    @pytest.mark.parametrize("source", [HERE, units(1), units(1, 2)])
    def test_nothing_at_all_is_refused(self, source: Any) -> None:
        stock = stock_on(shelf(layer(1, 0, reserved=1), layer(2, 1, expire_time=NOW)))
        with pytest.raises(InsufficientStock) as refusal:
            decide(removing(3, source=source, allow_partial=True), stock)
        assert counts(refusal.value.requested, refusal.value.available) == [3, 0]


class TestWhatItIsWorth:
    def test_units_take_their_share_and_the_last_ones_take_the_rest(self) -> None:
        stock = stock_on(shelf(layer(1, 3, unit_cost="3.3333333333", value="10.00")))
        amounts = [carry_out(stock, removing(1))[0].amount for _ in range(3)]
        assert [str(amount) for amount in amounts] == ["3.33", "3.34", "3.33"]

    def test_emptied_stock_is_worth_exactly_nothing(self) -> None:
        stock = stock_on(shelf(layer(1, 3, unit_cost="3.3333333333", value="10.00")))
        (movement,) = carry_out(stock, removing(3))
        assert movement.stocked_item.value == 0

    def test_reserved_units_keep_their_share(self) -> None:
        stock = stock_on(shelf(layer(1, 1, reserved=2, unit_cost=1, value="3.00")))
        (movement,) = carry_out(stock, removing(1))
        assert (movement.amount, movement.stocked_item.value) == (Decimal(1), Decimal(2))

    def test_units_of_unknown_cost_are_worth_nobody_knows_what(self) -> None:
        (movement,) = decide(removing(1), stock_on(shelf(layer(1, 3))))
        assert (movement.amount, movement.stocked_item.value) == (None, None)

    @given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.data())
    def test_amounts_removed_and_left_sum_to_what_came(self, units: list[int], data: st.DataObject) -> None:
        layers = [
            layer(number, count, unit_cost="0.3333333333", value=Decimal(count) / 4)
            for number, count in enumerate(units, start=1)
        ]
        came = sum(one.value or 0 for one in layers)
        stock = stock_on(shelf(*layers))
        removed = Decimal()
        while available := int(stock.shelves[POSITION_ID].totals.available):
            movements = carry_out(stock, removing(data.draw(st.integers(1, available))))
            removed += sum(movement.amount or 0 for movement in movements)
            left = sum(stock.shelves[POSITION_ID][number].value or 0 for number in range(1, len(units) + 1))
            assert removed + left == came
        assert removed == came


class TestInsideABatch:
    def test_two_removals_that_ask_for_the_same_last_unit_get_it_once(self) -> None:
        stock = stock_on(shelf(layer(1, 1)))
        carry_out(stock, removing(1))
        with pytest.raises(InsufficientStock) as refusal:
            carry_out(stock, removing(1))
        assert counts(refusal.value.requested, refusal.value.available) == [1, 0]

    def test_a_stocked_item_gives_its_units_once(self) -> None:
        stock = stock_on(shelf(layer(123, 5), layer(223, 10)))
        carry_out(stock, removing(10, source=StockedItemId(223)))
        with pytest.raises(InsufficientStock) as refusal:
            carry_out(stock, removing(10, source=StockedItemId(223)))
        assert refusal.value.available == 0
        assert refusal.value.stocked_item_id == 223

    def test_a_removal_goes_on_where_the_one_before_ended(self) -> None:
        stock = stock_on(shelf(layer(1, 5, age=2 * DAY), layer(2, 5)))
        assert drawn(carry_out(stock, removing(4))) == [(1, 4)]
        assert drawn(carry_out(stock, removing(4))) == [(1, 1), (2, 3)]

    def test_units_added_before_can_be_removed(self) -> None:
        stock = stock_on(shelf(layer(1, 1)))
        carry_out(stock, adding(4), new_id=9)
        assert drawn(carry_out(stock, removing(5))) == [(1, 1), (9, 4)]

    def test_a_refusal_leaves_the_stock_as_it_was(self) -> None:
        stock = stock_on(shelf(layer(1, 5)))
        with pytest.raises(InsufficientStock):
            carry_out(stock, removing(6))
        assert stock.changes == Changes()
        assert drawn(carry_out(stock, removing(5))) == [(1, 5)]

    @given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.lists(st.integers(1, 12), max_size=12))
    def test_one_after_the_other_takes_as_much_as_all_at_once(self, units: list[int], asked: list[int]) -> None:
        layers = [layer(number, count) for number, count in enumerate(units, start=1)]
        batch = stock_on(shelf(*layers))
        taken: Counter[int] = Counter()
        for quantity in asked:
            if quantity > batch.shelves[POSITION_ID].totals.available:
                with pytest.raises(InsufficientStock):
                    carry_out(batch, removing(quantity))
            else:
                taken.update({layer_id: int(units) for layer_id, units in drawn(carry_out(batch, removing(quantity)))})
        if taken:
            at_once = decide(removing(taken.total()), stock_on(shelf(*layers)))
            assert dict(drawn(at_once)) == taken


class TestWhatIsRefused:
    def test_reserved_and_picked_units_are_not_available(self) -> None:
        stock = stock_on(shelf(layer(1, 1, reserved=5, picked=5)))
        with pytest.raises(InsufficientStock) as refusal:
            decide(removing(2), stock)
        assert counts(refusal.value.requested, refusal.value.available) == [2, 1]
        assert (refusal.value.position_id, refusal.value.stocked_item_id) == (POSITION_ID, None)

    def test_a_named_stocked_item_is_never_silently_extended(self) -> None:
        stock = stock_on(shelf(layer(1, 5), layer(2, 5)))
        with pytest.raises(InsufficientStock) as refusal:
            decide(removing(6, source=StockedItemId(2)), stock)
        assert refusal.value.available == 5
        assert refusal.value.stocked_item_id == 2

    def test_named_stocked_items_of_several_positions(self) -> None:
        elsewhere = shelf(layer(2, 5), position_id=POSITION_ID + 1, location_id=LOCATION_ID + 1)
        with pytest.raises(BadField) as refusal:
            decide(removing(1, source=units(1, 2)), stock_on(shelf(layer(1, 5)), elsewhere))
        assert refusal.value.field == "source.stocked_items.stocked_item_ids"

    @pytest.mark.parametrize("source", [units(1, 99), units(99, 1)])
    def test_named_stocked_items_of_which_one_is_missing(self, source: Any) -> None:
        with pytest.raises(StockedItemNotFound) as refusal:
            decide(removing(1, source=source), stock_on(shelf(layer(1, 5))))
        assert refusal.value.stocked_item_id == 99

    def test_several_named_stocked_items_are_told_by_their_position(self) -> None:
        with pytest.raises(InsufficientStock) as refusal:
            decide(removing(6, source=units(1, 2)), stock_on(shelf(layer(1, 2), layer(2, 3), layer(3, 9))))
        assert counts(refusal.value.available, refusal.value.stocked_item_id) == [5, None]

    def test_units_with_serial_numbers_are_named(self) -> None:
        stock = stock_on(shelf(layer(1, 1, serial_number="A1"), stocks=SERIAL))
        with pytest.raises(SerialUnitRequired):
            decide(removing(1), stock)
        assert drawn(decide(removing(1, source=StockedItemId(1)), stock)) == [(1, 1)]

    def test_a_unit_with_a_serial_number_goes_once(self) -> None:
        stock = stock_on(shelf(layer(1, 1, serial_number="A1"), stocks=SERIAL))
        carry_out(stock, removing(1, source=StockedItemId(1)))
        with pytest.raises(InsufficientStock):
            carry_out(stock, removing(1, source=StockedItemId(1)))

    @pytest.mark.parametrize(("scale", "quantity"), [(0, "1.5"), (2, "0.001"), (5, "0.000001")])
    def test_a_quantity_has_no_more_decimals_than_its_item(self, scale: int, quantity: str) -> None:
        stock = stock_on(shelf(layer(1, 5), stocks=item(scale=scale)))
        with pytest.raises(BadField) as refusal:
            decide(removing(quantity), stock)
        assert refusal.value.field == "quantity"

    @pytest.mark.parametrize(("scale", "quantity"), [(0, "5"), (2, "0.25"), (6, "0.000001")])
    def test_a_quantity_may_have_as_many_decimals_as_its_item(self, scale: int, quantity: str) -> None:
        stock = stock_on(shelf(layer(1, 5), stocks=item(scale=scale)))
        assert drawn(decide(removing(quantity), stock)) == [(1, Decimal(quantity))]

    @pytest.mark.parametrize("reason", ["", " ", "\n\t"])
    def test_a_reason_is_given_where_the_tenant_demands_one(self, reason: str) -> None:
        stock = stock_on(shelf(layer(1, 5)), settings=Settings(reason_required=True))
        with pytest.raises(ReasonRequired):
            decide(removing(reason=reason), stock)
        assert decide(removing(reason="broken"), stock)

    @pytest.mark.parametrize(
        ("source", "refusal"),
        [
            (StockedItemId(99), StockedItemNotFound),
            (PositionId(99), PositionNotFound),
            (ItemAtLocation(99, 99), ItemNotFound),
            (ItemAtLocation(ITEM_ID, 99), LocationNotFound),
        ],
    )
    def test_what_is_missing_is_told_as_exactly_as_it_is_known(
        self, source: ItemAtLocation | PositionId | StockedItemId, refusal: type[Refused]
    ) -> None:
        with pytest.raises(refusal):
            decide(removing(source=source), stock_on(shelf(layer(1, 5))))

    def test_an_item_that_was_never_at_a_location_has_no_position_there(self) -> None:
        stock = stock_on(shelf(layer(1, 5)))
        stock.known_locations |= {99}
        with pytest.raises(PositionNotFound) as refusal:
            decide(removing(source=ItemAtLocation(ITEM_ID, 99)), stock)
        assert (refusal.value.item_id, refusal.value.location_id, refusal.value.position_id) == (ITEM_ID, 99, None)

    def test_of_several_refusals_the_first_in_one_order_is_told(self) -> None:
        """Everything is wrong with the first removal; each that follows puts one thing right."""
        stock = stock_on(shelf(layer(1, 1, serial_number="A1"), stocks=SERIAL), settings=Settings(reason_required=True))
        attempts: list[tuple[Operation, type[Refused]]] = [
            (removing("1.5", source=PositionId(99)), PositionNotFound),
            (removing("1.5", source=HERE), BadField),
            (removing(2, source=HERE), ReasonRequired),
            (removing(2, source=HERE, reason="lost"), SerialUnitRequired),
            (removing(2, source=StockedItemId(1), reason="lost"), InsufficientStock),
        ]
        for attempt, refusal in attempts:
            with pytest.raises(refusal):
                decide(attempt, stock)
        assert decide(removing(1, source=StockedItemId(1), reason="lost"), stock)
