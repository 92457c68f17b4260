"""Reads requests into what the catalog is asked; every bad field of a request is reported at once, by its path."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2 as stockledger_pb
from storekeeper_kit import extensions, paging
from storekeeper_kit.caller import COSTS_VIEW, Caller
from storekeeper_kit.ordering import Order, read_order
from storekeeper_kit.querying import read_filter
from storekeeper_kit.reading import Reading

from ..catalog import Change, Claim
from ..domain.fingerprint import fingerprint
from ..domain.item import (
    QUANTITY_SCALE_MAX,
    UNIT_COST_DECIMALS,
    WHOLE_UNITS,
    Counting,
    Draft,
    ItemState,
    ItemType,
    Tracking,
    UnitCost,
)
from ..storage.listing import FIELDS, ORDERS, Wanted
from . import writing

SKU_CHARS_MAX: Final = 100
NAME_CHARS_MAX: Final = 1000
DESCRIPTION_CHARS_MAX: Final = 8000
BATCH_MAX: Final = 1000

_TYPES: Final[Mapping[int, ItemType]] = {number: one for one, number in writing.TYPES.items()}
_TRACKINGS: Final[Mapping[int, Tracking]] = {number: one for one, number in writing.TRACKINGS.items()}


# --- changes ------------------------------------------------------------------------------------------------------


def new_item(request: pb.CreateItemRequest, caller: Caller) -> tuple[Claim, Draft]:
    """What CreateItem is asked. A cost from a caller who may not see costs is read, and then ignored."""
    read = Reading()
    request_id = read.request_id("request_id", request.request_id)
    item = request.item
    item_type = read.choice("item.type", item.type, pb.ItemType, required=False)
    values = {name: read_value(read, item) for name, read_value in _VALUES.items()}
    values["extensions"] = extensions.read_extensions(read, "item.extensions", item.extensions)
    _check_counting(read, values)
    read.finish()
    state = ItemState.ARCHIVED if request.archived else ItemState.ACTIVE
    draft = Draft(type=_TYPES.get(item_type, ItemType.INVENTORY), state=state, **values)
    return Claim(request_id=request_id, fingerprint=fingerprint("create_item", draft)), _seen_by(caller, draft)


def change(request: pb.UpdateItemRequest, caller: Caller) -> Change:
    """What UpdateItem is asked. A cost from a caller who may not see costs is read, and then ignored."""
    read = Reading()
    item = request.item
    item_id = read.identifier("item.item_id", item.item_id)
    version = read.etag("item.etag", item.etag)
    mask, vendors = extensions.read_mask(read, "update_mask", request.update_mask, tuple(_VALUES))
    values = {name: read_value(read, item) for name, read_value in _VALUES.items() if name in mask}
    given = extensions.read_extensions(read, "item.extensions", item.extensions)
    _check_counting(read, values)
    read.finish()
    if not caller.may(COSTS_VIEW):
        values.pop("unit_cost", None)
    return Change(
        item_id=item_id,
        version=version,
        values=values,
        extensions=given,
        all_extensions=extensions.MASK in mask,
        vendors=vendors,
    )


def named_item(request: pb.ArchiveItemRequest | pb.UnarchiveItemRequest) -> tuple[int, int | None]:
    """Which item ArchiveItem and UnarchiveItem are asked for, and which version it must still be."""
    read = Reading()
    item_id = read.identifier("item_id", request.item_id)
    version = read.etag("etag", request.etag)
    read.finish()
    return item_id, version


def _sku(read: Reading, item: pb.Item) -> str:
    return read.text("item.sku", item.sku, max_length=SKU_CHARS_MAX)


def _name(read: Reading, item: pb.Item) -> str:
    return read.text("item.name", item.name, max_length=NAME_CHARS_MAX, required=True)


def _description(read: Reading, item: pb.Item) -> str:
    return read.text("item.description", item.description, max_length=DESCRIPTION_CHARS_MAX)


def _tracking(read: Reading, item: pb.Item) -> Tracking:
    number = read.choice("item.tracking", item.tracking, stockledger_pb.Tracking, required=False)
    return _TRACKINGS.get(number, Tracking.NONE)


def _quantity_scale(read: Reading, item: pb.Item) -> int:
    if not 0 <= item.quantity_scale <= QUANTITY_SCALE_MAX:
        read.violation("item.quantity_scale", f"is not between 0 and {QUANTITY_SCALE_MAX}")
        return 0
    return item.quantity_scale


def _unit_cost(read: Reading, item: pb.Item) -> UnitCost | None:
    if not item.HasField("unit_cost"):
        return None
    cost = item.unit_cost
    return UnitCost(
        _currency_code(read, "item.unit_cost.currency_code", cost.currency_code),
        read.decimal(
            "item.unit_cost.value",
            cost.value if cost.HasField("value") else None,
            scale=UNIT_COST_DECIMALS,
            minimum=Decimal(0),
        ),
    )


_VALUES: Mapping[str, Any] = {
    "sku": _sku,
    "name": _name,
    "description": _description,
    "tracking": _tracking,
    "quantity_scale": _quantity_scale,
    "unit_cost": _unit_cost,
}
"""How each value of an item is read. One that is absent takes its default, also in an update whose mask names it."""


def _check_counting(read: Reading, values: Mapping[str, Any]) -> None:
    """Says beside other bad fields that two that were both given don't go together."""
    given = values.get("tracking", Tracking.NONE), values.get("quantity_scale", 0)
    if not Counting(*given).is_possible:
        read.violation("item.quantity_scale", WHOLE_UNITS)


def _currency_code(read: Reading, path: str, value: str) -> str:
    if not (len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()):
        read.violation(path, "is not an ISO 4217 code of three capital letters")
    return value


def _seen_by(caller: Caller, draft: Draft) -> Draft:
    return draft if caller.may(COSTS_VIEW) else replace(draft, unit_cost=None)


# --- reads --------------------------------------------------------------------------------------------------------


def item_name(request: pb.GetItemRequest) -> int | str:
    """What GetItem is asked: an id or a sku."""
    read = Reading()
    name: int | str
    match request.WhichOneof("key"):
        case "item_id":
            name = read.identifier("item_id", request.item_id)
        case "sku":
            name = read.text("sku", request.sku, max_length=SKU_CHARS_MAX, required=True)
        case _:
            read.violation("key", "is required: exactly one of item_id and sku")
            name = 0
    read.finish()
    return name


def item_ids(request: pb.BatchGetItemsRequest) -> list[int]:
    """What BatchGetItems is asked."""
    read = Reading()
    given = list(request.item_ids)
    if not given:
        read.violation("item_ids", "is required")
    if len(given) > BATCH_MAX:
        read.violation("item_ids", f"has more than {BATCH_MAX} ids")
    elif len(set(given)) < len(given):
        read.violation("item_ids", "has an id twice")
    for number, item_id in enumerate(given[:BATCH_MAX]):
        read.identifier(f"item_ids[{number}]", item_id)
    read.finish()
    return given


def listed(request: pb.ListItemsRequest, caller: Caller) -> tuple[paging.Query, Wanted]:
    """What ListItems is asked: the query that its tokens are bound to, and which items."""
    read = Reading()
    order: Order = read_order(read, "order_by", request.order_by, ORDERS)
    query = paging.Query.of(request, caller.tenant_id, order.key_types)
    size = read.page_size("page_size", request.page_size)
    after = order.read_token(read, "page_token", request.page_token, query)
    wanted = read_filter(read, "filter", request.filter if request.HasField("filter") else None, FIELDS, caller)
    read.finish()
    return query, Wanted(wanted, order, size, after)
