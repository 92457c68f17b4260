"""One change of stock, carried out on a copy of the state, which is dropped when the change is refused.

`move` is the one primitive: it takes units of a stocked item from one place to another, and with them what they are
worth, what a demand holds and what an order line has still to bring. What rules have in common is here: who is named,
which units are drawn on, what a unit costs, and what may be.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from tests.stockledger.oracle import money
from tests.stockledger.oracle import requests as ask
from tests.stockledger.oracle.refusals import (
    AMOUNT_LIMIT,
    UNITS_LIMIT,
    Refusal,
    bad_field,
    beyond,
    insufficient,
    too_much_demanded,
)
from tests.stockledger.oracle.requests import At, Name, Source, Where
from tests.stockledger.oracle.state import (
    HELD,
    KINDS,
    NEVER,
    ON_HAND,
    ON_ORDER,
    ZERO,
    Expectation,
    Holding,
    Layer,
    Movement,
    Position,
    State,
)
from tests.stockledger.oracle.terms import Terms

Draws = list[tuple[Layer, Decimal]]
Past = Callable[[datetime], State]
"""What was recorded at a time or before."""

Overlooked = frozenset[tuple[str, ...]]
"""Refusals that are not made, so that others are found."""

ORDERS: Final[dict[str, Callable[[list[Layer]], list[Layer]]]] = {
    "oldest_first": lambda line: line,
    "newest_first": lambda line: line[::-1],
    "first_expired_first": lambda line: sorted(line, key=lambda one: one.expire_time or NEVER),
}
"""What becomes of a line that is oldest first; sorting leaves equals in their order."""


@dataclass(slots=True)
class Answer:
    """What a change did."""

    movements: tuple[Movement, ...] = ()
    expire_time: datetime | None = None
    difference: Decimal | None = None
    unit_cost: Decimal | None = None
    replayed: bool = False


class Attempt:
    """A change at one instant. `state` is what it leaves, if it isn't refused."""

    def __init__(
        self, name: Name, *, terms: Terms, state: State, past: Past, now: datetime, overlooked: Overlooked
    ) -> None:
        self.state = state.copy()
        self.answer = Answer()
        self.terms = terms
        self.past = past
        self.now = now
        self._overlooked = overlooked
        self.noted: dict[str, Any] = {}
        """What the movements have in common."""
        self.movements: list[Movement] = []
        self._name = name
        self._made = 0

    def settled(self) -> tuple[Movement, ...]:
        """Release what has expired by now, which is no part of the change."""
        for (position, demand), expiry in sorted(self.state.expiries.items(), key=lambda due: due[1]):
            if expiry <= self.now:
                held = list(self.state.held(position, demand, "reserved"))
                self.move_all("released", held, demand=demand, effective_time=expiry)
        released, self.movements = tuple(self.movements), []
        self._forget_expiries()
        return released

    def finished(self) -> Answer:
        """The answer."""
        self.answer.movements = tuple(self.movements)
        self._forget_expiries()
        return self.answer

    def refuse(self, refusal: Refusal) -> None:
        """Raise it, unless it is overlooked."""
        if refusal.key not in self._overlooked:
            raise refusal

    @contextmanager
    def overlooking(self) -> Iterator[None]:
        """What can't be done here can be left out, if it is overlooked."""
        try:
            yield
        except Refusal as refusal:
            self.refuse(refusal)

    # --- the primitive ---

    def move(
        self,
        kind: str,
        quantity: Decimal,
        layer: Layer,
        *,
        amount: Decimal | None = None,
        demand: str = "",
        order_line: str = "",
        **noted: Any,
    ) -> Movement:
        """Take units from one place to another. `amount` is what they bring along, if they come."""
        origin, target = KINDS[kind]
        layer = self.state.layers[layer.name]
        value = layer.value
        if origin in ON_HAND and target not in ON_HAND and value is not None:
            amount = money.share(value, quantity, layer.places.on_hand)
            value -= amount
        elif target in ON_HAND and origin not in ON_HAND and value is not None and amount is not None:
            value += amount
        moved = replace(layer, places=layer.places.moved(origin, target, quantity), value=value)
        self.state.layers[layer.name] = moved
        if demand:
            self._hold(kind, quantity, layer, demand, amount)
        if ON_ORDER in (origin, target):
            self._bring(kind, quantity, layer.position, order_line)
        noted |= {"amount": amount, "demand": demand, "order_line": order_line}
        return self.write(kind, quantity, layer.position, moved, **noted)

    def _hold(self, kind: str, quantity: Decimal, layer: Layer, demand: str, amount: Decimal | None) -> None:
        """What a demand has of a stocked item goes from place to place with it."""
        origin, target = KINDS[kind]
        key = (layer.position, demand, layer.name)
        holding = self.state.holdings.get(key, Holding())
        for place, units in ((origin, -quantity), (target, quantity)):
            if place in HELD:
                holding = replace(holding, **{place: getattr(holding, place) + units})
        if "delivered" in (origin, target):
            value = None
            if holding.delivered_value is not None and amount is not None:
                value = holding.delivered_value + (amount if target == "delivered" else -amount)
            holding = replace(holding, delivered_value=value if holding.delivered else ZERO)
        self.state.holdings[key] = holding

    def _bring(self, kind: str, quantity: Decimal, position: Name, order_line: str) -> None:
        """What an order line has on order comes to the position, or goes back."""
        origin, target = KINDS[kind]
        line = self.state.expectations.get((position, order_line), Expectation())
        units = quantity if target == ON_ORDER else -quantity
        came = -units if "available" in (origin, target) else ZERO
        self.state.expectations[position, order_line] = Expectation(line.on_order + units, line.received + came)

    def write(self, kind: str, quantity: Decimal, position: Name, layer: Layer | None, **noted: Any) -> Movement:
        """Note what happened."""
        movement = Movement(
            kind=kind,
            position=self.state.positions[position],
            quantity=quantity,
            layer=layer.name if layer else "",
            places_after=layer.places if layer else None,
            totals_after=self.state.totals(position),
            **{"effective_time": self.now} | self.noted | noted,
        )
        self.movements.append(movement)
        return movement

    # --- more of it ---

    def move_all(self, kind: str, draws: Draws, **noted: Any) -> None:
        """Move units of several stocked items."""
        for layer, units in draws:
            self.move(kind, units, layer, **noted)

    def new_layer(self, position: Position, unit_cost: Decimal | None, **described: Any) -> Layer:
        """A stocked item without units yet."""
        self._made += 1
        layer = Layer(
            name=f"{self._name}/{self._made}",
            number=len(self.state.layers),
            item=position.item,
            position=position.name,
            unit_cost=unit_cost,
            value=None if unit_cost is None else ZERO,
            **{"receive_time": self.now} | described,
        )
        self.state.layers[layer.name] = layer
        return layer

    def arrive(
        self,
        kind: str,
        position: Position,
        quantity: Decimal,
        unit_cost: Decimal | None,
        *,
        amount: Decimal | None = None,
        **described: Any,
    ) -> None:
        """Units come in as a new stocked item."""
        self.check_serial_number(position.item, described.get("serial_number", ""))
        if amount is None and unit_cost is not None:
            amount = money.product(quantity, unit_cost)
        self.check_below(UNITS_LIMIT, unit_cost or ZERO, position)
        self.check_below(AMOUNT_LIMIT, amount or ZERO, position)
        layer = self.new_layer(position, unit_cost, **described)
        noted: dict[str, Any] = {"effective_time": layer.receive_time} if "receive_time" in described else {}
        self.move(kind, quantity, layer, amount=amount, order_line=layer.order_line, **noted)

    def note_order(self, kind: str, position: Position, quantity: Decimal, order_line: str) -> None:
        """Units are on order, or no longer: of no stocked item."""
        self._bring(kind, quantity, position.name, order_line)
        self.write(kind, quantity, position.name, None, order_line=order_line)

    def expire(self, position: Position, demand: str, after: timedelta | None) -> None:
        """All that the demand has reserved there is available again after that, or not at all."""
        self.state.expiries.pop((position.name, demand), None)
        if after is not None:
            self.state.expiries[position.name, demand] = self.answer.expire_time = self.now + after

    def _forget_expiries(self) -> None:
        """An expiry ends with what it is of."""
        for position, demand in list(self.state.expiries):
            if not any(self.state.held(position, demand, "reserved")):
                del self.state.expiries[position, demand]

    # --- who is named ---

    def position(self, where: Where | None, *, opening: bool = False) -> Position:
        """An open position; opened now, if that is asked for."""
        assert where is not None
        if isinstance(where, At):
            return self._position_of(where, opening)
        position = self.state.positions.get(where)
        if position is None or position.closed:
            raise Refusal("POSITION_NOT_FOUND", positionId=where)
        return position

    def _position_of(self, at: At, opening: bool) -> Position:
        if at.item not in self.terms.items:
            raise Refusal("ITEM_NOT_FOUND", itemId=at.item)
        if at.location not in self.terms.active:
            raise Refusal("LOCATION_NOT_FOUND", locationId=at.location)
        position = self.state.open_position(at.item, at.location)
        if position is None and opening:
            return self.state.opened(at.item, at.location)
        if position is None:
            raise Refusal("POSITION_NOT_FOUND", itemId=at.item, locationId=at.location)
        return position

    def layer(self, name: Name) -> Layer:
        """A stocked item."""
        if name not in self.state.layers:
            raise Refusal("STOCKED_ITEM_NOT_FOUND", stockedItemId=name)
        return self.state.layers[name]

    def line(self, source: Source, path: str = "") -> tuple[Position, list[Layer]]:
        """The stocked items of a source, oldest first or as they are named, and the position of them all."""
        if source.where is not None:
            position = self.position(source.where)
            return position, self.state.line(position.name)
        line = [self.layer(name) for name in source.named]
        if len({layer.position for layer in line}) > 1:
            raise bad_field(f"{path}source.stocked_items.stocked_item_ids")
        return self.state.positions[line[0].position], line

    # --- which units ---

    def usable(self, source: Source, line: list[Layer]) -> Draws:
        """What is available and may be used, in the order in which it is drawn on."""
        fit = [one for one in line if source.include_expired or not one.expired(self.now)]
        return units_in("available", fit if source.named else ORDERS[source.order or "oldest_first"](fit))

    def draw(
        self, source: Source, quantity: Decimal, *, partial: bool = False, path: str = "", for_good: bool = True
    ) -> tuple[Position, Draws]:
        """Which available units to take; `for_good`, if not to another location."""
        position, line = self.line(source, path)
        self.check_quantity(position.item, quantity, f"{path}quantity")
        if for_good:
            self.check_outlet(position)
        self.check_named(source, position)
        usable = self.usable(source, line)
        there = total(usable)
        wanted = min(quantity, there) if partial else quantity
        if not wanted or wanted > there:
            self.refuse(insufficient(source, position, quantity, there))
        return position, first_of(usable, min(wanted, there))

    def held(self, place: str, source: Source, demand: str, *, newest_first: bool) -> tuple[Position, Draws]:
        """What a demand has there, in an order of its own, however it is named."""
        position, _ = self.line(source)
        held = list(self.state.held(position.name, demand, place))
        if source.named:
            held = [(layer, units) for layer, units in held if layer.name in source.named]
        return position, held[::-1] if newest_first else held

    def draw_held(self, place: str, asked: Any, *, newest_first: bool) -> tuple[Position, Draws]:
        """Which of the units that a demand has to take; all of them unless a quantity is given."""
        position, held = self.held(place, asked.source, asked.demand, newest_first=newest_first)
        self.check_quantity(position.item, asked.quantity)
        there = total(held)
        wanted = there if asked.quantity is None else asked.quantity
        if not wanted or wanted > there:
            self.refuse(too_much_demanded(asked.demand, asked.quantity, there, position))
        self.check_named(asked.source, position, whole=wanted == there)
        return position, first_of(held, wanted)

    # --- what a unit costs ---

    def cost(self, position: Position, cost: ask.Cost) -> Decimal | None:
        """What is given, or found."""
        if isinstance(cost, ask.UnitCost):
            self.check_currency(cost)
            return cost.value
        if cost is None:
            return None
        average = self._average(position) if cost == "average" else None
        found = self.last_received(position) if average is None else average
        if found is None:
            self.refuse(Refusal("COST_UNKNOWN", positionId=position.name))
        return found

    def _average(self, position: Position) -> Decimal | None:
        known = [one for one in self.state.line(position.name) if one.value is not None and one.places.on_hand]
        units = sum((one.places.on_hand for one in known), ZERO)
        return money.quotient(sum((one.value for one in known if one.value), ZERO), units) if units else None

    def last_received(self, position: Position) -> Decimal | None:
        """What a unit of the newest stocked item of known cost has cost."""
        costs = [one.unit_cost for one in self.state.line(position.name) if one.unit_cost is not None]
        return costs[-1] if costs else None

    # --- what may be ---

    def check_quantity(self, item: int, quantity: Decimal | None, path: str = "quantity") -> None:
        """No more decimals than the item has."""
        if quantity is not None and quantity != round(quantity, self.terms.items[item].scale):
            self.refuse(bad_field(path))

    def check_reason(self, asked: ask.Request) -> None:
        """A reason, if the tenant demands one."""
        if self.terms.reason_required and not asked.reason:
            self.refuse(Refusal("REASON_REQUIRED"))

    def check_invoice_number(self, invoice_number: str) -> None:
        """The supplier's invoice, if the tenant demands it."""
        if self.terms.invoice_number_required and not invoice_number:
            self.refuse(Refusal("INVOICE_NUMBER_REQUIRED"))

    def check_intake(self, location: Name, item: int) -> None:
        """The location and the item take stock in."""
        self.check_active(location)
        if self.terms.items[item].archived:
            self.refuse(Refusal("ITEM_ARCHIVED", itemId=item))

    def check_active(self, location: Name) -> None:
        """The location takes stock in."""
        if not self.terms.active[location]:
            self.refuse(Refusal("LOCATION_INACTIVE", locationId=location))

    def check_outlet(self, position: Position) -> None:
        """The location lets stock out."""
        if not self.terms.inactive_location_removal_allowed:
            self.check_active(position.location)

    def check_tracking(self, item: int, quantity: Decimal, lot: str, serial_number: str) -> None:
        """What the item's tracking asks for, and nothing else."""
        tracking = self.terms.items[item].tracking
        one_unit = tracking != "serial" or quantity == 1
        if (bool(lot), bool(serial_number)) != (tracking == "lot", tracking == "serial") or not one_unit:
            self.violates_tracking(item)

    def violates_tracking(self, item: int) -> None:
        """Refuse."""
        self.refuse(Refusal("TRACKING_VIOLATED", itemId=item, tracking=self.terms.items[item].tracking.upper()))

    def check_named(self, source: Source, position: Position, *, whole: bool = False) -> None:
        """Units with serial numbers differ: they are named, unless all of them are meant."""
        if self.terms.items[position.item].tracking == "serial" and not source.named and not whole:
            self.refuse(Refusal("SERIAL_UNIT_REQUIRED", itemId=position.item))

    def check_serial_number(self, item: int, serial_number: str) -> None:
        """No unit in stock has it."""
        there = self.state.in_stock(item, serial_number) if serial_number else None
        if there:
            # One that this change would make has no id.
            name = "" if there.name.startswith(f"{self._name}/") else there.name
            self.refuse(Refusal("SERIAL_NUMBER_IN_STOCK", itemId=item, serialNumber=serial_number, stockedItemId=name))

    def check_currency(self, cost: ask.UnitCost) -> None:
        """The one that stock is valued in."""
        if cost.currency != self.terms.currency:
            self.refuse(Refusal("CURRENCY_MISMATCH", currencyCode=self.terms.currency))

    def check_limit(self, position: Position, quantity: Decimal) -> None:
        """The position can hold so many more."""
        self.check_below(UNITS_LIMIT, self.state.on_hand(position.name) + quantity, position)

    def check_on_order(self, position: Position, quantity: Decimal) -> None:
        """It can have so many more on order."""
        self.check_below(UNITS_LIMIT, self.state.totals(position.name).on_order + quantity, position)

    def check_below(self, limit: Decimal, number: Decimal, position: Position) -> None:
        """What can be recorded."""
        if number >= limit:
            self.refuse(beyond(limit, position))


def units_in(place: str, line: Iterable[Layer]) -> Draws:
    """All units that are in a place."""
    return [(layer, getattr(layer.places, place)) for layer in line if getattr(layer.places, place)]


def first_of(units: Draws, quantity: Decimal) -> Draws:
    """The first so many of them."""
    taken = []
    for layer, there in units:
        if quantity:
            taken.append((layer, min(there, quantity)))
            quantity -= taken[-1][1]
    return taken


def total(units: Sequence[tuple[Layer, Decimal]]) -> Decimal:
    """How many they are."""
    return sum((one for _, one in units), ZERO)
