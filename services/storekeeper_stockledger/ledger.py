"""Applies a batch of operations of one tenant in one transaction: lock, load, decide each, record, commit.

Three round trips after the driver's BEGIN: the positions' locks; what the operations can touch; the writes with the
commit. A refusal drops only its own operation. A batch whose transaction met a conflict or lost its connection, even
during the commit, is applied again from the start: what did commit is then found recorded under its request ids.
"""

import random
import time
from collections.abc import Mapping, Sequence
from itertools import chain, repeat, takewhile
from typing import Final

import structlog
from psycopg import errors

from storekeeper_kit.coalescer import Postponed
from storekeeper_kit.database import Database, Trouble, classify
from storekeeper_kit.refusals import DeadlineExceeded, Unavailable

from .batch import Batch, Outcome
from .domain.journal import RecordedMovement
from .domain.operations import Submission
from .storage.loading import StockMoved, lock_and_load
from .storage.movements import movements_of
from .storage.recording import record
from .storage.selecting import Repeat

RETRY_DELAYS_S: Final = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Waits before a batch is applied again; the last one repeats."""

PATIENCE_S: Final = 1.0
"""How long a batch in trouble keeps its lane. Longer than it takes to connect anew; then the callers hear of a database
that is away and may try another replica, and a batch that rivals are in the way of lets other tenants have their turn."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Ledger:
    """The one way to change stock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def apply(self, tenant_id: int, submissions: Sequence[Submission], deadline: float) -> list[Outcome]:
        """Apply the submissions in order and tell what became of each, by `deadline` on the monotonic clock.

        Unavailable and DeadlineExceeded leave open what happened: repeating the request id tells. Postponed are those
        that the batch had no room for, or all of them while rivals are in the way: apply them again.
        """
        trouble: Exception = Postponed()
        give_up = min(deadline, time.monotonic() + PATIENCE_S)
        for delay in chain(RETRY_DELAYS_S, repeat(RETRY_DELAYS_S[-1])):
            pause = delay * random.uniform(0.5, 1.0)
            if time.monotonic() + pause >= give_up:
                break
            time.sleep(pause)
            try:
                return self._transact(tenant_id, submissions)
            except (Unavailable, DeadlineExceeded) as error:
                trouble = error
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not hit those beside its cause
                if not _may_pass(error):
                    return self._apply_apart(tenant_id, submissions, deadline, error)
                trouble = Postponed()
                log.debug("batch_repeated", cause=type(error).__name__, submissions=len(submissions))
        return [trouble] * len(submissions)

    def _transact(self, tenant_id: int, submissions: Sequence[Submission]) -> list[Outcome]:
        with self._database.raw() as connection:
            loaded = lock_and_load(connection, tenant_id, submissions)
            batch = Batch(loaded)
            decided = sum(1 for _ in takewhile(batch.decide, submissions))
            if batch.entries:
                stock = loaded.stock
                batch.number(record(connection, tenant_id, batch.entries, stock.shelves.values(), stock.now))
            else:
                connection.rollback()
        outcomes = batch.outcomes(self._recorded(tenant_id, batch.repeats()))
        return outcomes + [Postponed()] * (len(submissions) - decided)

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
        # Another process has recorded one of the requests meanwhile, or taken a serial number in: the next attempt finds
        # it.
        return error.diag.constraint_name in {"operation_request_id_key", "stocked_item_serial_in_stock_key"}
    return isinstance(error, StockMoved) or classify(error) in {Trouble.AWAY, Trouble.CONFLICT}
