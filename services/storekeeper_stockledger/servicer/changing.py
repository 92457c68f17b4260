"""The calls that change stock: one by one, many in one message, and as a stream."""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

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

STREAM_TIMEOUT_S: Final = 30.0
"""How long a change of a stream may take, as a call without a deadline of its own may."""

UNKNOWN: Final = (Unavailable, DeadlineExceeded, Overloaded)
"""These leave open what became of a change."""

Context = grpc.aio.ServicerContext[Any, Any]
Answer = Recorded | tuple[Recorded, ...]
_Waiting: TypeAlias = "asyncio.Future[Answer] | InvalidRequest"
"""A change that was handed over, or what is wrong with it."""

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
        results = bulk.Results(pb.BatchChangeStockResponse(), with_cost=caller.may(COSTS_VIEW))
        if not request.all_or_none:
            waiting = self._hand_over(request.changes, caller, bound_deadline())
            await _tell(request.changes, waiting, results)
            return results.response
        submissions = bulk.all_submissions(request.changes, caller)
        try:
            recorded = await self._changes.submit(caller.tenant_id, AllOrNone(submissions), bound_deadline())
        except ChangeRefused as refused:
            refused.path = bulk.path(refused.number, request.changes[refused.number])
            raise
        assert isinstance(recorded, tuple), "several submissions have several outcomes"
        for submission, one in zip(submissions, recorded, strict=True):
            results.accepted(str(submission.request_id), one)
        return results.response

    async def ChangeStock(
        self, request_iterator: AsyncIterator[pb.ChangeStockRequest], context: Context
    ) -> AsyncIterator[Any]:
        """Carry out changes as they come, and answer them in their order."""
        caller = bound_caller()
        window = bulk.Window(bulk.STREAM_CHANGES_MAX, bulk.STREAM_BYTES_MAX)
        answered: asyncio.Queue[asyncio.Future[_Told] | None] = asyncio.Queue()

        async def read() -> None:
            async for request in request_iterator:
                await window.enter(len(request.changes))
                deadline = time.monotonic() + STREAM_TIMEOUT_S
                results = bulk.Results(pb.ChangeStockResponse(), with_cost=caller.may(COSTS_VIEW), window=window)
                waiting = self._hand_over(request.changes, caller, deadline)
                answered.put_nowait(asyncio.ensure_future(_told(request.changes, waiting, results)))
                # The next one may be long in coming.
                del request, waiting, results

        reading = asyncio.create_task(read())
        reading.add_done_callback(lambda _: answered.put_nowait(None))
        try:
            while (following := await answered.get()) is not None:
                told = await following
                yield told.message
                window.leave(told.changes, told.size)
                del following, told
            await reading
        finally:
            reading.cancel()
            while not answered.empty():
                if (following := answered.get_nowait()) is not None:
                    _forget(following)

    def _hand_over(self, changes: Sequence[pb.StockChange], caller: Caller, deadline: float) -> deque[_Waiting]:
        """Ask for changes, each for itself and in their order."""
        readings = bulk.each_submission(changes, caller)
        submissions = [reading for reading in readings if isinstance(reading, Submission)]
        futures = iter(self._changes.submit_all(caller.tenant_id, submissions, deadline))
        return deque(next(futures) if isinstance(reading, Submission) else reading for reading in readings)


@dataclass(frozen=True, slots=True)
class _Told:
    """The answer to a message of a stream, and what of the stream's window it takes."""

    message: bytes
    changes: int
    size: int


async def _told(
    changes: Sequence[pb.StockChange], waiting: deque[_Waiting], results: bulk.Results[pb.ChangeStockResponse]
) -> _Told:
    """What waits for its client does so as it will be sent: as a message it would take several times as much."""
    await _tell(changes, waiting, results)
    return _Told(results.response.SerializeToString(), len(changes), results.size)


async def _tell(
    changes: Sequence[pb.StockChange], waiting: deque[_Waiting], results: bulk.Results[bulk.Response]
) -> None:
    """Write what became of each change as soon as that is known, and keep nothing else of it."""
    try:
        for change in changes:
            outcome = await _outcome(waiting.popleft())
            if isinstance(outcome, Recorded):
                results.accepted(bulk.request_id_of(change), outcome)
            else:
                results.refused(bulk.request_id_of(change), _status(outcome))
            # The next one may be long in coming.
            del outcome
    except asyncio.CancelledError:
        # Nobody waits for the others any more: those that have not begun never do.
        for one in _handed_over(waiting):
            one.cancel()
        raise
    finally:
        for one in _handed_over(waiting):
            _forget(one)


def _handed_over(waiting: Iterable[_Waiting]) -> "Iterator[asyncio.Future[Answer]]":
    return (one for one in waiting if not isinstance(one, InvalidRequest))


async def _outcome(waiting: _Waiting) -> Recorded | Exception:
    """What became of a change. Raises what leaves that open: of those after it nobody knows either, and a repeat tells."""
    if isinstance(waiting, InvalidRequest):
        return waiting
    try:
        recorded = await waiting
    except UNKNOWN:
        raise
    except Exception as refusal:  # noqa: BLE001 - whatever it is, it is told in its place
        return refusal
    assert isinstance(recorded, Recorded), "one submission has one outcome"
    return recorded


def _forget(answer: "asyncio.Future[Any]") -> None:
    """What is under way goes on, though nobody hears of it."""
    answer.add_done_callback(lambda done: done.cancelled() or done.exception())


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
