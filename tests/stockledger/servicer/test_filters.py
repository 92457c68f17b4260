"""Filters of all lists over a real server: each field that the contract names, and none besides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.querying import Fields
from storekeeper_stockledger.storage.fields import (
    EXPECTATION_FIELDS,
    LOCATION_FIELDS,
    MOVEMENT_FIELDS,
    POSITION_FIELDS,
    RESERVATION_FIELDS,
    STOCKED_ITEM_FIELDS,
)
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import OLDEST, Stock, caller
from tests.stockledger.dump import Dump
from tests.stockledger.servicer.refusing import bad_fields, refusal
from tests.stockledger.servicer.test_lists import ROWS, rows
from tests.stockledger.servicer.world import World

CONTRACT: Final = Path(__file__).parents[3] / "protos/storekeeper/stockledger/v1/stock_ledger.proto"

DECLARED: Final[Mapping[str, Fields]] = {
    "ListLocations": LOCATION_FIELDS,
    "ListPositions": POSITION_FIELDS,
    "ListStockedItems": STOCKED_ITEM_FIELDS,
    "ListMovements": MOVEMENT_FIELDS,
    "ListReservations": RESERVATION_FIELDS,
    "ListExpectations": EXPECTATION_FIELDS,
}
IDS: Final = {
    "ListLocations": "location_id",
    "ListPositions": "position_id",
    "ListStockedItems": "stocked_item_id",
    "ListMovements": "movement_id",
    "ListReservations": "stocked_item_id",
    "ListExpectations": "position_id",
}


def condition(field: str, operator: str, *values: str) -> str:
    """A condition as text."""
    listed = " ".join(f"values {{ {value} }}" for value in values)
    return f"condition {{ field: '{field}' operator: OPERATOR_{operator} {listed} }}"


def only(field: str, operator: str, *values: str) -> str:
    """A filter of one condition, as text."""
    return f"filter {{ {condition(field, operator, *values)} }}"


def found(world: World, method: str, text: str) -> list[int]:
    """The ids of the rows that pass."""
    return [getattr(row, IDS[method]) for row in rows(world, method, text)]


@pytest.fixture(scope="module")
def known(ledger: LedgerProcess) -> World:
    """A tenant with something in every field that a filter may ask for."""
    stock = Stock(ledger.address)
    world = World(stock)
    stock.metadata = caller(stock.tenant_id, "anna")
    world.do(
        "UpdateLocation",
        "location { location_id: $closed extensions { key: 'autotask' value: '{\"resourceID\":7,\"isDefault\":true}' } }"
        " update_mask { paths: 'extensions' }",
    )
    world.do(
        "UpdatePosition",
        "position { position_id: $whole bin: 'A1' reference_number: 'R-7' minimum { value: '20' }"
        " maximum { value: '30' } extensions { key: 'autotask' value: '{\"note\":\"Regal\",\"share\":0.50}' } }"
        " update_mask { paths: 'bin' paths: 'reference_number' paths: 'minimum' paths: 'maximum' paths: 'extensions' }",
    )
    world.do(
        "AddStock",
        "request_id: $ID position_id: $fine quantity { value: '0.125' } reason: 'found' reference: 'PO 9'"
        " expire_time { seconds: 4102444800 } invoice_number: 'INV 7'"
        " extensions { key: 'autotask' value: '{\"vendorID\":29683}' }",
    )
    ids = [f"request_id: '{stock.new_request_id()}' quantity {{ value: '1' }}" for _ in range(3)]
    world.do("ReceiveStock", f"{ids[0]} order_line: 'PO 1' position_id: $lot lot: 'L2'")
    world.do("PickStock", f"{ids[1]} demand: 'SO 1' source {{ position_id: $lot }}")
    world.do("TransferStock", f"{ids[2]} source {{ position_id: $fine }} to_location_id: {stock.location('Third')}")
    stock.remove(7, position_id=world.whole, reason="broken")
    world.fresh = str(stock.position(5, world.main))
    return world


@dataclass(frozen=True, slots=True)
class Case:
    """A filter of one condition, and how many rows pass it."""

    method: str
    count: int
    field: str
    condition: str

    def __str__(self) -> str:
        return f"{self.method} {self.condition}"


def asking(method: str, count: int, field: str, operator: str, *values: str) -> Case:
    """A condition that so many rows of a list pass."""
    return Case(method, count, field, condition(field, operator, *values))


THEN: Final = f"time {{ seconds: {int(OLDEST.timestamp())} }}"

CASES: Final = [
    # --- ListLocations ---
    asking("ListLocations", 1, "location_id", "EQUAL", "integer: $main"),
    asking("ListLocations", 1, "name", "BEGINS_WITH", "text: 'Clo'"),
    asking("ListLocations", 1, "active", "EQUAL", "boolean: false"),
    asking("ListLocations", 3, "create_time", "GREATER", "time { seconds: 0 }"),
    asking("ListLocations", 1, "extensions.autotask.resourceID", "EQUAL", "integer: 7"),
    asking("ListLocations", 1, "extensions.autotask.isDefault", "EQUAL", "boolean: true"),
    asking("ListLocations", 0, "extensions.saasu.resourceID", "EXISTS"),
    # --- ListPositions ---
    asking("ListPositions", 2, "position_id", "IN", "integer: $whole", "integer: $lot", "integer: $NOWHERE"),
    asking("ListPositions", 2, "item_id", "EQUAL", "integer: $WHOLE"),
    asking("ListPositions", 2, "location_id", "NOT_EQUAL", "integer: $main"),
    asking("ListPositions", 1, "bin", "EXISTS"),
    asking("ListPositions", 1, "reference_number", "CONTAINS", "text: '-'"),
    asking("ListPositions", 2, "creator", "EQUAL", "text: 'anna'"),
    asking("ListPositions", 1, "minimum", "GREATER", "decimal { value: '0' }"),
    asking("ListPositions", 7, "maximum", "NOT_EXISTS"),
    asking("ListPositions", 1, "totals.on_hand", "EQUAL", "decimal { value: '8.0' }"),
    asking("ListPositions", 1, "totals.available", "EQUAL", "decimal { value: '1.125' }"),
    asking("ListPositions", 7, "totals.reserved", "EQUAL", "integer: 0"),
    asking("ListPositions", 1, "totals.picked", "GREATER", "integer: 0"),
    asking("ListPositions", 7, "totals.on_order", "LESS_OR_EQUAL", "integer: 0"),
    asking("ListPositions", 0, "create_time", "LESS", "time { seconds: 0 }"),
    asking("ListPositions", 1, "extensions.autotask.note", "EQUAL", "text: 'Regal'"),
    asking("ListPositions", 1, "extensions.autotask.share", "EQUAL", "decimal { value: '0.5' }"),
    asking("ListPositions", 0, "extensions.autotask.share", "EQUAL", "text: '0.50'"),
    # --- ListStockedItems ---
    asking("ListStockedItems", 1, "stocked_item_id", "LESS_OR_EQUAL", "integer: $oldest"),
    asking("ListStockedItems", 3, "position_id", "EQUAL", "integer: $fine"),
    asking("ListStockedItems", 2, "item_id", "EQUAL", "integer: $LOT"),
    asking("ListStockedItems", 1, "location_id", "EQUAL", "integer: $closed"),
    asking("ListStockedItems", 1, "receive_time", "EQUAL", THEN),
    asking("ListStockedItems", 0, "create_time", "EQUAL", THEN),
    asking("ListStockedItems", 1, "places.received", "EQUAL", "integer: 10"),
    asking("ListStockedItems", 1, "places.available", "EQUAL", "integer: 0"),
    asking("ListStockedItems", 9, "places.reserved", "EQUAL", "integer: 0"),
    asking("ListStockedItems", 9, "places.picked", "EQUAL", "integer: 0"),
    asking("ListStockedItems", 0, "places.delivered", "GREATER", "integer: 0"),
    asking("ListStockedItems", 1, "places.transferred", "GREATER", "integer: 0"),
    asking("ListStockedItems", 2, "places.removed", "GREATER", "integer: 1"),
    asking("ListStockedItems", 3, "unit_cost.value", "GREATER_OR_EQUAL", "decimal { value: '2.5' }"),
    asking("ListStockedItems", 2, "lot", "EXISTS"),
    asking("ListStockedItems", 1, "serial_number", "EQUAL", "text: 'A1'"),
    asking("ListStockedItems", 1, "order_line", "EQUAL", "text: 'PO 1'"),
    asking("ListStockedItems", 1, "invoice_number", "BEGINS_WITH", "text: 'INV'"),
    asking("ListStockedItems", 1, "expire_time", "GREATER", "time { seconds: 4102444799 }"),
    asking("ListStockedItems", 1, "parent_stocked_item_id", "EXISTS"),
    asking("ListStockedItems", 1, "extensions.autotask.vendorID", "EQUAL", "integer: 29683"),
    # --- ListMovements ---
    asking("ListMovements", 2, "movement_id", "LESS", "integer: 3"),
    asking("ListMovements", 20, "operation_id", "EXISTS"),
    asking("ListMovements", 2, "line", "EQUAL", "integer: 2"),
    asking("ListMovements", 2, "stocked_item_id", "EQUAL", "integer: $oldest"),
    asking("ListMovements", 4, "position_id", "EQUAL", "integer: $fine"),
    asking("ListMovements", 9, "item_id", "EQUAL", "integer: $LOT"),
    asking("ListMovements", 1, "location_id", "EQUAL", "integer: $closed"),
    asking("ListMovements", 2, "kind", "EQUAL", "text: 'REMOVED'"),
    asking("ListMovements", 2, "quantity", "LESS", "integer: 1"),
    asking("ListMovements", 2, "amount", "EQUAL", "decimal { value: '12.5' }"),
    asking("ListMovements", 2, "reason", "EQUAL", "text: 'broken'"),
    asking("ListMovements", 18, "reference", "NOT_EXISTS"),
    asking("ListMovements", 2, "demand", "EQUAL", "text: 'SO 1'"),
    asking("ListMovements", 4, "order_line", "BEGINS_WITH", "text: 'PO'"),
    asking("ListMovements", 7, "actor", "EQUAL", "text: 'anna'"),
    asking("ListMovements", 1, "effective_time", "EQUAL", THEN),
    asking("ListMovements", 20, "record_time", "GREATER", "time { seconds: 0 }"),
    # --- ListReservations ---
    asking("ListReservations", 2, "demand", "NOT_EQUAL", "text: 'SO 1'"),
    asking("ListReservations", 3, "stocked_item_id", "GREATER", "integer: $oldest"),
    asking("ListReservations", 3, "position_id", "EQUAL", "integer: $lot"),
    asking("ListReservations", 3, "item_id", "EQUAL", "integer: $LOT"),
    asking("ListReservations", 0, "location_id", "EQUAL", "integer: $closed"),
    asking("ListReservations", 2, "reserved", "EQUAL", "decimal { value: '1' }"),
    asking("ListReservations", 1, "picked", "EQUAL", "integer: 1"),
    asking("ListReservations", 0, "delivered", "GREATER", "integer: 0"),
    asking("ListReservations", 2, "expire_time", "EXISTS"),
    # --- ListExpectations ---
    asking("ListExpectations", 1, "order_line", "ENDS_WITH", "text: '2'"),
    asking("ListExpectations", 2, "position_id", "EQUAL", "integer: $lot"),
    asking("ListExpectations", 2, "item_id", "EQUAL", "integer: $LOT"),
    asking("ListExpectations", 0, "location_id", "EQUAL", "integer: $closed"),
    asking("ListExpectations", 2, "on_order", "GREATER", "integer: 0"),
    asking("ListExpectations", 2, "received", "EQUAL", "integer: 0"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_field_can_be_asked_for(known: World, case: Case) -> None:
    passing = found(known, case.method, f"filter {{ {case.condition} }}")
    assert len(passing) == case.count
    failing = found(known, case.method, f"filter {{ negation {{ {case.condition} }} }}")
    assert sorted(passing + failing) == sorted(found(known, case.method, ""))


def test_each_field_of_the_contract_is_asked_for_and_declared() -> None:
    contract = CONTRACT.read_text(encoding="utf-8")
    asked: dict[str, set[str]] = {method: set() for method in ROWS}
    for case in CASES:
        asked[case.method].add(re.sub(r"^extensions\..*", "extensions.<vendor>.<key>", case.field))
    for method, fields in DECLARED.items():
        (message,) = re.findall(rf"message {method}Request {{(.*?)\n}}", contract, re.DOTALL)
        comment = message.partition("Fields: ")[2].partition("storekeeper.query.v1.Filter filter")[0]
        named = set(re.findall(r"`([^`]+)`", comment)) - {"costs.view"}
        assert named == asked[method]
        of_vendors = {"extensions.<vendor>.<key>"} if fields.extensions is not None else set()
        assert named == fields.by_name.keys() | of_vendors


def test_a_filter_holds_beside_all_other_conditions(known: World) -> None:
    text = only("places.available", "GREATER", "integer: 0")
    assert found(known, "ListStockedItems", f"position_id: $whole {text}") == [known.newest]


@pytest.mark.parametrize("method", ROWS)
class TestBadFilters:
    def test_what_cannot_be_answered_is_refused_by_its_path(self, known: World, dump: Dump, method: str) -> None:
        failure = refusal(known, dump, method, f"page_size: -1 {only('tenant_id', 'EQUAL', 'integer: 1')}")
        assert bad_fields(failure) == ["page_size", "filter.condition.field"]

    def test_an_empty_one_is_refused(self, known: World, dump: Dump, method: str) -> None:
        assert bad_fields(refusal(known, dump, method, "filter { }")) == ["filter"]

    def test_a_token_is_good_for_its_filter_only(self, known: World, method: str) -> None:
        first = only(IDS[method], "GREATER", "integer: 0")
        answer = known.do(method, f"page_size: 1 {first}")
        text = f"page_token: '{answer.next_page_token}'"
        assert len(found(known, method, f"{text} {first}")) == len(found(known, method, "")) - 1
        for other in ("", only(IDS[method], "GREATER", "integer: -1")):
            assert bad_fields(known.stock.refusal(method, known.request(method, f"{text} {other}"))) == ["page_token"]


@pytest.mark.parametrize(("method", "field"), [("ListStockedItems", "unit_cost.value"), ("ListMovements", "amount")])
def test_costs_are_not_asked_for_by_those_who_may_not_see_them(
    ledger: LedgerProcess, known: World, method: str, field: str
) -> None:
    with Stock(ledger.address, tenant_id=known.tenant_id) as blind:
        blind.metadata = caller(known.tenant_id, permissions=["stock.write"])
        failure = blind.refusal(method, known.request(method, only(field, "EXISTS")))
    assert bad_fields(failure) == ["filter.condition.field"]


class TestTotals:
    @pytest.mark.parametrize("method", ["ListLocations", "ListPositions", "ListStockedItems"])
    def test_all_pages_are_counted_when_it_is_asked_for(self, known: World, method: str) -> None:
        everything = len(found(known, method, ""))
        assert known.do(method, "page_size: 1").total_size == 0
        assert known.do(method, "page_size: 1 with_total_size: true").total_size == everything
        none = only(IDS[method], "LESS", "integer: 0")
        assert known.do(method, f"with_total_size: true {none}").total_size == 0

    def test_the_same_number_stands_on_every_page(self, known: World) -> None:
        text = f"page_size: 2 with_total_size: true {only('position_id', 'EQUAL', 'integer: $fine')}"
        first = known.do("ListStockedItems", text)
        second = known.do("ListStockedItems", f"{text} page_token: '{first.next_page_token}'")
        assert (first.total_size, second.total_size) == (3, 3)
        assert (len(first.stocked_items), len(second.stocked_items)) == (2, 1)


class TestOrders:
    @pytest.fixture
    def ages(self, stock: Stock) -> tuple[int, list[int]]:
        """A position whose stocked items came younger ones first; their ids as they were recorded."""
        (position_id,) = stock.positions()
        years = range(2024, 2019, -1)
        return position_id, [stock.add(position_id, 1, OLDEST.replace(year=year)).stocked_item_id for year in years]

    @pytest.mark.parametrize("order", ["", "age", "stocked_item_id"])
    def test_stocked_items_come_in_the_order_that_is_asked_for_page_by_page(
        self, stock: Stock, ages: tuple[int, list[int]], order: str
    ) -> None:
        listed, token = [], ""
        while True:
            request = pb.ListStockedItemsRequest(order_by=order, page_size=2, page_token=token)
            answer = stock.call("ListStockedItems", request)
            listed += [one.stocked_item_id for one in answer.stocked_items]
            token = answer.next_page_token
            if not token:
                break
        _, ids = ages
        assert listed == (ids if order == "stocked_item_id" else ids[::-1])

    def test_a_token_is_good_for_its_order_only(self, stock: Stock, ages: tuple[int, list[int]]) -> None:
        token = stock.call("ListStockedItems", pb.ListStockedItemsRequest(page_size=1)).next_page_token
        request = pb.ListStockedItemsRequest(page_token=token, order_by="stocked_item_id")
        assert bad_fields(stock.refusal("ListStockedItems", request)) == ["page_token"]

    @pytest.mark.parametrize("order", ["receive_time", "stocked_item_id,age", "AGE", "; --"])
    def test_another_order_is_refused(self, stock: Stock, order: str) -> None:
        request = pb.ListStockedItemsRequest(order_by=order)
        assert bad_fields(stock.refusal("ListStockedItems", request)) == ["order_by"]


def test_a_page_ends_where_a_message_is_full(stock: Stock) -> None:
    """However much vendors know: nothing is left out, the pages are just shorter."""
    (position_id,) = stock.positions()
    text = '{"x":"' + 32_000 * "y" + '"}'
    extensions = {f"vendor_{number}": text for number in range(10)}
    ids = [stock.add(position_id, 1, extensions=extensions).stocked_item_id for _ in range(30)]
    assert [one.stocked_item_id for one in stock.stocked_items(position_id)] == ids
    request = pb.ListStockedItemsRequest(page_size=30)
    assert 10 <= len(stock.call("ListStockedItems", request).stocked_items) < 30
