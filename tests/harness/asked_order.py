"""In which order a request asks for units to be drawn, as the contract says it: to be held against what is recorded."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.stock import number

NAMES = {
    pb.STOCK_ORDER_UNSPECIFIED: "oldest_first",
    pb.STOCK_ORDER_OLDEST_FIRST: "oldest_first",
    pb.STOCK_ORDER_NEWEST_FIRST: "newest_first",
    pb.STOCK_ORDER_FIRST_EXPIRED_FIRST: "first_expired_first",
}
NAMED = {"stocked_item_id", "stocked_items"}
"""Sources that name the stocked items to be drawn on."""
HELD = {
    pb.ReleaseStockRequest: "newest_first",
    pb.UnpickStockRequest: "newest_first",
    pb.ReturnStockRequest: "newest_first",
    pb.UnreceiveStockRequest: "newest_first",
    pb.DeliverStockRequest: "oldest_first",
}
"""What is drawn whether or not it has expired, in an order of its own."""


def order_asked(request: Any, movements: Sequence[pb.Movement]) -> str:
    """As the journal has it: `movements` are those that the request was answered with."""
    if isinstance(request, pb.ClosePositionRequest):
        return "oldest_first+expired" if movements else ""
    if isinstance(request, pb.CountStockRequest):
        drawn = any(movement.kind == pb.MOVEMENT_KIND_COUNTED_OUT for movement in movements)
        named = request.WhichOneof("target") in NAMED
        return f"{'named' if named else 'oldest_first'}+expired" if drawn else ""
    if isinstance(request, pb.AssembleStockRequest):
        orders = [_order_of(component.source) for component in request.components]
        return orders[0] if len(set(orders)) == 1 else " ".join(_runs(request, orders, movements))
    if type(request) in HELD:
        named = request.source.WhichOneof("kind") in NAMED
        return f"{'named' if named else HELD[type(request)]}+expired"
    # An extension has a source as well, but takes nothing from it.
    return _order_of(request.source) if movements and "source" in request.DESCRIPTOR.fields_by_name else ""


def _order_of(source: pb.StockSource) -> str:
    order = "named" if source.WhichOneof("kind") in NAMED else NAMES[source.order]
    return f"{order}+expired" if source.include_expired else order


def _runs(request: pb.AssembleStockRequest, orders: list[str], movements: Sequence[pb.Movement]) -> Iterator[str]:
    """Of each component its order, and how many movements it took to consume it."""
    consumed = [number(movement.quantity) for movement in movements[:-1]]
    for component, order in zip(request.components, orders, strict=True):
        count, left = 0, Decimal(number(component.quantity))
        while left:
            left -= consumed.pop(0)
            count += 1
        yield f"{order}:{count}"
