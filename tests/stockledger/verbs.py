"""Each change of stock in few words: what tests ask of the rules, and of a ledger."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from storekeeper_stockledger.domain.operations import (
    AddStock,
    AssembleStock,
    CancelExpectedStock,
    ClosePosition,
    Component,
    CountStock,
    DeliverStock,
    DisassembleStock,
    ExpectStock,
    ExtendReservation,
    ItemAtLocation,
    Name,
    Part,
    PickStock,
    PositionId,
    PositionName,
    ReceiveStock,
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
    UpdateStockedItem,
)

Number = Decimal | int | str

DEMAND: Final = "SO 1"
ORDER_LINE: Final = "PO 1-1"

NEWEST_FIRST: Final = StockOrder.NEWEST_FIRST
FIRST_EXPIRED_FIRST: Final = StockOrder.FIRST_EXPIRED_FIRST


def unit(stocked_item_id: int) -> StockedItemId:
    """A stocked item that is named."""
    return StockedItemId(stocked_item_id)


def units(*stocked_item_ids: int) -> StockedItemId | StockedItemIds:
    """Stocked items that are named."""
    if len(stocked_item_ids) == 1:
        return StockedItemId(stocked_item_ids[0])
    return StockedItemIds(stocked_item_ids)


# --- by hand ------------------------------------------------------------------------------------------------------


def adding(where: int | PositionName, quantity: Number = 1, **fields: Any) -> AddStock:
    """Add units to a position."""
    return AddStock(target=_position(where), quantity=Decimal(quantity), **fields)


def removing(where: int | Name, quantity: Number = 1, **fields: Any) -> RemoveStock:
    """Remove units: those of a position oldest first, unless another order is given."""
    return RemoveStock(source=_name(where), quantity=Decimal(quantity), **fields)


def taking(stocked_item_id: int, quantity: Number = 1) -> RemoveStock:
    """Remove units of one stocked item."""
    return removing(units(stocked_item_id), quantity)


def closing(position_id: int, **fields: Any) -> ClosePosition:
    """Close a position."""
    return ClosePosition(source=PositionId(position_id), **fields)


def counting(where: int | PositionName | StockedItemId, counted: Number, **fields: Any) -> CountStock:
    """Say what was found."""
    target = PositionId(where) if isinstance(where, int) else where
    return CountStock(target=target, counted=Decimal(counted), reason="stocktake", **fields)


def updating(stocked_item_id: int, **fields: Any) -> UpdateStockedItem:
    """Say what is newly known of a stocked item."""
    return UpdateStockedItem(target=StockedItemId(stocked_item_id), **fields)


# --- for a demand -------------------------------------------------------------------------------------------------


def reserving(where: int | Name, quantity: Number = 1, demand: str = DEMAND, **fields: Any) -> ReserveStock:
    """Promise units."""
    return ReserveStock(demand=demand, source=_name(where), quantity=Decimal(quantity), **fields)


def extending(where: int | PositionName, demand: str = DEMAND, **fields: Any) -> ExtendReservation:
    """Let a reservation expire at another time."""
    return ExtendReservation(demand=demand, source=_position(where), **fields)


def releasing(where: int | Name, quantity: Number | None = None, demand: str = DEMAND) -> ReleaseStock:
    """Give reserved units back."""
    return ReleaseStock(demand=demand, source=_name(where), quantity=_optional(quantity))


def picking(where: int | Name, quantity: Number | None = None, demand: str = DEMAND, **fields: Any) -> PickStock:
    """Take units off the shelf."""
    return PickStock(demand=demand, source=_name(where), quantity=_optional(quantity), **fields)


def unpicking(where: int | Name, quantity: Number | None = None, demand: str = DEMAND, **fields: Any) -> UnpickStock:
    """Put picked units back."""
    return UnpickStock(demand=demand, source=_name(where), quantity=_optional(quantity), **fields)


def delivering(where: int | Name, quantity: Number | None = None, demand: str = DEMAND) -> DeliverStock:
    """Hand picked units over."""
    return DeliverStock(demand=demand, source=_name(where), quantity=_optional(quantity))


def returning(where: int | Name, quantity: Number | None = None, demand: str = DEMAND) -> ReturnStock:
    """Take delivered units back."""
    return ReturnStock(demand=demand, source=_name(where), quantity=_optional(quantity))


# --- between positions --------------------------------------------------------------------------------------------


def transferring(where: int | Name, to_location_id: int, quantity: Number = 1, **fields: Any) -> TransferStock:
    """Take units to another location."""
    return TransferStock(source=_name(where), to_location_id=to_location_id, quantity=Decimal(quantity), **fields)


def component(where: int | Name, quantity: Number = 1, **fields: Any) -> Component:
    """Units that a kit is made of."""
    return Component(source=_name(where), quantity=Decimal(quantity), **fields)


def assembling(
    where: int | PositionName, quantity: Number, components: Iterable[Component], **fields: Any
) -> AssembleStock:
    """Make a kit."""
    return AssembleStock(target=_position(where), quantity=Decimal(quantity), components=tuple(components), **fields)


def part(where: int | PositionName, quantity: Number = 1, share: Number | None = None, **fields: Any) -> Part:
    """Units that a kit falls into."""
    return Part(target=_position(where), quantity=Decimal(quantity), cost_share=_optional(share), **fields)


def disassembling(where: int | Name, quantity: Number, parts: Iterable[Part], **fields: Any) -> DisassembleStock:
    """Take a kit apart."""
    return DisassembleStock(source=_name(where), quantity=Decimal(quantity), parts=tuple(parts), **fields)


# --- for an order line --------------------------------------------------------------------------------------------


def expecting(where: int | PositionName, quantity: Number = 1, order_line: str = ORDER_LINE) -> ExpectStock:
    """Say that units will come."""
    return ExpectStock(order_line=order_line, target=_position(where), quantity=Decimal(quantity))


def cancelling(
    where: int | PositionName, quantity: Number | None = None, order_line: str = ORDER_LINE
) -> CancelExpectedStock:
    """Say that fewer units will come."""
    return CancelExpectedStock(order_line=order_line, target=_position(where), quantity=_optional(quantity))


def receiving(
    where: int | PositionName, quantity: Number = 1, order_line: str = ORDER_LINE, **fields: Any
) -> ReceiveStock:
    """Receive what is on order; as many as there are serial numbers, if there are any."""
    count = len(fields.get("serial_numbers", ())) or quantity
    return ReceiveStock(order_line=order_line, target=_position(where), quantity=Decimal(count), **fields)


def unreceiving(where: int | Name, quantity: Number = 1, order_line: str = ORDER_LINE, **fields: Any) -> UnreceiveStock:
    """Take back what an order line has brought."""
    return UnreceiveStock(order_line=order_line, source=_name(where), quantity=Decimal(quantity), **fields)


def _name(where: int | Name) -> Name:
    return PositionId(where) if isinstance(where, int) else where


def _position(where: int | PositionName) -> PositionId | ItemAtLocation:
    return PositionId(where) if isinstance(where, int) else where


def _optional(number: Number | None) -> Decimal | None:
    return None if number is None else Decimal(number)
