"""What the units on hand at a position are worth, by methods that ask the journal instead of the stocked items.

What units came with is a fact: the amount on their movement. What units leave with is what the method says. So a
position's journal is gone through from its beginning, and what comes is put into a stock, from which it is taken again.
Two kinds undo another: what a demand returns comes back for what it left at, and a receipt that is taken back takes with
it what it brought, as far as that is there.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from .costs import amount_of, share_of
from .places import ZERO, Kind, comes, leaves
from .stock import Age
from .values import dataclass

Delivery = tuple[str, int]
"""What a demand got of a stocked item, by the two of them."""

MATTERING: Final = frozenset(kind for kind in Kind if comes(kind) or leaves(kind) or kind is Kind.REVALUED)
"""Kinds that change how many units are on hand, or what they are worth."""


class Method(StrEnum):
    """How stock is valued."""

    FIFO = "fifo"
    LIFO = "lifo"
    AVERAGE = "average"
    STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class Worth:
    """What units are worth, as far as their cost is known, and how many there are of which it is not."""

    value: Decimal = ZERO
    unknown: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a movement of a mattering kind says."""

    kind: Kind
    quantity: Decimal
    amount: Decimal | None
    unit_cost: Decimal | None
    stocked_item_id: int
    receive_time: datetime
    demand: str
    was_unknown: bool = False
    """Whether a stocked item that is revalued had no cost before."""

    @property
    def age(self) -> Age:
        """Of the stocked item: what newest first goes by."""
        return (self.receive_time, self.stocked_item_id)

    @property
    def delivery(self) -> Delivery:
        """What was delivered, or comes back."""
        return (self.demand, self.stocked_item_id)


class Stock(Protocol):
    """What is on hand, as a method sees it."""

    def put(self, line: Line, value: Decimal | None) -> None:
        """Units come that are worth this."""

    def take(self, line: Line) -> Worth:
        """Units leave; tells what they were worth."""

    def take_back(self, line: Line) -> None:
        """Units of a receipt leave, and what it brought with them."""

    def revalue(self, line: Line) -> None:
        """Units have another unit cost from now on."""

    def worth(self) -> Worth:
        """What is there."""


def replay(lines: Iterable[Line], stock: Stock, returned: Collection[Delivery], currency_code: str) -> Worth:
    """What is on hand after these movements is worth.

    `returned` names the deliveries that are to be remembered, because something of them came back.
    """
    delivered = {delivery: Units(ZERO, ZERO, currency_code) for delivery in returned}
    for line in lines:
        match line.kind:
            case Kind.REVALUED:
                stock.revalue(line)
            case Kind.UNRECEIVED:
                stock.take_back(line)
            case Kind.RETURNED:
                stock.put(line, _value_returned(line, delivered[line.delivery]))
            case Kind.DELIVERED if line.delivery in delivered:
                worth = stock.take(line)
                delivered[line.delivery].add(line.quantity - worth.unknown, worth.value)
            case kind if comes(kind):
                stock.put(line, line.amount)
            case _:
                stock.take(line)
    return stock.worth()


def _value_returned(line: Line, delivered: "Units") -> Decimal | None:
    """What units left for, if that is known; else what they are recorded to have come back for."""
    return delivered.take(line.quantity) if line.quantity <= delivered.quantity else line.amount


@dataclass(slots=True)
class Units:
    """Some units, and what they are worth."""

    quantity: Decimal
    value: Decimal
    currency_code: str

    def add(self, quantity: Decimal, value: Decimal) -> None:
        """Put more of them there."""
        self.quantity += quantity
        self.value += value

    def take(self, quantity: Decimal) -> Decimal:
        """Take some of them away; tells what they are worth."""
        value = share_of(self.value, taken=quantity, on_hand=self.quantity, currency_code=self.currency_code)
        self.add(-quantity, -value)
        return value


class Average:
    """Each unit that leaves costs the average of those on hand, as far as their cost is known."""

    def __init__(self, currency_code: str) -> None:
        self._known = Units(ZERO, ZERO, currency_code)
        self._unknown = ZERO

    def put(self, line: Line, value: Decimal | None) -> None:
        """See `Stock`."""
        if value is None:
            self._unknown += line.quantity
        else:
            self._known.add(line.quantity, value)

    def take(self, line: Line) -> Worth:
        """See `Stock`."""
        known = self._without_unknown(line.quantity, is_unknown=line.amount is None)
        return Worth(self._known.take(known), line.quantity - known)

    def take_back(self, line: Line) -> None:
        """See `Stock`."""
        known = self._without_unknown(line.quantity, is_unknown=line.amount is None)
        is_all = known == self._known.quantity
        value = self._known.value if is_all else min(line.amount or ZERO, self._known.value)
        self._known.add(-known, -value)

    def revalue(self, line: Line) -> None:
        """See `Stock`."""
        assert line.unit_cost is not None, "what is revalued has a cost"
        self._known.take(self._without_unknown(line.quantity, is_unknown=line.was_unknown))
        self._known.add(line.quantity, amount_of(line.quantity, line.unit_cost, self._known.currency_code))

    def worth(self) -> Worth:
        """See `Stock`."""
        return Worth(self._known.value, self._unknown)

    def _without_unknown(self, quantity: Decimal, *, is_unknown: bool) -> Decimal:
        """Take units without a cost away, if it is such ones that leave or there are no others; tells how many remain."""
        wanted = quantity if is_unknown else max(ZERO, quantity - self._known.quantity)
        taken = min(wanted, self._unknown)
        self._unknown -= taken
        return quantity - taken


@dataclass(slots=True)
class _Layer:
    """Units that came together, as far as they are still there."""

    age: Age
    units: Units
    is_known: bool


class Lifo:
    """The last units that came leave first, by the age of their stocked items."""

    def __init__(self, currency_code: str) -> None:
        self._currency_code = currency_code
        self._layers: list[_Layer] = []
        """The oldest one first."""

    def put(self, line: Line, value: Decimal | None) -> None:
        """See `Stock`."""
        units = Units(line.quantity, value or ZERO, self._currency_code)
        insort(self._layers, _Layer(line.age, units, value is not None), key=_age)

    def take(self, line: Line) -> Worth:
        """See `Stock`."""
        worth, left = self._drain(range(len(self._layers)), line.quantity)
        assert not left, "no more leave than are there"
        return worth

    def take_back(self, line: Line) -> None:
        """See `Stock`."""
        _, left = self._drain(self._layers_of(line), line.quantity)
        self._drain(range(len(self._layers)), left)

    def revalue(self, line: Line) -> None:
        """See `Stock`."""
        assert line.unit_cost is not None, "what is revalued has a cost"
        for number in self._layers_of(line):
            layer = self._layers[number]
            layer.units.value = amount_of(layer.units.quantity, line.unit_cost, self._currency_code)
            layer.is_known = True

    def worth(self) -> Worth:
        """See `Stock`."""
        value = sum((layer.units.value for layer in self._layers), ZERO)
        unknown = sum((layer.units.quantity for layer in self._layers if not layer.is_known), ZERO)
        return Worth(value, unknown)

    def _layers_of(self, line: Line) -> range:
        """Where the layers of a stocked item lie: those of what came back are beside the one that it came as."""
        layers = self._layers
        return range(bisect_left(layers, line.age, key=_age), bisect_right(layers, line.age, key=_age))

    def _drain(self, numbers: range, quantity: Decimal) -> tuple[Worth, Decimal]:
        """Take units out of these layers, the newest one first; tells what they were worth, and how many were missing."""
        value = unknown = ZERO
        for number in reversed(numbers):
            if not quantity:
                break
            layer = self._layers[number]
            taken = min(quantity, layer.units.quantity)
            value += layer.units.take(taken)
            unknown += ZERO if layer.is_known else taken
            quantity -= taken
            if not layer.units.quantity:
                del self._layers[number]
        return Worth(value, unknown), quantity


def _age(layer: _Layer) -> Age:
    return layer.age


def at_standard_cost(on_hand: Decimal, standard_cost: Decimal | None, currency_code: str) -> Worth:
    """What units are worth at the cost that they should have."""
    if standard_cost is None:
        return Worth(unknown=on_hand)
    return Worth(amount_of(on_hand, standard_cost, currency_code))
