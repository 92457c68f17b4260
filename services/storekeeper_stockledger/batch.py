"""The decisions over one batch: what to record, and what to answer to each submission.

Each is decided in turn, against the stock that the ones before it have left. A refusal drops only its own submission. A
request that was recorded earlier, or accepted earlier in the batch, is answered as it was then. What comes after a
batch is full waits for another one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from .domain.decide import decide
from .domain.journal import Entry, RecordedMovement, recorded_movement
from .domain.operations import OPERATION_KINDS, AddStock, Submission
from .domain.refusals import Refused, RequestIdReused
from .domain.removal import LayersExhausted
from .domain.stock import Movement
from .storage.loading import Loaded
from .storage.recording import Numbers
from .storage.selecting import Repeat


@dataclass(frozen=True, slots=True)
class Recorded:
    """An accepted operation: what it moved, and whether an earlier request had it recorded."""

    movements: tuple[RecordedMovement, ...]
    replayed: bool = False


Outcome = Recorded | Exception
"""What became of one submission."""


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


_Decision = _Accepted | _Previewed | Repeat | Refused


MOVEMENTS_MAX: Final = 1000
"""A batch with as many movements is full. They share a transaction, which holds the locks of them all."""


class Batch:
    """Decides submissions against loaded stock, and remembers what came of each."""

    def __init__(self, loaded: Loaded) -> None:
        self.entries: list[Entry] = []
        """What is to be recorded."""
        self._stock = loaded.stock
        self._recorded = loaded.repeats
        self._new_ids = iter(loaded.new_ids)
        self._decisions: list[_Decision] = []
        self._accepted: dict[UUID, int] = {}
        self._movement_count = 0
        self._written: list[tuple[RecordedMovement, ...]] = []

    def decide(self, submission: Submission) -> bool:
        """Decide the next submission; False when it, and all after it, must wait for another batch."""
        if self._movement_count >= MOVEMENTS_MAX:
            return False
        try:
            self._decisions.append(self._repeated(submission) or self._fresh(submission))
        except LayersExhausted:
            assert self._decisions, "what the first submission of a batch can need is loaded"
            return False
        except Refused as refusal:
            self._decisions.append(refusal)
        return True

    def repeats(self) -> list[Repeat]:
        """What was asked again and has been recorded earlier."""
        return [decision for decision in self._decisions if isinstance(decision, Repeat)]

    def number(self, numbers: Numbers) -> None:
        """Learn how the entries were numbered when they were recorded."""
        operation_id = numbers.last_operation_id - len(self.entries)
        movement_id = numbers.last_movement_id - self._movement_count
        for entry in self.entries:
            operation_id += 1
            self._written.append(
                tuple(
                    recorded_movement(
                        movement,
                        line=line,
                        movement_id=movement_id + line,
                        operation_id=operation_id,
                        record_time=numbers.record_time,
                        request_id=entry.request_id,
                        actor=entry.actor,
                        reason=entry.reason,
                        currency_code=self._stock.settings.currency_code,
                    )
                    for line, movement in enumerate(entry.movements, start=1)
                )
            )
            movement_id += len(entry.movements)

    def outcomes(self, recorded: Mapping[int, tuple[RecordedMovement, ...]]) -> list[Outcome]:
        """What became of each submission that was decided; `recorded` has the movements of the repeats, by operation id."""
        return [self._outcome(decision, recorded) for decision in self._decisions]

    def _repeated(self, submission: Submission) -> _Accepted | Repeat | None:
        """What the same request got before; None when it is the first. A preview is always the first."""
        if submission.validate_only:
            return None
        recorded = self._recorded.get(submission.request_id)
        number = self._accepted.get(submission.request_id)
        if recorded is not None:
            known = recorded.fingerprint
        elif number is not None:
            known = self.entries[number].fingerprint
        else:
            return None
        if known != submission.fingerprint:
            raise RequestIdReused(submission.request_id)
        return recorded if number is None else _Accepted(number, replayed=True)

    def _fresh(self, submission: Submission) -> _Accepted | _Previewed:
        makes_stocked_item = isinstance(submission.operation, AddStock) and not submission.validate_only
        new_id = next(self._new_ids) if makes_stocked_item else 0
        movements = decide(submission.operation, self._stock, new_id=new_id)
        if submission.validate_only:
            return _Previewed(submission, movements)
        self._stock.apply(submission.operation, movements)
        number = self._accepted[submission.request_id] = len(self.entries)
        self.entries.append(_entry(submission, movements, self._stock.now))
        self._movement_count += len(movements)
        return _Accepted(number, replayed=False)

    def _outcome(self, decision: _Decision, recorded: Mapping[int, tuple[RecordedMovement, ...]]) -> Outcome:
        match decision:
            case _Accepted(number, replayed):
                return Recorded(self._written[number], replayed)
            case Repeat(operation_id=operation_id):
                return Recorded(recorded.get(operation_id, ()), replayed=True)
            case _Previewed(submission, movements):
                return Recorded(self._preview(submission, movements))
            case Refused():
                return decision

    def _preview(self, submission: Submission, movements: Sequence[Movement]) -> tuple[RecordedMovement, ...]:
        return tuple(
            recorded_movement(
                movement,
                line=line,
                request_id=submission.request_id,
                actor=submission.actor,
                reason=submission.operation.reason,
                currency_code=self._stock.settings.currency_code,
            )
            for line, movement in enumerate(movements, start=1)
        )


def _entry(submission: Submission, movements: tuple[Movement, ...], now: datetime) -> Entry:
    return Entry(
        request_id=submission.request_id,
        kind=OPERATION_KINDS[type(submission.operation)],
        fingerprint=submission.fingerprint,
        actor=submission.actor,
        reason=submission.operation.reason,
        effective_time=movements[0].effective_time if movements else now,
        movements=movements,
    )
