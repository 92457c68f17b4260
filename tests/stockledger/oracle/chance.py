"""Random programs. What is asked is often possible, and always near to what is: the oracle's state tells what there is.

The same seed gives the same program, as long as the ledger answers alike.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from tests.stockledger.oracle import program
from tests.stockledger.oracle import requests as ask
from tests.stockledger.oracle.oracle import Instant, Oracle
from tests.stockledger.oracle.refusals import Refusal
from tests.stockledger.oracle.requests import At, Change, Component, Name, Part, Source, UnitCost, Where
from tests.stockledger.oracle.state import Layer
from tests.stockledger.oracle.terms import Item

T = TypeVar("T")

PLAIN, FINE, LOT, SERIAL = 1, 2, 3, 4
ITEMS: Final = {
    PLAIN: Item(standard_cost=Decimal("2.005")),
    FINE: Item(scale=2),
    LOT: Item("lot", standard_cost=Decimal("0.335")),
    SERIAL: Item("serial"),
}
LOCATIONS: Final = ("A", "B", "C")
OPENED: Final = (At(PLAIN, "A"), At(PLAIN, "B"), At(FINE, "A"), At(LOT, "A"), At(SERIAL, "A"), At(SERIAL, "B"))
"""Positions that are there from the beginning."""

DEMANDS: Final = ("D1", "D2")
ORDER_LINES: Final = ("L1", "L2")
SERIAL_NUMBERS: Final = tuple(f"S{number}" for number in range(1, 10))
REASONS: Final = ("", "found", "broken")
WHOLE: Final = tuple(map(Decimal, ("1", "1", "1", "2", "2", "3", "5", "8")))
HUNDREDTHS: Final = tuple(map(Decimal, ("0.01", "0.25", "0.5", "1", "1.75", "2.5", "3.33")))
UNIT_COSTS: Final = tuple(map(Decimal, ("0", "0.01", "1", "1.115", "3.3333333333", "10.005")))
EXORBITANT: Final = Decimal("99999999999.9999999999")
ENORMOUS: Final = Decimal(999_999_999_990)
LONG_AGO: Final = tuple(datetime(2019, 1, day, tzinfo=UTC) for day in (1, 1, 2, 3))
FAR_AWAY: Final = tuple(datetime(2090, 1, day, tzinfo=UTC) for day in (1, 2))
NEVER_IN_TIME: Final = datetime(2100, 1, 1, tzinfo=UTC)
AT_ONCE: Final = timedelta(microseconds=1)
"""An expiry that has passed when the next call comes."""
BATCH_SIZES: Final = (5, 20, 40, 80, 150)


class Chance:
    """Draws rounds for an oracle as it is by then."""

    def __init__(self, seed: int, oracle: Oracle) -> None:
        self._random = random.Random(seed)
        self._oracle = oracle
        self._state = oracle.state
        self._asked: list[Change] = []

    def next_round(self) -> program.Round:
        """Another round."""
        self._state = self._oracle.as_it_is()
        (draw,) = self._random.choices(list(_ROUNDS), list(_ROUNDS.values()))
        return draw(self)

    # --- rounds ---

    def call(self) -> program.Call:
        if self._maybe(0.3):
            return program.Call(self._new(self._one(self.short_reservation, self.extension)()))
        return program.Call(self._change())

    def preview(self) -> program.Preview:
        return program.Preview(self._new(self._request(_PREVIEWED)))

    def batch(self) -> program.Batch:
        changes = self._changes(self._one(*BATCH_SIZES))
        if self._maybe(0.3):
            # The last one, because others of its transaction are carried out at the very same time.
            changes.append(self._new(self.short_reservation()))
        return program.Batch(tuple(changes), streamed=self._one(0, 0, 1, 7))

    def all_or_none(self) -> program.Batch:
        return program.Batch(tuple(self._changes(self._random.randint(1, 5))), all_or_none=True)

    def setting(self) -> program.Settle:
        names = ("reason_required", "invoice_number_required", "inactive_location_removal_allowed")
        return program.Settle(self._one(*names), self._maybe(0.5))

    def activation(self) -> program.Activate:
        return program.Activate(self._one(*LOCATIONS), self._maybe(0.6))

    def archiving(self) -> program.Archive:
        return program.Archive(self._one(*ITEMS), self._maybe(0.3))

    def opening(self) -> program.Open:
        return program.Open(self._one(*ITEMS), self._one(*LOCATIONS))

    def looking(self) -> program.Look:
        return program.Look()

    # --- changes ---

    def _changes(self, count: int) -> list[Change]:
        """Changes of one batch. Each is drawn from what the ones before it will have left, but names only what is there now."""
        changes: dict[Name, Change] = {}
        ahead = self._oracle.fork()
        while len(changes) < count:
            self._state = ahead.state
            change = self._change()
            if change.name not in changes:
                changes[change.name] = change
                with suppress(Refusal):
                    ahead.apply(Change(change.name, ahead.resolved(change.request)), Instant(ahead.now))
        return list(changes.values())

    def _change(self) -> Change:
        """A new change, or one that was asked for before, or something else under the same request id."""
        if self._asked and self._maybe(0.05):
            before = self._one(*self._asked[-300:])
            return Change(before.name, self._request(_MADE)) if self._maybe(0.2) else before
        return self._new(self._request(_MADE))

    def _new(self, request: ask.Request) -> Change:
        change = Change(f"c{len(self._asked) + 1}", request)
        self._asked.append(change)
        return change

    def _request(self, made: "dict[Callable[[Chance], ask.Request], int]") -> ask.Request:
        (make,) = self._random.choices(list(made), list(made.values()))
        return make(self)

    def addition(self) -> ask.Request:
        item, where = self._target()
        return ask.AddStock(
            where=where,
            quantity=self._quantity(item),
            receive_time=self._receive_time(),
            cost=self._cost(),
            lot=self._lot(item),
            serial_number=self._serial_number(item),
            expire_time=self._expire_time(item),
            reason=self._one(*REASONS),
            reference=self._one("", "PO 7"),
            invoice_number=self._one("", "I1", "I2"),
        )

    def removal(self) -> ask.Request:
        item, source = self._source("available")
        return ask.RemoveStock(
            source=source, quantity=self._quantity(item), allow_partial=self._maybe(0.2), reason=self._one(*REASONS)
        )

    def closing(self) -> ask.Request:
        return ask.ClosePosition(
            position=self._one(*self._oracle.state.positions, "nowhere"), reason=self._one(*REASONS)
        )

    def reservation(self) -> ask.Request:
        item, source = self._source("available")
        return ask.ReserveStock(
            demand=self._one(*DEMANDS),
            source=source,
            quantity=self._quantity(item),
            allow_partial=self._maybe(0.2),
            expire_after=self._one(None, None, timedelta(hours=1), timedelta(days=3650)),
            reason=self._one(*REASONS),
        )

    def short_reservation(self) -> ask.Request:
        item, source = self._source("available")
        return ask.ReserveStock(
            demand=self._one(*DEMANDS),
            source=source,
            quantity=self._quantity(item),
            allow_partial=True,
            expire_after=AT_ONCE,
        )

    def release(self) -> ask.Request:
        item, demand, source = self._held("reserved")
        return ask.ReleaseStock(demand=demand, source=source, quantity=self._some(item), reason=self._one(*REASONS))

    def extension(self) -> ask.Request:
        _, demand, source = self._held("reserved")
        return ask.ExtendReservation(
            demand=demand,
            where=source.where or self._target()[1],
            expire_after=self._one(None, AT_ONCE, timedelta(hours=2)),
        )

    def unlimited(self) -> ask.Request:
        _, demand, source = self._held("reserved")
        return ask.ExtendReservation(demand=demand, where=source.where or self._target()[1])

    def picking(self) -> ask.Request:
        item, demand, source = self._held("reserved") if self._maybe(0.6) else self._wanted()
        return ask.PickStock(
            demand=demand,
            source=source,
            quantity=self._some(item),
            allow_partial=self._maybe(0.2),
            reserved_only=self._maybe(0.3),
            reason=self._one(*REASONS),
        )

    def unpicking(self) -> ask.Request:
        item, demand, source = self._held("picked")
        return ask.UnpickStock(demand=demand, source=source, quantity=self._some(item), keep_reserved=self._maybe(0.5))

    def delivery(self) -> ask.Request:
        item, demand, source = self._held("picked")
        return ask.DeliverStock(demand=demand, source=source, quantity=self._some(item))

    def returning(self) -> ask.Request:
        item, demand, source = self._held("delivered")
        return ask.ReturnStock(demand=demand, source=source, quantity=self._some(item))

    def transfer(self) -> ask.Request:
        item, source = self._source("available")
        return ask.TransferStock(
            source=source,
            to_location=self._elsewhere(source),
            quantity=self._quantity(item),
            allow_partial=self._maybe(0.2),
            reason=self._one(*REASONS),
            reference=self._one("", "T 1"),
        )

    def count(self) -> ask.Request:
        time = self._count_time()
        layer = self._layer()
        if layer and self._maybe(0.5 if ITEMS[layer.item].tracking == "none" else 0.9):
            counted = self._near(layer.item, layer.places.on_hand)
            return ask.CountStock(stocked_item=layer.name, counted=counted, count_time=time, reason="stocktake")
        item, where = self._target()
        found = (
            self._state.open_position(item, where.location) if isinstance(where, At) else self._state.positions[where]
        )
        counted = self._near(item, self._state.on_hand(found.name) if found else Decimal(2))
        return ask.CountStock(where=where, counted=counted, count_time=time, reason="stocktake")

    def assembly(self) -> ask.Request:
        item, where = self._target()
        components = []
        for _ in range(self._one(1, 1, 2, 3)):
            component, source = self._source("available")
            components.append(Component(source, self._quantity(component)))
        return ask.AssembleStock(
            components=tuple(components),
            where=where,
            quantity=self._quantity(item),
            lot=self._lot(item),
            serial_number=self._serial_number(item),
            expire_time=self._expire_time(item),
            reason=self._one(*REASONS),
            reference=self._one("", "K 1"),
        )

    def disassembly(self) -> ask.Request:
        item, source = self._source("available")
        shared = self._maybe(0.5)
        parts = tuple(self._part(shared) for _ in range(self._one(1, 2, 3)))
        if shared and not any(part.cost_share for part in parts):
            shared = False
            parts = tuple(self._part(shared) for _ in parts)
        return ask.DisassembleStock(
            source=source, quantity=self._quantity(item), parts=parts, reason=self._one(*REASONS)
        )

    def _part(self, shared: bool) -> Part:
        item, where = self._target()
        return Part(
            where=where,
            quantity=self._quantity(item),
            cost_share=Decimal(self._one("0", "1", "2.5", "0.000001")) if shared else None,
            lot=self._lot(item),
            serial_number=self._serial_number(item),
            expire_time=self._expire_time(item),
        )

    def expectation(self) -> ask.Request:
        item, where = self._target(missing=0.2)
        return ask.ExpectStock(
            order_line=self._one(*ORDER_LINES), where=where, quantity=self._quantity(item), reason=self._one(*REASONS)
        )

    def cancellation(self) -> ask.Request:
        item, order_line, where = self._expected()
        return ask.CancelExpectedStock(order_line=order_line, where=where, quantity=self._some(item))

    def receipt(self) -> ask.Request:
        item, order_line, where = self._expected()
        numbers = (
            tuple(self._random.sample(SERIAL_NUMBERS, self._one(1, 2))) if ITEMS[item].tracking == "serial" else ()
        )
        return ask.ReceiveStock(
            order_line=order_line,
            where=where,
            quantity=Decimal(len(numbers)) if numbers else self._quantity(item),
            receive_time=self._receive_time(),
            cost=self._cost(),
            lot=self._lot(item),
            serial_numbers=numbers,
            expire_time=self._expire_time(item),
            reason=self._one(*REASONS),
            reference=self._one("", "R 1"),
            invoice_number=self._one("I1", "I2", ""),
        )

    def taking_back(self) -> ask.Request:
        own = [layer for layer in self._state.layers.values() if layer.order_line and layer.places.available]
        layer = self._one(*own) if own and self._maybe(0.95) else self._layer()
        if layer is None:
            return self.receipt()
        named = self._known(layer) and self._maybe(0.5)
        source = Source(named=(layer.name,)) if named else Source(where=self._spelled(layer.position))
        return ask.UnreceiveStock(
            order_line=layer.order_line if layer.order_line and self._maybe(0.9) else self._one(*ORDER_LINES),
            source=source,
            quantity=self._quantity(layer.item),
            reason=self._one(*REASONS),
            lower_order=self._maybe(0.3),
        )

    def update(self) -> ask.Request:
        layer = self._layer()
        name = layer.name if layer and self._maybe(0.98) else "none"
        masks = [("unit_cost",), ("expire_time",), ("serial_number",), ("unit_cost", "expire_time")]
        mask = self._random.choices(masks, [6, 2, 4 if layer and layer.serial_number else 0.5, 1])[0]
        cost = self._unit_cost()
        return ask.UpdateStockedItem(
            stocked_item=name,
            mask=mask,
            unit_cost=cost if "unit_cost" in mask else None,
            serial_number=self._one(*SERIAL_NUMBERS) if "serial_number" in mask else "",
            expire_time=self._one(None, *FAR_AWAY, LONG_AGO[0]) if "expire_time" in mask else None,
            reason=self._one(*REASONS),
        )

    # --- which units ---

    def _known(self, layer: Layer) -> bool:
        """Whether the ledger has told what it calls it."""
        return layer.name in self._oracle.state.layers

    def _target(self, missing: float = 0.06) -> tuple[int, Where]:
        """An item and a position of it, now and then one that isn't there."""
        there = [one for one in self._state.positions.values() if not one.closed or self._maybe(0.1)]
        if not there or self._maybe(missing):
            item = self._one(*ITEMS)
            return item, At(self._one(item, item, 99), self._one(*LOCATIONS, *LOCATIONS, "nowhere"))
        position = self._one(*there)
        return position.item, self._spelled(position.name)

    def _spelled(self, name: Name) -> Where:
        position = self._state.positions[name]
        known = name in self._oracle.state.positions
        return name if known and self._maybe(0.5) else At(position.item, position.location)

    def _layer(self, place: str = "") -> Layer | None:
        """A stocked item, most often one of the last and one with units there."""
        layers = [layer for layer in list(self._state.layers.values())[-80:] if self._known(layer)]
        fit = [one for one in layers if not place or getattr(one.places, place)]
        return self._one(*fit) if fit else None

    def _source(self, place: str) -> tuple[int, Source]:
        """Units to draw on, and of which item."""
        layer = self._layer(place) if self._maybe(0.95) else self._layer()
        if layer is None:
            item, where = self._target()
            return item, Source(where)
        if self._maybe(0.85 if layer.serial_number else 0.25):
            return layer.item, self._named(layer, place)
        order = self._one("", "", "", "oldest_first", "newest_first", "first_expired_first")
        return layer.item, Source(self._spelled(layer.position), order=order, include_expired=self._maybe(0.3))

    def _named(self, layer: Layer, place: str) -> Source:
        """That stocked item, and now and then others beside it."""
        names = [layer.name]
        if self._maybe(0.3):
            line = [one for one in self._state.line(layer.position) if getattr(one.places, place) and self._known(one)]
            names += [one.name for one in self._random.sample(line, min(2, len(line))) if one is not layer]
        if self._maybe(0.04):
            names.append("none" if self._maybe(0.5) else self._one(*self._oracle.state.layers))
        return Source(named=tuple(dict.fromkeys(names)), include_expired=self._maybe(0.3))

    def _wanted(self) -> tuple[int, str, Source]:
        item, source = self._source("available")
        return item, self._one(*DEMANDS), source

    def _held(self, place: str) -> tuple[int, str, Source]:
        """Units that a demand has there, or may have by then."""
        rows = [key for key, one in self._state.holdings.items() if getattr(one, place)][-6:]
        if not rows or self._maybe(0.06):
            item, where = self._target()
            return item, self._one(*DEMANDS), Source(where)
        position, demand, name = self._one(*rows)
        layer = self._state.layers[name]
        if self._known(layer) and self._maybe(0.5 if layer.serial_number else 0.3):
            return layer.item, demand, Source(named=self._named(layer, place).named)
        return layer.item, demand, Source(self._spelled(position))

    def _expected(self) -> tuple[int, str, Where]:
        """An order line that has something to bring."""
        rows = [key for key, one in self._state.expectations.items() if one.on_order]
        if not rows or self._maybe(0.05):
            item, where = self._target()
            return item, self._one(*ORDER_LINES), where
        position, order_line = self._one(*rows)
        return self._state.positions[position].item, order_line, self._spelled(position)

    def _elsewhere(self, source: Source) -> Name:
        """Another location than the units', most often."""
        if self._maybe(0.04):
            return self._one("nowhere", *LOCATIONS)
        state = self._state
        named = [state.layers[name].position for name in source.named if name in state.layers]
        where = source.where if source.where is not None else (*named, "")[0]
        here = where.location if isinstance(where, At) else where.partition("@")[2][:1]
        return self._one(*(location for location in LOCATIONS if location != here))

    # --- values ---

    def _quantity(self, item: int) -> Decimal:
        tracking, scale = ITEMS[item].tracking, ITEMS[item].scale
        if self._maybe(0.01):
            return self._one(Decimal("0.125"), ENORMOUS)
        if tracking == "serial" and self._maybe(0.9):
            return Decimal(1)
        return self._one(*(HUNDREDTHS if scale else WHOLE))

    def _some(self, item: int) -> Decimal | None:
        """A quantity, or none, which means all."""
        return None if self._maybe(0.4) else self._quantity(item)

    def _near(self, item: int, units: Decimal) -> Decimal:
        """About as many as there are."""
        if units >= ENORMOUS:
            return units
        difference = self._one(Decimal(0), self._quantity(item), -self._quantity(item))
        return max(units + difference, Decimal(0)) if abs(difference) < ENORMOUS else units

    def _receive_time(self) -> datetime | None:
        return NEVER_IN_TIME if self._maybe(0.01) else self._one(None, None, None, *LONG_AGO)

    def _expire_time(self, item: int) -> datetime | None:
        return self._one(None, LONG_AGO[0], *FAR_AWAY) if ITEMS[item].tracking == "lot" or self._maybe(0.1) else None

    def _count_time(self) -> datetime | ask.Recorded | None:
        if self._maybe(0.05):
            return self._one(LONG_AGO[0], NEVER_IN_TIME)
        return ask.Recorded(self._one(*self._asked[-100:]).name) if self._asked and self._maybe(0.3) else None

    def _cost(self) -> ask.Cost:
        if self._maybe(0.2):
            return self._one("average", "last_received")
        return self._unit_cost() if self._maybe(0.75) else None

    def _unit_cost(self) -> UnitCost:
        value = EXORBITANT if self._maybe(0.01) else self._one(*UNIT_COSTS)
        return UnitCost(value, "EUR" if self._maybe(0.03) else "USD")

    def _lot(self, item: int) -> str:
        return self._one("X1", "X2") if (ITEMS[item].tracking == "lot") != self._maybe(0.02) else ""

    def _serial_number(self, item: int) -> str:
        return self._one(*SERIAL_NUMBERS) if (ITEMS[item].tracking == "serial") != self._maybe(0.02) else ""

    def _one(self, *choices: T) -> T:
        return self._random.choice(choices)

    def _maybe(self, probability: float) -> bool:
        return self._random.random() < probability


_MADE: Final[dict[Callable[[Chance], ask.Request], int]] = {
    Chance.addition: 14,
    Chance.removal: 8,
    Chance.closing: 1,
    Chance.reservation: 8,
    Chance.release: 4,
    Chance.unlimited: 2,
    Chance.picking: 8,
    Chance.unpicking: 4,
    Chance.delivery: 5,
    Chance.returning: 4,
    Chance.transfer: 7,
    Chance.count: 6,
    Chance.assembly: 4,
    Chance.disassembly: 4,
    Chance.expectation: 6,
    Chance.cancellation: 2,
    Chance.receipt: 7,
    Chance.taking_back: 4,
    Chance.update: 5,
}
"""What is asked for, and how often."""

_PREVIEWED: Final = {
    make: weight for make, weight in _MADE.items() if make not in {Chance.closing, Chance.unlimited, Chance.update}
}

_ROUNDS: Final[dict[Callable[[Chance], program.Round], int]] = {
    Chance.batch: 40,
    Chance.all_or_none: 15,
    Chance.call: 20,
    Chance.preview: 25,
    Chance.setting: 9,
    Chance.activation: 4,
    Chance.archiving: 4,
    Chance.opening: 4,
    Chance.looking: 1,
}
