"""What the client sends without making messages is what it would send with them."""

from google.type.decimal_pb2 import Decimal

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.bench import wire
from tests.bench.wire import Stocked, item

STOCKED = Stocked(1, 2)


def test_a_change_is_a_request_with_a_request_id_of_its_own() -> None:
    request = wire.transfer(STOCKED, item(7))
    first, second = (pb.TransferStockRequest.FromString(request()) for _ in range(2))
    assert first.request_id != second.request_id
    first.request_id = ""
    assert first == pb.TransferStockRequest(
        source=pb.StockSource(item_at_location=pb.ItemAtLocation(item_id=7, location_id=1)),
        to_location_id=2,
        quantity=Decimal(value="3"),
    )


def test_each_reservation_is_for_another_demand() -> None:
    request = pb.ReserveStockRequest.FromString(wire.reservation(STOCKED, item(7))())
    assert request.demand == request.request_id


def test_many_changes_are_one_message() -> None:
    request = wire.changes(pb.BatchChangeStockRequest, "remove", wire.removal(STOCKED, item(300)), 500)
    changes = pb.BatchChangeStockRequest.FromString(request()).changes
    assert len({change.remove.request_id for change in changes}) == 500
    assert {change.remove.source.item_at_location.item_id for change in changes} == {300}


def test_an_instant_is_added_to_what_is_read() -> None:
    request = pb.GetPositionRequest.FromString(wire.earlier_position(STOCKED, item(7), 1)())
    assert request.item_at_location == STOCKED.at(7)
    assert request.as_of.movement_id == 1
