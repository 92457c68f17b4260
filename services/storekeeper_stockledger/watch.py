"""Follows journals as they grow, for whoever watches them.

Nothing is kept for a watcher: what comes next is read when it has taken what came before. Where it is, is a number that it
knows itself, so it may go on in any process after anything. Those who are at the same place and see the same share
what is read and written for them, and so a dozen of them at the end of a journal cost little more than one.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from storekeeper_kit.coalescer import Apply
from storekeeper_kit.database import Database
from storekeeper_kit.refusals import Overloaded

from .domain.journal import RecordedMovement
from .domain.refusals import WatchAhead
from .journal_ends import JournalEnds, JournalReader
from .storage.watching import Watched, journal_ends, movements_between

CHECKPOINT_INTERVAL_S: Final = 5.0
"""How long a watcher is told nothing. Promised is twice as long: to look at a stretch of the journal takes time, too."""

MOVEMENTS_MAX: Final = 500
"""In one step. With the longest texts they are half of what a message may hold."""

LOOK_AHEAD_MAX: Final = 10_000
"""How many movements one statement looks at, however few of them are wanted."""

LANES: Final = 2
"""Steps of different watchers that are taken at once; the others wait for their turns."""

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Message = TypeVar("Message")


@dataclass(frozen=True, slots=True)
class Step:
    """What a watcher is told: the wanted movements up to this one, and how many came after it by then."""

    movements: tuple[RecordedMovement, ...]
    last_movement_id: int
    behind: int


@dataclass(frozen=True, slots=True)
class View(Generic[Message]):
    """What a watcher sees of a tenant's journal."""

    wanted: Watched
    write: Callable[[Step], Message]
    """Makes a message of a step, on a worker thread where that takes its time."""
    same: Hashable
    """Equal for all of the tenant's watchers who see the same in the same words."""


@dataclass(frozen=True, slots=True)
class _Told(Generic[Message]):
    """A step as it was written."""

    message: Message
    last_movement_id: int
    is_news: bool


class Watch:
    """Those who watch."""

    def __init__(
        self, database: Database, *, watchers_max: int, checkpoint_interval_s: float = CHECKPOINT_INTERVAL_S
    ) -> None:
        """The database has a connection for each lane, and one more."""
        self._database = database
        self._watchers_max = watchers_max
        self._checkpoint_interval_s = checkpoint_interval_s
        self._count = 0
        self._ends = JournalEnds(self._read_ends)
        self._lanes = ThreadPoolExecutor(LANES, thread_name_prefix="watch")
        self._under_way: dict[Hashable, asyncio.Future[_Told[Any]]] = {}

    def committed(self, tenant_id: int) -> None:
        """Say that something may have been recorded for a tenant; from any thread."""
        self._ends.committed(tenant_id)

    def told_by(self, apply: Apply[Asked, Answer]) -> Apply[Asked, Answer]:
        """The same function, which tells those who watch when it has applied a batch of a tenant's."""

        async def applied(tenant_id: int, batch: Sequence[Asked], deadline: float) -> Sequence[Answer | Exception]:
            answers = await apply(tenant_id, batch, deadline)
            self.committed(tenant_id)
            return answers

        return applied

    async def follow(self, tenant_id: int, after: int | None, view: View[Message]) -> AsyncGenerator[Message, None]:
        """The message of each step after this movement, or from now on; it never ends by itself.

        Raises Overloaded when there are too many watchers, and WatchAhead where the journal ends before that movement.
        """
        with self._reader(tenant_id) as reader:
            end = await reader.end()
            at = end if after is None else after
            yield view.write(_checkpoint(at, end))
            due = self._next_checkpoint()
            while True:
                end = await reader.end_unlike(at, timeout_s=due - time.monotonic())
                told = await self._tell(tenant_id, at, end, view)
                at = told.last_movement_id
                if told.is_news or time.monotonic() >= due:
                    yield told.message
                    due = self._next_checkpoint()
                # What comes next may be long in coming.
                del told

    def close(self) -> None:
        """Nobody watches any more."""
        self._ends.close()
        self._lanes.shutdown(wait=False)

    @contextmanager
    def _reader(self, tenant_id: int) -> Iterator[JournalReader]:
        if self._count >= self._watchers_max:
            raise Overloaded
        self._count += 1
        try:
            with self._ends.reader(tenant_id) as reader:
                yield reader
        finally:
            self._count -= 1

    def _next_checkpoint(self) -> float:
        return time.monotonic() + self._checkpoint_interval_s

    async def _tell(self, tenant_id: int, at: int, end: int, view: View[Message]) -> _Told[Message]:
        """The next step, from a lane, or from the one who is there with the same question."""
        key = (tenant_id, at, end, view.same)
        told = self._under_way.get(key)
        if told is None:
            told = asyncio.get_running_loop().run_in_executor(self._lanes, self._take, tenant_id, at, end, view)
            self._under_way[key] = told
            told.add_done_callback(lambda _: self._under_way.pop(key))
        # Who leaves must not take it from the others.
        return await asyncio.shield(told)

    def _take(self, tenant_id: int, at: int, end: int, view: View[Message]) -> _Told[Message]:
        step = self._step(tenant_id, at, end, view.wanted)
        return _Told(view.write(step), step.last_movement_id, is_news=bool(step.movements))

    def _step(self, tenant_id: int, at: int, end: int, wanted: Watched) -> Step:
        """As far as the wanted movements of one message go, or one look."""
        if at >= end:
            return _checkpoint(at, end)
        last = min(at + LOOK_AHEAD_MAX, end)
        with self._database.read() as connection:
            movements = movements_between(connection, tenant_id, at, last, wanted, limit=MOVEMENTS_MAX)
        if len(movements) == MOVEMENTS_MAX:
            last = movements[-1].movement_id
        return Step(tuple(movements), last, end - last)

    def _read_ends(self, tenant_ids: Sequence[int]) -> Mapping[int, int]:
        with self._database.read() as connection:
            return journal_ends(connection, tenant_ids)


def _checkpoint(at: int, end: int) -> Step:
    if at > end:
        raise WatchAhead(end)
    return Step((), at, end - at)
