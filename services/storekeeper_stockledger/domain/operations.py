"""What can be asked of the ledger in one call, and how two askings are told to be the same."""

from collections.abc import Callable
from dataclasses import MISSING, Field, field, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from types import UnionType
from typing import Any, Final, NamedTuple

from .costs import CostMethod, UnitCost
from .extensions import Extensions, canonical
from .numbers import plain
from .values import dataclass


class ItemAtLocation(NamedTuple):
    """Names the position of an item at a location. A tuple, because it is looked up more often than anything else."""

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


@dataclass(frozen=True, slots=True)
class StockedItemIds:
    """Names several stocked items of one position, in the order in which they are drawn on."""

    stocked_item_ids: tuple[int, ...]


class StockOrder(StrEnum):
    """In which order the stocked items of a position are drawn on."""

    OLDEST_FIRST = "oldest_first"
    NEWEST_FIRST = "newest_first"
    FIRST_EXPIRED_FIRST = "first_expired_first"


PositionName = ItemAtLocation | PositionId
StockedItemName = StockedItemId | StockedItemIds
Name = PositionName | StockedItemName


# --- by hand ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AddStock:
    """Add units as a new stocked item. Without a receive time they come at the time of record."""

    target: PositionName
    quantity: Decimal
    receive_time: datetime | None = None
    cost: UnitCost | CostMethod | None = None
    lot: str = ""
    serial_number: str = ""
    reason: str = ""
    reference: str = ""
    extensions: Extensions = field(default_factory=dict)
    expire_time: datetime | None = None
    invoice_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveStock:
    """Remove available units: those of a position in an order, or those of named stocked items."""

    source: Name
    quantity: Decimal
    reason: str = ""
    order: StockOrder = StockOrder.OLDEST_FIRST
    include_expired: bool = False
    allow_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePosition:
    """Remove whatever is available at a position, and close it."""

    source: PositionId
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountStock:
    """Make what is on hand what was counted: now, or at the time at which it was counted."""

    target: PositionName | StockedItemId
    counted: Decimal
    count_time: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateStockedItem:
    """Change what is known of a stocked item. What is None stays as it is."""

    target: StockedItemId
    unit_cost: UnitCost | None = None
    serial_number: str | None = None
    expire_time: datetime | None = None
    drops_expire_time: bool = False
    extensions: Extensions | None = None
    vendors: tuple[str, ...] = ()
    """Whose extensions change, if not those of all."""
    reason: str = ""


# --- for a demand -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveStock:
    """Promise available units to a demand."""

    demand: str
    source: Name
    quantity: Decimal
    order: StockOrder = StockOrder.OLDEST_FIRST
    include_expired: bool = False
    allow_partial: bool = False
    expire_after: timedelta | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStock:
    """Make units that a demand has reserved available again; without a quantity, all of them."""

    demand: str
    source: Name
    quantity: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendReservation:
    """Let what a demand has reserved expire at another time, or not at all."""

    demand: str
    source: PositionName
    expire_after: timedelta | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PickStock:
    """Take units off the shelf for a demand: what it has reserved, then what is available.

    Without a quantity, what it has reserved.
    """

    demand: str
    source: Name
    quantity: Decimal | None = None
    order: StockOrder = StockOrder.OLDEST_FIRST
    include_expired: bool = False
    allow_partial: bool = False
    reserved_only: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpickStock:
    """Put units that were picked for a demand back on the shelf; without a quantity, all of them."""

    demand: str
    source: Name
    quantity: Decimal | None = None
    keep_reserved: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverStock:
    """Hand units over that were picked for a demand; without a quantity, all of them."""

    demand: str
    source: Name
    quantity: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnStock:
    """Take units back that were delivered for a demand; without a quantity, all of them."""

    demand: str
    source: Name
    quantity: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpireReservations:
    """Make units available again whose reservation has expired; the ledger does so by itself."""

    source: PositionId
    reason: str = ""


# --- between positions --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStock:
    """Take available units to another location."""

    source: Name
    to_location_id: int
    quantity: Decimal
    order: StockOrder = StockOrder.OLDEST_FIRST
    include_expired: bool = False
    allow_partial: bool = False
    reason: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Units that a kit is made of."""

    source: Name
    quantity: Decimal
    order: StockOrder = StockOrder.OLDEST_FIRST
    include_expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AssembleStock:
    """Make a kit of its components."""

    components: tuple[Component, ...]
    target: PositionName
    quantity: Decimal
    reason: str = ""
    lot: str = ""
    serial_number: str = ""
    expire_time: datetime | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Units that a kit falls into."""

    target: PositionName
    quantity: Decimal
    cost_share: Decimal | None = None
    lot: str = ""
    serial_number: str = ""
    expire_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisassembleStock:
    """Take a kit apart."""

    source: Name
    quantity: Decimal
    parts: tuple[Part, ...]
    order: StockOrder = StockOrder.OLDEST_FIRST
    include_expired: bool = False
    reason: str = ""
    reference: str = ""


# --- for an order line --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectStock:
    """Note that an order line will bring units."""

    order_line: str
    target: PositionName
    quantity: Decimal
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelExpectedStock:
    """Note that an order line will bring fewer units; without a quantity, none any more."""

    order_line: str
    target: PositionName
    quantity: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveStock:
    """Turn units that an order line has on order into available ones: a stocked item, or one for each serial number."""

    order_line: str
    target: PositionName
    quantity: Decimal
    receive_time: datetime | None = None
    cost: UnitCost | CostMethod | None = None
    lot: str = ""
    serial_numbers: tuple[str, ...] = ()
    expire_time: datetime | None = None
    reason: str = ""
    reference: str = ""
    invoice_number: str = ""
    extensions: Extensions = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreceiveStock:
    """Take back what an order line has brought."""

    order_line: str
    source: Name
    quantity: Decimal
    reason: str = ""
    lower_order: bool = False


Operation = (
    AddStock
    | RemoveStock
    | ClosePosition
    | CountStock
    | UpdateStockedItem
    | ReserveStock
    | ReleaseStock
    | ExtendReservation
    | PickStock
    | UnpickStock
    | DeliverStock
    | ReturnStock
    | ExpireReservations
    | TransferStock
    | AssembleStock
    | DisassembleStock
    | ExpectStock
    | CancelExpectedStock
    | ReceiveStock
    | UnreceiveStock
)

OPERATION_KINDS: dict[type[Operation], str] = {
    AddStock: "add_stock",
    RemoveStock: "remove_stock",
    ClosePosition: "close_position",
    CountStock: "count_stock",
    UpdateStockedItem: "update_stocked_item",
    ReserveStock: "reserve_stock",
    ReleaseStock: "release_stock",
    ExtendReservation: "extend_reservation",
    PickStock: "pick_stock",
    UnpickStock: "unpick_stock",
    DeliverStock: "deliver_stock",
    ReturnStock: "return_stock",
    ExpireReservations: "expire_reservations",
    TransferStock: "transfer_stock",
    AssembleStock: "assemble_stock",
    DisassembleStock: "disassemble_stock",
    ExpectStock: "expect_stock",
    CancelExpectedStock: "cancel_expected_stock",
    ReceiveStock: "receive_stock",
    UnreceiveStock: "unreceive_stock",
}
"""How the journal names the operations. One that changes a stocked item without a movement is known to `storage/ahead.py`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An operation as a caller submitted it: under a request id, in somebody's name."""

    request_id: str
    """A UUID in its canonical form."""
    fingerprint: bytes
    operation: Operation
    actor: str
    validate_only: bool = False
    ignores_cost: bool = False
    """Whether the caller may not see costs: then a cost that was sent is left out of the operation."""


@dataclass(frozen=True, slots=True)
class AllOrNone:
    """Operations that are carried out together, in their order, or not at all."""

    submissions: tuple[Submission, ...]


def fingerprint(name: str, *contents: object) -> bytes:
    """SHA-256 of what was asked: equal for equal contents, however they were written.

    Fields at their default are left out, so that a field added in a later release doesn't change the fingerprint of
    a call that doesn't use it.
    """
    return sha256("".join([name, *map(_canonical, contents)]).encode()).digest()


def is_same(submission: Submission, known: bytes, cost: UnitCost | None) -> bool:
    """Whether the same is asked as what has this fingerprint, and whose units cost as much, as far as that is known.

    Who may not see costs must not find them out by guesses: what was sent as the cost is taken for what was given then.
    """
    if not (submission.ignores_cost and isinstance(submission.operation, AddStock | ReceiveStock)):
        return submission.fingerprint == known
    if cost is None:
        return known in {submission.fingerprint, _fingerprint_at(submission.operation, None)}
    return any(_fingerprint_at(submission.operation, given) == known for given in (cost, *CostMethod))


def _fingerprint_at(operation: AddStock | ReceiveStock, cost: UnitCost | CostMethod | None) -> bytes:
    return fingerprint(OPERATION_KINDS[type(operation)], replace(operation, cost=cost))


def _canonical(value: Any) -> str:
    return _canons[type(value)](value)


class _Canons(dict[type, Callable[[Any], str]]):
    """How values of a type are written, found out once for each."""

    def __missing__(self, cls: type) -> Callable[[Any], str]:
        canon = next((canon for types, canon in _CANONICAL if issubclass(cls, types)), None)
        self[cls] = canon or _fields_of(cls)
        return self[cls]


_canons: Final = _Canons()


def _fields_of(cls: type) -> Callable[[Any], str]:
    defaults = [(field.name, _default(field)) for field in fields(cls)]

    def written(value: object) -> str:
        given = []
        for name, default in defaults:
            part = getattr(value, name)
            if part is not default and part != default:
                given.append(f"{name}:{_canonical(part)}")
        return "{" + ",".join(given) + "}"

    return written


_CANONICAL: Final[tuple[tuple[type | UnionType, Callable[[Any], str]], ...]] = (
    (Decimal, plain),
    (StrEnum | int, str),
    # Beyond ASCII, what `repr` escapes differs between releases of Python.
    (str, ascii),
    (datetime, lambda time: time.astimezone(UTC).isoformat(timespec="microseconds")),
    (timedelta, lambda interval: str(interval // timedelta(microseconds=1))),
    (dict, canonical),
    (ItemAtLocation, lambda pair: f"{{item_id:{pair.item_id},location_id:{pair.location_id}}}"),
    (tuple, lambda values: "[" + ",".join(map(_canonical, values)) + "]"),
)


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
