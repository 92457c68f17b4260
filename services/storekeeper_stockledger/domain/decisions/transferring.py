"""Units go to another location, and their age and cost with them."""

from dataclasses import replace

from ..draft import Draft
from ..draws import Draw
from ..items import Tracking
from ..operations import ItemAtLocation, TransferStock
from ..places import Kind
from ..refusals import BadField
from ..shelf import Shelf
from .checks import check_enters, check_quantity
from .drawing import take_available


def transfer(operation: TransferStock, draft: Draft) -> None:
    """Transfer available units. Those at an inactive location, too: so it can be emptied."""
    source = draft.stock.shelf(operation.source)
    if operation.to_location_id == source.location_id:
        raise BadField("to_location_id", "is the location where the units are")
    check_quantity(operation.quantity, source)
    target = draft.stock.shelf_to_fill(ItemAtLocation(source.item.item_id, operation.to_location_id))
    check_enters(target)
    draws = take_available(draft, source, operation, operation.quantity, allow_partial=operation.allow_partial)
    carry = _relocate if source.item.tracking is Tracking.SERIAL else _hand_down
    for one in draws:
        carry(one, source, target, operation.reference, draft)


def _hand_down(one: Draw, source: Shelf, target: Shelf, reference: str, draft: Draft) -> None:
    """The units become a child of their stocked item, as old and at the same cost."""
    [parent] = draft.draw(source, Kind.TRANSFERRED_OUT, [one], reference=reference)
    child = replace(parent, parent_stocked_item_id=parent.stocked_item_id, order_line="")
    draft.bring(target, Kind.TRANSFERRED_IN, child, one.quantity, draft.movements[-1].amount, reference=reference)


def _relocate(one: Draw, source: Shelf, target: Shelf, reference: str, draft: Draft) -> None:
    """A unit with a serial number stays the stocked item that it is."""
    draft.draw(source, Kind.RELOCATED_OUT, [one], reference=reference)
    gone = draft.stocked_item(source, one.stocked_item_id)
    draft.move(
        target,
        Kind.RELOCATED_IN,
        replace(gone, position_id=target.position_id, location_id=target.location_id),
        one.quantity,
        amount=draft.movements[-1].amount,
        unit_cost=gone.unit_cost,
        reference=reference,
    )
