"""A single operation at a single position, which is read in a shorter way than a batch: it must come to the same."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from storekeeper_kit.database import Database
from storekeeper_stockledger.batch import Asked, Outcome
from storekeeper_stockledger.domain.operations import ItemAtLocation, Operation, StockOrder
from storekeeper_stockledger.domain.refusals import InsufficientStock, PositionNotFound, RequestIdReused
from storekeeper_stockledger.storage import journaling, loading, locking, single
from storekeeper_stockledger.storage.selecting import Bounds
from tests.cli.processes import wait_for
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.stockledger.programs import FRESH, OLDEST, programs, told
from tests.stockledger.tenant import Tenant, accepted, drawn, submission
from tests.stockledger.verbs import adding, closing, picking, removing, reserving, transferring, updating
from tests.system.holding import held_position

SEED = random.randrange(1_000_000)
SERVER_TIMEOUT_S = 10.0


@pytest.fixture
def after_rival(
    tenant: Tenant, another_process: Tenant, ledger_database: LedgerDatabase
) -> Callable[[int, Operation, Operation], tuple[Outcome, Outcome]]:
    """Carries two operations out at a position, the second of which has begun to wait for the lock of the first."""

    def carried_out(position_id: int, rivals: Operation, ours: Operation) -> tuple[Outcome, Outcome]:
        with ThreadPoolExecutor(2) as threads:
            with held_position(ledger_database, position_id) as held:
                first = threads.submit(another_process.ask, rivals)
                held.wait_for_waiters(1)
                second = threads.submit(tenant.ask, ours)
                held.wait_for_waiters(2)
            return first.result()[0], second.result()[0]

    return carried_out


@pytest.fixture
def between(
    monkeypatch: pytest.MonkeyPatch, ledger_database: LedgerDatabase
) -> Iterator[Callable[[Callable[[], object]], None]]:
    """Takes what happens once the next lock is there, or had nothing to wait for, and before anything is read."""
    waiting: list[Callable[[], object]] = []

    def lock_and_wait(trip: Any, *args: Any) -> Any:
        locked = locking.lock_position(trip, *args)
        if waiting:
            trip.send_ahead()
            with psycopg.connect(ledger_database.superuser_url, autocommit=True) as connection:
                wait_for(lambda: connection.execute(_LOCKED).fetchone() == (1,), SERVER_TIMEOUT_S)
            waiting.pop()()
        return locked

    monkeypatch.setattr(loading, "lock_position", lock_and_wait)
    yield waiting.append
    assert not waiting, "it has happened"


_LOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"


class TestARivalIsFirst:
    def test_what_it_took_is_not_taken_again(self, tenant: Tenant, after_rival: Any) -> None:
        (position_id,) = tenant.positions()
        older, newer = tenant.stock(position_id, [3, 3])
        first, second = after_rival(position_id, removing(position_id, 4), removing(position_id, 1))
        assert [drawn(one) for one in accepted([first, second])] == [[(older, 3), (newer, 1)], [(newer, 1)]]

    def test_older_units_that_it_brought_go_first(self, tenant: Tenant, after_rival: Any) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [3])
        first, second = after_rival(position_id, adding(position_id, 1, receive_time=OLDEST), removing(position_id, 1))
        brought, taken = accepted([first, second])
        assert drawn(brought) == drawn(taken)

    def test_what_it_let_expire_is_not_taken(self, tenant: Tenant, after_rival: Any) -> None:
        (position_id,) = tenant.positions()
        older, newer = tenant.stock(position_id, [3, 3])
        _, second = after_rival(position_id, updating(older, expire_time=OLDEST), removing(position_id, 1))
        assert drawn(*accepted([second])) == [(newer, 1)]

    @pytest.mark.parametrize("by_id", [True, False])
    def test_what_it_closed_is_gone(self, tenant: Tenant, after_rival: Any, by_id: bool) -> None:
        pair = ItemAtLocation(tenant.item().item_id, tenant.location())
        position_id = tenant.position(*pair)
        tenant.stock(position_id, [3])
        _, second = after_rival(position_id, closing(position_id), removing(position_id if by_id else pair, 1))
        assert isinstance(second, PositionNotFound)

    def test_the_same_request_is_answered_alike(
        self, tenant: Tenant, another_process: Tenant, ledger_database: LedgerDatabase
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [3])
        twin = submission(closing(position_id))
        with ThreadPoolExecutor(2) as threads:
            with held_position(ledger_database, position_id) as held:
                both = [threads.submit(one.apply, twin) for one in (tenant, another_process)]
                held.wait_for_waiters(2)
            outcomes = accepted(one.result()[0] for one in both)
        assert sorted(one.replayed for one in outcomes) == [False, True]
        assert outcomes[0].movements == outcomes[1].movements


def test_a_position_that_is_opened_after_the_lock_is_locked_before_it_is_read(
    tenant: Tenant, another_process: Tenant, between: Any
) -> None:
    pair = ItemAtLocation(tenant.item().item_id, tenant.location())
    tenant.carry_out(closing(tenant.position(*pair)))
    between(lambda: another_process.stock(another_process.position(*pair), [5]))
    assert [quantity for _, quantity in drawn(tenant.carry_out(removing(pair, 4)))] == [4]


class TestRepeats:
    def test_a_repeat_is_answered_as_the_first_was(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [3])
        once = submission(removing(position_id, 3))
        (first,) = accepted(tenant.apply(once))
        (again,) = accepted(tenant.apply(once))
        assert again.replayed
        assert again.movements == first.movements

    def test_another_operation_under_the_same_id_is_refused(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [3])
        once = submission(removing(position_id, 1))
        accepted(tenant.apply(once))
        (refused,) = tenant.apply(submission(reserving(position_id, 1), under=once.request_id))
        assert isinstance(refused, RequestIdReused)

    def test_a_repeat_whose_position_is_gone(self, tenant: Tenant) -> None:
        item, here, there = tenant.item().item_id, tenant.location("Here"), tenant.location("There")
        source = tenant.position(item, here)
        tenant.stock(source, [3])
        moved = tenant.carry_out(transferring(source, there, 3))
        pair = ItemAtLocation(item, there)
        once = submission(removing(pair, 3))
        accepted(tenant.apply(once))
        tenant.carry_out(closing(moved.movements[-1].position_id))
        assert accepted(tenant.apply(once))[0].replayed
        assert isinstance(tenant.ask(removing(pair, 1))[0], PositionNotFound)


class TestLongLines:
    @pytest.mark.parametrize("order", StockOrder)
    def test_more_than_the_first_are_taken(self, tenant: Tenant, order: StockOrder) -> None:
        (position_id,) = tenant.positions()
        layers = tenant.stock(position_id, [1] * (single.FIRST.page + 2))
        tenant.carry_out(updating(layers[3], expire_time=FRESH))
        in_order = {
            StockOrder.OLDEST_FIRST: layers,
            StockOrder.NEWEST_FIRST: layers[::-1],
            StockOrder.FIRST_EXPIRED_FIRST: [layers[3], *layers[:3], *layers[4:]],
        }[order]
        for count in (single.FIRST.page - 1, 2):
            taken = drawn(tenant.carry_out(removing(position_id, count, order=order)))
            assert [one for one, _ in taken] == in_order[:count]
            in_order = in_order[count:]

    def test_so_many_and_not_one_more(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * single.FIRST.page)
        (too_many,) = tenant.ask(removing(position_id, single.FIRST.page + 1))
        assert isinstance(too_many, InsufficientStock)
        assert len(tenant.carry_out(removing(position_id, single.FIRST.page)).movements) == single.FIRST.page

    def test_what_a_demand_has_reserved_comes_beside_the_line(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        layers = tenant.stock(position_id, [1] * (single.FIRST.page + 2))
        tenant.carry_out(reserving(position_id, 2))
        picked = drawn(tenant.carry_out(picking(position_id, single.FIRST.page + 1)))
        assert [one for one, _ in picked] == layers[: single.FIRST.page + 1]


class TestByChance:
    @pytest.mark.parametrize("first", [single.FIRST, Bounds(page=1, total=1), Bounds(page=2, total=2)])
    def test_it_comes_to_the_same(
        self, database: Database, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch, first: Bounds
    ) -> None:
        chance = random.Random(SEED)
        for number in range(15):
            program = chance.randrange(1_000_000)
            shortly, fully = Tenant(database), Tenant(database)
            with monkeypatch.context() as patched:
                patched.setattr(single, "FIRST", first)
                ended = told(self.one_by_one(shortly, program))
            with monkeypatch.context() as patched:
                patched.setattr(loading, "single", lambda *_: None)
                patched.setattr(journaling, "RECORD_SINGLE", journaling.RECORD)
                expected = told(self.one_by_one(fully, program))
            assert ended == expected, f"seed {SEED}, number {number}"
            check_invariants(ledger_database.owner_url, shortly.tenant_id)

    def one_by_one(self, tenant: Tenant, seed: int) -> list[Outcome]:
        """What becomes of a program's operations, and of some of them again."""
        first, asked = programs(tenant, seed)
        everything: list[Asked] = [*map(submission, first), *asked]
        chance = random.Random(seed)
        everything += chance.choices(everything, k=2)
        return [outcome for one in everything for outcome in tenant.apply(one)]
