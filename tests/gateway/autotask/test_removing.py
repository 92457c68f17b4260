"""InventoryStockedItemsRemove: units leave by hand, from one stocked item, or the oldest of a product."""

from datetime import datetime
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.gateway.client import Autotask
from tests.gateway.places import Hand
from tests.harness.stock import Stock

STOCKED = "InventoryStockedItems"
ROOT = "InventoryStockedItemsRemove"

RECEIVED = {"2019-01-01": 15, "2020-05-06": 10, "2020-09-08": 20, "2021-02-09": 5}
"""The mice of Autotask's example; ten of the oldest are gone already."""
SERIAL_NUMBERS = ("A", "B", "C")


def below(position_id: int) -> str:
    """The address of removals below an inventory product."""
    return f"InventoryProducts/{position_id}/StockedItemsRemove"


class Mice:
    """Forty mice, which came on four occasions."""

    def __init__(self, autotask: Autotask, stock: Stock) -> None:
        self.autotask = autotask
        self.position_id = autotask.position()
        # Additions over REST take no date.
        self.ids = [
            stock.add(self.position_id, quantity, datetime.fromisoformat(f"{day}T00:00:00Z")).stocked_item_id
            for day, quantity in RECEIVED.items()
        ]
        autotask.remove(10, inventoryStockedItemID=self.ids[0])

    def rows(self) -> list[dict[str, Any]]:
        """What a client finds that looks for the product."""
        product_id = self.autotask.get("InventoryProducts", self.position_id)["productID"]
        return self.autotask.query(STOCKED, {"op": "eq", "field": "productID", "value": product_id})

    def left(self) -> list[int]:
        """What is left of each stocked item, the oldest first."""
        units = {row["id"]: row["onHandUnits"] for row in self.rows()}
        return [units[stocked_item_id] for stocked_item_id in self.ids]

    def refusal(self, payload: dict[str, Any], path: str = ROOT) -> str:
        """Why a removal is refused; nothing was removed."""
        before = self.rows()
        sentences = self.autotask.refusal("POST", path, payload)
        assert self.rows() == before
        return sentences


@pytest.fixture
def mice(autotask: Autotask, stock: Stock) -> Mice:
    return Mice(autotask, stock)


@pytest.fixture
def serials(autotask: Autotask) -> dict[str, int]:
    """Stocked items of one serialized product, by their serial numbers."""
    position_id = autotask.serialized_position()
    return {number: autotask.add(position_id, serialNumber=number) for number in SERIAL_NUMBERS}


class TestTheExampleOfTheMice:
    def test_a_query_by_product_finds_all_four_with_their_ages(self, mice: Mice) -> None:
        assert [(row["id"], row["createDateTime"][:10], row["onHandUnits"]) for row in mice.rows()] == list(
            zip(mice.ids, RECEIVED, [5, 10, 20, 5], strict=True)
        )
        assert [row["availableUnits"] for row in mice.rows()] == [5, 10, 20, 5]

    def test_five_then_ten_then_five_of_the_oldest(self, mice: Mice) -> None:
        for quantity, stocked_item_id in zip((5, 10, 5), mice.ids, strict=False):
            assert mice.autotask.remove(quantity, inventoryStockedItemID=stocked_item_id) == stocked_item_id
        assert mice.left() == [0, 0, 15, 5]

    def test_ten_and_ten(self, mice: Mice) -> None:
        """The second ten can't come from the row of the first ten, as the example has it: that one is empty by then."""
        mice.autotask.remove(10, inventoryStockedItemID=mice.ids[1])
        assert "[10]" in mice.refusal({"inventoryStockedItemID": mice.ids[1], "quantityBeingRemoved": 10})
        mice.autotask.remove(10, inventoryStockedItemID=mice.ids[2])
        assert mice.left() == [5, 0, 10, 5]

    def test_twenty_of_one(self, mice: Mice) -> None:
        mice.autotask.remove(20, inventoryStockedItemID=mice.ids[2])
        assert mice.left() == [5, 10, 0, 5]

    def test_twenty_of_the_product_are_the_oldest(self, mice: Mice) -> None:
        assert mice.autotask.remove(20, inventoryProductID=mice.position_id) == mice.ids[0]
        assert mice.left() == [0, 0, 15, 5]

    def test_all_forty_of_the_product_and_not_one_more(self, mice: Mice) -> None:
        assert "[41]" in mice.refusal({"inventoryProductID": mice.position_id, "quantityBeingRemoved": 41})
        mice.autotask.remove(40, inventoryProductID=mice.position_id)
        assert mice.left() == [0, 0, 0, 0]
        assert mice.autotask.get("InventoryProducts", mice.position_id)["onHandUnits"] == 0

    def test_what_was_received_is_the_sum_of_the_counters(self, mice: Mice) -> None:
        mice.autotask.remove(20, inventoryProductID=mice.position_id)
        sums = [sum(mice.autotask.units(stocked_item_id).values()) for stocked_item_id in mice.ids]
        assert sums == list(RECEIVED.values())


class TestWhichUnits:
    def test_below_an_inventory_product_its_oldest_go(self, mice: Mice) -> None:
        mice.autotask.create(below(mice.position_id), {"quantityBeingRemoved": 7})
        assert mice.left() == [0, 8, 20, 5]

    def test_body_and_address_may_both_name_the_inventory_product(self, mice: Mice) -> None:
        payload = {"inventoryProductID": mice.position_id, "quantityBeingRemoved": 7}
        mice.autotask.create(below(mice.position_id), payload)
        assert mice.left() == [0, 8, 20, 5]

    def test_below_an_inventory_product_a_stocked_item_of_it_may_be_named(self, mice: Mice) -> None:
        payload = {"inventoryProductID": None, "inventoryStockedItemID": mice.ids[2], "quantityBeingRemoved": 7}
        mice.autotask.create(below(mice.position_id), payload)
        assert mice.left() == [5, 10, 13, 5]

    def test_body_and_address_must_agree(self, mice: Mice) -> None:
        other = below(mice.autotask.position())
        for field, row_id in (("inventoryProductID", mice.position_id), ("inventoryStockedItemID", mice.ids[0])):
            assert field in mice.refusal({field: row_id, "quantityBeingRemoved": 1}, other)

    @pytest.mark.parametrize("path", ["root", "below"])
    def test_only_one_of_the_two_ids_may_be_given(self, mice: Mice, path: str) -> None:
        both = {"inventoryProductID": mice.position_id, "inventoryStockedItemID": mice.ids[0]}
        where = ROOT if path == "root" else below(mice.position_id)
        sentences = mice.refusal({**both, "quantityBeingRemoved": 1}, where)
        assert all(name in sentences for name in both)

    @pytest.mark.parametrize("nothing", [{}, {"inventoryProductID": None, "inventoryStockedItemID": ""}], ids=len)
    def test_one_of_them_must_be_given(self, mice: Mice, nothing: dict[str, object]) -> None:
        sentences = mice.refusal({**nothing, "quantityBeingRemoved": 1})
        assert "inventoryStockedItemID" in sentences
        assert "inventoryProductID" in sentences

    @pytest.mark.parametrize("field", ["inventoryProductID", "inventoryStockedItemID"])
    @pytest.mark.parametrize("row_id", [0, -1, 2**31 - 1])
    def test_it_must_exist(self, mice: Mice, field: str, row_id: int) -> None:
        assert field in mice.refusal({field: row_id, "quantityBeingRemoved": 1})

    def test_another_tenants_units_do_not_exist(self, mice: Mice, autotask: Autotask) -> None:
        autotask.http.headers["storekeeper-tenant"] = str(2**40)
        for field, row_id in (("inventoryProductID", mice.position_id), ("inventoryStockedItemID", mice.ids[0])):
            assert field in autotask.refusal("POST", ROOT, {field: row_id, "quantityBeingRemoved": 1})


class TestHowMany:
    def test_their_number_must_be_given(self, mice: Mice) -> None:
        sentences = mice.refusal({"inventoryProductID": mice.position_id})
        assert "required field quantityBeingRemoved." in sentences

    @pytest.mark.parametrize("quantity", [0, -5, 1.5, "few", 2**31, True])
    def test_it_is_whole_and_positive(self, mice: Mice, quantity: object) -> None:
        sentences = mice.refusal({"inventoryProductID": mice.position_id, "quantityBeingRemoved": quantity})
        assert "quantityBeingRemoved" in sentences

    def test_it_is_no_more_than_is_available_of_the_stocked_item(self, mice: Mice) -> None:
        sentences = mice.refusal({"inventoryStockedItemID": mice.ids[0], "quantityBeingRemoved": 6})
        assert "[6]" in sentences
        assert "availableUnits [5]" in sentences

    @pytest.mark.parametrize("place", ["reserved", "picked", "delivered", "transferred", "removed"])
    def test_units_elsewhere_are_never_taken(self, mice: Mice, hand: Hand, place: str) -> None:
        hand.take(mice.ids[0], place, 5)
        hand.take(mice.ids[1], place, 4)
        assert "availableUnits [0]" in mice.refusal({"inventoryStockedItemID": mice.ids[0], "quantityBeingRemoved": 1})
        assert "availableUnits [31]" in mice.refusal(
            {"inventoryProductID": mice.position_id, "quantityBeingRemoved": 32}
        )
        assert mice.autotask.remove(7, inventoryProductID=mice.position_id) == mice.ids[1]
        assert mice.left() == [0, 0, 19, 5]
        assert mice.autotask.units(mice.ids[1])[f"{place}Units"] == (10 if place == "removed" else 4)


class TestSerializedUnits:
    def test_a_unit_is_found_by_its_serial_number_and_removed(
        self, autotask: Autotask, serials: dict[str, int]
    ) -> None:
        (row,) = autotask.query(STOCKED, {"op": "eq", "field": "serialNumber", "value": "B"})
        assert row["id"] == serials["B"]
        assert autotask.remove(1, inventoryStockedItemID=row["id"]) == row["id"]
        after = autotask.get(STOCKED, row["id"])
        assert after == row | {"onHandUnits": 0, "availableUnits": 0, "removedUnits": 1}
        assert [autotask.units(serials[number]) for number in "AC"] == [{"onHandUnits": 1}] * 2

    def test_a_removal_makes_no_new_row(self, autotask: Autotask, serials: dict[str, int]) -> None:
        autotask.remove(1, inventoryStockedItemID=serials["B"])
        assert [row["id"] for row in autotask.query(STOCKED)] == list(serials.values())

    def test_the_sum_of_the_counters_is_always_one(
        self, autotask: Autotask, serials: dict[str, int], hand: Hand
    ) -> None:
        autotask.remove(1, inventoryStockedItemID=serials["A"])
        hand.take(serials["B"], "reserved", 1)
        assert [sum(autotask.units(stocked_item_id).values()) for stocked_item_id in serials.values()] == [1, 1, 1]

    def test_none_is_taken_at_the_level_of_the_product(self, autotask: Autotask, serials: dict[str, int]) -> None:
        position_id = autotask.get(STOCKED, serials["A"])["inventoryProductID"]
        payload = {"inventoryProductID": position_id, "quantityBeingRemoved": 1}
        assert "inventoryStockedItemID" in autotask.refusal("POST", ROOT, payload)
        assert "inventoryStockedItemID" in autotask.refusal("POST", below(position_id), {"quantityBeingRemoved": 1})
        assert autotask.get("InventoryProducts", position_id)["onHandUnits"] == 3

    def test_no_more_than_one_is_removed(self, autotask: Autotask, serials: dict[str, int]) -> None:
        payload = {"inventoryStockedItemID": serials["A"], "quantityBeingRemoved": 2}
        assert "[2]" in autotask.refusal("POST", ROOT, payload)
        assert autotask.units(serials["A"]) == {"onHandUnits": 1}

    @pytest.mark.parametrize("place", ["reserved", "picked", "delivered", "removed"])
    def test_a_unit_elsewhere_is_never_taken(
        self, autotask: Autotask, serials: dict[str, int], hand: Hand, place: str
    ) -> None:
        hand.take(serials["A"], place, 1)
        payload = {"inventoryStockedItemID": serials["A"], "quantityBeingRemoved": 1}
        assert "availableUnits [0]" in autotask.refusal("POST", ROOT, payload)
        assert autotask.units(serials["A"]) == {f"{place}Units": 1}

    def test_a_unit_that_went_to_another_location_is_removed_there(
        self, autotask: Autotask, serials: dict[str, int], hand: Hand
    ) -> None:
        before = autotask.get(STOCKED, serials["A"])
        hand.take(serials["A"], "transferred", 1)
        after = autotask.get(STOCKED, serials["A"])
        assert after["inventoryProductID"] != before["inventoryProductID"]
        assert autotask.remove(1, inventoryStockedItemID=serials["A"]) == serials["A"]
        assert autotask.units(serials["A"]) == {"removedUnits": 1}


class TestReasons:
    @pytest.fixture
    def required(self, stock: Stock) -> None:
        settings = pb.Settings(reason_required=True)
        mask = FieldMask(paths=["reason_required"])
        stock.call("UpdateSettings", pb.UpdateSettingsRequest(settings=settings, update_mask=mask))

    def test_a_reason_is_on_record(self, mice: Mice, stock: Stock) -> None:
        payload = {"quantityBeingRemoved": 20, "reasonForUpdate": "fell off the shelf"}
        mice.autotask.create(below(mice.position_id), payload)
        *_, first, second, third = stock.movements()
        assert {movement.reason for movement in (first, second, third)} == {"fell off the shelf"}
        assert third.actor == "api@example.com"

    @pytest.mark.usefixtures("required")
    @pytest.mark.parametrize("reason", [None, ""], ids=repr)
    def test_it_is_required_when_the_setting_says_so(self, autotask: Autotask, stock: Stock, reason: object) -> None:
        position_id = autotask.position()
        stock.add(position_id, 5, reason="found")
        payload = {"quantityBeingRemoved": 1, "reasonForUpdate": reason}
        assert "required field reasonForUpdate" in autotask.refusal("POST", below(position_id), payload)
        autotask.create(below(position_id), {**payload, "reasonForUpdate": "lost"})
        assert autotask.get("InventoryProducts", position_id)["onHandUnits"] == 4

    @pytest.mark.usefixtures("required")
    def test_a_serialized_unit_needs_one_as_well(self, autotask: Autotask) -> None:
        position_id = autotask.serialized_position()
        stocked_item_id = autotask.add(position_id, serialNumber="A", reasonForUpdate="found")
        payload = {"inventoryStockedItemID": stocked_item_id, "quantityBeingRemoved": 1}
        assert "required field reasonForUpdate" in autotask.refusal("POST", ROOT, payload)
        autotask.create(ROOT, {**payload, "reasonForUpdate": "lost"})
        assert autotask.units(stocked_item_id) == {"removedUnits": 1}

    def test_it_is_not_required_otherwise(self, mice: Mice) -> None:
        mice.autotask.create(below(mice.position_id), {"quantityBeingRemoved": 1, "reasonForUpdate": None})

    def test_it_has_500_characters_at_most(self, mice: Mice) -> None:
        payload = {"inventoryProductID": mice.position_id, "quantityBeingRemoved": 1}
        assert "reasonForUpdate" in mice.refusal({**payload, "reasonForUpdate": "x" * 501})
        mice.autotask.create(ROOT, {**payload, "reasonForUpdate": "x" * 500})


class TestRepeats:
    def test_a_repeat_that_says_so_removes_once(self, mice: Mice) -> None:
        payload = {"inventoryProductID": mice.position_id, "quantityBeingRemoved": 20}
        for _ in range(3):
            assert mice.autotask.create(ROOT, payload, Idempotency_Key="charge 7") == mice.ids[0]
        assert mice.left() == [0, 0, 15, 5]

    def test_it_is_a_repeat_at_either_address(self, mice: Mice) -> None:
        payload = {"inventoryProductID": mice.position_id, "quantityBeingRemoved": 20}
        mice.autotask.create(ROOT, payload, Idempotency_Key="charge 7")
        mice.autotask.create(below(mice.position_id), payload, Idempotency_Key="charge 7")
        assert mice.left() == [0, 0, 15, 5]

    def test_other_contents_are_refused(self, mice: Mice) -> None:
        payload = {"inventoryProductID": mice.position_id, "quantityBeingRemoved": 1}
        mice.autotask.create(ROOT, payload, Idempotency_Key="charge 7")
        before = mice.left()
        other = {**payload, "quantityBeingRemoved": 2}
        assert "Idempotency-Key" in mice.autotask.refusal("POST", ROOT, other, Idempotency_Key="charge 7")
        assert mice.left() == before

    def test_a_key_that_something_else_was_done_with_is_refused(self, mice: Mice) -> None:
        mice.autotask.add(mice.position_id, 5, Idempotency_Key="charge 7")
        before = mice.rows()
        removal = {"inventoryProductID": mice.position_id, "quantityBeingRemoved": 1}
        requests = (("POST", ROOT, removal), ("DELETE", f"InventoryProducts/{mice.position_id}", None))
        for verb, path, payload in requests:
            assert "Idempotency-Key" in mice.autotask.refusal(verb, path, payload, Idempotency_Key="charge 7")
        assert mice.rows() == before

    def test_a_refused_request_uses_up_no_key(self, mice: Mice) -> None:
        payload = {"inventoryProductID": mice.position_id, "quantityBeingRemoved": 41}
        mice.autotask.refusal("POST", ROOT, payload, Idempotency_Key="charge 7")
        mice.autotask.create(ROOT, {**payload, "quantityBeingRemoved": 40}, Idempotency_Key="charge 7")
        assert mice.left() == [0, 0, 0, 0]

    @pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"], ids=["none", "long", "unprintable"])
    def test_a_key_that_is_none_is_refused(self, mice: Mice, key: str) -> None:
        payload = {"inventoryProductID": mice.position_id, "quantityBeingRemoved": 1}
        before = mice.left()
        assert "Idempotency-Key" in mice.autotask.refusal("POST", ROOT, payload, status=400, Idempotency_Key=key)
        assert mice.left() == before

    def test_without_a_key_a_repeat_is_a_new_request(self, mice: Mice) -> None:
        for _ in range(2):
            mice.autotask.remove(5, inventoryProductID=mice.position_id)
        assert mice.left() == [0, 5, 20, 5]


class TestWhatItIs:
    """It can be created, and nothing else."""

    @pytest.mark.parametrize("verb", ["PATCH", "PUT", "GET", "DELETE"])
    def test_it_is_only_created(self, autotask: Autotask, verb: str) -> None:
        answer = autotask.send(verb, ROOT, {"quantityBeingRemoved": 1})
        assert answer.status == 405
        assert answer.payload == {"Message": f"The requested resource does not support http method '{verb}'."}

    @pytest.mark.parametrize(
        "field", ["id", "inventoryStockedItemID", "inventoryProductID", "quantityBeingRemoved", "reasonForUpdate"]
    )
    @pytest.mark.parametrize("path", ["query", "query/count"])
    def test_none_of_its_fields_can_be_queried(self, autotask: Autotask, field: str, path: str) -> None:
        query = {"filter": [{"op": "exist", "field": field}]}
        assert "can't be queried" in autotask.refusal("POST", f"{ROOT}/{path}", query)

    def test_it_is_never_read(self, autotask: Autotask) -> None:
        assert "can't be queried" in autotask.refusal("GET", f"{ROOT}/1")
