"""Closing positions on a real database: what is left of them, repeats, and races with all that names them."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from storekeeper_stockledger.batch import Outcome, Recorded
from storekeeper_stockledger.domain.instants import PositionAsked
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.operations import AddStock, ClosePosition, ItemAtLocation, Operation, PositionId
from storekeeper_stockledger.domain.refusals import (
    CurrencyFrozen,
    InsufficientStock,
    PositionExists,
    PositionNotFound,
    ReasonRequired,
    RequestIdReused,
    TooManyStockedItems,
)
from storekeeper_stockledger.storage.listing import PositionFilter
from storekeeper_stockledger.storage.loading import ORDINARY
from storekeeper_stockledger.storage.recording import Recording
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import ALL, TIMEOUT_S, Tenant, accepted, claim, drawn, submission
from tests.stockledger.verbs import adding, closing, removing, taking

SEED = 20261122
AT_ONCE = 6
# Long enough for whoever doesn't wait to be done, even on a busy machine.
WAITING_S = 0.3


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as executor:
        yield executor


def close(tenant: Tenant, position_id: int) -> Outcome:
    """What becomes of closing a position."""
    (outcome,) = tenant.apply(submission(closing(position_id)))
    return outcome


def before_it_records(monkeypatch: pytest.MonkeyPatch, interruption: Callable[[], object]) -> None:
    """Let this happen once, when a batch is decided and about to be written."""
    waiting = [interruption]
    finish = Recording.finish

    def interrupted(*args: Any) -> Any:
        if waiting:
            waiting.pop()()
        return finish(*args)

    monkeypatch.setattr(Recording, "finish", interrupted)


def waits(future: Future[Any]) -> bool:
    """Whether a call is still waiting for somebody."""
    try:
        future.result(WAITING_S)
    except TimeoutError:
        return True
    return False


def is_open(tenant: Tenant, position_id: int) -> bool:
    """Whether the position is there, to be read by either of its names, and listed."""
    (found,) = tenant.reads.positions(tenant.tenant_id, [PositionAsked(PositionId(position_id))])
    listed = tenant.reads.positions_where(tenant.tenant_id, ALL, PositionFilter()).rows
    assert any(one.position_id == position_id for one in listed) is not isinstance(found, PositionNotFound)
    return not isinstance(found, PositionNotFound)


class TestWhatIsLeft:
    @pytest.mark.parametrize(
        ("tracking", "fields"),
        [(Tracking.NONE, {}), (Tracking.LOT, {"lot": "L1"}), (Tracking.SERIAL, {"serial_number": "A1"})],
    )
    def test_units_are_removed_and_the_position_is_gone(
        self, tenant: Tenant, tracking: Tracking, fields: dict[str, Any]
    ) -> None:
        (position_id,) = tenant.positions(tracking=tracking)
        added = tenant.carry_out(adding(position_id, 1, **fields)).movements[0]
        closed = tenant.carry_out(closing(position_id, reason="sold off"))
        assert drawn(closed) == [(added.stocked_item_id, 1)]
        assert [movement.reason for movement in closed.movements] == ["sold off"]
        assert not is_open(tenant, position_id)
        assert isinstance(close(tenant, position_id), PositionNotFound)
        with pytest.raises(PositionNotFound):
            tenant.update_position(position_id, bin="A1")

    def test_its_stocked_items_and_movements_stay_on_record(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        ids = tenant.stock(position_id, (3, 4))
        tenant.carry_out(closing(position_id))
        assert [one.stocked_item_id for one in tenant.stocked_items(position_id)] == ids
        assert tenant.stocked_items(position_id)[0].places.removed == 3
        assert [movement.quantity for movement in tenant.movements()] == [3, 4, 3, 4]
        (refused,) = tenant.apply(submission(taking(ids[0])))
        assert isinstance(refused, InsufficientStock)

    def test_a_position_without_units_is_closed_by_an_operation_without_movements(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.update_settings(reason_required=True)
        once = submission(closing(position_id))
        (closed,) = accepted(tenant.apply(once))
        assert closed.movements == ()
        assert not is_open(tenant, position_id)
        (again,) = accepted(tenant.apply(once))
        assert (again.movements, again.replayed) == ((), True)

    def test_the_pair_may_be_opened_again_as_a_new_position(self, tenant: Tenant) -> None:
        under = claim("open_position")
        item_id, location_id = tenant.item().item_id, tenant.location()
        first = tenant.open_position(item_id, location_id, under=under).resource.position_id
        tenant.stock(first, [5])
        tenant.carry_out(closing(first))
        second = tenant.position(item_id, location_id)
        assert second != first
        assert is_open(tenant, second)
        pair = AddStock(target=ItemAtLocation(item_id, location_id), quantity=adding(second, 2).quantity)
        assert tenant.carry_out(pair).movements[0].position_id == second
        repeated = tenant.open_position(item_id, location_id, under=under)
        assert (repeated.resource.position_id, repeated.replayed) == (first, True)
        assert tenant.layers(second) == [2]
        tenant.carry_out(closing(second))
        assert tenant.position(item_id, location_id) not in {first, second}

    def test_a_serial_number_may_come_in_elsewhere_in_the_same_batch(self, tenant: Tenant) -> None:
        first, second = (
            tenant.position(tenant.item(1, tracking=Tracking.SERIAL).item_id, tenant.location(name))
            for name in ("first", "second")
        )
        tenant.carry_out(adding(first, serial_number="A1"))
        accepted(tenant.apply(submission(closing(first)), submission(adding(second, serial_number="A1"))))
        assert tenant.layers(second) == [1]

    def test_the_currency_stays_frozen(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.carry_out(closing(position_id))
        with pytest.raises(CurrencyFrozen):
            tenant.update_settings(currency_code="EUR")

    def test_a_line_of_many_pages_is_removed_whole(self, tenant: Tenant) -> None:
        position_id, other_id = tenant.positions(2)
        for one in (position_id, other_id):
            tenant.stock(one, [1] * (ORDINARY.page + 10))
        closed = accepted(tenant.apply(submission(closing(position_id)), submission(closing(other_id))))
        assert [len(one.movements) for one in closed] == [ORDINARY.page + 10] * 2

    def test_a_line_that_is_too_long_for_one_call_stays(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 1001)
        before = dump()
        refused = close(tenant, position_id)
        assert isinstance(refused, TooManyStockedItems)
        assert refused.covered == 1000
        assert dump() == before
        tenant.carry_out(removing(position_id, 1))
        assert len(tenant.carry_out(closing(position_id)).movements) == 1000

    def test_units_do_not_go_without_the_reason_that_is_demanded(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1])
        tenant.update_settings(reason_required=True)
        before = dump()
        assert isinstance(close(tenant, position_id), ReasonRequired)
        assert dump() == before


class TestInsideABatch:
    def test_what_comes_after_it_finds_no_position(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        once = submission(closing(position_id))
        outcomes = tenant.apply(
            submission(adding(position_id, 2)),
            once,
            submission(adding(position_id)),
            submission(removing(position_id)),
            submission(closing(position_id)),
            once,
        )
        assert [type(outcome) for outcome in outcomes] == [
            Recorded, Recorded, PositionNotFound, PositionNotFound, PositionNotFound, Recorded,
        ]  # fmt: skip
        first, again = outcomes[1], outcomes[5]
        assert isinstance(first, Recorded)
        assert isinstance(again, Recorded)
        assert [units for _, units in drawn(first)] == [5, 2]
        assert (again.movements, again.replayed) == (first.movements, True)

    def test_empty_closings_stand_between_others(self, tenant: Tenant) -> None:
        first, second, third = tenant.positions(3)
        recorded = accepted(
            tenant.apply(
                submission(closing(first)), submission(adding(second, 3)), submission(closing(third)),
                submission(closing(second)),
            )
        )  # fmt: skip
        assert [len(one.movements) for one in recorded] == [0, 1, 0, 1]
        assert [movement.operation_id for one in recorded for movement in one.movements] == [6, 8]


class TestRepeats:
    def test_a_repeat_is_answered_as_the_first_was_and_changes_nothing(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, (3, 3))
        once = submission(closing(position_id))
        (first,) = accepted(tenant.apply(once))
        before = dump()
        (again,) = accepted(tenant.apply(once))
        assert (again.movements, again.replayed) == (first.movements, True)
        assert dump() == before

    def test_a_repeat_leaves_the_position_that_came_after_it(self, tenant: Tenant) -> None:
        item_id, location_id = tenant.item().item_id, tenant.location()
        once = submission(closing(tenant.position(item_id, location_id)))
        accepted(tenant.apply(once))
        second = tenant.position(item_id, location_id)
        accepted(tenant.apply(once))
        assert is_open(tenant, second)

    def test_its_request_id_closes_nothing_else(self, tenant: Tenant) -> None:
        first, second = tenant.positions(2)
        once = submission(closing(first))
        accepted(tenant.apply(once))
        (refused,) = tenant.apply(submission(closing(second), under=once.request_id))
        assert isinstance(refused, RequestIdReused)
        assert is_open(tenant, second)


class TestRaces:
    def test_of_two_closings_at_once_one_succeeds(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        callers = [tenant, another_process] * (AT_ONCE // 2)
        outcomes = list(threads.map(partial(close, position_id=position_id), callers))
        assert Counter(type(outcome) for outcome in outcomes) == {Recorded: 1, PositionNotFound: AT_ONCE - 1}

    def test_twins_at_once_close_it_once(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        once = submission(closing(position_id))
        callers = [tenant, another_process] * (AT_ONCE // 2)
        recorded = [accepted(outcomes)[0] for outcomes in threads.map(lambda one: one.apply(once), callers)]
        assert sorted(one.replayed for one in recorded) == [False] + [True] * (AT_ONCE - 1)
        assert len({one.movements for one in recorded}) == 1

    @pytest.mark.parametrize("named_by_pair", [False, True])
    def test_an_addition_waits_for_it_and_finds_nothing(
        self,
        tenant: Tenant,
        another_process: Tenant,
        threads: ThreadPoolExecutor,
        monkeypatch: pytest.MonkeyPatch,
        named_by_pair: bool,
    ) -> None:
        item_id, location_id = tenant.item().item_id, tenant.location()
        position_id = tenant.position(item_id, location_id)
        target = ItemAtLocation(item_id, location_id) if named_by_pair else PositionId(position_id)
        addition = submission(AddStock(target=target, quantity=adding(position_id).quantity))
        additions: list[Future[list[Outcome]]] = []

        def adding_meanwhile() -> None:
            additions.append(threads.submit(another_process.apply, addition))
            assert waits(additions[0])

        before_it_records(monkeypatch, adding_meanwhile)
        tenant.carry_out(closing(position_id))
        (refused,) = additions[0].result(TIMEOUT_S)
        assert isinstance(refused, PositionNotFound)

    def test_it_waits_for_an_addition_and_removes_those_units_too(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (position_id,) = tenant.positions()
        closings: list[Future[Outcome]] = []

        def closing_meanwhile() -> None:
            closings.append(threads.submit(close, another_process, position_id))
            assert waits(closings[0])

        before_it_records(monkeypatch, closing_meanwhile)
        (stocked_item_id,) = tenant.stock(position_id, [5])
        (closed,) = accepted([closings[0].result(TIMEOUT_S)])
        assert drawn(closed) == [(stocked_item_id, 5)]

    def test_while_it_is_under_way_the_pair_is_open(
        self, tenant: Tenant, another_process: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        item_id, location_id = tenant.item().item_id, tenant.location()
        position_id = tenant.position(item_id, location_id)

        def opening_meanwhile() -> None:
            with pytest.raises(PositionExists):
                another_process.open_position(item_id, location_id)

        before_it_records(monkeypatch, opening_meanwhile)
        tenant.carry_out(closing(position_id))
        assert another_process.position(item_id, location_id) != position_id

    def test_an_update_waits_for_it_and_finds_nothing(
        self, tenant: Tenant, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (position_id,) = tenant.positions()
        updates: list[Future[Any]] = []

        def updating_meanwhile() -> None:
            updates.append(threads.submit(tenant.update_position, position_id, bin="A1"))
            assert waits(updates[0])

        before_it_records(monkeypatch, updating_meanwhile)
        tenant.carry_out(closing(position_id))
        with pytest.raises(PositionNotFound):
            updates[0].result(TIMEOUT_S)

    def test_a_crowd_that_opens_adds_removes_and_closes_leaves_a_sound_journal(
        self, tenant: Tenant, another_process: Tenant, threads: ThreadPoolExecutor
    ) -> None:
        """What each was told adds up: the invariants are checked after every test."""
        item_id, location_id = tenant.item().item_id, tenant.location()
        crowd = [
            partial(take_part, one, item_id, location_id, random.Random(SEED + number))
            for number, one in enumerate([tenant, another_process] * (AT_ONCE // 2))
        ]
        told = sum((future.result(60) for future in [threads.submit(one) for one in crowd]), Counter[str]())
        stored = Counter(movement.kind.value for movement in tenant.movements())
        assert (told["added"], told["removed"]) == (stored["added"], stored["removed"]), f"seed {SEED}"
        assert told["opened"] - told["closed"] in {0, 1}
        assert told["closed"] > AT_ONCE


def take_part(tenant: Tenant, item_id: int, location_id: int, chance: random.Random) -> Counter[str]:
    """Do this and that with the position of a pair, whichever it is by then; tells what was done."""
    told: Counter[str] = Counter()
    for _ in range(40):
        try:
            position_id = tenant.position(item_id, location_id)
            told["opened"] += 1
        except PositionExists as refusal:
            position_id = refusal.position_id
        operations: list[Operation] = [
            adding(position_id, 1),
            adding(position_id, 3),
            removing(position_id, 2),
            closing(position_id),
        ]
        chance.shuffle(operations)
        asked = operations[:2]
        for operation, outcome in zip(asked, tenant.apply(*map(submission, asked)), strict=True):
            if isinstance(outcome, Recorded):
                told.update(movement.kind.value for movement in outcome.movements)
                told["closed"] += isinstance(operation, ClosePosition)
            else:
                assert isinstance(outcome, PositionNotFound | InsufficientStock), repr(outcome)
    return told
