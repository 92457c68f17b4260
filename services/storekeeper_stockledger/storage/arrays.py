"""Columns of values as PostgreSQL array literals.

A batch travels as one array per column and is spread by `unnest`. Written as text they cost a fraction of what the
driver takes to adapt a list element by element.
"""

from collections.abc import Iterable
from datetime import datetime


def numbers(values: Iterable[object]) -> str:
    """An array of values whose text needs no quoting: numbers, UUIDs, times, booleans. None becomes NULL."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def times(values: Iterable[datetime]) -> str:
    """An array of times. Those of a batch are mostly a few, which are written once each."""
    values = list(values)
    written = {value: str(value) for value in set(values)}
    return "{" + ",".join([written[value] for value in values]) + "}"


def texts(values: Iterable[str]) -> str:
    """An array of texts."""
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


def binaries(values: Iterable[bytes]) -> str:
    """An array of byte strings."""
    return "{" + ",".join([f'"\\\\x{value.hex()}"' for value in values]) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
