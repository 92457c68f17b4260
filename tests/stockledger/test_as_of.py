"""Positions as they were: at every instant of a journal, whatever has happened since."""

import random
import time
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from storekeeper_stockledger.domain.instants import AfterMovement, AsOf, PositionAsked, RecordedBy
from storekeeper_stockledger.domain.operations import ItemAtLocation, PositionId
from storekeeper_stockledger.domain.records import Position
from storekeeper_stockledger.domain.refusals import PositionNotFound, WatchAhead
from storekeeper_stockledger.domain.stock import Totals
from storekeeper_stockledger.storage.fields import POSITION_THEN_ORDER
from storekeeper_stockledger.storage.instants import position_then
from storekeeper_stockledger.storage.listing import Page, PositionFilter
from tests.stockledger.tenant import ALL, Tenant, accepted, submission
from tests.stockledger.verbs import adding, closing, expecting, picking, receiving, removing, reserving

NOTHING = Totals()


def then(tenant: Tenant, *asked: tuple[int | ItemAtLocation, AsOf | None]) -> list[Totals | type[Exception]]:
    """The totals of positions as they were, asked for together; the kind of refusal where there is one."""
    names = [PositionAsked(PositionId(name) if isinstance(name, int) else name, as_of) for name, as_of in asked]
    answers = tenant.reads.positions(tenant.tenant_id, names)
    return [one.totals if isinstance(one, Position) else type(one) for one in answers]


def listed(tenant: Tenant, as_of: AsOf, **wanted: object) -> dict[int, Totals]:
    """The totals of the positions that are listed as they were."""
    asked = PositionFilter(as_of=as_of, **wanted)  # type: ignore[arg-type]
    return {one.position_id: one.totals for one in tenant.reads.positions_where(tenant.tenant_id, ALL, asked).rows}


@pytest.fixture
def busy(tenant: Tenant) -> Tenant:
    """A tenant with three positions, which much has happened at."""
    chance = random.Random(7)
    positions = tenant.positions(3)
    for _ in range(15):
        operations = [
            (adding if chance.random() < 0.6 else removing)(chance.choice(positions), chance.randint(1, 3))
            for _ in range(3)
        ]
        tenant.apply(*map(submission, operations))
    assert len(tenant.movements()) > 20
    return tenant


class TestInstants:
    def test_a_position_is_told_as_each_movement_left_it(self, busy: Tenant) -> None:
        held: defaultdict[int, Totals] = defaultdict(Totals)
        for movement in busy.movements():
            held[movement.position_id] = movement.position_after
            instant = AfterMovement(movement.movement_id)
            assert then(busy, *((one, instant) for one in held)) == list(held.values())

    def test_a_list_agrees_with_single_reads_at_every_instant(self, busy: Tenant) -> None:
        for movement in busy.movements():
            instant = AfterMovement(movement.movement_id)
            found = listed(busy, instant)
            assert then(busy, *((one, instant) for one in found)) == list(found.values())

    def test_a_time_is_the_instant_after_the_last_movement_that_was_recorded_by_then(self, busy: Tenant) -> None:
        movements = busy.movements()
        for movement, following in pairwise(movements):
            assert movement.record_time is not None
            assert following.record_time is not None
            if movement.record_time == following.record_time:
                continue
            instant = AfterMovement(movement.movement_id)
            for moment in (movement.record_time, following.record_time - timedelta(microseconds=1)):
                assert listed(busy, RecordedBy(moment)) == listed(busy, instant)

    def test_back_dated_stock_counts_from_when_it_was_recorded(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.carry_out(adding(position_id, 1))
        before = tenant.movements()[-1]
        assert before.record_time is not None
        tenant.carry_out(adding(position_id, 5, receive_time=before.record_time - timedelta(days=30)))
        assert then(tenant, (position_id, RecordedBy(before.record_time))) == [Totals(Decimal(1))]

    def test_what_was_on_order_and_promised_is_told_too(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.carry_out(expecting(position_id, 5))
        tenant.carry_out(receiving(position_id, 3))
        tenant.carry_out(reserving(position_id, 2))
        tenant.carry_out(picking(position_id, 1))
        held = [(0, 0, 0, 5), (3, 0, 0, 2), (1, 2, 0, 2), (1, 1, 1, 2)]
        assert then(tenant, *((position_id, AfterMovement(number)) for number in (1, 2, 3, 4))) == [
            Totals(*map(Decimal, units)) for units in held
        ]

    def test_reservations_count_until_their_release_was_recorded(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [3])
        tenant.carry_out(reserving(position_id, 2, expire_after=timedelta(milliseconds=1)))
        time.sleep(0.002)
        promised, free = Totals(Decimal(1), Decimal(2)), Totals(Decimal(3))
        assert then(tenant, (position_id, AfterMovement(2)), (position_id, None)) == [promised, free]
        tenant.carry_out(removing(position_id))
        assert then(tenant, (position_id, AfterMovement(2)), (position_id, AfterMovement(3))) == [promised, free]

    def test_many_are_asked_together_each_at_an_instant_of_its_own(self, busy: Tenant) -> None:
        last = busy.movements()[-1]
        pair = ItemAtLocation(last.item_id, last.location_id)
        now = last.position_after
        asked: list[tuple[int | ItemAtLocation, AsOf | None]] = [
            (last.position_id, None),
            (last.position_id, AfterMovement(last.movement_id)),
            (pair, AfterMovement(last.movement_id)),
            (pair, None),
            (last.position_id, AfterMovement(0)),
            (last.position_id, AfterMovement(last.movement_id + 1)),
            (10**9, AfterMovement(last.movement_id)),
            (last.position_id, AfterMovement(last.movement_id)),
        ]
        assert then(busy, *asked) == [now, now, now, now, PositionNotFound, WatchAhead, PositionNotFound, now]


class TestAhead:
    def test_a_movement_that_is_not_there_yet_is_ahead(self, busy: Tenant) -> None:
        last = busy.movements()[-1].movement_id
        with pytest.raises(WatchAhead) as ahead:
            listed(busy, AfterMovement(last + 1))
        assert ahead.value.last_movement_id == last

    def test_the_future_is_ahead(self, busy: Tenant) -> None:
        newest = busy.movements()[-1].record_time
        assert newest is not None
        with pytest.raises(WatchAhead):
            listed(busy, RecordedBy(newest + timedelta(days=1)))

    def test_of_a_tenant_without_a_journal_only_the_beginning_is_not_ahead(self, tenant: Tenant) -> None:
        assert listed(tenant, AfterMovement(0)) == {}
        with pytest.raises(WatchAhead):
            listed(tenant, AfterMovement(1))


class TestOpenThen:
    def test_a_position_that_was_opened_later_is_not_there(self, tenant: Tenant) -> None:
        early, *_ = tenant.positions()
        tenant.carry_out(adding(early))
        late = tenant.position(1, tenant.location("Late"))
        tenant.carry_out(adding(late))
        first, second = AfterMovement(1), AfterMovement(2)
        one = Totals(Decimal(1))
        assert then(tenant, (late, first), (late, second)) == [PositionNotFound, one]
        assert (listed(tenant, first), listed(tenant, second)) == ({early: one}, {early: one, late: one})

    def test_a_position_without_movements_held_nothing_once_it_was_opened(self, tenant: Tenant) -> None:
        first, second = tenant.positions(2)
        tenant.carry_out(adding(first))
        assert then(tenant, (second, AfterMovement(1))) == [NOTHING]

    def test_of_two_positions_of_an_item_at_a_location_the_one_is_told_that_was_open_then(self, tenant: Tenant) -> None:
        (closed,) = tenant.positions()
        tenant.carry_out(adding(closed, 3))
        tenant.carry_out(closing(closed))
        movement = tenant.movements()[0]
        opened = tenant.position(movement.item_id, movement.location_id)
        tenant.carry_out(adding(opened, 4))
        pair = ItemAtLocation(movement.item_id, movement.location_id)
        asked = [(pair, AfterMovement(number)) for number in (1, 2, 3)]
        assert then(tenant, *asked) == [Totals(Decimal(3)), PositionNotFound, Totals(Decimal(4))]
        assert then(tenant, *((closed, instant) for _, instant in asked)) == [
            Totals(Decimal(3)),
            PositionNotFound,
            PositionNotFound,
        ]
        assert [list(listed(tenant, instant)) for _, instant in asked] == [[closed], [], [opened]]

    def test_what_was_closed_in_the_same_moment_was_open_up_to_its_last_movement(self, tenant: Tenant) -> None:
        """A batch has one time of record, so times can't tell what came first in it."""
        (position_id,) = tenant.positions()
        accepted(tenant.apply(submission(adding(position_id, 3)), submission(closing(position_id))))
        assert then(tenant, (position_id, AfterMovement(1)), (position_id, AfterMovement(2))) == [
            Totals(Decimal(3)),
            PositionNotFound,
        ]


class TestConditions:
    def test_are_about_the_totals_of_then(self, tenant: Tenant) -> None:
        first, second = tenant.positions(2)
        tenant.carry_out(adding(first, 5))
        tenant.carry_out(adding(second, 5))
        tenant.carry_out(removing(first, 5))
        of_five = position_then.c.available == 5
        assert list(listed(tenant, AfterMovement(1), matching=of_five)) == [first]
        assert list(listed(tenant, AfterMovement(2), matching=of_five)) == [first, second]
        assert list(listed(tenant, AfterMovement(3), matching=of_five)) == [second]

    def test_below_their_minimum_are_those_that_were(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.update_position(position_id, minimum=Decimal(2))
        tenant.carry_out(adding(position_id, 1))
        tenant.carry_out(adding(position_id, 1))
        assert list(listed(tenant, AfterMovement(1), below_minimum=True)) == [position_id]
        assert list(listed(tenant, AfterMovement(2), below_minimum=True)) == []

    def test_page_by_page_everything_comes_once_and_is_counted(self, tenant: Tenant) -> None:
        positions = tenant.positions(5)
        for position_id in positions:
            tenant.carry_out(adding(position_id))
        asked = PositionFilter(as_of=AfterMovement(4))
        found: list[int] = []
        after = None
        while True:
            page = tenant.reads.positions_where(tenant.tenant_id, Page(2, after, with_total=True), asked)
            found += [one.position_id for one in page.rows]
            assert page.total == 5
            if not page.more:
                break
            after = POSITION_THEN_ORDER.keys_of(page.rows[-1])
        assert found == positions
