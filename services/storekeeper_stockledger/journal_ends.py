"""How far journals go, for those who wait until they go further.

Movements are numbered without a gap and in the order of commits, so the number of the last one says it all. Commits of this
process have it read at once; those of others show when the ends of all journals that somebody waits for are read, by one
statement ten times a second. NOTIFY would tell of them sooner, but lets only one transaction of a database commit at a
time, and poolers break it.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import Context
from typing import Final

POLL_INTERVAL_S: Final = 0.1
"""How often the ends are read when nobody says that there is something new."""

NEWS_INTERVAL_S: Final = 0.05
"""How often at most. Under load commits come by the hundreds a second, and each time everybody who hears of it reads."""

ReadEnds = Callable[[Sequence[int]], Mapping[int, int]]
"""The id of the last movement of each of these tenants; those without any may be missing. Runs on a worker thread."""


class JournalEnds:
    """Who waits for which tenant's journal to go on, and how far it goes."""

    def __init__(self, read: ReadEnds) -> None:
        self._read = read
        self._readers: dict[int, set[JournalReader]] = {}
        """By tenant."""
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._polling: asyncio.Task[None] | None = None
        # Of its own: who waits for news must not wait for those who look at what is old.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal ends")

    def committed(self, tenant_id: int) -> None:
        """Say that something may have been recorded for a tenant; from any thread."""
        if tenant_id in self._readers and not self._news.is_set() and self._loop:
            self._loop.call_soon_threadsafe(self._news.set)

    @contextmanager
    def reader(self, tenant_id: int) -> "Iterator[JournalReader]":
        """One who waits for this tenant's journal, inside the block."""
        reader = JournalReader()
        readers = self._readers.setdefault(tenant_id, set())
        readers.add(reader)
        self._news.set()
        self._keep_polling()
        try:
            yield reader
        finally:
            readers.discard(reader)
            if not readers:
                del self._readers[tenant_id]

    def close(self) -> None:
        """Read nothing any more."""
        if self._polling:
            self._polling.cancel()
        self._thread.shutdown(wait=False)

    def _keep_polling(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._polling is None:
            # In an empty context: what is logged there belongs to nobody's call.
            self._polling = self._loop.create_task(self._poll(), context=Context())

    async def _poll(self) -> None:
        """As long as somebody waits."""
        while self._readers:
            self._news.clear()
            # Who comes while this is on its way may know of more than it tells, and waits for the next.
            asking = {tenant_id: tuple(readers) for tenant_id, readers in self._readers.items()}
            ends = await asyncio.get_running_loop().run_in_executor(self._thread, self._ends_of, tuple(asking))
            for tenant_id, readers in asking.items():
                for reader in readers:
                    reader.hear(ends if isinstance(ends, Exception) else ends.get(tenant_id, 0))
            await asyncio.sleep(NEWS_INTERVAL_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), POLL_INTERVAL_S - NEWS_INTERVAL_S)
        self._polling = None

    def _ends_of(self, tenant_ids: Sequence[int]) -> Mapping[int, int] | Exception:
        try:
            return self._read(tenant_ids)
        except Exception as error:  # noqa: BLE001 - whatever it is, everybody who waits must hear of it
            return error


class JournalReader:
    """One who waits, and what it has heard."""

    def __init__(self) -> None:
        self._heard: int | Exception | None = None
        self._news = asyncio.Event()

    def hear(self, end: int | Exception) -> None:
        """Take note of how far the journal goes, or why nobody knows."""
        if end != self._heard:
            self._heard = end
            self._news.set()

    async def end(self) -> int:
        """How far the journal goes, as was asked after this reader came."""
        while self._heard is None:
            await self._next_news()
        return self._known()

    async def end_unlike(self, movement_id: int, *, timeout_s: float) -> int:
        """How far it goes as soon as that is another movement, or when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._known() == movement_id:
                    await self._next_news()
        return self._known()

    async def _next_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _known(self) -> int:
        if isinstance(self._heard, Exception):
            raise self._heard
        assert self._heard is not None, "end() comes first"
        return self._heard
