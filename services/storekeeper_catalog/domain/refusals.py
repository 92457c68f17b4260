"""Why the catalog refuses a request: what a caller may meet, as data.

A refusal changes nothing. What cannot happen is an assertion instead. Compared by identity, as exceptions are.
"""

from collections.abc import Mapping
from dataclasses import dataclass


class Refused(Exception):
    """The request can't be carried out, and nothing was changed."""


@dataclass(eq=False)
class BadField(Refused):
    """A field is bad for a reason that only the stored data shows."""

    field: str
    description: str


@dataclass(eq=False)
class ItemNotFound(Refused):
    """No such item; named by its id or its sku."""

    item_id: int | None = None
    sku: str = ""


@dataclass(eq=False)
class SkuTaken(Refused):
    """Another item of the tenant has this sku."""

    sku: str
    item_id: int


@dataclass(eq=False)
class ItemHasStock(Refused):
    """Tracking and quantity scale are frozen once an item has been stocked."""

    item_id: int


@dataclass(eq=False)
class EtagMismatch(Refused):
    """The item has changed since its etag was read."""

    item_id: int


@dataclass(eq=False)
class RequestIdReused(Refused):
    """The request id was used before, by a request with other contents."""

    request_id: str


@dataclass(eq=False)
class LedgerAway(Refused):
    """The stock ledger can't be asked now; asking again may help."""

    cause: str


@dataclass(eq=False)
class LedgerRefused(Refused):
    """The stock ledger will not have an item as it is, however often it is told."""

    reason: str
    message: str
    metadata: Mapping[str, str]
