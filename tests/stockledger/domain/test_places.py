"""Moving units: none is made, none is lost, and none is taken from where it is not."""

from dataclasses import fields
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.places import ENDS, Kind, Place, Places, move

PLACES = [place for place in Place if place is not Place.OUTSIDE]

quantities = st.decimals("0.000001", "999999999999", places=6)
counts = st.lists(st.decimals("0", "999999999999", places=6), min_size=len(PLACES), max_size=len(PLACES))


def filled(units: list[Decimal]) -> Places:
    """A stocked item with these units, place by place."""
    return Places(sum(units, Decimal()), *units)


def units_in(place: Place, places: Places) -> Decimal:
    units: Decimal = getattr(places, place)
    return units


def counted(places: Places) -> Decimal:
    return sum((units_in(place, places) for place in PLACES), Decimal())


def test_each_kind_says_from_where_to_where() -> None:
    assert set(ENDS) == set(Kind)
    assert all(origin is not target and target is not Place.OUTSIDE for origin, target in ENDS.values())


def test_each_place_is_counted_and_named() -> None:
    assert [field.name for field in fields(Places)] == ["received", *PLACES]


@pytest.mark.parametrize("kind", Kind)
@given(units=counts, quantity=quantities)
def test_no_kind_of_movement_makes_or_loses_a_unit(kind: Kind, units: list[Decimal], quantity: Decimal) -> None:
    origin, target = ENDS[kind]
    before = filled(units)
    if origin is not Place.OUTSIDE and units_in(origin, before) < quantity:
        with pytest.raises(AssertionError):
            move(before, kind, quantity)
        return
    after = move(before, kind, quantity)
    assert counted(after) == after.received
    changes = {place: units_in(place, after) - units_in(place, before) for place in PLACES}
    assert {place: change for place, change in changes.items() if change} == {
        place: change for place, change in ((origin, -quantity), (target, quantity)) if place is not Place.OUTSIDE
    }
    assert after.received - before.received == (quantity if origin is Place.OUTSIDE else 0)


@pytest.mark.parametrize("kind", [kind for kind in Kind if ENDS[kind][0] is not Place.OUTSIDE])
def test_more_units_than_a_place_has_are_never_taken(kind: Kind) -> None:
    origin = ENDS[kind][0]
    places = Places(**{"received": Decimal(5), origin: Decimal(5)})
    assert units_in(origin, move(places, kind, Decimal(5))) == 0
    with pytest.raises(AssertionError, match=f"were taken from {origin}"):
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
