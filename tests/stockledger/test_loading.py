"""How much is read for an operation is bounded, on a real database, and what is decided doesn't depend on it."""

import random
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from storekeeper_kit.database import Database
from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain.costs import CostMethod, UnitCost
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.operations import AllOrNone, Operation, StockOrder
from storekeeper_stockledger.domain.refusals import (
    ChangeRefused,
    InsufficientStock,
    SerialUnitRequired,
    TooManyStockedItems,
)
from storekeeper_stockledger.storage import loading
from storekeeper_stockledger.storage.listing import ReservationFilter
from storekeeper_stockledger.storage.selecting import Bounds
from tests.stockledger.tenant import ALL, Tenant, accepted, deadline, drawn, submission
from tests.stockledger.verbs import (
    DEMAND,
    FIRST_EXPIRED_FIRST,
    NEWEST_FIRST,
    adding,
    assembling,
    closing,
    component,
    counting,
    delivering,
    expecting,
    picking,
    receiving,
    releasing,
    removing,
    reserving,
    returning,
    taking,
    transferring,
    units,
    unpicking,
    unreceiving,
    updating,
)

SEED: Final = 20261122
ROUNDS: Final = 30

PAST: Final = datetime(2026, 1, 1, tzinfo=UTC)
FUTURE: Final = datetime(2126, 1, 1, tzinfo=UTC)
DAY: Final = timedelta(days=1)


def usd(value: int) -> UnitCost:
    return UnitCost("USD", Decimal(value))


@pytest.fixture
def position_id(tenant: Tenant) -> int:
    (position_id,) = tenant.positions()
    return position_id


@pytest.fixture
def read_at_most(monkeypatch: pytest.MonkeyPatch) -> Callable[[Bounds, Bounds], None]:
    """Let so much be read at once, and so much for what is decided alone."""

    def read_at_most(ordinary: Bounds, generous: Bounds) -> None:
        monkeypatch.setattr(loading, "ORDINARY", ordinary)
        monkeypatch.setattr(loading, "GENEROUS", generous)

    return read_at_most


ReadAtMost = Callable[[Bounds, Bounds], None]


def held(tenant: Tenant, demand: str = DEMAND) -> dict[int, tuple[int, int, int]]:
    """What a demand has reserved, picked and been delivered of each stocked item."""
    wanted = ReservationFilter(demand=demand, include_closed=True)
    return {
        one.stocked_item_id: (int(one.reserved), int(one.picked), int(one.delivered))
        for one in tenant.reads.reservations(tenant.tenant_id, ALL, wanted).rows
    }


class TestDemandsThatWereDeliveredMuch:
    """What was delivered is read only where it is given back."""

    @pytest.fixture
    def delivered(self, tenant: Tenant, position_id: int, read_at_most: ReadAtMost) -> list[int]:
        """Ten stocked items that were delivered; from now on no more than three are read."""
        ids = tenant.stock(position_id, [1] * 10)
        accepted(tenant.ask(picking(position_id, 10), delivering(position_id)))
        read_at_most(Bounds(3, 6), Bounds(3, 6))
        return ids

    def test_hold_more_as_others_do(self, tenant: Tenant, position_id: int, delivered: list[int]) -> None:
        (more,) = tenant.stock(position_id, [9])
        tenant.carry_out(reserving(position_id, 5))
        tenant.carry_out(picking(position_id, 3))
        tenant.carry_out(delivering(position_id, 1))
        tenant.carry_out(releasing(position_id, 1))
        assert held(tenant) == dict.fromkeys(delivered, (0, 0, 1)) | {more: (1, 2, 1)}

    def test_give_back_the_newest_of_it(self, tenant: Tenant, position_id: int, delivered: list[int]) -> None:
        assert drawn(tenant.carry_out(returning(position_id, 2))) == [(delivered[9], 1), (delivered[8], 1)]
        assert drawn(tenant.carry_out(returning(position_id, 1))) == [(delivered[7], 1)]

    def test_give_back_what_is_named_however_old_it_is(
        self, tenant: Tenant, position_id: int, delivered: list[int]
    ) -> None:
        given_back = tenant.carry_out(returning(units(delivered[1], delivered[0])))
        assert drawn(given_back) == [(delivered[1], 1), (delivered[0], 1)]

    def test_cannot_give_back_more_at_once_than_is_read(
        self, tenant: Tenant, position_id: int, delivered: list[int]
    ) -> None:
        refusals = tenant.ask(returning(position_id, 5), returning(position_id))
        assert [type(one) for one in refusals] == [TooManyStockedItems] * 2

    def test_give_back_the_newest_though_older_ones_are_known(
        self, tenant: Tenant, position_id: int, delivered: list[int], read_at_most: ReadAtMost
    ) -> None:
        tenant.bring(adding(position_id, 9, receive_time=PAST))
        accepted(tenant.ask(picking(position_id, 6), delivering(position_id, 5)))
        read_at_most(Bounds(3, 9), Bounds(20, 40))
        _, given_back = accepted(tenant.ask(unpicking(position_id), returning(position_id, 5)))
        assert [one for one, _ in drawn(given_back)] == delivered[:4:-1]

    @pytest.mark.parametrize("cost", [None, usd(3)])
    @pytest.mark.parametrize("together", [True, False])
    def test_keep_what_they_got_of_a_stocked_item_when_they_hold_more_of_it(
        self, tenant: Tenant, position_id: int, cost: UnitCost | None, together: bool
    ) -> None:
        (stocked_item,) = tenant.bring(adding(position_id, 9, cost=cost))
        for operation in (picking(position_id, 3), delivering(position_id)):
            tenant.carry_out(operation)
        again: list[Operation] = [reserving(position_id, 4), picking(position_id, 3), delivering(position_id, 2)]
        if together:
            assert isinstance(tenant.apply_together(*again), tuple)
        else:
            accepted(tenant.ask(*again))
        assert held(tenant) == {stocked_item: (1, 1, 5)}
        (movement,) = tenant.carry_out(returning(position_id)).movements
        assert movement.amount == (None if cost is None else 15)
        accepted(tenant.ask(delivering(position_id), returning(position_id)))


def test_units_that_differ_are_named_unless_all_of_them_come_back(tenant: Tenant) -> None:
    (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
    ids = tenant.bring(*(adding(position_id, serial_number=f"A{number}") for number in range(3)))
    accepted(tenant.ask(picking(units(*ids), 3), delivering(position_id)))
    (refused,) = tenant.ask(returning(position_id, 2))
    assert isinstance(refused, SerialUnitRequired)
    assert len(tenant.carry_out(returning(position_id, 3)).movements) == 3


class TestDemandsThatHoldMuch:
    @pytest.fixture
    def reserved(self, tenant: Tenant, position_id: int, read_at_most: ReadAtMost) -> list[int]:
        """Five stocked items that are reserved; from now on no more than three are read."""
        ids = tenant.stock(position_id, [1] * 5)
        tenant.carry_out(reserving(position_id, 5))
        read_at_most(Bounds(3, 9), Bounds(3, 9))
        return ids

    def test_give_up_only_what_is_named(self, tenant: Tenant, position_id: int, reserved: list[int]) -> None:
        tenant.stock(position_id, [1])
        refusals = tenant.ask(
            releasing(position_id, 1), picking(position_id), reserving(position_id, 1), delivering(position_id)
        )
        assert [type(one) for one in refusals] == [TooManyStockedItems] * 4
        accepted(tenant.ask(picking(units(reserved[4])), releasing(units(*reserved[:3]))))
        assert drawn(tenant.carry_out(picking(position_id))) == [(reserved[3], 1)]

    def test_are_decided_alone_when_a_page_is_not_enough(
        self, tenant: Tenant, position_id: int, reserved: list[int], read_at_most: ReadAtMost
    ) -> None:
        read_at_most(Bounds(3, 9), Bounds(6, 9))
        assert [one for one, _ in drawn(tenant.carry_out(picking(position_id)))] == reserved

    def test_wait_for_one_another_when_they_are_too_many_for_a_batch(
        self, tenant: Tenant, position_id: int, read_at_most: ReadAtMost
    ) -> None:
        tenant.stock(position_id, [1] * 8)
        demands = [f"SO {number}" for number in range(4)]
        accepted(tenant.ask(*(reserving(position_id, 2, demand) for demand in demands)))
        read_at_most(Bounds(3, 5), Bounds(9, 20))
        picked = accepted(tenant.ask(*(picking(position_id, demand=demand) for demand in demands)))
        assert [len(one.movements) for one in picked] == [2] * 4


class TestWhatHasExpired:
    """It may lie ahead of what is fresh in any number."""

    @pytest.mark.parametrize("order", [*StockOrder])
    def test_is_not_read_for_who_passes_it_over(
        self, tenant: Tenant, position_id: int, order: StockOrder, read_at_most: ReadAtMost
    ) -> None:
        day = DAY if order is NEWEST_FIRST else -DAY
        expired = tenant.bring(
            *(adding(position_id, expire_time=PAST, receive_time=PAST + number * day) for number in range(7))
        )
        first, second = tenant.bring(
            adding(position_id, 2, expire_time=FUTURE, receive_time=PAST), adding(position_id, 2, receive_time=PAST)
        )
        fresh = [(second, 2), (first, 1)] if order is NEWEST_FIRST else [(first, 2), (second, 1)]
        read_at_most(Bounds(3, 9), Bounds(3, 9))
        assert drawn(tenant.carry_out(removing(position_id, 3, order=order))) == fresh
        (refused,) = tenant.ask(removing(position_id, 2, order=order))
        assert isinstance(refused, InsufficientStock)
        assert refused.available == 1
        taken = tenant.carry_out(removing(position_id, 1, order=order, include_expired=True))
        assert [one for one, _ in drawn(taken)] == [expired[-1]]


class TestChangesThatBelongTogether:
    """They are read as much as all of them may draw on."""

    def test_draw_on_more_than_a_page_each(self, tenant: Tenant, read_at_most: ReadAtMost) -> None:
        positions = tenant.positions(3)
        layers = {position_id: tenant.stock(position_id, [1] * 9) for position_id in positions}
        read_at_most(Bounds(2, 4), Bounds(10, 40))
        outcome = tenant.apply_together(*(removing(one, 4) for one in (*positions, *positions)))
        assert isinstance(outcome, tuple)
        for position_id, first, second in zip(positions, outcome[:3], outcome[3:], strict=True):
            assert [one for one, _ in drawn(first) + drawn(second)] == layers[position_id][:8]

    def test_draw_on_lines_and_on_what_they_name(
        self, tenant: Tenant, position_id: int, read_at_most: ReadAtMost
    ) -> None:
        ids = tenant.stock(position_id, [1] * 9)
        read_at_most(Bounds(5, 9), Bounds(10, 40))
        outcome = tenant.apply_together(taking(ids[0]), taking(ids[2]), removing(position_id, 3))
        assert isinstance(outcome, tuple)
        assert [one for one, _ in drawn(outcome[-1])] == [ids[1], ids[3], ids[4]]

    def test_draw_on_the_same_units_in_several_orders(
        self, tenant: Tenant, position_id: int, read_at_most: ReadAtMost
    ) -> None:
        ids = tenant.bring(*(adding(position_id, expire_time=FUTURE + number * DAY) for number in range(9)))
        read_at_most(Bounds(5, 9), Bounds(10, 40))
        outcome = tenant.apply_together(
            removing(position_id, 2, order=FIRST_EXPIRED_FIRST), removing(position_id, 3, include_expired=True),
            removing(position_id, 2),
        )  # fmt: skip
        assert isinstance(outcome, tuple)
        assert [[one for one, _ in drawn(removed)] for removed in outcome] == [ids[:2], ids[2:5], ids[5:7]]

    def test_give_back_what_they_name_and_the_newest(
        self, tenant: Tenant, position_id: int, read_at_most: ReadAtMost
    ) -> None:
        ids = tenant.stock(position_id, [1] * 9)
        accepted(tenant.ask(picking(position_id, 9), delivering(position_id)))
        read_at_most(Bounds(5, 9), Bounds(10, 40))
        outcome = tenant.apply_together(returning(units(ids[8])), returning(position_id, 2))
        assert isinstance(outcome, tuple)
        assert [one for one, _ in drawn(outcome[-1])] == [ids[7], ids[6]]

    def test_close_what_one_of_them_fills(self, tenant: Tenant, position_id: int, read_at_most: ReadAtMost) -> None:
        tenant.stock(position_id, [1] * 5)
        read_at_most(Bounds(2, 4), Bounds(10, 40))
        outcome = tenant.apply_together(adding(position_id, 1), removing(position_id, 1), closing(position_id))
        assert isinstance(outcome, tuple)
        assert len(outcome[-1].movements) == 5

    def test_a_kit_is_made_of_many_stocked_items_beside_a_long_line(
        self, tenant: Tenant, read_at_most: ReadAtMost
    ) -> None:
        kit, long, short = tenant.positions(3)
        tenant.stock(long, [1] * 15)
        tenant.stock(short, [1] * 6)
        read_at_most(Bounds(2, 4), Bounds(10, 12))
        made = tenant.carry_out(assembling(kit, 1, [component(long, 2), component(short, 6)]))
        assert len(made.movements) == 9

    def test_take_back_what_others_have_made_available(self, tenant: Tenant, position_id: int) -> None:
        tenant.carry_out(expecting(position_id, 2))
        tenant.bring(receiving(position_id, 1), receiving(position_id, 1))
        accepted(tenant.ask(picking(position_id, 2), delivering(position_id)))
        outcome = tenant.apply_together(returning(position_id), unreceiving(position_id, 2))
        assert isinstance(outcome, tuple)
        assert tenant.layers(position_id) == [0, 0]


def test_an_order_line_gives_up_the_newest_of_what_it_brought(
    tenant: Tenant, position_id: int, read_at_most: ReadAtMost
) -> None:
    tenant.carry_out(expecting(position_id, 9))
    ids = tenant.bring(*(receiving(position_id) for _ in range(9)))
    read_at_most(Bounds(3, 6), Bounds(5, 6))
    assert [one for one, _ in drawn(tenant.carry_out(unreceiving(position_id, 2)))] == [ids[8], ids[7]]
    assert [one for one, _ in drawn(tenant.carry_out(unreceiving(position_id, 4)))] == ids[6:2:-1]
    assert drawn(tenant.carry_out(unreceiving(units(ids[0])))) == [(ids[0], 1)]


def test_an_average_is_known_beside_a_cost_that_was_received_last(tenant: Tenant, position_id: int) -> None:
    tenant.bring(adding(position_id, 1, cost=usd(1)), adding(position_id, 1, cost=usd(3)))
    last, average, counted = accepted(
        tenant.ask(
            adding(position_id, 2, cost=CostMethod.LAST_RECEIVED),
            adding(position_id, 1, cost=CostMethod.AVERAGE),
            counting(position_id, 6),
        )
    )
    assert [one.movements[0].amount for one in (last, average, counted)] == [6, Decimal("2.5"), Decimal("2.5")]


# --- whatever is asked --------------------------------------------------------------------------------------------


class Twin:
    """A tenant with two positions, that reads as much at once as it may."""

    def __init__(self, tenant: Tenant, bounds: Bounds) -> None:
        self.tenant = tenant
        self.bounds = bounds
        self.positions = tenant.positions(2)
        self.elsewhere = tenant.location("Elsewhere")
        self.ids: list[int] = []
        """Its stocked items, in the order in which they were first heard of."""

    def told(self, outcome: Any) -> object:
        """What became of something, in words that don't depend on the tenant."""
        if isinstance(outcome, tuple):
            return [self.told(one) for one in outcome]
        if isinstance(outcome, ChangeRefused):
            return outcome.number, self.told(outcome.refusal)
        if not isinstance(outcome, Recorded):
            known = {one.name: getattr(outcome, one.name) for one in fields(outcome)}
            return type(outcome), {name: value for name, value in known.items() if isinstance(value, Decimal)}
        for movement in outcome.movements:
            if movement.stocked_item_id not in (None, *self.ids):
                self.ids.append(movement.stocked_item_id or 0)
        return [
            (one.kind, one.quantity, one.amount, one.stocked_item_id and self.ids.index(one.stocked_item_id))
            for one in outcome.movements
        ]


Asking = Callable[[Twin], Operation]


class Asker:
    """Thinks of what may be asked, of any twin."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def asking(self, known: int) -> Asking:
        """Some operation; `known` stocked items may be named."""
        chance = self._chance
        place, few, more = chance.randrange(2), chance.randint(1, 3), chance.randint(2, 9)
        demand, order_line = chance.choice(("SO 1", "SO 2")), chance.choice(("PO 1-1", "PO 1-2"))
        named = chance.sample(range(known), min(known, chance.randint(1, 3)))
        drawing = {"order": chance.choice([*StockOrder]), "include_expired": chance.random() < 0.2}
        described: dict[str, Any] = {
            "expire_time": chance.choice((None, None, PAST, FUTURE)),
            "receive_time": PAST + chance.randrange(40) * DAY,
            "cost": chance.choice((None, usd(2), usd(3))),
        }
        quantity = chance.choice((None, few, more))

        def of(twin: Twin) -> Any:
            return units(*(twin.ids[one] for one in named)) if named and twin_is_named else twin.positions[place]

        twin_is_named = chance.random() < 0.3
        askings: list[Asking] = [
            lambda twin: adding(twin.positions[place], more, **described),
            lambda twin: adding(twin.positions[place], few, **described),
            lambda twin: removing(of(twin), few, allow_partial=demand == "SO 1", **drawing),
            lambda twin: removing(of(twin), more, **drawing),
            lambda twin: reserving(of(twin), more, demand, **drawing),
            lambda twin: picking(of(twin), few, demand, **drawing),
            lambda twin: picking(of(twin), quantity, demand),
            lambda twin: releasing(of(twin), quantity, demand),
            lambda twin: unpicking(of(twin), quantity, demand, keep_reserved=order_line == "PO 1-1"),
            lambda twin: delivering(of(twin), quantity, demand),
            lambda twin: delivering(of(twin), None, demand),
            lambda twin: returning(of(twin), quantity, demand),
            lambda twin: expecting(twin.positions[place], more, order_line),
            lambda twin: receiving(twin.positions[place], few, order_line, receive_time=described["receive_time"]),
            lambda twin: unreceiving(of(twin), few, order_line),
            lambda twin: transferring(of(twin), twin.elsewhere, few, **drawing),
            lambda twin: counting(twin.positions[place], 2 * more),
            lambda twin: updating(twin.ids[named[0]] if named else 1, expire_time=described["expire_time"] or FUTURE),
        ]
        return chance.choice(askings)


@pytest.mark.parametrize("bounds", [Bounds(1, 3), Bounds(3, 8)])
def test_what_is_decided_does_not_depend_on_how_much_is_read_at_once(
    tenant: Tenant, database: Database, monkeypatch: pytest.MonkeyPatch, bounds: Bounds
) -> None:
    chance = random.Random(SEED + bounds.page)
    asker = Asker(chance)
    twins = Twin(tenant, bounds), Twin(Tenant(database), loading.ORDINARY)
    for number in range(ROUNDS):
        askings = [asker.asking(len(twins[0].ids)) for _ in range(chance.randint(1, 5))]
        together = chance.random() < 0.4
        told = []
        for twin in twins:
            monkeypatch.setattr(loading, "ORDINARY", twin.bounds)
            asked = tuple(submission(asking(twin)) for asking in askings)
            outcomes = (
                twin.tenant.ledger.apply(twin.tenant.tenant_id, [AllOrNone(asked)], deadline())
                if together
                else twin.tenant.apply(*asked)
            )
            told.append([twin.told(one) for one in outcomes])
        assert told[0] == told[1], f"seed {SEED}, round {number}: {askings}"
