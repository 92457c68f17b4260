"""What the ledger knows of items, locations and a tenant's settings."""

from decimal import Decimal
from enum import StrEnum

from .costs import UnitCost
from .values import dataclass


class Tracking(StrEnum):
    """How the units of an item are told apart."""

    NONE = "none"
    LOT = "lot"
    SERIAL = "serial"


@dataclass(frozen=True, slots=True)
class Item:
    """An item as the catalog registered it."""

    item_id: int
    version: int
    tracking: Tracking
    quantity_scale: int
    archived: bool = False
    """Whether it is no longer stocked: nothing comes in."""
    standard_cost: UnitCost | None = None
    """What a unit should cost. Known when it is registered or read to be told; no decision needs it."""

    def measures(self, quantity: Decimal) -> bool:
        """Whether `quantity` has no more decimals than the item's scale."""
        exponent = quantity.as_tuple().exponent
        assert isinstance(exponent, int), "a quantity is finite"
        return -exponent <= self.quantity_scale


@dataclass(frozen=True, slots=True)
class Settings:
    """What a tenant decided about its stock."""

    reason_required: bool = False
    currency_code: str = "USD"
    invoice_number_required: bool = False
    inactive_location_removal_allowed: bool = False
