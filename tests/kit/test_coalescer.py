"""Gathering calls into batches, with a ledger that only notes what it is asked: no database."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from queue import SimpleQueue
from typing import Any

import pytest

from storekeeper_kit import coalescer as coalescer_module
from storekeeper_kit.coalescer import Coalescer, Postponed, Threads
from storekeeper_kit.refusals import DeadlineExceeded, Overloaded

TIMEOUT_S = 10.0
REFUSED = "refused"


class Refused(Exception):
    """Stands for any refusal."""


class Works:
    """Notes each batch as it begins, and holds it until the gate is open."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[str]]] = []
        self.deadlines: list[float] = []
        self.gate = threading.Event()
        self._begun: SimpleQueue[int] = SimpleQueue()

    def __call__(self, tenant_id: int, asked: Sequence[str], deadline: float) -> list[str | Exception]:
        self.batches.append((tenant_id, list(asked)))
        self.deadlines.append(deadline)
        self._begun.put(tenant_id)
        assert self.gate.wait(TIMEOUT_S)
        return [Refused(one) if one == REFUSED else f"{one} for {tenant_id}" for one in asked]

    async def begin(self) -> None:
        """Return when another batch has begun."""
        await asyncio.to_thread(self._begun.get, timeout=TIMEOUT_S)


def asynchronously(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on an event loop of its own."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 2 * TIMEOUT_S))

    return run


@asynccontextmanager
async def coalescing(works: Callable[..., Any], *, lanes: int = 1, **more: Any) -> AsyncIterator[Coalescer[str, str]]:
    """A coalescer over `works`, closed at the end."""
    threads: Threads[str, str] = Threads(works, count=lanes, name="test")
    coalescer: Coalescer[str, str] = Coalescer(threads, lanes=lanes, **more)
    try:
        yield coalescer
    finally:
        if isinstance(works, Works):
            works.gate.set()
        await coalescer.close()
        threads.close()


async def submitted(
    coalescer: Coalescer[str, str], *asked: str, tenant_id: int = 1, timeout_s: float = TIMEOUT_S
) -> list[asyncio.Task[str]]:
    """Calls that are on their way, in this order."""
    deadline = time.monotonic() + timeout_s

    async def submit(one: str) -> str:
        return await coalescer.submit(tenant_id, one, deadline)

    tasks = [asyncio.create_task(submit(one)) for one in asked]
    await asyncio.sleep(0)
    return tasks


async def answers(calls: Sequence[asyncio.Task[str]]) -> list[str | BaseException]:
    return await asyncio.gather(*calls, return_exceptions=True)


class TestBatches:
    @asynchronously
    async def test_nothing_waits_when_the_service_is_idle(self) -> None:
        works = Works()
        async with coalescing(works) as coalescer:
            calls = await submitted(coalescer, "a")
            # The batch has begun though nothing else came and no time passed.
            await works.begin()
            works.gate.set()
            assert await answers(calls) == ["a for 1"]
        assert works.batches == [(1, ["a"])]

    @asynchronously
    async def test_calls_that_come_during_a_batch_form_the_next_one(self) -> None:
        works = Works()
        async with coalescing(works) as coalescer:
            calls = await submitted(coalescer, "a")
            await works.begin()
            calls += await submitted(coalescer, "b", "c", "d")
            works.gate.set()
            await answers(calls)
        assert works.batches == [(1, ["a"]), (1, ["b", "c", "d"])]

    @asynchronously
    async def test_calls_keep_their_order_and_each_gets_its_own_answer(self) -> None:
        works = Works()
        async with coalescing(works) as coalescer:
            calls = await submitted(coalescer, "first")
            await works.begin()
            asked = [str(number) for number in range(100)]
            calls += await submitted(coalescer, *asked)
            works.gate.set()
            assert await answers(calls) == [f"{one} for 1" for one in ("first", *asked)]
        assert works.batches[1] == (1, asked)

    @asynchronously
    async def test_a_batch_has_a_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coalescer_module, "BATCH_MAX", 3)
        works = Works()
        async with coalescing(works) as coalescer:
            calls = await submitted(coalescer, *"abcdefgh")
            works.gate.set()
            await answers(calls)
        assert [len(asked) for _, asked in works.batches] == [3, 3, 2]
        assert "".join(one for _, asked in works.batches for one in asked) == "abcdefgh"


class TestGathering:
    """After a batch of several calls the next one waits for those that are about to arrive."""

    @asynchronously
    async def test_they_share_it(self) -> None:
        assert await self.batches_after("a", "b") == [["c", "d", "e"]]

    @asynchronously
    async def test_after_a_single_one_nothing_waits(self) -> None:
        assert await self.batches_after("a") == [["c"], ["d"], ["e"]]

    @asynchronously
    async def test_enough_do_not_wait_for_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coalescer_module, "ENOUGH", 2)
        assert await self.batches_after("a", "b") == [["c", "d"], ["e"]]

    @asynchronously
    async def test_they_do_not_wait_for_what_is_long_in_coming(self) -> None:
        assert await self.batches_after("a", "b", apart=coalescer_module.QUIET_PASSES + 5) == [["c"], ["d"], ["e"]]

    @asynchronously
    async def test_they_do_not_wait_for_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coalescer_module, "GATHERING_MAX_S", 0.0)
        assert await self.batches_after("a", "b") == [["c"], ["d"], ["e"]]

    @asynchronously
    async def test_no_lane_stands_still_while_others_wait_for_it(self) -> None:
        assert await self.batches_after("a", "b", other="x") == [["c", "d"], ["x"], ["e"]]

    async def batches_after(self, *first: str, other: str = "", apart: int = 5) -> list[list[str]]:
        """How calls are put together that come so many passes of the loop apart, while one waits already.

        The `other` one is another tenant's, and comes with the first of them.
        """
        batches: list[list[str]] = []
        gate = asyncio.Event()

        async def apply(_tenant_id: int, asked: Sequence[str], _deadline: float) -> list[str | Exception]:
            batches.append(list(asked))
            await gate.wait()
            return list(asked)

        coalescer: Coalescer[str, str] = Coalescer(apply, lanes=1)
        calls = await submitted(coalescer, *first)
        calls += await submitted(coalescer, "c")
        gate.set()
        for one in "de":
            for _ in range(apart):
                await asyncio.sleep(0)
            calls += await submitted(coalescer, one)
            if other:
                calls += await submitted(coalescer, other, tenant_id=2)
                other = ""
        await answers(calls)
        assert batches.pop(0) == list(first)
        return batches


class TestWeights:
    """What counts for as many calls as it has letters."""

    @asynchronously
    async def test_a_batch_has_room_for_so_much_and_no_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coalescer_module, "BATCH_MAX", 5)
        assert await self.batches("aa", "bb", "cc", "d", "ee") == [["aa", "bb"], ["cc", "d", "ee"]]

    @asynchronously
    async def test_what_is_heavier_than_a_batch_has_one_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coalescer_module, "BATCH_MAX", 5)
        assert await self.batches("a", "bbbbbbb", "c", "dddddd") == [["a"], ["bbbbbbb"], ["c"], ["dddddd"]]

    @asynchronously
    async def test_it_is_the_weight_that_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coalescer_module, "WAITING_MAX", 5)
        works = Works()
        async with coalescing(works, weight=len) as coalescer:
            calls = await submitted(coalescer, "aaaaa")
            await works.begin()
            calls += await submitted(coalescer, "bbb")
            (refused,) = await answers(await submitted(coalescer, "ccc"))
            assert isinstance(refused, Overloaded)
            calls += await submitted(coalescer, "dd")
            works.gate.set()
            assert await answers(calls) == ["aaaaa for 1", "bbb for 1", "dd for 1"]

    @asynchronously
    async def test_who_can_wait_elsewhere_leaves_room_to_the_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coalescer_module, "PATIENT_MAX", 5)
        works = Works()
        async with coalescing(works, weight=len) as coalescer:
            calls = await submitted(coalescer, "a")
            await works.begin()
            # However heavy: nobody else waits.
            await coalescer.room_for(7)
            calls += await submitted(coalescer, "bbb")
            await coalescer.room_for(2)
            # There would be room for the second one, but it is not its turn.
            patient = [asyncio.ensure_future(coalescer.room_for(weight)) for weight in (3, 1)]
            await asyncio.sleep(0)
            assert not any(one.done() for one in patient)
            calls += await submitted(coalescer, "cccccc")
            works.gate.set()
            assert await answers(calls) == ["a for 1", "bbb for 1", "cccccc for 1"]
            await asyncio.gather(*patient)

    async def batches(self, *asked: str) -> list[list[str]]:
        """How these are put together when they come at once."""
        works = Works()
        async with coalescing(works, weight=len) as coalescer:
            first = await submitted(coalescer, "first")
            await works.begin()
            calls = await submitted(coalescer, *asked)
            works.gate.set()
            await answers([*first, *calls])
        return [batch for _, batch in works.batches[1:]]


class TestOverflow:
    """Enough calls needn't wait for the batch before them."""

    @asynchronously
    async def test_another_lane_takes_what_overflows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert await self.begun(monkeypatch, "bb", "c", "ddd") == [["a"], ["bb", "c", "ddd"]]

    @asynchronously
    async def test_less_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert await self.begun(monkeypatch, "bb", "c") == [["a"]]

    @asynchronously
    async def test_it_waits_behind_what_insists_on_its_order(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert await self.begun(monkeypatch, "bb", "c", "DDD") == [["a"]]
        assert await self.begun(monkeypatch, "bb", "c", "ddd", first="A") == [["A"]]

    @asynchronously
    async def test_others_go_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coalescer_module, "ENOUGH", 5)
        works = Works()
        async with coalescing(works, lanes=2, weight=len, in_order=str.isupper) as coalescer:
            calls = await submitted(coalescer, "a")
            await works.begin()
            calls += await submitted(coalescer, "x", tenant_id=2)
            calls += await submitted(coalescer, "bbbbbb")
            calls += await submitted(coalescer, "y", tenant_id=3)
            await works.begin()
            works.gate.set()
            await answers(calls)
        assert sorted(works.batches[:2]) == [(1, ["a"]), (2, ["x"])]
        assert sorted(works.batches[2:]) == [(1, ["bbbbbb"]), (3, ["y"])]

    async def begun(self, monkeypatch: pytest.MonkeyPatch, *asked: str, first: str = "a") -> list[list[str]]:
        """Which batches are under way at once."""
        monkeypatch.setattr(coalescer_module, "ENOUGH", 5)
        works = Works()
        async with coalescing(works, lanes=3, weight=len, in_order=str.isupper) as coalescer:
            calls = await submitted(coalescer, first)
            await works.begin()
            calls += await submitted(coalescer, *asked)
            await asyncio.sleep(0.05)
            begun = [batch for _, batch in works.batches]
            works.gate.set()
            assert await answers(calls) == [f"{one} for 1" for one in (first, *asked)]
        return begun


class TestTurns:
    @asynchronously
    async def test_tenants_take_turns(self) -> None:
        works = Works()
        async with coalescing(works) as coalescer:
            calls = await submitted(coalescer, "a")
            await works.begin()
            for tenant_id in (1, 2, 3, 1, 2):
                calls += await submitted(coalescer, f"b{tenant_id}", tenant_id=tenant_id)
            works.gate.set()
            await answers(calls)
        assert works.batches == [(1, ["a"]), (2, ["b2", "b2"]), (3, ["b3"]), (1, ["b1", "b1"])]

    @asynchronously
    async def test_a_tenant_with_much_to_do_lets_others_in_between(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coalescer_module, "BATCH_MAX", 1)
        works = Works()
        async with coalescing(works) as coalescer:
            calls = await submitted(coalescer, *"abcd")
            await works.begin()
            calls += await submitted(coalescer, "x", "y", tenant_id=2)
            works.gate.set()
            await answers(calls)
        assert [tenant_id for tenant_id, _ in works.batches] == [1, 2, 1, 2, 1, 1]

    @asynchronously
    async def test_tenants_are_served_side_by_side_in_as_many_lanes_as_there_are(self) -> None:
        works = Works()
        async with coalescing(works, lanes=2) as coalescer:
            calls = [*await submitted(coalescer, "a", tenant_id=1), *await submitted(coalescer, "b", tenant_id=2)]
            calls += await submitted(coalescer, "c", tenant_id=3)
            await works.begin()
            await works.begin()
            assert {tenant_id for tenant_id, _ in works.batches} == {1, 2}
            works.gate.set()
            await answers(calls)
        assert works.batches[2] == (3, ["c"])

    @asynchronously
    async def test_one_tenant_is_never_in_two_lanes(self) -> None:
        busy: set[int] = set()
        most: list[int] = []
        guard = threading.Lock()

        def apply(tenant_id: int, asked: Sequence[str], _deadline: float) -> Sequence[str]:
            with guard:
                assert tenant_id not in busy, "the tenant is in another lane"
                busy.add(tenant_id)
                most.append(len(busy))
            time.sleep(0.001)
            with guard:
                busy.remove(tenant_id)
            return asked

        async with coalescing(apply, lanes=4) as coalescer:
            calls = []
            for number in range(300):
                calls += await submitted(coalescer, str(number), tenant_id=number % 6)
                if number % 20 == 0:
                    await asyncio.sleep(0.002)
            assert await answers(calls) == [str(number) for number in range(300)]
        assert 1 < max(most) <= 4


class TestFailures:
    @asynchronously
    async def test_a_refusal_drops_only_its_own_call(self) -> None:
        works = Works()
        async with coalescing(works) as coalescer:
            calls = await submitted(coalescer, "a", REFUSED, "b")
            works.gate.set()
            first, refused, last = await answers(calls)
        assert isinstance(refused, Refused)
        assert (first, last) == ("a for 1", "b for 1")
        assert len(works.batches) == 1

    @asynchronously
    async def test_what_goes_wrong_with_a_batch_reaches_each_of_its_callers(self) -> None:
        def fail(_tenant_id: int, _asked: Sequence[str], _deadline: float) -> Sequence[str]:
            raise ZeroDivisionError

        async with coalescing(fail) as coalescer:
            outcomes = await answers(await submitted(coalescer, "a", "b", "c"))
            assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError] * 3
            # The lane is free for the next batch.
            assert [type(outcome) for outcome in await answers(await submitted(coalescer, "d"))] == [ZeroDivisionError]

    @asynchronously
    async def test_a_caller_who_has_gone_disturbs_nobody(self) -> None:
        works = Works()
        async with coalescing(works) as coalescer:
            in_flight = await submitted(coalescer, "a", "b")
            await works.begin()
            waiting = await submitted(coalescer, "c", "d")
            in_flight[0].cancel()
            waiting[0].cancel()
            await asyncio.sleep(0)
            works.gate.set()
            assert await answers([in_flight[1], waiting[1]]) == ["b for 1", "d for 1"]
        # Nobody waits for "c" any more, so it never begins; "a" had begun.
        assert works.batches == [(1, ["a", "b"]), (1, ["d"])]

    @asynchronously
    async def test_a_tenant_whose_callers_have_all_gone_costs_no_batch(self) -> None:
        works = Works()
        async with coalescing(works) as coalescer:
            first = await submitted(coalescer, "a")
            await works.begin()
            (gone,) = await submitted(coalescer, "b", tenant_id=2)
            gone.cancel()
            last = await submitted(coalescer, "c", tenant_id=3)
            works.gate.set()
            await answers([*first, *last])
        assert [tenant_id for tenant_id, _ in works.batches] == [1, 3]


class TestDeadlines:
    @asynchronously
    async def test_what_has_expired_never_begins(self) -> None:
        works = Works()
        async with coalescing(works) as coalescer:
            calls = await submitted(coalescer, "a")
            await works.begin()
            calls += await submitted(coalescer, "b", timeout_s=0)
            calls += await submitted(coalescer, "c")
            works.gate.set()
            _, expired, answered = await answers(calls)
        assert isinstance(expired, DeadlineExceeded)
        assert answered == "c for 1"
        assert works.batches == [(1, ["a"]), (1, ["c"])]

    @asynchronously
    async def test_a_batch_has_as_much_time_as_its_most_patient_call(self) -> None:
        works = Works()
        async with coalescing(works) as coalescer:
            calls = await submitted(coalescer, "a")
            await works.begin()
            began = time.monotonic()
            calls += await submitted(coalescer, "b", timeout_s=50)
            calls += await submitted(coalescer, "c", timeout_s=5)
            works.gate.set()
            await answers(calls)
        assert works.deadlines[1] >= began + 50


class TestOverload:
    @asynchronously
    async def test_more_calls_than_may_wait_are_refused_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coalescer_module, "WAITING_MAX", 2)
        works = Works()
        async with coalescing(works) as coalescer:
            calls = await submitted(coalescer, "a")
            await works.begin()
            calls += await submitted(coalescer, "b", "c")
            (refused,) = await answers(await submitted(coalescer, "d", tenant_id=2))
            assert isinstance(refused, Overloaded)
            works.gate.set()
            assert await answers(calls) == ["a for 1", "b for 1", "c for 1"]
            # There is room again.
            assert await answers(await submitted(coalescer, "e", "f")) == ["e for 1", "f for 1"]

    @asynchronously
    async def test_callers_who_have_gone_make_room_when_their_turn_comes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(coalescer_module, "WAITING_MAX", 2)
        works = Works()
        async with coalescing(works) as coalescer:
            first = await submitted(coalescer, "a")
            await works.begin()
            for gone in await submitted(coalescer, "b", "c"):
                gone.cancel()
            works.gate.set()
            await answers(first)
            assert await answers(await submitted(coalescer, "d", "e")) == ["d for 1", "e for 1"]


class TestClosing:
    @asynchronously
    async def test_what_is_under_way_and_what_waits_is_finished(self) -> None:
        works = Works()
        async with coalescing(works) as coalescer:
            calls = await submitted(coalescer, "a")
            await works.begin()
            calls += await submitted(coalescer, "b")
            calls += await submitted(coalescer, "c", tenant_id=2)
            closing = asyncio.create_task(coalescer.close())
            await asyncio.sleep(0)
            assert not closing.done()
            works.gate.set()
            await closing
            assert await answers(calls) == ["a for 1", "b for 1", "c for 2"]


@asynchronously
async def test_a_postponed_call_keeps_its_place_and_waits_for_its_tenants_turn() -> None:
    applied: list[tuple[int, list[str]]] = []

    def one_at_a_time(tenant_id: int, asked: Sequence[str], _deadline: float) -> list[str | Exception]:
        applied.append((tenant_id, list(asked)))
        return [asked[0], *(Postponed() for _ in asked[1:])]

    async with coalescing(one_at_a_time) as coalescer:
        first = await submitted(coalescer, "a")
        rest = [*await submitted(coalescer, "b", "c"), *await submitted(coalescer, "x", tenant_id=2)]
        assert await asyncio.gather(*first, *rest) == ["a", "b", "c", "x"]
    assert applied == [(1, ["a"]), (2, ["x"]), (1, ["b", "c"]), (1, ["c"])]
