"""What is decided for a tenant beside its stock."""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.stockledger.oracle.requests import Name


@dataclass(frozen=True, slots=True)
class Item:
    """What is stocked, as the catalog has it."""

    tracking: str = "none"
    scale: int = 0
    archived: bool = False
    standard_cost: Decimal | None = None


@dataclass(slots=True)
class Terms:
    """The items and locations that there are, and the settings."""

    items: dict[int, Item] = field(default_factory=dict)
    active: dict[Name, bool] = field(default_factory=dict)
    """By location."""
    currency: str = "USD"
    reason_required: bool = False
    invoice_number_required: bool = False
    inactive_location_removal_allowed: bool = False
