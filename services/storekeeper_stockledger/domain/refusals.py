"""Why the ledger refuses a request: what a caller may meet, as data.

A refusal changes nothing. What cannot happen is an assertion instead. Compared by identity, as exceptions are.
"""

from dataclasses import dataclass
from decimal import Decimal

from .items import Tracking


class Refused(Exception):
    """The request can't be carried out, and nothing was changed."""


@dataclass(eq=False)
class BadField(Refused):
    """A field is bad for a reason that only the stored data shows."""

    field: str
    description: str


@dataclass(eq=False)
class LocationNotFound(Refused):
    """No such location."""

    location_id: int


@dataclass(eq=False)
class LocationNameTaken(Refused):
    """Another location of the tenant has this name."""

    name: str


@dataclass(eq=False)
class LocationInactive(Refused):
    """No stock comes into an inactive location, and none is taken there unless the tenant allows it."""

    location_id: int


@dataclass(eq=False)
class ItemNotFound(Refused):
    """No item of this id is registered."""

    item_id: int


@dataclass(eq=False)
class ItemHasStock(Refused):
    """Tracking and scale are frozen once an item has been stocked."""

    item_id: int


@dataclass(eq=False)
class ItemArchived(Refused):
    """No stock of an archived item comes in."""

    item_id: int


@dataclass(eq=False)
class TrackingViolated(Refused):
    """The item's tracking asks for something else."""

    item_id: int
    tracking: Tracking
    demand: str


@dataclass(eq=False)
class PositionNotFound(Refused):
    """No such position; named by its id, or by item and location."""

    position_id: int | None = None
    item_id: int | None = None
    location_id: int | None = None


@dataclass(eq=False)
class PositionExists(Refused):
    """The item has a position at the location already."""

    item_id: int
    location_id: int
    position_id: int


@dataclass(eq=False)
class PositionInUse(Refused):
    """Units of the position are reserved, picked or on order, so it can't be closed."""

    position_id: int


@dataclass(eq=False)
class StockedItemNotFound(Refused):
    """No such stocked item."""

    stocked_item_id: int


@dataclass(eq=False)
class InsufficientStock(Refused):
    """More was asked for than is available."""

    requested: Decimal
    available: Decimal
    position_id: int
    stocked_item_id: int | None = None


@dataclass(eq=False)
class TooManyStockedItems(Refused):
    """The operation would draw on more stocked items than one call may."""

    limit: int
    covered: Decimal


@dataclass(eq=False)
class SerialUnitRequired(Refused):
    """Units of a serial-tracked item differ: one must be named."""

    item_id: int


@dataclass(eq=False)
class SerialNumberInStock(Refused):
    """A unit with this serial number is in stock."""

    item_id: int
    serial_number: str
    stocked_item_id: int


@dataclass(eq=False)
class StockLimitExceeded(Refused):
    """More than can be recorded."""

    position_id: int
    limit: Decimal


@dataclass(eq=False)
class ReasonRequired(Refused):
    """The tenant demands a reason for manual changes."""


@dataclass(eq=False)
class CostUnknown(Refused):
    """No unit of known cost tells the average or last received cost."""

    position_id: int


@dataclass(eq=False)
class CurrencyMismatch(Refused):
    """The cost is in another currency than stock is valued in."""

    currency_code: str


@dataclass(eq=False)
class CurrencyFrozen(Refused):
    """The currency is frozen once a position was opened."""

    currency_code: str


@dataclass(eq=False)
class EtagMismatch(Refused):
    """The resource has changed since its etag was read."""

    resource: str
    resource_id: int


@dataclass(eq=False)
class RequestIdReused(Refused):
    """The request id was used before, by a request with other contents."""

    request_id: str


@dataclass(eq=False)
class StockedItemInUse(Refused):
    """The unit isn't free, so its serial number is frozen."""

    stocked_item_id: int


@dataclass(eq=False)
class DemandExceeded(Refused):
    """More was asked for than the demand has there; without a quantity, it has nothing."""

    demand: str
    requested: Decimal | None
    held: Decimal
    position_id: int


@dataclass(eq=False)
class CountBelowCommitted(Refused):
    """Fewer units were counted than are reserved and picked."""

    counted: Decimal
    committed: Decimal
    position_id: int


@dataclass(eq=False)
class InvoiceNumberRequired(Refused):
    """The tenant demands the supplier's invoice number for what comes in."""


@dataclass(eq=False)
class ExpectationExceeded(Refused):
    """More was asked for than the order line has on order there; without a quantity, it has nothing."""

    order_line: str
    requested: Decimal | None
    on_order: Decimal
    position_id: int


@dataclass(eq=False)
class ReceiptExceeded(Refused):
    """More was asked for than can be taken back of what the order line brought."""

    order_line: str
    requested: Decimal
    reversible: Decimal
    position_id: int


@dataclass(eq=False)
class ChangeRefused(Refused):
    """One of several changes that are carried out together or not at all was refused, and all of them with it."""

    number: int
    """Its place among them, from 0."""
    refusal: Refused
    path: str = ""
    """Where it stands in the request, as far as that is known."""


@dataclass(eq=False)
class WatchAhead(Refused):
    """A token, or an instant, lies ahead of the journal, which may have been restored from a backup."""

    last_movement_id: int


@dataclass(eq=False)
class ItemHasPositions(Refused):
    """The item has open positions, so it can't be forgotten."""

    item_id: int


@dataclass(eq=False)
class PermissionRequired(Refused):
    """The caller lacks a permission."""

    permission: str
