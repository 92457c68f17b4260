"""InventoryProducts, and InventoryItems as they were before release 2022.1: a product at a location, and its limits."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.gateway.client import LIMITS, Autotask
from tests.gateway.places import Hand
from tests.harness.gateway_process import GatewayProcess
from tests.harness.stock import Stock

PRODUCTS = "InventoryProducts"
ITEMS = "InventoryItems"
BOTH = pytest.mark.parametrize("entity", [PRODUCTS, ITEMS])

DESCRIBED: dict[str, Any] = {"quantityMinimum": 5, "quantityMaximum": 50, "bin": "A-1", "referenceNumber": "R-1"}
REQUIRED = ("productID", "inventoryLocationID", "quantityMinimum", "quantityMaximum")
ROUNDS = 5


def payload(autotask: Autotask, entity: str, **fields: Any) -> dict[str, Any]:
    """What creates one: a new product at a new location, unless they are named."""
    on_hand = {"quantityOnHand": 0} if entity == ITEMS else {}
    given = {**LIMITS, **on_hand, **fields}
    given.setdefault("productID", autotask.product())
    given.setdefault("inventoryLocationID", autotask.location())
    return given


def rows(autotask: Autotask) -> list[dict[str, Any]]:
    """All that there are, under both names."""
    return autotask.query(PRODUCTS) + autotask.query(ITEMS)


class TestCreating:
    @BOTH
    def test_it_comes_back_as_it_was_sent(self, autotask: Autotask, entity: str) -> None:
        sent = payload(autotask, entity, **DESCRIBED)
        row = autotask.get(entity, autotask.create(entity, sent))
        assert {name: row[name] for name in sent} == sent

    def test_it_is_empty(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        product, item = autotask.get(PRODUCTS, position_id), autotask.get(ITEMS, position_id)
        assert [product[name] for name in ("onHandUnits", "availableUnits", "reservedUnits", "pickedUnits")] == [0] * 4
        assert product["unitsOnOrder"] == 0
        assert [item[f"quantity{name}"] for name in ("OnHand", "OnOrder", "Reserved", "Picked")] == [0] * 4
        assert product["createDateTime"].endswith("Z")

    @BOTH
    def test_all_required_fields_that_are_missing_are_told_at_once(self, autotask: Autotask, entity: str) -> None:
        refusal = autotask.refusal("POST", entity, {"bin": "A-1"})
        assert all(f"required field {name}." in refusal for name in REQUIRED)
        assert ("required field quantityOnHand." in refusal) == (entity == ITEMS)

    @BOTH
    def test_a_product_is_at_a_location_once(self, autotask: Autotask, entity: str) -> None:
        sent = payload(autotask, entity)
        row_id = autotask.create(entity, sent)
        refusal = autotask.refusal("POST", entity, {**sent, "bin": "B-2"})
        assert "already exists" in refusal
        assert f"[{sent['productID']}]" in refusal
        assert f"[{sent['inventoryLocationID']}]" in refusal
        assert [row["id"] for row in rows(autotask)] == [row_id] * 2
        assert autotask.get(entity, row_id)["bin"] is None

    @BOTH
    def test_a_location_must_be_active(self, autotask: Autotask, entity: str) -> None:
        location_id = autotask.location(isActive=False)
        refusal = autotask.refusal("POST", entity, payload(autotask, entity, inventoryLocationID=location_id))
        assert f"[{location_id}]" in refusal
        assert "active" in refusal
        assert rows(autotask) == []

    @BOTH
    @pytest.mark.parametrize("field", ["productID", "inventoryLocationID"])
    @pytest.mark.parametrize("row_id", [4711, 2**31 - 1, 0, -1])
    def test_what_it_refers_to_must_exist(self, autotask: Autotask, entity: str, field: str, row_id: int) -> None:
        refusal = autotask.refusal("POST", entity, payload(autotask, entity, **{field: row_id}))
        assert field in refusal
        assert rows(autotask) == []

    def test_a_product_must_be_active(self, autotask: Autotask) -> None:
        product_id = autotask.product(isActive=False)
        assert "active" in autotask.refusal("POST", PRODUCTS, payload(autotask, PRODUCTS, productID=product_id))

    @BOTH
    def test_a_minimum_is_not_negative(self, autotask: Autotask, entity: str) -> None:
        assert "quantityMinimum" in autotask.refusal("POST", entity, payload(autotask, entity, quantityMinimum=-1))
        assert rows(autotask) == []

    @BOTH
    def test_a_maximum_is_not_below_the_minimum(self, autotask: Autotask, entity: str) -> None:
        sent = payload(autotask, entity, quantityMinimum=5)
        assert "quantityMaximum" in autotask.refusal("POST", entity, {**sent, "quantityMaximum": 4})
        assert rows(autotask) == []
        row_id = autotask.create(entity, {**sent, "quantityMaximum": 5})
        assert autotask.get(entity, row_id)["quantityMaximum"] == 5

    def test_units_on_hand_cannot_be_given(self, autotask: Autotask) -> None:
        assert "quantityOnHand" in autotask.refusal("POST", ITEMS, payload(autotask, ITEMS, quantityOnHand=5))
        assert rows(autotask) == []

    def test_what_the_server_counts_is_ignored(self, autotask: Autotask) -> None:
        counted = {"onHandUnits": 5, "availableUnits": "many", "reservedUnits": 1, "backOrderQuantity": 7}
        row = autotask.get(PRODUCTS, autotask.create(PRODUCTS, payload(autotask, PRODUCTS, **counted)))
        assert [row[name] for name in counted] == [0, 0, 0, None]

    def test_a_repeat_that_says_so_opens_it_once(self, autotask: Autotask) -> None:
        sent = payload(autotask, PRODUCTS)
        row_id = autotask.create(PRODUCTS, sent, Idempotency_Key="one")
        assert autotask.create(PRODUCTS, sent, Idempotency_Key="one") == row_id
        assert "already exists" in autotask.refusal("POST", PRODUCTS, sent, Idempotency_Key="two")


class TestChanging:
    @BOTH
    def test_what_is_not_given_is_kept(self, autotask: Autotask, entity: str) -> None:
        row_id = autotask.create(entity, payload(autotask, entity, **DESCRIBED))
        before = autotask.get(entity, row_id)
        assert autotask.patch(entity, row_id, bin="B-2", quantityMinimum="6") == row_id
        assert autotask.get(entity, row_id) == before | {"bin": "B-2", "quantityMinimum": 6}

    @BOTH
    @pytest.mark.parametrize("field", ["bin", "referenceNumber"])
    def test_null_clears(self, autotask: Autotask, entity: str, field: str) -> None:
        row_id = autotask.create(entity, payload(autotask, entity, **DESCRIBED))
        before = autotask.get(entity, row_id)
        autotask.patch(entity, row_id, **{field: None})
        assert autotask.get(entity, row_id) == before | {field: None}

    @BOTH
    def test_what_is_required_cannot_be_cleared(self, autotask: Autotask, entity: str) -> None:
        row_id = autotask.create(entity, payload(autotask, entity, **DESCRIBED))
        nothing = {"id": row_id, "quantityMinimum": None, "quantityMaximum": ""}
        refusal = autotask.refusal("PATCH", entity, nothing)
        assert "required field quantityMinimum." in refusal
        assert "required field quantityMaximum." in refusal

    @BOTH
    def test_product_and_location_are_fixed(self, autotask: Autotask, entity: str) -> None:
        row_id = autotask.create(entity, payload(autotask, entity))
        before = autotask.get(entity, row_id)
        autotask.patch(entity, row_id, productID=autotask.product(), inventoryLocationID=autotask.location())
        assert autotask.get(entity, row_id) == before

    @BOTH
    @pytest.mark.parametrize(
        ("limits", "blamed"),
        [
            ({"quantityMinimum": -1}, "quantityMinimum"),
            ({"quantityMinimum": 51}, "quantityM"),
            ({"quantityMaximum": 4}, "quantityM"),
            ({"quantityMaximum": -1}, "quantityMaximum"),
            ({"quantityMinimum": 10, "quantityMaximum": 9}, "quantityMaximum"),
            ({"quantityMinimum": 1.5}, "quantityMinimum"),
            ({"quantityMaximum": 2**31}, "quantityMaximum"),
        ],
    )
    def test_limits_keep_their_order(
        self, autotask: Autotask, entity: str, limits: dict[str, Any], blamed: str
    ) -> None:
        row_id = autotask.create(entity, payload(autotask, entity, **DESCRIBED))
        before = autotask.get(entity, row_id)
        assert blamed in autotask.refusal("PATCH", entity, {"id": row_id, **limits})
        assert autotask.get(entity, row_id) == before

    @BOTH
    def test_a_full_update_clears_what_is_left_out(self, autotask: Autotask, entity: str) -> None:
        row_id = autotask.create(entity, payload(autotask, entity, **DESCRIBED))
        before = autotask.get(entity, row_id)
        on_hand = {"quantityOnHand": 0} if entity == ITEMS else {}
        autotask.put(entity, row_id, **LIMITS, **on_hand, referenceNumber="R-2")
        assert autotask.get(entity, row_id) == before | LIMITS | {"bin": None, "referenceNumber": "R-2"}

    @BOTH
    def test_a_record_can_be_put_back_as_it_was_read(self, autotask: Autotask, entity: str) -> None:
        position_id = autotask.position(**DESCRIBED)
        autotask.add(position_id, 7)
        before = autotask.get(entity, position_id)
        autotask.done("PUT", entity, before)
        assert autotask.get(entity, position_id) == before

    def test_units_on_hand_cannot_be_changed(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        autotask.add(position_id, 7)
        for quantity in (6, 8, 0):
            refusal = autotask.refusal("PATCH", ITEMS, {"id": position_id, "quantityOnHand": quantity, "bin": "B-2"})
            assert "quantityOnHand" in refusal
            assert "InventoryStockedItemsAdd" in refusal
        item = autotask.get(ITEMS, position_id)
        assert (item["quantityOnHand"], item["bin"]) == (7, None)

    def test_units_on_hand_may_be_said_again(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        autotask.add(position_id, 7)
        autotask.patch(ITEMS, position_id, quantityOnHand=7, bin="B-2")
        assert autotask.get(ITEMS, position_id)["bin"] == "B-2"

    def test_changes_of_different_fields_at_once_all_survive(self, gateway: GatewayProcess, autotask: Autotask) -> None:
        position_id = autotask.position()
        for turn in range(ROUNDS):
            changes = [{"bin": f"B {turn}"}, {"referenceNumber": f"R {turn}"}, {"quantityMaximum": 100 + turn}]
            with ThreadPoolExecutor(len(changes)) as threads:
                list(threads.map(partial(_patch, gateway, autotask, position_id), changes))
            row = autotask.get(PRODUCTS, position_id)
            assert [row["bin"], row["referenceNumber"], row["quantityMaximum"]] == [
                f"B {turn}",
                f"R {turn}",
                100 + turn,
            ]


class TestCounting:
    def test_units_are_summed_over_all_stocked_items(self, autotask: Autotask, hand: Hand) -> None:
        position_id = autotask.position()
        first, second = autotask.add(position_id, 10), autotask.add(position_id, 20)
        autotask.remove(3, inventoryStockedItemID=second)
        hand.take(first, "reserved", 4)
        hand.take(second, "picked", 5)
        hand.order(position_id, 6)
        product, item = autotask.get(PRODUCTS, position_id), autotask.get(ITEMS, position_id)
        units = ("onHandUnits", "availableUnits", "reservedUnits", "pickedUnits", "unitsOnOrder")
        assert [product[name] for name in units] == [27, 18, 4, 5, 6]
        assert [item[f"quantity{name}"] for name in ("OnHand", "Reserved", "Picked", "OnOrder")] == [27, 4, 5, 6]

    def test_on_hand_is_never_below_what_is_reserved_and_picked(self, autotask: Autotask, hand: Hand) -> None:
        position_id = autotask.position()
        stocked_item_id = autotask.add(position_id, 10)
        hand.take(stocked_item_id, "reserved", 4)
        hand.take(stocked_item_id, "picked", 5)
        autotask.refusal("POST", f"{PRODUCTS}/{position_id}/StockedItemsRemove", {"quantityBeingRemoved": 2})
        autotask.remove(1, inventoryProductID=position_id)
        item = autotask.get(ITEMS, position_id)
        assert item["quantityOnHand"] == item["quantityReserved"] + item["quantityPicked"] == 9


class TestDeleting:
    def test_an_empty_one_is_deleted(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        assert autotask.delete(PRODUCTS, position_id) == position_id
        assert autotask.find(PRODUCTS, position_id) is None
        assert rows(autotask) == []

    def test_free_units_go_with_it_and_stay_on_record(self, autotask: Autotask, stock: Stock) -> None:
        position_id = autotask.position()
        stocked_item_id = autotask.add(position_id, 5)
        autotask.delete(PRODUCTS, position_id)
        assert autotask.units(stocked_item_id) == {"removedUnits": 5}
        assert [movement.kind for movement in stock.movements()] == [1, 2]

    @pytest.mark.parametrize("place", ["reserved", "picked"])
    def test_one_with_promised_units_is_kept(self, autotask: Autotask, hand: Hand, place: str) -> None:
        position_id = autotask.position()
        hand.take(autotask.add(position_id, 5), place, 1)
        before = autotask.get(PRODUCTS, position_id)
        assert f"[{position_id}]" in autotask.refusal("DELETE", f"{PRODUCTS}/{position_id}")
        assert autotask.get(PRODUCTS, position_id) == before

    def test_one_with_units_on_order_is_kept(self, autotask: Autotask, hand: Hand) -> None:
        position_id = autotask.position()
        hand.order(position_id, 1)
        autotask.refusal("DELETE", f"{PRODUCTS}/{position_id}")
        assert autotask.find(PRODUCTS, position_id) is not None

    def test_the_product_can_be_stocked_there_again(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        row = autotask.get(PRODUCTS, position_id)
        autotask.delete(PRODUCTS, position_id)
        again = autotask.position(product_id=row["productID"], location_id=row["inventoryLocationID"])
        assert again != position_id

    @pytest.mark.parametrize("row_id", [0, 4711, 99_999_999_999])
    def test_an_unknown_one_cannot_be_deleted(self, autotask: Autotask, row_id: int) -> None:
        refusal = autotask.refusal("DELETE", f"{PRODUCTS}/{row_id}")
        assert "No matching records found" in refusal
        assert "adequate permissions" in refusal

    def test_a_deleted_one_cannot_be_deleted_again(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        autotask.delete(PRODUCTS, position_id)
        assert "No matching records found" in autotask.refusal("DELETE", f"{PRODUCTS}/{position_id}")

    def test_a_repeat_that_says_so_is_answered_again(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        for _ in range(2):
            payload = autotask.done("DELETE", f"{PRODUCTS}/{position_id}", Idempotency_Key="gone")
            assert payload == {"itemId": position_id}

    def test_an_inventory_item_is_never_deleted(self, autotask: Autotask) -> None:
        assert autotask.send("DELETE", f"{ITEMS}/{autotask.position()}").status == 405


def _patch(gateway: GatewayProcess, autotask: Autotask, position_id: int, fields: dict[str, Any]) -> None:
    with Autotask(gateway.address, tenant_id=autotask.tenant_id) as client:
        client.patch(PRODUCTS, position_id, **fields)
