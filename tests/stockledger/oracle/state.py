"""What a tenant has, as a value: a change makes another one, and what was before is still there to be looked at."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from tests.stockledger.oracle.requests import Name

ZERO: Final = Decimal(0)
NEVER: Final = datetime.max.replace(tzinfo=UTC)

OUTSIDE: Final = "outside"
ON_ORDER: Final = "on_order"
ON_HAND: Final = ("available", "reserved", "picked")
HELD: Final = ("reserved", "picked", "delivered")
"""Places in which a unit is there for a demand."""

KINDS: Final[dict[str, tuple[str, str]]] = {
    "added": (OUTSIDE, "available"),
    "removed": ("available", "removed"),
    "reserved": ("available", "reserved"),
    "released": ("reserved", "available"),
    "picked": ("available", "picked"),
    "picked_reserved": ("reserved", "picked"),
    "unpicked": ("picked", "available"),
    "unpicked_reserved": ("picked", "reserved"),
    "delivered": ("picked", "delivered"),
    "returned": ("delivered", "available"),
    "transferred_out": ("available", "transferred"),
    "transferred_in": (OUTSIDE, "available"),
    "relocated_out": ("available", OUTSIDE),
    "relocated_in": (OUTSIDE, "available"),
    "counted_in": (OUTSIDE, "available"),
    "counted_out": ("available", "removed"),
    "consumed": ("available", "removed"),
    "produced": (OUTSIDE, "available"),
    "expected": (OUTSIDE, ON_ORDER),
    "expectation_cancelled": (ON_ORDER, OUTSIDE),
    "received": (ON_ORDER, "available"),
    "unreceived": ("available", ON_ORDER),
}
"""From which place to which a movement takes its units; `revalued` takes none anywhere."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the units of a stocked item are."""

    available: Decimal = ZERO
    reserved: Decimal = ZERO
    picked: Decimal = ZERO
    delivered: Decimal = ZERO
    transferred: Decimal = ZERO
    removed: Decimal = ZERO

    @property
    def on_hand(self) -> Decimal:
        return self.available + self.reserved + self.picked

    @property
    def received(self) -> Decimal:
        return self.on_hand + self.delivered + self.transferred + self.removed

    def moved(self, origin: str, target: str, quantity: Decimal) -> "Places":
        """With units that went from one place to another; what is no place of ours is the outside."""
        changed = {}
        if origin in _PLACES:
            changed[origin] = getattr(self, origin) - quantity
        if target in _PLACES:
            changed[target] = getattr(self, target) + quantity
        places = replace(self, **changed)
        assert all(units >= ZERO for units in changed.values()), f"less than nothing: {places}"
        return places


_PLACES: Final = frozenset(one.name for one in fields(Places))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A stocked item."""

    name: Name
    number: int
    """In the order in which they were made: equal ages fall back to it."""
    item: int
    position: Name
    receive_time: datetime
    places: Places = Places()
    unit_cost: Decimal | None = None
    value: Decimal | None = None
    lot: str = ""
    serial_number: str = ""
    expire_time: datetime | None = None
    parent: Name = ""
    order_line: str = ""
    received_at: Name = ""
    """The position that its order line brought it to."""
    invoice_number: str = ""

    @property
    def age(self) -> tuple[datetime, int]:
        return (self.receive_time, self.number)

    def expired(self, now: datetime) -> bool:
        return self.expire_time is not None and self.expire_time <= now


@dataclass(frozen=True, slots=True)
class Position:
    """An item at a location."""

    name: Name
    item: int
    location: Name
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """Units at a position."""

    available: Decimal
    reserved: Decimal
    picked: Decimal
    on_order: Decimal

    @property
    def on_hand(self) -> Decimal:
        return self.available + self.reserved + self.picked


@dataclass(frozen=True, slots=True)
class Holding:
    """What a demand has of a stocked item at a position."""

    reserved: Decimal = ZERO
    picked: Decimal = ZERO
    delivered: Decimal = ZERO
    delivered_value: Decimal | None = ZERO
    """None: unknown."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an order line brings to a position."""

    on_order: Decimal = ZERO
    received: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A line of the journal."""

    kind: str
    position: Position
    layer: Name = ""
    quantity: Decimal
    amount: Decimal | None = None
    demand: str = ""
    order_line: str = ""
    reason: str = ""
    reference: str = ""
    effective_time: datetime
    reverses: Name = ""
    """The stocked item whose receipt it takes back."""
    places_after: Places | None = None
    totals_after: Totals


@dataclass(slots=True)
class State:
    """Everything that is kept of a tenant but its journal."""

    positions: dict[Name, Position] = field(default_factory=dict)
    layers: dict[Name, Layer] = field(default_factory=dict)
    holdings: dict[tuple[Name, str, Name], Holding] = field(default_factory=dict)
    """By position, demand and stocked item."""
    expiries: dict[tuple[Name, str], datetime] = field(default_factory=dict)
    """By position and demand: when all that it has reserved there is available again."""
    expectations: dict[tuple[Name, str], Expectation] = field(default_factory=dict)
    """By position and order line."""

    def copy(self) -> "State":
        """Another one, to be changed."""
        return State(
            self.positions.copy(),
            self.layers.copy(),
            self.holdings.copy(),
            self.expiries.copy(),
            self.expectations.copy(),
        )

    def line(self, position: Name) -> list[Layer]:
        """The stocked items of a position, oldest first."""
        return sorted((one for one in self.layers.values() if one.position == position), key=lambda one: one.age)

    def on_hand(self, position: Name) -> Decimal:
        """Units at a position."""
        return sum((one.places.on_hand for one in self.layers.values() if one.position == position), ZERO)

    def totals(self, position: Name) -> Totals:
        """The sums over its stocked items and expectations."""
        places = [one.places for one in self.layers.values() if one.position == position]
        return Totals(
            available=sum((one.available for one in places), ZERO),
            reserved=sum((one.reserved for one in places), ZERO),
            picked=sum((one.picked for one in places), ZERO),
            on_order=sum((one.on_order for (at, _), one in self.expectations.items() if at == position), ZERO),
        )

    def open_position(self, item: int, location: Name) -> Position | None:
        """The position of an item at a location, if there is one."""
        for position in self.positions.values():
            if (position.item, position.location, position.closed) == (item, location, False):
                return position
        return None

    def opened(self, item: int, location: Name) -> Position:
        """A new position, under the next of its names."""
        before = sum((one.item, one.location) == (item, location) for one in self.positions.values())
        name = f"{item}@{location}#{before + 1}" if before else f"{item}@{location}"
        self.positions[name] = Position(name, item, location)
        return self.positions[name]

    def held(self, position: Name, demand: str, place: str) -> Iterator[tuple[Layer, Decimal]]:
        """The stocked items of which a demand has units there, oldest first, with how many."""
        rows = [(self.layers[key[2]], one) for key, one in self.holdings.items() if key[:2] == (position, demand)]
        for layer, holding in sorted(rows, key=lambda row: row[0].age):
            units: Decimal = getattr(holding, place)
            if units:
                yield layer, units

    def in_stock(self, item: int, serial_number: str) -> Layer | None:
        """The unit with this serial number that is on hand."""
        for layer in self.layers.values():
            if (layer.item, layer.serial_number) == (item, serial_number) and layer.places.on_hand:
                return layer
        return None
