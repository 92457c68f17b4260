"""The oracle: a tenant's stock, what was done to it, and what a ledger must answer.

The clock is the ledger's: whoever asks says when a change was carried out and recorded, which the ledger's own answer
tells. Everything else follows.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from tests.stockledger.oracle.attempt import Answer, Attempt, Overlooked
from tests.stockledger.oracle.refusals import Refusal
from tests.stockledger.oracle.requests import WORDS, Change, CountStock, Name, Recorded, Request
from tests.stockledger.oracle.rules import carry_out, misread_times
from tests.stockledger.oracle.state import Movement, Position, State
from tests.stockledger.oracle.terms import Terms

BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Instant:
    """When a change was carried out, and when it was recorded."""

    now: datetime = BEFORE_ALL
    recorded: datetime = BEFORE_ALL


class Oracle:
    """One tenant's stock. What is asked is answered, or refused by a Refusal, as by the ledger."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.state = State()
        self.journal: list[Movement] = []
        """All movements of changes in their order; not those of reservations that expired."""
        self.expired: list[Movement] = []
        """Theirs, in no order."""
        self.now = BEFORE_ALL
        self._answers: dict[Name, tuple[Request, Answer]] = {}
        self._states: list[tuple[datetime, State]] = [(BEFORE_ALL, self.state)]
        """What was left by each change, by the time at which it was recorded."""
        self._recorded: dict[Name, datetime] = {}

    def open_position(self, item: int, location: Name) -> Position:
        """Open a position that there isn't."""
        self.state = self.state.copy()
        return self.state.opened(item, location)

    def apply(self, change: Change, at: Instant, overlooked: Overlooked = frozenset()) -> Answer:
        """Carry out a change, or repeat what is known of it."""
        _check_times(misread_times(change.request, max(at.now, self.now)))
        known = self._answers.get(change.name)
        if known is not None:
            if known[0] != change.request:
                raise Refusal("REQUEST_ID_REUSED", requestId=change.name)
            return replace(known[1], replayed=True)
        attempt, released = self._attempt(change.name, at.now, overlooked)
        answer = carry_out(attempt, change.request)
        self._answers[change.name] = change.request, answer
        self._remember(change.name, attempt.state, at.recorded)
        self.journal += answer.movements
        self.expired += released
        return answer

    def preview(self, change: Change, now: datetime, overlooked: Overlooked = frozenset()) -> Answer:
        """What would be done."""
        _check_times(misread_times(change.request, max(now, self.now)))
        return carry_out(self._attempt(change.name, now, overlooked)[0], change.request)

    def apply_all(
        self, changes: Sequence[Change], at: Sequence[Instant], overlooked: Overlooked = frozenset()
    ) -> list[Answer]:
        """Carry out all of them or none."""
        misread = [_paths(index, one, misread_times(one.request, at[0].now)) for index, one in enumerate(changes)]
        _check_times([path for paths in misread for path in paths])
        before = self._everything()
        answers = []
        for index, (change, instant) in enumerate(zip(changes, at, strict=True)):
            try:
                answers.append(self.apply(change, instant, overlooked))
            except Refusal as refusal:
                refusal.metadata["changeIndex"] = index
                refusal.fields = _paths(index, change, refusal.fields)
                self._restore(before)
                raise
        return answers

    def _everything(self) -> tuple[Any, ...]:
        """Copies of all that is remembered."""
        remembered = (self._answers, self._recorded, self._states, self.journal, self.expired)
        return (self.state, *(one.copy() for one in remembered))

    def _restore(self, everything: tuple[Any, ...]) -> None:
        self.state, self._answers, self._recorded, self._states, self.journal, self.expired = everything

    def resolved(self, request: Request) -> Request:
        """The request, with times in it that only a run can tell."""
        if isinstance(request, CountStock) and isinstance(request.count_time, Recorded):
            return replace(request, count_time=self._recorded.get(request.count_time.change))
        return request

    def as_it_is(self, now: datetime = BEFORE_ALL) -> State:
        """The state, with what has expired by now."""
        return self._attempt("", now, frozenset())[0].state

    def expired_by(self, now: datetime) -> list[Movement]:
        """The releases of all that has expired by then."""
        return [*self.expired, *self._attempt("", now, frozenset())[1]]

    def fork(self) -> "Oracle":
        """Another one of the same tenant, to look ahead."""
        other = Oracle(self.terms)
        other.now = self.now
        other._restore(self._everything())
        return other

    def _attempt(self, name: Name, now: datetime, overlooked: Overlooked) -> tuple[Attempt, tuple[Movement, ...]]:
        """What a change begins with: whatever has expired is settled."""
        self.now = max(self.now, now)
        attempt = Attempt(name, terms=self.terms, state=self.state, past=self.past, now=self.now, overlooked=overlooked)
        return attempt, attempt.settled()

    def past(self, time: datetime) -> State:
        """What was recorded at that time or before."""
        return self._states[bisect_right(self._states, time, key=lambda one: one[0]) - 1][1]

    def _remember(self, name: Name, state: State, recorded: datetime) -> None:
        self.state = state
        # A change that moved nothing tells no time: it was recorded no earlier than the one before it.
        recorded = max(recorded, self._states[-1][0])
        self._states.append((recorded, state))
        self._recorded[name] = recorded


def _check_times(misread: Sequence[str]) -> None:
    """What is wrong with a request in itself is told before anything else, and all of it."""
    if misread:
        raise Refusal("INVALID_REQUEST", *misread)


def _paths(index: int, change: Change, fields: Iterable[str]) -> tuple[str, ...]:
    """The paths of a change's fields when it is one of many."""
    return tuple(f"changes[{index}].{WORDS[type(change.request)]}.{field}" for field in fields)
