"""The Catalog service: each method reads its request, asks the catalog, and writes the answer."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, ParamSpec, TypeVar

import grpc

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.catalog.v1 import catalog_pb2_grpc as pb_grpc
from storekeeper_kit import paging
from storekeeper_kit.caller import COSTS_VIEW, bound_caller
from storekeeper_kit.coalescer import Coalescer
from storekeeper_kit.deadline import bound_deadline
from storekeeper_kit.pages import ANSWER_BYTES_MAX, fill
from storekeeper_kit.refusals import InvalidRequest, Violation

from ..catalog import Catalog
from ..domain.item import Facts, Item, ItemState
from ..registering import Registrar
from . import reading, writing

REPLAYED = (("storekeeper-replayed", "true"),)
"""The trailer of an answer to what an earlier request did."""

Context = grpc.aio.ServicerContext[Any, Any]
P = ParamSpec("P")
T = TypeVar("T")


class CatalogService(pb_grpc.CatalogServicer):
    """See the contract for what each method promises."""

    def __init__(
        self, *, catalog: Catalog, items: Coalescer[int, Item], registrar: Registrar, workers: Executor
    ) -> None:
        self._catalog = catalog
        self._items = items
        self._registrar = registrar
        self._workers = workers

    # --- changes ---

    async def CreateItem(self, request: pb.CreateItemRequest, context: Context) -> pb.Item:
        """Create an item."""
        caller = bound_caller()
        claim, draft = reading.new_item(request, caller)
        create = self._catalog.create_item
        created = await self._run(create, caller.tenant_id, claim, draft, deadline=bound_deadline())
        if created.replayed:
            context.set_trailing_metadata(REPLAYED)
        return await self._registered(created.item)

    async def UpdateItem(self, request: pb.UpdateItemRequest, context: Context) -> pb.Item:
        """Change what is known of an item."""
        caller = bound_caller()
        change = reading.change(request, caller)
        deadline = bound_deadline()

        def update(approved: Facts | None) -> Item:
            return self._catalog.update_item(caller.tenant_id, change, approved=approved, deadline=deadline)

        changed = await self._registrar.approved(caller.tenant_id, change.item_id, update)
        return await self._registered(changed)

    async def ArchiveItem(self, request: pb.ArchiveItemRequest, context: Context) -> pb.Item:
        """Archive an item."""
        return await self._set_state(request, ItemState.ARCHIVED)

    async def UnarchiveItem(self, request: pb.UnarchiveItemRequest, context: Context) -> pb.Item:
        """Bring an archived item back."""
        return await self._set_state(request, ItemState.ACTIVE)

    async def _set_state(self, request: pb.ArchiveItemRequest | pb.UnarchiveItemRequest, state: ItemState) -> pb.Item:
        item_id, version = reading.named_item(request)
        tenant_id = bound_caller().tenant_id
        set_state = self._catalog.set_state
        return await self._registered(
            await self._run(set_state, tenant_id, item_id, version, state, deadline=bound_deadline())
        )

    async def _registered(self, item: Item) -> pb.Item:
        """The answer to a change, which waits a moment for the stock ledger."""
        return self._written(await self._registrar.attempt(bound_caller().tenant_id, item))

    # --- reads ---

    async def GetItem(self, request: pb.GetItemRequest, context: Context) -> pb.Item:
        """Read an item; calls in flight that name theirs by id share a statement."""
        name = reading.item_name(request)
        tenant_id = bound_caller().tenant_id
        if isinstance(name, str):
            return self._written(await self._run(self._catalog.item_with_sku, tenant_id, name))
        return self._written(await self._items.submit(tenant_id, name, bound_deadline()))

    async def BatchGetItems(self, request: pb.BatchGetItemsRequest, context: Context) -> pb.BatchGetItemsResponse:
        """Read several items."""
        item_ids = reading.item_ids(request)
        caller = bound_caller()
        with_cost = caller.may(COSTS_VIEW)

        def answer() -> pb.BatchGetItemsResponse:
            found = self._catalog.items(caller.tenant_id, item_ids)
            return _whole([writing.item(item, with_cost=with_cost) for item in found])

        return await self._run(answer)

    async def ListItems(self, request: pb.ListItemsRequest, context: Context) -> pb.ListItemsResponse:
        """List items."""
        caller = bound_caller()
        query, wanted = reading.listed(request, caller)
        write = partial(writing.item, with_cost=caller.may(COSTS_VIEW))

        def answer() -> pb.ListItemsResponse:
            listed = self._catalog.list_items(caller.tenant_id, wanted, counted=request.with_total_size)
            page = pb.ListItemsResponse(total_size=listed.total)
            fill(page, "items", listed, write=write, token=lambda last: paging.issue(query, wanted.order.keys_of(last)))
            return page

        return await self._run(answer)

    def _written(self, item: Item) -> pb.Item:
        return writing.item(item, with_cost=bound_caller().may(COSTS_VIEW))

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run synchronous code on a worker thread. Long answers are written there, too, or every call would wait for them."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, partial(function, *args, **kwargs))


def _whole(items: Sequence[pb.Item]) -> pb.BatchGetItemsResponse:
    """All items, or none if they don't fit into a message."""
    answer = pb.BatchGetItemsResponse(items=items)
    if answer.ByteSize() > ANSWER_BYTES_MAX:
        raise InvalidRequest([Violation("item_ids", "names items too large for one answer: ask for fewer at once")])
    return answer
