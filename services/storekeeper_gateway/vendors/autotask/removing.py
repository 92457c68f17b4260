"""InventoryStockedItemsRemove: units leave by hand (Autotask REST, InventoryStockedItemsRemove)."""

from typing import Any

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb

from ...backends import Call
from ...mapping import BadPayload
from .errors import Refused
from .parents import PARENT, require_in


async def remove(call: Call, row: dict[str, Any]) -> int:
    """Remove the oldest units of a product, or units of one stocked item; the id is that of the first one drawn on."""
    source = _source(row)
    if source.WhichOneof("kind") == "stocked_item_id" and PARENT in row:
        await require_in(call, source.stocked_item_id, row[PARENT])
    if row["quantityBeingRemoved"] <= 0:
        raise BadPayload([("quantityBeingRemoved", "must be greater than 0")])
    request = pb.RemoveStockRequest(
        request_id=call.request_id("remove"), source=source, reason=row.get("reasonForUpdate") or ""
    )
    request.quantity.value = str(row["quantityBeingRemoved"])
    removed = await call.ask(call.stock_ledger.RemoveStock, request)
    return int(removed.movements[0].stocked_item_id)


def _source(row: dict[str, Any]) -> pb.StockSource:
    """One stocked item if the client named it, else the oldest of a product."""
    stocked_item_id, position_id = row.get("inventoryStockedItemID"), row.get("inventoryProductID")
    if stocked_item_id is not None and position_id is not None:
        raise Refused("Only one of the fields inventoryStockedItemID and inventoryProductID can have a value.")
    if stocked_item_id is not None:
        return pb.StockSource(stocked_item_id=stocked_item_id)
    position_id = row.get(PARENT, position_id)
    if position_id is None:
        raise Refused("Value does not exist for one of the fields inventoryStockedItemID and inventoryProductID.")
    return pb.StockSource(position_id=position_id)
