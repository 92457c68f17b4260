"""Exact arithmetic of amounts: cents, rounded half to even and only where something is posted."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

AMOUNT_DECIMALS = 2
COST_DECIMALS = 10


def cents(exact: Fraction) -> Decimal:
    """An amount."""
    return rounded(exact, AMOUNT_DECIMALS)


def rounded(exact: Fraction, decimals: int) -> Decimal:
    """Half to even."""
    return Decimal(round(exact * 10**decimals)).scaleb(-decimals)


def product(quantity: Decimal, unit_cost: Decimal) -> Decimal:
    """What so many units are worth."""
    return cents(Fraction(quantity) * Fraction(unit_cost))


def share(value: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """What so many of so many units are worth; the last ones take what is left."""
    return value if part == whole else cents(Fraction(value) * Fraction(part) / Fraction(whole))


def divided(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """A total by weights, to the cent: those that rounding down costs the most get what it leaves, the first of equals."""
    exact = [Fraction(total) * 100 * Fraction(weight) / Fraction(sum(weights)) for weight in weights]
    parts = [part.__floor__() for part in exact]
    left = int(total * 100) - sum(parts)
    for index in sorted(range(len(parts)), key=lambda index: parts[index] - exact[index])[:left]:
        parts[index] += 1
    return [Decimal(part).scaleb(-AMOUNT_DECIMALS) for part in parts]


def quotient(value: Decimal, quantity: Decimal) -> Decimal:
    """A unit cost."""
    return rounded(Fraction(value) / Fraction(quantity), COST_DECIMALS)
