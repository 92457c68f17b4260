"""What several operations demand."""

from decimal import Decimal

from ..items import Settings
from ..refusals import (
    BadField,
    InvoiceNumberRequired,
    ItemArchived,
    LocationInactive,
    PositionNotFound,
    ReasonRequired,
)
from ..shelf import Shelf


def check_quantity(quantity: Decimal, shelf: Shelf, field: str = "quantity") -> None:
    """Units have no more decimals than the item's scale."""
    if not shelf.item.measures(quantity):
        scale = shelf.item.quantity_scale
        raise BadField(field, f"has more than the {scale} decimals that item {shelf.item.item_id} is counted with")


def check_reason(reason: str, settings: Settings) -> None:
    """A reason is given, where the tenant demands one."""
    if settings.reason_required and not reason.strip():
        raise ReasonRequired


def check_invoice_number(invoice_number: str, settings: Settings) -> None:
    """The supplier's invoice is named, where the tenant demands it."""
    if settings.invoice_number_required and not invoice_number.strip():
        raise InvoiceNumberRequired


def check_open(shelf: Shelf) -> None:
    """Nothing comes back to a position that is closed."""
    if not shelf.is_open:
        raise PositionNotFound(position_id=shelf.position_id)


def check_enters(shelf: Shelf) -> None:
    """Stock may come in."""
    if not shelf.location_active:
        raise LocationInactive(shelf.location_id)
    if shelf.item.archived:
        raise ItemArchived(shelf.item.item_id)


def check_leaves(shelf: Shelf, settings: Settings) -> None:
    """Available units may be taken. From an inactive location they may only if the tenant allows it."""
    if not (shelf.location_active or settings.inactive_location_removal_allowed):
        raise LocationInactive(shelf.location_id)
