"""Autotask's entities: their names, their tables, where their rows come from, and what can be done with them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...backends import Call
from ...mapping import Row, Table
from . import adding, fields, locations, positions, products, removing
from .sources import ITEMS, LOCATIONS, POSITIONS, STOCKED_ITEMS, Source

Create = Callable[[Call, dict[str, Any]], Awaitable[int]]
"""Creates what the row says, and tells its id."""
Update = Callable[[Call, Row, dict[str, Any]], Awaitable[None]]
"""Changes the row, whose second form has just what differs."""
Delete = Callable[[Call, int], Awaitable[None]]
"""Deletes the row of this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One entity, by the name that its pages are headed with and the one that its addresses have."""

    name: str
    plural: str
    table: Table
    source: Source | None = None
    create: Create | None = None
    update: Update | None = None
    delete: Delete | None = None


@dataclass(frozen=True, slots=True)
class Child:
    """An entity below another one, in whose rows a field names the parent."""

    entity: Entity
    parent_field: str


PRODUCTS: Final = Entity(
    name="Product",
    plural="Products",
    table=fields.PRODUCT,
    source=ITEMS,
    create=products.create,
    update=products.update,
)
INVENTORY_LOCATIONS: Final = Entity(
    name="InventoryLocation",
    plural="InventoryLocations",
    table=fields.INVENTORY_LOCATION,
    source=LOCATIONS,
    create=locations.create,
    update=locations.update,
)
INVENTORY_PRODUCTS: Final = Entity(
    name="InventoryProduct",
    plural="InventoryProducts",
    table=fields.INVENTORY_PRODUCT,
    source=POSITIONS,
    create=positions.create,
    update=positions.update,
    delete=positions.delete,
)
INVENTORY_ITEMS: Final = Entity(
    name="InventoryItem",
    plural="InventoryItems",
    table=fields.INVENTORY_ITEM,
    source=POSITIONS,
    create=positions.create,
    update=positions.update,
)
INVENTORY_STOCKED_ITEMS: Final = Entity(
    name="InventoryStockedItem",
    plural="InventoryStockedItems",
    table=fields.INVENTORY_STOCKED_ITEM,
    source=STOCKED_ITEMS,
)
STOCKED_ITEMS_ADD: Final = Entity(
    name="InventoryStockedItemsAdd", plural="InventoryStockedItemsAdd", table=fields.ADD, create=adding.add
)
STOCKED_ITEMS_REMOVE: Final = Entity(
    name="InventoryStockedItemsRemove",
    plural="InventoryStockedItemsRemove",
    table=fields.REMOVE,
    create=removing.remove,
)

ENTITIES: Final[Mapping[str, Entity]] = {
    entity.plural.casefold(): entity
    for entity in (
        PRODUCTS,
        INVENTORY_LOCATIONS,
        INVENTORY_PRODUCTS,
        INVENTORY_ITEMS,
        INVENTORY_STOCKED_ITEMS,
        STOCKED_ITEMS_ADD,
        STOCKED_ITEMS_REMOVE,
    )
}
"""By the name that their addresses have."""

CHILDREN: Final[Mapping[tuple[str, str], Child]] = {
    ("inventoryproducts", "stockeditems"): Child(INVENTORY_STOCKED_ITEMS, "inventoryProductID"),
    ("inventoryproducts", "stockeditemsadd"): Child(STOCKED_ITEMS_ADD, "inventoryProductID"),
    ("inventoryproducts", "stockeditemsremove"): Child(STOCKED_ITEMS_REMOVE, "inventoryProductID"),
}
"""By the names of the parent and of the child in an address."""
