"""How numbers are written."""

from decimal import Decimal


def plain(number: Decimal) -> str:
    """The one way to write a number: without an exponent and without trailing zeros, so that equal ones look equal."""
    # Most places are empty, most of the time.
    return f"{number.normalize():f}" if number else "0"
