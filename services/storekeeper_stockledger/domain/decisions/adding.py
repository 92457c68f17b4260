"""Units come by hand."""

from datetime import datetime
from decimal import Decimal

from ..draft import Draft
from ..operations import AddStock
from ..places import Kind, Places
from ..shelf import Shelf
from ..stock import StockedItem
from .checks import check_enters, check_invoice_number, check_quantity, check_reason
from .entering import check_serial_number, check_tracking, past, unit_cost_of, value_of


def add(operation: AddStock, draft: Draft) -> None:
    """Add units as a new stocked item."""
    shelf = draft.stock.shelf(operation.target)
    check_enters(shelf)
    check_quantity(operation.quantity, shelf)
    check_reason(operation.reason, draft.settings)
    check_invoice_number(operation.invoice_number, draft.settings)
    check_tracking(operation, shelf)
    check_serial_number(operation.serial_number, shelf, draft)
    receive_time = past(operation.receive_time, "receive_time", draft)
    unit_cost = unit_cost_of(operation.cost, shelf, draft.settings)
    value = value_of(operation.quantity, unit_cost, shelf, draft.settings)
    new = new_stocked_item(
        shelf,
        receive_time,
        unit_cost,
        lot=operation.lot,
        serial_number=operation.serial_number,
        expire_time=operation.expire_time,
        invoice_number=operation.invoice_number,
        extensions=operation.extensions,
    )
    draft.bring(
        shelf,
        Kind.ADDED,
        new,
        operation.quantity,
        value,
        effective_time=receive_time,
        reference=operation.reference,
    )


def new_stocked_item(
    shelf: Shelf, receive_time: datetime, unit_cost: Decimal | None, **described: object
) -> StockedItem:
    """A stocked item without units, to be brought."""
    return StockedItem(
        stocked_item_id=0,
        position_id=shelf.position_id,
        item_id=shelf.item.item_id,
        location_id=shelf.location_id,
        receive_time=receive_time,
        places=Places(),
        unit_cost=unit_cost,
        **described,  # type: ignore[arg-type]
    )
