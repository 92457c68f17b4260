"""Single values, such as ids, as PostgreSQL array literals; rows of several are written by `rows.py`.

Written as text they cost a fraction of what the driver takes to adapt a list element by element.
"""

from collections.abc import Iterable


def numbers(values: Iterable[object]) -> str:
    """An array of values whose text needs no quoting: numbers, UUIDs, times, booleans. None becomes NULL."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def texts(values: Iterable[str]) -> str:
    """An array of texts."""
    return "{" + ",".join([_quoted(value) for value in values]) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
