"""What is said of gates is what was measured."""

import pytest

from tests.bench.client import Answered
from tests.bench.figures import Figures, Measurement, Spread
from tests.bench.gates import Gate, gates


@pytest.mark.parametrize(("measured", "reached"), [(0.44, "MISSED"), (0.45, "gate"), (0.64, "gate"), (0.65, "aim")])
def test_what_is_to_be_great_is_missed_below_its_gate(measured: float, reached: str) -> None:
    gate = Gate("rate", 0.45, 0.65, Spread.of([measured]))
    assert gate.reached == reached
    assert gate.is_missed == (reached == "MISSED")


@pytest.mark.parametrize(("measured", "reached"), [(1.21, "MISSED"), (1.2, "gate"), (1.05, "aim")])
def test_what_is_to_be_small_is_missed_above_its_gate(measured: float, reached: str) -> None:
    assert Gate("growth", 1.2, 1.05, Spread.of([measured])).reached == reached


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    assert not any(gate.is_missed or gate.measured for gate in gates(Figures()))


def test_a_ratio_is_taken_within_each_repetition() -> None:
    figures = Figures()
    for removals, empty in ((450, 1000), (100, 200), (900, 3000)):
        figures.add(Measurement("ledger", "uniform", 64), Answered(removals, 1, 1, 0))
        figures.add(Measurement("empty", "empty", 64), Answered(empty, 1, 1, 0))
    assert gates(figures)[0].measured == Spread(median=0.45, least=0.3, greatest=0.5)


def test_one_removal_is_compared_to_the_call_and_the_function_together() -> None:
    figures = Figures()
    figures.add(Measurement("ledger", "uniform", 1), Answered(1, 9.0, 1, 0))
    figures.add(Measurement("empty", "empty", 1), Answered(1, 1.0, 1, 0))
    figures.add(Measurement("function", "uniform", 1), Answered(1, 2.0, 1, 0))
    [alone] = [gate for gate in gates(figures) if gate.measured]
    assert alone.measured == Spread.of([3.0])
