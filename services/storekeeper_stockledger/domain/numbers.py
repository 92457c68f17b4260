"""How numbers are written."""

from decimal import Decimal


def plain(number: Decimal) -> str:
    """The one way to write a number: without an exponent and without trailing zeros, so that equal ones look equal."""
    # Most places are empty, most of the time.
    if not number:
        return "0"
    text = str(number)
    if "E" in text:
        return f"{number.normalize():f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
