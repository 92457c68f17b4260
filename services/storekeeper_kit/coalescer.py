"""Gathers calls that are in flight into batches: the only asynchronous code below a servicer.

What arrives while a batch of the same tenant is being applied forms the next one; if that batch had several calls, with
those that the event loop is about to bring. So nothing waits when the service is idle, and under load a batch costs its
tenant one transaction instead of one for each call. There are a few lanes, each of which applies one batch at a time, on a
thread or in another process. Tenants take turns, and one tenant is in one lane; in more only while dozens of its calls wait,
nobody else does, and none of its calls insists on the order.
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

ENOUGH: Final = 32
"""So many calls of one tenant share enough of a transaction's cost: they needn't wait for more, or for those under way."""

QUIET_PASSES: Final = 8
"""When the event loop has gone round so often without bringing a call, none is about to arrive."""

GATHERING_MAX_S: Final = 0.02
"""However many may still arrive, and however long the event loop takes to go round, none waits longer for them."""

WAITING_MAX: Final = 10_000
"""Calls that may wait, of all tenants together; more are refused at once, before they cost anything."""

PATIENT_MAX: Final = WAITING_MAX // 2
"""Whoever can wait elsewhere does so while as many wait here, and leaves room to those who would be refused."""

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


@dataclass(slots=True)
class _Queue(Generic[Asked, Answer]):
    """One tenant's calls."""

    tenant_id: int
    calls: "deque[_Call[Asked, Answer]]"
    """Those that wait."""
    weight: int = 0
    """Of those."""
    in_order: int = 0
    """How many insist on their order, those under way among them."""
    batches: int = 0
    """How many are under way."""
    beginning: bool = False
    """The last of these has not taken its calls yet."""
    has_many: bool = False
    """The one that took its calls last had several."""

    @property
    def overflows(self) -> bool:
        """Whether another batch may begin beside those under way."""
        return self.weight >= ENOUGH and not self.in_order and not self.beginning


class Coalescer(Generic[Asked, Answer]):
    """Answers single calls through `apply`, which answers many at once."""

    def __init__(
        self,
        apply: Apply[Asked, Answer],
        *,
        lanes: int,
        weight: Callable[[Asked], int] = lambda _: 1,
        in_order: Callable[[Asked], bool] = lambda _: True,
    ) -> None:
        """`weight` tells for how many calls one counts; one that is heavier than a batch may be has one of its own.

        `in_order` tells which calls begin only after those that came before them have ended.
        """
        self._apply = apply
        self._weight = weight
        self._in_order = in_order
        self._idle_lanes = lanes
        self._waiting: OrderedDict[int, _Queue[Asked, Answer]] = OrderedDict()
        """By tenant; those that are in no lane, in the order of their turns."""
        self._under_way: dict[int, _Queue[Asked, Answer]] = {}
        """By tenant; those that are in a lane."""
        self._waiting_weight = 0
        self._fewer_wait = asyncio.Event()
        self._turn = asyncio.Lock()
        self._batches: set[asyncio.Task[None]] = set()

    def submit(self, tenant_id: int, asked: Asked, deadline: float) -> "asyncio.Future[Answer]":
        """The answer to one call, or its refusal; DeadlineExceeded past its time. Raises Overloaded when too many wait."""
        weight = self._weight(asked)
        if self._waiting_weight + weight > WAITING_MAX:
            raise Overloaded
        call: _Call[Asked, Answer] = _Call(asked, weight, deadline, asyncio.get_running_loop().create_future())
        queue = self._under_way.get(tenant_id) or self._waiting.get(tenant_id)
        if queue is None:
            queue = self._waiting[tenant_id] = _Queue(tenant_id, deque())
        queue.in_order += self._in_order(asked)
        queue.calls.append(call)
        self._count(queue, weight)
        self._fill_lanes()
        return call.answer

    async def room_for(self, weight: int) -> None:
        """Return when what counts for so many calls may be submitted at once by somebody who could wait.

        Who came first has the first turn, or what is light would overtake what is heavy for ever.
        """
        async with self._turn:
            while self._waiting_weight and self._waiting_weight + weight > PATIENT_MAX:
                self._fewer_wait.clear()
                await self._fewer_wait.wait()

    async def close(self) -> None:
        """Finish what is under way, if the database lets it; nothing may be submitted any more."""
        give_up = time.monotonic() + CLOSE_PATIENCE_S
        while self._batches and time.monotonic() < give_up:
            await asyncio.wait(self._batches, timeout=CLOSE_PATIENCE_S)

    def _count(self, queue: _Queue[Asked, Answer], weight: int) -> None:
        """So much more waits, or less."""
        queue.weight += weight
        self._waiting_weight += weight
        if weight < 0:
            self._fewer_wait.set()

    def _fill_lanes(self) -> None:
        while self._idle_lanes and (queue := self._next_queue()):
            self._idle_lanes -= 1
            queue.batches += 1
            queue.beginning = True
            # In an empty context: what is logged about a batch belongs to none of its calls.
            batch = asyncio.get_running_loop().create_task(self._run(queue), context=Context())
            self._batches.add(batch)
            batch.add_done_callback(self._batches.discard)

    def _next_queue(self) -> _Queue[Asked, Answer] | None:
        """Whose batch begins next."""
        if self._waiting:
            tenant_id, queue = self._waiting.popitem(last=False)
            self._under_way[tenant_id] = queue
            return queue
        return next((queue for queue in self._under_way.values() if queue.overflows), None)

    async def _run(self, queue: _Queue[Asked, Answer]) -> None:
        """Apply one batch of a tenant, and let the next tenant have the lane."""
        if queue.has_many:
            await self._gather(queue)
        batch = self._next_batch(queue)
        answers: Sequence[Answer | Exception] = ()
        try:
            if batch:
                answers = await self._answers(queue.tenant_id, batch)
                self._let_go(queue, batch)
                self._put_back(
                    [call for call, answer in zip(batch, answers, strict=True) if _is_postponed(answer)], queue
                )
        finally:
            queue.batches -= 1
            if not queue.batches:
                del self._under_way[queue.tenant_id]
                if queue.calls:
                    self._waiting[queue.tenant_id] = queue
            self._idle_lanes += 1
            self._fill_lanes()
        # The next batch has begun by now: to send many answers out takes a while.
        for call, answer in zip(batch, answers, strict=True):
            if not _is_postponed(answer) and not call.answer.done():
                _settle(call.answer, answer)

    async def _gather(self, queue: _Queue[Asked, Answer]) -> None:
        """Let calls come for as long as they do and are not enough, while nobody else waits for the lane."""
        quiet, until = 0, time.monotonic() + GATHERING_MAX_S
        while quiet < QUIET_PASSES and queue.weight < ENOUGH and not self._waiting and time.monotonic() < until:
            known = queue.weight
            await asyncio.sleep(0)
            quiet = 0 if queue.weight > known else quiet + 1

    def _put_back(self, postponed: "Sequence[_Call[Asked, Answer]]", queue: _Queue[Asked, Answer]) -> None:
        """These wait again, before all others."""
        for call in reversed(postponed):
            queue.in_order += self._in_order(call.asked)
            queue.calls.appendleft(call)
            self._count(queue, call.weight)

    def _next_batch(self, queue: _Queue[Asked, Answer]) -> "list[_Call[Asked, Answer]]":
        """The calls that are next, without those that nobody waits for any more."""
        queue.beginning = False
        batch: list[_Call[Asked, Answer]] = []
        room = BATCH_MAX
        now = time.monotonic()
        while queue.calls and room > 0:
            if queue.calls[0].weight > room and batch:
                break
            call = queue.calls.popleft()
            self._count(queue, -call.weight)
            if call.answer.done():
                self._let_go(queue, [call])
                continue
            if call.deadline <= now:
                call.answer.set_exception(DeadlineExceeded())
                self._let_go(queue, [call])
                continue
            room -= call.weight
            batch.append(call)
        queue.has_many = len(batch) > 1
        return batch

    def _let_go(self, queue: _Queue[Asked, Answer], calls: "Sequence[_Call[Asked, Answer]]") -> None:
        """These are over, and hold nobody up."""
        queue.in_order -= sum(self._in_order(call.asked) for call in calls)

    async def _answers(self, tenant_id: int, batch: "list[_Call[Asked, Answer]]") -> "Sequence[Answer | Exception]":
        """What the calls of a batch are answered."""
        asked = [call.asked for call in batch]
        # One that has time left must not be given up because of another that has none.
        deadline = max(call.deadline for call in batch)
        try:
            return await self._apply(tenant_id, asked, deadline)
        except Exception as error:  # noqa: BLE001 - whatever it is, each caller must hear of it
            return [error] * len(batch)


def _is_postponed(answer: object) -> bool:
    return isinstance(answer, Postponed)


def _settle(future: "asyncio.Future[Answer]", answer: "Answer | Exception") -> None:
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
