"""Who holds stock and what is to come, as it is read: by anything that names it, page by page, and expired at its instant."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import inspect

from storekeeper_kit.database import Database
from storekeeper_stockledger.domain.instants import PositionAsked
from storekeeper_stockledger.domain.operations import ItemAtLocation, PositionId
from storekeeper_stockledger.domain.places import Places
from storekeeper_stockledger.domain.records import Expectation, Position, Reservation
from storekeeper_stockledger.domain.stock import StockedItem, Totals
from storekeeper_stockledger.storage import views
from storekeeper_stockledger.storage.fields import EXPECTATION_ORDER, RESERVATION_ORDER
from storekeeper_stockledger.storage.listing import (
    ExpectationFilter,
    Page,
    PositionFilter,
    ReservationFilter,
    StockedItemFilter,
)
from storekeeper_stockledger.storage.tables import expectation, position
from tests.harness.databases import LedgerDatabase
from tests.stockledger.tenant import ALL, Tenant, accepted, submission
from tests.stockledger.verbs import (
    cancelling,
    delivering,
    expecting,
    extending,
    picking,
    receiving,
    releasing,
    removing,
    reserving,
    returning,
)

TEN: Final = Decimal(10)
SOON: Final = timedelta(milliseconds=1)
LATER: Final = timedelta(days=1)


def held(tenant: Tenant, **wanted: Any) -> list[tuple[str, int, int, int, int]]:
    """What demands have of stocked items: reserved, picked and delivered."""
    rows = tenant.reads.reservations(tenant.tenant_id, ALL, ReservationFilter(**wanted)).rows
    return [(row.demand, row.stocked_item_id, int(row.reserved), int(row.picked), int(row.delivered)) for row in rows]


def holders(tenant: Tenant, **wanted: Any) -> list[tuple[str, int]]:
    """Who has something of which stocked item."""
    return [(demand, stocked_item_id) for demand, stocked_item_id, *_ in held(tenant, **wanted)]


def expected(tenant: Tenant, **wanted: Any) -> list[tuple[int, str]]:
    """Which order lines bring something, and where."""
    rows = tenant.reads.expectations(tenant.tenant_id, ALL, ExpectationFilter(**wanted)).rows
    return [(row.position_id, row.order_line) for row in rows]


def totals(tenant: Tenant, position_id: int) -> Totals:
    """What a position holds, by a single read."""
    (found,) = tenant.reads.positions(tenant.tenant_id, [PositionAsked(PositionId(position_id))])
    assert isinstance(found, Position)
    return found.totals


class TestReservations:
    @pytest.fixture
    def layers(self, tenant: Tenant) -> tuple[int, list[int]]:
        """A position with two stocked items of 5, which two demands have something of."""
        (position_id,) = tenant.positions()
        ids = tenant.stock(position_id, [5, 5])
        tenant.carry_out(reserving(position_id, 6, "B"))
        tenant.carry_out(reserving(position_id, 2, "A", expire_after=LATER))
        tenant.carry_out(picking(position_id, 1, "B"))
        return position_id, ids

    def test_tell_what_each_demand_has_of_each_stocked_item(
        self, tenant: Tenant, layers: tuple[int, list[int]]
    ) -> None:
        position_id, (first, second) = layers
        assert held(tenant) == [("A", second, 2, 0, 0), ("B", first, 4, 1, 0), ("B", second, 1, 0, 0)]
        one = tenant.reads.reservations(tenant.tenant_id, Page(1, None), ReservationFilter()).rows[0]
        assert one.expire_time is not None
        assert one == Reservation(
            demand="A",
            stocked_item_id=second,
            position_id=position_id,
            item_id=1,
            location_id=tenant.movements()[0].location_id,
            reserved=Decimal(2),
            picked=Decimal(0),
            delivered=Decimal(0),
            expire_time=one.expire_time,
        )

    def test_are_found_by_whatever_names_them(self, tenant: Tenant, layers: tuple[int, list[int]]) -> None:
        position_id, (first, second) = layers
        location_id = tenant.movements()[0].location_id
        assert holders(tenant, demand="B") == [("B", first), ("B", second)]
        assert holders(tenant, stocked_item_id=second) == [("A", second), ("B", second)]
        everything = [("A", second), ("B", first), ("B", second)]
        assert holders(tenant, position_id=position_id) == everything
        assert holders(tenant, item_id=1, location_id=location_id) == everything
        assert holders(tenant, position_id=position_id + 1) == []
        assert holders(tenant, item_id=2) == []
        assert holders(tenant, location_id=location_id + 1) == []
        assert holders(tenant, matching=views.reservation.c.picked > 0) == [("B", first)]

    def test_are_closed_when_nothing_is_reserved_or_picked(self, tenant: Tenant, layers: tuple[int, list[int]]) -> None:
        position_id, (first, second) = layers
        tenant.carry_out(releasing(position_id, demand="A"))
        tenant.carry_out(picking(position_id, demand="B"))
        tenant.carry_out(delivering(position_id, demand="B"))
        tenant.carry_out(returning(position_id, 1, demand="B"))
        assert held(tenant) == []
        assert held(tenant, include_closed=True) == [
            ("A", second, 0, 0, 0),
            ("B", first, 0, 0, 5),
            ("B", second, 0, 0, 0),
        ]

    def test_come_once_and_in_order_page_by_page(self, tenant: Tenant) -> None:
        positions = tenant.positions(2)
        for position_id in positions:
            tenant.stock(position_id, [2, 2])
            for demand in ("b", "B", "ä", "a 1"):
                tenant.carry_out(reserving(position_id, 1, demand))
        everything = holders(tenant)
        found: list[tuple[str, int]] = []
        after = None
        while True:
            page = tenant.reads.reservations(tenant.tenant_id, Page(3, after), ReservationFilter())
            found += [(row.demand, row.stocked_item_id) for row in page.rows]
            if not page.more:
                break
            after = RESERVATION_ORDER.keys_of(page.rows[-1])
        assert found == everything
        assert len(found) == 8


class TestExpiry:
    """Nobody has written down here that anything has expired: the ledger does that when it next locks the position."""

    @pytest.fixture
    def expired(self, tenant: Tenant) -> Iterator[tuple[int, int]]:
        """A position with 10 units: 3 of a reservation that has expired, 2 of one that hasn't, and 1 picked."""
        (position_id,) = tenant.positions()
        (stocked_item_id,) = tenant.stock(position_id, [10])
        tenant.carry_out(reserving(position_id, 2, "lasting", expire_after=LATER))
        tenant.carry_out(reserving(position_id, 1, "picked"))
        tenant.carry_out(picking(position_id, 1, "picked"))
        tenant.carry_out(reserving(position_id, 3, "gone", expire_after=SOON))
        time.sleep(2 * SOON.total_seconds())
        yield position_id, stocked_item_id
        # Written down after all, so that the books can be checked.
        tenant.carry_out(extending(position_id, "lasting"))

    def test_the_units_are_available_at_the_position(self, tenant: Tenant, expired: tuple[int, int]) -> None:
        position_id, _ = expired
        now = Totals(available=Decimal(7), reserved=Decimal(2), picked=Decimal(1))
        assert totals(tenant, position_id) == now
        (listed,) = tenant.reads.positions_where(tenant.tenant_id, ALL, PositionFilter()).rows
        assert listed.totals == now
        pair = PositionAsked(ItemAtLocation(listed.item_id, listed.location_id))
        (found,) = tenant.reads.positions(tenant.tenant_id, [pair])
        assert isinstance(found, Position)
        assert found.totals == now
        assert tenant.update_position(position_id, bin="A1").totals == now

    def test_the_units_are_available_in_the_stocked_item(self, tenant: Tenant, expired: tuple[int, int]) -> None:
        position_id, stocked_item_id = expired
        (listed,) = tenant.stocked_items(position_id)
        (found,) = tenant.reads.stocked_items_named(tenant.tenant_id, [stocked_item_id])
        assert isinstance(found, StockedItem)
        assert listed == found
        assert found.places == Places(received=TEN, available=Decimal(7), reserved=Decimal(2), picked=Decimal(1))

    def test_conditions_are_about_what_is_available(self, tenant: Tenant, expired: tuple[int, int]) -> None:
        position_id, stocked_item_id = expired
        seven_there = PositionFilter(matching=views.position.c.available == 7)
        assert [one.position_id for one in tenant.reads.positions_where(tenant.tenant_id, ALL, seven_there).rows] == [
            position_id
        ]
        seven_of_it = StockedItemFilter(matching=views.stocked_item.c.available == 7)
        assert [one.stocked_item_id for one in tenant.reads.stocked_items(tenant.tenant_id, ALL, seven_of_it).rows] == [
            stocked_item_id
        ]

    def test_the_demand_holds_nothing_any_more(self, tenant: Tenant, expired: tuple[int, int]) -> None:
        _, stocked_item_id = expired
        assert held(tenant) == [("lasting", stocked_item_id, 2, 0, 0), ("picked", stocked_item_id, 0, 1, 0)]
        assert held(tenant, demand="gone", include_closed=True) == [("gone", stocked_item_id, 0, 0, 0)]
        (gone,) = tenant.reads.reservations(
            tenant.tenant_id, ALL, ReservationFilter(demand="gone", include_closed=True)
        ).rows
        assert gone.expire_time is None

    def test_readers_go_by_the_time_of_writers_also_when_the_clock_was_turned_back(
        self, tenant: Tenant, expired: tuple[int, int], ledger_database: LedgerDatabase
    ) -> None:
        position_id, stocked_item_id = expired
        with journal_ahead_of_the_clock(ledger_database, tenant, 2 * LATER):
            assert totals(tenant, position_id) == Totals(available=Decimal(9), picked=Decimal(1))
            assert [one.available for one in tenant.stocked_items(position_id)] == [9]
            assert held(tenant) == [("picked", stocked_item_id, 0, 1, 0)]
            accepted(tenant.apply(submission(removing(position_id, 9), validate_only=True)))
        assert totals(tenant, position_id).available == 7


@contextmanager
def journal_ahead_of_the_clock(ledger_database: LedgerDatabase, tenant: Tenant, ahead: timedelta) -> Iterator[None]:
    """The tenant's newest record is of a time that the clock has not come to."""
    with psycopg.connect(ledger_database.owner_url, autocommit=True) as owner:
        move = "UPDATE journal_head SET record_time = record_time + %s WHERE tenant_id = %s"
        owner.execute(move, [ahead, tenant.tenant_id])
        try:
            yield
        finally:
            owner.execute(move, [-ahead, tenant.tenant_id])


class TestExpectations:
    def test_tell_what_each_order_line_brings_to_each_position(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.carry_out(expecting(position_id, 5, "PO 1"))
        tenant.carry_out(receiving(position_id, 2, "PO 1"))
        (one,) = tenant.reads.expectations(tenant.tenant_id, ALL, ExpectationFilter()).rows
        assert one == Expectation(
            order_line="PO 1",
            position_id=position_id,
            item_id=1,
            location_id=tenant.movements()[0].location_id,
            on_order=Decimal(3),
            received=Decimal(2),
        )

    def test_are_found_by_whatever_names_them(self, tenant: Tenant) -> None:
        first, second = tenant.positions(2)
        for position_id, order_line in ((first, "PO 2"), (first, "PO 1"), (second, "PO 1")):
            tenant.carry_out(expecting(position_id, 1, order_line))
        location_id = tenant.movements()[0].location_id
        everything = [(first, "PO 1"), (first, "PO 2"), (second, "PO 1")]
        assert expected(tenant) == expected(tenant, location_id=location_id) == everything
        assert expected(tenant, order_line="PO 1") == [(first, "PO 1"), (second, "PO 1")]
        assert expected(tenant, position_id=second) == expected(tenant, item_id=2) == [(second, "PO 1")]
        assert expected(tenant, order_line="PO 3") == expected(tenant, location_id=location_id + 1) == []
        of_the_second = (position.c.item_id == 2) & (expectation.c.on_order > 0)
        assert expected(tenant, matching=of_the_second) == [(second, "PO 1")]

    def test_are_closed_when_nothing_more_will_come(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        tenant.carry_out(expecting(position_id, 1, "PO 1"))
        tenant.carry_out(receiving(position_id, 1, "PO 1"))
        tenant.carry_out(expecting(position_id, 1, "PO 2"))
        tenant.carry_out(cancelling(position_id, order_line="PO 2"))
        assert expected(tenant) == []
        assert expected(tenant, include_closed=True) == [(position_id, "PO 1"), (position_id, "PO 2")]

    def test_come_once_and_in_order_page_by_page(self, tenant: Tenant) -> None:
        for position_id in tenant.positions(2):
            for order_line in ("b", "B", "ä", "a 1"):
                tenant.carry_out(expecting(position_id, 1, order_line))
        found: list[tuple[int, str]] = []
        after = None
        while True:
            page = tenant.reads.expectations(tenant.tenant_id, Page(3, after), ExpectationFilter())
            found += [(row.position_id, row.order_line) for row in page.rows]
            if not page.more:
                break
            after = EXPECTATION_ORDER.keys_of(page.rows[-1])
        assert found == expected(tenant)
        assert len(found) == 8


def test_the_views_have_the_columns_that_the_code_knows(database: Database) -> None:
    with database.read() as connection:
        for view in views.metadata.tables.values():
            found = {column["name"] for column in inspect(connection).get_columns(view.name)}
            assert found == set(view.c.keys())
