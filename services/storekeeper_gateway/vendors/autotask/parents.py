"""The parent that an address names: `/InventoryProducts/7/StockedItemsRemove` acts on InventoryProduct 7 and no other."""

from typing import Any, Final

from ...backends import Call
from ...mapping import Field
from .errors import Refused
from .sources import STOCKED_ITEMS

PARENT: Final = "parent"
"""Where a row says which InventoryProduct its address named."""


def with_parent(row: dict[str, Any], field: Field, parent_id: int) -> dict[str, Any]:
    """The row below its parent. What it says itself of its parent, in this field, must agree."""
    said = row.get(str(field.path), parent_id)
    if said != parent_id:
        raise Refused(f"The value [{said}] of {field.name} is not the one in the address, [{parent_id}].")
    return {**row, PARENT: parent_id}


async def require_in(call: Call, stocked_item_id: int, position_id: int) -> None:
    """Refuses a stocked item that is not of this InventoryProduct."""
    found = await STOCKED_ITEMS.find(call, stocked_item_id)
    if found is None or found["position_id"] != position_id:
        raise Refused(
            f"The value [{stocked_item_id}] of inventoryStockedItemID refers to no InventoryStockedItem of the"
            f" InventoryProduct [{position_id}]."
        )
