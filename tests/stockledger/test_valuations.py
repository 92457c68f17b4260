"""What stock is worth on a real database: by each method, at each instant, page by page, and never more than once."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from sqlalchemy import select

from storekeeper_kit.database import Database
from storekeeper_kit.refusals import DeadlineExceeded
from storekeeper_stockledger import valuations as valuations_module
from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.instants import AfterMovement, RecordedBy
from storekeeper_stockledger.domain.items import Item, Tracking
from storekeeper_stockledger.domain.operations import Operation, StockedItemId
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.refusals import StockLimitExceeded, WatchAhead
from storekeeper_stockledger.domain.valuation import MATTERING, Method
from storekeeper_stockledger.storage import tables, valuation
from storekeeper_stockledger.storage.valuation import ValuationFilter
from storekeeper_stockledger.valuations import Valuation, ValuationAsked, Valuations, Valued
from tests.stockledger.tenant import Tenant, deadline, submission
from tests.stockledger.verbs import (
    adding,
    closing,
    counting,
    delivering,
    expecting,
    picking,
    receiving,
    removing,
    reserving,
    returning,
    transferring,
    unreceiving,
    updating,
)

Worths = dict[int, tuple[Decimal, Decimal, Decimal]]
"""On hand, value and unknown units, by position."""

TWO: Final = UnitCost("USD", Decimal(2))


def dollars(value: str | int) -> UnitCost:
    return UnitCost("USD", Decimal(value))


@pytest.fixture
def valued(tenant: Tenant, database: Database) -> "Valuer":
    """Values the tenant's stock."""
    return Valuer(tenant, Valuations(database))


class Valuer:
    """Asks for valuations in few words."""

    def __init__(self, tenant: Tenant, valuations: Valuations) -> None:
        self.tenant = tenant
        self.valuations = valuations

    def page(self, method: Method = Method.FIFO, *, until: float | None = None, **asked: Any) -> Valued:
        """One page, or all there is."""
        wanted = ValuationFilter(item_id=asked.pop("item_id", None), location_id=asked.pop("location_id", None))
        defaults = {"as_of": None, "after": 0, "size": 1000, "with_total": False}
        request = ValuationAsked(method=method, wanted=wanted, **(defaults | asked))
        return self.valuations.value(self.tenant.tenant_id, request, deadline=until or deadline())

    def __call__(self, method: Method = Method.FIFO, **asked: Any) -> Worths:
        return worths(self.page(method, **asked).rows.rows)


def worths(rows: Any) -> Worths:
    """The rows by position."""
    found: list[Valuation] = list(rows)
    return {one.position_id: (one.holding.on_hand, one.worth.value, one.worth.unknown) for one in found}


def of(on_hand: int, value: str | int, unknown: int = 0) -> tuple[Decimal, Decimal, Decimal]:
    return Decimal(on_hand), Decimal(value), Decimal(unknown)


class TestMethods:
    @pytest.fixture
    def position_id(self, tenant: Tenant) -> int:
        """Two units at 1.00 and two at 3.00, of which the dear ones came last; one has left."""
        (position_id,) = tenant.positions()
        tenant.bring(adding(position_id, 2, cost=dollars(1)), adding(position_id, 2, cost=dollars(3)))
        tenant.carry_out(removing(position_id, 1))
        return position_id

    @pytest.mark.parametrize(
        ("method", "value"),
        [(Method.FIFO, "7.00"), (Method.LIFO, "5.00"), (Method.AVERAGE, "6.00"), (Method.STANDARD, "7.50")],
    )
    def test_each_says_something_else(
        self, tenant: Tenant, valued: Valuer, position_id: int, method: Method, value: str
    ) -> None:
        item = Item(1, 2, Tracking.NONE, 0, standard_cost=dollars("2.50"))
        tenant.descriptions.register_item(tenant.tenant_id, item, deadline=deadline())
        assert valued(method) == {position_id: of(3, value)}

    def test_without_a_standard_cost_none_is_known(self, valued: Valuer, position_id: int) -> None:
        assert valued(Method.STANDARD) == {position_id: of(3, 0, 3)}

    @pytest.mark.parametrize("method", [Method.FIFO, Method.LIFO, Method.AVERAGE])
    def test_units_of_unknown_cost_are_counted_apart(
        self, tenant: Tenant, valued: Valuer, position_id: int, method: Method
    ) -> None:
        before = valued(method)[position_id][1]
        tenant.carry_out(adding(position_id, 5))
        assert valued(method) == {position_id: (Decimal(8), before, Decimal(5))}

    @pytest.mark.parametrize("method", list(Method))
    def test_what_is_reserved_or_picked_is_on_hand(
        self, tenant: Tenant, valued: Valuer, position_id: int, method: Method
    ) -> None:
        before = valued(method)
        tenant.carry_out(reserving(position_id, 2))
        tenant.carry_out(picking(position_id, 1))
        assert valued(method) == before

    @pytest.mark.parametrize("method", [Method.FIFO, Method.LIFO, Method.AVERAGE])
    def test_what_is_delivered_and_comes_back_is_worth_what_it_was(
        self, tenant: Tenant, valued: Valuer, position_id: int, method: Method
    ) -> None:
        before = valued(method)
        tenant.carry_out(picking(position_id, 2))
        tenant.carry_out(delivering(position_id))
        assert valued(method)[position_id][0] == 1
        tenant.carry_out(returning(position_id, 1))
        tenant.carry_out(returning(position_id))
        assert valued(method) == before


class TestInstants:
    def test_the_worth_of_an_instant_stays_whatever_happens_later(self, tenant: Tenant, valued: Valuer) -> None:
        told = []
        for _ in history(tenant, seed=1):
            last = tenant.movements()[-1].movement_id
            told.append((AfterMovement(last), {method: valued(method) for method in Method}))
        for as_of, by_method in told[:: max(1, len(told) // 8)]:
            assert {method: valued(method, as_of=as_of) for method in Method} == by_method

    def test_first_in_first_out_is_what_the_stocked_items_were_worth(
        self, tenant: Tenant, database: Database, valued: Valuer
    ) -> None:
        for _ in history(tenant, seed=2):
            pass
        for movement_id, expected in layers(database, tenant.tenant_id):
            assert valued(as_of=AfterMovement(movement_id)) == expected

    @pytest.mark.parametrize("method", [Method.FIFO, Method.LIFO, Method.AVERAGE])
    def test_with_one_cost_for_all_units_each_method_says_the_same(
        self, tenant: Tenant, valued: Valuer, monkeypatch: pytest.MonkeyPatch, method: Method
    ) -> None:
        monkeypatch.setattr(valuation, "LINES_MAX", 3)
        for _ in history(tenant, seed=3, costs=(TWO,)):
            pass
        for on_hand, value, unknown in valued(method).values():
            assert value == 2 * (on_hand - unknown)

    def test_which_instant_it_is_is_told(self, tenant: Tenant, valued: Valuer) -> None:
        (position_id,) = tenant.positions()
        tenant.bring(adding(position_id, cost=TWO), adding(position_id, cost=TWO))
        time = tenant.movements()[-1].record_time
        assert time is not None
        assert valued.page().movement_id == 2
        assert valued.page(as_of=AfterMovement(1)).movement_id == 1
        assert valued.page(as_of=RecordedBy(time)).movement_id == 2
        with pytest.raises(WatchAhead):
            valued.page(as_of=RecordedBy(time + timedelta(days=1)))

    def test_nothing_is_worth_nothing(self, valued: Valuer) -> None:
        empty = valued.page(with_total=True)
        assert not empty.rows.rows
        assert (empty.total, empty.movement_id, empty.currency_code) == (Decimal(0), 0, "USD")


class TestPages:
    @pytest.fixture
    def positions(self, tenant: Tenant) -> list[int]:
        """Five positions, worth 2.00 to 10.00, between ones that are empty or closed."""
        positions = tenant.positions(8)
        kept = [positions[number] for number in (0, 1, 3, 5, 6)]
        tenant.bring(*(adding(one, number, cost=TWO) for number, one in enumerate(kept, start=1)))
        tenant.bring(adding(positions[4], cost=TWO))
        tenant.carry_out(removing(positions[4]))
        tenant.carry_out(closing(positions[7]))
        return kept

    @pytest.mark.parametrize("method", [Method.FIFO, Method.AVERAGE])
    def test_everything_comes_once_and_in_order(
        self, valued: Valuer, positions: list[int], monkeypatch: pytest.MonkeyPatch, method: Method
    ) -> None:
        monkeypatch.setattr(valuations_module, "HOLDINGS_MAX", 2)
        found: Worths = {}
        after = 0
        while True:
            page = valued.page(method, size=2, after=after, with_total=True)
            assert page.total == 30
            found |= worths(page.rows.rows)
            if not page.rows.more:
                break
            after = page.rows.rows[-1].position_id
        assert found == {one: of(number, 2 * number) for number, one in enumerate(positions, start=1)}
        assert list(found) == positions

    def test_a_page_that_is_just_full_is_the_last_one(self, valued: Valuer, positions: list[int]) -> None:
        assert not valued.page(size=len(positions)).rows.more
        assert valued.page(size=len(positions) - 1).rows.more

    def test_of_an_item_or_a_location_only_theirs_count(
        self, tenant: Tenant, valued: Valuer, positions: list[int]
    ) -> None:
        other = tenant.location("Other")
        moved = tenant.carry_out(transferring(positions[1], other)).movements[-1].position_id
        of_item = valued.page(item_id=2, with_total=True)
        assert worths(of_item.rows.rows) == {positions[1]: of(1, 2), moved: of(1, 2)}
        assert of_item.total == 4
        assert valued(location_id=other) == {moved: of(1, 2)}
        assert valued(location_id=other, item_id=1) == {}


class TestLimits:
    def test_what_takes_too_long_is_given_up(self, tenant: Tenant, valued: Valuer) -> None:
        (position_id,) = tenant.positions()
        tenant.bring(adding(position_id, cost=TWO))
        for method in Method:
            with pytest.raises(DeadlineExceeded):
                valued.page(method, until=time.monotonic())

    @pytest.mark.parametrize("method", list(Method))
    def test_more_than_an_amount_can_say_is_refused(self, tenant: Tenant, valued: Valuer, method: Method) -> None:
        (position_id,) = tenant.positions()
        dear = UnitCost("USD", Decimal(10**9))
        item = Item(1, 2, Tracking.NONE, 0, standard_cost=dear)
        tenant.descriptions.register_item(tenant.tenant_id, item, deadline=deadline())
        tenant.bring(adding(position_id, 5 * 10**8, cost=dear))
        assert valued(method) == {position_id: of(5 * 10**8, 5 * 10**17)}
        tenant.bring(adding(position_id, 5 * 10**8, cost=dear))
        with pytest.raises(StockLimitExceeded) as refused:
            valued(method)
        assert refused.value.position_id == position_id

    def test_so_is_a_total(self, tenant: Tenant, valued: Valuer) -> None:
        first, second = tenant.positions(2)
        dear = UnitCost("USD", Decimal(10**9))
        tenant.bring(adding(first, 5 * 10**8, cost=dear), adding(second, 5 * 10**8, cost=dear))
        assert len(valued()) == 2
        with pytest.raises(StockLimitExceeded):
            valued.page(with_total=True)


# --- histories ----------------------------------------------------------------------------------------------------

COSTS: Final = (dollars("1.10"), dollars("2.35"), dollars(0), None)


def history(tenant: Tenant, *, seed: int, costs: tuple[UnitCost | None, ...] = COSTS) -> Iterator[None]:
    """Lets much happen, a few changes at a time, of which some are refused: to an item here and there, and to single units."""
    chance = random.Random(seed)
    here, other = tenant.positions(2)
    there = tenant.location("There")
    beside = tenant.position(1, there)
    tenant.item(3, tracking=Tracking.SERIAL)
    single = tenant.position(3, there)
    main = tenant.location("Third")
    for number in range(24):
        unit = adding(single, cost=chance.choice(costs), serial_number=f"S{number}")
        (unit_id,) = tenant.bring(unit)
        place = chance.choice([here, other, beside])
        tenant.apply(*map(submission, _changes(chance, costs, place, there)))
        tenant.apply(submission(updating(unit_id, unit_cost=chance.choice([one for one in costs if one]))))
        if number % 5 == 0:
            tenant.apply(submission(transferring(StockedItemId(unit_id), main)))
        yield


def _changes(chance: random.Random, costs: tuple[UnitCost | None, ...], place: int, there: int) -> list[Operation]:
    """Some of all that can be done at a position, in any order."""
    age = datetime(2020, chance.randint(1, 12), 1, tzinfo=UTC)
    demand, order_line = chance.choice("AB"), f"PO {chance.randint(1, 2)}"
    quantity = chance.randint(1, 4)
    changes: list[Operation] = [
        adding(place, quantity, cost=chance.choice(costs), receive_time=age),
        adding(place, quantity, cost=chance.choice(costs)),
        removing(place, quantity),
        picking(place, quantity, demand),
        delivering(place, demand=demand),
        returning(place, 1, demand),
        transferring(place, there, quantity),
        counting(place, 3),
        expecting(place, 2, order_line),
        receiving(place, 1, order_line, cost=chance.choice(costs)),
        unreceiving(place, 1, order_line),
    ]
    return chance.sample(changes, k=4)


def test_a_history_has_all_that_matters(tenant: Tenant) -> None:
    for _ in history(tenant, seed=1):
        pass
    kits = {Kind.CONSUMED, Kind.PRODUCED}
    assert {movement.kind for movement in tenant.movements()} >= MATTERING - kits


def layers(database: Database, tenant_id: int) -> Iterator[tuple[int, Worths]]:
    """What the stocked items of each position were worth after each movement, as the movements say."""
    columns = tables.movement.c
    then: dict[int, tuple[int, Decimal, Decimal | None]] = {}
    with database.read() as connection:
        rows = connection.execute(
            select(tables.movement).where(columns.tenant_id == tenant_id).order_by(columns.movement_id)
        ).all()
    for row in rows:
        if row.stocked_item_id is not None:
            on_hand = row.available_after + row.reserved_after + row.picked_after
            then[row.stocked_item_id] = (row.position_id, on_hand, row.value_after)
        worths: Worths = {}
        for position_id, on_hand, value in then.values():
            before = worths.get(position_id, of(0, 0))
            unknown = on_hand if value is None else Decimal(0)
            worths[position_id] = (before[0] + on_hand, before[1] + (value or 0), before[2] + unknown)
        yield row.movement_id, {key: worths[key] for key in sorted(worths) if worths[key][0]}
