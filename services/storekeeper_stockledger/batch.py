"""The decisions over one batch: what to record, and what to answer to each submission.

Each is decided in turn, against the stock that the ones before it have left. A refusal drops only its own submission, or
all of those that are carried out together or not at all. A request that was recorded earlier, or accepted earlier in
the batch, is answered as it was then. What comes after a batch is full waits for another one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from storekeeper_kit.request_ids import new_request_id

from .domain.costs import UnitCost
from .domain.decide import decide
from .domain.decisions.demanding import EXPIRIES_MAX
from .domain.draw_orders import draw_order
from .domain.draws import DRAWS_MAX
from .domain.journal import Entry, RecordedMovement, recorded_movement
from .domain.operations import (
    OPERATION_KINDS,
    AllOrNone,
    ExpireReservations,
    PositionId,
    Submission,
    fingerprint,
    is_same,
)
from .domain.places import ZERO
from .domain.refusals import BadField, ChangeRefused, Refused, RequestIdReused, TooManyStockedItems
from .domain.shelf import NotLoaded
from .domain.state import Stock
from .domain.stock import Movement
from .domain.values import dataclass
from .storage.loading import Loaded
from .storage.recording import Numbers
from .storage.selected import Repeat

Asked = Submission | AllOrNone
"""What is asked in one piece."""


def submissions_of(asked: Asked) -> tuple[Submission, ...]:
    """The one, or those that belong together."""
    return asked.submissions if isinstance(asked, AllOrNone) else (asked,)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An accepted operation: what it moved and when, and whether an earlier request had it recorded."""

    movements: tuple[RecordedMovement, ...]
    effective_time: datetime
    replayed: bool = False


Outcome = Recorded | tuple[Recorded, ...] | Exception
"""What became of one submission, or of several together."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    """Carried out by the entry of this number in the batch, counted from 0."""

    number: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Previewed:
    """What would be recorded."""

    submission: Submission
    movements: tuple[Movement, ...]


_Decision = _Accepted | _Previewed | Repeat
_Decided = _Decision | tuple[_Decision, ...] | Refused


MOVEMENTS_MAX: Final = 1000
"""A batch with as many movements is full. They share a transaction, which holds the locks of them all. Those of repeats
count as well: they are read for the answers."""

TOGETHER_MAX: Final = 10_000
"""Movements of changes that are carried out together or not at all, those that an earlier request had recorded included."""

SETTLER: Final = "storekeeper"
"""The actor of what the ledger does by itself."""


class Batch:
    """Decides submissions against loaded stock, and remembers what came of each."""

    def __init__(self, loaded: Loaded, *, alone: bool = False) -> None:
        """`alone` tells that what is first gets no other chance: all that can be loaded for it is."""
        self.stock: Stock = loaded.stock
        self.entries: list[Entry] = []
        """What is to be recorded."""
        self._alone = alone
        self._due = loaded.due
        self._recorded = loaded.repeats
        self._new_ids = iter(loaded.new_ids)
        self._decided: list[_Decided] = []
        self._accepted: dict[str, int] = {}
        self._settled = 0
        self._movement_count = 0
        self._repeated_count = 0
        self._written: list[Recorded] = []

    def settle(self) -> bool:
        """Before anything is decided: let reservations go whose time has come. False when that leaves no room for more."""
        for position_id in self._due:
            operation = ExpireReservations(source=PositionId(position_id))
            contents = fingerprint("expire_reservations", operation)
            self._carry_out(
                Submission(request_id=new_request_id(), fingerprint=contents, operation=operation, actor=SETTLER)
            )
        self._settled = len(self.entries)
        return sum(self._due.values()) <= EXPIRIES_MAX and self._movement_count < MOVEMENTS_MAX

    @property
    def is_worth_it(self) -> bool:
        """Whether more is to be recorded than what the ledger does by itself, which has time."""
        return len(self.entries) > self._settled

    def decide(self, asked: Asked) -> bool:
        """Decide what is next; False when it, and all after it, must wait for another batch."""
        if self._answered_count >= MOVEMENTS_MAX:
            return False
        try:
            self._decided.append(self._together(asked) if isinstance(asked, AllOrNone) else self._decision(asked))
        except NotLoaded:
            if not self._alone:
                return False
            self._decided.append(_beyond_reach(asked))
        except Refused as refusal:
            # Here and below: with its frames it would keep all that is loaded until the collector comes.
            self._decided.append(refusal.with_traceback(None))
        return True

    def repeats(self) -> list[Repeat]:
        """What was asked again and has been recorded earlier."""
        return [decision for decision in self._decisions() if isinstance(decision, Repeat)]

    def number(self, numbers: Numbers) -> None:
        """Learn how the entries were numbered when they were recorded."""
        operation_id = numbers.last_operation_id - len(self.entries)
        movement_id = numbers.last_movement_id - self._movement_count
        for entry in self.entries:
            operation_id += 1
            movements = tuple(
                recorded_movement(
                    movement,
                    line=line,
                    movement_id=movement_id + line,
                    operation_id=operation_id,
                    record_time=numbers.record_time,
                    request_id=entry.request_id,
                    actor=entry.actor,
                    reason=entry.reason,
                    currency_code=self.stock.settings.currency_code,
                )
                for line, movement in enumerate(entry.movements, start=1)
            )
            self._written.append(Recorded(movements, entry.effective_time))
            movement_id += len(entry.movements)

    def outcomes(self, recorded: Mapping[int, tuple[RecordedMovement, ...]]) -> list[Outcome]:
        """What became of all that was decided; `recorded` has the movements of the repeats, by operation id."""
        return [
            decided
            if isinstance(decided, Refused)
            else tuple(self._outcome(one, recorded) for one in decided)
            if isinstance(decided, tuple)
            else self._outcome(decided, recorded)
            for decided in self._decided
        ]

    # --- deciding ---

    @property
    def _answered_count(self) -> int:
        """How many movements the answers have so far."""
        return self._movement_count + self._repeated_count

    def _decisions(self) -> Iterator[_Decision]:
        for decided in self._decided:
            if isinstance(decided, tuple):
                yield from decided
            elif not isinstance(decided, Refused):
                yield decided

    def _together(self, asked: AllOrNone) -> tuple[_Decision, ...]:
        """Decide all, or leave everything as it was before the first of them."""
        stock, entries, accepted = self.stock.copy(), len(self.entries), dict(self._accepted)
        counts, decisions = (self._movement_count, self._repeated_count), []
        room = self._answered_count + TOGETHER_MAX
        try:
            for number, submission in enumerate(asked.submissions):
                decisions.append(self._numbered(number, submission))
                if self._answered_count > room:
                    raise BadField("changes", f"have more than {TOGETHER_MAX} movements together")
        except (Refused, NotLoaded):
            self.stock, self._accepted = stock, accepted
            self._movement_count, self._repeated_count = counts
            del self.entries[entries:]
            raise
        return tuple(decisions)

    def _numbered(self, number: int, submission: Submission) -> _Decision:
        try:
            return self._decision(submission)
        except Refused as refusal:
            raise ChangeRefused(number, refusal.with_traceback(None)) from None

    def _decision(self, submission: Submission) -> _Decision:
        return self._repeated(submission) or self._fresh(submission)

    def _repeated(self, submission: Submission) -> _Accepted | Repeat | None:
        """What the same request got before; None when it is the first. A preview is always the first."""
        if submission.validate_only:
            return None
        recorded = self._recorded.get(submission.request_id)
        if recorded is not None:
            self._check_same(submission, recorded.fingerprint, recorded.unit_cost)
            self._repeated_count += recorded.movement_count
            return recorded
        number = self._accepted.get(submission.request_id)
        if number is None:
            return None
        entry = self.entries[number]
        self._check_same(submission, entry.fingerprint, entry.movements[-1].unit_cost if entry.movements else None)
        return _Accepted(number, replayed=True)

    def _check_same(self, submission: Submission, known: bytes, unit_cost: Decimal | None) -> None:
        """The same is asked as what has been known under the request id."""
        cost = None if unit_cost is None else UnitCost(self.stock.settings.currency_code, unit_cost)
        if not is_same(submission, known, cost):
            raise RequestIdReused(submission.request_id)

    def _fresh(self, submission: Submission) -> _Accepted | _Previewed:
        if submission.validate_only:
            return _Previewed(submission, decide(submission.operation, self.stock, new_id=lambda: 0))
        number = self._accepted[submission.request_id] = self._carry_out(submission)
        return _Accepted(number, replayed=False)

    def _carry_out(self, submission: Submission) -> int:
        movements = decide(submission.operation, self.stock, new_id=self._new_id)
        self.stock.apply(submission.operation, movements, entry_number=len(self.entries) + 1)
        self.entries.append(_entry(submission, movements, self.stock.now))
        self._movement_count += len(movements)
        return len(self.entries) - 1

    def _new_id(self) -> int:
        new_id = next(self._new_ids, None)
        if new_id is None:
            raise NotLoaded
        return new_id

    # --- telling ---

    def _outcome(self, decision: _Decision, recorded: Mapping[int, tuple[RecordedMovement, ...]]) -> Recorded:
        match decision:
            case _Accepted(number, replayed):
                written = self._written[number]
                return Recorded(written.movements, written.effective_time, replayed) if replayed else written
            case Repeat(operation_id=operation_id, effective_time=effective_time):
                return Recorded(recorded.get(operation_id, ()), effective_time, replayed=True)
            case _Previewed(submission, movements):
                return Recorded(self._preview(submission, movements), self.stock.now)

    def _preview(self, submission: Submission, movements: Sequence[Movement]) -> tuple[RecordedMovement, ...]:
        return tuple(
            recorded_movement(
                # One that would be opened has no id that anybody should remember.
                movement if movement.position_id in self.stock.shelves else replace(movement, position_id=0),
                line=line,
                request_id=submission.request_id,
                actor=submission.actor,
                reason=submission.operation.reason,
                currency_code=self.stock.settings.currency_code,
            )
            for line, movement in enumerate(movements, start=1)
        )


def _beyond_reach(asked: Asked) -> Refused:
    """Why something is refused that even alone would need more than is loaded."""
    if isinstance(asked, AllOrNone):
        return BadField("changes", "build on each other in a way that needs several batches")
    return TooManyStockedItems(limit=DRAWS_MAX, covered=ZERO)


def _entry(submission: Submission, movements: tuple[Movement, ...], now: datetime) -> Entry:
    return Entry(
        request_id=submission.request_id,
        kind=OPERATION_KINDS[type(submission.operation)],
        fingerprint=submission.fingerprint,
        actor=submission.actor,
        reason=submission.operation.reason,
        effective_time=movements[0].effective_time if movements else now,
        movements=movements,
        draws=draw_order(submission.operation, movements),
    )
