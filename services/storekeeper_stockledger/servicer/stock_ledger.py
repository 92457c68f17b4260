"""The StockLedger service: each method reads its request, asks the ledger, and writes the answer."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, ParamSpec, TypeVar

import grpc

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import COSTS_VIEW, bound_caller
from storekeeper_kit.coalescer import Coalescer
from storekeeper_kit.deadline import bound_deadline

from ..descriptions import Descriptions
from ..reads import Reads
from ..valuations import Valuations
from ..watch import Watch
from . import lists, reading, valuing, writing
from .calls import Call, Told, call
from .changing import REPLAYED, Changing
from .watching import Watching

Context = grpc.aio.ServicerContext[Any, Any]
P = ParamSpec("P")
T = TypeVar("T")


class StockLedger(Changing, Watching):
    """See the contract for what each method promises."""

    def __init__(
        self,
        *,
        changes: Coalescer[Call, Told],
        positions: Coalescer[Call, Told],
        stocked_items: Coalescer[Call, Told],
        descriptions: Descriptions,
        reads: Reads,
        valuations: Valuations,
        watch: Watch,
        workers: Executor,
        valuers: Executor,
    ) -> None:
        super().__init__(changes=changes, watch=watch)
        self._positions = positions
        self._stocked_items = stocked_items
        self._descriptions = descriptions
        self._reads = reads
        self._valuations = valuations
        self._workers = workers
        self._valuers = valuers

    # --- locations ---

    async def CreateLocation(self, request: pb.CreateLocationRequest, context: Context) -> pb.Location:
        """Create a location."""
        caller = bound_caller()
        claim, new = reading.new_location(request, caller)
        create = self._descriptions.create_location
        created = await self._run(create, caller.tenant_id, claim, new, deadline=bound_deadline())
        _tell_if_replayed(created.replayed, context)
        return writing.location(created.resource)

    async def GetLocation(self, request: pb.GetLocationRequest, context: Context) -> pb.Location:
        """Read a location."""
        location_id = reading.location_id(request)
        return writing.location(await self._run(self._descriptions.get_location, bound_caller().tenant_id, location_id))

    async def ListLocations(self, request: pb.ListLocationsRequest, context: Context) -> pb.ListLocationsResponse:
        """List locations by id."""
        caller = bound_caller()
        asked = lists.locations(request, caller)

        def answer() -> pb.ListLocationsResponse:
            listed = self._reads.locations(caller.tenant_id, asked.page, asked.wanted)
            page = pb.ListLocationsResponse(total_size=listed.total)
            asked.fill(page, "locations", listed, writing.location)
            return page

        return await self._run(answer)

    async def UpdateLocation(self, request: pb.UpdateLocationRequest, context: Context) -> pb.Location:
        """Change a location's description."""
        location_id, change = reading.location_change(request)
        update = self._descriptions.update_location
        tenant_id = bound_caller().tenant_id
        return writing.location(await self._run(update, tenant_id, location_id, change, deadline=bound_deadline()))

    # --- items ---

    async def RegisterItem(self, request: pb.RegisterItemRequest, context: Context) -> pb.Item:
        """Learn of an item, or only tell whether it would be accepted."""
        caller = bound_caller()
        item, with_cost = reading.item(request, caller), caller.may(COSTS_VIEW)
        register = partial(self._descriptions.register_item, deadline=bound_deadline())
        answer = self._descriptions.check_item if request.validate_only else register
        return writing.item(await self._run(answer, caller.tenant_id, item, with_cost=with_cost), with_cost=with_cost)

    async def UnregisterItem(self, request: pb.UnregisterItemRequest, context: Context) -> pb.UnregisterItemResponse:
        """Forget an item that was never stocked, or only tell whether that would be refused."""
        item_id, tenant_id = reading.item_id(request), bound_caller().tenant_id
        unregister = partial(self._descriptions.unregister_item, deadline=bound_deadline())
        answer = self._descriptions.check_unregistering if request.validate_only else unregister
        await self._run(answer, tenant_id, item_id)
        return pb.UnregisterItemResponse()

    # --- positions ---

    async def OpenPosition(self, request: pb.OpenPositionRequest, context: Context) -> pb.Position:
        """Open a position."""
        caller = bound_caller()
        claim, pair, terms = reading.new_position(request, caller)
        created = await self._run(
            self._descriptions.open_position, caller.tenant_id, claim, pair, terms, deadline=bound_deadline()
        )
        _tell_if_replayed(created.replayed, context)
        return writing.position(created.resource)

    async def GetPosition(self, request: pb.GetPositionRequest, context: Context) -> Any:
        """Read a position; calls in flight share a statement."""
        return await _told(self._positions, request)

    async def ListPositions(self, request: pb.ListPositionsRequest, context: Context) -> pb.ListPositionsResponse:
        """List positions by id."""
        caller = bound_caller()
        asked = lists.positions(request, caller)

        def answer() -> pb.ListPositionsResponse:
            listed = self._reads.positions_where(caller.tenant_id, asked.page, asked.wanted)
            page = pb.ListPositionsResponse(total_size=listed.total)
            asked.fill(page, "positions", listed, writing.position)
            return page

        return await self._run(answer)

    async def UpdatePosition(self, request: pb.UpdatePositionRequest, context: Context) -> pb.Position:
        """Change a position's description."""
        position_id, change = reading.position_change(request)
        update = self._descriptions.update_position
        tenant_id = bound_caller().tenant_id
        return writing.position(await self._run(update, tenant_id, position_id, change, deadline=bound_deadline()))

    # --- stocked items and movements ---

    async def GetStockedItem(self, request: pb.GetStockedItemRequest, context: Context) -> Any:
        """Read a stocked item; calls in flight share a statement."""
        return await _told(self._stocked_items, request)

    async def ListStockedItems(
        self, request: pb.ListStockedItemsRequest, context: Context
    ) -> pb.ListStockedItemsResponse:
        """List stocked items, oldest first unless another order is asked for."""
        caller = bound_caller()
        asked = lists.stocked_items(request, caller)
        write = partial(writing.stocked_item, with_cost=caller.may(COSTS_VIEW))

        def answer() -> pb.ListStockedItemsResponse:
            listed = self._reads.stocked_items(caller.tenant_id, asked.page, asked.wanted, asked.order)
            page = pb.ListStockedItemsResponse(total_size=listed.total)
            asked.fill(page, "stocked_items", listed, write)
            return page

        return await self._run(answer)

    async def ListMovements(self, request: pb.ListMovementsRequest, context: Context) -> pb.ListMovementsResponse:
        """List movements by id."""
        caller = bound_caller()
        asked = lists.movements(request, caller)
        write = partial(writing.movement, with_cost=caller.may(COSTS_VIEW))

        def answer() -> pb.ListMovementsResponse:
            listed = self._reads.movements(caller.tenant_id, asked.page, asked.wanted)
            page = pb.ListMovementsResponse()
            asked.fill(page, "movements", listed, write)
            return page

        return await self._run(answer)

    # --- who holds stock, and what is to come ---

    async def ListReservations(
        self, request: pb.ListReservationsRequest, context: Context
    ) -> pb.ListReservationsResponse:
        """List what demands have of stocked items."""
        caller = bound_caller()
        asked = lists.reservations(request, caller)

        def answer() -> pb.ListReservationsResponse:
            page = pb.ListReservationsResponse()
            listed = self._reads.reservations(caller.tenant_id, asked.page, asked.wanted)
            asked.fill(page, "reservations", listed, writing.reservation)
            return page

        return await self._run(answer)

    async def ListExpectations(
        self, request: pb.ListExpectationsRequest, context: Context
    ) -> pb.ListExpectationsResponse:
        """List what order lines bring to positions."""
        caller = bound_caller()
        asked = lists.expectations(request, caller)

        def answer() -> pb.ListExpectationsResponse:
            page = pb.ListExpectationsResponse()
            listed = self._reads.expectations(caller.tenant_id, asked.page, asked.wanted)
            asked.fill(page, "expectations", listed, writing.expectation)
            return page

        return await self._run(answer)

    async def GetValuation(self, request: pb.GetValuationRequest, context: Context) -> pb.GetValuationResponse:
        """Value stock."""
        caller, deadline = bound_caller(), bound_deadline()
        query, asked = valuing.asked(request, caller)

        def answer() -> pb.GetValuationResponse:
            return valuing.answer(query, self._valuations.value(caller.tenant_id, asked, deadline=deadline))

        return await asyncio.get_running_loop().run_in_executor(self._valuers, answer)

    # --- settings ---

    async def GetSettings(self, request: pb.GetSettingsRequest, context: Context) -> pb.Settings:
        """Read the tenant's settings."""
        return writing.settings(*await self._run(self._descriptions.get_settings, bound_caller().tenant_id))

    async def UpdateSettings(self, request: pb.UpdateSettingsRequest, context: Context) -> pb.Settings:
        """Change the tenant's settings."""
        change, tenant_id = reading.settings_change(request), bound_caller().tenant_id
        update = self._descriptions.update_settings
        return writing.settings(*await self._run(update, tenant_id, change, deadline=bound_deadline()))

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous code on a worker thread. Long answers are written there, too, or every call would wait for them."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, partial(function, *args, **kwargs))


async def _told(worker: Coalescer[Call, Told], request: Any) -> bytes:
    """The worker's answer."""
    caller = bound_caller()
    told = await worker.submit(caller.tenant_id, call(request, caller), bound_deadline())
    return told.response


def _tell_if_replayed(replayed: bool, context: Context) -> None:
    if replayed:
        context.set_trailing_metadata(REPLAYED)
