"""The calls that change stock: one by one, many in one message, and as a stream.

The worker carries them out and writes their answers; here they are only gathered, and sent out as they came back.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple, TypeAlias

import grpc

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit.caller import bound_caller
from storekeeper_kit.coalescer import Coalescer
from storekeeper_kit.deadline import bound_deadline

from . import bulk
from .calls import Call, Told, call

REPLAYED: Final = (("storekeeper-replayed", "true"),)
"""The trailer of an answer that was recorded by an earlier request."""

STREAM_TIMEOUT_S: Final = 30.0
"""How long a change of a stream may take, as a call without a deadline of its own may."""

Context = grpc.aio.ServicerContext[Any, Any]


class _UnderWay(NamedTuple):
    """A message of a stream: what it takes of the window, and what it will be told."""

    weight: int
    allowed: int
    told: "asyncio.Future[Told]"


_Answered: TypeAlias = "asyncio.Queue[_UnderWay | None]"
"""Messages that are under way, in their order; None is the end of them."""


class Changing(pb_grpc.StockLedgerServicer):
    """See the contract for what each method promises. What they return are responses as bytes."""

    def __init__(self, *, changes: Coalescer[Call, Told], **others: Any) -> None:
        super().__init__(**others)
        self._changes = changes

    # --- one by one ---

    async def AddStock(self, request: pb.AddStockRequest, context: Context) -> Any:
        """Add units as a new stocked item."""
        return await self._change(request, context)

    async def RemoveStock(self, request: pb.RemoveStockRequest, context: Context) -> Any:
        """Remove available units."""
        return await self._change(request, context)

    async def ClosePosition(self, request: pb.ClosePositionRequest, context: Context) -> Any:
        """Remove what is available at a position, and close it."""
        return await self._change(request, context)

    async def CountStock(self, request: pb.CountStockRequest, context: Context) -> Any:
        """Make the books agree with a stocktake."""
        return await self._change(request, context)

    async def ReserveStock(self, request: pb.ReserveStockRequest, context: Context) -> Any:
        """Promise available units to a demand."""
        return await self._change(request, context)

    async def ReleaseStock(self, request: pb.ReleaseStockRequest, context: Context) -> Any:
        """Make what a demand has reserved available again."""
        return await self._change(request, context)

    async def ExtendReservation(self, request: pb.ExtendReservationRequest, context: Context) -> Any:
        """Let a reservation expire at another time."""
        return await self._change(request, context)

    async def PickStock(self, request: pb.PickStockRequest, context: Context) -> Any:
        """Take units off the shelf for a demand."""
        return await self._change(request, context)

    async def UnpickStock(self, request: pb.UnpickStockRequest, context: Context) -> Any:
        """Put picked units back on the shelf."""
        return await self._change(request, context)

    async def DeliverStock(self, request: pb.DeliverStockRequest, context: Context) -> Any:
        """Hand picked units over."""
        return await self._change(request, context)

    async def ReturnStock(self, request: pb.ReturnStockRequest, context: Context) -> Any:
        """Take delivered units back."""
        return await self._change(request, context)

    async def TransferStock(self, request: pb.TransferStockRequest, context: Context) -> Any:
        """Take available units to another location."""
        return await self._change(request, context)

    async def AssembleStock(self, request: pb.AssembleStockRequest, context: Context) -> Any:
        """Make a kit of its components."""
        return await self._change(request, context)

    async def DisassembleStock(self, request: pb.DisassembleStockRequest, context: Context) -> Any:
        """Take kits apart."""
        return await self._change(request, context)

    async def ExpectStock(self, request: pb.ExpectStockRequest, context: Context) -> Any:
        """Note that an order will bring units."""
        return await self._change(request, context)

    async def CancelExpectedStock(self, request: pb.CancelExpectedStockRequest, context: Context) -> Any:
        """Note that an order will bring fewer units."""
        return await self._change(request, context)

    async def ReceiveStock(self, request: pb.ReceiveStockRequest, context: Context) -> Any:
        """Turn units on order into available ones."""
        return await self._change(request, context)

    async def UnreceiveStock(self, request: pb.UnreceiveStockRequest, context: Context) -> Any:
        """Take back what an order line has brought."""
        return await self._change(request, context)

    async def UpdateStockedItem(self, request: pb.UpdateStockedItemRequest, context: Context) -> Any:
        """Change what is known of a stocked item."""
        return await self._change(request, context)

    async def _change(self, request: Any, context: Context) -> bytes:
        """Have one change carried out."""
        caller = bound_caller()
        told = await self._changes.submit(caller.tenant_id, call(request, caller), bound_deadline())
        if told.replayed:
            context.set_trailing_metadata(REPLAYED)
        return told.response

    # --- many at once ---

    async def BatchChangeStock(self, request: pb.BatchChangeStockRequest, context: Context) -> Any:
        """Carry out many changes, together or each for itself."""
        # Here already: nobody waits behind what is too much anyway.
        bulk.check(request.changes)
        caller, count = bound_caller(), len(request.changes)
        asked = call(request, caller, changes=count, bytes_max=bulk.RESULTS_BYTES_MAX)
        told = await self._changes.submit(caller.tenant_id, asked, bound_deadline())
        return told.response

    async def ChangeStock(self, request_iterator: AsyncIterator[pb.ChangeStockRequest], context: Context) -> Any:
        """Carry out changes as they come, and answer them in their order."""
        caller = bound_caller()
        window = bulk.Window()
        answered: _Answered = asyncio.Queue()

        async def read() -> None:
            async for request in request_iterator:
                bulk.check(request.changes)
                asked = call(request, caller, changes=len(request.changes))
                # What comes next may be long in coming.
                del request
                allowed = await window.enter(asked.weight)
                # Beside other streams it waits; a call by itself would be refused.
                await self._changes.room_for(asked.weight)
                deadline = time.monotonic() + STREAM_TIMEOUT_S
                told = self._changes.submit(caller.tenant_id, asked._replace(bytes_max=allowed), deadline)
                answered.put_nowait(_UnderWay(asked.weight, allowed, told))
                del asked, told

        reading = asyncio.create_task(read())
        reading.add_done_callback(lambda _: answered.put_nowait(None))
        try:
            while (following := await answered.get()) is not None:
                yield (await following.told).response
                window.leave(following.weight, following.allowed)
                del following
            await reading
        finally:
            reading.cancel()
            while not answered.empty():
                if (following := answered.get_nowait()) is not None:
                    # What has not begun never does; what is under way goes on, though nobody hears of it.
                    following.told.cancel()
            # The error that has ended a stream would keep itself by these, and what was read, until the collector comes.
            following = None
            del reading
