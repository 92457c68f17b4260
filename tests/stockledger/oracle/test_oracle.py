"""The oracle by itself: worked examples of what the contract says, small enough to be checked by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.stockledger.oracle import money
from tests.stockledger.oracle import requests as ask
from tests.stockledger.oracle.attempt import Answer
from tests.stockledger.oracle.oracle import Instant, Oracle
from tests.stockledger.oracle.refusals import Refusal
from tests.stockledger.oracle.requests import At, Change, Source, UnitCost
from tests.stockledger.oracle.state import Movement
from tests.stockledger.oracle.terms import Item, Terms
from tests.stockledger.oracle.valuing import valued

MOUSE, LOT, SERIAL, KIT = 1, 2, 3, 4
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
LONG_AGO: Final = datetime(2019, 1, 1, tzinfo=UTC)


class Store:
    """An oracle with a few items at two locations, asked one thing a second."""

    def __init__(self) -> None:
        items = {MOUSE: Item(scale=1), LOT: Item("lot"), SERIAL: Item("serial"), KIT: Item()}
        self.oracle = Oracle(Terms(items=items, active={"A": True, "B": True}))
        for item in items:
            self.oracle.open_position(item, "A")
        self.now = START
        self._asked = 0

    def do(self, request: ask.Request, name: str = "") -> tuple[Movement, ...]:
        """Carry it out; returns its movements."""
        return self.answer(request, name).movements

    def answer(self, request: ask.Request, name: str = "") -> Answer:
        """Carry it out."""
        self._asked += 1
        self.now += timedelta(seconds=1)
        return self.oracle.apply(Change(name or f"c{self._asked}", request), Instant(self.now, self.now))

    def refusal(self, request: ask.Request, name: str = "") -> Refusal:
        """Why it is not carried out; nothing has changed then."""
        before = self.oracle.state
        with pytest.raises(Refusal) as refused:
            self.do(request, name)
        assert self.oracle.state is before
        return refused.value

    def add(self, quantity: int | str, name: str, *, item: int = MOUSE, cost: str = "", **fields: Any) -> None:
        """Add units at A."""
        given = UnitCost(Decimal(cost)) if cost else None
        self.do(ask.AddStock(where=At(item, "A"), quantity=Decimal(quantity), cost=given, **fields), name)

    def available(self, position: str = "1@A") -> Decimal:
        """What is available at a position."""
        return self.oracle.as_it_is(self.now).totals(position).available


@pytest.fixture
def store() -> Store:
    return Store()


def mice(order: str = "", *, include_expired: bool = False) -> Source:
    return Source(At(MOUSE, "A"), order=order, include_expired=include_expired)


def drawn(movements: tuple[Movement, ...]) -> list[tuple[str, object]]:
    return [(one.layer.partition("/")[0], one.quantity) for one in movements]


def remove(quantity: int | str, source: Source | None = None) -> ask.RemoveStock:
    return ask.RemoveStock(source=source or mice(), quantity=Decimal(quantity))


def reserve(quantity: int, demand: str = "D", after: timedelta | None = None) -> ask.ReserveStock:
    return ask.ReserveStock(demand=demand, source=mice(), quantity=Decimal(quantity), expire_after=after)


class TestRemoving:
    def test_the_worked_example(self, store: Store) -> None:
        """40 mice in four stocked items; after 10, removing 20 takes 5, 10 and 5."""
        for year, received in ((2019, 15), (2020, 10), (2021, 20), (2022, 5)):
            store.add(received, f"of {year}", receive_time=LONG_AGO.replace(year=year))
        store.do(remove(10))
        assert drawn(store.do(remove(20))) == [("of 2019", 5), ("of 2020", 10), ("of 2021", 5)]

    def test_the_last_unit_takes_what_is_left_of_the_value(self, store: Store) -> None:
        store.add(3, "a", cost="0.335")
        assert [one.amount for _ in range(3) for one in store.do(remove(1))] == [
            Decimal("0.33"),
            Decimal("0.34"),
            Decimal("0.33"),
        ]

    @pytest.mark.parametrize(
        ("order", "taken"),
        [
            ("oldest_first", ["old", "late"]),
            ("newest_first", ["new", "late"]),
            ("first_expired_first", ["new", "late"]),
        ],
    )
    def test_each_order_passes_over_what_has_expired(self, store: Store, order: str, taken: list[str]) -> None:
        store.add(1, "old", receive_time=LONG_AGO)
        store.add(1, "gone", receive_time=LONG_AGO + timedelta(1), expire_time=LONG_AGO)
        store.add(1, "late", receive_time=LONG_AGO + timedelta(2), expire_time=datetime(2099, 1, 1, tzinfo=UTC))
        store.add(1, "new", expire_time=datetime(2098, 1, 1, tzinfo=UTC))
        assert [name for name, _ in drawn(store.do(remove(2, mice(order))))] == taken
        refusal = store.refusal(remove(3, mice(order)))
        assert (refusal.reason, refusal.metadata["availableQuantity"]) == ("INSUFFICIENT_STOCK", 1)
        assert "gone" in dict(drawn(store.do(remove(2, mice(order, include_expired=True)))))

    def test_all_or_none_is_none(self, store: Store) -> None:
        store.add(5, "a")
        changes = [Change("x", remove(3)), Change("y", remove(3))]
        with pytest.raises(Refusal) as refused:
            store.oracle.apply_all(changes, [Instant(store.now)] * 2)
        assert (refused.value.reason, refused.value.metadata["changeIndex"]) == ("INSUFFICIENT_STOCK", 1)
        assert store.available() == 5


class TestRepeating:
    def test_a_repeat_changes_nothing_and_a_mutated_one_is_refused(self, store: Store) -> None:
        store.add(5, "a")
        first = store.answer(remove(2), "x")
        assert store.answer(remove("2.0"), "x") == replace(first, replayed=True)
        assert store.refusal(remove(1), "x").reason == "REQUEST_ID_REUSED"
        assert store.available() == 3


class TestDemands:
    def test_what_expires_is_available_at_that_instant(self, store: Store) -> None:
        store.add(5, "a")
        store.do(reserve(4, after=timedelta(seconds=2)))
        assert store.refusal(remove(2)).metadata["availableQuantity"] == 1
        store.now += timedelta(seconds=1)
        assert drawn(store.do(remove(5))) == [("a", 5)]
        assert [(one.kind, one.effective_time) for one in store.oracle.expired] == [
            ("released", START + timedelta(seconds=4))
        ]

    def test_picks_what_is_reserved_first_and_puts_the_newest_back(self, store: Store) -> None:
        store.add(2, "a", receive_time=LONG_AGO)
        store.add(2, "b")
        store.do(reserve(1))
        picked = store.do(ask.PickStock(demand="D", source=mice("newest_first"), quantity=Decimal(3)))
        assert [(one.kind, one.layer, one.quantity) for one in picked] == [
            ("picked_reserved", "a/1", Decimal(1)),
            ("picked", "b/1", Decimal(2)),
        ]
        assert drawn(store.do(ask.UnpickStock(demand="D", source=mice(), quantity=Decimal(1)))) == [("b", 1)]
        assert drawn(store.do(ask.DeliverStock(demand="D", source=mice()))) == [("a", 1), ("b", 1)]

    def test_what_comes_back_is_worth_what_it_left_at(self, store: Store) -> None:
        store.add(3, "a", cost="0.335")
        store.do(ask.PickStock(demand="D", source=mice(), quantity=Decimal(2)))
        (out,) = store.do(ask.DeliverStock(demand="D", source=mice()))
        back = [store.do(ask.ReturnStock(demand="D", source=mice(), quantity=Decimal(1)))[0].amount for _ in range(2)]
        assert (out.amount, back) == (Decimal("0.67"), [Decimal("0.34"), Decimal("0.33")])

    def test_more_than_a_demand_has_is_refused(self, store: Store) -> None:
        store.add(5, "a")
        store.do(reserve(2))
        refusal = store.refusal(ask.ReleaseStock(demand="D", source=mice(), quantity=Decimal(3)))
        assert (refusal.reason, refusal.metadata["heldQuantity"]) == ("DEMAND_EXCEEDED", 2)
        assert "requestedQuantity" not in store.refusal(ask.ReleaseStock(demand="E", source=mice())).metadata


class TestTransferring:
    def test_age_and_cost_travel(self, store: Store) -> None:
        store.add(3, "a", cost="0.335", receive_time=LONG_AGO)
        out, into = store.do(ask.TransferStock(source=mice(), to_location="B", quantity=Decimal(1)), "t")
        child = store.oracle.state.layers["t/1"]
        assert (out.kind, into.kind, out.amount, into.amount) == (
            "transferred_out", "transferred_in", Decimal("0.33"), Decimal("0.33"),
        )  # fmt: skip
        assert (child.position, child.receive_time, child.unit_cost, child.parent) == (
            "1@B", LONG_AGO, Decimal("0.335"), "a/1",
        )  # fmt: skip

    def test_a_unit_with_a_serial_number_relocates(self, store: Store) -> None:
        store.add(1, "s", item=SERIAL, serial_number="S1")
        unit = Source(named=("s/1",))
        store.do(ask.TransferStock(source=unit, to_location="B", quantity=Decimal(1)))
        assert store.oracle.state.layers["s/1"].position == "3@B"
        assert store.refusal(remove(1, Source("3@B"))).reason == "SERIAL_UNIT_REQUIRED"


class TestCounting:
    def count(self, counted: int | str, at: datetime | None = None) -> ask.CountStock:
        return ask.CountStock(where="1@A", counted=Decimal(counted), count_time=at, reason="stocktake")

    def test_a_difference_is_taken_against_what_was_there_then(self, store: Store) -> None:
        store.add(5, "a")
        then = store.now
        store.do(remove(2))
        assert store.answer(self.count(6, then)).difference == 1
        assert store.available() == 4
        assert store.answer(self.count(2)).difference == -2
        assert store.available() == 2

    def test_fewer_than_are_promised_are_refused(self, store: Store) -> None:
        store.add(5, "a")
        store.do(reserve(4))
        assert store.refusal(self.count(3)).metadata["committedQuantity"] == 4

    def test_a_surplus_costs_what_was_received_last(self, store: Store) -> None:
        store.add(1, "a", cost="2")
        assert store.do(self.count(3))[0].amount == 4


class TestKits:
    def test_a_kit_is_worth_what_was_consumed_and_its_parts_what_it_was(self, store: Store) -> None:
        store.add(3, "a", cost="0.335")
        store.add(2, "b", item=LOT, cost="1", lot="X")
        components = (ask.Component(mice(), Decimal(2)), ask.Component(Source("2@A"), Decimal(1)))
        *_, kit = store.do(ask.AssembleStock(components=components, where="4@A", quantity=Decimal(2)), "k")
        assert (kit.amount, store.oracle.state.layers["k/1"].unit_cost) == (Decimal("1.67"), Decimal("0.835"))
        parts = tuple(ask.Part(where="1@A", quantity=Decimal(1)) for _ in range(3))
        _, *made = store.do(ask.DisassembleStock(source=Source("4@A"), quantity=Decimal(2), parts=parts))
        assert [one.amount for one in made] == [Decimal("0.56"), Decimal("0.56"), Decimal("0.55")]

    def test_amounts_are_divided_by_the_largest_remainders(self) -> None:
        weights = [Decimal(1), Decimal(1), Decimal(4)]
        assert money.divided(Decimal("0.05"), weights) == [Decimal("0.01"), Decimal("0.01"), Decimal("0.03")]
        assert money.divided(Decimal("0.01"), weights) == [Decimal(0), Decimal(0), Decimal("0.01")]


class TestOrders:
    def test_what_was_received_is_taken_back_while_it_is_free(self, store: Store) -> None:
        store.do(ask.ExpectStock(order_line="L", where="1@A", quantity=Decimal(5)))
        store.do(ask.ReceiveStock(order_line="L", where="1@A", quantity=Decimal(3)), "r")
        store.add(9, "a", receive_time=LONG_AGO)
        store.do(remove(1, Source(named=("r/1",))))
        back = ask.UnreceiveStock(order_line="L", source=mice(), quantity=Decimal(3))
        assert store.refusal(back).metadata["reversibleQuantity"] == 2
        assert [one.reverses for one in store.do(replace(back, quantity=Decimal(2)))] == ["r/1"]
        line = store.oracle.state.expectations["1@A", "L"]
        assert (line.on_order, line.received) == (Decimal(4), Decimal(1))

    def test_no_more_is_received_than_is_on_order(self, store: Store) -> None:
        store.do(ask.ExpectStock(order_line="L", where="1@A", quantity=Decimal(2)))
        refusal = store.refusal(ask.ReceiveStock(order_line="L", where="1@A", quantity=Decimal(3)))
        assert (refusal.reason, refusal.metadata["onOrderQuantity"]) == ("EXPECTATION_EXCEEDED", 2)


class TestReading:
    def test_the_past_is_as_it_was(self, store: Store) -> None:
        store.add(5, "a", cost="1.5")
        then = store.now
        store.do(remove(2))
        worth = [
            valued(store.oracle.terms, state, "FIFO")["1@A"] for state in (store.oracle.past(then), store.oracle.state)
        ]
        assert [(one.on_hand, one.value) for one in worth] == [
            (Decimal(5), Decimal("7.50")),
            (Decimal(3), Decimal("4.50")),
        ]

    def test_several_reasons_can_be_found_one_behind_the_other(self, store: Store) -> None:
        store.oracle.terms.active["A"] = False
        refusal = store.refusal(remove(1))
        assert refusal.reason == "LOCATION_INACTIVE"
        with pytest.raises(Refusal, match="INSUFFICIENT_STOCK"):
            store.oracle.apply(Change("x", remove(1)), Instant(store.now), frozenset({refusal.key}))
