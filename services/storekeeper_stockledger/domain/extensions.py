"""What only one vendor's API knows of something, by vendor. The ledger keeps it, and decides nothing by it."""

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any, Final

Extensions = Mapping[str, Mapping[str, Any]]
"""JSON by the vendor's name: objects, lists, texts, integers, decimals, booleans and None."""

_EXACT: Final = Context(prec=256)
"""More digits than any number in it has."""


def canonical(content: Any) -> str:
    """The one way to write it: equal for equal contents, whatever the order of keys and however numbers are written."""
    if isinstance(content, dict):
        return "{" + ",".join(f"{key!a}:{canonical(content[key])}" for key in sorted(content)) + "}"
    if isinstance(content, list):
        return "[" + ",".join(map(canonical, content)) + "]"
    if isinstance(content, Decimal):
        return f"{content.normalize(_EXACT):f}" if content else "0"
    if isinstance(content, str):
        return ascii(content)
    return str(content)
