"""What can be asked of the oracle: the contract's changes of stock in plain Python.

Things are called by names that a program keeps when one of its steps is left out: a location by its own name, a
position by item and location (`1@A`, and `1@A#2` when it was opened again), a stocked item by the change that made it
and its number among those (`c17/1`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

Name = str


@dataclass(frozen=True, slots=True)
class At:
    """The position of an item at a location."""

    item: int
    location: Name


Where = Name | At
"""A position, by its own name or by its item and location."""


@dataclass(frozen=True, slots=True)
class Source:
    """Which units: those of a position, or of named stocked items."""

    where: Where | None = None
    named: tuple[Name, ...] = ()
    order: str = ""
    """Of the contract's StockOrder, in small letters; empty: none was given."""
    include_expired: bool = False


@dataclass(frozen=True, slots=True)
class UnitCost:
    """What a unit cost."""

    value: Decimal
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The time at which a change was recorded: a program can't know it before it runs."""

    change: Name


Cost = UnitCost | str | None
"""Given, or the method by which it is found: `average` or `last_received`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What all changes have."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddStock(Request):
    """Units come in as a new stocked item."""

    where: Where
    quantity: Decimal
    receive_time: datetime | None = None
    cost: Cost = None
    lot: str = ""
    serial_number: str = ""
    expire_time: datetime | None = None
    reference: str = ""
    invoice_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveStock(Request):
    """Units go."""

    source: Source
    quantity: Decimal
    allow_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveStock(Request):
    """Units are promised to a demand."""

    demand: str
    source: Source
    quantity: Decimal
    allow_partial: bool = False
    expire_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStock(Request):
    """Promised units are free again; without a quantity all of them."""

    demand: str
    source: Source
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendReservation(Request):
    """Has no reason, unlike the others."""

    demand: str
    where: Where
    expire_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PickStock(Request):
    """Units leave the shelf for a demand; without a quantity all that it has reserved."""

    demand: str
    source: Source
    quantity: Decimal | None = None
    allow_partial: bool = False
    reserved_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpickStock(Request):
    """Picked units go back on the shelf."""

    demand: str
    source: Source
    quantity: Decimal | None = None
    keep_reserved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverStock(Request):
    """Picked units are handed over."""

    demand: str
    source: Source
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnStock(Request):
    """Delivered units come back."""

    demand: str
    source: Source
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStock(Request):
    """Units go to another location."""

    source: Source
    to_location: Name
    quantity: Decimal
    allow_partial: bool = False
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountStock(Request):
    """Of a position, or of one stocked item."""

    where: Where | None = None
    stocked_item: Name = ""
    counted: Decimal
    count_time: datetime | Recorded | None = None

    @property
    def counted_at(self) -> datetime | None:
        """The time, which a run has told by now."""
        assert not isinstance(self.count_time, Recorded)
        return self.count_time


@dataclass(frozen=True, slots=True)
class Component:
    """Units that a kit is made of."""

    source: Source
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AssembleStock(Request):
    """Units of one item are made of units of others."""

    components: tuple[Component, ...]
    where: Where
    quantity: Decimal
    lot: str = ""
    serial_number: str = ""
    expire_time: datetime | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Units that a kit falls into."""

    where: Where
    quantity: Decimal
    cost_share: Decimal | None = None
    lot: str = ""
    serial_number: str = ""
    expire_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisassembleStock(Request):
    """Units fall into units of others."""

    source: Source
    quantity: Decimal
    parts: tuple[Part, ...]
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectStock(Request):
    """An order will bring units."""

    order_line: str
    where: Where
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelExpectedStock(Request):
    """An order will bring fewer units; without a quantity no more at all."""

    order_line: str
    where: Where
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveStock(Request):
    """An order brings units: one stocked item, or one for each serial number."""

    order_line: str
    where: Where
    quantity: Decimal
    receive_time: datetime | None = None
    cost: Cost = None
    lot: str = ""
    serial_numbers: tuple[str, ...] = ()
    expire_time: datetime | None = None
    reference: str = ""
    invoice_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreceiveStock(Request):
    """What an order has brought is taken back."""

    order_line: str
    source: Source
    quantity: Decimal
    lower_order: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateStockedItem(Request):
    """Changes the fields in the mask."""

    stocked_item: Name
    mask: tuple[str, ...]
    unit_cost: UnitCost | None = None
    serial_number: str = ""
    expire_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePosition(Request):
    """A position is emptied and forgotten."""

    position: Name


WORDS: Final[dict[type[Request], str]] = {
    AddStock: "add",
    RemoveStock: "remove",
    ReserveStock: "reserve",
    ReleaseStock: "release",
    ExtendReservation: "extend_reservation",
    PickStock: "pick",
    UnpickStock: "unpick",
    DeliverStock: "deliver",
    ReturnStock: "return_stock",
    TransferStock: "transfer",
    CountStock: "count",
    AssembleStock: "assemble",
    DisassembleStock: "disassemble",
    ExpectStock: "expect",
    CancelExpectedStock: "cancel_expected",
    ReceiveStock: "receive",
    UnreceiveStock: "unreceive",
    UpdateStockedItem: "update_stocked_item",
    ClosePosition: "close_position",
}
"""What each request is called in a StockChange."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of stock under the name that its request id is made from. Another request may bear the same name."""

    name: Name
    request: Request
