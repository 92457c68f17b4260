"""Reservations that have expired, on a real database: free for every writer from that instant, with or without a sweep."""

import time
from datetime import timedelta
from typing import Any

import pytest

from storekeeper_kit.database import Database
from storekeeper_stockledger import batch
from storekeeper_stockledger.domain.decisions import demanding
from storekeeper_stockledger.domain.operations import Operation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import DemandExceeded, InsufficientStock, PositionInUse
from storekeeper_stockledger.expiring import Sweeper
from storekeeper_stockledger.storage import loading
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import Tenant, accepted, drawn, submission
from tests.stockledger.verbs import (
    closing,
    counting,
    extending,
    picking,
    releasing,
    removing,
    reserving,
    transferring,
    units,
)

AT_ONCE = timedelta(microseconds=1)
DAY = timedelta(days=1)


def nothing_lasts(tenant: Tenant, position_id: int, *quantities: int) -> None:
    """Reserve units that are free again a moment later, for one demand after the other."""
    asked = [
        reserving(position_id, quantity, f"over {number}", expire_after=AT_ONCE)
        for number, quantity in enumerate(quantities)
    ]
    accepted(tenant.ask(*asked))
    time.sleep(0.001)


def kinds(tenant: Tenant) -> list[Kind]:
    return [movement.kind for movement in tenant.movements()]


class TestTheNextWriter:
    @pytest.fixture
    def position_id(self, tenant: Tenant) -> int:
        """Two stocked items of 5, of which 4 units and 3 were reserved until a moment ago."""
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5, 5])
        nothing_lasts(tenant, position_id, 4, 3)
        return position_id

    def test_takes_the_units_and_records_before_that_they_were_free(self, tenant: Tenant, position_id: int) -> None:
        removed = tenant.carry_out(removing(position_id, 10))
        assert [int(units) for _, units in drawn(removed)] == [5, 5]
        *released, first, second = tenant.movements()[-5:]
        assert {one.kind for one in released} == {Kind.RELEASED}
        assert {one.kind for one in (first, second)} == {Kind.REMOVED}
        reserved = [one for one in tenant.movements() if one.kind is Kind.RESERVED]
        for one in released:
            (until,) = {it.effective_time + AT_ONCE for it in reserved if it.demand == one.demand}
            assert (one.effective_time, one.actor) == (until, "storekeeper")
        assert len({one.operation_id for one in released}) == 1

    @pytest.mark.parametrize("where", ["position", "stocked items"])
    def test_settles_whatever_it_names(self, tenant: Tenant, position_id: int, where: str) -> None:
        stocked = units(*(one.stocked_item_id for one in tenant.stocked_items(position_id)))
        source: Any = position_id if where == "position" else stocked
        elsewhere = tenant.location("Elsewhere")
        asked: list[Operation] = [reserving(source, 2), picking(source, 2, "SO 2"), transferring(source, elsewhere, 6)]
        accepted(tenant.ask(*asked))
        assert tenant.layers(position_id) == [0, 0]

    def test_may_be_one_who_closes_the_position(self, tenant: Tenant, position_id: int) -> None:
        assert len(tenant.carry_out(closing(position_id)).movements) == 2

    def test_may_be_one_who_counts(self, tenant: Tenant, position_id: int) -> None:
        assert sum(int(units) for _, units in drawn(tenant.carry_out(counting(position_id, 0)))) == 10

    def test_sees_them_in_a_preview(self, tenant: Tenant, position_id: int, dump: Dump) -> None:
        before = dump()
        (previewed,) = accepted(tenant.apply(submission(removing(position_id, 10), validate_only=True)))
        assert len(previewed.movements) == 2
        assert dump() == before

    def test_leaves_everything_byte_for_byte_when_it_is_refused(
        self, tenant: Tenant, position_id: int, dump: Dump
    ) -> None:
        before = dump()
        (refused,) = tenant.apply(submission(removing(position_id, 11)))
        assert isinstance(refused, InsufficientStock)
        assert refused.available == 10
        assert dump() == before

    @pytest.mark.parametrize("verb", [releasing, extending, picking])
    def test_is_told_that_the_demand_has_nothing_any_more(self, tenant: Tenant, position_id: int, verb: Any) -> None:
        (refused,) = tenant.apply(submission(verb(position_id, demand="over 0")))
        assert isinstance(refused, DemandExceeded)
        assert refused.held == 0

    def test_finds_the_demand_without_the_expiry_that_it_had(self, tenant: Tenant, position_id: int) -> None:
        tenant.carry_out(reserving(position_id, 10, "over 0"))
        time.sleep(0.001)
        (refused,) = tenant.apply(submission(removing(position_id)))
        assert isinstance(refused, InsufficientStock)


class TestWhatHasNotExpired:
    def test_it_stays_reserved(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        tenant.carry_out(reserving(position_id, 3, expire_after=DAY))
        nothing_lasts(tenant, position_id, 2)
        outcomes = tenant.ask(removing(position_id, 3), closing(position_id))
        assert [type(one) for one in outcomes] == [InsufficientStock, PositionInUse]
        assert tenant.layers(position_id) == [2]

    def test_extended_in_time_it_lasts(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        accepted(
            tenant.apply(
                submission(reserving(position_id, 5, expire_after=AT_ONCE)), submission(extending(position_id))
            )
        )
        time.sleep(0.001)
        (refused,) = tenant.apply(submission(removing(position_id)))
        assert isinstance(refused, InsufficientStock)


class TestMany:
    def test_more_than_one_operation_settles_are_settled_by_several(
        self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (demanding, batch, loading):
            monkeypatch.setattr(module, "EXPIRIES_MAX", 3)
        first, second = tenant.positions(2)
        for position_id in (first, second):
            tenant.stock(position_id, [10])
            nothing_lasts(tenant, position_id, *[1] * 10)
        recorded = accepted(tenant.apply(submission(removing(first, 10)), submission(removing(second, 10))))
        assert [len(one.movements) for one in recorded] == [1, 1]
        released = [one for one in tenant.movements() if one.kind is Kind.RELEASED]
        assert len(released) == 20
        assert max(one.line for one in released) <= 3

    def test_as_many_as_fill_a_batch_keep_nobody_waiting(self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (demanding, batch, loading):
            monkeypatch.setattr(module, "EXPIRIES_MAX", 3)
        monkeypatch.setattr(batch, "MOVEMENTS_MAX", 3)
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [10])
        nothing_lasts(tenant, position_id, *[1] * 3)
        accepted(tenant.apply(submission(removing(position_id, 10))))


class TestTheSweep:
    def test_it_settles_what_nobody_asks_about_once(self, tenant: Tenant, database: Database, dump: Dump) -> None:
        positions = tenant.positions(3)
        for position_id in positions:
            tenant.stock(position_id, [5])
            nothing_lasts(tenant, position_id, 2, 2)
        sweeper = Sweeper(tenant.ledger, database, None)  # type: ignore[arg-type]
        sweeper.sweep()
        assert kinds(tenant)[-6:] == [Kind.RELEASED] * 6
        assert [tenant.layers(position_id) for position_id in positions] == [[5]] * 3
        before = dump()
        sweeper.sweep()
        assert dump() == before

    def test_it_leaves_alone_what_is_to_last(self, tenant: Tenant, database: Database, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        tenant.carry_out(reserving(position_id, 2, expire_after=DAY))
        before = dump()
        Sweeper(tenant.ledger, database, None).sweep()  # type: ignore[arg-type]
        assert dump() == before
