"""Locations and positions as the ledger keeps them, to be read and described."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from .places import ZERO
from .stock import Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A building, van or shelf area that holds stock."""

    location_id: int
    name: str
    active: bool
    create_time: datetime
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionTerms:
    """How a position is described: where it lies, the tenant's number for it, and its bounds."""

    bin: str = ""
    reference_number: str = ""
    minimum: Decimal = ZERO
    maximum: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One item at one location."""

    position_id: int
    item_id: int
    location_id: int
    terms: PositionTerms
    totals: Totals
    create_time: datetime
    revision: int
