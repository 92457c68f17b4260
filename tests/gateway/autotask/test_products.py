"""Products: what they are is kept as it was sent, changed in part or whole, and never lost to somebody else's change."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.gateway.client import BILLING_CODE_ID, PRODUCT, Autotask
from tests.harness.gateway_process import GatewayProcess
from tests.harness.items import Items

ENTITY = "Products"
ROUNDS = 5

WHOLE: dict[str, Any] = {
    "name": "HP Mouse",
    "isActive": True,
    "isSerialized": False,
    "productBillingCodeID": BILLING_CODE_ID,
    "chargeBillingCodeID": 29683379,
    "description": "Two buttons and a wheel",
    "sku": "MOUSE-1",
    "link": "https://example.com/mouse",
    "productCategory": 5,
    "defaultVendorID": 12,
    "vendorProductNumber": "V-1",
    "manufacturerName": "HP",
    "manufacturerProductName": "Mouse",
    "externalProductID": "E-1",
    "internalProductID": "I-1",
    "unitCost": Decimal("9.0625"),
    "unitPrice": Decimal("14.99"),
    "msrp": 16,
    "periodType": 1,
    "billingType": 1,
    "priceCostMethod": 1,
    "doesNotRequireProcurement": False,
    "isEligibleForRma": True,
    "defaultInstalledProductCategoryID": 3,
}
REQUIRED = {"name", "isActive", "isSerialized", "productBillingCodeID"}
FIXED = {"billingType", "priceCostMethod"}
SERVERS = {"id", "createdTime", "createdByResourceID", "markupRate", "impersonatorCreatorResourceID"}


def said(product: dict[str, Any]) -> dict[str, Any]:
    """What a client said of a product."""
    return {name: value for name, value in product.items() if name not in SERVERS}


class TestCreating:
    def test_a_product_comes_back_as_it_was_sent(self, autotask: Autotask) -> None:
        product = autotask.get(ENTITY, autotask.create(ENTITY, WHOLE))
        assert said(product) == WHOLE
        assert product["createdTime"].endswith("Z")

    def test_what_was_left_out_is_null(self, autotask: Autotask) -> None:
        product = autotask.get(ENTITY, autotask.create(ENTITY, {**PRODUCT, "name": "Mouse"}))
        given = {name for name, value in product.items() if value is not None}
        assert given == {"id", "createdTime"} | REQUIRED

    def test_all_required_fields_that_are_missing_are_told_at_once(self, autotask: Autotask) -> None:
        refusal = autotask.refusal("POST", ENTITY, {"sku": "MOUSE-1", "isActive": None, "name": ""})
        assert all(f"required field {name}." in refusal for name in REQUIRED)
        assert autotask.query(ENTITY) == []

    @pytest.mark.parametrize("row_id", [0, "0", 4711, None, ""], ids=repr)
    def test_an_id_is_given_by_the_server(self, autotask: Autotask, row_id: object) -> None:
        created = autotask.create(ENTITY, {**WHOLE, "id": row_id})
        assert created != 4711
        assert said(autotask.get(ENTITY, created)) == WHOLE

    def test_what_the_server_sets_is_ignored(self, autotask: Autotask) -> None:
        servers = {
            "createdTime": "1999-01-01",
            "markupRate": "much",
            "createdByResourceID": 7,
            "impersonatorCreatorResourceID": 8,
        }
        product = autotask.get(ENTITY, autotask.create(ENTITY, {**WHOLE, **servers}))
        assert product["createdTime"] > "2000"
        assert [product[name] for name in servers if name != "createdTime"] == [None, None, None]

    def test_an_inactive_product_is_created_inactive(self, autotask: Autotask, items: Items) -> None:
        product_id = autotask.product(isActive=False)
        assert autotask.get(ENTITY, product_id)["isActive"] is False
        assert items.get(product_id).state == 2

    def test_a_sku_is_unique(self, autotask: Autotask) -> None:
        autotask.product(sku="MOUSE-1")
        refusal = autotask.refusal("POST", ENTITY, {**PRODUCT, "name": "Another mouse", "sku": "MOUSE-1"})
        assert "already exists" in refusal
        assert "[MOUSE-1]" in refusal
        assert autotask.count(ENTITY) == 1

    def test_who_it_was_created_for_is_kept(self, autotask: Autotask) -> None:
        product_id = autotask.create(ENTITY, WHOLE, ImpersonationResourceId="29682885")
        assert autotask.get(ENTITY, product_id)["impersonatorCreatorResourceID"] == 29682885

    def test_it_is_an_item_that_the_stock_ledger_knows(self, autotask: Autotask, items: Items) -> None:
        item = items.get(autotask.create(ENTITY, {**WHOLE, "isSerialized": True}))
        assert (item.name, item.sku, item.tracking, item.registration.state) == ("HP Mouse", "MOUSE-1", 3, 3)
        assert (item.unit_cost.currency_code, item.unit_cost.value.value) == ("USD", "9.0625")

    def test_a_field_that_the_catalog_refuses_is_called_by_autotasks_name(self, autotask: Autotask) -> None:
        assert "unitCost" in autotask.refusal("POST", ENTITY, {**WHOLE, "unitCost": -1})

    def test_a_repeat_that_says_so_creates_no_second_one(self, autotask: Autotask) -> None:
        product_id = autotask.create(ENTITY, WHOLE, Idempotency_Key="mouse")
        assert autotask.create(ENTITY, WHOLE, Idempotency_Key="mouse") == product_id
        refusal = autotask.refusal("POST", ENTITY, {**WHOLE, "name": "Rat"}, Idempotency_Key="mouse")
        assert "other contents" in refusal
        assert autotask.count(ENTITY) == 1

    def test_a_repeat_that_does_not_say_so_is_a_new_request(self, autotask: Autotask) -> None:
        payload = {**PRODUCT, "name": "Mouse"}
        assert autotask.create(ENTITY, payload) != autotask.create(ENTITY, payload)


class TestPatching:
    def test_what_is_not_given_is_kept(self, autotask: Autotask) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        assert autotask.patch(ENTITY, product_id, name="HP Mouse 2", unitPrice=15, defaultVendorID=13) == product_id
        changed = {"name": "HP Mouse 2", "unitPrice": 15, "defaultVendorID": 13}
        assert said(autotask.get(ENTITY, product_id)) == WHOLE | changed

    @pytest.mark.parametrize("field", sorted(WHOLE.keys() - REQUIRED - FIXED))
    @pytest.mark.parametrize("nothing", [None, ""], ids=repr)
    def test_null_and_the_empty_text_clear(self, autotask: Autotask, field: str, nothing: object) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        autotask.patch(ENTITY, product_id, **{field: nothing})
        assert said(autotask.get(ENTITY, product_id)) == WHOLE | {field: None}

    @pytest.mark.parametrize("field", sorted(REQUIRED))
    def test_what_is_required_cannot_be_cleared(self, autotask: Autotask, field: str) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        assert f"required field {field}." in autotask.refusal("PATCH", ENTITY, {"id": product_id, field: None})
        assert said(autotask.get(ENTITY, product_id)) == WHOLE

    def test_what_is_fixed_or_the_servers_is_ignored(self, autotask: Autotask) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        before = autotask.get(ENTITY, product_id)
        autotask.patch(ENTITY, product_id, billingType=2, priceCostMethod=2, markupRate=1, createdTime="1999-01-01")
        assert autotask.get(ENTITY, product_id) == before

    def test_saying_nothing_new_changes_nothing(self, autotask: Autotask, items: Items) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        before = items.get(product_id)
        autotask.patch(ENTITY, product_id, **WHOLE)
        autotask.patch(ENTITY, product_id)
        assert items.get(product_id) == before

    def test_activity_changes_together_with_the_rest(self, autotask: Autotask) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        for is_active in (False, True):
            autotask.patch(ENTITY, product_id, isActive=is_active, name=f"HP Mouse {is_active}")
            product = autotask.get(ENTITY, product_id)
            assert (product["isActive"], product["name"]) == (is_active, f"HP Mouse {is_active}")

    def test_serialization_changes_until_there_is_stock(self, autotask: Autotask) -> None:
        product_id = autotask.product()
        autotask.patch(ENTITY, product_id, isSerialized=True)
        autotask.patch(ENTITY, product_id, isSerialized=False)
        autotask.add(autotask.position(product_id=product_id), 5)
        refusal = autotask.refusal("PATCH", ENTITY, {"id": product_id, "isSerialized": True, "name": "Other"})
        assert "isSerialized" in refusal
        assert autotask.get(ENTITY, product_id)["name"] != "Other"

    def test_an_id_may_be_text(self, autotask: Autotask) -> None:
        product_id = autotask.product()
        assert autotask.done("PATCH", ENTITY, {"id": str(product_id), "name": "Mouse"}) == {"itemId": product_id}

    @pytest.mark.parametrize("row_id", [None, "", "seven", 7.5, True, [7], 2**63], ids=repr)
    def test_an_id_that_is_none_is_refused(self, autotask: Autotask, row_id: object) -> None:
        assert "id" in autotask.refusal("PATCH", ENTITY, {"id": row_id, "name": "Mouse"})

    @pytest.mark.parametrize("row_id", [0, -1, 4711, 99_999_999, 2**53, 2**63 - 1])
    def test_there_is_no_product_of_an_unknown_id(self, autotask: Autotask, row_id: int) -> None:
        assert "No matching records found" in autotask.refusal("PATCH", ENTITY, {"id": row_id, "name": "Mouse"})

    def test_changes_of_different_fields_at_once_all_survive(self, gateway: GatewayProcess, autotask: Autotask) -> None:
        """The name is the item's own, the others are kept together, and so overlap."""
        product_id = autotask.create(ENTITY, WHOLE)
        fields = ("name", "link", "vendorProductNumber")
        for turn in range(ROUNDS):
            changes = [{field: f"{field} {turn}"} for field in fields]
            with ThreadPoolExecutor(len(changes)) as threads:
                list(threads.map(partial(_patch, gateway, autotask, product_id), changes))
            product = autotask.get(ENTITY, product_id)
            assert {field: product[field] for field in fields} == {field: f"{field} {turn}" for field in fields}


class TestPutting:
    def test_what_is_left_out_is_cleared(self, autotask: Autotask) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        required = {name: WHOLE[name] for name in REQUIRED}
        autotask.put(ENTITY, product_id, **required, link="https://example.com")
        kept = required | {name: WHOLE[name] for name in FIXED} | {"link": "https://example.com"}
        assert said(autotask.get(ENTITY, product_id)) == dict.fromkeys(WHOLE) | kept

    def test_what_is_required_must_be_given(self, autotask: Autotask) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        refusal = autotask.refusal("PUT", ENTITY, {"id": product_id, "name": "HP Mouse"})
        assert all(f"required field {name}." in refusal for name in REQUIRED - {"name"})
        assert said(autotask.get(ENTITY, product_id)) == WHOLE

    def test_a_record_can_be_put_back_as_it_was_read(self, autotask: Autotask, items: Items) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        before = items.get(product_id)
        assert autotask.done("PUT", ENTITY, autotask.get(ENTITY, product_id)) == {"itemId": product_id}
        assert items.get(product_id) == before

    def test_names_in_another_case_of_letters_are_not_left_out(self, autotask: Autotask) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        shouted = {name.upper(): value for name, value in WHOLE.items()}
        autotask.done("PUT", ENTITY, {"ID": product_id, **shouted})
        assert said(autotask.get(ENTITY, product_id)) == WHOLE


class TestWithoutThePermissionToSeeCosts:
    @pytest.fixture
    def blind(self, gateway: GatewayProcess, autotask: Autotask) -> Any:
        headers = {"storekeeper-permissions": "stock.write"}
        with Autotask(gateway.address, tenant_id=autotask.tenant_id, **headers) as client:
            yield client

    def test_a_cost_is_null(self, autotask: Autotask, blind: Autotask) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        assert said(blind.get(ENTITY, product_id)) == WHOLE | {"unitCost": None}

    def test_a_cost_is_ignored_when_written(self, autotask: Autotask, blind: Autotask) -> None:
        assert autotask.get(ENTITY, blind.create(ENTITY, WHOLE | {"sku": "MOUSE-2"}))["unitCost"] is None
        product_id = autotask.create(ENTITY, WHOLE)
        blind.patch(ENTITY, product_id, unitCost=1, name="HP Mouse 2")
        blind.patch(ENTITY, product_id, unitCost=2)
        assert said(autotask.get(ENTITY, product_id)) == WHOLE | {"name": "HP Mouse 2"}

    def test_a_cost_survives_a_full_update(self, autotask: Autotask, blind: Autotask) -> None:
        product_id = autotask.create(ENTITY, WHOLE)
        blind.done("PUT", ENTITY, blind.get(ENTITY, product_id) | {"name": "HP Mouse 2"})
        assert said(autotask.get(ENTITY, product_id)) == WHOLE | {"name": "HP Mouse 2"}


def _patch(gateway: GatewayProcess, autotask: Autotask, product_id: int, fields: dict[str, Any]) -> None:
    with Autotask(gateway.address, tenant_id=autotask.tenant_id) as client:
        client.patch(ENTITY, product_id, **fields)


def test_numbers_of_another_tenants_picklists_are_kept_as_they_are_given(autotask: Autotask) -> None:
    product_id = autotask.create(ENTITY, {**WHOLE, "billingType": 17, "periodType": 23})
    assert autotask.get(ENTITY, product_id)["billingType"] == 17
    assert autotask.get(ENTITY, product_id)["periodType"] == 23
