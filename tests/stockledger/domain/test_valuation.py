"""What units on hand are worth by the methods that go through the journal: by hand, and beside slow, obvious twins."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.numbers import plain
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.valuation import (
    MATTERING,
    Average,
    Lifo,
    Line,
    Stock,
    Worth,
    at_standard_cost,
    replay,
)

DAY: Final = timedelta(days=1)
FIRST: Final = datetime(2026, 1, 1, tzinfo=UTC)
METHODS: Final[dict[str, Callable[[str], Stock]]] = {"average": Average, "lifo": Lifo}


def line(
    kind: Kind,
    quantity: int | str,
    amount: int | str | None = None,
    *,
    of: int = 1,
    day: int | None = None,
    demand: str = "",
    unit_cost: int | str | None = None,
    was_unknown: bool = False,
) -> Line:
    """A movement of a stocked item, which is as old as its id is low unless its day is given."""
    return Line(
        kind=kind,
        quantity=Decimal(quantity),
        amount=None if amount is None else Decimal(amount),
        unit_cost=None if unit_cost is None else Decimal(unit_cost),
        stocked_item_id=of,
        receive_time=FIRST + DAY * (of if day is None else day),
        demand=demand,
        was_unknown=was_unknown,
    )


def worth(stock: Stock, *lines: Line, currency_code: str = "USD") -> tuple[str, int]:
    """What is left after these movements: its value, and how many units have none."""
    returned = {one.delivery for one in lines if one.kind is Kind.RETURNED}
    left = replay(lines, stock, returned, currency_code)
    return plain(left.value), int(left.unknown)


TEN_CHEAP: Final = line(Kind.ADDED, 10, "10.00", of=1)
TEN_DEAR: Final = line(Kind.ADDED, 10, "30.00", of=2)


class TestMattering:
    def test_what_stays_on_hand_does_not_matter(self) -> None:
        inner = {Kind.RESERVED, Kind.RELEASED, Kind.PICKED, Kind.PICKED_RESERVED, Kind.UNPICKED, Kind.UNPICKED_RESERVED}
        ordered = {Kind.EXPECTED, Kind.EXPECTATION_CANCELLED}
        assert set(Kind) - inner - ordered == MATTERING


class TestAverage:
    def test_each_unit_leaves_for_the_average(self) -> None:
        assert worth(Average("USD"), TEN_CHEAP, TEN_DEAR, line(Kind.REMOVED, 5, "5.00")) == ("30", 0)

    def test_the_average_moves_with_what_comes(self) -> None:
        lines = [TEN_CHEAP, line(Kind.DELIVERED, 5, "5.00"), TEN_DEAR, line(Kind.COUNTED_OUT, 3, "3.00")]
        assert worth(Average("USD"), *lines) == ("28", 0)

    def test_the_last_unit_takes_what_is_left(self) -> None:
        three = line(Kind.ADDED, 3, "10.00")
        one = line(Kind.REMOVED, 1, "3.33")
        assert worth(Average("USD"), three, one) == ("6.67", 0)
        assert worth(Average("USD"), three, one, one, one) == ("0", 0)

    def test_amounts_are_of_the_currency(self) -> None:
        lines = [line(Kind.ADDED, 3, "10"), line(Kind.REMOVED, 1, "3")]
        assert worth(Average("JPY"), *lines, currency_code="JPY") == ("7", 0)

    def test_units_of_unknown_cost_count_for_no_average(self) -> None:
        unknown = line(Kind.ADDED, 4, of=3)
        assert worth(Average("USD"), TEN_CHEAP, unknown, TEN_DEAR, line(Kind.REMOVED, 10, "10.00")) == ("20", 4)
        assert worth(Average("USD"), TEN_CHEAP, unknown, line(Kind.REMOVED, 3, of=3)) == ("10", 1)

    def test_revalued_units_leave_for_the_average_and_come_for_their_new_cost(self) -> None:
        lines = [TEN_CHEAP, TEN_DEAR, line(Kind.REVALUED, 10, "-25.00", of=2, unit_cost="0.50")]
        assert worth(Average("USD"), *lines) == ("25", 0)

    def test_a_cost_that_becomes_known_makes_units_known(self) -> None:
        lines = [
            TEN_CHEAP,
            line(Kind.ADDED, 4, of=3),
            line(Kind.REVALUED, 4, "8.00", of=3, unit_cost=2, was_unknown=True),
        ]
        assert worth(Average("USD"), *lines) == ("18", 0)

    def test_a_receipt_takes_back_what_it_brought(self) -> None:
        lines = [TEN_CHEAP, line(Kind.RECEIVED, 10, "30.00", of=2), line(Kind.UNRECEIVED, 10, "30.00", of=2)]
        assert worth(Average("USD"), *lines) == ("10", 0)

    def test_a_receipt_takes_back_no_more_than_is_there(self) -> None:
        lines = [
            line(Kind.ADDED, 10, "0.00", of=1),
            line(Kind.RECEIVED, 10, "100.00", of=2),
            line(Kind.REMOVED, 9, "0.00", of=1),
            line(Kind.UNRECEIVED, 10, "100.00", of=2),
        ]
        assert worth(Average("USD"), *lines) == ("0", 0)


class TestLifo:
    def test_the_last_units_leave_first(self) -> None:
        assert worth(Lifo("USD"), TEN_CHEAP, TEN_DEAR, line(Kind.REMOVED, 5, "5.00")) == ("25", 0)
        assert worth(Lifo("USD"), TEN_CHEAP, TEN_DEAR, line(Kind.REMOVED, 15, "20.00")) == ("5", 0)

    def test_the_last_units_are_the_youngest_whenever_they_were_recorded(self) -> None:
        back_dated = line(Kind.ADDED, 10, "30.00", of=2, day=0)
        assert worth(Lifo("USD"), TEN_CHEAP, back_dated, line(Kind.REMOVED, 10, "30.00", of=2)) == ("30", 0)

    def test_what_has_left_is_not_there_when_more_comes(self) -> None:
        lines = [TEN_CHEAP, line(Kind.CONSUMED, 10, "10.00"), TEN_DEAR, line(Kind.REMOVED, 1, "3.00")]
        assert worth(Lifo("USD"), *lines) == ("27", 0)

    def test_units_of_unknown_cost_leave_in_their_turn(self) -> None:
        lines = [TEN_CHEAP, line(Kind.ADDED, 4, of=3), line(Kind.REMOVED, 6, "6.00")]
        assert worth(Lifo("USD"), *lines[:2]) == ("10", 4)
        assert worth(Lifo("USD"), *lines) == ("8", 0)

    def test_revalued_are_the_units_that_are_still_there(self) -> None:
        lines = [TEN_CHEAP, TEN_DEAR, line(Kind.REMOVED, 6, "6.00")]
        revalued = line(Kind.REVALUED, 10, "40.00", of=2, unit_cost=7)
        assert worth(Lifo("USD"), *lines, revalued) == ("38", 0)

    def test_a_receipt_takes_its_own_units_back_and_then_the_last_ones(self) -> None:
        received = line(Kind.RECEIVED, 10, "10.00", of=1)
        lines = [received, TEN_DEAR, line(Kind.UNRECEIVED, 4, "4.00", of=1)]
        assert worth(Lifo("USD"), *lines) == ("36", 0)
        drawn_on = [received, line(Kind.REMOVED, 8, "8.00", of=1), TEN_DEAR, line(Kind.UNRECEIVED, 4, "4.00", of=1)]
        assert worth(Lifo("USD"), *drawn_on) == ("24", 0)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
class TestReturns:
    def test_what_comes_back_is_worth_what_it_left_for(self, method: Callable[[str], Stock]) -> None:
        before = [TEN_CHEAP, TEN_DEAR]
        delivered = line(Kind.DELIVERED, 6, "6.00", demand="A")
        returned = line(Kind.RETURNED, 6, "6.00", demand="A")
        assert worth(method("USD"), *before, delivered, returned) == ("40", 0)

    def test_of_a_part_it_is_its_share(self, method: Callable[[str], Stock]) -> None:
        before = [line(Kind.ADDED, 3, "10.00")]
        delivered = line(Kind.DELIVERED, 3, "10.00", demand="A")
        one = line(Kind.RETURNED, 1, "3.33", demand="A")
        assert worth(method("USD"), *before, delivered, one) == ("3.33", 0)
        assert worth(method("USD"), *before, delivered, one, one, one) == ("10", 0)

    def test_what_left_without_a_cost_comes_back_as_it_is_recorded(self, method: Callable[[str], Stock]) -> None:
        lines = [
            line(Kind.ADDED, 4),
            line(Kind.DELIVERED, 2, demand="A"),
            line(Kind.RETURNED, 2, demand="A"),
        ]
        assert worth(method("USD"), *lines) == ("0", 4)


class TestStandard:
    def test_units_are_worth_what_they_should_cost(self) -> None:
        assert at_standard_cost(Decimal("2.5"), Decimal("1.25"), "USD") == Worth(Decimal("3.12"))

    def test_without_a_standard_cost_none_is_known(self) -> None:
        assert at_standard_cost(Decimal(3), None, "USD") == Worth(unknown=Decimal(3))

    def test_a_cost_of_nothing_is_known(self) -> None:
        assert at_standard_cost(Decimal(3), Decimal(0), "USD") == Worth(Decimal(0))


# --- twins --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Move:
    """Units that come at a cost, or leave."""

    quantity: int
    cost: int | None
    day: int = 0


moves = st.lists(
    st.one_of(
        st.builds(Move, st.integers(1, 4), st.integers(0, 9), st.integers(0, 5)),
        st.builds(Move, st.integers(1, 6), st.none()),
    ),
    max_size=30,
)


def lines_of(moves: Sequence[Move]) -> list[Line]:
    """The moves as movements, without those that would leave less than nothing."""
    lines: list[Line] = []
    on_hand = 0
    for number, move in enumerate(moves, start=1):
        if move.cost is not None:
            lines.append(line(Kind.ADDED, move.quantity, move.quantity * move.cost, of=number, day=move.day))
            on_hand += move.quantity
        elif move.quantity <= on_hand:
            lines.append(line(Kind.REMOVED, move.quantity, 0))
            on_hand -= move.quantity
    return lines


@given(moves)
def test_lifo_agrees_with_a_pile_of_single_units(moves: Sequence[Move]) -> None:
    lines = lines_of(moves)
    assert replay(lines, Lifo("USD"), (), "USD").value == sum(_pile(lines))


def _pile(lines: Iterable[Line]) -> list[Decimal]:
    """What each unit on hand costs: they are sorted whenever some come, and leave from the end."""
    pile: list[tuple[tuple[datetime, int], Decimal]] = []
    for one in lines:
        if one.kind is Kind.ADDED:
            assert one.amount is not None
            pile = sorted([*pile, *[(one.age, one.amount / one.quantity)] * int(one.quantity)])
        else:
            del pile[len(pile) - int(one.quantity) :]
    return [cost for _, cost in pile]


@given(moves)
def test_the_average_agrees_with_fractions_but_for_half_a_cent_a_removal(moves: Sequence[Move]) -> None:
    lines = lines_of(moves)
    exact, removals = _average(lines)
    value = replay(lines, Average("USD"), (), "USD").value
    assert abs(Fraction(value) - exact) <= Fraction(removals, 200)
    assert value >= 0


def _average(lines: Iterable[Line]) -> tuple[Fraction, int]:
    """What is on hand by exact averages, and how many removals there were."""
    units, value, removals = Fraction(0), Fraction(0), 0
    for one in lines:
        if one.kind is Kind.ADDED:
            assert one.amount is not None
            units, value = units + Fraction(one.quantity), value + Fraction(one.amount)
        else:
            value -= value / units * Fraction(one.quantity)
            units, removals = units - Fraction(one.quantity), removals + 1
    return value, removals
