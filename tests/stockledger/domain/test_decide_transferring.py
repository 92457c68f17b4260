"""Deciding transfers: age and cost travel, units with serial numbers relocate, positions are opened."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.changes import Changes
from storekeeper_stockledger.domain.items import Settings, Tracking
from storekeeper_stockledger.domain.operations import ItemAtLocation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    BadField,
    InsufficientStock,
    ItemArchived,
    LocationInactive,
    LocationNotFound,
    SerialUnitRequired,
    StockLimitExceeded,
)
from storekeeper_stockledger.domain.shelf import NotLoaded
from storekeeper_stockledger.domain.state import Stock
from storekeeper_stockledger.domain.stock import QUANTITY_LIMIT, StockedItem
from tests.stockledger.domain.shelves import (
    DAY,
    ITEM_ID,
    LOCATION_ID,
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
)
from tests.stockledger.verbs import adding, transferring, units
from tests.stockledger.verbs import removing as removing_there

SERIAL = item(Tracking.SERIAL)
ELSEWHERE, THERE = LOCATION_ID + 1, POSITION_ID + 1
"""Another location, and the position there."""


def two_places(*layers: StockedItem, there: tuple[StockedItem, ...] = (), **fields: Any) -> Stock:
    """Stock here, and a position of the same item elsewhere."""
    settings = fields.pop("settings", None)
    target = {name: fields.pop(name) for name in ("location_active",) if name in fields}
    stocks = fields.get("stocks")
    elsewhere = shelf(*there, position_id=THERE, location_id=ELSEWHERE, stocks=stocks, **target)
    return stock_on(shelf(*layers, **fields), elsewhere, settings=settings)


class TestWhatTravels:
    def test_each_stocked_item_drawn_on_gets_a_child_as_old_and_at_the_same_cost(self) -> None:
        layers = [layer(1, 2, age=2 * DAY, unit_cost="1.5"), layer(2, 5, unit_cost=3)]
        stock = two_places(*layers)
        movements = carry_out(stock, transferring(POSITION_ID, ELSEWHERE, 3, reference="a van"), new_id=8)
        assert [(one.kind, one.quantity, one.amount) for one in movements] == [
            (Kind.TRANSFERRED_OUT, 2, 3),
            (Kind.TRANSFERRED_IN, 2, 3),
            (Kind.TRANSFERRED_OUT, 1, 3),
            (Kind.TRANSFERRED_IN, 1, 3),
        ]
        assert {(one.reference, one.effective_time) for one in movements} == {("a van", NOW)}
        children = [stock.shelves[THERE][number] for number in (8, 9)]
        for child, parent in zip(children, layers, strict=True):
            assert (child.parent_stocked_item_id, child.receive_time) == (parent.stocked_item_id, parent.receive_time)
            assert (child.unit_cost, child.position_id, child.location_id) == (parent.unit_cost, THERE, ELSEWHERE)
        assert counts(movements[2].totals.on_hand, movements[3].totals.on_hand) == [4, 3]
        assert counts(stock.shelves[POSITION_ID][1].places.transferred) == [2]

    def test_what_is_known_of_the_units_travels_but_not_the_order_line_that_brought_them(self) -> None:
        parent = layer(
            1,
            5,
            lot="L1",
            expire_time=NOW + DAY,
            invoice_number="INV 1",
            order_line="PO 1-1",
            extensions={"autotask": {"binID": 7}},
        )
        stock = two_places(parent, stocks=item(Tracking.LOT))
        _, movement = carry_out(stock, transferring(POSITION_ID, ELSEWHERE, 1))
        child = movement.stocked_item
        assert (child.lot, child.expire_time, child.invoice_number) == ("L1", NOW + DAY, "INV 1")
        assert (child.extensions, child.order_line, movement.unit_cost) == ({"autotask": {"binID": 7}}, "", None)

    def test_a_child_stands_in_line_by_its_age(self) -> None:
        stock = two_places(layer(1, 2, age=2 * DAY), there=(layer(2, 2, age=3 * DAY), layer(3, 2, age=DAY)))
        carry_out(stock, transferring(POSITION_ID, ELSEWHERE, 2), new_id=9)
        assert drawn(carry_out(stock, removing_there(THERE, 6))) == [(2, 2), (9, 2), (3, 2)]

    def test_a_child_of_a_child_names_its_own_parent(self) -> None:
        stock = two_places(layer(1, 5))
        carry_out(stock, transferring(POSITION_ID, ELSEWHERE, 3), new_id=8)
        carry_out(stock, transferring(THERE, LOCATION_ID, 1), new_id=9)
        assert stock.shelves[POSITION_ID][9].parent_stocked_item_id == 8

    def test_the_unit_cost_is_recorded_with_what_it_makes(self) -> None:
        out, into = decide(transferring(POSITION_ID, ELSEWHERE, 1), two_places(layer(1, 2, unit_cost="1.5")))
        assert (out.unit_cost, into.unit_cost) == (None, Decimal("1.5"))

    @given(st.lists(st.integers(1, 4), min_size=1, max_size=8))
    def test_every_cent_arrives_however_often_units_go_to_and_fro(self, quantities: list[int]) -> None:
        stock = two_places(layer(1, 4, unit_cost="0.8333333333", value="3.33"))
        places = {POSITION_ID: ELSEWHERE, THERE: LOCATION_ID}
        for number, quantity in enumerate(quantities):
            position_id = (POSITION_ID, THERE)[number % 2]
            try:
                carry_out(
                    stock,
                    transferring(position_id, places[position_id], quantity, allow_partial=True),
                    new_id=100 * (number + 1),
                )
            except InsufficientStock:
                continue
        items = [stock.shelves[position_id][one] for one, position_id in stock.homes.items()]
        assert sum(one.places.on_hand for one in items) == 4
        assert sum(one.value or 0 for one in items) == Decimal("3.33")
        assert sum(shelf.totals.on_hand for shelf in stock.shelves.values()) == 4


class TestSerialUnits:
    def test_a_unit_relocates_and_stays_the_stocked_item_that_it_is(self) -> None:
        unit = layer(1, 1, serial_number="A1", unit_cost=9, order_line="PO 1-1")
        stock = two_places(unit, stocks=SERIAL)
        out, into = carry_out(stock, transferring(units(1), ELSEWHERE))
        assert [(one.kind, one.position_id, one.amount) for one in (out, into)] == [
            (Kind.RELOCATED_OUT, POSITION_ID, 9),
            (Kind.RELOCATED_IN, THERE, 9),
        ]
        assert counts(out.stocked_item.places.received, into.stocked_item.places.received) == [0, 1]
        moved = stock.shelves[THERE][1]
        assert (moved.position_id, moved.location_id, moved.receive_time) == (THERE, ELSEWHERE, unit.receive_time)
        assert (moved.order_line, counts(moved.value, moved.parent_stocked_item_id)) == ("PO 1-1", [9, None])
        assert stock.homes == {1: THERE}
        assert stock.serial_numbers == {(ITEM_ID, "A1"): 1}

    def test_it_may_come_back_and_go_on_in_the_same_batch(self) -> None:
        stock = two_places(layer(1, 1, serial_number="A1"), stocks=SERIAL)
        carry_out(stock, transferring(units(1), ELSEWHERE))
        carry_out(stock, transferring(units(1), LOCATION_ID))
        assert drawn(carry_out(stock, removing(1, source=units(1)))) == [(1, 1)]

    def test_it_is_named(self) -> None:
        stock = two_places(layer(1, 1, serial_number="A1"), stocks=SERIAL)
        with pytest.raises(SerialUnitRequired):
            decide(transferring(POSITION_ID, ELSEWHERE), stock)

    def test_several_go_together(self) -> None:
        stock = two_places(*(layer(number, 1, serial_number=f"A{number}") for number in (1, 2, 3)), stocks=SERIAL)
        movements = carry_out(stock, transferring(units(3, 1), ELSEWHERE, 2))
        assert drawn(movements) == [(3, 1), (3, 1), (1, 1), (1, 1)]


class TestOpeningPositions:
    def blank(self, **fields: Any) -> Stock:
        """Stock here, and none elsewhere yet."""
        return stock_on(
            shelf(layer(1, 5), stocks=fields.get("stocks")),
            blank=[shelf(position_id=THERE, location_id=ELSEWHERE, **fields)],
        )

    def test_where_there_is_none_one_is_opened(self) -> None:
        stock = self.blank()
        carry_out(stock, transferring(POSITION_ID, ELSEWHERE, 3), new_id=9)
        pair = ItemAtLocation(ITEM_ID, ELSEWHERE)
        assert (stock.positions[pair], stock.changes.opened, stock.blank) == (THERE, {THERE: 1}, {})
        carry_out(stock, adding(pair, 1))
        assert counts(stock.shelves[THERE].totals.available) == [4]

    def test_a_refusal_opens_none(self) -> None:
        stock = self.blank()
        with pytest.raises(InsufficientStock):
            carry_out(stock, transferring(POSITION_ID, ELSEWHERE, 6))
        assert stock.changes == Changes()
        assert [*stock.blank] == [ItemAtLocation(ITEM_ID, ELSEWHERE)]

    def test_one_that_was_not_locked_for_it_is_asked_for_first(self) -> None:
        stock = stock_on(shelf(layer(1, 5)))
        stock.known_locations |= {ELSEWHERE}
        with pytest.raises(NotLoaded):
            decide(transferring(POSITION_ID, ELSEWHERE), stock)

    @pytest.mark.parametrize(
        ("target", "refusal"),
        [({"location_active": False}, LocationInactive), ({"stocks": item(archived=True)}, ItemArchived)],
    )
    def test_none_is_opened_where_nothing_may_come_in(self, target: Any, refusal: Any) -> None:
        with pytest.raises(refusal):
            decide(transferring(POSITION_ID, ELSEWHERE), self.blank(**target))


class TestWhatIsRefused:
    def test_a_transfer_to_where_the_units_are(self) -> None:
        with pytest.raises(BadField) as refusal:
            decide(transferring(POSITION_ID, LOCATION_ID), two_places(layer(1, 5)))
        assert refusal.value.field == "to_location_id"

    def test_a_location_that_is_not_there(self) -> None:
        with pytest.raises(LocationNotFound):
            decide(transferring(POSITION_ID, 99), two_places(layer(1, 5)))

    def test_units_leave_an_inactive_location_and_come_into_none(self) -> None:
        here = shelf(layer(1, 5), location_active=False)
        there = shelf(position_id=THERE, location_id=ELSEWHERE)
        stock = stock_on(here, there)
        assert len(carry_out(stock, transferring(POSITION_ID, ELSEWHERE))) == 2
        allowing = Settings(inactive_location_removal_allowed=True)
        with pytest.raises(LocationInactive) as refusal:
            decide(
                transferring(POSITION_ID, ELSEWHERE),
                two_places(layer(1, 5), location_active=False, settings=allowing),
            )
        assert refusal.value.location_id == ELSEWHERE

    def test_more_than_is_available_leaves_both_as_they_were(self) -> None:
        stock = two_places(layer(1, 2, reserved=3), layer(2, 1, expire_time=NOW))
        with pytest.raises(InsufficientStock) as refusal:
            carry_out(stock, transferring(POSITION_ID, ELSEWHERE, 3))
        assert counts(refusal.value.available) == [2]
        assert stock.changes == Changes()
        assert drawn(decide(transferring(POSITION_ID, ELSEWHERE, 3, allow_partial=True), stock))[0] == (1, 2)
        assert len(decide(transferring(POSITION_ID, ELSEWHERE, 3, include_expired=True), stock)) == 4

    def test_more_than_a_position_can_hold(self) -> None:
        stock = two_places(layer(1, 5), there=(layer(2, QUANTITY_LIMIT - 5),))
        with pytest.raises(StockLimitExceeded) as refusal:
            decide(transferring(POSITION_ID, ELSEWHERE, 5), stock)
        assert refusal.value.position_id == THERE
        assert decide(transferring(POSITION_ID, ELSEWHERE, 4), stock)

    def test_no_reason_is_asked_for(self) -> None:
        assert decide(
            transferring(POSITION_ID, ELSEWHERE), two_places(layer(1, 5), settings=Settings(reason_required=True))
        )
