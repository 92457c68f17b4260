"""Applying batches on a real database: decisions, repeats, refusals, races with another process, and their cost."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import errors
from structlog.testing import capture_logs

from storekeeper_kit.coalescer import Postponed
from storekeeper_kit.database import Database
from storekeeper_kit.refusals import Unavailable
from storekeeper_stockledger import batch
from storekeeper_stockledger import ledger as ledger_module
from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain import decide as domain_decide
from storekeeper_stockledger.domain.costs import CostMethod, UnitCost
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.operations import (
    AddStock,
    AllOrNone,
    ItemAtLocation,
    Operation,
    RemoveStock,
    StockedItemId,
)
from storekeeper_stockledger.domain.refusals import (
    ChangeRefused,
    InsufficientStock,
    ItemNotFound,
    PositionNotFound,
    RequestIdReused,
    SerialNumberInStock,
    StockedItemNotFound,
    TooManyStockedItems,
)
from storekeeper_stockledger.storage import loading
from storekeeper_stockledger.storage.loading import ORDINARY
from storekeeper_stockledger.storage.recording import Recording
from storekeeper_stockledger.storage.selecting import Bounds
from storekeeper_stockledger.storage.single import FIRST
from tests.harness.databases import LedgerDatabase
from tests.harness.garbage import no_frames_left
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import TIMEOUT_S, Tenant, accepted, deadline, drawn, request_id, submission
from tests.stockledger.verbs import adding, counting, expecting, removing, taking, transferring

LONG_AGO = datetime(2019, 1, 1, tzinfo=UTC)
UNLUCKY = Decimal(13)
SEED = 20261121


def dollars(value: str) -> UnitCost:
    return UnitCost("USD", Decimal(value))


def before_it_records(monkeypatch: pytest.MonkeyPatch, *interruptions: Callable[[], object]) -> None:
    """Let these happen, one each time, when a batch is decided and about to be written."""
    waiting = list(interruptions)
    finish = Recording.finish

    def interrupted(*args: Any) -> Any:
        if waiting:
            waiting.pop(0)()
        return finish(*args)

    monkeypatch.setattr(Recording, "finish", interrupted)


class TestWhatIsLeft:
    """A refusal must not keep what was loaded for its batch until the collector comes."""

    def test_nothing_is_left_of_a_refused_operation(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        asked = [removing(position_id, 6), taking(10**9), removing(position_id, 1)]
        with no_frames_left():
            became = [type(outcome) for outcome in tenant.ask(*asked)]
        assert became == [InsufficientStock, StockedItemNotFound, Recorded]

    def test_nothing_is_left_of_operations_that_are_refused_together(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        with no_frames_left():
            became = type(tenant.apply_together(removing(position_id, 1), removing(position_id, 6)))
        assert became is ChangeRefused


class TestOperations:
    def test_the_oldest_units_go_first_across_stocked_items(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        first, second, third, _ = tenant.stock(position_id, (5, 10, 20, 5))
        assert drawn(tenant.carry_out(removing(position_id, 20))) == [(first, 5), (second, 10), (third, 5)]
        assert tenant.layers(position_id) == [0, 0, 15, 5]

    def test_a_back_dated_addition_is_first_in_line_from_then_on(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        (recent,) = tenant.stock(position_id, [5])
        tenant.carry_out(removing(position_id, 1))
        (older,) = tenant.stock(position_id, [3], first=LONG_AGO)
        assert drawn(tenant.carry_out(removing(position_id, 5))) == [(older, 3), (recent, 2)]

    def test_units_can_have_come_in_any_year(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        ancient = datetime.min.replace(tzinfo=UTC)
        (stocked_item_id,) = tenant.stock(position_id, [1], first=ancient)
        assert tenant.stocked_items(position_id)[0].receive_time == ancient
        assert drawn(tenant.carry_out(removing(position_id, 1))) == [(stocked_item_id, 1)]

    @pytest.mark.parametrize("text", ['"', "\\", "{}", "NULL", "a,b", "'; --", "line\nline\ttab", " ", "grüß 🪿"])
    def test_texts_come_back_as_they_were_given(self, tenant: Tenant, text: str) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.LOT)
        given = tenant.carry_out(adding(position_id, lot=text, reason=text, reference=text)).movements[0]
        (stored,) = tenant.stocked_items(position_id)
        assert (given.reason, given.reference, stored.lot) == (text, text, text)

    @pytest.mark.parametrize("text", ['"', "\\", "{}", "NULL", "a,b", "line\nline\ttab", "grüß 🪿", "\u2028"])
    def test_what_vendors_know_comes_back_as_it_was_given(self, tenant: Tenant, text: str) -> None:
        """Also beside additions that have nothing of the kind, in one batch."""
        (position_id,) = tenant.positions()
        known = {"autotask": {text: [text, {"exact": Decimal("0.10"), "many": 2**53 + 1, "no": None}]}, "saasu": {}}
        tenant.apply(
            submission(adding(position_id)),
            submission(adding(position_id, extensions=known)),
            submission(adding(position_id, extensions={"saasu": {}})),
        )
        stored = [one.extensions for one in tenant.stocked_items(position_id)]
        assert stored == [{}, known, {"saasu": {}}]
        assert str(stored[1]["autotask"][text][1]["exact"]) == "0.10"

    def test_the_average_counts_units_on_hand_of_known_cost(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        for quantity, cost in ((2, dollars("10")), (1, dollars("40")), (5, None)):
            tenant.carry_out(adding(position_id, quantity, cost=cost))
        tenant.carry_out(removing(position_id, 1))
        tenant.carry_out(adding(position_id, cost=CostMethod.AVERAGE))
        assert tenant.stocked_items(position_id)[-1].unit_cost == 25

    def test_the_last_received_cost_is_that_of_the_newest_units_though_they_are_gone(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.carry_out(adding(position_id, cost=dollars("10"), receive_time=LONG_AGO))
        tenant.carry_out(adding(position_id, cost=dollars("40"), receive_time=LONG_AGO + timedelta(days=1)))
        tenant.carry_out(removing(position_id, 2))
        for method in CostMethod:
            tenant.carry_out(adding(position_id, cost=method, receive_time=LONG_AGO))
        costs = {one.stocked_item_id: one.unit_cost for one in tenant.stocked_items(position_id)}
        assert [costs[stocked_item_id] for stocked_item_id in sorted(costs)] == [10, 40, 40, 40]

    def test_stock_of_another_tenant_is_not_there(self, tenant: Tenant, database: Database) -> None:
        (position_id,) = tenant.positions()
        (stocked_item_id,) = tenant.stock(position_id, [5])
        stranger = Tenant(database)
        outcomes = stranger.apply(
            submission(removing(position_id)),
            submission(taking(stocked_item_id)),
            submission(adding(position_id)),
            submission(RemoveStock(source=ItemAtLocation(1, 1), quantity=Decimal(1))),
        )
        assert [type(outcome) for outcome in outcomes] == [
            PositionNotFound,
            StockedItemNotFound,
            PositionNotFound,
            ItemNotFound,
        ]
        assert tenant.layers(position_id) == [5]


class TestInsideABatch:
    def test_lines_that_ask_for_the_same_last_unit_get_it_once(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1])
        first, second = tenant.apply(submission(removing(position_id)), submission(removing(position_id)))
        assert isinstance(first, Recorded)
        assert isinstance(second, InsufficientStock)

    def test_a_refusal_drops_only_itself(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        outcomes = tenant.apply(*(submission(removing(position_id, quantity)) for quantity in (2, 4, 3)))
        assert [isinstance(outcome, Recorded) for outcome in outcomes] == [True, False, True]
        assert tenant.layers(position_id) == [0]

    def test_later_lines_see_what_earlier_ones_added(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1])
        added, removed = accepted(
            tenant.apply(submission(adding(position_id, 4)), submission(removing(position_id, 5)))
        )
        assert [units for _, units in drawn(removed)] == [1, 4]
        assert drawn(removed)[1][0] == drawn(added)[0][0]

    def test_named_units_are_gone_for_those_who_take_the_oldest(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        first, second, third = tenant.stock(position_id, (2, 2, 2))
        _, removed = accepted(tenant.apply(submission(taking(second, 2)), submission(removing(position_id, 3))))
        assert drawn(removed) == [(first, 2), (third, 1)]

    def test_a_serial_unit_can_leave_and_come_back(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        (left,) = tenant.bring(adding(position_id, serial_number="A1"))
        with capture_logs() as logs:
            _, back = tenant.bring(taking(left), adding(position_id, serial_number="A1"))
        assert back > left
        assert logs == []

    def test_ids_rise_with_the_order_of_additions(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        ids = tenant.stock(position_id, range(1, 50))
        assert ids == sorted(ids)
        assert tenant.layers(position_id) == list(range(1, 50))

    def test_what_is_refused_together_leaves_nothing_where_a_position_is_still_to_be_opened(
        self, tenant: Tenant
    ) -> None:
        here, there = tenant.location("Here"), tenant.location("There")
        position_id = tenant.position(tenant.item(1).item_id, here)
        tenant.stock(position_id, [5])
        pair = ItemAtLocation(1, there)
        together = AllOrNone(
            (
                submission(expecting(pair, 7)),
                submission(transferring(position_id, there, 2)),
                submission(removing(position_id, 9)),
            )
        )
        after = submission(transferring(position_id, there, 1))
        refused, transferred = tenant.ledger.apply(tenant.tenant_id, [together, after], deadline())
        assert isinstance(refused, ChangeRefused)
        (recorded,) = accepted([transferred])
        totals = recorded.movements[-1].position_after
        assert (totals.available, totals.on_order) == (Decimal(1), Decimal())

    def test_a_unit_that_came_after_it_was_counted_is_in_stock_already(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        counted_at = datetime.now(UTC) - timedelta(minutes=1)
        (unit,) = tenant.bring(adding(position_id, serial_number="A1"))
        (refusal,) = tenant.ask(counting(StockedItemId(unit), 1, count_time=counted_at))
        assert isinstance(refusal, SerialNumberInStock)
        assert refusal.stocked_item_id == unit


class TestLongLines:
    """A position of more stocked items than are read at once."""

    def test_removals_go_as_far_as_they_must(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        ids = tenant.stock(position_id, [1] * 1100)
        # One reads page after page; the others, in a batch, go on where the one before them ended.
        recorded = accepted(
            tenant.apply(*(submission(removing(position_id, quantity)) for quantity in (999, 1, 50, 50)))
        )
        assert [draw for one in recorded for draw in drawn(one)] == [(stocked_item_id, 1) for stocked_item_id in ids]
        assert recorded[-1].movements[-1].position_after.on_hand == 0

    def test_a_removal_has_a_bound_and_tells_how_far_it_reaches(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 1001)
        refused, carried_out = tenant.apply(
            submission(removing(position_id, 1001)), submission(removing(position_id, 1000))
        )
        assert isinstance(refused, TooManyStockedItems)
        assert refused.covered == 1000
        assert isinstance(carried_out, Recorded)

    def test_many_wide_removals_at_once_are_carried_out_in_batches_of_a_bounded_size(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 4000)
        wide = [submission(removing(position_id, 800)) for _ in range(5)]
        applied = tenant.ledger.apply(tenant.tenant_id, wide, deadline())
        assert [isinstance(outcome, Postponed) for outcome in applied] == [False, True, True, True, True]
        recorded = accepted(tenant.apply(*wide))
        assert [len(one.movements) for one in recorded] == [800] * 5
        assert recorded[0].replayed

    def test_what_needs_more_than_a_page_is_decided_alone_when_those_before_it_are_recorded(
        self, tenant: Tenant
    ) -> None:
        (position_id,) = tenant.positions()
        ids = tenant.stock(position_id, [1] * (ORDINARY.page + 20))
        asked = [submission(removing(position_id, quantity)) for quantity in (10, ORDINARY.page + 1, 9)]
        applied = tenant.ledger.apply(tenant.tenant_id, asked, deadline())
        assert [isinstance(outcome, Postponed) for outcome in applied] == [False, True, True]
        applied = tenant.ledger.apply(tenant.tenant_id, asked[1:], deadline())
        assert [isinstance(outcome, Postponed) for outcome in applied] == [False, True]
        recorded = accepted(tenant.apply(*asked))
        assert [stocked_item_id for one in recorded for stocked_item_id, _ in drawn(one)] == ids

    @pytest.mark.parametrize(("page_size", "pages_size"), [(3, 4096), (256, 5), (3, 7)])
    def test_pages_of_any_size_give_the_same_draws(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, page_size: int, pages_size: int
    ) -> None:
        monkeypatch.setattr(loading, "ORDINARY", Bounds(page_size, pages_size))
        chance = random.Random(SEED)
        positions = tenant.positions(4)
        shelves = {position_id: self.stocked(tenant, position_id, chance) for position_id in positions}
        while any(shelves.values()):
            asked = [(chance.choice(positions), chance.randint(1, 12)) for _ in range(chance.randint(1, 6))]
            outcomes = tenant.apply(*(submission(removing(*one)) for one in asked))
            for (position_id, quantity), outcome in zip(asked, outcomes, strict=True):
                units = shelves[position_id]
                taken = Counter(units.pop(0) for _ in range(quantity)) if quantity <= len(units) else None
                told = dict(drawn(outcome)) if isinstance(outcome, Recorded) else None
                assert told == taken, f"seed {SEED}"

    def stocked(self, tenant: Tenant, position_id: int, chance: random.Random) -> list[int]:
        """Stock a position with layers of chance; each unit of it, by the stocked item it is in, oldest first."""
        quantities = [chance.randint(1, 5) for _ in range(chance.randint(1, 20))]
        ids = tenant.stock(position_id, quantities)
        return [stocked_item_id for stocked_item_id, units in zip(ids, quantities, strict=True) for _ in range(units)]


class TestCost:
    """Set-based statements: their number depends on neither lines nor draws."""

    @pytest.mark.parametrize("draws", [1, 250])
    def test_a_removal_takes_at_most_12_statements_whatever_it_draws_on(
        self, tenant: Tenant, statements: list[str], draws: int
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 300)
        statements.clear()
        assert len(tenant.carry_out(removing(position_id, draws)).movements) == draws
        assert len(statements) <= 12

    def test_an_addition_takes_at_most_12_statements_whatever_it_needs_to_know(
        self, tenant: Tenant, statements: list[str]
    ) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        tenant.carry_out(adding(position_id, serial_number="A1", cost=dollars("1")))
        statements.clear()
        tenant.carry_out(adding(position_id, serial_number="A2", cost=CostMethod.AVERAGE))
        assert len(statements) <= 12

    def test_a_repeat_takes_at_most_12_statements(self, tenant: Tenant, statements: list[str]) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 300)
        once = submission(removing(position_id, 250))
        tenant.apply(once)
        statements.clear()
        assert len(accepted(tenant.apply(once))[0].movements) == 250
        assert len(statements) <= 12

    def test_a_full_batch_takes_two_more_statements_than_a_few_lines_do(
        self, tenant: Tenant, statements: list[str]
    ) -> None:
        positions = tenant.positions(20)
        accepted(tenant.apply(*(submission(adding(position_id, 1)) for position_id in positions)))
        counts = []
        for lines in (40, 1000):
            operations: list[Operation] = []
            for number in range(lines // 2):
                position_id = positions[number % len(positions)]
                operations += [adding(position_id, 2), removing(position_id, 1)]
            statements.clear()
            accepted(tenant.apply(*map(submission, operations)))
            counts.append(len(statements))
        assert counts[0] + 2 == counts[1] <= 12

    def test_a_line_is_read_as_often_as_it_has_to_be(self, tenant: Tenant, statements: list[str]) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 2 * (ORDINARY.page + 500))
        counts = []
        for draws in (FIRST.page, FIRST.page + 1, ORDINARY.page, ORDINARY.page + 1, ORDINARY.page + 500):
            statements.clear()
            tenant.carry_out(removing(position_id, draws))
            counts.append((sum("FROM stocked_item line" in one for one in statements), len(statements)))
        assert [reads for reads, _ in counts] == [1, 2, 2, 3, 3]
        assert counts[0][1] == len(["BEGIN", "lock", "read", "record", "COMMIT"])
        assert max(sent for _, sent in counts) <= 13


class TestRepeats:
    def test_a_repeat_is_answered_as_the_first_was_and_changes_nothing(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, (3, 3))
        once = submission(removing(position_id, 5))
        (first,) = accepted(tenant.apply(once))
        before = dump()
        (again,) = accepted(tenant.apply(once))
        assert (first.replayed, again.replayed) == (False, True)
        assert again.movements == first.movements
        assert dump() == before

    def test_a_repeat_is_known_for_ever(self, tenant: Tenant, another_process: Tenant) -> None:
        """Whatever happened since, to whichever process it comes, and though it could not be carried out any more."""
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        once = submission(removing(position_id, 3))
        (first,) = accepted(tenant.apply(once))
        tenant.carry_out(removing(position_id, 2))
        for _ in range(10):
            tenant.stock(position_id, [1], first=LONG_AGO)
        (again,) = accepted(another_process.apply(once))
        assert again.movements == first.movements

    def test_twins_in_one_batch_happen_once(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        twin = submission(removing(position_id, 4))
        first, second, third = accepted(tenant.apply(twin, twin, twin))
        assert [one.replayed for one in (first, second, third)] == [False, True, True]
        assert first.movements == second.movements == third.movements
        assert tenant.layers(position_id) == [1]

    def test_a_twin_of_a_refused_one_is_decided_afresh(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        twin = submission(removing(position_id, 4))
        refused, _, carried_out = tenant.apply(twin, submission(adding(position_id, 4)), twin)
        assert isinstance(refused, InsufficientStock)
        assert isinstance(carried_out, Recorded)
        assert not carried_out.replayed

    def test_a_refused_request_leaves_its_id_free(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        under = request_id()
        assert isinstance(tenant.apply(submission(removing(position_id, 4), under=under))[0], InsufficientStock)
        accepted(tenant.apply(submission(adding(position_id, 4), under=under)))

    @pytest.mark.parametrize("together", [True, False])
    def test_an_id_with_other_contents_is_refused(self, tenant: Tenant, dump: Dump, together: bool) -> None:
        (position_id,) = tenant.positions()
        under = request_id()
        first, others = adding(position_id, 4), (adding(position_id, 5), removing(position_id, 4))
        if together:
            outcomes = tenant.apply(*(submission(operation, under=under) for operation in (first, *others)))[1:]
        else:
            accepted(tenant.apply(submission(first, under=under)))
            before = dump()
            outcomes = [tenant.apply(submission(operation, under=under))[0] for operation in others]
            assert dump() == before
        assert [type(outcome) for outcome in outcomes] == [RequestIdReused, RequestIdReused]
        assert tenant.layers(position_id) == [4]

    def test_ids_are_a_tenants_own(self, tenant: Tenant, database: Database) -> None:
        other = Tenant(database)
        under = request_id()
        for one in (tenant, other):
            (position_id,) = one.positions()
            (recorded,) = accepted(one.apply(submission(adding(position_id, one.tenant_id), under=under)))
            assert not recorded.replayed


class TestPreviews:
    def test_use_up_no_ids(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        (first,) = tenant.bring(adding(position_id, 1))
        accepted(tenant.apply(submission(adding(position_id, 1), validate_only=True)))
        assert tenant.bring(adding(position_id, 1)) == [first + 1]

    def test_a_preview_tells_what_would_happen_and_changes_nothing(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        first, second = tenant.stock(position_id, (3, 3))
        before = dump()
        asked = submission(removing(position_id, 5), validate_only=True)
        removal, addition, refused = tenant.apply(
            asked,
            submission(adding(position_id, 4, cost=dollars("1.50")), validate_only=True),
            submission(removing(position_id, 7), validate_only=True),
        )
        assert isinstance(removal, Recorded)
        assert isinstance(addition, Recorded)
        assert drawn(removal) == [(first, 3), (second, 2)]
        assert addition.movements[0].amount == 6
        assert addition.movements[0].position_after.available == 10
        assert isinstance(refused, InsufficientStock)
        assert {(one.movement_id, one.operation_id, one.record_time) for one in removal.movements} == {(0, 0, None)}
        assert dump() == before

    def test_a_preview_uses_no_request_id_up(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        under = request_id()
        accepted(tenant.apply(submission(removing(position_id, 5), under=under, validate_only=True)))
        (removed,) = accepted(tenant.apply(submission(removing(position_id, 4), under=under)))
        assert not removed.replayed

    def test_a_preview_under_a_used_id_still_previews(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        (stocked_item_id,) = tenant.stock(position_id, [5])
        once = submission(removing(position_id, 2))
        accepted(tenant.apply(once))
        preview = submission(once.operation, under=once.request_id, validate_only=True)
        (previewed,) = accepted(tenant.apply(preview))
        assert drawn(previewed) == [(stocked_item_id, 2)]
        assert previewed.movements[0].position_after.available == 1

    def test_a_preview_in_a_batch_is_of_its_moment_and_has_no_effect_on_the_next(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        outcomes = accepted(
            tenant.apply(
                submission(removing(position_id, 2)),
                submission(removing(position_id, 3), validate_only=True),
                submission(removing(position_id, 3)),
            )
        )
        assert [one.movements[0].position_after.available for one in outcomes] == [3, 0, 0]


class TestRefusals:
    def test_a_batch_of_refusals_leaves_no_trace(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        (stocked_item_id,) = tenant.stock(position_id, [5])
        before = dump()
        refused: list[Operation] = [
            removing(position_id, 6),
            taking(stocked_item_id, 6),
            adding(position_id, lot="L1"),
            adding(position_id, cost=CostMethod.AVERAGE),
            removing(position_id + 1000),
            AddStock(target=ItemAtLocation(99, 99), quantity=Decimal(1)),
        ]
        outcomes = tenant.apply(*map(submission, refused))
        assert not any(isinstance(outcome, Recorded) for outcome in outcomes)
        assert dump() == before

    def test_a_refusal_beside_others_leaves_no_trace_of_its_own(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        refused = submission(removing(position_id, 6))
        tenant.apply(submission(adding(position_id, 5)), refused, submission(removing(position_id, 1)))
        movements = [movement.request_id for movement in tenant.movements()]
        assert len(movements) == 2
        assert refused.request_id not in movements


class TestRacesWithAnotherProcess:
    @pytest.mark.parametrize("alone", [True, False])
    def test_a_serial_number_is_taken_in_once(
        self, tenant: Tenant, another_process: Tenant, monkeypatch: pytest.MonkeyPatch, alone: bool
    ) -> None:
        first, second = tenant.location("first"), tenant.location("second")
        serial_id, plain_id = tenant.item(1, tracking=Tracking.SERIAL).item_id, tenant.item(2).item_id
        here, there = tenant.position(serial_id, first), tenant.position(serial_id, second)
        plain = tenant.position(plain_id, first)
        before_it_records(monkeypatch, lambda: another_process.carry_out(adding(there, serial_number="A1")))
        late = submission(adding(here, serial_number="A1"))
        if alone:
            (outcome,) = tenant.apply(late)
        else:
            before, outcome, after = tenant.apply(submission(adding(plain, 1)), late, submission(adding(plain, 2)))
            accepted([before, after])
        assert isinstance(outcome, SerialNumberInStock)
        assert tenant.layers(here) == []

    def test_a_request_id_is_used_once(
        self, tenant: Tenant, another_process: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here, there = tenant.positions(2)
        under = request_id()
        before_it_records(monkeypatch, lambda: another_process.apply(submission(adding(there), under=under)))
        beside, reused = tenant.apply(submission(adding(here)), submission(adding(here), under=under))
        assert isinstance(reused, RequestIdReused)
        assert isinstance(beside, Recorded)
        assert tenant.layers(here) == [1]

    def test_two_processes_never_draw_the_same_unit(self, tenant: Tenant, another_process: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 40)
        outcomes: list[Any] = []

        def remove(process: Tenant) -> None:
            for _ in range(25):
                outcomes.extend(process.apply(submission(removing(position_id))))

        threads = [threading.Thread(target=remove, args=(process,)) for process in (tenant, another_process)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        units = [drawn(outcome)[0][0] for outcome in outcomes if isinstance(outcome, Recorded)]
        assert len(units) == len(set(units)) == 40
        assert sum(isinstance(outcome, InsufficientStock) for outcome in outcomes) == 10


class TestTrouble:
    def test_an_error_of_the_database_hits_only_the_call_that_causes_it(
        self, tenant: Tenant, ledger_database: LedgerDatabase
    ) -> None:
        (position_id,) = tenant.positions()
        with self.forbidding(ledger_database), capture_logs() as logs:
            first, culprit, last = tenant.apply(
                *(submission(adding(position_id, quantity)) for quantity in (1, UNLUCKY, 2))
            )
        accepted([first, last])
        assert isinstance(culprit, errors.CheckViolation)
        assert tenant.layers(position_id) == [1, 2]
        assert [line["event"] for line in logs] == ["batch_taken_apart"]

    @contextmanager
    def forbidding(self, ledger_database: LedgerDatabase) -> Iterator[None]:
        """Inside the block no movement may be of an unlucky quantity."""
        with psycopg.connect(ledger_database.owner_url, autocommit=True) as owner:
            owner.execute(f"ALTER TABLE movement ADD CONSTRAINT unlucky CHECK (quantity <> {UNLUCKY}) NOT VALID")
            yield
            owner.execute("ALTER TABLE movement DROP CONSTRAINT unlucky")

    def test_a_defect_hits_only_the_call_that_causes_it(self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
        (position_id,) = tenant.positions()
        decide = domain_decide.decide

        def defective(operation: Operation, *args: Any, **kwargs: Any) -> Any:
            if isinstance(operation, AddStock) and operation.quantity == UNLUCKY:
                raise ZeroDivisionError
            return decide(operation, *args, **kwargs)

        monkeypatch.setattr(batch, "decide", defective)
        first, culprit, last = tenant.apply(*(submission(adding(position_id, units)) for units in (1, UNLUCKY, 2)))
        accepted([first, last])
        assert isinstance(culprit, ZeroDivisionError)
        assert tenant.layers(position_id) == [1, 2]

    @pytest.mark.parametrize(
        "conflict", [errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable]
    )
    def test_a_conflict_is_met_again_until_it_has_passed(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, conflict: type[psycopg.Error]
    ) -> None:
        (position_id,) = tenant.positions()

        def conflicting() -> None:
            raise conflict

        before_it_records(monkeypatch, conflicting, conflicting, conflicting)
        (recorded,) = accepted(tenant.apply(submission(adding(position_id))))
        assert not recorded.replayed
        assert tenant.layers(position_id) == [1]

    def test_a_commit_whose_answer_was_lost_is_found_recorded(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (position_id,) = tenant.positions()
        finish = Recording.finish
        losses = [1]

        def recorded_and_lost(*args: Any) -> Any:
            numbers = finish(*args)
            if losses:
                losses.pop()
                raise psycopg.OperationalError("the connection is lost")
            return numbers

        monkeypatch.setattr(Recording, "finish", recorded_and_lost)
        accepted(tenant.apply(submission(adding(position_id)), submission(adding(position_id, 2))))
        assert tenant.layers(position_id) == [1, 2]

    def test_a_lock_that_is_held_for_a_while_is_waited_for(
        self, tenant: Tenant, ledger_database: LedgerDatabase
    ) -> None:
        (position_id,) = tenant.positions()
        impatient = Database(ledger_database.service_url, lock_timeout_ms=50)
        patient = Tenant(impatient)
        patient.tenant_id = tenant.tenant_id
        with psycopg.connect(ledger_database.owner_url) as rival:
            rival.execute("SELECT FROM position WHERE tenant_id = %s FOR UPDATE", [tenant.tenant_id])
            release = threading.Timer(0.2, rival.rollback)
            release.start()
            accepted(patient.apply(submission(adding(position_id))))
            release.join()
        impatient.close()

    def test_a_lock_that_is_held_too_long_gives_the_lane_to_others(
        self, tenant: Tenant, ledger_database: LedgerDatabase
    ) -> None:
        (position_id,) = tenant.positions()
        impatient = Database(ledger_database.service_url, lock_timeout_ms=50)
        once = submission(adding(position_id))
        began = time.monotonic()
        with psycopg.connect(ledger_database.owner_url) as rival:
            rival.execute("SELECT FROM position WHERE tenant_id = %s FOR UPDATE", [tenant.tenant_id])
            (outcome,) = ledger_module.Ledger(impatient).apply(tenant.tenant_id, [once], deadline())
        impatient.close()
        assert isinstance(outcome, Postponed)
        assert time.monotonic() - began < TIMEOUT_S / 2
        (recorded,) = accepted(tenant.apply(once))
        assert not recorded.replayed

    def test_a_database_that_stays_away_is_told_before_the_callers_lose_patience(self) -> None:
        nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing")
        began = time.monotonic()
        (outcome,) = ledger_module.Ledger(nowhere).apply(1, [submission(adding(1))], deadline(10))
        nowhere.close()
        assert isinstance(outcome, Unavailable)
        assert time.monotonic() - began < 5
