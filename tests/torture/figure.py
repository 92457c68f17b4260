"""One line of the table: a promise, and what is done to break it."""

import traceback
from collections.abc import Callable
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


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a figure."""

    figure: Figure
    stage: Stage
    violations: tuple[str, ...] = ()


def take(figure: Figure, stage: Stage, times: float) -> Result:
    """Take a figure, so many times as long as by default."""
    try:
        figure.run(stage, max(1, round(figure.size * times)))
    except Exception:  # noqa: BLE001 - the others are taken all the same
        return Result(figure, stage, (traceback.format_exc(),))
    return Result(figure, stage)
