"""WatchMovements as its clients meet it: what comes, from where, how it ends, and what it never shows."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from storekeeper.query.v1 import filter_pb2
from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit import paging
from storekeeper_kit.caller import Caller
from storekeeper_stockledger.servicer.watching import KINDS_MAX, _tokens
from tests.harness.databases import LedgerDatabase
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, caller, decimal
from tests.harness.watching import Watcher, movements
from tests.kit.waiting import eventually
from tests.stockledger.servicer.refusing import bad_fields, tells_nothing_of_the_inside

STALL_S: Final = 0.3
WATCHERS_MAX: Final = 2
LONG_REASON: Final = "x" * 500
ADDED, REMOVED = pb.MOVEMENT_KIND_ADDED, pb.MOVEMENT_KIND_REMOVED

Watch = Callable[..., Watcher]


@pytest.fixture
def watch(ledger: LedgerProcess, stock: Stock) -> Iterator[Watch]:
    """Watches as the client that `stock` is, or with other permissions."""
    with ExitStack() as watchers:

        def begin(permissions: Sequence[str] = ("*",), **wanted: Any) -> Watcher:
            metadata = caller(stock.tenant_id, "watcher", permissions)
            return watchers.enter_context(Watcher(ledger.address, metadata, **wanted))

        yield begin


@pytest.fixture(scope="module")
def strict(ledger_database: LedgerDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerProcess]:
    """A ledger that soon loses patience, on the module's database."""
    folder = tmp_path_factory.mktemp("strict")
    limits = {"WATCH_STALL_S": str(STALL_S), "WATCHERS_MAX": str(WATCHERS_MAX)}
    with LedgerProcess(ledger_database.service_url, folder, **limits) as process:
        yield process


def fill(stock: Stock) -> list[int]:
    """A dozen movements of two positions, and their positions."""
    positions = stock.positions(2)
    for quantity in (1, 2, 3):
        for position_id in positions:
            stock.add(position_id, quantity, unit_cost=7, reference=f"PO {quantity}")
            stock.remove(1, position_id=position_id, reason="used")
    return positions


def many(stock: Stock, count: int) -> None:
    """That many movements with long reasons."""
    (position_id,) = stock.positions()
    with ThreadPoolExecutor(16) as writers:
        list(writers.map(lambda _: stock.add(position_id, 1, reason=LONG_REASON), range(count)))


def token(tenant_id: int, movement_id: int) -> str:
    """A token as the ledger issues it."""
    return paging.issue(_tokens(Caller(tenant_id, "tester", frozenset())), (movement_id,))


def condition(field: str, **value: Any) -> filter_pb2.Filter:
    """A filter: this field has this value."""
    equal = filter_pb2.Condition(field=field, operator=filter_pb2.OPERATOR_EQUAL, values=[filter_pb2.Value(**value)])
    return filter_pb2.Filter(condition=equal)


class TestMovements:
    def test_they_are_told_as_the_list_has_them(self, stock: Stock, watch: Watch) -> None:
        fill(stock)
        assert movements(watch(from_beginning=True).until(12)) == stock.movements()

    def test_they_come_as_they_are_recorded(self, stock: Stock, watch: Watch) -> None:
        fill(stock)
        watching = watch()
        assert next(watching).last_movement_id == 12
        (position_id,) = stock.positions(1, location="Van")
        added = stock.add(position_id, 5)
        (first,) = next(watching).movements
        (removed,) = stock.remove(2, position_id=position_id)
        (second,) = next(watching).movements
        assert [first, second] == [added, removed] == stock.movements()[12:]

    def test_each_comes_once_and_in_order_while_many_write(self, stock: Stock, watch: Watch) -> None:
        positions = stock.positions(4)
        watching = [watch(), watch(position_id=positions[0])]
        for one in watching:
            next(one)

        def write(position_id: int) -> None:
            for _ in range(25):
                stock.add(position_id, 1)

        with ThreadPoolExecutor(4) as writers:
            writing = [writers.submit(write, position_id) for position_id in positions]
            everything = movements(watching[0].until(100))
        for each in writing:
            each.result()
        assert everything == stock.movements()
        wanted = stock.movements(position_id=positions[0])
        assert movements(watching[1].until(wanted[-1].movement_id)) == wanted

    def test_those_of_no_stocked_item_come_too(self, stock: Stock, watch: Watch) -> None:
        (position_id,) = stock.positions()
        expected = pb.ExpectStockRequest(
            request_id=stock.new_request_id(), position_id=position_id, order_line="PO 7/1", quantity=decimal(5)
        )
        stock.call("ExpectStock", expected)
        told = movements(watch(from_beginning=True, item_id=1, kinds=[pb.MOVEMENT_KIND_EXPECTED]).until(1))
        assert told == stock.movements()
        assert (told[0].stocked_item_id, told[0].order_line) == (0, "PO 7/1")

    def test_a_message_has_up_to_500(self, stock: Stock, watch: Watch) -> None:
        many(stock, 501)
        messages = watch(from_beginning=True).until(501)
        assert [(len(each.movements), each.last_movement_id, each.behind) for each in messages] == [
            (0, 0, 501),
            (500, 500, 1),
            (1, 501, 0),
        ]


class TestTokens:
    def test_a_watch_goes_on_after_any_message(self, stock: Stock, watch: Watch) -> None:
        (position_id,) = stock.positions()
        watching = watch()
        messages = [next(watching)]
        for _ in range(5):
            stock.add(position_id, 1)
            messages += watching.until(messages[-1].last_movement_id + 1)
        recorded = stock.movements()
        for message in messages:
            rest = movements(watch(token=message.token).until(5)) if message.last_movement_id < 5 else []
            assert rest == recorded[message.last_movement_id :]

    def test_a_token_wins_over_the_beginning(self, stock: Stock, watch: Watch) -> None:
        """So that a client may send the same request again, with the token that it has by then."""
        fill(stock)
        (first,) = watch().until(12)
        assert watch(token=first.token, from_beginning=True).until(12)[0].last_movement_id == 12

    def test_it_is_good_for_other_conditions(self, stock: Stock, watch: Watch) -> None:
        positions = fill(stock)
        (first,) = watch().until(12)
        added = stock.add(positions[1], 1)
        assert movements(watch(token=first.token, position_id=positions[1]).until(13)) == [added]

    @pytest.mark.parametrize("ahead", [1, 10**9])
    def test_one_that_lies_ahead_of_the_journal_is_refused(self, stock: Stock, watch: Watch, ahead: int) -> None:
        fill(stock)
        refusal = watch(token=token(stock.tenant_id, 12 + ahead)).refusal()
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.OUT_OF_RANGE, "WATCH_AHEAD")
        assert refusal.metadata == {"lastMovementId": "12"}
        assert tells_nothing_of_the_inside(refusal)

    def test_those_of_others_are_refused(self, stock: Stock, watch: Watch) -> None:
        fill(stock)
        page = stock.call("ListMovements", pb.ListMovementsRequest(page_size=1)).next_page_token
        for foreign in ("garbage", page, token(stock.tenant_id + 1, 1), token(stock.tenant_id, 1)[:-1]):
            assert bad_fields(watch(token=foreign).refusal()) == ["token"]


class TestConditions:
    @pytest.mark.parametrize(
        ("wanted", "passes"),
        [
            ({"item_id": 2}, lambda movement: movement.item_id == 2),
            ({"kinds": [REMOVED]}, lambda movement: movement.kind == REMOVED),
            ({"kinds": [ADDED, REMOVED], "item_id": 1}, lambda movement: movement.item_id == 1),
            ({"filter": condition("kind", text="REMOVED")}, lambda movement: movement.kind == REMOVED),
            ({"filter": condition("reason", text="used")}, lambda movement: movement.reason == "used"),
            ({"filter": condition("quantity", integer=2)}, lambda movement: movement.quantity.value == "2"),
            (
                {"filter": condition("reference", text="PO 1"), "item_id": 2},
                lambda movement: movement.reference == "PO 1" and movement.item_id == 2,
            ),
        ],
    )
    def test_only_what_passes_them_comes(
        self, stock: Stock, watch: Watch, wanted: dict[str, Any], passes: Callable[[pb.Movement], bool]
    ) -> None:
        fill(stock)
        expected = list(filter(passes, stock.movements()))
        assert expected
        assert movements(watch(from_beginning=True, **wanted).until(expected[-1].movement_id)) == expected

    def test_a_position_and_a_location_may_be_named(self, stock: Stock, watch: Watch) -> None:
        position_id, _ = fill(stock)
        expected = stock.movements(position_id=position_id)
        for wanted in ({"position_id": position_id}, {"location_id": expected[0].location_id, "item_id": 1}):
            assert movements(watch(from_beginning=True, **wanted).until(expected[-1].movement_id)) == expected


class TestRefusals:
    def test_all_bad_fields_are_told_at_once(self, watch: Watch) -> None:
        refusal = watch(
            token="garbage",
            position_id=-1,
            item_id=-1,
            location_id=-1,
            kinds=[ADDED, 99, pb.MOVEMENT_KIND_UNSPECIFIED],
            filter=condition("colour", text="red"),
        ).refusal()
        assert bad_fields(refusal) == [
            "token",
            "position_id",
            "item_id",
            "location_id",
            "filter.condition.field",
            "kinds[1]",
            "kinds[2]",
        ]
        assert tells_nothing_of_the_inside(refusal)

    def test_there_may_be_only_so_many_kinds(self, watch: Watch) -> None:
        assert bad_fields(watch(kinds=[ADDED] * (KINDS_MAX + 1)).refusal()) == ["kinds"]
        assert next(watch(kinds=[ADDED] * KINDS_MAX)).last_movement_id == 0

    def test_one_watcher_too_many_is_refused_until_another_leaves(self, strict: LedgerProcess) -> None:
        metadata = caller(1)
        with Watcher(strict.address, metadata) as first, Watcher(strict.address, metadata) as second:
            next(first)
            next(second)
            with Watcher(strict.address, metadata) as third:
                assert third.refusal().reason == "OVERLOADED"
        assert eventually(lambda: is_welcome(strict.address, metadata))


class TestCosts:
    @pytest.mark.parametrize("permissions", [("costs.view",), ("*",), (), ("stock.write",)], ids=",".join)
    def test_they_are_shown_to_those_who_may_see_them_and_to_nobody_else(
        self, stock: Stock, watch: Watch, permissions: Sequence[str]
    ) -> None:
        fill(stock)
        told = movements(watch(permissions, from_beginning=True).until(12))
        assert len(told) == 12
        assert {movement.HasField("amount") for movement in told} == {bool({"costs.view", "*"} & set(permissions))}

    def test_who_waits_beside_one_who_sees_them_sees_none(self, stock: Stock, watch: Watch) -> None:
        (position_id,) = stock.positions()
        watchers = {shown: watch(permissions) for shown, permissions in ((True, ["costs.view"]), (False, []))}
        for one in watchers.values():
            next(one)
        stock.add(position_id, 1, unit_cost=7)
        for shown, one in watchers.items():
            (movement,) = next(one).movements
            assert movement.HasField("amount") == shown

    def test_nobody_else_learns_of_them_by_a_filter(self, watch: Watch) -> None:
        assert bad_fields(watch((), filter=condition("amount", integer=7)).refusal()) == ["filter.condition.field"]


class TestSlowReaders:
    def test_one_who_takes_nothing_is_told_so_and_goes_on_from_the_last_that_came(
        self, strict: LedgerProcess, stock: Stock
    ) -> None:
        many(stock, 1200)
        with Watcher(strict.address, stock.metadata, from_beginning=True) as watching:
            assert eventually(lambda: "WATCH_STALLED" in strict.log.read_text())
            taken, refusal = watching.rest()

        assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCH_STALLED")
        assert taken[-1].last_movement_id < 1200
        with Watcher(strict.address, stock.metadata, token=taken[-1].token) as again:
            told = movements(taken) + movements(again.until(1200))
        assert [movement.movement_id for movement in told] == list(range(1, 1201))


class TestTheServersEnd:
    def test_watchers_are_told_and_may_go_on_elsewhere(
        self, ledger_database: LedgerDatabase, stock: Stock, tmp_path: Path
    ) -> None:
        with LedgerProcess(ledger_database.service_url, tmp_path, STOP_GRACE_S="60") as process:
            with Watcher(process.address, stock.metadata) as watching:
                next(watching)
                os.kill(process.pid, signal.SIGTERM)
                refusal = watching.refusal()
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING")
            process.wait_for_end()


def is_welcome(address: str, metadata: Any) -> bool:
    """Whether there is room for another watcher."""
    with Watcher(address, metadata) as watching:
        try:
            next(watching)
        except grpc.RpcError:
            return False
    return True
