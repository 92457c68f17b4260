"""What becomes of an entry in the outbox, with a ledger that only notes what it is told and answers what the test wants."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import wraps
from typing import Any, Final

import pytest
from sqlalchemy import func, text, update

from storekeeper_catalog.domain.item import Counting, Facts, Item, ItemState, RegistrationState, Tracking, UnitCost
from storekeeper_catalog.domain.refusals import EtagMismatch, ItemHasStock, LedgerAway, LedgerRefused
from storekeeper_catalog.registering import Pace, Registrar
from storekeeper_catalog.storage import outbox
from storekeeper_catalog.storage.outbox import Entry
from storekeeper_catalog.storage.tables import registration
from storekeeper_kit.database import Database
from storekeeper_kit.deadline import bind_deadline
from tests.catalog.tenant import Tenant
from tests.kit.waiting import eventually

TIMEOUT_S: Final = 10.0
LOT: Final = Counting(Tracking.LOT, 0)
HAS_STOCK: Final = LedgerRefused("ITEM_HAS_STOCK", "it has been stocked", {"itemId": "1"})
MALFORMED: Final = LedgerRefused("INVALID_REQUEST", "it is malformed", {})
PACE: Final = Pace(wait_s=TIMEOUT_S, interval_s=0.01, batch_max=3, retry_delay_max_s=0.01)
AWAY: Final = LedgerAway("UNAVAILABLE: nobody listens")


@dataclass
class Ledger:
    """Notes each item that it is told of, and answers what it is to."""

    answer: Exception | None = None
    told: list[tuple[int, Facts]] = field(default_factory=list)
    asked: list[tuple[int, Facts]] = field(default_factory=list)
    hangs: bool = False
    before_answering: Callable[[], Any] = lambda: None

    async def register(self, tenant_id: int, facts: Facts, *, validate_only: bool = False, timeout_s: float) -> None:
        (self.asked if validate_only else self.told).append((tenant_id, facts))
        await asyncio.to_thread(self.before_answering)
        if self.hangs:
            await asyncio.sleep(timeout_s)
            raise LedgerAway("DEADLINE_EXCEEDED")
        if self.answer is not None:
            raise self.answer


def asynchronously(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on an event loop of its own, as if it were a call with time enough."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(_as_a_call(test(*args, **kwargs)), 2 * TIMEOUT_S))

    return run


async def _as_a_call(test: Coroutine[Any, Any, None]) -> None:
    bind_deadline(time.monotonic() + TIMEOUT_S)
    await test


@pytest.fixture
def ledger() -> Ledger:
    """One that accepts all."""
    return Ledger()


@pytest.fixture
def registrar(ledger: Ledger, database: Database) -> Iterator[Registrar]:
    """A registrar whose sweeps take up to three entries."""
    with ThreadPoolExecutor(4) as workers:
        yield Registrar(ledger, database, workers, PACE)


@pytest.fixture(autouse=True)
def _nothing_else_waits(database: Database) -> None:
    """Sweeps know no tenants: what another test has left is none of this one's."""
    with database.begin() as connection:
        connection.execute(registration.delete())


@pytest.fixture
def due(database: Database) -> Callable[[], None]:
    """Makes all entries due, as time does."""

    def make_due() -> None:
        with database.begin() as connection:
            connection.execute(update(registration).values(next_attempt_time=func.now()))

    return make_due


def state(tenant: Tenant, item: Item) -> RegistrationState:
    """What the catalog says of the item's registration."""
    return tenant.catalog.items(tenant.tenant_id, [item.item_id])[0].registration.state


class TestTheFirstAttempt:
    @asynchronously
    async def test_tells_the_ledger_and_settles_the_entry(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar
    ) -> None:
        item = tenant.item(tracking=Tracking.LOT)
        registered = await registrar.attempt(tenant.tenant_id, item)
        assert ledger.told == [(tenant.tenant_id, Facts(item.item_id, 1, LOT, archived=False))]
        assert registered.registration.state is RegistrationState.DONE
        assert tenant.entries() == {}

    @asynchronously
    async def test_tells_the_ledger_that_an_item_is_archived_from_the_first(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar
    ) -> None:
        item = tenant.item(tracking=Tracking.LOT, state=ItemState.ARCHIVED)
        await registrar.attempt(tenant.tenant_id, item)
        assert ledger.told == [(tenant.tenant_id, Facts(item.item_id, 1, LOT, archived=True))]

    @asynchronously
    async def test_leaves_the_entry_while_the_ledger_is_away(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar
    ) -> None:
        ledger.answer = AWAY
        item = tenant.item()
        assert await registrar.attempt(tenant.tenant_id, item) == item
        assert tenant.entries() == {item.item_id: 1}

    @asynchronously
    async def test_is_not_waited_for_when_the_ledger_hangs(
        self, tenant: Tenant, ledger: Ledger, database: Database
    ) -> None:
        ledger.hangs = True
        item = tenant.item()
        with ThreadPoolExecutor(4) as workers:
            hasty = Registrar(ledger, database, workers, replace(PACE, wait_s=0.05))
            assert await hasty.attempt(tenant.tenant_id, item) == item
            await hasty.close()

    @asynchronously
    async def test_parks_what_the_ledger_refuses(self, tenant: Tenant, ledger: Ledger, registrar: Registrar) -> None:
        ledger.answer = HAS_STOCK
        item = await registrar.attempt(tenant.tenant_id, tenant.item())
        assert item.registration.state is RegistrationState.REFUSED
        assert (item.registration.reason, item.registration.message) == ("ITEM_HAS_STOCK", "it has been stocked")
        assert tenant.catalog.items(tenant.tenant_id, [item.item_id])[0] == item

    @asynchronously
    async def test_is_made_for_nothing_that_is_done(self, tenant: Tenant, ledger: Ledger, registrar: Registrar) -> None:
        item = await registrar.attempt(tenant.tenant_id, tenant.item())
        assert await registrar.attempt(tenant.tenant_id, item) == item
        assert len(ledger.told) == 1

    @asynchronously
    async def test_does_not_settle_what_was_changed_meanwhile(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar
    ) -> None:
        item = tenant.item()
        ledger.before_answering = lambda: tenant.archive(item)
        await registrar.attempt(tenant.tenant_id, item)
        assert tenant.entries() == {item.item_id: 2}

    @asynchronously
    async def test_of_an_older_version_parks_nothing_that_is_newer(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar
    ) -> None:
        item = tenant.item()
        ledger.answer, ledger.before_answering = HAS_STOCK, lambda: tenant.archive(item)
        await registrar.attempt(tenant.tenant_id, item)
        assert state(tenant, item) is RegistrationState.PENDING


class TestSweeps:
    @asynchronously
    async def test_carry_over_what_is_due_in_as_many_turns_as_it_takes(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar, due: Callable[[], None]
    ) -> None:
        items = [tenant.item() for _ in range(5)]
        due()
        assert await registrar.sweep() is True
        assert await registrar.sweep() is False
        assert {facts.item_id for _, facts in ledger.told} == {item.item_id for item in items}
        assert tenant.entries() == {}

    @asynchronously
    async def test_leave_a_new_entry_to_whoever_made_it(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar
    ) -> None:
        tenant.item()
        await registrar.sweep()
        assert ledger.told == []

    @asynchronously
    async def test_tell_the_newest_version(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar, due: Callable[[], None]
    ) -> None:
        archived = tenant.archive(tenant.item(unit_cost=UnitCost("USD", Decimal("2.5"))))
        due()
        await registrar.sweep()
        assert ledger.told == [(tenant.tenant_id, archived.facts)]
        assert tenant.entries() == {}

    @asynchronously
    async def test_try_again_while_the_ledger_is_away_but_not_at_once(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar, due: Callable[[], None]
    ) -> None:
        items = [tenant.item() for _ in range(3)]
        due()
        ledger.answer = AWAY
        assert await registrar.sweep() is False
        ledger.answer = None
        due()
        assert await registrar.sweep() is True
        assert len(ledger.told) == 2 * len(items)
        assert tenant.entries() == {}

    @asynchronously
    async def test_a_refused_item_blocks_no_other_and_is_left_alone(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar, due: Callable[[], None]
    ) -> None:
        refused = tenant.item()
        due()
        ledger.answer = MALFORMED
        await registrar.sweep()
        assert state(tenant, refused) is RegistrationState.REFUSED
        ledger.answer = None
        other = tenant.item()
        due()
        await registrar.sweep()
        assert state(tenant, other) is RegistrationState.DONE
        assert [facts.item_id for _, facts in ledger.told] == [refused.item_id, other.item_id]

    @asynchronously
    async def test_a_refused_item_is_told_again_when_it_has_changed(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar, due: Callable[[], None]
    ) -> None:
        item = tenant.item()
        ledger.answer = HAS_STOCK
        await registrar.attempt(tenant.tenant_id, item)
        renamed = tenant.update(item, name="Mouse")
        assert renamed.registration.state is RegistrationState.REFUSED
        mended = tenant.update(
            renamed, approved=replace(renamed.facts, version=renamed.version + 1, counting=LOT), tracking=Tracking.LOT
        )
        assert mended.registration.state is RegistrationState.PENDING
        ledger.answer = None
        due()
        await registrar.sweep()
        assert state(tenant, item) is RegistrationState.DONE

    @asynchronously
    async def test_two_at_once_share_what_is_due(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar, database: Database, due: Callable[[], None]
    ) -> None:
        items = [tenant.item() for _ in range(6)]
        due()
        with ThreadPoolExecutor(4) as workers:
            other = Registrar(ledger, database, workers, PACE)
            await asyncio.gather(registrar.sweep(), other.sweep())
        assert sorted(facts.item_id for _, facts in ledger.told) == [item.item_id for item in items]
        assert tenant.entries() == {}

    @asynchronously
    async def test_one_that_fails_is_followed_by_another(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar, due: Callable[[], None]
    ) -> None:
        tenant.item()
        due()
        ledger.answer = ZeroDivisionError()
        sweeping = asyncio.create_task(registrar.sweep_forever())
        assert await asyncio.to_thread(eventually, lambda: bool(ledger.told))
        ledger.answer = None
        due()
        assert await asyncio.to_thread(eventually, lambda: tenant.entries() == {})
        sweeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sweeping


def test_the_pause_before_an_attempt_grows_up_to_its_bound(tenant: Tenant, database: Database) -> None:
    item = tenant.item()
    with database.begin() as connection:
        outbox.postpone(connection, Entry(tenant.tenant_id, item.facts), timedelta(seconds=0))
        (first,) = outbox.lease(connection, 1, timedelta(seconds=0))
        (second,) = outbox.lease(connection, 1, timedelta(seconds=30))
        assert (first.attempts, second.attempts) == (1, 2)
        assert outbox.lease(connection, 1, timedelta(seconds=30)) == []


def test_no_more_entries_are_taken_than_were_asked_for_however_the_database_plans_it(
    tenant: Tenant, database: Database, due: Callable[[], None]
) -> None:
    for _ in range(5):
        tenant.item()
    due()
    with database.begin() as connection:
        for plan in ("hashjoin", "mergejoin", "material", "hashagg", "sort"):
            connection.execute(text(f"SET LOCAL enable_{plan} = off"))
        assert len(outbox.lease(connection, 2, timedelta(seconds=30))) == 2


def test_an_entry_is_not_left_alone_for_as_long_as_the_clock_was_turned_back(
    tenant: Tenant, database: Database
) -> None:
    item = tenant.item()
    with database.begin() as connection:
        outbox.postpone(connection, Entry(tenant.tenant_id, item.facts), timedelta(hours=1))
        (entry,) = outbox.lease(connection, 1, timedelta(seconds=30))
        assert entry.facts == item.facts
        assert outbox.lease(connection, 1, timedelta(seconds=30)) == []


class TestAsking:
    @asynchronously
    async def test_comes_before_the_change(self, tenant: Tenant, ledger: Ledger, registrar: Registrar) -> None:
        item = tenant.item()
        changed = await registrar.approved(
            tenant.tenant_id,
            item.item_id,
            lambda approved: tenant.update(item, approved=approved, tracking=LOT.tracking),
        )
        assert ledger.asked == [(tenant.tenant_id, changed.facts)]
        assert changed.counting == LOT

    @asynchronously
    async def test_is_left_out_where_the_ledger_has_no_say(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar
    ) -> None:
        item = tenant.item()
        await registrar.approved(
            tenant.tenant_id, item.item_id, lambda approved: tenant.update(item, approved=approved, name="Mouse")
        )
        assert ledger.asked == []

    @pytest.mark.parametrize(
        ("answer", "refusal"), [(HAS_STOCK, ItemHasStock), (AWAY, LedgerAway), (MALFORMED, LedgerRefused)]
    )
    @asynchronously
    async def test_a_no_changes_nothing(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar, answer: Exception, refusal: type[Exception]
    ) -> None:
        ledger.answer = answer
        item = tenant.item()
        with pytest.raises(refusal):
            await registrar.approved(
                tenant.tenant_id,
                item.item_id,
                lambda approved: tenant.update(item, approved=approved, tracking=LOT.tracking),
            )
        assert tenant.catalog.items(tenant.tenant_id, [item.item_id])[0] == item

    @asynchronously
    async def test_ends_when_others_change_the_item_each_time(
        self, tenant: Tenant, ledger: Ledger, registrar: Registrar
    ) -> None:
        item = tenant.item()
        scales = iter(range(1, 7))

        def update_another_way(approved: Facts | None) -> Item:
            return tenant.update(item, approved=approved, quantity_scale=next(scales))

        with pytest.raises(EtagMismatch):
            await registrar.approved(tenant.tenant_id, item.item_id, update_another_way)
        assert tenant.catalog.items(tenant.tenant_id, [item.item_id])[0] == item
