"""Reads each request that changes stock into the operation that it asks for; all its bad fields are reported at once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.type.decimal_pb2 import Decimal as DecimalMessage

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import COSTS_VIEW, Caller
from storekeeper_kit.extensions import MASK, read_extensions, read_mask
from storekeeper_kit.reading import Reading

from ..domain.costs import CostMethod, UnitCost
from ..domain.operations import (
    OPERATION_KINDS,
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
    Name,
    Operation,
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
    Submission,
    TransferStock,
    UnpickStock,
    UnreceiveStock,
    UpdateStockedItem,
    fingerprint,
)
from .reading import (
    COST_METHODS,
    LOT_CHARS_MAX,
    REASON_CHARS_MAX,
    REFERENCE_CHARS_MAX,
    item_at_location,
    unit_cost,
)

CLOCKS_APART_MAX: Final = timedelta(minutes=1)
"""How far this machine's clock may be behind the database's, which alone decides what lies in the future."""

EXPIRE_AFTER_MAX: Final = timedelta(days=3650)
"""The longest that a reservation may last, if it doesn't last for ever."""

NANOS_MAX: Final = 999_999_999
"""In one message: more of them are seconds."""

STOCKED_ITEMS_MAX: Final = 1000
"""Stocked items that one source names."""

PARTS_MAX: Final = 100
"""Components or parts of one kit."""

SERIAL_NUMBERS_MAX: Final = 10_000
"""Units with serial numbers that one call receives."""

ORDERS: Final[dict[int, StockOrder]] = {
    pb.STOCK_ORDER_UNSPECIFIED: StockOrder.OLDEST_FIRST,
    pb.STOCK_ORDER_OLDEST_FIRST: StockOrder.OLDEST_FIRST,
    pb.STOCK_ORDER_NEWEST_FIRST: StockOrder.NEWEST_FIRST,
    pb.STOCK_ORDER_FIRST_EXPIRED_FIRST: StockOrder.FIRST_EXPIRED_FIRST,
}

Request = Any
"""One of the keys of `READERS`."""


def submission(request: Request, caller: Caller) -> Submission:
    """What is asked, under which request id and in whose name.

    A cost from a caller who may not see costs is read, and then ignored.
    """
    read = Reading()
    request_id = read.request_id("request_id", request.request_id)
    operation = READERS[type(request)](read, request, caller)
    read.finish()
    asked = fingerprint(OPERATION_KINDS[type(operation)], operation)
    ignores_cost = not caller.may(COSTS_VIEW)
    if ignores_cost and getattr(operation, "cost", None) is not None:
        assert isinstance(operation, AddStock | ReceiveStock), "no other has one"
        operation = replace(operation, cost=None)
    return Submission(
        request_id=request_id,
        fingerprint=asked,
        operation=operation,
        actor=caller.actor,
        validate_only=getattr(request, "validate_only", False),
        ignores_cost=ignores_cost,
    )


# --- by hand ------------------------------------------------------------------------------------------------------


def _add(read: Reading, request: pb.AddStockRequest, _: Caller) -> AddStock:
    return AddStock(
        target=_target(read, request),
        quantity=_quantity(read, request),
        receive_time=_past(read, request, "receive_time"),
        cost=_cost(read, request),
        lot=read.text("lot", request.lot, max_length=LOT_CHARS_MAX),
        serial_number=read.text("serial_number", request.serial_number, max_length=LOT_CHARS_MAX),
        reason=_reason(read, request),
        reference=_reference(read, request),
        extensions=read_extensions(read, "extensions", request.extensions),
        expire_time=_time(read, request, "expire_time"),
        invoice_number=read.text("invoice_number", request.invoice_number, max_length=REFERENCE_CHARS_MAX),
    )


def _remove(read: Reading, request: pb.RemoveStockRequest, _: Caller) -> RemoveStock:
    return RemoveStock(
        **_drawing(read, "source", request.source),
        quantity=_quantity(read, request),
        reason=_reason(read, request),
        allow_partial=request.allow_partial,
    )


def _close(read: Reading, request: pb.ClosePositionRequest, _: Caller) -> ClosePosition:
    position_id = read.identifier("position_id", request.position_id)
    return ClosePosition(source=PositionId(position_id), reason=_reason(read, request))


def _count(read: Reading, request: pb.CountStockRequest, _: Caller) -> CountStock:
    counted = request.counted if request.HasField("counted") else None
    return CountStock(
        target=_counted(read, request),
        counted=read.decimal("counted", counted, minimum=Decimal(0)),
        count_time=_past(read, request, "count_time"),
        reason=read.text("reason", request.reason, max_length=REASON_CHARS_MAX, required=True),
    )


def _counted(read: Reading, request: pb.CountStockRequest) -> PositionName | StockedItemId:
    if request.WhichOneof("target") == "stocked_item_id":
        return StockedItemId(read.identifier("stocked_item_id", request.stocked_item_id))
    return _target(read, request, "position_id, item_at_location and stocked_item_id")


def _update(read: Reading, request: pb.UpdateStockedItemRequest, caller: Caller) -> UpdateStockedItem:
    given = request.stocked_item
    mask, vendors = read_mask(read, "update_mask", request.update_mask, ("unit_cost", "serial_number", "expire_time"))
    if "unit_cost" in mask and not caller.may(COSTS_VIEW):
        read.violation("update_mask", "names unit_cost, which the caller may not see")
    expire_time = _time(read, given, "expire_time", "stocked_item.") if "expire_time" in mask else None
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
        reason=_reason(read, request),
    )


def _new_unit_cost(read: Reading, given: pb.StockedItem) -> UnitCost | None:
    if given.HasField("unit_cost"):
        return unit_cost(read, "stocked_item.unit_cost", given.unit_cost)
    read.violation("stocked_item.unit_cost", "is required: a cost that is known stays known")
    return None


# --- for a demand -------------------------------------------------------------------------------------------------


def _reserve(read: Reading, request: pb.ReserveStockRequest, _: Caller) -> ReserveStock:
    return ReserveStock(
        demand=_demand(read, request),
        **_drawing(read, "source", request.source),
        quantity=_quantity(read, request),
        allow_partial=request.allow_partial,
        expire_after=_expire_after(read, request),
        reason=_reason(read, request),
    )


def _extend(read: Reading, request: pb.ExtendReservationRequest, _: Caller) -> ExtendReservation:
    return ExtendReservation(
        demand=_demand(read, request),
        source=_position(read, request, "position"),
        expire_after=_expire_after(read, request),
    )


def _pick(read: Reading, request: pb.PickStockRequest, _: Caller) -> PickStock:
    return PickStock(
        demand=_demand(read, request),
        **_drawing(read, "source", request.source),
        quantity=_optional_quantity(read, request),
        allow_partial=request.allow_partial,
        reserved_only=request.reserved_only,
        reason=_reason(read, request),
    )


def _release(read: Reading, request: pb.ReleaseStockRequest, _: Caller) -> ReleaseStock:
    return ReleaseStock(**_held(read, request))


def _unpick(read: Reading, request: pb.UnpickStockRequest, _: Caller) -> UnpickStock:
    return UnpickStock(**_held(read, request), keep_reserved=request.keep_reserved)


def _deliver(read: Reading, request: pb.DeliverStockRequest, _: Caller) -> DeliverStock:
    return DeliverStock(**_held(read, request))


def _return(read: Reading, request: pb.ReturnStockRequest, _: Caller) -> ReturnStock:
    return ReturnStock(**_held(read, request))


def _held(
    read: Reading,
    request: pb.ReleaseStockRequest | pb.UnpickStockRequest | pb.DeliverStockRequest | pb.ReturnStockRequest,
) -> dict[str, Any]:
    return {
        "demand": _demand(read, request),
        "source": _unordered_source(read, request.source),
        "quantity": _optional_quantity(read, request),
        "reason": _reason(read, request),
    }


def _demand(read: Reading, request: Request) -> str:
    return read.text("demand", request.demand, max_length=REFERENCE_CHARS_MAX, required=True)


def _expire_after(read: Reading, request: pb.ReserveStockRequest | pb.ExtendReservationRequest) -> timedelta | None:
    if not request.HasField("expire_after"):
        return None
    lasting = interval(request.expire_after)
    if not 0 <= request.expire_after.nanos <= NANOS_MAX:
        # Its seconds can't be negative, so these mustn't be, either.
        read.violation("expire_after", "is not a duration: its nanos are not between 0 and 999,999,999")
    elif not timedelta() < lasting <= EXPIRE_AFTER_MAX:
        read.violation("expire_after", f"is not between a microsecond and {EXPIRE_AFTER_MAX.days} days")
    return lasting


def interval(message: Duration) -> timedelta:
    """To the microsecond; one that is out of all bounds becomes one that is just so."""
    limit = 2 * int(EXPIRE_AFTER_MAX.total_seconds())
    return timedelta(seconds=max(-1, min(message.seconds, limit)), microseconds=message.nanos // 1000)


# --- between positions --------------------------------------------------------------------------------------------


def _transfer(read: Reading, request: pb.TransferStockRequest, _: Caller) -> TransferStock:
    return TransferStock(
        **_drawing(read, "source", request.source),
        to_location_id=read.identifier("to_location_id", request.to_location_id),
        quantity=_quantity(read, request),
        allow_partial=request.allow_partial,
        reason=_reason(read, request),
        reference=_reference(read, request),
    )


def _assemble(read: Reading, request: pb.AssembleStockRequest, _: Caller) -> AssembleStock:
    _check_count(read, "components", request.components)
    return AssembleStock(
        components=tuple(
            Component(
                **_drawing(read, f"components[{number}].source", component.source),
                quantity=_quantity(read, component, f"components[{number}]."),
            )
            for number, component in enumerate(request.components[:PARTS_MAX])
        ),
        target=_target(read, request),
        quantity=_quantity(read, request),
        reason=_reason(read, request),
        **_described(read, request),
        reference=_reference(read, request),
    )


def _disassemble(read: Reading, request: pb.DisassembleStockRequest, _: Caller) -> DisassembleStock:
    _check_count(read, "parts", request.parts)
    parts = tuple(_part(read, f"parts[{number}].", part) for number, part in enumerate(request.parts[:PARTS_MAX]))
    shares = [part.cost_share for part in parts]
    known = [share for share in shares if share is not None]
    if known and (len(known) < len(shares) or not any(known)):
        read.violation("parts", "have a cost_share each, not all of them zero, or none at all")
    return DisassembleStock(
        **_drawing(read, "source", request.source),
        quantity=_quantity(read, request),
        parts=parts,
        reason=_reason(read, request),
        reference=_reference(read, request),
    )


def _part(read: Reading, path: str, part: pb.Part) -> Part:
    share = part.cost_share if part.HasField("cost_share") else None
    return Part(
        target=_target(read, part, path=path),
        quantity=_quantity(read, part, path),
        cost_share=None if share is None else read.decimal(f"{path}cost_share", share, minimum=Decimal(0)),
        **_described(read, part, path),
    )


def _described(read: Reading, made: pb.AssembleStockRequest | pb.Part, path: str = "") -> dict[str, Any]:
    return {
        "lot": read.text(f"{path}lot", made.lot, max_length=LOT_CHARS_MAX),
        "serial_number": read.text(f"{path}serial_number", made.serial_number, max_length=LOT_CHARS_MAX),
        "expire_time": _time(read, made, "expire_time", path),
    }


def _check_count(read: Reading, path: str, given: Sequence[object]) -> None:
    if not given:
        read.violation(path, "is required: at least one")
    elif len(given) > PARTS_MAX:
        read.violation(path, f"are more than {PARTS_MAX}")


# --- for an order line --------------------------------------------------------------------------------------------


def _expect(read: Reading, request: pb.ExpectStockRequest, _: Caller) -> ExpectStock:
    return ExpectStock(
        order_line=_order_line(read, request),
        target=_target(read, request),
        quantity=_quantity(read, request),
        reason=_reason(read, request),
    )


def _cancel(read: Reading, request: pb.CancelExpectedStockRequest, _: Caller) -> CancelExpectedStock:
    return CancelExpectedStock(
        order_line=_order_line(read, request),
        target=_target(read, request),
        quantity=_optional_quantity(read, request),
        reason=_reason(read, request),
    )


def _receive(read: Reading, request: pb.ReceiveStockRequest, _: Caller) -> ReceiveStock:
    return ReceiveStock(
        order_line=_order_line(read, request),
        target=_target(read, request),
        quantity=_received_quantity(read, request),
        receive_time=_past(read, request, "receive_time"),
        cost=_cost(read, request),
        lot=read.text("lot", request.lot, max_length=LOT_CHARS_MAX),
        serial_numbers=_serial_numbers(read, request.serial_numbers),
        expire_time=_time(read, request, "expire_time"),
        reason=_reason(read, request),
        reference=_reference(read, request),
        invoice_number=read.text("invoice_number", request.invoice_number, max_length=REFERENCE_CHARS_MAX),
        extensions=read_extensions(read, "extensions", request.extensions),
    )


def _received_quantity(read: Reading, request: pb.ReceiveStockRequest) -> Decimal:
    count = len(request.serial_numbers)
    if not count:
        return _quantity(read, request)
    if request.HasField("quantity") and _quantity(read, request) != count:
        read.violation("quantity", f"is not the number of serial numbers, which is {count}")
    return Decimal(count)


def _serial_numbers(read: Reading, given: Sequence[str]) -> tuple[str, ...]:
    if len(given) > SERIAL_NUMBERS_MAX:
        read.violation("serial_numbers", f"are more than {SERIAL_NUMBERS_MAX}")
        return ()
    seen: dict[str, int] = {}
    for number, text in enumerate(given):
        read.text(f"serial_numbers[{number}]", text, max_length=LOT_CHARS_MAX, required=True)
        if seen.setdefault(text, number) != number:
            read.violation(f"serial_numbers[{number}]", f"is the same as serial_numbers[{seen[text]}]")
    return tuple(given)


def _unreceive(read: Reading, request: pb.UnreceiveStockRequest, _: Caller) -> UnreceiveStock:
    return UnreceiveStock(
        order_line=_order_line(read, request),
        source=_unordered_source(read, request.source),
        quantity=_quantity(read, request),
        reason=_reason(read, request),
        lower_order=request.lower_order,
    )


def _order_line(read: Reading, request: Request) -> str:
    return read.text("order_line", request.order_line, max_length=REFERENCE_CHARS_MAX, required=True)


# --- which units --------------------------------------------------------------------------------------------------


def _drawing(read: Reading, path: str, source: pb.StockSource) -> dict[str, Any]:
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


def _unordered_source(read: Reading, source: pb.StockSource) -> Name:
    """Units that have an order of their own."""
    if source.order:
        read.violation("source.order", "can't be chosen here")
    if source.include_expired:
        read.violation("source.include_expired", "makes no difference here")
    return _source(read, "source", source)


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


def _target(
    read: Reading, request: Request, choices: str = "position_id and item_at_location", *, path: str = ""
) -> PositionName:
    return _position(read, request, "target", choices, path=path)


def _position(
    read: Reading, request: Request, name: str, choices: str = "position_id and item_at_location", *, path: str = ""
) -> PositionName:
    match request.WhichOneof(name):
        case "position_id":
            return PositionId(read.identifier(f"{path}position_id", request.position_id))
        case "item_at_location":
            return item_at_location(read, f"{path}item_at_location", request.item_at_location)
        case _:
            read.violation(f"{path}{name}", f"is required: exactly one of {choices}")
            return PositionId(0)


# --- what is said of them -----------------------------------------------------------------------------------------


def _quantity(read: Reading, request: Request, path: str = "") -> Decimal:
    return read.positive_quantity(f"{path}quantity", _given(request))


def _optional_quantity(read: Reading, request: Request) -> Decimal | None:
    return read.positive_quantity("quantity", request.quantity) if request.HasField("quantity") else None


def _given(request: Request) -> DecimalMessage | None:
    return request.quantity if request.HasField("quantity") else None


def _reason(read: Reading, request: Request) -> str:
    return read.text("reason", request.reason, max_length=REASON_CHARS_MAX)


def _reference(read: Reading, request: Request) -> str:
    return read.text("reference", request.reference, max_length=REFERENCE_CHARS_MAX)


def _time(read: Reading, request: Request, field: str, path: str = "") -> datetime | None:
    return read.timestamp(f"{path}{field}", getattr(request, field) if request.HasField(field) else None)


def _past(read: Reading, request: Request, field: str) -> datetime | None:
    """A time that isn't plainly in the future: told here beside other bad fields. A close one is the ledger's to judge."""
    time = _time(read, request, field)
    if time is not None and time > datetime.now(UTC) + CLOCKS_APART_MAX:
        read.violation(field, "lies in the future")
    return time


def _cost(read: Reading, request: pb.AddStockRequest | pb.ReceiveStockRequest) -> UnitCost | CostMethod | None:
    match request.WhichOneof("cost"):
        case "unit_cost":
            return unit_cost(read, "unit_cost", request.unit_cost)
        case "cost_method":
            return COST_METHODS.get(read.choice("cost_method", request.cost_method, pb.CostMethod))
        case _:
            return None


READERS: Final[dict[type, Callable[[Reading, Any, Caller], Operation]]] = {
    pb.AddStockRequest: _add,
    pb.RemoveStockRequest: _remove,
    pb.ClosePositionRequest: _close,
    pb.CountStockRequest: _count,
    pb.UpdateStockedItemRequest: _update,
    pb.ReserveStockRequest: _reserve,
    pb.ReleaseStockRequest: _release,
    pb.ExtendReservationRequest: _extend,
    pb.PickStockRequest: _pick,
    pb.UnpickStockRequest: _unpick,
    pb.DeliverStockRequest: _deliver,
    pb.ReturnStockRequest: _return,
    pb.TransferStockRequest: _transfer,
    pb.AssembleStockRequest: _assemble,
    pb.DisassembleStockRequest: _disassemble,
    pb.ExpectStockRequest: _expect,
    pb.CancelExpectedStockRequest: _cancel,
    pb.ReceiveStockRequest: _receive,
    pb.UnreceiveStockRequest: _unreceive,
}
"""How each request is read."""
