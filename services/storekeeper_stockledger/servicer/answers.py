"""How each change of stock is answered, from what was recorded, to a caller who may see costs or not."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from google.protobuf.timestamp_pb2 import Timestamp

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import COSTS_VIEW, Caller

from ..batch import Recorded
from ..domain.draws import DRAWS_MAX
from ..domain.numbers import plain
from ..domain.places import ZERO, Kind
from . import writing
from .operations.for_demand import interval

Response = TypeVar("Response")
Write = Callable[[Recorded, Any, Caller], Response]
"""Writes the answer to a request."""


def movements(response: Callable[..., Response]) -> Write[Response]:
    """Most are answered with all of their movements."""
    return lambda recorded, _, caller: _with_movements(response(), recorded, caller)


def movement(response: Callable[..., Response]) -> Write[Response]:
    """Some have exactly one."""
    return lambda recorded, _, caller: response(movement=_only(recorded, caller))


def added(recorded: Recorded, _: object, caller: Caller) -> pb.AddStockResponse:
    """What was added."""
    return writing.addition(recorded.movements[0], with_cost=caller.may(COSTS_VIEW))


def reserved(recorded: Recorded, request: pb.ReserveStockRequest, caller: Caller) -> pb.ReserveStockResponse:
    """What was reserved, and until when."""
    response = _with_movements(pb.ReserveStockResponse(), recorded, caller)
    if request.HasField("expire_after") and not request.validate_only:
        response.expire_time.CopyFrom(_expire_time(recorded, request))
    return response


def extended(recorded: Recorded, request: pb.ExtendReservationRequest, _: Caller) -> pb.ExtendReservationResponse:
    """Until when the reservation lasts by now."""
    response = pb.ExtendReservationResponse()
    if request.HasField("expire_after"):
        response.expire_time.CopyFrom(_expire_time(recorded, request))
    return response


def counted(recorded: Recorded, _: object, caller: Caller) -> pb.CountStockResponse:
    """What was too much or too little on the books."""
    signs = {Kind.COUNTED_IN: 1, Kind.COUNTED_OUT: -1}
    difference = sum((signs[one.kind] * one.quantity for one in recorded.movements), ZERO)
    response = _with_movements(pb.CountStockResponse(), recorded, caller)
    response.difference.value = plain(difference)
    return response


def received(recorded: Recorded, _: object, caller: Caller) -> pb.ReceiveStockResponse:
    """What was received; of many units with serial numbers not all movements, but all stocked items."""
    response = pb.ReceiveStockResponse(stocked_item_ids=[one.stocked_item_id or 0 for one in recorded.movements])
    _with_movements(response, recorded, caller, DRAWS_MAX)
    first = recorded.movements[0]
    if caller.may(COSTS_VIEW) and first.unit_cost is not None:
        writing.fill_unit_cost(response.unit_cost, first.unit_cost, first.currency_code)
    return response


def _with_movements(response: Response, recorded: Recorded, caller: Caller, maximum: int | None = None) -> Response:
    """The response with its movements, each written in its place: copied there it would take half as long again."""
    with_cost, add = caller.may(COSTS_VIEW), cast("Any", response).movements.add
    for one in recorded.movements[:maximum]:
        writing.movement(one, with_cost=with_cost, make=add)
    return response


def _only(recorded: Recorded, caller: Caller) -> pb.Movement:
    [one] = recorded.movements
    return writing.movement(one, with_cost=caller.may(COSTS_VIEW))


def _expire_time(recorded: Recorded, request: pb.ReserveStockRequest | pb.ExtendReservationRequest) -> Timestamp:
    return writing.time(recorded.effective_time + interval(request.expire_after))
