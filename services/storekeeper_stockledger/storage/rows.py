"""Rows of values as one PostgreSQL array literal: for types that the migrations make, such as `journal_line`.

A batch travels as one array of rows for each table, and is spread by `unnest`. With an array for each column PostgreSQL
takes twice as long: it puts each aside by itself first.
"""

from collections.abc import Iterable
from typing import Final

_QUOTE: Final = '\\"'
_EMPTY: Final = _QUOTE + _QUOTE


def row(*values: object) -> str:
    """A row as an element of an array. None becomes NULL; what is no text is written without quotes."""
    fields = ["" if value is None else quoted(value) if isinstance(value, str) else str(value) for value in values]
    return '"(' + ",".join(fields) + ')"'


def rows(elements: Iterable[str]) -> str:
    """An array of rows."""
    return "{" + ",".join(elements) + "}"


def quoted(text: str) -> str:
    """A text within a row, which is within an array: each quotes it."""
    # Most are words, in which neither finds a meaning; not even in "NULL", which within a row is a text.
    if text.isidentifier():
        return text
    if not text:
        return _EMPTY
    return _QUOTE + text.replace("\\", "\\\\\\\\").replace('"', '\\\\\\"') + _QUOTE
