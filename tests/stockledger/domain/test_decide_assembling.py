"""Deciding kits: components are consumed, a kit comes of them, and every cent of their cost goes along; and back."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.changes import Changes
from storekeeper_stockledger.domain.costs import split
from storekeeper_stockledger.domain.items import Settings, Tracking
from storekeeper_stockledger.domain.operations import ItemAtLocation, Operation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    BadField,
    InsufficientStock,
    ItemArchived,
    LocationInactive,
    PositionNotFound,
    ReasonRequired,
    Refused,
    SerialNumberInStock,
    SerialUnitRequired,
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
    StockedShelf,
    carry_out,
    counts,
    decide,
    drawn,
    item,
    layer,
    shelf,
    stock_on,
)
from tests.stockledger.verbs import (
    NEWEST_FIRST,
    assembling,
    component,
    disassembling,
    part,
    removing,
    units,
)

WHEELS, FRAMES, KITS = POSITION_ID, POSITION_ID + 1, POSITION_ID + 2


def wheels(*layers: Any, **fields: Any) -> StockedShelf:
    """Components that come in layers."""
    return shelf(*layers, **fields)


def frames(*layers: Any, **fields: Any) -> StockedShelf:
    """Other components."""
    return shelf(*layers, position_id=FRAMES, stocks=fields.pop("stocks", item(item_id=ITEM_ID + 1)), **fields)


def kits(*layers: Any, **fields: Any) -> StockedShelf:
    """What is made of them."""
    return shelf(*layers, position_id=KITS, stocks=fields.pop("stocks", item(item_id=ITEM_ID + 2)), **fields)


def workshop(**settings: Any) -> Stock:
    """Wheels at 2.50 and 3, frames at 10, no kits."""
    return stock_on(
        wheels(layer(1, 3, age=2 * DAY, unit_cost="2.50"), layer(2, 5, unit_cost=3)),
        frames(layer(3, 4, unit_cost=10)),
        kits(),
        settings=Settings(**settings),
    )


KIT = assembling(KITS, 2, [component(WHEELS, 4), component(FRAMES, 2)], reference="WO 7")


class TestAssembling:
    def test_components_go_oldest_first_and_the_kit_is_worth_what_they_were(self) -> None:
        stock = workshop()
        *consumed, produced = carry_out(stock, KIT, new_id=9)
        assert drawn(consumed) == [(1, 3), (2, 1), (3, 2)]
        assert {one.kind for one in consumed} == {Kind.CONSUMED}
        assert counts(*(one.amount for one in consumed)) == [Decimal("7.50"), 3, 20]
        kit = produced.stocked_item
        assert (produced.kind, kit.stocked_item_id, kit.receive_time) == (Kind.PRODUCED, 9, NOW)
        assert counts(produced.quantity, produced.amount, kit.value) == [2, Decimal("30.50"), Decimal("30.50")]
        assert counts(kit.unit_cost, produced.unit_cost) == [Decimal("15.25")] * 2
        assert {one.reference for one in (*consumed, produced)} == {"WO 7"}

    def test_a_unit_cost_that_has_no_end_loses_no_cent(self) -> None:
        stock = stock_on(wheels(layer(1, 1, unit_cost=10)), kits())
        carry_out(stock, assembling(KITS, 3, [component(WHEELS)]), new_id=9)
        assert stock.shelves[KITS][9].unit_cost == Decimal("3.3333333333")
        amounts = [carry_out(stock, removing(KITS))[0].amount for _ in range(3)]
        assert [str(amount) for amount in amounts] == ["3.33", "3.34", "3.33"]

    def test_of_a_component_of_unknown_cost_comes_a_kit_of_unknown_cost(self) -> None:
        stock = stock_on(wheels(layer(1, 4)), frames(layer(3, 2, unit_cost=10)), kits())
        *_, produced = carry_out(stock, KIT)
        assert (produced.amount, produced.stocked_item.unit_cost, produced.stocked_item.value) == (None, None, None)

    def test_components_of_one_position_see_what_the_ones_before_them_have_left(self) -> None:
        components = [component(WHEELS, 2), component(units(2), 1), component(WHEELS, 5)]
        movements = carry_out(workshop(), assembling(KITS, 1, components))
        assert drawn(movements)[:-1] == [(1, 2), (2, 1), (1, 1), (2, 4)]

    def test_components_asked_for_twice_are_there_once(self) -> None:
        with pytest.raises(InsufficientStock) as refusal:
            decide(assembling(KITS, 1, [component(WHEELS, 5), component(WHEELS, 5)]), workshop())
        assert counts(refusal.value.requested, refusal.value.available) == [5, 3]

    def test_each_component_says_for_itself_which_units(self) -> None:
        stock = stock_on(wheels(layer(1, 2, age=2 * DAY), layer(2, 2), layer(4, 1, expire_time=NOW)), kits())
        newest = assembling(KITS, 1, [component(WHEELS, 3, order=NEWEST_FIRST)])
        assert drawn(decide(newest, stock))[:-1] == [(2, 2), (1, 1)]
        expired = assembling(KITS, 1, [component(WHEELS, 5, include_expired=True)])
        assert len(decide(expired, stock)) == 4
        with pytest.raises(InsufficientStock):
            decide(assembling(KITS, 1, [component(WHEELS, 5)]), stock)

    def test_a_kit_may_be_made_of_its_own_kind(self) -> None:
        stock = stock_on(wheels(layer(1, 3, unit_cost=1)))
        *_, produced = carry_out(stock, assembling(WHEELS, 1, [component(WHEELS, 3)]), new_id=9)
        assert drawn(carry_out(stock, removing(WHEELS))) == [(9, 1)]
        assert counts(produced.totals.available) == [1]

    def test_it_may_have_a_serial_number_a_lot_and_an_expiry(self) -> None:
        serial = stock_on(wheels(layer(1, 3)), kits(stocks=item(Tracking.SERIAL, item_id=ITEM_ID + 2)))
        (_, produced) = carry_out(serial, assembling(KITS, 1, [component(WHEELS)], serial_number="K1"))
        assert produced.stocked_item.serial_number == "K1"
        with pytest.raises(SerialNumberInStock):
            decide(assembling(KITS, 1, [component(WHEELS)], serial_number="K1"), serial)
        lot = stock_on(wheels(layer(1, 3)), kits(stocks=item(Tracking.LOT, item_id=ITEM_ID + 2)))
        (_, produced) = carry_out(lot, assembling(KITS, 5, [component(WHEELS)], lot="L1", expire_time=NOW + DAY))
        assert (produced.stocked_item.lot, produced.stocked_item.expire_time) == ("L1", NOW + DAY)
        for demand in ({}, {"lot": "L1"}):
            with pytest.raises(TrackingViolated):
                decide(assembling(KITS, 1, [component(WHEELS)], **demand), serial)


TAKEN_APART = disassembling(KITS, 2, [part(WHEELS, 4), part(FRAMES, 2)], reference="WO 8")


class TestDisassembling:
    def with_kits(self, *layers: Any, **settings: Any) -> Stock:
        """Kits, and nothing else."""
        return stock_on(wheels(), frames(), kits(*layers), settings=Settings(**settings))

    def test_the_cost_is_divided_by_quantity_if_nobody_says_how(self) -> None:
        stock = self.with_kits(layer(1, 1, age=2 * DAY, unit_cost=10), layer(2, 1, unit_cost=11))
        movements = carry_out(stock, TAKEN_APART, new_id=8)
        assert [one.kind for one in movements] == [Kind.CONSUMED, Kind.CONSUMED, Kind.PRODUCED, Kind.PRODUCED]
        assert drawn(movements) == [(1, 1), (2, 1), (8, 4), (9, 2)]
        assert counts(*(one.amount for one in movements)) == [10, 11, 14, 7]
        assert counts(*(stock.shelves[one][number].unit_cost for one, number in ((WHEELS, 8), (FRAMES, 9)))) == [
            Decimal("3.5"),
            Decimal("3.5"),
        ]
        assert {one.reference for one in movements} == {"WO 8"}

    def test_or_by_the_shares_that_are_given(self) -> None:
        stock = self.with_kits(layer(1, 1, unit_cost=100))
        apart = disassembling(KITS, 1, [part(WHEELS, 1, share="0.5"), part(FRAMES, 9, share=2), part(KITS, 1, share=0)])
        *_, wheel, frame, rest = carry_out(stock, apart)
        assert counts(wheel.amount, frame.amount, rest.amount, rest.stocked_item.unit_cost) == [20, 80, 0, 0]

    def test_parts_of_a_kit_of_unknown_cost_are_of_unknown_cost(self) -> None:
        stock = self.with_kits(layer(1, 1, unit_cost=100), layer(2, 1))
        movements = decide(TAKEN_APART, stock)
        assert [one.amount for one in movements] == [100, None, None, None]

    def test_what_was_made_of_parts_falls_into_them_again_to_the_cent(self) -> None:
        stock = workshop()
        came = sum(one.value or 0 for one in (stock.shelves[WHEELS][1], stock.shelves[WHEELS][2]))
        carry_out(stock, assembling(KITS, 3, [component(WHEELS, 8)]), new_id=9)
        carry_out(stock, disassembling(KITS, 3, [part(WHEELS, 3), part(WHEELS, 3), part(WHEELS, 1)]), new_id=11)
        assert sum(stock.shelves[WHEELS][number].value or 0 for number in (11, 12, 13)) == came

    def test_parts_with_serial_numbers_come_one_by_one(self) -> None:
        serial = item(Tracking.SERIAL, item_id=ITEM_ID + 1)
        stock = stock_on(frames(stocks=serial), kits(layer(1, 2, unit_cost=5)))
        apart = disassembling(KITS, 1, [part(FRAMES, 1, serial_number=number) for number in ("F1", "F2")])
        assert [one.stocked_item.serial_number for one in carry_out(stock, apart)[1:]] == ["F1", "F2"]
        again = disassembling(KITS, 1, [part(FRAMES, 1, serial_number=number) for number in ("F3", "F3")])
        with pytest.raises(SerialNumberInStock):
            decide(again, stock)

    def test_a_part_may_go_where_the_kit_was(self) -> None:
        stock = self.with_kits(layer(1, 2, unit_cost=5))
        carry_out(stock, disassembling(KITS, 2, [part(KITS, 6)]), new_id=9)
        assert drawn(carry_out(stock, removing(KITS, 6))) == [(9, 6)]


@given(st.integers(0, 10**6), st.lists(st.integers(0, 1000), min_size=1, max_size=9).filter(any))
def test_a_divided_amount_has_no_rest_and_nobody_loses_more_than_a_cent(cents: int, weights: list[int]) -> None:
    value = Decimal(cents) / 100
    shares = split(value, [Decimal(weight) for weight in weights], "USD")
    assert sum(shares) == value
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - value * weight) < Decimal("0.01") * sum(weights)
        assert (share == 0) or weight


def test_a_rest_goes_to_those_who_lost_most_and_among_equals_to_the_first() -> None:
    thirds = split(Decimal("0.05"), [Decimal(1)] * 3, "USD")
    assert [str(share) for share in thirds] == ["0.02", "0.02", "0.01"]
    assert split(Decimal("0.10"), [Decimal("0.55"), Decimal("0.20"), Decimal("0.25")], "USD") == [
        Decimal("0.06"),
        Decimal("0.02"),
        Decimal("0.02"),
    ]
    assert split(Decimal(5), [Decimal(1), Decimal(1)], "JPY") == [3, 2]


REFUSED: list[tuple[Operation, dict[str, Any], type[Refused]]] = [
    (KIT, {"reason_required": True}, ReasonRequired),
    (TAKEN_APART, {"reason_required": True}, ReasonRequired),
    (assembling(99, 1, [component(WHEELS)]), {}, PositionNotFound),
    (assembling(ItemAtLocation(ITEM_ID, LOCATION_ID), "0.5", [component(WHEELS)]), {}, BadField),
    (assembling(KITS, 1, [component(WHEELS), component(99)]), {}, PositionNotFound),
    (assembling(KITS, 1, [component(FRAMES, 5)]), {}, InsufficientStock),
    (assembling(KITS, 1, [component(WHEELS)], lot="L1"), {}, TrackingViolated),
    (assembling(KITS, QUANTITY_LIMIT, [component(WHEELS)]), {}, StockLimitExceeded),
    (disassembling(WHEELS, 1, [part(KITS, 1), part(99, 1)]), {}, PositionNotFound),
    (disassembling(WHEELS, 9, [part(KITS, 1)]), {}, InsufficientStock),
    (disassembling(WHEELS, 1, [part(KITS, 1, serial_number="A1")]), {}, TrackingViolated),
]


@pytest.mark.parametrize(("operation", "settings", "refusal"), REFUSED)
def test_a_refused_kit_leaves_everything_as_it_was(
    operation: Operation, settings: dict[str, Any], refusal: type[Refused]
) -> None:
    stock = workshop(**settings)
    with pytest.raises(refusal):
        carry_out(stock, operation)
    assert stock.changes == Changes()


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        (assembling(KITS, "0.5", [component(WHEELS)]), "quantity"),
        (assembling(KITS, 1, [component(WHEELS), component(FRAMES, "0.5")]), "components[1].quantity"),
        (disassembling(KITS, "0.5", [part(WHEELS)]), "quantity"),
        (disassembling(WHEELS, 1, [part(FRAMES), part(KITS, "0.5")]), "parts[1].quantity"),
    ],
)
def test_a_fraction_of_a_unit_that_has_none_is_told_by_its_path(operation: Operation, field: str) -> None:
    with pytest.raises(BadField) as refusal:
        decide(operation, workshop())
    assert refusal.value.field == field


def test_nothing_is_made_of_what_is_at_an_inactive_location_nor_comes_into_one() -> None:
    inactive = {"location_active": False}
    with pytest.raises(LocationInactive):
        decide(KIT, stock_on(wheels(layer(1, 9), **inactive), frames(layer(3, 9)), kits()))
    with pytest.raises(LocationInactive):
        decide(KIT, stock_on(wheels(layer(1, 9)), frames(layer(3, 9)), kits(**inactive)))
    allowing = Settings(inactive_location_removal_allowed=True)
    assert decide(KIT, stock_on(wheels(layer(1, 9), **inactive), frames(layer(3, 9)), kits(), settings=allowing))


def test_no_archived_item_is_made() -> None:
    archived = kits(stocks=item(item_id=ITEM_ID + 2, archived=True))
    with pytest.raises(ItemArchived):
        decide(KIT, stock_on(wheels(layer(1, 9)), frames(layer(3, 9)), archived))


def test_components_with_serial_numbers_are_named() -> None:
    serial = wheels(layer(1, 1, serial_number="A1"), stocks=item(Tracking.SERIAL))
    with pytest.raises(SerialUnitRequired):
        decide(assembling(KITS, 1, [component(WHEELS)]), stock_on(serial, kits()))
    assert decide(assembling(KITS, 1, [component(units(1))]), stock_on(serial, kits()))


@pytest.mark.parametrize("limit", ["unit cost", "value"])
def test_no_kit_costs_more_than_can_be_recorded(limit: str) -> None:
    dear = UNIT_COST_LIMIT if limit == "unit cost" else VALUE_LIMIT / 2
    stock = stock_on(wheels(layer(1, 1, unit_cost=1, value=dear)), frames(layer(3, 1, unit_cost=1, value=dear)), kits())
    quantity = 2 if limit == "unit cost" else 10**7
    with pytest.raises(StockLimitExceeded):
        decide(assembling(KITS, quantity, [component(WHEELS), component(FRAMES)]), stock)
