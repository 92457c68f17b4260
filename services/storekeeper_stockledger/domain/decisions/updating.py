"""What is known of a stocked item changes; where its units are, doesn't."""

from ..draft import Draft
from ..items import Tracking
from ..operations import UpdateStockedItem
from ..refusals import StockedItemInUse, TrackingViolated
from ..shelf import Shelf
from ..stock import StockedItem
from .checks import check_reason
from .entering import check_serial_number, given_cost, value_of


def update(operation: UpdateStockedItem, draft: Draft) -> None:
    """Check what is newly known. Only a unit cost moves something: the worth of the units on hand."""
    shelf = draft.stock.shelf(operation.target)
    stocked_item = shelf[operation.target.stocked_item_id]
    check_reason(operation.reason, draft.settings)
    if operation.serial_number is not None:
        _check_new_serial_number(operation.serial_number, stocked_item, shelf, draft)
    if operation.unit_cost is not None:
        unit_cost = given_cost(operation.unit_cost, shelf, draft.settings)
        value_of(stocked_item.places.on_hand, unit_cost, shelf, draft.settings)
        if stocked_item.places.on_hand and unit_cost != stocked_item.unit_cost:
            draft.revalue(shelf, stocked_item, unit_cost)


def _check_new_serial_number(serial_number: str, stocked_item: StockedItem, shelf: Shelf, draft: Draft) -> None:
    if shelf.item.tracking is not Tracking.SERIAL:
        raise TrackingViolated(shelf.item.item_id, shelf.item.tracking, "units have no serial numbers")
    if stocked_item.available != 1:
        raise StockedItemInUse(stocked_item.stocked_item_id)
    if serial_number != stocked_item.serial_number:
        check_serial_number(serial_number, shelf, draft)
