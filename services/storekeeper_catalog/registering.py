"""Tells the stock ledger of items: at once if it can be, and otherwise again and again.

    ask       before a change that the ledger may refuse
    attempt   after the commit and before the answer: most items are registered by then
    sweep     what is left in the outbox, whoever left it there, and why

Whatever dies in between leaves the entry in the outbox, where the next sweep of any process finds it. An entry is
carried over by one of them at a time; should two do it, because one took too long, nothing comes of it.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final, ParamSpec, Protocol, TypeVar

import structlog
from sqlalchemy import Connection

from storekeeper_kit.database import Database
from storekeeper_kit.deadline import time_remaining
from storekeeper_kit.refusals import DeadlineExceeded, Unavailable

from .catalog import Unasked
from .domain.item import Facts, Item, Registration, RegistrationState
from .domain.refusals import EtagMismatch, ItemHasStock, LedgerAway, LedgerRefused
from .storage import outbox
from .storage.outbox import Entry

ASK_TIMEOUT_S: Final = 3.0
"""How long the ledger may take to say whether it would accept a change: it locks all positions of the item."""

SWEEP_TIMEOUT_S: Final = 3.0
"""How long the ledger may take in a sweep."""

LEASE: Final = timedelta(seconds=5)
"""How long a sweep has its entries for itself: longer than it takes, unless ledger and database are both slow."""

RETRY_DELAY_S: Final = 0.25
"""Before an item is tried again; twice as long each time."""

ASKED_MAX: Final = 5
"""How often a change is asked about, when others change the same item meanwhile."""

WRITE_TIMEOUT_S: Final = 3.0
"""How long it may take to write down what the ledger said."""

CLOSE_PATIENCE_S: Final = 1.0
"""How long closing waits for attempts under way."""

DONE: Final = Registration(RegistrationState.DONE)
PENDING: Final = Registration(RegistrationState.PENDING)

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")


class StockLedger(Protocol):
    """The stock ledger, as far as the catalog needs it."""

    async def register(self, tenant_id: int, facts: Facts, *, validate_only: bool = False, timeout_s: float) -> None:
        """Tell it of an item; raises LedgerRefused or LedgerAway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long answers wait for the ledger, and how sweeps go."""

    wait_s: float
    interval_s: float
    batch_max: int
    retry_delay_max_s: float


class Registrar:
    """Carries over what the ledger has to know."""

    def __init__(self, ledger: StockLedger, database: Database, workers: Executor, pace: Pace) -> None:
        self._ledger = ledger
        self._database = database
        self._workers = workers
        self._pace = pace
        self._attempts: set[asyncio.Task[Registration]] = set()
        self._sweeps_succeed = True

    # --- before the commit ---

    async def approved(self, tenant_id: int, item_id: int, update: Callable[[Facts | None], Item]) -> Item:
        """What the update returns; if the ledger has to be asked about it first, it is."""
        asked: Facts | None = None
        for _ in range(ASKED_MAX):
            try:
                return await self._run(update, asked)
            except Unasked as unasked:
                await self._ask(tenant_id, unasked.facts)
                asked = unasked.facts
        raise EtagMismatch(item_id)

    async def _ask(self, tenant_id: int, facts: Facts) -> None:
        timeout_s = min(time_remaining(), ASK_TIMEOUT_S)
        try:
            await self._ledger.register(tenant_id, facts, validate_only=True, timeout_s=timeout_s)
        except LedgerRefused as refused:
            if refused.reason != "ITEM_HAS_STOCK":
                raise
            raise ItemHasStock(facts.item_id) from refused

    # --- after the commit ---

    async def attempt(self, tenant_id: int, item: Item) -> Item:
        """The item, registered if that doesn't take too long; the answer is given either way."""
        if item.registration.state is not RegistrationState.PENDING:
            return item
        attempt = asyncio.create_task(self._attempt(Entry(tenant_id, item.facts)))
        # It goes on when the answer is given, or nobody waits for it any more.
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempts.discard)
        # Whoever is in a hurry gets an answer, too.
        done, _ = await asyncio.wait({attempt}, timeout=min(self._pace.wait_s, time_remaining() / 2))
        return replace(item, registration=attempt.result()) if done else item

    async def _attempt(self, entry: Entry) -> Registration:
        try:
            return await self._register(entry, self._pace.wait_s)
        except LedgerAway as away:
            log.info("registration_waits", item_id=entry.facts.item_id, cause=away.cause)
        except (Unavailable, DeadlineExceeded) as error:
            # The ledger knows; that it does could not be written down, so it will hear of it again.
            log.warning("registration_unconfirmed", item_id=entry.facts.item_id, cause=repr(error))
        except Exception:
            # The item is stored, and its caller gets it; the sweep tries again.
            log.exception("registration_failed", item_id=entry.facts.item_id)
        return PENDING

    async def close(self) -> None:
        """Let attempts under way end, if they do so soon."""
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=CLOSE_PATIENCE_S)

    # --- whatever was left ---

    async def sweep_forever(self) -> None:
        """Sweep until it is cancelled, whatever happens."""
        while True:
            if not await self._swept():
                await asyncio.sleep(self._pace.interval_s)

    async def _swept(self) -> bool:
        """Whether there is more to do at once."""
        try:
            more = await self.sweep()
        except (Unavailable, DeadlineExceeded) as error:
            # Said once, not twice a second, for as long as the database is away.
            if self._sweeps_succeed:
                log.warning("sweeps_fail", cause=repr(error))
            self._sweeps_succeed = False
            return False
        except Exception:
            # Whatever it is, the next sweep may succeed, and nothing else would carry over what is left.
            log.exception("sweep_failed")
            return False
        self._sweeps_succeed = True
        return more

    async def sweep(self) -> bool:
        """Carry over entries that are due; whether there may be more, and the ledger takes them."""
        entries = await self._transact(partial(outbox.lease, count=self._pace.batch_max, duration=LEASE))
        # All of them end before anything is made of an error.
        carried = await asyncio.gather(*map(self._carry, entries), return_exceptions=True)
        for error in carried:
            if isinstance(error, BaseException):
                raise error
        return len(entries) == self._pace.batch_max and all(carried)

    async def _carry(self, entry: Entry) -> bool:
        try:
            await self._register(entry, SWEEP_TIMEOUT_S)
        except LedgerAway as away:
            log.debug(
                "registration_postponed", tenant_id=entry.tenant_id, item_id=entry.facts.item_id, cause=away.cause
            )
            delay_s = min(RETRY_DELAY_S * 2 ** min(entry.attempts, 10), self._pace.retry_delay_max_s)
            await self._transact(partial(outbox.postpone, entry=entry, delay=timedelta(seconds=delay_s)))
            return False
        return True

    async def _register(self, entry: Entry, timeout_s: float) -> Registration:
        """Tell the ledger of an item, and write down what it says."""
        try:
            await self._ledger.register(entry.tenant_id, entry.facts, timeout_s=timeout_s)
        except LedgerRefused as refused:
            await self._transact(partial(outbox.park, entry=entry, reason=refused.reason, message=refused.message))
            log.warning(
                "registration_refused", tenant_id=entry.tenant_id, item_id=entry.facts.item_id, reason=refused.reason
            )
            return Registration(RegistrationState.REFUSED, refused.reason, refused.message)
        await self._transact(partial(outbox.acknowledge, entry=entry))
        return DONE

    async def _transact(self, function: Callable[[Connection], T]) -> T:
        return await self._run(self._database.transact, function, deadline=time.monotonic() + WRITE_TIMEOUT_S)

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, partial(function, *args, **kwargs))
