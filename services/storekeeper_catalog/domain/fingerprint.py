"""How two requests are told to be the same."""

from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any

from .numbers import plain


def fingerprint(name: str, contents: object) -> bytes:
    """SHA-256 of what was asked: equal for equal contents, however they were written.

    Fields at their default are left out, so that a field added in a later release doesn't change the fingerprint of
    a call that doesn't use it.
    """
    return sha256(f"{name}{_canonical(contents)}".encode()).digest()


def _canonical(value: Any) -> str:
    match value:
        case None | bool():
            return str(value)
        case int() | Decimal():
            return plain(Decimal(value))
        case str():
            # Beyond ASCII, what `repr` escapes differs between releases of Python.
            return ascii(str(value))
        case list():
            return f"[{','.join(map(_canonical, value))}]"
        case Mapping():
            return "{" + ",".join(f"{key!a}:{_canonical(value[key])}" for key in sorted(value)) + "}"
        case _:
            return _canonical(_given(value))


def _given(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not at their default."""
    fields = value.__dataclass_fields__.values()
    return {one.name: part for one in fields if (part := getattr(value, one.name)) not in (one.default, {})}
