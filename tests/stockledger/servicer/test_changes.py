"""What each change of stock is answered with: its movements, the same for every repeat, and what only it has to say."""

from datetime import timedelta
from typing import Any, Final

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.stock import OLDEST, TIMEOUT_S, Stock, decimal, number, timestamp, units_of
from tests.stockledger.dump import Dump
from tests.stockledger.servicer.world import CHANGES, World

REPLAYED: Final = ("storekeeper-replayed", "true")
DAY: Final = Duration(seconds=86400)


@pytest.fixture(scope="module", autouse=True)
def held(world: World) -> None:
    """What each change needs is there."""
    world.hold()


def call_with_trailer(stock: Stock, method: str, request: Message) -> tuple[Any, bool]:
    """The answer, and whether its trailer says that it was recorded by an earlier request."""
    answer, call = getattr(stock.stub, method).with_call(request, metadata=stock.metadata, timeout=TIMEOUT_S)
    return answer, REPLAYED in call.trailing_metadata()


def movements_in(answer: Any) -> list[pb.Movement]:
    """The movements of any answer."""
    if hasattr(answer, "movements"):
        return list(answer.movements)
    return [answer.movement] if hasattr(answer, "movement") else []


# A position is closed only once, and then is there for nobody: last.
EACH: Final = [*(method for method in CHANGES if method != "ClosePosition"), "ClosePosition"]


@pytest.mark.parametrize("method", EACH)
def test_each_is_answered_with_what_was_recorded_and_so_is_every_repeat(world: World, dump: Dump, method: str) -> None:
    stock = world.stock
    request = world.request(method, f"request_id: '{stock.new_request_id()}' {CHANGES[method]}")
    if "validate_only" in request.DESCRIPTOR.fields_by_name:
        before = dump()
        request.validate_only = True
        previewed, _ = call_with_trailer(stock, method, request)
        assert {(one.movement_id, one.operation_id) for one in movements_in(previewed)} <= {(0, 0)}
        assert dump() == before
        request.validate_only = False
    first, replayed = call_with_trailer(stock, method, request)
    assert not replayed
    recorded = stock.movements(request_id=request.request_id)
    if method == "UpdateStockedItem":
        named = pb.GetStockedItemRequest(stocked_item_id=first.stocked_item_id)
        assert first == stock.call("GetStockedItem", named)
    else:
        assert movements_in(first) == recorded
    before = dump()
    for request_id in (request.request_id, request.request_id.upper()):
        request.request_id = request_id
        again, replayed = call_with_trailer(stock, method, request)
        assert replayed
        assert again.SerializeToString() == first.SerializeToString()
    assert dump() == before


class TestDemands:
    def test_a_reservation_says_when_it_expires_and_a_repeat_says_the_same(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        stock.add(position_id, 5)
        source = pb.StockSource(position_id=position_id)
        request = pb.ReserveStockRequest(
            request_id=stock.new_request_id(), demand="SO 1", source=source, quantity=decimal(3), expire_after=DAY
        )
        reserved = stock.call("ReserveStock", request)
        (movement,) = reserved.movements
        assert movement.demand == "SO 1"
        day = timedelta(days=1)
        assert reserved.expire_time.ToDatetime() == movement.effective_time.ToDatetime() + day
        (held_,) = stock.call("ListReservations", pb.ListReservationsRequest(demand="SO 1")).reservations
        assert held_.expire_time == reserved.expire_time
        assert stock.call("ReserveStock", request).expire_time == reserved.expire_time
        without = stock.change("ReserveStock", 1, demand="SO 1", source=source)
        assert not without.HasField("expire_time")

    def test_so_does_an_extension(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        stock.add(position_id, 5)
        stock.change("ReserveStock", 3, demand="SO 1", source=pb.StockSource(position_id=position_id))
        request = pb.ExtendReservationRequest(
            request_id=stock.new_request_id(), demand="SO 1", position_id=position_id, expire_after=DAY
        )
        extended = stock.call("ExtendReservation", request)
        (held_,) = stock.call("ListReservations", pb.ListReservationsRequest(demand="SO 1")).reservations
        assert held_.expire_time == extended.expire_time == stock.call("ExtendReservation", request).expire_time
        lasting = stock.change("ExtendReservation", demand="SO 1", position_id=position_id)
        assert not lasting.HasField("expire_time")

    def test_a_preview_of_a_reservation_has_no_expiry(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        stock.add(position_id, 5)
        fields: dict[str, Any] = {"demand": "SO 1", "source": pb.StockSource(position_id=position_id)}
        previewed = stock.change("ReserveStock", 3, expire_after=DAY, validate_only=True, **fields)
        assert not previewed.HasField("expire_time")

    def test_orders_expired_units_and_fewer_are_for_the_caller_to_say(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        expired = stock.add(position_id, 1, OLDEST, expire_time=timestamp(OLDEST)).stocked_item_id
        older, newer = (stock.add(position_id, 2).stocked_item_id for _ in range(2))

        def drawn(**fields: Any) -> list[int]:
            source = pb.StockSource(position_id=position_id, **fields)
            asked: dict[str, Any] = {"source": source, "allow_partial": True, "validate_only": True}
            return [one.stocked_item_id for one in stock.change("RemoveStock", 100, **asked).movements]

        assert drawn() == [older, newer]
        assert drawn(order=pb.STOCK_ORDER_NEWEST_FIRST) == [newer, older]
        assert drawn(include_expired=True) == [expired, older, newer]
        assert drawn(order=pb.STOCK_ORDER_FIRST_EXPIRED_FIRST, include_expired=True) == [expired, older, newer]
        named = stock.change("RemoveStock", 3, source=units_of(newer, older), validate_only=True)
        assert [one.stocked_item_id for one in named.movements] == [newer, older]


class TestCounts:
    @pytest.mark.parametrize(("counted", "difference"), [(2, "-3"), (5, "0"), (9, "4")])
    def test_the_difference_is_told(self, stock: Stock, counted: int, difference: str) -> None:
        (position_id,) = stock.positions()
        stock.add(position_id, 5)
        request = pb.CountStockRequest(
            request_id=stock.new_request_id(), position_id=position_id, counted=decimal(counted), reason="stocktake"
        )
        assert stock.call("CountStock", request).difference.value == difference
        assert stock.call("CountStock", request).difference.value == difference
        assert number(stock.totals(position_id).on_hand) == counted

    def test_the_time_of_the_count_may_be_told(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        then = stock.add(position_id, 5).record_time
        stock.add(position_id, 3)
        counted: dict[str, Any] = {"position_id": position_id, "counted": decimal(4), "reason": "stocktake"}
        answer = stock.change("CountStock", count_time=then, **counted)
        assert answer.difference.value == "-1"
        assert answer.movements[0].effective_time == then


class TestReceipts:
    def test_of_many_serial_numbers_all_stocked_items_are_told_and_the_first_thousand_movements(
        self, stock: Stock
    ) -> None:
        location_id = stock.location("Main")
        position_id = stock.position(stock.item(1, tracking=pb.TRACKING_SERIAL), location_id)
        brought: dict[str, Any] = {"order_line": "PO 1-1", "position_id": position_id}
        stock.change("ExpectStock", 1200, **brought)
        numbers = [f"A{serial}" for serial in range(1200)]
        cost = pb.UnitCost(currency_code="USD", value=decimal("0.125"))
        received = stock.change("ReceiveStock", serial_numbers=numbers, unit_cost=cost, **brought)
        assert len(received.movements) == 1000
        ids = list(received.stocked_item_ids)
        assert ids == list(range(ids[0], ids[0] + 1200))
        assert received.unit_cost == cost
        assert [one.stocked_item_id for one in received.movements] == ids[:1000]
        assert len(stock.movements(kind=pb.MOVEMENT_KIND_RECEIVED)) == 1200

    def test_a_preview_has_zeros_for_what_is_not_there_yet(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        brought: dict[str, Any] = {"order_line": "PO 1-1", "position_id": position_id}
        stock.change("ExpectStock", 5, **brought)
        previewed = stock.change("ReceiveStock", 5, validate_only=True, **brought)
        assert list(previewed.stocked_item_ids) == [0]
        assert previewed.movements[0].position_after.on_order.value == "0"

    def test_what_takes_one_back_names_it(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        brought: dict[str, Any] = {"order_line": "PO 1-1", "position_id": position_id}
        expected = stock.change("ExpectStock", 5, **brought).movement
        assert (expected.stocked_item_id, expected.HasField("stocked_item_after")) == (0, False)
        received = stock.change("ReceiveStock", 5, **brought).movements[0]
        source = pb.StockSource(position_id=position_id)
        taken, lowered = stock.change(
            "UnreceiveStock", 2, order_line="PO 1-1", source=source, lower_order=True
        ).movements
        assert (taken.reversed_movement_id, taken.stocked_item_id) == (received.movement_id, received.stocked_item_id)
        assert (lowered.kind, lowered.order_line) == (pb.MOVEMENT_KIND_EXPECTATION_CANCELLED, "PO 1-1")
        assert [taken.position_after.on_order.value, lowered.position_after.on_order.value] == ["2", "0"]


class TestUpdates:
    def test_the_stocked_item_is_told_as_it_is_then(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        stocked_item_id = stock.add(position_id, 4, unit_cost=1, extensions={"autotask": '{"a":1}'}).stocked_item_id
        known = pb.StockedItem(
            stocked_item_id=stocked_item_id,
            unit_cost=pb.UnitCost(currency_code="USD", value=decimal("2.5")),
            expire_time=timestamp(OLDEST),
            extensions={"saasu": "{}"},
        )
        paths = ["unit_cost", "expire_time", "extensions.saasu"]
        updated = stock.change("UpdateStockedItem", stocked_item=known, update_mask={"paths": paths})
        assert (updated.unit_cost, updated.expire_time) == (known.unit_cost, known.expire_time)
        assert (updated.value.units, dict(updated.extensions)) == (10, {"autotask": '{"a":1}', "saasu": "{}"})
        assert updated == stock.stocked_items(position_id)[0]
        bare = pb.StockedItem(stocked_item_id=stocked_item_id)
        updated = stock.change("UpdateStockedItem", stocked_item=bare, update_mask={"paths": ["expire_time"]})
        assert not updated.HasField("expire_time")
        assert updated.HasField("unit_cost")
