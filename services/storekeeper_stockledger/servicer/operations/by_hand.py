"""Changes by hand: units are added, removed and counted, and what is known of them is corrected."""

from decimal import Decimal

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import COSTS_VIEW, Caller
from storekeeper_kit.extensions import MASK, read_extensions, read_mask
from storekeeper_kit.reading import Reading

from ...domain.costs import UnitCost
from ...domain.operations import (
    AddStock,
    ClosePosition,
    CountStock,
    PositionId,
    PositionName,
    RemoveStock,
    StockedItemId,
    UpdateStockedItem,
)
from ..reading import LOT_CHARS_MAX, REFERENCE_CHARS_MAX, unit_cost
from .particulars import cost, past, quantity, reason, reference, time
from .which_units import drawing, target


def add(read: Reading, request: pb.AddStockRequest, _: Caller) -> AddStock:
    """Units come, as a new stocked item."""
    return AddStock(
        target=target(read, request),
        quantity=quantity(read, request),
        receive_time=past(read, request, "receive_time"),
        cost=cost(read, request),
        lot=read.text("lot", request.lot, max_length=LOT_CHARS_MAX),
        serial_number=read.text("serial_number", request.serial_number, max_length=LOT_CHARS_MAX),
        reason=reason(read, request),
        reference=reference(read, request),
        extensions=read_extensions(read, "extensions", request.extensions),
        expire_time=time(read, request, "expire_time"),
        invoice_number=read.text("invoice_number", request.invoice_number, max_length=REFERENCE_CHARS_MAX),
    )


def remove(read: Reading, request: pb.RemoveStockRequest, _: Caller) -> RemoveStock:
    """Available units leave."""
    return RemoveStock(
        **drawing(read, "source", request.source),
        quantity=quantity(read, request),
        reason=reason(read, request),
        allow_partial=request.allow_partial,
    )


def close(read: Reading, request: pb.ClosePositionRequest, _: Caller) -> ClosePosition:
    """A position is closed, and what is available there leaves."""
    position_id = read.identifier("position_id", request.position_id)
    return ClosePosition(source=PositionId(position_id), reason=reason(read, request))


def count(read: Reading, request: pb.CountStockRequest, _: Caller) -> CountStock:
    """Units were counted."""
    counted = request.counted if request.HasField("counted") else None
    return CountStock(
        target=_counted(read, request),
        counted=read.decimal("counted", counted, minimum=Decimal(0)),
        count_time=past(read, request, "count_time"),
        reason=reason(read, request, required=True),
    )


def update(read: Reading, request: pb.UpdateStockedItemRequest, caller: Caller) -> UpdateStockedItem:
    """What is known of a stocked item changes."""
    given = request.stocked_item
    mask, vendors = read_mask(read, "update_mask", request.update_mask, ("unit_cost", "serial_number", "expire_time"))
    if "unit_cost" in mask and not caller.may(COSTS_VIEW):
        read.violation("update_mask", "names unit_cost, which the caller may not see")
    expire_time = time(read, given, "expire_time", "stocked_item.") if "expire_time" in mask else None
    serial_number = given.serial_number if "serial_number" in mask else None
    if serial_number is not None:
        read.text("stocked_item.serial_number", serial_number, max_length=LOT_CHARS_MAX, required=True)
    takes_extensions = vendors or MASK in mask
    return UpdateStockedItem(
        target=StockedItemId(read.identifier("stocked_item.stocked_item_id", given.stocked_item_id)),
        unit_cost=_new_unit_cost(read, given) if "unit_cost" in mask else None,
        serial_number=serial_number,
        expire_time=expire_time,
        drops_expire_time="expire_time" in mask and expire_time is None,
        extensions=read_extensions(read, "stocked_item.extensions", given.extensions) if takes_extensions else None,
        vendors=() if MASK in mask else tuple(vendors),
        reason=reason(read, request),
    )


def _counted(read: Reading, request: pb.CountStockRequest) -> PositionName | StockedItemId:
    if request.WhichOneof("target") == "stocked_item_id":
        return StockedItemId(read.identifier("stocked_item_id", request.stocked_item_id))
    return target(read, request, "position_id, item_at_location and stocked_item_id")


def _new_unit_cost(read: Reading, given: pb.StockedItem) -> UnitCost | None:
    if given.HasField("unit_cost"):
        return unit_cost(read, "stocked_item.unit_cost", given.unit_cost)
    read.violation("stocked_item.unit_cost", "is required: a cost that is known stays known")
    return None
