"""Units come by an order: they are expected, received, and taken back."""

from collections.abc import Iterator
from decimal import Decimal

from ..draft import Draft
from ..draws import Draw, draw, drawn
from ..holdings import Expectation
from ..items import Tracking
from ..operations import CancelExpectedStock, ExpectStock, ReceiveStock, UnreceiveStock
from ..places import Kind
from ..refusals import (
    ExpectationExceeded,
    ReceiptExceeded,
    SerialUnitRequired,
    StockLimitExceeded,
    TrackingViolated,
)
from ..shelf import NotLoaded, Shelf
from ..state import Stock
from ..stock import QUANTITY_LIMIT, StockedItem
from .adding import new_stocked_item
from .checks import check_enters, check_invoice_number, check_quantity, check_reason
from .drawing import named_ids
from .entering import check_serial_number, past, unit_cost_of, value_of


def expect(operation: ExpectStock, draft: Draft) -> None:
    """Note that units will come."""
    shelf = draft.stock.shelf_to_fill(operation.target)
    check_enters(shelf)
    check_quantity(operation.quantity, shelf)
    draft.expect(shelf, Kind.EXPECTED, operation.quantity, operation.order_line)


def cancel(operation: CancelExpectedStock, draft: Draft) -> None:
    """Note that fewer units will come."""
    shelf = draft.stock.shelf(operation.target)
    if operation.quantity is not None:
        check_quantity(operation.quantity, shelf)
    on_order = _expectation(shelf, operation.order_line).on_order
    quantity = on_order if operation.quantity is None else operation.quantity
    if not on_order or quantity > on_order:
        raise ExpectationExceeded(operation.order_line, operation.quantity, on_order, shelf.position_id)
    draft.expect(shelf, Kind.EXPECTATION_CANCELLED, quantity, operation.order_line)


def receive(operation: ReceiveStock, draft: Draft) -> None:
    """Turn units on order into available ones."""
    shelf = draft.stock.shelf(operation.target)
    check_enters(shelf)
    check_quantity(operation.quantity, shelf)
    check_invoice_number(operation.invoice_number, draft.settings)
    _check_tracking(operation, shelf)
    receive_time = past(operation.receive_time, "receive_time", draft)
    expected = _expectation(shelf, operation.order_line)
    if operation.quantity > expected.on_order:
        raise ExpectationExceeded(operation.order_line, operation.quantity, expected.on_order, shelf.position_id)
    if expected.received + operation.quantity >= QUANTITY_LIMIT:
        raise StockLimitExceeded(shelf.position_id, QUANTITY_LIMIT)
    unit_cost = unit_cost_of(operation.cost, shelf, draft.settings)
    new = new_stocked_item(
        shelf,
        receive_time,
        unit_cost,
        lot=operation.lot,
        expire_time=operation.expire_time,
        order_line=operation.order_line,
        invoice_number=operation.invoice_number,
        extensions=operation.extensions,
    )
    quantity = Decimal(1) if operation.serial_numbers else operation.quantity
    value = value_of(quantity, unit_cost, shelf, draft.settings)
    for serial_number in operation.serial_numbers or ("",):
        check_serial_number(serial_number, shelf, draft)
        draft.bring(
            shelf,
            Kind.RECEIVED,
            new.numbered(serial_number) if serial_number else new,
            quantity,
            value,
            effective_time=receive_time,
            reference=operation.reference,
            order_line=operation.order_line,
        )


def _check_tracking(operation: ReceiveStock, shelf: Shelf) -> None:
    tracking = shelf.item.tracking
    demands = {
        "serial numbers are required": tracking is Tracking.SERIAL and not operation.serial_numbers,
        "units have no serial numbers": tracking is not Tracking.SERIAL and operation.serial_numbers,
        "a lot is required": tracking is Tracking.LOT and not operation.lot,
        "units come in no lots": tracking is not Tracking.LOT and operation.lot,
    }
    for demand, is_broken in demands.items():
        if is_broken:
            raise TrackingViolated(shelf.item.item_id, tracking, demand)


def unreceive(operation: UnreceiveStock, draft: Draft) -> None:
    """Take back what an order line has brought, as far as it is still there."""
    shelf = draft.stock.shelf(operation.source)
    check_quantity(operation.quantity, shelf)
    check_reason(operation.reason, draft.settings)
    for one in _reversible(operation, shelf, draft.stock):
        stocked_item = draft.stocked_item(shelf, one.stocked_item_id)
        receipt = draft.stock.receipts.get((shelf.position_id, one.stocked_item_id))
        if receipt is None:
            # It was received a moment ago, and its movement has no number yet.
            raise NotLoaded
        draft.move(
            shelf,
            Kind.UNRECEIVED,
            stocked_item,
            one.quantity,
            order_line=operation.order_line,
            reversed_movement_id=receipt,
        )
    if operation.lower_order:
        draft.expect(shelf, Kind.EXPECTATION_CANCELLED, operation.quantity, operation.order_line)


def _reversible(operation: UnreceiveStock, shelf: Shelf, stock: Stock) -> tuple[Draw, ...]:
    """What to take back of which stocked item, newest first, or in the order in which they are named."""
    received = _expectation(shelf, operation.order_line).received
    draws = draw(_received_here(operation, shelf, stock), operation.quantity)
    reversible = min(received, drawn(draws))
    if operation.quantity > reversible:
        raise ReceiptExceeded(operation.order_line, operation.quantity, reversible, shelf.position_id)
    return draws


def _received_here(operation: UnreceiveStock, shelf: Shelf, stock: Stock) -> Iterator[StockedItem]:
    named = named_ids(operation.source)
    brought: Iterator[StockedItem]
    if named:
        brought = (one for one in map(shelf.__getitem__, named) if one.order_line == operation.order_line)
    elif shelf.item.tracking is Tracking.SERIAL:
        raise SerialUnitRequired(shelf.item.item_id)
    else:
        brought = shelf.brought_by(operation.order_line)
    return (one for one in brought if _was_received_here(one, shelf, stock))


def _was_received_here(stocked_item: StockedItem, shelf: Shelf, stock: Stock) -> bool:
    """Whether it hasn't come from another location since: before this batch or, without a number yet, within it."""
    one = stocked_item.stocked_item_id
    return (shelf.position_id, one) in stock.receipts or one in stock.changes.added


def _expectation(shelf: Shelf, order_line: str) -> Expectation:
    return shelf.expectations.get(order_line, Expectation())
