"""BatchChangeStock: all of the changes or none, or each for itself, over a real server."""

from typing import Any, Final
from uuid import UUID

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.refusals import InvalidRequest, Violation, refusal_for, status_of
from storekeeper_kit.server import MESSAGE_BYTES_MAX
from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.servicer import bulk
from tests.harness.stock import Stock, adding, caller, decimal, removing
from tests.stockledger.dump import Dump
from tests.stockledger.servicer.refusing import bad_fields
from tests.stockledger.tenant import Tenant
from tests.stockledger.verbs import adding as stocking

MANY: Final = 1000


def addition(stock: Stock, position_id: int, quantity: int, **fields: Any) -> pb.StockChange:
    return pb.StockChange(add=adding(stock.new_request_id(), position_id, quantity, **fields))


def removal(stock: Stock, position_id: int, quantity: int | str) -> pb.StockChange:
    return pb.StockChange(remove=removing(stock.new_request_id(), quantity, position_id=position_id))


def batch(stock: Stock, *changes: pb.StockChange, **fields: Any) -> list[pb.StockChangeResult]:
    """What becomes of changes in one message."""
    return list(stock.call("BatchChangeStock", pb.BatchChangeStockRequest(changes=changes, **fields)).results)


def reason(status: Status) -> str:
    """Why one of them was refused."""
    info = ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    return info.reason


class TestEachForItself:
    def test_each_has_its_result_in_its_place(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        changes = [
            addition(stock, position_id, 5),
            removal(stock, position_id, 6),
            removal(stock, position_id, "0.5"),
            removal(stock, position_id, "abc"),
            pb.StockChange(),
            pb.StockChange(add=adding(stock.new_request_id(), position_id, 5, validate_only=True)),
            removal(stock, position_id, 2),
        ]
        results = batch(stock, *changes)
        assert [result.request_id for result in results] == [bulk.request_id_of(change) for change in changes]
        told = [reason(one.refusal) if one.HasField("refusal") else len(one.movements) for one in results]
        assert told == [1, "INSUFFICIENT_STOCK", *["INVALID_REQUEST"] * 4, 1]
        assert stock.available(position_id) == 3

    def test_a_refusal_is_that_of_the_call_by_itself(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        for change in (removal(stock, position_id, 6), removal(stock, position_id, "abc")):
            (result,) = batch(stock, change)
            alone = stock.refusal("RemoveStock", change.remove)
            assert StatusCode.OK.value[0] != result.refusal.code == alone.code.value[0]
            assert result.refusal.message == alone.message
            told = BadRequest()
            for detail in result.refusal.details:
                detail.Unpack(told)
            assert [one.field for one in told.field_violations] == [one.field for one in alone.violations]

    def test_every_kind_of_change_may_be_among_them(self, stock: Stock) -> None:
        first, second = stock.positions(2)
        elsewhere = stock.location("Elsewhere")
        cost = pb.UnitCost(currency_code="USD", value=decimal(3))
        here = pb.StockSource(position_id=first)
        one = decimal(1)
        demanded: dict[str, Any] = {"demand": "SO 1", "source": here, "quantity": one}
        ordered: dict[str, Any] = {"order_line": "PO 1", "position_id": first, "quantity": one}
        asked: list[tuple[str, Any, dict[str, Any]]] = [
            ("add", pb.AddStockRequest, {"position_id": first, "quantity": decimal(50), "unit_cost": cost}),
            ("remove", pb.RemoveStockRequest, {"source": here, "quantity": one}),
            ("reserve", pb.ReserveStockRequest, demanded),
            ("extend_reservation", pb.ExtendReservationRequest, {"demand": "SO 1", "position_id": first}),
            ("release", pb.ReleaseStockRequest, demanded),
            ("pick", pb.PickStockRequest, demanded),
            ("unpick", pb.UnpickStockRequest, {**demanded, "keep_reserved": True}),
            ("pick", pb.PickStockRequest, demanded),
            ("deliver", pb.DeliverStockRequest, demanded),
            ("return_stock", pb.ReturnStockRequest, demanded),
            ("transfer", pb.TransferStockRequest, {"source": here, "to_location_id": elsewhere, "quantity": one}),
            ("count", pb.CountStockRequest, {"position_id": second, "counted": one, "reason": "stocktake"}),
            (
                "assemble",
                pb.AssembleStockRequest,
                {"components": [pb.Component(source=here, quantity=one)], "position_id": second, "quantity": one},
            ),
            (
                "disassemble",
                pb.DisassembleStockRequest,
                {"source": here, "quantity": one, "parts": [pb.Part(position_id=second, quantity=one)]},
            ),
            ("expect", pb.ExpectStockRequest, {**ordered, "quantity": decimal(2)}),
            ("receive", pb.ReceiveStockRequest, ordered),
            ("cancel_expected", pb.CancelExpectedStockRequest, ordered),
            ("close_position", pb.ClosePositionRequest, {"position_id": second}),
        ]
        changes = [
            pb.StockChange(**{name: request(request_id=stock.new_request_id(), **fields)})
            for name, request, fields in asked
        ]
        assert [one.refusal.message for one in batch(stock, *changes)] == [""] * len(asked)
        added = stock.movements()[0].stocked_item_id
        last = [
            pb.StockChange(
                unreceive=pb.UnreceiveStockRequest(
                    request_id=stock.new_request_id(), order_line="PO 1", source=here, quantity=one
                )
            ),
            pb.StockChange(
                update_stocked_item=pb.UpdateStockedItemRequest(
                    request_id=stock.new_request_id(),
                    stocked_item=pb.StockedItem(stocked_item_id=added, unit_cost=cost),
                    update_mask=FieldMask(paths=["unit_cost"]),
                )
            ),
        ]
        assert [one.refusal.message for one in batch(stock, *last)] == ["", ""]
        kinds = {field.name for field in pb.StockChange.DESCRIPTOR.oneofs_by_name["kind"].fields}
        assert {str(change.WhichOneof("kind")) for change in (*changes, *last)} == kinds

    def test_repeats_of_the_message_of_parts_and_of_single_changes_are_told_as_such(
        self, stock: Stock, dump: Dump
    ) -> None:
        (position_id,) = stock.positions()
        changes = [addition(stock, position_id, units, unit_cost=2) for units in (1, 2, 3)]
        first = batch(stock, *changes)
        before = dump()
        for again in (changes, changes[1:]):
            results = batch(stock, *again)
            assert all(result.replayed for result in results)
            assert [one.movements for one in results] == [one.movements for one in first[-len(again) :]]
        assert stock.call("AddStock", changes[0].add).movement == first[0].movements[0]
        assert dump() == before

    def test_a_thousand_fit_into_one_message(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        results = batch(stock, *(addition(stock, position_id, 1) for _ in range(MANY)))
        assert sum(len(result.movements) for result in results) == MANY
        assert stock.available(position_id) == MANY

    def test_costs_are_left_out_for_those_who_may_not_see_them(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        change = addition(stock, position_id, 1, unit_cost=7)
        (seen,) = batch(stock, change)
        stock.metadata = caller(stock.tenant_id, "clerk", ["stock.write"])
        (unseen,) = batch(stock, change)
        assert [one.movements[0].HasField("amount") for one in (seen, unseen)] == [True, False]
        (written,) = batch(stock, addition(stock, position_id, 1, unit_cost=7))
        stock.metadata = caller(stock.tenant_id)
        assert not stock.movements()[-1].HasField("amount")
        assert not written.HasField("refusal")


class TestAllOrNone:
    @pytest.mark.parametrize("number", [0, 2])
    def test_the_first_refusal_is_that_of_the_call_and_nothing_is_left(
        self, stock: Stock, dump: Dump, number: int
    ) -> None:
        (position_id,) = stock.positions()
        stock.add(position_id, 5)
        changes = [addition(stock, position_id, 1) for _ in range(3)]
        changes.insert(number, removal(stock, position_id, 100))
        changes.append(removal(stock, position_id, 1000))
        before = dump()
        failure = stock.refusal("BatchChangeStock", pb.BatchChangeStockRequest(changes=changes, all_or_none=True))
        assert (failure.code, failure.reason) == (StatusCode.FAILED_PRECONDITION, "INSUFFICIENT_STOCK")
        assert failure.metadata == {
            "requestedQuantity": "100",
            "availableQuantity": str(5 + number),
            "positionId": str(position_id),
            "changeIndex": str(number),
        }
        assert dump() == before
        del changes[number], changes[-1]
        results = batch(stock, *changes, all_or_none=True)
        assert [result.replayed for result in results] == [False] * 3

    def test_bad_fields_of_all_of_them_are_told_at_once_and_nothing_is_asked(self, stock: Stock, dump: Dump) -> None:
        (position_id,) = stock.positions()
        before = dump()
        changes = [addition(stock, position_id, 1), removal(stock, 0, "abc"), pb.StockChange()]
        failure = stock.refusal("BatchChangeStock", pb.BatchChangeStockRequest(changes=changes, all_or_none=True))
        fields = bad_fields(failure)
        assert fields == ["changes[1].remove.source.position_id", "changes[1].remove.quantity", "changes[2]"]
        assert dump() == before

    def test_a_repeat_is_answered_as_the_first_was(self, stock: Stock, dump: Dump) -> None:
        (position_id,) = stock.positions()
        changes = [addition(stock, position_id, 5), removal(stock, position_id, 2)]
        first = batch(stock, *changes, all_or_none=True)
        before = dump()
        again = batch(stock, *changes, all_or_none=True)
        assert [one.movements for one in again] == [one.movements for one in first]
        assert [one.replayed for one in (*first, *again)] == [False, False, True, True]
        assert dump() == before


def test_an_answer_that_would_be_too_long_leaves_movements_out_and_says_so(tenant: Tenant) -> None:
    (position_id,) = tenant.positions()
    recorded = [tenant.carry_out(stocking(position_id, 1, reason="x" * 100)) for _ in range(3)]
    whole = written(recorded)
    assert not any(one.movements_omitted for one in whole)
    told = written(recorded, bytes_max=sum(one.ByteSize() for one in whole) - 1)
    assert [len(one.movements) for one in told] == [1, 1, 0]
    assert [one.movements_omitted for one in told] == [False, False, True]


def test_refusals_that_would_be_too_long_keep_their_reasons() -> None:
    response = pb.BatchChangeStockResponse()
    results = bulk.Results(response, with_cost=True, bytes_max=bulk.RESULTS_BYTES_MAX)
    bad = InvalidRequest([Violation(f"components[{number}].source", "x" * 200) for number in range(100)])
    refusal = status_of(refusal_for(bad, {}))  # type: ignore[arg-type]
    for _ in range(MANY):
        results.refused("y" * 4000, refusal)
    assert response.results[0].refusal == refusal
    assert {reason(one.refusal) for one in response.results} == {"INVALID_REQUEST"}
    assert {one.refusal.code for one in response.results} == {refusal.code}
    assert response.ByteSize() < MESSAGE_BYTES_MAX


def written(recorded: list[Recorded], *, bytes_max: int = bulk.RESULTS_BYTES_MAX) -> list[pb.StockChangeResult]:
    """The results of changes, as they are answered."""
    response = pb.BatchChangeStockResponse()
    results = bulk.Results(response, with_cost=True, bytes_max=bytes_max)
    for one in recorded:
        results.accepted(str(UUID(int=7)), one)
    return list(response.results)
