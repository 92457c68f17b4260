"""What can be asked of the ledger in one call, and how two askings are told to be the same."""

from dataclasses import MISSING, Field, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

from .costs import CostMethod, UnitCost
from .extensions import Extensions, canonical
from .numbers import plain


@dataclass(frozen=True, slots=True)
class ItemAtLocation:
    """Names the position of an item at a location."""

    item_id: int
    location_id: int


@dataclass(frozen=True, slots=True)
class PositionId:
    """Names a position by its id."""

    position_id: int


@dataclass(frozen=True, slots=True)
class StockedItemId:
    """Names one stocked item."""

    stocked_item_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddStock:
    """Add units as a new stocked item. Without a receive time they come at the time of record."""

    target: ItemAtLocation | PositionId
    quantity: Decimal
    receive_time: datetime | None = None
    cost: UnitCost | CostMethod | None = None
    lot: str = ""
    serial_number: str = ""
    reason: str = ""
    reference: str = ""
    extensions: Extensions = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveStock:
    """Remove available units: the oldest of a position, or those of one stocked item."""

    source: ItemAtLocation | PositionId | StockedItemId
    quantity: Decimal
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePosition:
    """Remove whatever is available at a position, and close it."""

    source: PositionId
    reason: str = ""


Operation = AddStock | RemoveStock | ClosePosition

OPERATION_KINDS: dict[type[Operation], str] = {
    AddStock: "add_stock",
    RemoveStock: "remove_stock",
    ClosePosition: "close_position",
}
"""How the journal names the operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An operation as a caller submitted it: under a request id, in somebody's name."""

    request_id: UUID
    fingerprint: bytes
    operation: Operation
    actor: str
    validate_only: bool = False


def fingerprint(name: str, *contents: object) -> bytes:
    """SHA-256 of what was asked: equal for equal contents, however they were written.

    Fields at their default are left out, so that a field added in a later release doesn't change the fingerprint of
    a call that doesn't use it.
    """
    return sha256("".join([name, *map(_canonical, contents)]).encode()).digest()


def _canonical(value: Any) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, StrEnum | int):
        return str(value)
    if isinstance(value, str):
        # Beyond ASCII, what `repr` escapes differs between releases of Python.
        return ascii(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, dict):
        return canonical(value)
    given = ((name, getattr(value, name), _default(field)) for name, field in value.__dataclass_fields__.items())
    return "{" + ",".join(f"{name}:{_canonical(part)}" for name, part, default in given if part != default) + "}"


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
