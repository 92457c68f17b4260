"""Applies a batch of operations of one tenant in one transaction: lock, load, decide each, record, commit.

Three round trips: the positions' locks; what the operations can touch; the writes with the commit. A refusal drops only
its own operation. A batch whose transaction met a conflict or lost its connection, even during the commit, is applied
again from the start: what did commit is then found recorded under its request ids.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import structlog
from psycopg import errors

from storekeeper_kit.database import Database, Trouble, classify
from storekeeper_kit.refusals import DeadlineExceeded, Unavailable

from .domain.decide import Stock, decide
from .domain.items import Settings
from .domain.journal import Entry, RecordedMovement, recorded_movement
from .domain.operations import OPERATION_KINDS, AddStock, Submission
from .domain.refusals import Refused, RequestIdReused
from .domain.stock import Movement
from .storage.loading import Loaded, StockMoved, lock_and_load
from .storage.movements import movements_of
from .storage.recording import Numbers, record
from .storage.selecting import Repeat

RETRY_DELAYS_S: Final = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 1.0, 1.0, 1.0)
"""Waits before a batch is applied again, within its deadline."""

AWAY_PATIENCE_S: Final = 1.0
"""How long a batch waits for a database that is away. Longer than it takes to connect anew, shorter than the patience of
the callers, who must hear of it and may try another replica."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Recorded:
    """An accepted operation: what it moved, and whether an earlier request had it recorded."""

    movements: tuple[RecordedMovement, ...]
    replayed: bool = False


Outcome = Recorded | Exception
"""What became of one submission."""


class Ledger:
    """The one way to change stock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, tenant_id: int, submissions: Sequence[Submission], deadline: float) -> list[Outcome]:
        """Apply the submissions in order and tell what became of each, by `deadline` on the monotonic clock.

        An outcome of Unavailable or DeadlineExceeded leaves open what happened: repeating the request id tells.
        """
        trouble: Exception = DeadlineExceeded()
        for delay in RETRY_DELAYS_S:
            pause = delay * random.uniform(0.5, 1.0)
            if time.monotonic() + pause >= deadline:
                break
            time.sleep(pause)
            try:
                return self._transact(tenant_id, submissions)
            except Unavailable as error:
                if not isinstance(trouble, Unavailable):
                    deadline = min(deadline, time.monotonic() + AWAY_PATIENCE_S)
                trouble = error
            except DeadlineExceeded as error:
                trouble = error
                break
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not hit those beside its cause
                if not _may_pass(error):
                    return self._apply_apart(tenant_id, submissions, deadline, error)
                log.debug("batch_repeated", cause=type(error).__name__, submissions=len(submissions))
        return [trouble] * len(submissions)

    def _transact(self, tenant_id: int, submissions: Sequence[Submission]) -> list[Outcome]:
        with self._database.raw() as connection:
            loaded = lock_and_load(connection, tenant_id, submissions)
            decided = _decide_all(loaded, submissions)
            if decided.entries:
                shelves = loaded.stock.shelves.values()
                numbers = record(connection, tenant_id, decided.entries, shelves, loaded.stock.now)
                written = _numbered(decided.entries, numbers, loaded.stock.settings)
            else:
                connection.rollback()
                written = []
        recorded = self._recorded(tenant_id, decided.repeated())
        return [_told(answer, written, recorded, loaded.stock.settings) for answer in decided.answers]

    def _recorded(self, tenant_id: int, repeats: Sequence[Repeat]) -> Mapping[int, tuple[RecordedMovement, ...]]:
        """The movements of operations that were recorded earlier, by operation id."""
        if not repeats:
            return {}
        with self._database.read() as connection:
            return movements_of(connection, tenant_id, repeats)

    def _apply_apart(
        self, tenant_id: int, submissions: Sequence[Submission], deadline: float, error: Exception
    ) -> list[Outcome]:
        """After an error that one of the submissions must have caused, let it hit that one alone."""
        if len(submissions) == 1:
            return [error]
        log.warning("batch_taken_apart", submissions=len(submissions), cause=type(error).__name__)
        return [self.apply(tenant_id, [submission], deadline)[0] for submission in submissions]


def _may_pass(error: Exception) -> bool:
    """Whether the same batch may well succeed when it is applied again."""
    if isinstance(error, errors.UniqueViolation):
        # Another process has recorded one of the requests meanwhile: the next attempt finds it.
        return error.diag.constraint_name == "operation_request_id_key"
    return isinstance(error, StockMoved) or classify(error) in {Trouble.AWAY, Trouble.CONFLICT}


# --- deciding -----------------------------------------------------------------------------------------------------


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


_Answer = _Accepted | _Previewed | Repeat | Refused


@dataclass(slots=True)
class _Decided:
    """The decisions over a batch: what to record, and the answer to each submission."""

    entries: list[Entry] = field(default_factory=list)
    answers: list[_Answer] = field(default_factory=list)

    def repeated(self) -> list[Repeat]:
        """The answers that were recorded earlier."""
        return [answer for answer in self.answers if isinstance(answer, Repeat)]


def _decide_all(loaded: Loaded, submissions: Sequence[Submission]) -> _Decided:
    """Decide each submission in turn, against the stock that the ones before it have left."""
    decided = _Decided()
    accepted: dict[UUID, int] = {}
    new_ids = iter(loaded.new_ids)
    for submission in submissions:
        makes_stocked_item = isinstance(submission.operation, AddStock) and not submission.validate_only
        new_id = next(new_ids) if makes_stocked_item else 0
        try:
            known = _repeated(submission, loaded, decided, accepted)
            decided.answers.append(known or _decide(submission, loaded.stock, new_id, decided, accepted))
        except Refused as refusal:
            decided.answers.append(refusal)
    return decided


def _repeated(
    submission: Submission, loaded: Loaded, decided: _Decided, accepted: dict[UUID, int]
) -> _Accepted | Repeat | None:
    """What the same request got before, in this batch or earlier; None when it is the first. A preview never was."""
    if submission.validate_only:
        return None
    recorded = loaded.repeats.get(submission.request_id)
    number = accepted.get(submission.request_id)
    if recorded is not None:
        known = recorded.fingerprint
    elif number is not None:
        known = decided.entries[number].fingerprint
    else:
        return None
    if known != submission.fingerprint:
        raise RequestIdReused(submission.request_id)
    return recorded if number is None else _Accepted(number, replayed=True)


def _decide(
    submission: Submission, stock: Stock, new_id: int, decided: _Decided, accepted: dict[UUID, int]
) -> _Accepted | _Previewed:
    movements = decide(submission.operation, stock, new_id=new_id)
    if submission.validate_only:
        return _Previewed(submission, movements)
    stock.apply(movements)
    accepted[submission.request_id] = len(decided.entries)
    decided.entries.append(_entry(submission, movements))
    return _Accepted(accepted[submission.request_id], replayed=False)


def _entry(submission: Submission, movements: tuple[Movement, ...]) -> Entry:
    return Entry(
        request_id=submission.request_id,
        kind=OPERATION_KINDS[type(submission.operation)],
        fingerprint=submission.fingerprint,
        actor=submission.actor,
        reason=submission.operation.reason,
        effective_time=movements[0].effective_time,
        movements=movements,
    )


# --- telling ------------------------------------------------------------------------------------------------------


def _numbered(entries: Sequence[Entry], numbers: Numbers, settings: Settings) -> list[tuple[RecordedMovement, ...]]:
    """The movements of each entry as they stand in the journal now."""
    operation_id = numbers.last_operation_id - len(entries)
    movement_id = numbers.last_movement_id - sum(len(entry.movements) for entry in entries)
    written = []
    for entry in entries:
        operation_id += 1
        lines = []
        for line, movement in enumerate(entry.movements, start=1):
            movement_id += 1
            lines.append(
                recorded_movement(
                    movement,
                    line=line,
                    movement_id=movement_id,
                    operation_id=operation_id,
                    record_time=numbers.record_time,
                    request_id=entry.request_id,
                    actor=entry.actor,
                    reason=entry.reason,
                    currency_code=settings.currency_code,
                )
            )
        written.append(tuple(lines))
    return written


def _told(
    answer: _Answer,
    written: Sequence[tuple[RecordedMovement, ...]],
    recorded: Mapping[int, tuple[RecordedMovement, ...]],
    settings: Settings,
) -> Outcome:
    match answer:
        case _Accepted(number, replayed):
            return Recorded(written[number], replayed)
        case Repeat():
            return Recorded(recorded.get(answer.operation_id, ()), replayed=True)
        case _Previewed(submission, movements):
            return Recorded(
                tuple(
                    recorded_movement(
                        movement,
                        line=line,
                        request_id=submission.request_id,
                        actor=submission.actor,
                        reason=submission.operation.reason,
                        currency_code=settings.currency_code,
                    )
                    for line, movement in enumerate(movements, start=1)
                )
            )
        case Refused():
            return answer
