"""InventoryProducts, and InventoryItems, which is what they were before release 2022.1: positions of the stock ledger."""

from typing import Any, Final

import grpc

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.clients import failure_of

from ...backends import Call
from ...mapping import BadPayload, Row
from .changing import changed_message, message_of
from .errors import Refused
from .sources import ITEMS

ON_HAND: Final = "totals.on_hand"

UNKNOWN: Final = {"POSITION_NOT_FOUND", "INVALID_REQUEST"}
"""Nothing but the id can be wrong with what deletes a position, and an id that is wrong is nobody's."""


async def create(call: Call, row: dict[str, Any]) -> int:
    """Open a position. It is empty: units come by InventoryStockedItemsAdd."""
    if row.pop(ON_HAND, 0):
        raise _calculated()
    request = pb.OpenPositionRequest(request_id=call.request_id(), position=message_of(pb.Position, row))
    try:
        return int((await call.ask(call.stock_ledger.OpenPosition, request)).position_id)
    except grpc.aio.AioRpcError as error:
        if failure_of(error).reason == "ITEM_NOT_FOUND":
            await _check_that_it_is_unheard_of(call, row["item_id"])
        raise


async def update(call: Call, row: Row, changes: dict[str, Any]) -> None:
    """Change how a position is described."""
    if ON_HAND in changes:
        raise _calculated()
    position, mask = changed_message(pb.Position, "position_id", row, changes)
    request = pb.UpdatePositionRequest(position=position, update_mask=mask)
    await call.ask(call.stock_ledger.UpdatePosition, request)


async def delete(call: Call, position_id: int) -> None:
    """Close a position, and remove what is free there."""
    request = pb.ClosePositionRequest(request_id=call.request_id(), position_id=position_id)
    try:
        await call.ask(call.stock_ledger.ClosePosition, request)
    except grpc.aio.AioRpcError as error:
        if failure_of(error).reason not in UNKNOWN:
            raise
        # What clients look for, as they do for the permissions.
        raise Refused(
            f"No matching records found for the id [{position_id}], or you do not have the adequate permissions to delete"
            " it."
        ) from None


async def _check_that_it_is_unheard_of(call: Call, item_id: int) -> None:
    """Tells a product that doesn't exist from one that was created while the stock ledger was away."""
    item = await ITEMS.find(call, item_id) if item_id > 0 else None
    if item is not None and item["type"] == "INVENTORY":
        raise Refused(f"The Product [{item_id}] can't be stocked yet. Nothing happened; please try again in a moment.")


def _calculated() -> BadPayload:
    """On hand is the sum of the stocked items (Autotask REST, InventoryStockedItemsRemove, General 7)."""
    problem = "is calculated from the stocked items: use InventoryStockedItemsAdd and InventoryStockedItemsRemove"
    return BadPayload([("quantityOnHand", problem)])
