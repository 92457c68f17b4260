"""Watching a journal on a real database: each movement once, in order, from wherever a watcher is, and no faster than it takes."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, aclosing, contextmanager
from functools import partial
from typing import Any

import pytest

from storekeeper_kit.coalescer import Threads
from storekeeper_kit.database import Database
from storekeeper_kit.refusals import Overloaded
from storekeeper_stockledger import journal_ends, watch
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import WatchAhead
from storekeeper_stockledger.storage import tables
from storekeeper_stockledger.storage.listing import MovementFilter
from storekeeper_stockledger.storage.watching import Watched, movements_between
from storekeeper_stockledger.watch import Step, View, Watch
from tests.stockledger.tenant import Tenant, accepted, deadline, submission
from tests.stockledger.verbs import adding, removing

LONG_S = 60.0
TIMEOUT_S = 30.0
ALL = Watched()

Steps = AsyncGenerator[Step, None]


@contextmanager
def watching(database: Database, **options: Any) -> Iterator[Watch]:
    watching = Watch(database, **{"watchers_max": 100, "checkpoint_interval_s": LONG_S} | options)
    try:
        yield watching
    finally:
        watching.close()


def steps_of(watching: Watch, tenant: Tenant, after: int | None = 0, wanted: Watched = ALL) -> "aclosing[Steps]":
    return aclosing(watching.follow(tenant.tenant_id, after, view_of(wanted)))


def view_of(wanted: Watched, same: Hashable = None) -> View[Step]:
    """Steps as they are, shared with nobody but who is said to see the same."""
    return View(wanted, lambda step: step, same=object() if same is None else same)


async def ids_until(steps: Steps, last_movement_id: int) -> list[int]:
    """The movements that come, up to the one that is the last."""
    found: list[int] = []
    async for step in steps:
        found += (movement.movement_id for movement in step.movements)
        assert step.last_movement_id <= last_movement_id
        if step.last_movement_id == last_movement_id:
            return found
    raise AssertionError("a watch never ends by itself")


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, TIMEOUT_S))


def numbers(first: int, last: int) -> list[int]:
    return list(range(first, last + 1))


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """After which movement and up to which one the journal was looked at, each time."""
    looks = []

    def looking(connection: Any, tenant_id: int, after: int, last: int, *args: Any, **limit: Any) -> Any:
        looks.append((after, last))
        return movements_between(connection, tenant_id, after, last, *args, **limit)

    monkeypatch.setattr(watch, "movements_between", looking)
    return looks


class TestFollowing:
    def test_every_movement_comes_once_and_in_order_while_writers_write(
        self, database: Database, tenant: Tenant
    ) -> None:
        positions = tenant.positions(4)

        async def test() -> None:
            with watching(database) as watch, ThreadPoolExecutor(4) as writers:

                def write(position_id: int) -> None:
                    for _ in range(10):
                        batch = [submission(adding(position_id, 1)), submission(removing(position_id, 1))]
                        accepted(tenant.ledger.apply(tenant.tenant_id, batch, deadline()))
                        watch.committed(tenant.tenant_id)

                async with steps_of(watch, tenant) as early, steps_of(watch, tenant) as slow:
                    writing = [writers.submit(write, position_id) for position_id in positions]
                    found = await ids_until(early, 80)
                    for one in writing:
                        one.result()
                    assert found == await ids_until(slow, 80) == numbers(1, 80)

        run(test())

    def test_it_goes_on_after_any_movement(self, database: Database, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 4)
        # One operation that has several.
        tenant.carry_out(removing(position_id, 3))

        async def test() -> None:
            with watching(database) as watch:
                for after in numbers(0, 6):
                    async with steps_of(watch, tenant, after) as steps:
                        assert await ids_until(steps, 7) == numbers(after + 1, 7)

        run(test())

    def test_from_now_on_is_from_what_is_recorded_next(self, database: Database, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1, 1, 1])

        async def test() -> None:
            with watching(database) as watch:
                async with steps_of(watch, tenant, None) as steps:
                    assert (await anext(steps)) == Step((), 3, 0)
                    tenant.stock(position_id, [1, 1])
                    assert await ids_until(steps, 5) == [4, 5]

        run(test())

    def test_a_tenant_without_a_journal_can_be_watched(self, database: Database, tenant: Tenant) -> None:
        async def test() -> None:
            with watching(database) as watch:
                async with steps_of(watch, tenant, None) as steps:
                    assert (await anext(steps)) == Step((), 0, 0)
                    (position_id,) = tenant.positions()
                    tenant.stock(position_id, [1])
                    assert await ids_until(steps, 1) == [1]

        run(test())

    def test_commits_of_this_process_need_no_poll(
        self, database: Database, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(journal_ends, "POLL_INTERVAL_S", LONG_S)
        (position_id,) = tenant.positions()

        async def test() -> None:
            with watching(database) as watch:
                apply = watch.told_by(Threads(tenant.ledger.apply, count=1, name="test"))
                async with steps_of(watch, tenant) as steps:
                    await anext(steps)
                    await apply(tenant.tenant_id, [submission(adding(position_id))], deadline())
                    assert await ids_until(steps, 1) == [1]

        run(test())

    def test_tenants_see_nothing_of_each_other(self, database: Database, tenant: Tenant) -> None:
        tenants = [tenant, Tenant(database)]
        for one in tenants:
            (position_id,) = one.positions()
            one.stock(position_id, [1, 2])

        async def last(watch: Watch, tenant: Tenant) -> Step:
            async with aclosing(watch.follow(tenant.tenant_id, 0, view_of(ALL, same="all"))) as steps:
                return [await anext(steps), await anext(steps)][-1]

        async def test() -> None:
            with watching(database) as watch:
                told = await asyncio.gather(*(last(watch, one) for one in tenants))
                assert [list(step.movements) for step in told] == [one.movements() for one in tenants]

        run(test())


class TestCheckpoints:
    def test_the_first_comes_at_once_and_tells_how_far_behind_the_watcher_is(
        self, database: Database, tenant: Tenant
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 5)

        async def test() -> None:
            with watching(database) as watch:
                async with steps_of(watch, tenant, 2) as steps:
                    assert await anext(steps) == Step((), 2, 3)

        run(test())

    def test_they_come_again_and_again_while_nothing_happens(self, database: Database, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1])

        async def test() -> None:
            with watching(database, checkpoint_interval_s=0.02) as watch:
                async with steps_of(watch, tenant, 1) as steps:
                    assert [await anext(steps) for _ in range(4)] == [Step((), 1, 0)] * 4
                    tenant.stock(position_id, [1])
                    assert await ids_until(steps, 2) == [2]

        run(test())

    def test_they_advance_past_movements_that_nobody_wants(
        self, database: Database, tenant: Tenant, looks: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watch, "LOOK_AHEAD_MAX", 10)
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 35)

        async def test() -> None:
            with watching(database, checkpoint_interval_s=0) as watch:
                async with steps_of(watch, tenant, wanted=Watched(kinds=[Kind.REMOVED])) as steps:
                    told = [await anext(steps) for _ in range(5)]
                    assert told == [Step((), at, 35 - at) for at in (0, 10, 20, 30, 35)]

        run(test())
        assert looks == [(0, 10), (10, 20), (20, 30), (30, 35)]


class TestConditions:
    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (lambda positions: MovementFilter(position_id=positions[1]), [2, 5]),
            (lambda _: MovementFilter(item_id=3), [3, 6]),
            (lambda _: MovementFilter(matching=tables.movement.c.quantity > 1), [4, 5, 6]),
            (lambda _: MovementFilter(item_id=1, matching=tables.movement.c.quantity > 1), [4]),
            (lambda _: MovementFilter(position_id=10**9), []),
        ],
        ids=["position", "item", "filter", "both", "nothing"],
    )
    def test_only_what_passes_them_comes_and_the_watcher_advances_all_the_same(
        self, database: Database, tenant: Tenant, wanted: Callable[[list[int]], MovementFilter], found: list[int]
    ) -> None:
        positions = tenant.positions(3)
        for quantity in (1, 2):
            for position_id in positions:
                tenant.stock(position_id, [quantity])

        async def test() -> None:
            with watching(database, checkpoint_interval_s=0) as watch:
                async with steps_of(watch, tenant, wanted=Watched(wanted(positions))) as steps:
                    assert await ids_until(steps, 6) == found

        run(test())

    def test_kinds(self, database: Database, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        for _ in range(3):
            tenant.stock(position_id, [1])
            tenant.carry_out(removing(position_id, 1))

        async def found(watch: Watch, *kinds: Kind) -> list[int]:
            async with steps_of(watch, tenant, wanted=Watched(kinds=kinds)) as steps:
                return await ids_until(steps, 6)

        async def test() -> None:
            with watching(database, checkpoint_interval_s=0) as watch:
                assert await found(watch, Kind.ADDED) == [1, 3, 5]
                assert await found(watch, Kind.REMOVED, Kind.RESERVED) == [2, 4, 6]
                assert await found(watch, Kind.REMOVED, Kind.ADDED) == numbers(1, 6)
                assert await found(watch) == numbers(1, 6)

        run(test())


class TestSharing:
    def test_who_is_at_the_same_place_and_sees_the_same_shares_one_look(
        self, database: Database, tenant: Tenant, looks: list[tuple[int, int]]
    ) -> None:
        (position_id,) = tenant.positions()

        async def test() -> None:
            with watching(database) as watch:
                views = [view_of(ALL, same="all")] * 5 + [view_of(Watched(kinds=[Kind.ADDED]), same="added")]
                async with AsyncExitStack() as stack:
                    follow = partial(watch.follow, tenant.tenant_id, None)
                    watchers = [await stack.enter_async_context(aclosing(follow(view))) for view in views]
                    for watcher in watchers:
                        await anext(watcher)
                    told = [asyncio.create_task(anext(watcher)) for watcher in watchers]
                    await asyncio.sleep(0)
                    tenant.stock(position_id, [1, 2])
                    steps = await asyncio.gather(*told)
                    assert {len(step.movements) for step in steps} == {2}
                    assert len({id(step) for step in steps}) == 2

        run(test())
        assert looks == [(0, 2), (0, 2)]

    def test_who_leaves_takes_nothing_from_the_others(
        self, database: Database, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1])
        looking, seen = threading.Event(), threading.Event()

        def hesitant(*args: Any, **limit: Any) -> Any:
            looking.set()
            seen.wait(TIMEOUT_S)
            return movements_between(*args, **limit)

        monkeypatch.setattr(watch, "movements_between", hesitant)

        async def test() -> None:
            with watching(database) as watch:
                view = view_of(ALL, same="all")
                async with aclosing(watch.follow(tenant.tenant_id, 0, view)) as staying:
                    leaving = watch.follow(tenant.tenant_id, 0, view)
                    await anext(staying)
                    await anext(leaving)
                    first = asyncio.ensure_future(ids_until(leaving, 1))
                    other = asyncio.ensure_future(ids_until(staying, 1))
                    await asyncio.to_thread(looking.wait, TIMEOUT_S)
                    first.cancel()
                    await asyncio.wait([first])
                    seen.set()
                    assert await other == [1]

        run(test())


class TestBounds:
    def test_nothing_is_read_that_the_watcher_has_not_asked_for(
        self, database: Database, tenant: Tenant, looks: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watch, "MOVEMENTS_MAX", 4)
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 10)

        async def test() -> None:
            with watching(database) as watch:
                async with steps_of(watch, tenant) as steps, steps_of(watch, tenant, 10) as quick:
                    await anext(steps)
                    tenant.stock(position_id, [1])
                    # By when this one has heard of it, the other one could have, too.
                    assert await ids_until(quick, 11) == [11]
                    assert looks == [(10, 11)]
                    counts = [len((await anext(steps)).movements) for _ in range(3)]
                    assert counts == [4, 4, 3]

        run(test())
        assert looks == [(10, 11), (0, 11), (4, 11), (8, 11)]

    def test_a_watcher_too_many_is_refused_until_one_leaves(self, database: Database, tenant: Tenant) -> None:
        async def test() -> None:
            with watching(database, watchers_max=2) as watch:
                async with steps_of(watch, tenant) as first:
                    async with steps_of(watch, tenant) as second:
                        await anext(first)
                        await anext(second)
                        with pytest.raises(Overloaded):
                            await anext(watch.follow(tenant.tenant_id, 0, view_of(ALL)))
                    async with steps_of(watch, tenant) as third:
                        assert await anext(third) == Step((), 0, 0)

        run(test())

    @pytest.mark.parametrize("ahead", [1, 1000])
    def test_who_is_ahead_of_the_journal_is_told_where_it_ends(
        self, database: Database, tenant: Tenant, ahead: int
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1, 1, 1])

        async def test() -> None:
            with watching(database) as watch:
                async with steps_of(watch, tenant, 3 + ahead) as steps:
                    with pytest.raises(WatchAhead) as refused:
                        await anext(steps)
            assert refused.value.last_movement_id == 3

        run(test())

    def test_who_waits_when_the_journal_is_restored_from_a_backup_is_told_as_well(
        self, database: Database, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1, 1, 1])

        async def test() -> None:
            with watching(database) as watching_:
                async with steps_of(watching_, tenant, None) as steps:
                    await anext(steps)
                    monkeypatch.setattr(watch, "journal_ends", lambda *_: {tenant.tenant_id: 2})
                    with pytest.raises(WatchAhead) as refused:
                        await anext(steps)
            assert refused.value.last_movement_id == 2

        run(test())
