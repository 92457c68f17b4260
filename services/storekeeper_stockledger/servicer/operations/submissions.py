"""Takes a request in: what it asks, under which id and in whose name; all its bad fields are reported at once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import COSTS_VIEW, Caller
from storekeeper_kit.reading import Reading

from ...domain.operations import OPERATION_KINDS, AddStock, Operation, ReceiveStock, Submission, fingerprint
from . import between_positions, by_hand, for_demand, for_order_line
from .particulars import Request

READERS: Final[dict[type, Callable[[Reading, Any, Caller], Operation]]] = {
    pb.AddStockRequest: by_hand.add,
    pb.RemoveStockRequest: by_hand.remove,
    pb.ClosePositionRequest: by_hand.close,
    pb.CountStockRequest: by_hand.count,
    pb.UpdateStockedItemRequest: by_hand.update,
    pb.ReserveStockRequest: for_demand.reserve,
    pb.ReleaseStockRequest: for_demand.release,
    pb.ExtendReservationRequest: for_demand.extend,
    pb.PickStockRequest: for_demand.pick,
    pb.UnpickStockRequest: for_demand.unpick,
    pb.DeliverStockRequest: for_demand.deliver,
    pb.ReturnStockRequest: for_demand.give_back,
    pb.TransferStockRequest: between_positions.transfer,
    pb.AssembleStockRequest: between_positions.assemble,
    pb.DisassembleStockRequest: between_positions.disassemble,
    pb.ExpectStockRequest: for_order_line.expect,
    pb.CancelExpectedStockRequest: for_order_line.cancel,
    pb.ReceiveStockRequest: for_order_line.receive,
    pb.UnreceiveStockRequest: for_order_line.unreceive,
}
"""How each request is read."""


def submission(request: Request, caller: Caller) -> Submission:
    """What is asked, under which request id and in whose name.

    A cost from a caller who may not see costs is read, and then ignored.
    """
    read = Reading()
    request_id = read.request_id("request_id", request.request_id)
    operation = READERS[type(request)](read, request, caller)
    read.finish()
    asked = fingerprint(OPERATION_KINDS[type(operation)], operation)
    ignores_cost = not caller.may(COSTS_VIEW)
    if ignores_cost and getattr(operation, "cost", None) is not None:
        assert isinstance(operation, AddStock | ReceiveStock), "no other has one"
        operation = replace(operation, cost=None)
    return Submission(
        request_id=request_id,
        fingerprint=asked,
        operation=operation,
        actor=caller.actor,
        validate_only=getattr(request, "validate_only", False),
        ignores_cost=ignores_cost,
    )
