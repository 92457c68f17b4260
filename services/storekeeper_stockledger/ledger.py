"""Applies a batch of operations of one tenant in one transaction: lock, load, decide each, record, commit.

Two round trips: the positions' locks with what the operations can touch; the writes with the commit. Another one or two
between them where the first shows that more is needed. A refusal drops only its own operation. A batch whose transaction
met a conflict or lost its connection, even during the commit, is applied again from the start: what did commit is then
found recorded under its request ids.
"""

import random
import time
from collections.abc import Collection, Mapping, Sequence
from itertools import chain, repeat
from typing import Final

import structlog
from psycopg import errors

from storekeeper_kit.coalescer import Postponed
from storekeeper_kit.database import Database, Trouble, classify
from storekeeper_kit.failpoints import Point, reach
from storekeeper_kit.refusals import DeadlineExceeded, Unavailable

from .batch import Asked, Batch, Outcome, submissions_of
from .domain.journal import RecordedMovement
from .domain.operations import ItemAtLocation
from .storage.known import StockMoved
from .storage.loading import PositionsMissing, lock_and_load, lock_and_load_due
from .storage.movements import movements_of
from .storage.recording import Recording
from .storage.selected import Repeat

RETRY_DELAYS_S: Final = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Waits before a batch is applied again; the last one repeats."""

PATIENCE_S: Final = 1.0
"""How long a batch in trouble keeps its lane. Longer than it takes to connect anew; then the callers hear of a database
that is away and may try another replica, and a batch that rivals are in the way of lets other tenants have their turn."""

COLLISIONS_MAX: Final = 3
"""How often a batch may meet what another process has made unique meanwhile. After that it collides with itself: with serial
numbers that go from unit to unit within it, one statement can meet the second unit first."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Ledger:
    """The one way to change stock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, tenant_id: int, asked: Sequence[Asked], deadline: float) -> list[Outcome]:
        """Apply what is asked in order and tell what became of each, by `deadline` on the monotonic clock.

        Unavailable and DeadlineExceeded leave open what happened: repeating the request id tells. Postponed are those
        that the batch had no room for, or all of them while rivals are in the way: apply them again.
        """
        trouble: Exception = Postponed()
        collisions = 0
        give_up = min(deadline, time.monotonic() + PATIENCE_S)
        for delay in chain(RETRY_DELAYS_S, repeat(RETRY_DELAYS_S[-1])):
            pause = delay * random.uniform(0.5, 1.0)
            if time.monotonic() + pause >= give_up:
                break
            if pause:  # Not even for no time: that would give the turn away.
                time.sleep(pause)
            try:
                return self._apply(tenant_id, asked)
            except (Unavailable, DeadlineExceeded) as error:
                trouble = error
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not hit those beside its cause
                collisions += isinstance(error, errors.UniqueViolation)
                if not _may_pass(error) or collisions > COLLISIONS_MAX:
                    return self._apply_apart(tenant_id, asked, deadline, error)
                trouble = Postponed()
                log.debug("batch_repeated", cause=type(error).__name__, asked=len(asked))
        return [trouble] * len(asked)

    def settle(self, tenant_id: int, position_ids: Sequence[int]) -> None:
        """Write down which reservations at these positions have expired."""
        with self._database.raw() as connection:
            batch = Batch(lock_and_load_due(connection, tenant_id, position_ids))
            batch.settle()
            self._finish(Recording(connection, tenant_id), batch, worth_it=bool(batch.entries))

    def _apply(self, tenant_id: int, asked: Sequence[Asked]) -> list[Outcome]:
        """Apply as many as the batch has room for. If it has none for the first one, that one has another, alone."""
        outcomes = self._transact(tenant_id, asked) or self._transact(tenant_id, asked[:1], alone=True)
        return outcomes + [Postponed()] * (len(asked) - len(outcomes))

    def _transact(
        self,
        tenant_id: int,
        asked: Sequence[Asked],
        *,
        opening: Collection[ItemAtLocation] = (),
        alone: bool = False,
    ) -> list[Outcome]:
        submissions = [submission for one in asked for submission in submissions_of(one)]
        reach(Point.BATCH_BEGUN)
        try:
            with self._database.raw() as connection:
                loaded = lock_and_load(connection, tenant_id, submissions, opening=opening, generously=alone)
                reach(Point.BATCH_LOADED)
                batch = Batch(loaded, alone=alone)
                recording = Recording(connection, tenant_id)
                has_room = batch.settle()
                if has_room:
                    _decide_in_turn(batch, asked, recording)
                self._finish(recording, batch, worth_it=batch.is_worth_it or not has_room)
        except PositionsMissing as missing:
            return self._transact(tenant_id, asked, opening=missing.pairs, alone=alone)
        return batch.outcomes(self._recorded(tenant_id, batch.repeats()))

    def _finish(self, recording: Recording, batch: Batch, *, worth_it: bool) -> None:
        reach(Point.BATCH_DECIDED)
        if worth_it:
            batch.number(recording.finish(batch.entries, batch.stock))
            reach(Point.BATCH_COMMITTED)

    def _recorded(self, tenant_id: int, repeats: Sequence[Repeat]) -> Mapping[int, tuple[RecordedMovement, ...]]:
        """The movements of operations that were recorded earlier, by operation id."""
        if not repeats:
            return {}
        with self._database.read() as connection:
            return movements_of(connection, tenant_id, repeats)

    def _apply_apart(self, tenant_id: int, asked: Sequence[Asked], deadline: float, error: Exception) -> list[Outcome]:
        """After an error that one of them must have caused, let it hit that one alone."""
        if len(asked) == 1:
            return [error]
        log.warning("batch_taken_apart", asked=len(asked), cause=type(error).__name__)
        return [self.apply(tenant_id, [one], deadline)[0] for one in asked]


def _decide_in_turn(batch: Batch, asked: Sequence[Asked], recording: Recording) -> None:
    for one in asked:
        if not batch.decide(one):
            return
        if batch.is_worth_it:
            recording.go_ahead(batch.entries, batch.stock)


def _may_pass(error: Exception) -> bool:
    """Whether the same batch may well succeed when it is applied again."""
    if isinstance(error, errors.UniqueViolation):
        # Another process has recorded one of the requests meanwhile, taken a serial number in, or opened a position: the
        # next attempt finds it.
        return error.diag.constraint_name in _OF_RIVALS
    return isinstance(error, StockMoved) or classify(error) in {Trouble.AWAY, Trouble.CONFLICT}


_OF_RIVALS: Final = {"operation_request_id_key", "stocked_item_serial_in_stock_key", "position_open_key"}
