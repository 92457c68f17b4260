"""Runs a stock ledger that fails where it is told to: `python -m tests.torture.failing FILE`.

FILE holds a plan as a JSON object: at which `point` (any, when none is named) which `action` is taken, and with which
`chance`; without one it is taken once. No file: it is a ledger like any other.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import errors

from storekeeper_kit import failpoints, server
from storekeeper_kit.failpoints import Point

STALL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen."""

    action: str
    point: str = ""
    chance: float | None = None

    def write(self, file: Path) -> None:
        """From now on."""
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(self)))
        draft.rename(file)


def main(file: Path) -> None:
    """Serve, and fail."""

    def on_reach(point: Point) -> None:
        if not file.exists():
            return
        plan = Plan(**json.loads(file.read_text()))
        if plan.point not in ("", point):
            return
        if plan.chance is None:
            file.unlink()
        elif random.random() >= plan.chance:
            return
        ACTIONS[plan.action]()

    failpoints.on_reach = on_reach
    # Whatever these import finds the points armed.
    from storekeeper_stockledger.app import main as serve  # noqa: PLC0415
    from storekeeper_stockledger.storage import ahead, recording  # noqa: PLC0415

    # So that there often is something on its way already where it fails, or that was read before the locks.
    recording.PART = random.choice((1, 2, recording.PART))  # type: ignore[misc]
    ahead.MANY = random.choice((1, ahead.MANY))  # type: ignore[misc]
    server.run(serve)


def crash() -> None:
    """As by `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


def defect() -> None:
    """An error that nobody has thought of."""
    raise RuntimeError("failed on purpose")


def loss() -> None:
    """As if the connection to the database were lost."""
    raise psycopg.OperationalError("lost on purpose")


def stall() -> None:
    """Everything takes its time."""
    time.sleep(STALL_S)


def conflict() -> None:
    """As if another transaction were in the way."""
    raise random.choice((errors.SerializationFailure, errors.DeadlockDetected))("in the way on purpose")


ACTIONS: Final[dict[str, Callable[[], None]]] = {
    action.__name__: action for action in (crash, defect, loss, stall, conflict)
}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
