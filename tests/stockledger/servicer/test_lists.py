"""Lists: filtered, ordered, and paged by tokens that are good for the query they came from and for no other."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit import paging
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, decimal
from tests.stockledger.servicer.refusing import bad_fields
from tests.stockledger.servicer.world import NAMES, World

ROWS: Final = {
    "ListLocations": "locations",
    "ListPositions": "positions",
    "ListStockedItems": "stocked_items",
    "ListMovements": "movements",
    "ListReservations": "reservations",
    "ListExpectations": "expectations",
}
ORDER: Final[dict[str, Callable[[Any], Any]]] = {
    "ListLocations": lambda row: row.location_id,
    "ListPositions": lambda row: row.position_id,
    "ListStockedItems": lambda row: (row.receive_time.ToNanoseconds(), row.stocked_item_id),
    "ListMovements": lambda row: row.movement_id,
    "ListReservations": lambda row: (row.position_id, row.demand, row.stocked_item_id),
    "ListExpectations": lambda row: (row.position_id, row.order_line),
}
CHANGED_QUERIES: Final = {
    "ListLocations": "active_only: true",
    "ListPositions": "item_id: $WHOLE",
    "ListStockedItems": "position_id: $whole",
    "ListMovements": "kind: MOVEMENT_KIND_ADDED",
    "ListReservations": "include_closed: true",
    "ListExpectations": "include_closed: true",
}
INVALID_TOKENS: Final = {
    "garbage": lambda token: "garbage",
    "cut": lambda token: token[:-1],
    "extended": lambda token: token + "A",
    "padded": lambda token: token + "=",
    "altered": lambda token: ("B" if token[0] == "A" else "A") + token[1:],
    "altered at its end": lambda token: token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
    "in other letters": lambda token: token.swapcase(),
    "not ASCII": lambda token: "é" + token,
    "endless": lambda token: token * 1000,
}


def rows(world: World, method: str, text: str = "") -> list[Any]:
    """All that a list has, in one page."""
    answer = world.do(method, f"page_size: 1000 {text}")
    assert answer.next_page_token == ""
    return list(getattr(answer, ROWS[method]))


def first_token(world: World, method: str) -> str:
    """The token of the page after the first row."""
    token: str = world.do(method, "page_size: 1").next_page_token
    assert token
    return token


@pytest.mark.parametrize("method", ROWS)
class TestPages:
    @pytest.mark.parametrize("size", [1, 2, 3])
    def test_page_by_page_everything_comes_once_and_in_order(self, world: World, method: str, size: int) -> None:
        found, token = [], ""
        while True:
            answer = world.do(method, f"page_size: {size} page_token: '{token}'")
            page = list(getattr(answer, ROWS[method]))
            found += page
            token = answer.next_page_token
            if not token:
                break
            assert len(page) == size
        assert found == rows(world, method)
        keys = [ORDER[method](row) for row in found]
        assert all(before < after for before, after in pairwise(keys))

    def test_the_size_may_change_from_page_to_page(self, world: World, method: str) -> None:
        answer = world.do(method, f"page_size: 1000 page_token: '{first_token(world, method)}'")
        assert list(getattr(answer, ROWS[method])) == rows(world, method)[1:]

    def test_a_page_that_holds_the_last_row_is_the_last_page(self, world: World, method: str) -> None:
        everything = len(rows(world, method))
        assert world.do(method, f"page_size: {everything}").next_page_token == ""
        assert world.do(method, f"page_size: {everything - 1}").next_page_token

    @pytest.mark.parametrize("invalid", INVALID_TOKENS.values(), ids=INVALID_TOKENS)
    def test_a_token_that_was_not_issued_is_refused(
        self, world: World, method: str, invalid: Callable[[str], str]
    ) -> None:
        request = world.request(method, "page_size: 1")
        request.page_token = invalid(first_token(world, method))
        assert bad_fields(world.stock.refusal(method, request)) == ["page_token"]

    def test_a_token_of_another_query_is_refused(self, world: World, method: str) -> None:
        text = f"page_token: '{first_token(world, method)}' {CHANGED_QUERIES[method]}"
        assert bad_fields(world.stock.refusal(method, world.request(method, text))) == ["page_token"]

    def test_a_token_of_another_list_is_refused(self, world: World, method: str) -> None:
        for other in ROWS.keys() - {method}:
            request = world.request(method, f"page_token: '{first_token(world, other)}'")
            assert bad_fields(world.stock.refusal(method, request)) == ["page_token"]

    def test_a_token_of_another_tenant_is_refused(self, world: World, stock: Stock, method: str) -> None:
        request = world.request(method, f"page_token: '{first_token(world, method)}'")
        assert bad_fields(stock.refusal(method, request)) == ["page_token"]

    def test_nothing_of_another_tenant_is_listed(self, world: World, stock: Stock, method: str) -> None:
        assert rows(world, method)
        assert list(getattr(stock.call(method, world.request(method, "")), ROWS[method])) == []


def test_a_forged_token_of_no_instant_is_refused(stock: Stock) -> None:
    """The digest is no secret: whoever computes it may name any place in their own list, but no time that isn't one."""
    request = pb.ListStockedItemsRequest()
    query = paging.Query.of(request, stock.tenant_id, (int, int))
    request.page_token = paging.issue(query, (2**62, 1))
    assert bad_fields(stock.refusal("ListStockedItems", request)) == ["page_token"]


def test_a_page_has_50_rows_unless_another_size_is_asked_for_and_never_more_than_1000(stock: Stock) -> None:
    (position_id,) = stock.positions()
    for _ in range(51):
        stock.add(position_id, 1)
    sizes = {
        size: len(stock.call("ListMovements", pb.ListMovementsRequest(page_size=size)).movements)
        for size in (0, 50, 51, 2**31 - 1)
    }
    assert sizes == {0: 50, 50: 50, 51: 51, 2**31 - 1: 51}


def test_movements_recorded_meanwhile_come_at_the_end(stock: Stock) -> None:
    (position_id,) = stock.positions()
    first, second = stock.add(position_id, 1), stock.add(position_id, 2)
    page = stock.call("ListMovements", pb.ListMovementsRequest(page_size=1))
    third = stock.add(position_id, 3)
    rest = stock.call("ListMovements", pb.ListMovementsRequest(page_token=page.next_page_token))
    assert [*page.movements, *rest.movements] == [first, second, third]


class TestFilters:
    def test_of_locations(self, world: World) -> None:
        assert [location.name for location in rows(world, "ListLocations")] == ["Main", "Closed"]
        assert [location.name for location in rows(world, "ListLocations", "active_only: true")] == ["Main"]

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("item_id: $WHOLE", ["whole", "whole_closed"]),
            ("location_id: $main", ["whole", "fine", "serial", "lot", "archived"]),
            ("item_id: $WHOLE location_id: $closed", ["whole_closed"]),
            ("item_id: $FINE location_id: $closed", []),
            ("item_id: $NOWHERE", []),
        ],
    )
    def test_of_positions(self, world: World, text: str, found: list[str]) -> None:
        listed = [position.position_id for position in rows(world, "ListPositions", text)]
        assert listed == [getattr(world, name) for name in found]

    def test_of_reservations(self, world: World) -> None:
        everything = rows(world, "ListReservations")
        assert [one.demand for one in everything] == ["SO 1", "SO 2", "SO 3"]
        assert rows(world, "ListReservations", "demand: 'SO 2'") == everything[1:2]
        assert rows(world, "ListReservations", "position_id: $lot item_id: $LOT location_id: $main") == everything
        for nobody in ("demand: 'SO'", "position_id: $whole", "stocked_item_id: $oldest", "location_id: $closed"):
            assert rows(world, "ListReservations", nobody) == []

    def test_of_expectations(self, world: World) -> None:
        everything = rows(world, "ListExpectations")
        assert [one.order_line for one in everything] == ["PO 1", "PO 2", "PO 3"]
        assert rows(world, "ListExpectations", "order_line: 'PO 2'") == everything[1:2]
        assert rows(world, "ListExpectations", "position_id: $lot item_id: $LOT location_id: $main") == everything
        for nothing in ("order_line: 'PO'", "position_id: $whole", "item_id: $WHOLE", "location_id: $closed"):
            assert rows(world, "ListExpectations", nothing) == []

    def test_of_positions_below_their_minimum(self, stock: Stock) -> None:
        short, met, _ = stock.positions(3)
        for position_id, minimum in ((short, 6), (met, 5)):
            position = pb.Position(position_id=position_id, minimum=decimal(minimum))
            stock.call(
                "UpdatePosition", pb.UpdatePositionRequest(position=position, update_mask=FieldMask(paths=["minimum"]))
            )
            stock.add(position_id, 5)
        listed = stock.call("ListPositions", pb.ListPositionsRequest(below_minimum=True)).positions
        assert [position.position_id for position in listed] == [short]

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("position_id: $whole", ["oldest", "newest"]),
            ("item_id: $SERIAL", ["serial_unit"]),
            ("location_id: $main item_id: $WHOLE", ["oldest", "newest"]),
            ("serial_number: 'A1'", ["serial_unit"]),
            ("serial_number: 'A2'", []),
            ("serial_number: 'A1' item_id: $WHOLE", []),
        ],
    )
    def test_of_stocked_items(self, world: World, text: str, found: list[str]) -> None:
        listed = [stocked_item.stocked_item_id for stocked_item in rows(world, "ListStockedItems", text)]
        assert listed == [getattr(world, name) for name in found]

    def test_of_stocked_items_on_hand(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        emptied, left = stock.add(position_id, 1), stock.add(position_id, 1)
        stock.remove(1, position_id=position_id)
        listed = stock.call("ListStockedItems", pb.ListStockedItemsRequest(on_hand_only=True)).stocked_items
        assert [stocked_item.stocked_item_id for stocked_item in listed] == [left.stocked_item_id]
        everything = stock.stocked_items(position_id)
        assert [one.stocked_item_id for one in everything] == [emptied.stocked_item_id, left.stocked_item_id]

    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("position_id: $whole", 3),
            ("stocked_item_id: $oldest", 2),
            ("item_id: $WHOLE", 4),
            ("item_id: $WHOLE location_id: $closed", 1),
            ("location_id: $closed", 1),
            ("request_id: $used", 1),
            ("request_id: $ID", 0),
            ("kind: MOVEMENT_KIND_REMOVED", 1),
            ("kind: MOVEMENT_KIND_ADDED position_id: $whole", 2),
            ("stocked_item_id: $newest kind: MOVEMENT_KIND_REMOVED", 0),
            ("record_time_before { seconds: 0 }", 0),
            ("record_time_from { seconds: 253402300799 }", 0),
            ("record_time_from { seconds: 0 } record_time_before { seconds: 253402300799 } position_id: $whole", 3),
        ],
    )
    def test_of_movements(self, removed_one: World, text: str, count: int) -> None:
        assert len(rows(removed_one, "ListMovements", text)) == count

    @pytest.fixture
    def removed_one(self, ledger: LedgerProcess) -> Iterator[World]:
        """A world of its own, in which one unit was removed."""
        with Stock(ledger.address) as stock:
            world = World(stock)
            stock.remove(1, item_at_location=(NAMES["WHOLE"], world.main))
            yield world

    def test_of_movements_by_the_instant_of_record(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        first, second, third = (stock.add(position_id, units) for units in (1, 2, 3))
        from_second = stock.movements(record_time_from=second.record_time)
        before_second = stock.movements(record_time_before=second.record_time)
        assert (before_second, from_second) == ([first], [second, third])
