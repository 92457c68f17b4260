"""InventoryStockedItems: the units that came together, found by what they are, and never written directly."""

from decimal import Decimal

import pytest

from tests.gateway.client import VENDOR_ID, Autotask
from tests.gateway.places import Hand
from tests.harness.stock import OLDEST, Stock

ENTITY = "InventoryStockedItems"


@pytest.fixture
def position_id(autotask: Autotask) -> int:
    return autotask.position()


def test_a_stocked_item_says_what_it_is(autotask: Autotask, stock: Stock, position_id: int) -> None:
    stocked_item_id = stock.add(position_id, 5, OLDEST, unit_cost="9.0625").stocked_item_id
    position = autotask.get("InventoryProducts", position_id)
    said = {name: value for name, value in autotask.get(ENTITY, stocked_item_id).items() if value is not None}
    assert said == {
        "id": stocked_item_id,
        "inventoryProductID": position_id,
        "currentInventoryLocationID": position["inventoryLocationID"],
        "productID": position["productID"],
        "onHandUnits": 5,
        "availableUnits": 5,
        "reservedUnits": 0,
        "pickedUnits": 0,
        "deliveredUnits": 0,
        "transferredUnits": 0,
        "removedUnits": 0,
        "unitCost": Decimal("9.0625"),
        "createDateTime": "2019-01-01T00:00:00.000Z",
    }


def test_there_is_none_of_an_unknown_id(autotask: Autotask) -> None:
    for row_id in (0, 4711, 99_999_999_999, 10**18 - 1):
        assert autotask.find(ENTITY, row_id) is None


def test_on_hand_counts_free_units_only(autotask: Autotask, hand: Hand, position_id: int) -> None:
    """Otherwise the counters would not add up to what was received. The inventory product counts all that are there."""
    stocked_item_id = autotask.add(position_id, 10)
    for place, quantity in {"reserved": 1, "picked": 2, "delivered": 3, "transferred": 1}.items():
        hand.take(stocked_item_id, place, quantity)
    autotask.remove(1, inventoryProductID=position_id)
    assert autotask.units(stocked_item_id) == {
        "onHandUnits": 2,
        "reservedUnits": 1,
        "pickedUnits": 2,
        "deliveredUnits": 3,
        "transferredUnits": 1,
        "removedUnits": 1,
    }
    assert autotask.get(ENTITY, stocked_item_id)["availableUnits"] == 2
    assert autotask.get("InventoryProducts", position_id)["onHandUnits"] == 5


def test_they_are_listed_by_id_whatever_their_age(autotask: Autotask, stock: Stock, position_id: int) -> None:
    ids = [autotask.add(position_id), stock.add(position_id, 1, OLDEST).stocked_item_id]
    assert [row["id"] for row in autotask.query(ENTITY)] == ids == sorted(ids)


class TestBelowAnInventoryProduct:
    def test_its_stocked_items_are_listed(self, autotask: Autotask, position_id: int) -> None:
        ids = [autotask.add(position_id), autotask.add(position_id)]
        autotask.add(autotask.position())
        payload = autotask.done("GET", f"InventoryProducts/{position_id}/StockedItems")
        assert [row["id"] for row in payload["items"]] == ids
        assert payload["pageDetails"] == {
            "count": 2, "requestCount": 500, "prevPageUrl": None, "nextPageUrl": None
        }  # fmt: skip

    def test_one_of_them_is_read(self, autotask: Autotask, position_id: int) -> None:
        stocked_item_id = autotask.add(position_id)
        below = autotask.find(f"InventoryProducts/{position_id}/StockedItems", stocked_item_id)
        assert below == autotask.get(ENTITY, stocked_item_id)

    def test_one_of_another_is_not(self, autotask: Autotask, position_id: int) -> None:
        stocked_item_id = autotask.add(autotask.position())
        assert autotask.find(f"InventoryProducts/{position_id}/StockedItems", stocked_item_id) is None

    @pytest.mark.parametrize("parent_id", [0, 4711, 2**31 - 1, 2**31, 10**18 - 1])
    def test_an_unknown_one_has_none(self, autotask: Autotask, parent_id: int) -> None:
        assert autotask.done("GET", f"InventoryProducts/{parent_id}/StockedItems")["items"] == []

    def test_there_is_no_query_below_it(self, autotask: Autotask, position_id: int) -> None:
        query = {"filter": [{"op": "exist", "field": "id"}]}
        autotask.refusal("POST", f"InventoryProducts/{position_id}/StockedItems/query", query, status=404)


class TestWriting:
    @pytest.mark.parametrize("verb", ["POST", "PATCH", "PUT"])
    @pytest.mark.parametrize("path", [ENTITY, "InventoryProducts/{}/StockedItems"])
    def test_no_row_is_written(self, autotask: Autotask, position_id: int, verb: str, path: str) -> None:
        stocked_item_id = autotask.add(position_id, 5)
        before = autotask.get(ENTITY, stocked_item_id)
        answer = autotask.send(verb, path.format(position_id), {"id": stocked_item_id, "onHandUnits": 7})
        assert answer.status == 405
        assert autotask.query(ENTITY) == [before]

    def test_no_row_is_deleted(self, autotask: Autotask, position_id: int) -> None:
        stocked_item_id = autotask.add(position_id, 5)
        assert autotask.send("DELETE", f"{ENTITY}/{stocked_item_id}").status == 405


class TestQueries:
    def test_by_serial_number(self, autotask: Autotask) -> None:
        position_id = autotask.serialized_position()
        ids = {number: autotask.add(position_id, serialNumber=number) for number in ("A-1", "A-2", "B-1")}
        found = autotask.query(ENTITY, {"op": "beginsWith", "field": "serialNumber", "value": "a-"})
        assert [row["id"] for row in found] == [ids["A-1"], ids["A-2"]]

    def test_by_what_only_autotask_knows(self, autotask: Autotask, position_id: int) -> None:
        stocked_item_id = autotask.add(position_id, vendorInvoiceNumber="INV-1")
        autotask.add(position_id, vendorID=VENDOR_ID + 1)
        assert autotask.count(ENTITY, {"op": "gt", "field": "vendorID", "value": VENDOR_ID}) == 1
        (row,) = autotask.query(ENTITY, {"op": "eq", "field": "vendorInvoiceNumber", "value": "inv-1"})
        assert row["id"] == stocked_item_id

    def test_by_what_it_counts(self, autotask: Autotask, position_id: int) -> None:
        emptied, kept = autotask.add(position_id, 5), autotask.add(position_id, 5)
        autotask.remove(5, inventoryProductID=position_id)
        (row,) = autotask.query(ENTITY, {"op": "gt", "field": "onHandUnits", "value": 0})
        assert row["id"] == kept
        (row,) = autotask.query(ENTITY, {"op": "eq", "field": "availableUnits", "value": 0})
        assert row["id"] == emptied

    def test_not_by_what_cannot_be_queried(self, autotask: Autotask) -> None:
        query = {"filter": [{"op": "exist", "field": "parentStockedItemReceivedUnits"}]}
        assert "can't be queried" in autotask.refusal("POST", f"{ENTITY}/query", query)
