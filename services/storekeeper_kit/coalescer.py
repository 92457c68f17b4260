"""Gathers calls that are in flight into batches: the only asynchronous code below a servicer.

What arrives while a batch of the same tenant is being applied forms the next one, so nothing waits when the service is
idle, and under load a batch costs its tenant one transaction instead of one for each call. There are a few lanes, each
of which applies one batch at a time, on a thread or in another process; tenants take turns, and one tenant is in at most
one lane.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from storekeeper_kit.refusals import DeadlineExceeded, Overloaded

BATCH_MAX: Final = 1000
"""Calls in one batch. They share a transaction, which holds the locks of them all."""

WAITING_MAX: Final = 10_000
"""Calls that may wait in a process; more are refused at once, before they cost anything."""

CLOSE_PATIENCE_S: Final = 1.0
"""How long closing waits for a batch under way, whose callers have gone by then."""


class Postponed(Exception):
    """Instead of an answer: the call waits at the head of its tenant's queue, and is asked again in its turn."""


Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

Apply = Callable[[int, Sequence[Asked], float], Awaitable[Sequence[Answer | Exception]]]
"""Answers a tenant's batch in its order, by a deadline on the monotonic clock."""


@dataclass(slots=True)
class _Call(Generic[Asked, Answer]):
    asked: Asked
    weight: int
    deadline: float
    answer: "asyncio.Future[Answer]"


class Threads(Generic[Asked, Answer]):
    """Applies batches on threads, by a function that knows nothing of an event loop."""

    def __init__(
        self, apply: "Callable[[int, Sequence[Asked], float], Sequence[Answer | Exception]]", *, count: int, name: str
    ) -> None:
        self._apply = apply
        self._executor = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def __call__(self, tenant_id: int, asked: Sequence[Asked], deadline: float) -> "Sequence[Answer | Exception]":
        """What the function answers."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._apply, tenant_id, asked, deadline)

    def close(self) -> None:
        """Leave what is under way to itself."""
        self._executor.shutdown(wait=False)


class Coalescer(Generic[Asked, Answer]):
    """Answers single calls through `apply`, which answers many at once."""

    def __init__(
        self, apply: Apply[Asked, Answer], *, lanes: int, weight: Callable[[Asked], int] = lambda _: 1
    ) -> None:
        """`weight` tells for how many calls one counts; one that is heavier than a batch may be has one of its own."""
        self._apply = apply
        self._weight = weight
        self._idle_lanes = lanes
        self._waiting: OrderedDict[int, deque[_Call[Asked, Answer]]] = OrderedDict()
        """By tenant; those that are not in a lane, in the order of their turns."""
        self._in_lane: dict[int, deque[_Call[Asked, Answer]]] = {}
        """What arrived for tenants that are in a lane."""
        self._waiting_weight = 0
        self._batches: set[asyncio.Task[None]] = set()

    def submit(self, tenant_id: int, asked: Asked, deadline: float) -> "asyncio.Future[Answer]":
        """The answer to one call, or its refusal; DeadlineExceeded past its time. Raises Overloaded when too many wait."""
        weight = self._weight(asked)
        if self._waiting_weight + weight > WAITING_MAX:
            raise Overloaded
        call: _Call[Asked, Answer] = _Call(asked, weight, deadline, asyncio.get_running_loop().create_future())
        queue = self._in_lane.get(tenant_id)
        if queue is None:
            queue = self._waiting.setdefault(tenant_id, deque())
        queue.append(call)
        self._waiting_weight += weight
        self._fill_lanes()
        return call.answer

    async def close(self) -> None:
        """Finish what is under way, if the database lets it; nothing may be submitted any more."""
        give_up = time.monotonic() + CLOSE_PATIENCE_S
        while self._batches and time.monotonic() < give_up:
            await asyncio.wait(self._batches, timeout=CLOSE_PATIENCE_S)

    def _fill_lanes(self) -> None:
        while self._idle_lanes and self._waiting:
            tenant_id, queue = self._waiting.popitem(last=False)
            self._idle_lanes -= 1
            self._in_lane[tenant_id] = queue
            # In an empty context: what is logged about a batch belongs to none of its calls.
            batch = asyncio.get_running_loop().create_task(self._run(tenant_id, queue), context=Context())
            self._batches.add(batch)
            batch.add_done_callback(self._batches.discard)

    async def _run(self, tenant_id: int, queue: "deque[_Call[Asked, Answer]]") -> None:
        """Apply one batch of a tenant, then let the next tenant have the lane."""
        try:
            batch = self._next_batch(queue)
            if batch:
                postponed = await self._answer(tenant_id, batch)
                queue.extendleft(reversed(postponed))
                self._waiting_weight += sum(call.weight for call in postponed)
        finally:
            del self._in_lane[tenant_id]
            if queue:
                self._waiting[tenant_id] = queue
            self._idle_lanes += 1
            self._fill_lanes()

    def _next_batch(self, queue: "deque[_Call[Asked, Answer]]") -> "list[_Call[Asked, Answer]]":
        """The calls that are next, without those that nobody waits for any more."""
        batch: list[_Call[Asked, Answer]] = []
        room = BATCH_MAX
        now = time.monotonic()
        while queue and room > 0:
            if queue[0].weight > room and batch:
                break
            call = queue.popleft()
            self._waiting_weight -= call.weight
            if call.answer.done():
                continue
            if call.deadline <= now:
                call.answer.set_exception(DeadlineExceeded())
                continue
            room -= call.weight
            batch.append(call)
        return batch

    async def _answer(self, tenant_id: int, batch: "list[_Call[Asked, Answer]]") -> "list[_Call[Asked, Answer]]":
        """Answer the calls of a batch; returns those that were postponed."""
        asked = [call.asked for call in batch]
        # One that has time left must not be given up because of another that has none.
        deadline = max(call.deadline for call in batch)
        try:
            answers = await self._apply(tenant_id, asked, deadline)
        except Exception as error:  # noqa: BLE001 - whatever it is, each caller must hear of it
            answers = [error] * len(batch)
        postponed = []
        for call, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Postponed):
                postponed.append(call)
            elif not call.answer.done():
                _settle(call.answer, answer)
        return postponed


def _settle(future: "asyncio.Future[Answer]", answer: "Answer | Exception") -> None:
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
