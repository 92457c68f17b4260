"""What units that come in must have: what their item's tracking demands, a time that isn't in the future, a cost."""

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from ..costs import CostMethod, UnitCost, amount_of
from ..draft import Draft
from ..items import Settings, Tracking
from ..refusals import (
    BadField,
    CostUnknown,
    CurrencyMismatch,
    SerialNumberInStock,
    StockLimitExceeded,
    TrackingViolated,
)
from ..shelf import Shelf
from ..stock import UNIT_COST_LIMIT, VALUE_LIMIT


class Entering(Protocol):
    """What an operation says of units that come in."""

    @property
    def quantity(self) -> Decimal:
        """How many."""

    @property
    def lot(self) -> str:
        """Their lot."""

    @property
    def serial_number(self) -> str:
        """Theirs, or empty."""


def check_tracking(entering: Entering, shelf: Shelf) -> None:
    """The item's tracking is satisfied."""
    demand = _broken_demand(entering, shelf.item.tracking)
    if demand:
        raise TrackingViolated(shelf.item.item_id, shelf.item.tracking, demand)


def check_serial_number(serial_number: str, shelf: Shelf, draft: Draft) -> None:
    """No unit of the item in stock has this serial number."""
    holder = draft.holder_of(shelf.item.item_id, serial_number)
    if serial_number and holder is not None:
        raise SerialNumberInStock(shelf.item.item_id, serial_number, holder)


def _broken_demand(entering: Entering, tracking: Tracking) -> str:
    """What the item's tracking demands and the operation doesn't give; empty when all is well."""
    if tracking is Tracking.SERIAL and not entering.serial_number:
        return "a serial number is required"
    if tracking is Tracking.SERIAL and entering.quantity != 1:
        return "units come one at a time"
    if tracking is not Tracking.SERIAL and entering.serial_number:
        return "units have no serial numbers"
    if tracking is Tracking.LOT and not entering.lot:
        return "a lot is required"
    if tracking is not Tracking.LOT and entering.lot:
        return "units come in no lots"
    return ""


def past(time: datetime | None, field: str, draft: Draft) -> datetime:
    """This time, or now; not a time in the future."""
    if time is not None and time > draft.now:
        raise BadField(field, "lies in the future")
    return time or draft.now


def unit_cost_of(cost: UnitCost | CostMethod | None, shelf: Shelf, settings: Settings) -> Decimal | None:
    """What a unit cost, as it was given or as other units of the position tell. None: unknown."""
    if cost is None:
        return None
    if isinstance(cost, UnitCost):
        return given_cost(cost, shelf, settings)
    unit_cost = shelf.costing.unit_cost(cost)
    if unit_cost is None:
        raise CostUnknown(shelf.position_id)
    return _recordable(unit_cost, shelf)


def given_cost(cost: UnitCost, shelf: Shelf, settings: Settings) -> Decimal:
    """A unit cost that can be recorded."""
    if cost.currency_code != settings.currency_code:
        raise CurrencyMismatch(settings.currency_code)
    return _recordable(cost.value, shelf)


def _recordable(unit_cost: Decimal, shelf: Shelf) -> Decimal:
    if unit_cost >= UNIT_COST_LIMIT:
        raise StockLimitExceeded(shelf.position_id, UNIT_COST_LIMIT)
    return unit_cost


def value_of(quantity: Decimal, unit_cost: Decimal | None, shelf: Shelf, settings: Settings) -> Decimal | None:
    """What units are worth at a unit cost. None: unknown."""
    if unit_cost is None:
        return None
    value = amount_of(quantity, unit_cost, settings.currency_code)
    if value >= VALUE_LIMIT:
        raise StockLimitExceeded(shelf.position_id, VALUE_LIMIT)
    return value
