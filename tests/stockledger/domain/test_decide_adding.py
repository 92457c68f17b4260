"""Deciding additions: what is made, where it stands in line, what it costs, and what is refused."""

from datetime import timedelta
from decimal import Decimal

import pytest

from storekeeper_stockledger.domain.changes import Changes
from storekeeper_stockledger.domain.costs import Costing, CostMethod, UnitCost
from storekeeper_stockledger.domain.items import Settings, Tracking
from storekeeper_stockledger.domain.operations import AddStock, ItemAtLocation, PositionId, StockedItemId
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    BadField,
    CostUnknown,
    CurrencyMismatch,
    ItemArchived,
    ItemNotFound,
    LocationInactive,
    LocationNotFound,
    PositionNotFound,
    ReasonRequired,
    Refused,
    SerialNumberInStock,
    StockLimitExceeded,
    TrackingViolated,
)
from storekeeper_stockledger.domain.state import Stock
from storekeeper_stockledger.domain.stock import QUANTITY_LIMIT, UNIT_COST_LIMIT, VALUE_LIMIT
from tests.stockledger.domain.shelves import (
    DAY,
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
    usd,
)

SERIAL = item(Tracking.SERIAL)
SMALLEST_TIME = timedelta(microseconds=1)


def refusal_of(operation: AddStock, stock: Stock) -> Refused:
    with pytest.raises(Refused) as error:
        decide(operation, stock, new_id=9)
    return error.value


class TestWhatIsMade:
    def test_what_a_vendor_knows_is_kept_as_it_was_given(self) -> None:
        known = {"autotask": {"vendorID": 7}}
        (movement,) = decide(adding(1, extensions=known), stock_on(shelf()), new_id=9)
        assert movement.stocked_item.extensions == known

    def test_units_become_a_new_stocked_item_available_at_once(self) -> None:
        (movement,) = decide(
            adding(5, lot="L1", reference="PO 7"), stock_on(shelf(stocks=item(Tracking.LOT))), new_id=9
        )
        made = movement.stocked_item
        assert (made.stocked_item_id, made.position_id, made.item_id, made.location_id) == (
            9,
            POSITION_ID,
            ITEM_ID,
            LOCATION_ID,
        )
        assert counts(made.places.received, made.places.available, movement.quantity) == [5, 5, 5]
        assert (movement.kind, movement.reference, made.lot) == (Kind.ADDED, "PO 7", "L1")
        assert movement.totals.available == 5

    def test_a_position_is_named_by_its_id_or_by_item_and_location(self) -> None:
        for target in (PositionId(POSITION_ID), ItemAtLocation(ITEM_ID, LOCATION_ID)):
            (movement,) = decide(adding(target=target), stock_on(shelf()), new_id=9)
            assert movement.stocked_item.position_id == POSITION_ID

    def test_without_a_receive_time_units_come_now(self) -> None:
        (movement,) = decide(adding(), stock_on(shelf()), new_id=9)
        assert (movement.stocked_item.receive_time, movement.effective_time) == (NOW, NOW)

    def test_a_back_dated_addition_happened_when_its_units_came(self) -> None:
        (movement,) = decide(adding(receive_time=NOW - DAY), stock_on(shelf()), new_id=9)
        assert (movement.stocked_item.receive_time, movement.effective_time) == (NOW - DAY, NOW - DAY)

    def test_a_back_dated_addition_is_first_in_line_from_then_on(self) -> None:
        stock = stock_on(shelf(layer(1, 5, age=DAY)))
        assert drawn(carry_out(stock, removing(2))) == [(1, 2)]
        carry_out(stock, adding(4, receive_time=NOW - 2 * DAY), new_id=9)
        assert drawn(carry_out(stock, removing(6))) == [(9, 4), (1, 2)]

    def test_an_addition_between_two_layers_stands_between_them(self) -> None:
        stock = stock_on(shelf(layer(1, 1, age=3 * DAY), layer(2, 1, age=DAY)))
        carry_out(stock, adding(1, receive_time=NOW - 2 * DAY), new_id=9)
        assert drawn(carry_out(stock, removing(3))) == [(1, 1), (9, 1), (2, 1)]

    def test_a_back_dated_addition_changes_nothing_that_was_decided(self) -> None:
        stock = stock_on(shelf(layer(1, 5, age=DAY, unit_cost=2)))
        (before,) = carry_out(stock, removing(2))
        carry_out(stock, adding(4, receive_time=NOW - 2 * DAY, cost=usd(9)), new_id=9)
        assert stock.shelves[POSITION_ID][1] == before.stocked_item


class TestWhatItCosts:
    def test_a_given_cost_makes_an_amount(self) -> None:
        (movement,) = decide(adding(3, cost=usd("3.335")), stock_on(shelf()), new_id=9)
        assert (movement.stocked_item.unit_cost, movement.stocked_item.value) == (Decimal("3.335"), Decimal("10.00"))
        assert movement.amount == movement.stocked_item.value

    def test_without_a_cost_it_is_unknown(self) -> None:
        (movement,) = decide(adding(3), stock_on(shelf()), new_id=9)
        assert counts(movement.stocked_item.unit_cost, movement.stocked_item.value, movement.amount) == [
            None,
            None,
            None,
        ]

    def test_a_cost_of_zero_is_not_an_unknown_one(self) -> None:
        (movement,) = decide(adding(3, cost=usd(0)), stock_on(shelf()), new_id=9)
        assert counts(movement.stocked_item.unit_cost, movement.stocked_item.value) == [0, 0]

    def test_the_average_counts_what_was_added_and_removed_in_the_same_batch(self) -> None:
        costing = Costing(Decimal(2), Decimal(20), Decimal(10), (NOW - DAY, 1))
        stock = stock_on(shelf(layer(1, 2, unit_cost=10), costing=costing))
        carry_out(stock, adding(2, cost=usd(40)), new_id=8)
        carry_out(stock, removing(1))
        (movement,) = carry_out(stock, adding(1, cost=CostMethod.AVERAGE), new_id=9)
        assert movement.stocked_item.unit_cost == 30

    def test_the_last_received_cost_is_that_of_the_newest_units(self) -> None:
        stock = stock_on(shelf(costing=Costing(Decimal(2), Decimal(20), Decimal(10), (NOW - DAY, 1))))
        carry_out(stock, adding(2, cost=usd(40)), new_id=8)
        (movement,) = carry_out(stock, adding(1, cost=CostMethod.LAST_RECEIVED), new_id=9)
        assert movement.stocked_item.unit_cost == 40

    @pytest.mark.parametrize("method", CostMethod)
    def test_a_cost_that_nothing_tells_is_refused(self, method: CostMethod) -> None:
        refusal = refusal_of(adding(cost=method), stock_on(shelf(layer(1, 5))))
        assert isinstance(refusal, CostUnknown)
        assert refusal.position_id == POSITION_ID

    def test_a_cost_in_another_currency_is_refused(self) -> None:
        refusal = refusal_of(adding(cost=UnitCost("EUR", Decimal(1))), stock_on(shelf()))
        assert isinstance(refusal, CurrencyMismatch)
        assert refusal.currency_code == "USD"

    def test_amounts_are_in_the_minor_unit_of_the_tenants_currency(self) -> None:
        stock = stock_on(shelf(), settings=Settings(currency_code="JPY"))
        (movement,) = decide(adding(3, cost=UnitCost("JPY", Decimal("1.5"))), stock, new_id=9)
        assert str(movement.amount) == "4"


class TestTracking:
    @pytest.mark.parametrize(
        ("tracking", "operation"),
        [
            (Tracking.SERIAL, adding()),
            (Tracking.SERIAL, adding(2, serial_number="A1")),
            (Tracking.SERIAL, adding(serial_number="A1", lot="L1")),
            (Tracking.LOT, adding()),
            (Tracking.LOT, adding(lot="L1", serial_number="A1")),
            (Tracking.NONE, adding(lot="L1")),
            (Tracking.NONE, adding(serial_number="A1")),
        ],
    )
    def test_units_carry_what_their_item_demands_and_nothing_else(
        self, tracking: Tracking, operation: AddStock
    ) -> None:
        refusal = refusal_of(operation, stock_on(shelf(stocks=item(tracking))))
        assert isinstance(refusal, TrackingViolated)
        assert (refusal.item_id, refusal.tracking) == (ITEM_ID, tracking)

    @pytest.mark.parametrize(
        ("tracking", "operation"),
        [
            (Tracking.SERIAL, adding(serial_number="A1")),
            (Tracking.LOT, adding(7, lot="L1")),
            (Tracking.NONE, adding(7)),
        ],
    )
    def test_units_that_do_are_taken_in(self, tracking: Tracking, operation: AddStock) -> None:
        assert decide(operation, stock_on(shelf(stocks=item(tracking))), new_id=9)

    def test_a_serial_number_is_in_stock_once(self) -> None:
        stock = stock_on(shelf(layer(1, 1, serial_number="A1"), stocks=SERIAL))
        refusal = refusal_of(adding(serial_number="A1"), stock)
        assert isinstance(refusal, SerialNumberInStock)
        assert (refusal.serial_number, refusal.stocked_item_id) == ("A1", 1)

    def test_a_serial_number_is_in_stock_once_over_all_positions_of_its_item(self) -> None:
        stock = stock_on(
            shelf(stocks=SERIAL), shelf(layer(1, 1, serial_number="A1"), stocks=SERIAL, position_id=POSITION_ID + 1)
        )
        assert isinstance(refusal_of(adding(serial_number="A1"), stock), SerialNumberInStock)

    def test_two_additions_of_one_serial_number_in_a_batch_are_one_too_many(self) -> None:
        stock = stock_on(shelf(stocks=SERIAL))
        carry_out(stock, adding(serial_number="A1"), new_id=8)
        refusal = refusal_of(adding(serial_number="A1"), stock)
        assert isinstance(refusal, SerialNumberInStock)
        assert refusal.stocked_item_id == 8

    def test_a_unit_that_left_may_come_back_as_another_stocked_item(self) -> None:
        stock = stock_on(shelf(layer(1, 1, serial_number="A1"), stocks=SERIAL))
        carry_out(stock, removing(source=StockedItemId(1)))
        (movement,) = carry_out(stock, adding(serial_number="A1"), new_id=9)
        assert movement.stocked_item.stocked_item_id == 9
        assert stock.shelves[POSITION_ID][1].places.removed == 1

    def test_serial_numbers_differ_by_letter_case(self) -> None:
        stock = stock_on(shelf(layer(1, 1, serial_number="A1"), stocks=SERIAL))
        assert decide(adding(serial_number="a1"), stock, new_id=9)


class TestLimits:
    def test_no_position_holds_as_many_as_the_limit(self) -> None:
        stock = stock_on(shelf(layer(1, QUANTITY_LIMIT - 3, reserved=1)))
        refusal = refusal_of(adding(2), stock)
        assert isinstance(refusal, StockLimitExceeded)
        assert (refusal.position_id, refusal.limit) == (POSITION_ID, QUANTITY_LIMIT)
        assert decide(adding(1), stock, new_id=9)

    def test_the_limit_counts_what_the_batch_has_added(self) -> None:
        stock = stock_on(shelf())
        carry_out(stock, adding(QUANTITY_LIMIT - 1), new_id=8)
        assert isinstance(refusal_of(adding(1), stock), StockLimitExceeded)

    def test_no_stocked_item_is_worth_as_much_as_the_limit(self) -> None:
        stock = stock_on(shelf())
        refusal = refusal_of(adding(Decimal(10) ** 9, cost=usd(Decimal(10) ** 9)), stock)
        assert isinstance(refusal, StockLimitExceeded)
        assert refusal.limit == VALUE_LIMIT
        assert decide(adding(Decimal(10) ** 9 - 1, cost=usd(Decimal(10) ** 9)), stock, new_id=9)

    def test_no_unit_costs_as_much_as_the_limit_though_it_is_the_average(self) -> None:
        """A millionth of a unit at just below the limit is worth a million after rounding: on average, the limit."""
        costing = Costing(Decimal("0.000001"), Decimal(1_000_000), Decimal("999999999999.9999999999"), (NOW, 1))
        fine = stock_on(shelf(stocks=item(scale=6), costing=costing))
        refusal = refusal_of(adding("0.000001", cost=CostMethod.AVERAGE), fine)
        assert isinstance(refusal, StockLimitExceeded)
        assert refusal.limit == UNIT_COST_LIMIT

    def test_an_amount_that_reaches_the_limit_by_rounding_is_refused(self) -> None:
        just_below = usd(Decimal(10) ** 11 - Decimal("0.0000000001"))
        assert isinstance(refusal_of(adding(Decimal(10) ** 7, cost=just_below), stock_on(shelf())), StockLimitExceeded)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("target", "refusal"),
        [
            (PositionId(99), PositionNotFound),
            (ItemAtLocation(99, 99), ItemNotFound),
            (ItemAtLocation(ITEM_ID, 99), LocationNotFound),
        ],
    )
    def test_what_is_missing_is_told_as_exactly_as_it_is_known(
        self, target: ItemAtLocation | PositionId, refusal: type[Refused]
    ) -> None:
        assert isinstance(refusal_of(adding(target=target), stock_on(shelf())), refusal)

    def test_units_do_not_come_from_the_future(self) -> None:
        stock = stock_on(shelf())
        refusal = refusal_of(adding(receive_time=NOW + SMALLEST_TIME), stock)
        assert isinstance(refusal, BadField)
        assert refusal.field == "receive_time"
        assert decide(adding(receive_time=NOW), stock, new_id=9)

    def test_a_refusal_leaves_the_stock_as_it_was(self) -> None:
        stock = stock_on(shelf(layer(1, 1, serial_number="A1"), stocks=SERIAL))
        totals, numbers = stock.shelves[POSITION_ID].totals, dict(stock.serial_numbers)
        refusal_of(adding(serial_number="A1"), stock)
        assert (stock.shelves[POSITION_ID].totals, stock.serial_numbers) == (totals, numbers)
        assert stock.changes == Changes()

    def test_of_several_refusals_the_first_in_one_order_is_told(self) -> None:
        """Everything is wrong with the first addition; each that follows puts one thing right."""
        demanding = Settings(reason_required=True)
        full = layer(1, QUANTITY_LIMIT - 1000)
        inactive = stock_on(shelf(full, stocks=item(archived=True), location_active=False), settings=demanding)
        archived = stock_on(shelf(full, stocks=item(archived=True)), settings=demanding)
        active = stock_on(shelf(full), settings=demanding)
        dear = usd(Decimal(10) ** 11)
        attempts = [
            (adding("1000.5", target=PositionId(99)), active, PositionNotFound),
            (adding("1000.5"), inactive, LocationInactive),
            (adding("1000.5"), archived, ItemArchived),
            (adding("1000.5"), active, BadField),
            (adding(1000), active, ReasonRequired),
            (adding(1000, reason="found", lot="L1"), active, TrackingViolated),
            (adding(1000, reason="found", receive_time=NOW + DAY), active, BadField),
            (adding(1000, reason="found", cost=UnitCost("EUR", Decimal(1))), active, CurrencyMismatch),
            (adding(1000, reason="found", cost=CostMethod.AVERAGE), active, CostUnknown),
            (adding(1000, reason="found", cost=dear), active, StockLimitExceeded),
        ]
        for attempt, stock, refusal in attempts:
            assert isinstance(refusal_of(attempt, stock), refusal)
        assert decide(adding(999, reason="found", cost=dear), active, new_id=9)
