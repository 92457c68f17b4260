"""Moving units: none is made, none is lost, and none is taken from where it is not."""

from dataclasses import fields
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storekeeper_stockledger.domain.places import (
    DESCRIBING,
    ELSEWHERE,
    ENDS,
    MAKING,
    ON_HAND,
    Kind,
    Place,
    Places,
    comes,
    leaves,
    move,
)
from storekeeper_stockledger.domain.stock import Totals
from tests.harness import kinds

PLACES = [place for place in Place if place not in ELSEWHERE]
"""Those of a stocked item."""

quantities = st.decimals("0.000001", "999999999999", places=6)
counts = st.lists(st.decimals("0", "999999999999", places=6), min_size=len(PLACES), max_size=len(PLACES))


def filled(units: list[Decimal]) -> Places:
    """A stocked item with these units, place by place."""
    return Places(sum(units, Decimal()), *units)


def units_in(place: Place, places: Places) -> Decimal:
    units: Decimal = getattr(places, place)
    return units


def test_each_kind_says_from_where_to_where() -> None:
    assert set(ENDS) == set(Kind)
    assert [kind for kind, (origin, target) in ENDS.items() if origin is target] == [Kind.REVALUED]


def test_the_invariants_know_the_same_kinds() -> None:
    """They share no code with the ledger, so that one checks the other."""
    told = {kind: tuple(None if end is Place.OUTSIDE else str(end) for end in ends) for kind, ends in ENDS.items()}
    assert told | {Kind.REVALUED: (None, None)} == kinds.ENDS
    assert (set(MAKING), set(MAKING | DESCRIBING)) == (kinds.MAKING, kinds.COSTING)
    assert {kind for kind in Kind if comes(kind)} == kinds.COMING
    assert {kind for kind in Kind if leaves(kind)} == kinds.LEAVING


def test_what_makes_a_stocked_item_brings_units_from_elsewhere() -> None:
    assert all(ENDS[kind][0] in ELSEWHERE and comes(kind) for kind in MAKING)


def test_each_place_is_counted_and_named() -> None:
    assert [field.name for field in fields(Places)] == ["received", *PLACES]


@pytest.mark.parametrize("kind", Kind)
@settings(max_examples=25)
@given(units=counts, quantity=quantities)
def test_no_kind_of_movement_makes_or_loses_a_unit(kind: Kind, units: list[Decimal], quantity: Decimal) -> None:
    origin, target = ENDS[kind]
    before = filled(units)
    if origin is not target and origin not in ELSEWHERE and units_in(origin, before) < quantity:
        with pytest.raises(AssertionError):
            move(before, kind, quantity)
        return
    after = move(before, kind, quantity)
    changes = {place: units_in(place, after) - units_in(place, before) for place in PLACES}
    expected = {origin: -quantity, target: quantity} if origin is not target else {}
    assert {place: change for place, change in changes.items() if change} == {
        place: change for place, change in expected.items() if place not in ELSEWHERE
    }
    assert after.received - before.received == sum(changes.values())


@pytest.mark.parametrize("kind", Kind)
def test_a_position_counts_what_is_on_hand_and_on_order(kind: Kind) -> None:
    before = Totals(*[Decimal(9)] * 4)
    after = before.after(kind, Decimal(2))
    origin, target = ENDS[kind]
    moved = {origin: -2, target: 2} if origin is not target else {}
    for place in (*ON_HAND, Place.ON_ORDER):
        assert getattr(after, place) == 9 + moved.get(place, 0)
    assert after.on_hand - before.on_hand == 2 * (comes(kind) - leaves(kind))


@pytest.mark.parametrize(
    "kind", [kind for kind, (origin, target) in ENDS.items() if origin not in ELSEWHERE | {target}]
)
def test_more_units_than_a_place_has_are_never_taken(kind: Kind) -> None:
    origin = ENDS[kind][0]
    places = Places(**{"received": Decimal(5), origin: Decimal(5)})
    assert units_in(origin, move(places, kind, Decimal(5))) == 0
    with pytest.raises(AssertionError, match="were taken"):
        move(places, kind, Decimal("5.000001"))


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_a_movement_has_a_positive_quantity(kind: Kind, quantity: str) -> None:
    plenty = filled([Decimal(100)] * len(PLACES))
    with pytest.raises(AssertionError, match="positive"):
        move(plenty, kind, Decimal(quantity))


def test_on_hand_is_what_is_physically_present() -> None:
    units = filled([Decimal(number) for number in (1, 10, 100, 1000, 10000, 100000)])
    assert units.on_hand == 111
