"""R7, the other way round: bugs are planted into ledgers, and the figures must find every one of them."""

from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from tests.torture import (
    r02_killed_postgresql,
    r05_duplicates,
    r06_soak,
    r07_history,
    r12_reservations,
    r13_watches,
)
from tests.torture.bugs import BUGS, Bug
from tests.torture.stage import Stage

HUNTERS: Final[dict[str, Callable[[Stage, int], None]]] = {
    "R2": r02_killed_postgresql.run,
    "R5": r05_duplicates.run,
    "R6": r06_soak.run,
    "R7": r07_history.run,
    "R12": r12_reservations.run,
    "R13": r13_watches.run,
}
TRIES: Final = 5
"""How often a figure is taken, with another seed each time, before a bug has got away."""


def run(stage: Stage, bugs: int) -> None:
    """Plant so many of them."""
    got_away = []
    for bug in BUGS[:bugs]:
        found = _hunt(stage, bug)
        stage.count("bugs found" if found else "bugs that got away")
        if not found:
            got_away.append(bug.what)
        stage.remarks.append(f"{bug.what}: {bug.figure}, {found}" if found else f"{bug.what}: got away")
    assert not got_away, f"nobody has found that {'; '.join(got_away)}"


def _hunt(stage: Stage, bug: Bug) -> str:
    """What was found; empty when nothing was."""
    for number in range(TRIES):
        folder = Path(mkdtemp(prefix="bug-", dir=stage.folder))
        hunt = Stage(
            stage.postgres,
            stage.databases,
            folder,
            stage.seed + number,
            program=("tests.torture.buggy", bug.what),
        )
        try:
            HUNTERS[bug.figure](hunt, bug.size)
        except AssertionError as violation:
            return str(violation).partition(":")[0].strip()
    return ""
