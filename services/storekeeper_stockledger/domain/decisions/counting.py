"""The books are made to agree with a stocktake."""

from decimal import Decimal

from ..costs import CostMethod
from ..draft import Draft
from ..draws import draw
from ..items import Tracking
from ..operations import CountStock, StockedItemId, StockOrder
from ..places import Kind
from ..refusals import CountBelowCommitted, SerialNumberInStock, SerialUnitRequired, TrackingViolated
from ..shelf import Shelf
from ..stock import StockedItem
from .adding import new_stocked_item
from .checks import check_open, check_quantity
from .entering import check_serial_number, past, value_of


def count(operation: CountStock, draft: Draft) -> None:
    """Record the difference between what was counted and what is on the books, or was then."""
    shelf = draft.stock.shelf(operation.target)
    check_open(shelf)
    check_quantity(operation.counted, shelf, "counted")
    past(operation.count_time, "count_time", draft)
    named = _named(operation, shelf)
    held = shelf.totals if named is None else named.places
    on_books = held.on_hand if operation.count_time is None else draft.stock.counted[operation]
    difference = operation.counted - on_books
    if difference < 0:
        if -difference > held.available:
            raise CountBelowCommitted(operation.counted, held.reserved + held.picked, shelf.position_id)
        _write_off(-difference, operation, named, shelf, draft)
    elif difference > 0:
        _write_up(difference, operation, named, shelf, draft)


def _named(operation: CountStock, shelf: Shelf) -> StockedItem | None:
    """The stocked item that was counted; None for all of the position."""
    if isinstance(operation.target, StockedItemId):
        if shelf.item.tracking is Tracking.SERIAL and operation.counted > 1:
            raise TrackingViolated(shelf.item.item_id, shelf.item.tracking, "a unit is there once, or not at all")
        return shelf[operation.target.stocked_item_id]
    if shelf.item.tracking is Tracking.SERIAL:
        raise SerialUnitRequired(shelf.item.item_id)
    return None


def _write_off(shortage: Decimal, operation: CountStock, named: StockedItem | None, shelf: Shelf, draft: Draft) -> None:
    layers = shelf.line(StockOrder.OLDEST_FIRST, with_expired=True) if named is None else iter([named])
    draft.draw(shelf, Kind.COUNTED_OUT, draw(layers, shortage), effective_time=operation.count_time)


def _write_up(surplus: Decimal, operation: CountStock, named: StockedItem | None, shelf: Shelf, draft: Draft) -> None:
    if shelf.item.tracking is Tracking.LOT and named is None:
        raise TrackingViolated(shelf.item.item_id, shelf.item.tracking, "count the stocked item whose lot has more")
    if named is not None:
        _check_serial_number(named, shelf, draft)
    unit_cost = shelf.costing.unit_cost(CostMethod.LAST_RECEIVED)
    found = new_stocked_item(
        shelf,
        draft.now,
        unit_cost,
        lot=named.lot if named else "",
        serial_number=named.serial_number if named else "",
        expire_time=named.expire_time if named else None,
    )
    value = value_of(surplus, unit_cost, shelf, draft.settings)
    draft.bring(shelf, Kind.COUNTED_IN, found, surplus, value, effective_time=operation.count_time)


def _check_serial_number(named: StockedItem, shelf: Shelf, draft: Draft) -> None:
    """The unit isn't in stock: neither another one with its number, nor itself, which may have come since it was counted."""
    if named.serial_number and named.places.on_hand:
        raise SerialNumberInStock(named.item_id, named.serial_number, named.stocked_item_id)
    check_serial_number(named.serial_number, shelf, draft)
