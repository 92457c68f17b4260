"""What is newly known of stocked items, on a real database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.operations import Operation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import (
    InsufficientStock,
    SerialNumberInStock,
    StockedItemInUse,
    StockedItemNotFound,
)
from storekeeper_stockledger.domain.stock import StockedItem
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import Tenant, accepted, drawn
from tests.stockledger.verbs import (
    FIRST_EXPIRED_FIRST,
    adding,
    delivering,
    picking,
    removing,
    reserving,
    returning,
    taking,
    units,
    updating,
)

LONG_AGO: Final = datetime(2019, 1, 1, tzinfo=UTC)


def usd(value: str) -> UnitCost:
    return UnitCost("USD", Decimal(value))


def only(tenant: Tenant, position_id: int) -> StockedItem:
    (stocked_item,) = tenant.stocked_items(position_id)
    return stocked_item


def test_a_unit_cost_revalues_what_is_on_hand_and_what_leaves_from_then_on(tenant: Tenant) -> None:
    (position_id,) = tenant.positions()
    (layer,) = tenant.bring(adding(position_id, 4, cost=usd("1")))
    tenant.carry_out(removing(position_id, 1))
    (revalued,) = tenant.carry_out(updating(layer, unit_cost=usd("2.005"), reason="invoice")).movements
    assert (revalued.kind, revalued.quantity, revalued.amount) == (Kind.REVALUED, Decimal(3), Decimal("3.02"))
    after = only(tenant, position_id)
    assert (after.unit_cost, after.value, after.places.available) == (Decimal("2.005"), Decimal("6.02"), Decimal(3))
    removed = tenant.carry_out(removing(position_id, 3)).movements[0]
    assert removed.amount == Decimal("6.02")


def test_a_cost_that_is_learnt_while_everything_is_delivered_counts_for_what_comes_back(tenant: Tenant) -> None:
    (position_id,) = tenant.positions()
    (layer,) = tenant.stock(position_id, [4])
    accepted(tenant.ask(picking(position_id, 4), delivering(position_id)))
    assert tenant.carry_out(updating(layer, unit_cost=usd("2.50"))).movements == ()
    (returned,) = tenant.carry_out(returning(position_id, 1)).movements
    assert returned.amount == Decimal("2.50")
    assert only(tenant, position_id).value == Decimal("2.50")


def test_all_that_can_be_known_is_kept_beside_what_moves_in_the_same_batch(tenant: Tenant) -> None:
    (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
    known: dict[str, Any] = {"autotask": {'"': ["{}", Decimal("0.10")]}}
    (unit,) = tenant.bring(adding(position_id, serial_number="A1", cost=usd("1")))
    steps: list[Operation] = [
        updating(unit, serial_number="B1", expire_time=LONG_AGO, extensions=known, unit_cost=usd("7")),
        reserving(units(unit), 1, include_expired=True),
    ]
    accepted(tenant.ask(*steps))
    after = only(tenant, position_id)
    assert (after.serial_number, after.expire_time, after.extensions) == ("B1", LONG_AGO, known)
    assert (after.value, after.places.reserved) == (Decimal(7), Decimal(1))
    (refused,) = tenant.ask(updating(unit, serial_number="C1"))
    assert isinstance(refused, StockedItemInUse)


def test_an_expiry_moves_a_stocked_item_in_line(tenant: Tenant) -> None:
    (position_id,) = tenant.positions()
    soon, later = (datetime.now(UTC) + timedelta(days=days) for days in (1, 2))
    first, second = tenant.bring(*(adding(position_id, 1, expire_time=time) for time in (soon, later)))
    tenant.carry_out(updating(second, expire_time=LONG_AGO))
    (refused,) = tenant.ask(removing(position_id, 2))
    assert isinstance(refused, InsufficientStock)
    tenant.carry_out(updating(second, drops_expire_time=True))
    removed = tenant.carry_out(removing(position_id, 2, order=FIRST_EXPIRED_FIRST)).movements
    assert [one.stocked_item_id for one in removed] == [first, second]


def test_what_was_passed_over_as_expired_may_last_longer_from_then_on(tenant: Tenant) -> None:
    """And the draw that did so stays right: the invariants are checked when the test is over."""
    (position_id,) = tenant.positions()
    first, second = tenant.stock(position_id, [1, 1])
    tenant.carry_out(updating(first, expire_time=LONG_AGO))
    assert drawn(tenant.carry_out(removing(position_id))) == [(second, 1)]
    tenant.carry_out(updating(first, drops_expire_time=True))
    assert drawn(tenant.carry_out(removing(position_id))) == [(first, 1)]


class TestSerialNumbers:
    @pytest.fixture
    def serials(self, tenant: Tenant) -> tuple[int, list[int]]:
        """A position and three units there, A1 to A3."""
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        return position_id, tenant.bring(*(adding(position_id, serial_number=f"A{number}") for number in (1, 2, 3)))

    @pytest.mark.parametrize("together", [True, False])
    def test_they_may_go_round_in_one_batch(
        self, tenant: Tenant, serials: tuple[int, list[int]], together: bool
    ) -> None:
        position_id, ids = serials
        ring = [updating(ids[0], serial_number="B"), *(updating(one, serial_number=f"A{number}") for number, one in
                enumerate((*ids[1:], ids[0]), start=1))]  # fmt: skip
        with capture_logs() as logs:
            if together:
                assert isinstance(tenant.apply_together(*ring), tuple)
            else:
                accepted(tenant.ask(*ring))
        assert logs == []
        assert [one.serial_number for one in tenant.stocked_items(position_id)] == ["A3", "A1", "A2"]

    def test_that_of_a_unit_which_is_gone_is_free(self, tenant: Tenant, serials: tuple[int, list[int]]) -> None:
        position_id, (first, second, _) = serials
        (refused,) = tenant.ask(updating(first, serial_number="A2"))
        assert isinstance(refused, SerialNumberInStock)
        assert refused.stocked_item_id == second
        accepted(
            tenant.ask(taking(second), updating(first, serial_number="A2"), adding(position_id, serial_number="A1"))
        )
        assert [one.serial_number for one in tenant.stocked_items(position_id)] == ["A2", "A2", "A3", "A1"]

    def test_two_that_want_one_at_once_do_not_both_get_it(
        self, tenant: Tenant, another_process: Tenant, serials: tuple[int, list[int]]
    ) -> None:
        """At different positions, so that no lock keeps the two apart."""
        elsewhere = tenant.position(1, tenant.location("Elsewhere"))
        (there,) = tenant.bring(adding(elsewhere, serial_number="X1"))
        tenant.carry_out(updating(serials[1][0], serial_number="NEW"))
        (refused,) = another_process.ask(updating(there, serial_number="NEW"))
        assert isinstance(refused, SerialNumberInStock)


def test_a_refused_update_changes_nothing_byte_for_byte(tenant: Tenant, dump: Dump) -> None:
    (position_id,) = tenant.positions()
    (layer,) = tenant.stock(position_id, [1])
    before = dump()
    outcomes = tenant.ask(updating(layer + 1000, expire_time=LONG_AGO), updating(layer, serial_number="A1"))
    assert isinstance(outcomes[0], StockedItemNotFound)
    assert isinstance(outcomes[1], Exception)
    assert dump() == before
