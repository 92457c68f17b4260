"""Answers batches of calls, from the bytes of their requests to those of their responses: the worker's side.

Whole batches are read, carried out and written one after the other, which finds code and data in the processor's caches;
call by call, between all that a server does besides, each step costs about three times as much.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import takewhile
from typing import Any, Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import COSTS_VIEW, Caller
from storekeeper_kit.coalescer import Postponed
from storekeeper_kit.refusals import DeadlineExceeded

from ..batch import Asked, Recorded
from ..batch import Outcome as Decided
from ..domain.instants import PositionAsked
from ..domain.records import Position
from ..domain.stock import StockedItem
from . import answers, bulk, reading, writing
from .calls import Call, Outcome, Refused, Told, caller_of, refused, request_of, unless_refused
from .works import Each, Single, Together, Work

Apply = Callable[[int, Sequence[Asked], float], Sequence[Decided]]
ReadPositions = Callable[[int, Sequence[PositionAsked]], Sequence[Position | Exception]]
ReadStockedItems = Callable[[int, Sequence[int]], Sequence[StockedItem | Exception]]

WRITERS: Final[dict[str, answers.Write[Any]]] = {
    "AddStock": answers.added,
    "RemoveStock": answers.movements(pb.RemoveStockResponse),
    "ClosePosition": answers.movements(pb.ClosePositionResponse),
    "CountStock": answers.counted,
    "ReserveStock": answers.reserved,
    "ReleaseStock": answers.movements(pb.ReleaseStockResponse),
    "ExtendReservation": answers.extended,
    "PickStock": answers.movements(pb.PickStockResponse),
    "UnpickStock": answers.movements(pb.UnpickStockResponse),
    "DeliverStock": answers.movements(pb.DeliverStockResponse),
    "ReturnStock": answers.movements(pb.ReturnStockResponse),
    "TransferStock": answers.movements(pb.TransferStockResponse),
    "AssembleStock": answers.movements(pb.AssembleStockResponse),
    "DisassembleStock": answers.movements(pb.DisassembleStockResponse),
    "ExpectStock": answers.movement(pb.ExpectStockResponse),
    "CancelExpectedStock": answers.movement(pb.CancelExpectedStockResponse),
    "ReceiveStock": answers.received,
    "UnreceiveStock": answers.movements(pb.UnreceiveStockResponse),
}
"""How each call that makes one change is answered; but UpdateStockedItem, which is answered with what it has left."""

RESPONSES: Final[dict[str, type[Any]]] = {
    "BatchChangeStock": pb.BatchChangeStockResponse,
    "ChangeStock": pb.ChangeStockResponse,
}
"""What has the results of many changes."""


class Answering:
    """What a worker can be asked for."""

    def __init__(self, *, apply: Apply, positions: ReadPositions, stocked_items: ReadStockedItems) -> None:
        self._apply = apply
        self._read_positions = positions
        self._read_stocked_items = stocked_items

    def changes(self, tenant_id: int, calls: Sequence[Call], deadline: float) -> list[Outcome]:
        """Carry out what the calls ask for, in their order."""
        begun = [unless_refused(tenant_id, one, partial(self._begin, tenant_id, one, deadline)) for one in calls]
        self._carry_out(tenant_id, [work for work in begun if not isinstance(work, Refused)], deadline)
        return [
            work if isinstance(work, Refused) else None if work.waits else unless_refused(tenant_id, one, work.answer)
            for one, work in zip(calls, begun, strict=True)
        ]

    def positions(self, tenant_id: int, calls: Sequence[Call], _deadline: float) -> list[Outcome]:
        """Positions as they are or were."""
        return _read(
            tenant_id,
            calls,
            lambda one: reading.position_asked(pb.GetPositionRequest.FromString(one.request)),
            lambda asked: self._read_positions(tenant_id, asked),
            lambda found, _: writing.position(found),
        )

    def stocked_items(self, tenant_id: int, calls: Sequence[Call], _deadline: float) -> list[Outcome]:
        """Stocked items as they are."""
        return _read(
            tenant_id,
            calls,
            lambda one: reading.stocked_item_id(pb.GetStockedItemRequest.FromString(one.request)),
            lambda asked: self._read_stocked_items(tenant_id, asked),
            lambda found, one: writing.stocked_item(found, with_cost=one.sees_costs),
        )

    # --- changes ---

    def _begin(self, tenant_id: int, one: Call, deadline: float) -> Work:
        caller = caller_of(tenant_id, one)
        request = request_of(one)
        match one.method:
            case "BatchChangeStock" | "ChangeStock":
                results = bulk.Results(RESPONSES[one.method](), with_cost=one.sees_costs, bytes_max=one.bytes_max)
                if one.method == "BatchChangeStock" and request.all_or_none:
                    return Together(request.changes, caller, results)
                return Each(request.changes, caller, results, partial(refused, tenant_id=tenant_id, call=one))
            case "UpdateStockedItem":
                return Single(request, caller, self._updated)
            case _:
                return Single(request, caller, WRITERS[one.method])

    def _updated(self, _recorded: Recorded, request: pb.UpdateStockedItemRequest, caller: Caller) -> pb.StockedItem:
        """What an update has left: it may have moved nothing."""
        named = [request.stocked_item.stocked_item_id]
        [found] = self._read_stocked_items(caller.tenant_id, named)
        if isinstance(found, Exception):
            raise found
        return writing.stocked_item(found, with_cost=caller.may(COSTS_VIEW))

    def _carry_out(self, tenant_id: int, works: Iterable[Work], deadline: float) -> None:
        """Apply all that is asked, batch by batch; what rivals are in the way of waits for its turn, unless it has begun."""
        left = deque((work, asked) for work in works for asked in work.asked)
        while left:
            decided = self._apply(tenant_id, [asked for _, asked in left], deadline)
            done = list(takewhile(lambda one: not isinstance(one, Postponed), decided))
            for one in done:
                work, _ = left.popleft()
                work.take(one)
            if done or not left:
                continue
            if left[0][0].waits:
                return
            if time.monotonic() >= deadline:
                left[0][0].take(DeadlineExceeded())
                left.popleft()


# --- reads ---


def _read(
    tenant_id: int,
    calls: Sequence[Call],
    read: Callable[[Call], Any],
    find: Callable[[Sequence[Any]], Sequence[Any]],
    write: Callable[[Any, Call], Any],
) -> list[Outcome]:
    """Read the requests, find all that they ask for together, and write each answer."""

    def told(found: Any, one: Call) -> Told:
        if isinstance(found, Exception):
            raise found
        return Told(write(found, one).SerializeToString())

    readings = [unless_refused(tenant_id, one, partial(read, one)) for one in calls]
    found = iter(_found(find, [asked for asked in readings if not isinstance(asked, Refused)]))
    return [
        asked if isinstance(asked, Refused) else unless_refused(tenant_id, one, partial(told, next(found), one))
        for one, asked in zip(calls, readings, strict=True)
    ]


def _found(find: Callable[[Sequence[Any]], Sequence[Any]], asked: Sequence[Any]) -> Sequence[Any]:
    if not asked:
        return ()
    try:
        return find(asked)
    except Exception as error:  # noqa: BLE001 - whatever it is, each caller must hear of it
        return [error] * len(asked)
