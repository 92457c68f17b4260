"""Which units a request means: those of a position, or of stocked items that it names."""

from collections.abc import Sequence
from typing import Any, Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.reading import Reading

from ...domain.operations import Name, PositionId, PositionName, StockedItemId, StockedItemIds, StockOrder
from ..reading import item_at_location
from .particulars import Request

STOCKED_ITEMS_MAX: Final = 1000
"""Stocked items that one source names."""

ORDERS: Final[dict[int, StockOrder]] = {
    pb.STOCK_ORDER_UNSPECIFIED: StockOrder.OLDEST_FIRST,
    pb.STOCK_ORDER_OLDEST_FIRST: StockOrder.OLDEST_FIRST,
    pb.STOCK_ORDER_NEWEST_FIRST: StockOrder.NEWEST_FIRST,
    pb.STOCK_ORDER_FIRST_EXPIRED_FIRST: StockOrder.FIRST_EXPIRED_FIRST,
}


def drawing(read: Reading, path: str, source: pb.StockSource) -> dict[str, Any]:
    """Which units are drawn, and in which order."""
    named = source.WhichOneof("kind")
    order = ORDERS.get(source.order)
    if order is None:
        read.choice(f"{path}.order", source.order, pb.StockOrder)
    elif source.order and named in {"stocked_item_id", "stocked_items"}:
        read.violation(f"{path}.order", "is of no use for stocked items that are named")
    elif named == "oldest_first" and order is not StockOrder.OLDEST_FIRST:
        read.violation(f"{path}.order", "contradicts oldest_first: name the position by item_at_location")
    return {
        "source": _source(read, path, source),
        "order": order or StockOrder.OLDEST_FIRST,
        "include_expired": source.include_expired,
    }


def unordered_source(read: Reading, source: pb.StockSource) -> Name:
    """Units that have an order of their own."""
    if source.order:
        read.violation("source.order", "can't be chosen here")
    if source.include_expired:
        read.violation("source.include_expired", "makes no difference here")
    return _source(read, "source", source)


def target(
    read: Reading, request: Request, choices: str = "position_id and item_at_location", *, path: str = ""
) -> PositionName:
    """The position that units come to."""
    return position(read, request, "target", choices, path=path)


def position(
    read: Reading, request: Request, name: str, choices: str = "position_id and item_at_location", *, path: str = ""
) -> PositionName:
    """The position that is named by an id or as a pair."""
    match request.WhichOneof(name):
        case "position_id":
            return PositionId(read.identifier(f"{path}position_id", request.position_id))
        case "item_at_location":
            return item_at_location(read, f"{path}item_at_location", request.item_at_location)
        case _:
            read.violation(f"{path}{name}", f"is required: exactly one of {choices}")
            return PositionId(0)


def _source(read: Reading, path: str, source: pb.StockSource) -> Name:
    match source.WhichOneof("kind"):
        case "oldest_first":
            return item_at_location(read, f"{path}.oldest_first", source.oldest_first)
        case "item_at_location":
            return item_at_location(read, f"{path}.item_at_location", source.item_at_location)
        case "position_id":
            return PositionId(read.identifier(f"{path}.position_id", source.position_id))
        case "stocked_item_id":
            return StockedItemId(read.identifier(f"{path}.stocked_item_id", source.stocked_item_id))
        case "stocked_items":
            return _stocked_items(read, f"{path}.stocked_items.stocked_item_ids", source.stocked_items.stocked_item_ids)
        case _:
            kinds = "oldest_first, position_id, stocked_item_id, item_at_location and stocked_items"
            read.violation(path, f"is required: exactly one of {kinds}")
            return PositionId(0)


def _stocked_items(read: Reading, path: str, given: Sequence[int]) -> Name:
    if not given:
        read.violation(path, "is required: at least one")
        return PositionId(0)
    if len(given) > STOCKED_ITEMS_MAX:
        read.violation(path, f"are more than {STOCKED_ITEMS_MAX}")
    elif len(set(given)) < len(given):
        read.violation(path, "names one of them twice")
    for number, stocked_item_id in enumerate(given[:STOCKED_ITEMS_MAX]):
        read.identifier(f"{path}[{number}]", stocked_item_id)
    return StockedItemIds(tuple(given))
