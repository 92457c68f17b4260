"""The stock ledger as the catalog calls it."""

import time
from typing import Final

import grpc

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit.caller import COSTS_VIEW, Caller
from storekeeper_kit.clients import failure_of

from ..domain.item import Facts
from ..domain.numbers import plain
from ..domain.refusals import LedgerAway, LedgerRefused
from .writing import TRACKINGS

ACTOR: Final = "catalog"
"""In whose name the ledger hears of items."""

PERMISSIONS: Final = frozenset({COSTS_VIEW})
"""What the ledger hears of an item is its cost, too, whoever changed the item."""

NEVER_CHANGES: Final = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
}
"""Codes of refusals that repeating does not cure. All others may pass by themselves."""


class StockLedgerClient:
    """Registers items."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        # The generated class knows both kinds of channel.
        self._stub: pb_grpc.StockLedgerAsyncStub = pb_grpc.StockLedgerStub(channel)

    async def register(self, tenant_id: int, facts: Facts, *, validate_only: bool = False, timeout_s: float) -> None:
        """Tell it of an item; raises LedgerRefused or LedgerAway."""
        request = pb.RegisterItemRequest(item=_item(facts), validate_only=validate_only)
        give_up = time.monotonic() + timeout_s
        try:
            await self._register(tenant_id, request, timeout_s)
        except LedgerRefused as refused:
            if refused.reason != "CURRENCY_MISMATCH":
                raise
            # An item may be bought in any currency, but no stock is valued by what it costs in another one than the ledger's.
            request.item.ClearField("standard_cost")
            await self._register(tenant_id, request, give_up - time.monotonic())

    async def _register(self, tenant_id: int, request: pb.RegisterItemRequest, timeout_s: float) -> None:
        caller = Caller(tenant_id, ACTOR, PERMISSIONS)
        try:
            await self._stub.RegisterItem(request, timeout=timeout_s, metadata=caller.metadata())
        except grpc.aio.AioRpcError as error:
            raise _failure(error) from error


def _item(facts: Facts) -> pb.Item:
    item = pb.Item(
        item_id=facts.item_id,
        version=facts.version,
        tracking=TRACKINGS[facts.counting.tracking],
        quantity_scale=facts.counting.quantity_scale,
        archived=facts.archived,
    )
    if facts.unit_cost is not None:
        item.standard_cost.currency_code = facts.unit_cost.currency_code
        item.standard_cost.value.value = plain(facts.unit_cost.value)
    return item


def _failure(error: grpc.aio.AioRpcError) -> LedgerAway | LedgerRefused:
    """Whether the ledger refused, or could not be asked. What came from no service of ours has no reason."""
    failure = failure_of(error)
    if failure.reason and failure.code in NEVER_CHANGES:
        return LedgerRefused(failure.reason, failure.message, failure.metadata)
    return LedgerAway(f"{failure.code.name}: {failure.message}")
