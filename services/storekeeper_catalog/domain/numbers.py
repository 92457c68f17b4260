"""How numbers are written."""

from decimal import Context, Decimal
from typing import Final

_EXACT: Final = Context(prec=300)
"""Wider than any number that comes in."""


def plain(number: Decimal) -> str:
    """The one way to write a number: without an exponent and without trailing zeros, so that equal ones look equal."""
    return f"{number.normalize(_EXACT):f}" if number else "0"
