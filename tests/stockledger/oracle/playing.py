"""Plays programs, and of one that fails finds the smallest that still does."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from traceback import walk_tb

from tests.stockledger.oracle.backends import Backend
from tests.stockledger.oracle.chance import Chance
from tests.stockledger.oracle.match import Match, Seen
from tests.stockledger.oracle.messages import Mismatch
from tests.stockledger.oracle.program import Look, Round, effective, shown, smallest
from tests.stockledger.oracle.requests import Name

PATIENCE_S = 60.0
"""How long smaller programs are tried: tests are given up after two minutes."""

NewTenant = Callable[[], Backend]


class Disagreement(AssertionError):
    """A program that the ledger and the oracle see differently."""

    def __init__(self, seed: int, program: Sequence[Round], error: Exception) -> None:
        rounds = "\n".join(f"    {shown(one)}," for one in program)
        super().__init__(f"program {seed}, as small as it gets:\n[\n{rounds}\n]\n{type(error).__name__}: {error}")


def play(seed: int, rounds: int, new_tenant: NewTenant, seen: Seen) -> int:
    """Play the random program of this number, and return its steps; fails with the least of it that fails."""
    match = Match(new_tenant(), seen)
    chance = Chance(seed, match.oracle)
    program: list[Round] = []
    try:
        for _ in range(rounds):
            program.append(chance.next_round())
            match.play(program[-1])
        match.play(Look())
    except Exception as error:
        raise _smallest(seed, [*program, Look()], match.effective, error, new_tenant) from error
    return match.steps


def _smallest(
    seed: int, program: list[Round], done: set[Name], error: Exception, new_tenant: NewTenant
) -> Disagreement:
    """Leave out what can be left out, as long as it goes wrong in the same way."""
    give_up = time.monotonic() + PATIENCE_S

    def fails(smaller: Sequence[Round]) -> bool:
        nonlocal error
        found = failure(smaller, new_tenant) if time.monotonic() < give_up else None
        if found is None or _kind(found) != _kind(error):
            return False
        error = found
        return True

    less = effective(program, done)
    return Disagreement(seed, smallest(less if fails(less) else program, fails), error)


def _kind(error: Exception) -> object:
    """What is the matter, whatever the details: what was said differently, or else where that was found out."""
    if isinstance(error, Mismatch):
        return error.kind
    last = deque(walk_tb(error.__traceback__), maxlen=1)
    return type(error), [(frame.f_code.co_qualname, line) for frame, line in last]


def failure(program: Sequence[Round], new_tenant: NewTenant) -> Exception | None:
    """What goes wrong when this program is played for a tenant that has nothing yet."""
    match = Match(new_tenant(), Seen())
    try:
        for one in program:
            match.play(one)
    except Exception as error:  # noqa: BLE001 - it is looked at by whoever asked
        return error
    return None
