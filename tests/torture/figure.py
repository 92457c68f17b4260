"""One line of the table: a promise, and what is done to break it."""

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.torture.stage import Stage


@dataclass(frozen=True, slots=True)
class Figure:
    """A promise of the ledger's, and a run that fails when it is broken."""

    name: str
    promise: str
    run: Callable[[Stage, int], None]
    """Does so much of it; raises an error, mostly AssertionError, at what must not be."""
    size: int
    """How much in a run of the default length."""
    short: int = 0
    """How much in `make test`; 0: what is done here in long, other tests do in short."""
    at_once: int | None = None
    """How much on one database, with one seed; None: all of it."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, and the seed of the round in which it was."""

    seed: int
    traceback: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a figure."""

    figure: Figure
    stage: Stage
    violations: tuple[Violation, ...]


def take(figure: Figure, stage: Stage, times: float) -> Result:
    """Take a figure, so many times as long as by default. A violation ends its round, and no other."""
    violations = []
    for size in _rounds(max(1, round(figure.size * times)), figure.at_once):
        try:
            figure.run(stage, size)
        except Exception:  # noqa: BLE001 - whatever it was, the others are taken all the same
            violations.append(Violation(stage.seed, traceback.format_exc()))
        stage.seed += 1
    return Result(figure, stage, tuple(violations))


def _rounds(size: int, at_once: int | None) -> Iterator[int]:
    step = at_once or size
    for begun in range(0, size, step):
        yield min(step, size - begun)
