"""Changes for an order line: units are expected by it, received, and taken back."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import Caller
from storekeeper_kit.extensions import read_extensions
from storekeeper_kit.reading import Reading

from ...domain.operations import CancelExpectedStock, ExpectStock, ReceiveStock, UnreceiveStock
from ..reading import LOT_CHARS_MAX, REFERENCE_CHARS_MAX
from .particulars import Request, cost, optional_quantity, past, quantity, reason, reference, time
from .which_units import target, unordered_source

SERIAL_NUMBERS_MAX: Final = 10_000
"""Units with serial numbers that one call receives."""


def expect(read: Reading, request: pb.ExpectStockRequest, _: Caller) -> ExpectStock:
    """Units will come."""
    return ExpectStock(
        order_line=_order_line(read, request),
        target=target(read, request),
        quantity=quantity(read, request),
        reason=reason(read, request),
    )


def cancel(read: Reading, request: pb.CancelExpectedStockRequest, _: Caller) -> CancelExpectedStock:
    """Fewer units will come."""
    return CancelExpectedStock(
        order_line=_order_line(read, request),
        target=target(read, request),
        quantity=optional_quantity(read, request),
        reason=reason(read, request),
    )


def receive(read: Reading, request: pb.ReceiveStockRequest, _: Caller) -> ReceiveStock:
    """Units that were expected come."""
    return ReceiveStock(
        order_line=_order_line(read, request),
        target=target(read, request),
        quantity=_received_quantity(read, request),
        receive_time=past(read, request, "receive_time"),
        cost=cost(read, request),
        lot=read.text("lot", request.lot, max_length=LOT_CHARS_MAX),
        serial_numbers=_serial_numbers(read, request.serial_numbers),
        expire_time=time(read, request, "expire_time"),
        reason=reason(read, request),
        reference=reference(read, request),
        invoice_number=read.text("invoice_number", request.invoice_number, max_length=REFERENCE_CHARS_MAX),
        extensions=read_extensions(read, "extensions", request.extensions),
    )


def unreceive(read: Reading, request: pb.UnreceiveStockRequest, _: Caller) -> UnreceiveStock:
    """Received units go back."""
    return UnreceiveStock(
        order_line=_order_line(read, request),
        source=unordered_source(read, request.source),
        quantity=quantity(read, request),
        reason=reason(read, request),
        lower_order=request.lower_order,
    )


def _received_quantity(read: Reading, request: pb.ReceiveStockRequest) -> Decimal:
    count = len(request.serial_numbers)
    if not count:
        return quantity(read, request)
    if request.HasField("quantity") and quantity(read, request) != count:
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


def _order_line(read: Reading, request: Request) -> str:
    return read.text("order_line", request.order_line, max_length=REFERENCE_CHARS_MAX, required=True)
