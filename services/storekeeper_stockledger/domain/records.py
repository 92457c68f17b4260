"""What the ledger keeps of locations, positions, reservations and expectations, to be read and described."""

from dataclasses import field
from datetime import datetime
from decimal import Decimal

from .extensions import Extensions
from .places import ZERO
from .stock import Totals
from .values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A building, van or shelf area that holds stock."""

    location_id: int
    name: str
    active: bool
    create_time: datetime
    revision: int
    extensions: Extensions


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionTerms:
    """How a position is described: where it lies, the tenant's number for it, its bounds, and what vendors know."""

    bin: str = ""
    reference_number: str = ""
    minimum: Decimal = ZERO
    maximum: Decimal | None = None
    extensions: Extensions = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One item at one location."""

    position_id: int
    item_id: int
    location_id: int
    terms: PositionTerms
    totals: Totals
    creator: str
    create_time: datetime
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What a demand has of a stocked item."""

    demand: str
    stocked_item_id: int
    position_id: int
    item_id: int
    location_id: int
    reserved: Decimal
    picked: Decimal
    delivered: Decimal
    expire_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What an order line brings to a position."""

    order_line: str
    position_id: int
    item_id: int
    location_id: int
    on_order: Decimal
    received: Decimal
