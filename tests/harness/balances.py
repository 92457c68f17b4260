"""Balances: where units are, what demands hold of them, what is on order; each the fold of the journal."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tests.harness.journal import PLACES, TOTALS, Expectation, Journal, Movement, Position, Reservation
from tests.harness.kinds import ENDS, MAKING, ON_HAND

ZERO = Decimal(0)
HELD = ("reserved", "picked", "delivered")
"""The places whose units are for a demand."""


def check_stocked_items(journal: Journal) -> None:
    """I1, I2: the units of a stocked item are in its places, none of which owes any."""
    for item in journal.stocked_items.values():
        name = f"stocked item {item.stocked_item_id}"
        assert all(units >= ZERO for units in item.places.values()), f"{name} has less than nothing somewhere"
        assert sum(item.places[place] for place in PLACES) == item.places["received"], f"{name} has lost or won units"
        assert item.open == any(item.places[place] for place in ON_HAND), (
            f"{name} is open and empty, or closed and on hand"
        )
        position = journal.positions[item.position_id]
        assert (item.item_id, item.location_id) == (position.item_id, position.location_id), (
            f"{name} is of another item or location than its position"
        )


def check_positions(journal: Journal) -> None:
    """I3: the totals of a position are the sums of its stocked items, and of what order lines have on order."""
    sums: defaultdict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for item in journal.stocked_items.values():
        for place in ON_HAND:
            sums[item.position_id, place] += item.places[place]
    for expectation in journal.expectations:
        sums[expectation.position_id, "on_order"] += expectation.on_order
    for position in journal.positions.values():
        for total in TOTALS:
            assert position.totals[total] == sums[position.position_id, total], (
                f"position {position.position_id} has other totals than its stocked items and expectations: {total}"
            )


def check_closed(journal: Journal) -> None:
    """Each closed position was closed by one operation, and has nothing since; an item has one open at a location."""
    closed = {one.position_id: one.close_time for one in journal.positions.values() if one.close_time}
    closings = [operation.record_time for operation in journal.operations if operation.kind == "close_position"]
    assert sorted(closed.values()) == closings, "positions were closed at other times than the journal says"
    for movement in journal.movements:
        closed_at = closed.get(movement.position_id)
        assert closed_at is None or movement.record_time <= closed_at, (
            f"movement {movement.movement_id} is at a position that was closed before"
        )
    for position_id in closed:
        assert not any(journal.positions[position_id].totals.values()), f"position {position_id} is closed, not empty"
    open_pairs = Counter((one.item_id, one.location_id) for one in journal.positions.values() if not one.close_time)
    assert all(count == 1 for count in open_pairs.values()), "an item has two open positions at a location"


def check_fold(journal: Journal) -> None:
    """I5, I6: from nothing, movement by movement, come the balances that stand on each, and those of today."""
    fold = _Fold({position_id: dict.fromkeys(TOTALS, ZERO) for position_id in journal.positions})
    for movement in journal.movements:
        fold.follow(movement)
    for item in journal.stocked_items.values():
        name = f"stocked item {item.stocked_item_id}"
        assert fold.places.get(item.stocked_item_id) == item.places, f"{name} is not as the journal has left it"
        assert fold.whereabouts[item.stocked_item_id] == item.position_id, (
            f"{name} is not where the journal has left it"
        )
    for position in journal.positions.values():
        assert fold.totals[position.position_id] == position.totals, (
            f"position {position.position_id} is not as the journal has left it"
        )


@dataclass(slots=True)
class _Fold:
    """Balances as the journal goes by."""

    totals: dict[int, dict[str, Decimal]]
    """By position."""
    places: dict[int, dict[str, Decimal]] = field(default_factory=dict)
    """By stocked item."""
    whereabouts: dict[int, int] = field(default_factory=dict)
    """The position of each stocked item."""

    def follow(self, movement: Movement) -> None:
        """Move the units, and fail unless the movement says the same of what came of it."""
        name = f"movement {movement.movement_id}"
        places = self._moved(movement, name)
        totals = self.totals[movement.position_id]
        _move(totals, movement, name)
        assert movement.places_after == places, f"{name} says other places than the fold of the journal"
        assert movement.totals_after == totals, f"{name} says other totals than the fold of the journal"

    def _moved(self, movement: Movement, name: str) -> dict[str, Decimal] | dict[str, None]:
        item_id = movement.stocked_item_id
        if item_id is None:
            return dict.fromkeys(("received", *PLACES))
        if movement.kind in MAKING:
            assert item_id not in self.places, f"{name} adds what is there already"
            self.places[item_id] = dict.fromkeys(("received", *PLACES), ZERO)
        assert item_id in self.places, f"{name} moves what was never added"
        if movement.kind in MAKING or movement.kind == "relocated_in":
            self.whereabouts[item_id] = movement.position_id
        assert self.whereabouts[item_id] == movement.position_id, f"{name} is at another position than its stocked item"
        places = self.places[item_id]
        _move(places, movement, name)
        places["received"] = sum((places[place] for place in PLACES), ZERO)
        return places


def _move(units: dict[str, Decimal], movement: Movement, name: str) -> None:
    """Move units between those of the two places that are counted here."""
    for place, quantity in zip(ENDS[movement.kind], (-movement.quantity, movement.quantity), strict=True):
        if place in units:
            units[place] += quantity
            assert units[place] >= ZERO, f"{name} takes more from {place} than there is"


def check_reservations(journal: Journal) -> None:
    """I4: what demands hold of each stocked item is what is reserved and picked of it, and what the journal says.

    It expires at one time for what a demand has reserved at a position, and the position knows the first of them.
    """
    held: defaultdict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for reservation in journal.reservations:
        held[reservation.stocked_item_id, "reserved"] += reservation.reserved
        held[reservation.stocked_item_id, "picked"] += reservation.picked
    for item in journal.stocked_items.values():
        for place in ("reserved", "picked"):
            assert item.places[place] == held[item.stocked_item_id, place], (
                f"stocked item {item.stocked_item_id} has other units {place} than demands hold of it"
            )
    _check_holdings(journal)
    _check_expiry(journal.positions, journal.reservations)


@dataclass(slots=True)
class _Holding:
    units: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(HELD, ZERO))
    delivered_value: Decimal | None = ZERO

    def follow(self, movement: Movement) -> None:
        _move(self.units, movement, f"movement {movement.movement_id}")
        if movement.kind == "delivered":
            self.delivered_value = _sum(self.delivered_value, movement.amount)
        elif movement.kind == "returned" and self.units["delivered"]:
            self.delivered_value = _sum(self.delivered_value, None if movement.amount is None else -movement.amount)
        elif movement.kind == "returned":
            assert self.delivered_value in (None, movement.amount), (
                f"movement {movement.movement_id} brings all back, but not what it was worth"
            )
            self.delivered_value = ZERO


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one + other


def _check_holdings(journal: Journal) -> None:
    holdings: defaultdict[tuple[int, str, int], _Holding] = defaultdict(_Holding)
    for movement in journal.movements:
        if movement.demand and movement.stocked_item_id is not None:
            holdings[movement.position_id, movement.demand, movement.stocked_item_id].follow(movement)
    told = {reservation.key: reservation for reservation in journal.reservations}
    assert told.keys() == holdings.keys(), (
        f"reservations without movements, or without rows: {told.keys() ^ holdings.keys()}"
    )
    for key, reservation in told.items():
        holding, name = holdings[key], f"reservation {key}"
        assert {place: getattr(reservation, place) for place in HELD} == holding.units, (
            f"{name} is not as the journal has left it"
        )
        assert reservation.delivered_value == holding.delivered_value, f"{name} has delivered what was worth otherwise"
        assert reservation.open == bool(reservation.reserved or reservation.picked), (
            f"{name} is open, or closed, wrongly"
        )


def _check_expiry(positions: dict[int, Position], reservations: list[Reservation]) -> None:
    expiry: defaultdict[tuple[int, str], set[datetime | None]] = defaultdict(set)
    for reservation in reservations:
        if reservation.reserved:
            expiry[reservation.position_id, reservation.demand].add(reservation.expire_time)
        else:
            assert reservation.expire_time is None, f"reservation {reservation.key} is over, and yet to expire"
    first: dict[int, datetime] = {}
    for (position_id, demand), (time, *others) in expiry.items():
        assert not others, f"what demand {demand} has reserved at position {position_id} expires at different times"
        if time is not None:
            first[position_id] = min(time, first.get(position_id, time))
    for position in positions.values():
        assert position.next_expiry == first.get(position.position_id), (
            f"position {position.position_id} has something else expire next than its reservations"
        )


def check_expectations(journal: Journal) -> None:
    """I12: an order line has on order and has brought what the journal says, and its stocked items are what it brought."""
    balances: defaultdict[tuple[int, str], dict[str, Decimal]] = defaultdict(
        lambda: {"on_order": ZERO, "received": ZERO}
    )
    for movement in journal.movements:
        if movement.order_line:
            balance = balances[movement.position_id, movement.order_line]
            _move(balance, movement, f"movement {movement.movement_id}")
            balance["received"] += {"received": 1, "unreceived": -1}.get(movement.kind, 0) * movement.quantity
    told = {expectation.key: expectation for expectation in journal.expectations}
    assert told.keys() == balances.keys(), (
        f"expectations without movements, or without rows: {told.keys() ^ balances.keys()}"
    )
    for key, expectation in told.items():
        assert balances[key] == {"on_order": expectation.on_order, "received": expectation.received}, (
            f"expectation {key} is not as the journal has left it"
        )
    _check_brought(journal, journal.expectations)


def _check_brought(journal: Journal, expectations: list[Expectation]) -> None:
    """By order line and item: a unit with a serial number keeps its order line wherever it goes."""
    brought: Counter[tuple[str, int]] = Counter()
    for expectation in expectations:
        brought[expectation.order_line, journal.positions[expectation.position_id].item_id] += expectation.received  # type: ignore[assignment]
    for item in journal.stocked_items.values():
        if item.order_line:
            brought[item.order_line, item.item_id] -= item.places["received"]  # type: ignore[assignment]
    wrong = [order_line for (order_line, _), difference in brought.items() if difference]
    assert not wrong, f"order lines {wrong} have brought something else than their stocked items"
