"""The calls that change stock: one by one, many in one message, and as a stream."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import grpc
import structlog

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit.caller import COSTS_VIEW, Caller, bound_caller
from storekeeper_kit.coalescer import Coalescer
from storekeeper_kit.deadline import bound_deadline
from storekeeper_kit.refusals import (
    DeadlineExceeded,
    InvalidRequest,
    Overloaded,
    Unavailable,
    internal_error,
    refusal_for,
    status_of,
)

from ..batch import Asked, Recorded
from ..domain.operations import AllOrNone, Submission
from ..domain.refusals import ChangeRefused
from ..domain.stock import StockedItem
from . import answers, bulk, operations, writing
from .refusals import REFUSALS

REPLAYED: Final = (("storekeeper-replayed", "true"),)
"""The trailer of an answer that was recorded by an earlier request."""

STREAM_CHANGES_MAX: Final = 4000
"""Changes of one stream whose answers are not sent yet. At this many the ledger reads no further."""

STREAM_TIMEOUT_S: Final = 30.0
"""How long a change of a stream may take, as a call without a deadline of its own may."""

UNKNOWN: Final = (Unavailable, DeadlineExceeded, Overloaded)
"""These leave open what became of a change."""

Context = grpc.aio.ServicerContext[Any, Any]
Answer = Recorded | tuple[Recorded, ...]

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Changing(pb_grpc.StockLedgerServicer):
    """See the contract for what each method promises."""

    def __init__(
        self, *, changes: Coalescer[Asked, Answer], stocked_items: Coalescer[int, StockedItem], **others: Any
    ) -> None:
        super().__init__(**others)
        self._changes = changes
        self._stocked_items = stocked_items

    # --- one by one ---

    async def AddStock(self, request: pb.AddStockRequest, context: Context) -> pb.AddStockResponse:
        """Add units as a new stocked item."""
        return await self._change(request, context, answers.added)

    async def RemoveStock(self, request: pb.RemoveStockRequest, context: Context) -> pb.RemoveStockResponse:
        """Remove available units."""
        return await self._change(request, context, answers.movements(pb.RemoveStockResponse))

    async def ClosePosition(self, request: pb.ClosePositionRequest, context: Context) -> pb.ClosePositionResponse:
        """Remove what is available at a position, and close it."""
        return await self._change(request, context, answers.movements(pb.ClosePositionResponse))

    async def CountStock(self, request: pb.CountStockRequest, context: Context) -> pb.CountStockResponse:
        """Make the books agree with a stocktake."""
        return await self._change(request, context, answers.counted)

    async def ReserveStock(self, request: pb.ReserveStockRequest, context: Context) -> pb.ReserveStockResponse:
        """Promise available units to a demand."""
        return await self._change(request, context, answers.reserved)

    async def ReleaseStock(self, request: pb.ReleaseStockRequest, context: Context) -> pb.ReleaseStockResponse:
        """Make what a demand has reserved available again."""
        return await self._change(request, context, answers.movements(pb.ReleaseStockResponse))

    async def ExtendReservation(
        self, request: pb.ExtendReservationRequest, context: Context
    ) -> pb.ExtendReservationResponse:
        """Let a reservation expire at another time."""
        return await self._change(request, context, answers.extended)

    async def PickStock(self, request: pb.PickStockRequest, context: Context) -> pb.PickStockResponse:
        """Take units off the shelf for a demand."""
        return await self._change(request, context, answers.movements(pb.PickStockResponse))

    async def UnpickStock(self, request: pb.UnpickStockRequest, context: Context) -> pb.UnpickStockResponse:
        """Put picked units back on the shelf."""
        return await self._change(request, context, answers.movements(pb.UnpickStockResponse))

    async def DeliverStock(self, request: pb.DeliverStockRequest, context: Context) -> pb.DeliverStockResponse:
        """Hand picked units over."""
        return await self._change(request, context, answers.movements(pb.DeliverStockResponse))

    async def ReturnStock(self, request: pb.ReturnStockRequest, context: Context) -> pb.ReturnStockResponse:
        """Take delivered units back."""
        return await self._change(request, context, answers.movements(pb.ReturnStockResponse))

    async def TransferStock(self, request: pb.TransferStockRequest, context: Context) -> pb.TransferStockResponse:
        """Take available units to another location."""
        return await self._change(request, context, answers.movements(pb.TransferStockResponse))

    async def AssembleStock(self, request: pb.AssembleStockRequest, context: Context) -> pb.AssembleStockResponse:
        """Make a kit of its components."""
        return await self._change(request, context, answers.movements(pb.AssembleStockResponse))

    async def DisassembleStock(
        self, request: pb.DisassembleStockRequest, context: Context
    ) -> pb.DisassembleStockResponse:
        """Take kits apart."""
        return await self._change(request, context, answers.movements(pb.DisassembleStockResponse))

    async def ExpectStock(self, request: pb.ExpectStockRequest, context: Context) -> pb.ExpectStockResponse:
        """Note that an order will bring units."""
        return await self._change(request, context, answers.movement(pb.ExpectStockResponse))

    async def CancelExpectedStock(
        self, request: pb.CancelExpectedStockRequest, context: Context
    ) -> pb.CancelExpectedStockResponse:
        """Note that an order will bring fewer units."""
        return await self._change(request, context, answers.movement(pb.CancelExpectedStockResponse))

    async def ReceiveStock(self, request: pb.ReceiveStockRequest, context: Context) -> pb.ReceiveStockResponse:
        """Turn units on order into available ones."""
        return await self._change(request, context, answers.received)

    async def UnreceiveStock(self, request: pb.UnreceiveStockRequest, context: Context) -> pb.UnreceiveStockResponse:
        """Take back what an order line has brought."""
        return await self._change(request, context, answers.movements(pb.UnreceiveStockResponse))

    async def UpdateStockedItem(self, request: pb.UpdateStockedItemRequest, context: Context) -> pb.StockedItem:
        """Change what is known of a stocked item."""
        caller = bound_caller()
        recorded = await self._recorded(operations.submission(request, caller))
        _tell_if_replayed(recorded, context)
        updated = await self._stocked_items.submit(
            caller.tenant_id, request.stocked_item.stocked_item_id, bound_deadline()
        )
        return writing.stocked_item(updated, with_cost=caller.may(COSTS_VIEW))

    async def _change(
        self, request: operations.Request, context: Context, write: answers.Write[answers.Response]
    ) -> answers.Response:
        """Carry out one change, and answer it as its kind is answered."""
        caller = bound_caller()
        recorded = await self._recorded(operations.submission(request, caller))
        _tell_if_replayed(recorded, context)
        return write(recorded, request, caller)

    async def _recorded(self, submission: Submission) -> Recorded:
        recorded = await self._changes.submit(bound_caller().tenant_id, submission, bound_deadline())
        assert isinstance(recorded, Recorded), "one submission has one outcome"
        return recorded

    # --- many at once ---

    async def BatchChangeStock(
        self, request: pb.BatchChangeStockRequest, context: Context
    ) -> pb.BatchChangeStockResponse:
        """Carry out many changes, together or each for itself."""
        caller = bound_caller()
        if not request.all_or_none:
            return await self._begin(request.changes, caller, bound_deadline(), pb.BatchChangeStockResponse())
        submissions = bulk.all_submissions(request.changes, caller)
        try:
            recorded = await self._changes.submit(caller.tenant_id, AllOrNone(submissions), bound_deadline())
        except ChangeRefused as refused:
            refused.path = bulk.path(refused.number, request.changes[refused.number])
            raise
        assert isinstance(recorded, tuple), "several submissions have several outcomes"
        response = pb.BatchChangeStockResponse()
        results = bulk.Results(response, with_cost=caller.may(COSTS_VIEW))
        for submission, one in zip(submissions, recorded, strict=True):
            results.accepted(str(submission.request_id), one)
        return response

    async def ChangeStock(
        self, request_iterator: AsyncIterator[pb.ChangeStockRequest], context: Context
    ) -> AsyncIterator[pb.ChangeStockResponse]:
        """Carry out changes as they come, and answer them in their order."""
        caller = bound_caller()
        window = bulk.Window(STREAM_CHANGES_MAX)
        answered: asyncio.Queue[tuple[int, asyncio.Future[pb.ChangeStockResponse]] | None] = asyncio.Queue()

        async def read() -> None:
            async for request in request_iterator:
                await window.enter(len(request.changes))
                deadline = time.monotonic() + STREAM_TIMEOUT_S
                answer = self._begin(request.changes, caller, deadline, pb.ChangeStockResponse())
                answered.put_nowait((len(request.changes), answer))

        reading = asyncio.create_task(read())
        reading.add_done_callback(lambda _: answered.put_nowait(None))
        try:
            while (following := await answered.get()) is not None:
                count, answer = following
                yield await answer
                window.leave(count)
            await reading
        finally:
            reading.cancel()
            _forget(answered)

    def _begin(
        self, changes: Sequence[pb.StockChange], caller: Caller, deadline: float, response: bulk.Response
    ) -> "asyncio.Future[bulk.Response]":
        """Hand changes over, each for itself and in their order, and tell later what became of them."""
        readings = bulk.each_submission(changes, caller)
        submissions = [reading for reading in readings if isinstance(reading, Submission)]
        futures = iter(self._changes.submit_all(caller.tenant_id, submissions, deadline))
        waiting = [next(futures) if isinstance(reading, Submission) else reading for reading in readings]
        return asyncio.ensure_future(self._results(changes, waiting, caller, response))

    async def _results(
        self,
        changes: Sequence[pb.StockChange],
        waiting: "Sequence[asyncio.Future[Answer] | InvalidRequest]",
        caller: Caller,
        response: bulk.Response,
    ) -> bulk.Response:
        handed_over = [one for one in waiting if not isinstance(one, InvalidRequest)]
        outcomes = iter(await asyncio.gather(*handed_over, return_exceptions=True))
        results = bulk.Results(response, with_cost=caller.may(COSTS_VIEW))
        for change, one in zip(changes, waiting, strict=True):
            outcome = one if isinstance(one, InvalidRequest) else next(outcomes)
            if isinstance(outcome, Recorded):
                results.accepted(bulk.request_id_of(change), outcome)
            elif isinstance(outcome, Exception) and not isinstance(outcome, UNKNOWN):
                results.refused(bulk.request_id_of(change), _status(outcome))
            else:
                # Nobody knows of the others either: repeating the message tells.
                assert isinstance(outcome, BaseException), "one submission has one outcome"
                raise outcome
        return response


def _forget(answered: "asyncio.Queue[tuple[int, asyncio.Future[Any]] | None]") -> None:
    """What is under way goes on, though nobody hears of it."""
    while not answered.empty():
        following = answered.get_nowait()
        if following is not None:
            following[1].add_done_callback(lambda answer: answer.cancelled() or answer.exception())


def _status(error: Exception) -> Any:
    refusal = refusal_for(error, REFUSALS)
    if refusal is None:
        error_id = uuid.uuid4()
        log.error("change_failed", error_id=str(error_id), exc_info=error)
        refusal = internal_error(error_id)
    return status_of(refusal)


def _tell_if_replayed(recorded: Recorded, context: Context) -> None:
    if recorded.replayed:
        context.set_trailing_metadata(REPLAYED)
