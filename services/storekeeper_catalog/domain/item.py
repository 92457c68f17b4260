"""What an item is, what may change about it, and what of it the stock ledger has to know."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Self

from .refusals import BadField

ID_MAX: Final = 99_999_999
"""The greatest id of an item: what fits the vendors' narrowest id."""

QUANTITY_SCALE_MAX: Final = 6
UNIT_COST_DECIMALS: Final = 10
WHOLE_UNITS: Final = "is not 0, though units with serial numbers are whole"

Extensions = Mapping[str, Mapping[str, Any]]
"""What only one vendor's API knows, by vendor."""


class ItemType(StrEnum):
    """What kind of thing an item is."""

    INVENTORY = "inventory"
    NON_INVENTORY = "non_inventory"
    SERVICE = "service"


class Tracking(StrEnum):
    """How the units of an item are told apart."""

    NONE = "none"
    LOT = "lot"
    SERIAL = "serial"


class ItemState(StrEnum):
    """Whether an item is still stocked."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class RegistrationState(StrEnum):
    """Where the registration of an item with the stock ledger stands."""

    NOT_NEEDED = "not_needed"
    PENDING = "pending"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class UnitCost:
    """What one unit usually costs."""

    currency_code: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class Counting:
    """How an item's units are told apart and counted: frozen once it has been stocked."""

    tracking: Tracking
    quantity_scale: int

    @property
    def is_possible(self) -> bool:
        """Units with serial numbers come one by one."""
        return self.tracking is not Tracking.SERIAL or self.quantity_scale == 0


@dataclass(frozen=True, slots=True)
class Registration:
    """How far the stock ledger knows of an item's last change; why not, if it refused."""

    state: RegistrationState
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the stock ledger has to know of an item, as of one of its versions."""

    item_id: int
    version: int
    counting: Counting
    archived: bool
    unit_cost: UnitCost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a caller says of an item."""

    sku: str = ""
    name: str = ""
    description: str = ""
    type: ItemType = ItemType.INVENTORY
    tracking: Tracking = Tracking.NONE
    quantity_scale: int = 0
    unit_cost: UnitCost | None = None
    extensions: Extensions = field(default_factory=dict)
    state: ItemState = ItemState.ACTIVE

    @property
    def counting(self) -> Counting:
        """How its units are told apart and counted."""
        return Counting(self.tracking, self.quantity_scale)

    @property
    def can_be_stocked(self) -> bool:
        """Whether the stock ledger knows it."""
        return self.type is ItemType.INVENTORY


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Draft):
    """An item as the catalog keeps it."""

    item_id: int
    version: int
    create_time: datetime
    update_time: datetime
    registration: Registration

    @property
    def facts(self) -> Facts:
        """What the stock ledger has to know of it."""
        return Facts(self.item_id, self.version, self.counting, self.state is ItemState.ARCHIVED, self.unit_cost)

    def changed(self, **values: Any) -> Self:
        """The next version of the item, with these values."""
        changed = replace(self, **values, version=self.version + 1)
        if not changed.counting.is_possible:
            # Whichever of the two was given, together they can't be.
            raise BadField("item.quantity_scale", WHOLE_UNITS)
        return changed

    def is_news_after(self, before: Self) -> bool:
        """Whether the stock ledger has to hear of this version of the item, having heard of the one before."""
        return self.can_be_stocked and replace(self.facts, version=before.version) != before.facts

    def is_counted_unlike(self, before: Self) -> bool:
        """Whether the stock ledger might refuse this version of the item."""
        return self.can_be_stocked and self.counting != before.counting
