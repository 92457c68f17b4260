"""What units are worth.

Unit costs have up to ten decimals; what units are worth is an amount in the tenant's currency, rounded half-even to its
minor unit when units move. Amounts are kept, not rates: a removal takes its share of what a stocked item is still worth
and the last unit takes what is left, so an emptied stocked item is worth exactly zero.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from functools import cache
from typing import Final

from .places import ZERO
from .values import dataclass

UNIT_COST_DECIMALS: Final = 10

EXACT: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)
"""Wide enough for the product of any quantity and any unit cost, where Python's usual 28 digits are not."""

MINOR_UNITS: Final[dict[str, int]] = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(),
        0,
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
"""Decimals of the currencies that have other than two (ISO 4217, list one)."""


class CostMethod(StrEnum):
    """How the cost of added units is found when it isn't given."""

    AVERAGE = "average"
    LAST_RECEIVED = "last_received"


@dataclass(frozen=True, slots=True)
class UnitCost:
    """What one unit cost."""

    currency_code: str
    value: Decimal


def amount_of(quantity: Decimal, unit_cost: Decimal, currency_code: str) -> Decimal:
    """What `quantity` units are worth at `unit_cost`, to the currency's minor unit."""
    return _to_minor_unit(EXACT.multiply(quantity, unit_cost), currency_code)


def share_of(value: Decimal, *, taken: Decimal, on_hand: Decimal, currency_code: str) -> Decimal:
    """The part of `value`, the worth of `on_hand` units, that goes with the `taken` ones: all of it with the last."""
    if taken == on_hand:
        return value
    return _to_minor_unit(EXACT.divide(EXACT.multiply(value, taken), on_hand), currency_code)


def unit_cost_of(value: Decimal, quantity: Decimal) -> Decimal:
    """What one unit costs when `quantity` of them cost `value`."""
    return EXACT.divide(value, quantity).quantize(Decimal(1).scaleb(-UNIT_COST_DECIMALS), context=EXACT)


def split(value: Decimal, weights: Sequence[Decimal], currency_code: str) -> list[Decimal]:
    """Divide an amount by weights, to the currency's minor unit and without a rest.

    Each gets its share rounded down; the units that are left go to those who lost most by that, the first ones first.
    """
    whole = sum(weights, ZERO)
    assert whole > 0, "somebody gets something"
    unit = _minor_unit(currency_code)
    exact = [EXACT.divide(EXACT.multiply(value, weight), whole) for weight in weights]
    shares = [share.quantize(unit, rounding=ROUND_DOWN, context=EXACT) for share in exact]
    left = int((value - sum(shares, ZERO)) / unit)
    by_loss = sorted(range(len(shares)), key=lambda number: shares[number] - exact[number])
    for number in by_loss[:left]:
        shares[number] += unit
    return shares


def _to_minor_unit(amount: Decimal, currency_code: str) -> Decimal:
    return amount.quantize(_minor_unit(currency_code), context=EXACT)


@cache
def _minor_unit(currency_code: str) -> Decimal:
    return Decimal(1).scaleb(-MINOR_UNITS.get(currency_code, 2))


@dataclass(frozen=True, slots=True)
class Costing:
    """What a position's units of known cost tell about the cost of the next ones."""

    units: Decimal = ZERO
    value: Decimal = ZERO
    last_cost: Decimal | None = None
    last_age: tuple[datetime, int] | None = None
    """Of the newest stocked item of known cost, whose cost that is."""

    def unit_cost(self, method: CostMethod) -> Decimal | None:
        """The cost of a unit by `method`; None when no unit of known cost tells it."""
        if method is CostMethod.AVERAGE and self.units:
            return unit_cost_of(self.value, self.units)
        return self.last_cost

    def came(self, units: Decimal, value: Decimal, unit_cost: Decimal, age: tuple[datetime, int]) -> "Costing":
        """The same after units of known cost came to the stocked item of this age."""
        grown = replace(self, units=self.units + units, value=self.value + value)
        if self.last_age is not None and age < self.last_age:
            return grown
        return replace(grown, last_cost=unit_cost, last_age=age)

    def left(self, units: Decimal, value: Decimal) -> "Costing":
        """The same after units of known cost left."""
        return replace(self, units=self.units - units, value=self.value - value)
