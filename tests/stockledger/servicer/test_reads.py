"""What is read over a real server: as it is, as it was, who has it, what is to come, and what it is worth."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from storekeeper.query.v1.filter_pb2 import OPERATOR_EQUAL, Condition, Filter, Value
from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.stock import OLDEST, Stock, decimal
from tests.stockledger.servicer.refusing import bad_fields
from tests.stockledger.servicer.test_lists import rows
from tests.stockledger.servicer.world import World


class TestAsOf:
    @pytest.fixture
    def moved(self, stock: Stock) -> tuple[int, list[pb.Movement]]:
        """A position that held 5, then 7, and then 4."""
        (position_id,) = stock.positions()
        movements = [stock.add(position_id, 5), stock.add(position_id, 2), *stock.remove(3, position_id=position_id)]
        return position_id, movements

    def test_a_position_is_told_as_it_was(self, stock: Stock, moved: tuple[int, list[pb.Movement]]) -> None:
        position_id, movements = moved
        for movement in movements:
            for as_of in (
                pb.AsOf(movement_id=movement.movement_id),
                pb.AsOf(record_time=movement.record_time),
            ):
                request = pb.GetPositionRequest(position_id=position_id, as_of=as_of)
                assert stock.call("GetPosition", request).totals == movement.position_after
                listed = stock.call("ListPositions", pb.ListPositionsRequest(as_of=as_of)).positions
                assert [one.totals for one in listed] == [movement.position_after]

    def test_all_else_is_told_as_it_is(self, stock: Stock, moved: tuple[int, list[pb.Movement]]) -> None:
        position_id, _ = moved
        now = stock.position_named(position_id)
        then = stock.call("GetPosition", pb.GetPositionRequest(position_id=position_id, as_of=pb.AsOf(movement_id=1)))
        then.totals.CopyFrom(now.totals)
        assert then == now

    def test_a_filter_is_about_what_was(self, stock: Stock, moved: tuple[int, list[pb.Movement]]) -> None:
        held_seven = Condition(field="totals.on_hand", operator=OPERATOR_EQUAL, values=[Value(integer=7)])
        for movement, found in zip(moved[1], (0, 1, 0), strict=True):
            request = pb.ListPositionsRequest(
                as_of=pb.AsOf(movement_id=movement.movement_id),
                filter=Filter(condition=held_seven),
                with_total_size=True,
            )
            answer = stock.call("ListPositions", request)
            assert (len(answer.positions), answer.total_size) == (found, found)

    def test_a_token_is_good_for_its_instant_only(self, stock: Stock) -> None:
        for position_id in stock.positions(2):
            stock.add(position_id, 1)
        request = pb.ListPositionsRequest(page_size=1, as_of=pb.AsOf(movement_id=2))
        request.page_token = stock.call("ListPositions", request).next_page_token
        assert len(stock.call("ListPositions", request).positions) == 1
        request.as_of.movement_id = 1
        assert bad_fields(stock.refusal("ListPositions", request)) == ["page_token"]
        request.ClearField("as_of")
        assert bad_fields(stock.refusal("ListPositions", request)) == ["page_token"]


def test_a_stocked_item_tells_where_it_came_from_and_when_it_expires(stock: Stock) -> None:
    (position_id,) = stock.positions()
    second = stock.location("Second")
    expected = pb.ExpectStockRequest(
        request_id=stock.new_request_id(), order_line="PO 1-1", position_id=position_id, quantity=decimal(5)
    )
    stock.call("ExpectStock", expected)
    expiry = Timestamp(seconds=4102444800)
    received = pb.ReceiveStockRequest(
        request_id=stock.new_request_id(), order_line="PO 1-1", position_id=position_id, quantity=decimal(5),
        invoice_number="INV 7", expire_time=expiry,
    )  # fmt: skip
    (parent_id,) = stock.call("ReceiveStock", received).stocked_item_ids
    transferred = pb.TransferStockRequest(
        request_id=stock.new_request_id(), source=pb.StockSource(position_id=position_id), to_location_id=second,
        quantity=decimal(2),
    )  # fmt: skip
    child_id = stock.call("TransferStock", transferred).movements[1].stocked_item_id
    parent, child = (
        stock.call("GetStockedItem", pb.GetStockedItemRequest(stocked_item_id=one)) for one in (parent_id, child_id)
    )
    for one in (parent, child):
        assert one.expire_time == expiry
        assert one.invoice_number == "INV 7"
    assert (parent.order_line, parent.parent_stocked_item_id) == ("PO 1-1", 0)
    assert (child.order_line, child.parent_stocked_item_id) == ("", parent_id)
    assert stock.stocked_items(position_id) == [parent]
    assert stock.stocked_items(child.position_id) == [child]


def test_a_reservation_and_an_expectation_say_all_that_is_known(world: World) -> None:
    (reservation, *_) = rows(world, "ListReservations")
    assert reservation.HasField("expire_time")
    reservation.ClearField("expire_time")
    assert reservation == pb.Reservation(
        demand="SO 1",
        stocked_item_id=reservation.stocked_item_id,
        position_id=world.lot,
        item_id=4,
        location_id=world.main,
        reserved=decimal(1),
        picked=decimal(0),
        delivered=decimal(0),
    )
    (expectation, *_) = rows(world, "ListExpectations")
    assert expectation == pb.Expectation(
        order_line="PO 1",
        position_id=world.lot,
        item_id=4,
        location_id=world.main,
        on_order=decimal(1),
        received=decimal(0),
    )


class TestValuations:
    @pytest.fixture
    def stocked(self, stock: Stock) -> list[int]:
        """Three positions, worth 2.50, 5.00 and 7.50, with one unit of unknown cost at the last."""
        positions = stock.positions(3)
        for units, position_id in enumerate(positions, start=1):
            stock.add(position_id, units, OLDEST, unit_cost="2.50")
        stock.add(positions[-1], 1)
        return positions

    def value(self, stock: Stock, **asked: Any) -> pb.GetValuationResponse:
        request = pb.GetValuationRequest(method=pb.VALUATION_METHOD_FIFO, **asked)
        answer: pb.GetValuationResponse = stock.call("GetValuation", request)
        return answer

    def test_tell_what_each_position_is_worth(self, stock: Stock, stocked: list[int]) -> None:
        answer = self.value(stock, with_total=True)
        assert [one.position_id for one in answer.valuations] == stocked
        last = answer.valuations[-1]
        assert (last.item_id, last.location_id) == (3, stock.movements()[-1].location_id)
        assert (last.on_hand.value, last.unknown.value) == ("4", "1")
        assert (last.value.units, last.value.nanos, last.value.currency_code) == (7, 500_000_000, "USD")
        assert (answer.total.units, answer.total.nanos) == (15, 0)
        assert (answer.movement_id, answer.next_page_token) == (4, "")

    def test_a_total_is_only_there_when_it_was_asked_for(self, stock: Stock, stocked: list[int]) -> None:
        assert not self.value(stock).HasField("total")

    def test_come_page_by_page_and_a_token_is_good_for_its_query_only(self, stock: Stock, stocked: list[int]) -> None:
        found, token = [], ""
        while True:
            answer = self.value(stock, page_size=1, page_token=token, with_total=True)
            found += [one.position_id for one in answer.valuations]
            assert answer.total.units == 15
            if not answer.next_page_token:
                break
            token = answer.next_page_token
        assert found == stocked
        others: list[dict[str, Any]] = [{"with_total": False}, {"method": pb.VALUATION_METHOD_LIFO}, {"item_id": 1}]
        for other in others:
            query: dict[str, Any] = {"method": pb.VALUATION_METHOD_FIFO, "with_total": True, **other}
            request = pb.GetValuationRequest(page_token=token, **query)
            assert bad_fields(stock.refusal("GetValuation", request)) == ["page_token"]

    def test_of_an_instant_are_of_what_was_there_then(self, stock: Stock, stocked: list[int]) -> None:
        stock.remove(1, position_id=stocked[0])
        assert [one.position_id for one in self.value(stock).valuations] == stocked[1:]
        answer = self.value(stock, as_of=pb.AsOf(movement_id=1))
        assert ([one.position_id for one in answer.valuations], answer.movement_id) == (stocked[:1], 1)


def test_what_is_forgotten_is_not_known_until_it_is_registered_again(stock: Stock) -> None:
    stock.item(1)
    location_id = stock.location("Main")
    request = pb.UnregisterItemRequest(item_id=1, validate_only=True)
    stock.call("UnregisterItem", request)
    stock.position(1, location_id)
    stock.item(2)
    request = pb.UnregisterItemRequest(item_id=2)
    for _ in range(2):
        stock.call("UnregisterItem", request)
        position = pb.Position(item_id=2, location_id=location_id)
        opening = pb.OpenPositionRequest(request_id=stock.new_request_id(), position=position)
        assert stock.refusal("OpenPosition", opening).reason == "ITEM_NOT_FOUND"
    stock.item(2)
    stock.position(2, location_id)


def test_settings_are_read_as_they_were_changed(stock: Stock) -> None:
    assert stock.call("GetSettings", pb.GetSettingsRequest()) == pb.Settings(currency_code="USD", etag="1")
    settings = pb.Settings(invoice_number_required=True, inactive_location_removal_allowed=True)
    request = pb.UpdateSettingsRequest(settings=settings)
    request.update_mask.paths.extend(["invoice_number_required", "inactive_location_removal_allowed"])
    changed = stock.call("UpdateSettings", request)
    assert changed == stock.call("GetSettings", pb.GetSettingsRequest())
    assert changed == pb.Settings(
        currency_code="USD", invoice_number_required=True, inactive_location_removal_allowed=True, etag="2"
    )
