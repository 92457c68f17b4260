"""In which order an operation draws on stocked items, as the journal tells it: so it can be told that none was passed over.

It is NAMED or a `StockOrder`, with EXPIRED_TOO behind it where what has expired is drawn on like anything else. The
components of a kit have an order each: where they differ, each is told with how many movements it has, as in
"oldest_first:2 named:1". Nothing is told of an operation that draws on no stocked item.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, Protocol

from .operations import (
    AssembleStock,
    ClosePosition,
    CountStock,
    DeliverStock,
    DisassembleStock,
    Name,
    Operation,
    PickStock,
    ReleaseStock,
    RemoveStock,
    ReserveStock,
    ReturnStock,
    StockedItemId,
    StockedItemIds,
    StockOrder,
    TransferStock,
    UnpickStock,
    UnreceiveStock,
)
from .places import Kind
from .stock import Movement

NAMED: Final = "named"
EXPIRED_TOO: Final = "+expired"

_BY_AGE: Final = f"{StockOrder.OLDEST_FIRST}{EXPIRED_TOO}"
_BACKWARDS: Final = f"{StockOrder.NEWEST_FIRST}{EXPIRED_TOO}"
_AS_NAMED: Final = f"{NAMED}{EXPIRED_TOO}"


class Ordered(Protocol):
    """What an operation, or a component of a kit, says of the units that it takes."""

    @property
    def source(self) -> Name:
        """A position, or stocked items of one."""

    @property
    def order(self) -> StockOrder:
        """In which the stocked items of a position are drawn on."""

    @property
    def include_expired(self) -> bool:
        """Whether units that have expired may be taken."""


def draw_order(operation: Operation, movements: Sequence[Movement]) -> str:
    """The order in which an operation has drawn, of which these are the movements."""
    order_of = _ORDERS.get(type(operation))
    return order_of(operation, movements) if movements and order_of else ""


def _asked(asked: Ordered, _: Sequence[Movement]) -> str:
    return _order(asked)


def _order(asked: Ordered) -> str:
    order = NAMED if _is_named(asked.source) else asked.order
    return f"{order}{EXPIRED_TOO}" if asked.include_expired else order


def _by_component(operation: AssembleStock, movements: Sequence[Movement]) -> str:
    orders = [_order(component) for component in operation.components]
    if len(set(orders)) == 1:
        return orders[0]
    consumed = iter(movements)
    counts = [_count(component.quantity, consumed) for component in operation.components]
    return " ".join(f"{order}:{count}" for order, count in zip(orders, counts, strict=True))


def _count(quantity: Decimal, movements: Iterator[Movement]) -> int:
    """How many movements it takes: all of a component is consumed, one after the other."""
    count = 0
    while quantity:
        quantity -= next(movements).quantity
        count += 1
    return count


def _counted(operation: CountStock, movements: Sequence[Movement]) -> str:
    """Of a surplus nothing is drawn."""
    if movements[0].kind is not Kind.COUNTED_OUT:
        return ""
    return _AS_NAMED if isinstance(operation.target, StockedItemId) else _BY_AGE


def _all_by_age(_: ClosePosition, __: Sequence[Movement]) -> str:
    return _BY_AGE


def _forwards(operation: DeliverStock, _: Sequence[Movement]) -> str:
    return _AS_NAMED if _is_named(operation.source) else _BY_AGE


def _backwards(operation: ReleaseStock | UnpickStock | ReturnStock | UnreceiveStock, _: Sequence[Movement]) -> str:
    return _AS_NAMED if _is_named(operation.source) else _BACKWARDS


def _is_named(source: Name) -> bool:
    return isinstance(source, StockedItemId | StockedItemIds)


_ORDERS: Final[dict[type[Operation], Callable[[Any, Sequence[Movement]], str]]] = {
    RemoveStock: _asked,
    ReserveStock: _asked,
    PickStock: _asked,
    TransferStock: _asked,
    DisassembleStock: _asked,
    AssembleStock: _by_component,
    CountStock: _counted,
    ClosePosition: _all_by_age,
    DeliverStock: _forwards,
    ReleaseStock: _backwards,
    UnpickStock: _backwards,
    ReturnStock: _backwards,
    UnreceiveStock: _backwards,
}
