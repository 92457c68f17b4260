"""InventoryStockedItemsRemove: units leave by hand (Autotask REST, InventoryStockedItemsRemove)."""

from typing import Any, Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb

from ...backends import Call
from ...mapping import BadPayload
from .changing import message_of
from .errors import Refused
from .parents import PARENT, require_in

STOCKED_ITEM: Final = "source.stocked_item_id"
POSITION: Final = "source.position_id"


async def remove(call: Call, row: dict[str, Any]) -> int:
    """Remove the oldest units of a product, or units of one stocked item; the id is that of the first one drawn on."""
    parent_id = row.pop(PARENT, None)
    wanted = {**row, "request_id": call.request_id(), **_source(row, parent_id)}
    if wanted["quantity"] <= 0:
        raise BadPayload([("quantityBeingRemoved", "must be greater than 0")])
    if STOCKED_ITEM in wanted and parent_id is not None:
        await require_in(call, wanted[STOCKED_ITEM], parent_id)
    removed = await call.ask(call.stock_ledger.RemoveStock, message_of(pb.RemoveStockRequest, wanted))
    return int(removed.movements[0].stocked_item_id)


def _source(row: dict[str, Any], parent_id: int | None) -> dict[str, int]:
    """One stocked item if the client named it, else the oldest of a product."""
    if STOCKED_ITEM in row and POSITION in row:
        raise Refused("Only one of the fields inventoryStockedItemID and inventoryProductID can have a value.")
    if STOCKED_ITEM in row:
        return {STOCKED_ITEM: row[STOCKED_ITEM]}
    position_id = row.get(POSITION, parent_id)
    if position_id is None:
        raise Refused("Value does not exist for one of the fields inventoryStockedItemID and inventoryProductID.")
    return {POSITION: position_id}
