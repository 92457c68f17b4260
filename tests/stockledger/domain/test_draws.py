"""Units are drawn as somebody would who takes one after the other from the front of the shelf."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.draws import DRAWS_MAX, Draw, draw, drawn
from storekeeper_stockledger.domain.refusals import TooManyStockedItems

CASES = 1000


@dataclass(frozen=True, slots=True)
class Layer:
    stocked_item_id: int
    available: Decimal


def layers_of(*available: Decimal | int | str) -> list[Layer]:
    return [Layer(number, Decimal(units)) for number, units in enumerate(available, start=1)]


def remove_one_unit_at_a_time(layers: Sequence[Layer], quantity: Decimal, smallest: Decimal) -> tuple[Draw, ...]:
    """The slow, obvious twin: a plain list of smallest units, of which the first is taken again and again."""
    units = [layer.stocked_item_id for layer in layers for _ in range(int(layer.available / smallest))]
    taken = []
    while quantity > 0:
        taken.append(units.pop(0))
        quantity -= smallest
    return tuple(Draw(stocked_item_id, smallest * len(list(run))) for stocked_item_id, run in groupby(taken))


def test_agrees_with_removing_one_unit_at_a_time() -> None:
    for seed in range(CASES):
        chance = random.Random(seed)
        smallest = Decimal(1).scaleb(-chance.randint(0, 6))
        layers = layers_of(*(smallest * chance.choice((0, 1, 2, 9, 40)) for _ in range(chance.randint(1, 12))))
        units = int(sum(layer.available for layer in layers) / smallest)
        if not units:
            continue
        quantity = smallest * chance.randint(1, units)
        expected = remove_one_unit_at_a_time(layers, quantity, smallest)
        assert draw(layers, quantity) == expected, f"seed {seed}"


@given(st.data(), st.integers(0, 6), st.lists(st.integers(0, 50), min_size=1).filter(any))
def test_agrees_with_removing_one_unit_at_a_time_whatever_the_shelf(
    data: st.DataObject, scale: int, units: list[int]
) -> None:
    smallest = Decimal(1).scaleb(-scale)
    layers = layers_of(*(smallest * count for count in units))
    quantity = smallest * data.draw(st.integers(1, sum(units)))
    assert draw(layers, quantity) == remove_one_unit_at_a_time(layers, quantity, smallest)


def test_drains_the_oldest_layer_before_touching_the_next() -> None:
    draws = draw(layers_of(5, 10, 20, 5), Decimal(20))
    assert draws == (Draw(1, Decimal(5)), Draw(2, Decimal(10)), Draw(3, Decimal(5)))


def test_passes_over_layers_that_have_nothing_available() -> None:
    assert draw(layers_of(0, 3, 0, 4), Decimal(5)) == (Draw(2, Decimal(3)), Draw(4, Decimal(2)))


def test_can_take_everything() -> None:
    assert drawn(draw(layers_of(1, 2, 3), Decimal(6))) == 6


def test_looks_at_no_layer_once_the_quantity_is_covered() -> None:
    def lazily() -> Iterator[Layer]:
        yield from layers_of(3, 2)
        raise AssertionError("a layer too many was asked for")

    assert draw(lazily(), Decimal(5)) == (Draw(1, Decimal(3)), Draw(2, Decimal(2)))


def test_counts_the_smallest_fraction_exactly() -> None:
    layers = layers_of("0.1", "0.2", "0.000001")
    assert [one.quantity for one in draw(layers, Decimal("0.300001"))] == [
        Decimal("0.1"),
        Decimal("0.2"),
        Decimal("0.000001"),
    ]


@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_a_quantity_that_is_not_positive_is_a_defect_of_the_caller(quantity: str) -> None:
    with pytest.raises(AssertionError):
        draw(layers_of(5), Decimal(quantity))


@pytest.mark.parametrize(("available", "taken"), [((2, 3), 5), ((0, 1), 1), ((0,), 0), ((), 0)])
def test_where_there_are_fewer_all_of_them_are_drawn(available: tuple[int, ...], taken: int) -> None:
    assert drawn(draw(layers_of(*available), Decimal(6))) == taken


def test_no_more_stocked_items_are_drawn_on_than_one_answer_has_room_for() -> None:
    layers = layers_of(*[1] * DRAWS_MAX, 0, 1)
    assert len(draw(layers, Decimal(DRAWS_MAX))) == DRAWS_MAX
    with pytest.raises(TooManyStockedItems) as refusal:
        draw(layers, Decimal(DRAWS_MAX + 1))
    assert refusal.value.limit == refusal.value.covered == DRAWS_MAX
