"""What a demand holds of a stocked item, and what an order line brings to a position.

Both are folds of the journal: each movement that names the demand or the order line changes them, and nothing else does.
"""

from dataclasses import field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from .places import ENDS, ZERO, Kind, Place
from .stock import Movement
from .values import dataclass

_HELD: Final = frozenset({Place.RESERVED, Place.PICKED, Place.DELIVERED})


@dataclass(frozen=True, slots=True)
class Holding:
    """Units of one stocked item that are reserved, picked or delivered for one demand."""

    reserved: Decimal = ZERO
    picked: Decimal = ZERO
    delivered: Decimal = ZERO
    delivered_value: Decimal | None = ZERO
    """What the delivered units were worth when they left. None: their cost was unknown."""
    expire_time: datetime | None = None
    """When what is reserved will be available again. None: it doesn't expire."""
    is_addition: bool = field(default=False, compare=False)
    """Whether what was delivered comes on top of what the demand got of the stocked item before, if it got any."""

    def after(self, movement: Movement) -> "Holding":
        """The holding once units have moved."""
        origin, target = ENDS[movement.kind]
        changed = {}
        if origin in _HELD:
            changed[str(origin)] = getattr(self, origin) - movement.quantity
            assert changed[str(origin)] >= 0, "a demand gives no more than it has"
        if target in _HELD:
            changed[str(target)] = getattr(self, target) + movement.quantity
        held = replace(self, **changed, delivered_value=self._delivered_value_after(movement))
        return held if held.reserved else replace(held, expire_time=None)

    def _delivered_value_after(self, movement: Movement) -> Decimal | None:
        if movement.kind is Kind.DELIVERED:
            known = self.delivered_value is not None and movement.amount is not None
            return self.delivered_value + movement.amount if known else None  # type: ignore[operator]
        if movement.kind is not Kind.RETURNED:
            return self.delivered_value
        if movement.quantity == self.delivered:
            return ZERO
        if self.delivered_value is None or movement.amount is None:
            return None
        return self.delivered_value - movement.amount

    @property
    def is_open(self) -> bool:
        """Whether units on hand are held."""
        return self.reserved + self.picked > 0


ADDED: Final = Holding(is_addition=True)
"""Nothing, where nothing is held on hand. What was delivered is read only where it is given back."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Units that an order line has on order at a position, and those that it has brought."""

    on_order: Decimal = ZERO
    received: Decimal = ZERO

    def after(self, movement: Movement) -> "Expectation":
        """The expectation once units have moved."""
        match movement.kind:
            case Kind.EXPECTED:
                return replace(self, on_order=self.on_order + movement.quantity)
            case Kind.EXPECTATION_CANCELLED:
                return replace(self, on_order=self.on_order - movement.quantity)
            case Kind.RECEIVED:
                return Expectation(self.on_order - movement.quantity, self.received + movement.quantity)
            case Kind.UNRECEIVED:
                return Expectation(self.on_order + movement.quantity, self.received - movement.quantity)
            case _:
                return self
