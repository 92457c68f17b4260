"""Deciding that a position is closed: what is removed, what is refused, and that it is gone."""

from decimal import Decimal

import pytest

from storekeeper_stockledger.domain.draws import DRAWS_MAX
from storekeeper_stockledger.domain.items import Settings, Tracking
from storekeeper_stockledger.domain.operations import ItemAtLocation, Operation, StockedItemId
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    InsufficientStock,
    LocationInactive,
    PositionInUse,
    PositionNotFound,
    ReasonRequired,
    TooManyStockedItems,
)
from tests.stockledger.domain.shelves import (
    DAY,
    ITEM_ID,
    LOCATION_ID,
    NOW,
    POSITION_ID,
    StockedShelf,
    adding,
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

DEMANDING = Settings(reason_required=True)
ALLOWING = Settings(inactive_location_removal_allowed=True)


class TestWhatIsRemoved:
    @pytest.mark.parametrize("tracking", Tracking)
    def test_all_that_is_available_goes_oldest_first(self, tracking: Tracking) -> None:
        stock = stock_on(shelf(layer(1, 1), layer(2, 1, age=2 * DAY), layer(3, 1), stocks=item(tracking)))
        assert drawn(decide(closing(), stock)) == [(2, 1), (1, 1), (3, 1)]

    def test_the_movements_say_that_it_was_removed_and_what_it_was_worth(self) -> None:
        (movement,) = decide(closing(), stock_on(shelf(layer(1, 3, unit_cost="3.3333333333", value="10.00"))))
        assert (movement.kind, movement.effective_time) == (Kind.REMOVED, NOW)
        assert counts(movement.amount, movement.stocked_item.value) == [10, 0]
        assert counts(movement.totals.on_hand, movement.stocked_item.places.removed) == [0, 3]

    def test_a_position_without_units_has_no_movements_and_needs_no_reason(self) -> None:
        assert decide(closing(), stock_on(shelf(), settings=DEMANDING)) == ()
        assert decide(closing(), stock_on(shelf(layer(1, 0)), settings=DEMANDING)) == ()

    def test_an_archived_item_is_no_hindrance(self) -> None:
        stock = stock_on(shelf(layer(1, 5), stocks=item(archived=True)))
        assert drawn(decide(closing(), stock)) == [(1, 5)]

    def test_units_that_are_not_to_be_used_any_more_go_too(self) -> None:
        stock = stock_on(shelf(layer(1, 5, expire_time=NOW - DAY), layer(2, 1)))
        assert drawn(decide(closing(), stock)) == [(1, 5), (2, 1)]

    def test_units_that_came_before_it_in_the_batch_go_too(self) -> None:
        stock = stock_on(shelf(layer(1, 5)))
        carry_out(stock, adding(2), new_id=9)
        carry_out(stock, removing(4))
        assert drawn(carry_out(stock, closing())) == [(1, 1), (9, 2)]


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "in_use", [shelf(layer(1, 1, reserved=1)), shelf(layer(1, 1, picked=1)), shelf(layer(1, 1), on_order=1)]
    )
    def test_a_position_that_something_waits_for(self, in_use: StockedShelf) -> None:
        with pytest.raises(PositionInUse) as refusal:
            decide(closing(), stock_on(in_use, settings=DEMANDING))
        assert refusal.value.position_id == POSITION_ID

    @pytest.mark.parametrize("reason", ["", " "])
    def test_units_that_would_go_without_the_reason_that_is_demanded(self, reason: str) -> None:
        stock = stock_on(shelf(layer(1, 1)), settings=DEMANDING)
        with pytest.raises(ReasonRequired):
            decide(closing(reason=reason), stock)
        assert drawn(decide(closing(reason="sold off"), stock)) == [(1, 1)]

    def test_units_at_an_inactive_location_stay_there_unless_the_tenant_lets_them_out(self) -> None:
        with pytest.raises(LocationInactive):
            decide(closing(), stock_on(shelf(layer(1, 5), location_active=False)))
        assert decide(closing(), stock_on(shelf(location_active=False))) == ()
        allowing = stock_on(shelf(layer(1, 5), location_active=False), settings=ALLOWING)
        assert drawn(decide(closing(), allowing)) == [(1, 5)]

    def test_more_stocked_items_than_one_call_may_draw_on(self) -> None:
        layers = [layer(number, 1) for number in range(1, DRAWS_MAX + 2)]
        assert len(decide(closing(), stock_on(shelf(*layers[:DRAWS_MAX])))) == DRAWS_MAX
        with pytest.raises(TooManyStockedItems) as refusal:
            decide(closing(), stock_on(shelf(*layers)))
        assert refusal.value.covered == DRAWS_MAX


class TestWhatIsClosed:
    @pytest.mark.parametrize("operation", [closing(), adding(), removing()])
    def test_it_is_gone_for_what_names_its_id(self, operation: Operation) -> None:
        stock = stock_on(shelf(layer(1, 5)))
        carry_out(stock, closing())
        with pytest.raises(PositionNotFound) as refusal:
            decide(operation, stock)
        assert refusal.value.position_id == POSITION_ID

    @pytest.mark.parametrize(
        "operation",
        [adding(target=ItemAtLocation(ITEM_ID, LOCATION_ID)), removing(source=ItemAtLocation(ITEM_ID, LOCATION_ID))],
    )
    def test_it_is_gone_for_what_names_its_item_and_location(self, operation: Operation) -> None:
        stock = stock_on(shelf())
        carry_out(stock, closing())
        with pytest.raises(PositionNotFound) as refusal:
            decide(operation, stock)
        assert (refusal.value.item_id, refusal.value.location_id) == (ITEM_ID, LOCATION_ID)

    def test_its_stocked_items_are_there_and_empty(self) -> None:
        stock = stock_on(shelf(layer(1, 5)))
        carry_out(stock, closing())
        with pytest.raises(InsufficientStock) as refusal:
            decide(removing(1, source=StockedItemId(1)), stock)
        assert refusal.value.available == Decimal(0)

    def test_its_serial_numbers_may_come_in_again(self) -> None:
        serial = item(Tracking.SERIAL)
        elsewhere = shelf(stocks=serial, position_id=POSITION_ID + 1)
        stock = stock_on(shelf(layer(1, 1, serial_number="A1"), stocks=serial), elsewhere)
        carry_out(stock, closing())
        assert stock.serial_numbers == {}
