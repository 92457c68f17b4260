"""What Autotask's clients get away with: addresses, names, values and bodies that are nearly right."""

import gzip
import json
from typing import Any

import pytest

from storekeeper_kit.json_text import dump_json_bytes
from tests.gateway.client import ADDITION, BASE, BILLING_CODE_ID, CREDENTIALS, PRODUCT, Autotask, answer_of
from tests.harness.gateway_process import GatewayProcess


class TestAddresses:
    @pytest.mark.parametrize(
        "base",
        [
            "/ATServicesRest/V1.0",
            "/atservicesrest/v1.0",
            "/ATSERVICESREST/V1.0",
            "//ATServicesRest/V1.0",
            "/ATServicesRest//V1.0",
            "/ATServicesRest/V1.0/",
        ],
    )
    @pytest.mark.parametrize("rest", ["/Products/{}", "/products/{}/", "//PRODUCTS//{}//", "/Products/000{}"])
    def test_case_and_slashes_do_not_count(self, autotask: Autotask, base: str, rest: str) -> None:
        product_id = autotask.product()
        answer = answer_of(
            autotask.http.get(f"http://{autotask.http.base_url.netloc.decode()}{base}{rest}".format(product_id))
        )
        assert answer.payload == {"item": autotask.get("Products", product_id)}

    @pytest.mark.parametrize("verb", ["PATCH", "PUT"])
    @pytest.mark.parametrize("path", ["Products", "products/", "Products/{}", "Products/{}/"])
    def test_an_update_may_have_its_id_in_the_address(self, autotask: Autotask, verb: str, path: str) -> None:
        product_id = autotask.product()
        payload: dict[str, Any] = {**PRODUCT, "name": "Mouse"}
        if "{}" not in path:
            payload["ID"] = str(product_id)
        assert autotask.done(verb, path.format(product_id), payload) == {"itemId": product_id}
        assert autotask.get("Products", product_id)["name"] == "Mouse"

    def test_an_id_may_be_in_both_if_it_is_the_same(self, autotask: Autotask) -> None:
        product_id, other_id = autotask.product(), autotask.product()
        autotask.done("PATCH", f"Products/{product_id}", {"id": str(product_id), "name": "Mouse"})
        refusal = autotask.refusal("PATCH", f"Products/{product_id}", {"id": other_id, "name": "Rat"})
        assert f"[{other_id}]" in refusal
        assert [autotask.get("Products", one)["name"] == "Rat" for one in (product_id, other_id)] == [False, False]

    @pytest.mark.parametrize("action", ["Add", "Remove"])
    @pytest.mark.parametrize("path", ["inventorystockeditems{}", "inventoryproducts/{id}/stockeditems{}/"])
    def test_actions_are_at_the_root_and_below_the_product(self, autotask: Autotask, action: str, path: str) -> None:
        position_id = autotask.position()
        autotask.add(position_id, 5)
        payload = {**ADDITION, "inventoryProductID": position_id, f"quantityBeing{action.rstrip('e')}ed": 1}
        autotask.create(path.format(action.casefold(), id=position_id), payload)
        assert autotask.get("InventoryProducts", position_id)["onHandUnits"] == (6 if action == "Add" else 4)

    def test_a_removal_at_the_root_finds_the_product_of_its_stocked_item(self, autotask: Autotask) -> None:
        stocked_item_id = autotask.add(autotask.position(), 5)
        autotask.remove(2, inventoryStockedItemID=stocked_item_id)
        assert autotask.units(stocked_item_id) == {"onHandUnits": 3, "removedUnits": 2}


class TestHeaders:
    @pytest.mark.parametrize("change", [str.lower, str.upper, str.title], ids=["lower", "upper", "title"])
    def test_case_does_not_count(self, gateway: GatewayProcess, change: Any) -> None:
        with Autotask(gateway.address, tenant_id=1) as client:
            client.http.headers = {change(name): value for name, value in CREDENTIALS.items()}
            assert client.send("GET", "Products/1").status == 200

    @pytest.mark.parametrize(
        "content_type", ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded", ""]
    )
    def test_a_body_is_json_whatever_it_is_called(self, autotask: Autotask, content_type: str) -> None:
        autotask.create("Products", {**PRODUCT, "name": "Mouse"}, Content_Type=content_type)

    def test_what_is_accepted_is_not_asked(self, autotask: Autotask) -> None:
        assert autotask.send("GET", "Products/1", Accept="text/html").payload == {"item": None}


class TestNames:
    def test_case_does_not_count(self, autotask: Autotask) -> None:
        product_id = autotask.create(
            "Products",
            {
                "Name": "Mouse",
                "ISACTIVE": True,
                "isserialized": False,
                "ProductBillingCodeId": BILLING_CODE_ID,
                "SKU": "M",
            },
        )
        product = autotask.get("Products", product_id)
        assert (product["name"], product["sku"], product["productBillingCodeID"]) == ("Mouse", "M", BILLING_CODE_ID)
        autotask.done("PATCH", "Products", {"Id": product_id, "sKu": "N"})
        assert autotask.get("Products", product_id)["sku"] == "N"

    def test_extra_keys_do_no_harm(self, autotask: Autotask) -> None:
        extra = {
            "userDefinedFields": [{"name": "Rack Code", "value": "A-1"}],
            "soapParentPropertyId": None,
            "": "",
            "not a field": {"a": [1, 2, {"b": None}]},
        }
        product_id = autotask.create("Products", {**PRODUCT, "name": "Mouse", **extra})
        before = autotask.get("Products", product_id)
        assert not extra.keys() & before.keys()
        autotask.done("PATCH", "Products", {"id": product_id, **extra})
        autotask.done("PUT", "Products", {**before, **extra})
        assert autotask.get("Products", product_id) == before


class TestValues:
    def test_numbers_and_booleans_may_be_text(self, autotask: Autotask) -> None:
        as_text = {"isActive": "True", "isSerialized": "false", "productBillingCodeID": str(BILLING_CODE_ID)}
        product_id = autotask.create("Products", {**as_text, "name": "Mouse", "unitCost": "9.50", "msrp": " 12 "})
        product = autotask.get("Products", product_id)
        assert (product["isActive"], product["isSerialized"]) == (True, False)
        assert (product["productBillingCodeID"], float(product["unitCost"]), product["msrp"]) == (
            BILLING_CODE_ID,
            9.5,
            12,
        )

    def test_text_may_be_a_number(self, autotask: Autotask) -> None:
        product_id = autotask.product(sku=4711)
        assert autotask.get("Products", product_id)["sku"] == "4711"

    def test_booleans_are_never_numbers_when_answered(self, autotask: Autotask) -> None:
        product = autotask.get("Products", autotask.product(isActive=1, isSerialized="0"))
        assert (product["isActive"], product["isSerialized"]) == (True, False)
        assert type(product["isActive"]) is type(product["isSerialized"]) is bool

    @pytest.mark.parametrize(
        "field", ["unitCost", "productCategory", "isEligibleForRma", "defaultVendorID", "periodType"]
    )
    def test_an_empty_text_clears(self, autotask: Autotask, field: str) -> None:
        product_id = autotask.product(**{field: 1})
        autotask.patch("Products", product_id, **{field: ""})
        assert autotask.get("Products", product_id)[field] is None

    def test_a_quantity_may_be_a_decimal_that_is_whole(self, autotask: Autotask) -> None:
        position_id = autotask.position(quantityMinimum="5.0", quantityMaximum=50.0)
        position = autotask.get("InventoryProducts", position_id)
        assert (position["quantityMinimum"], position["quantityMaximum"]) == (5, 50)
        assert dump_json_bytes(position["quantityMaximum"]) == b"50"


class TestBodies:
    def test_they_may_be_packed(self, autotask: Autotask) -> None:
        body = gzip.compress(dump_json_bytes({**PRODUCT, "name": "Mouse"}))
        for encoding in ("gzip", "GZip"):
            product_id = autotask.done("POST", "Products", body, Content_Encoding=encoding)["itemId"]
            assert autotask.get("Products", product_id)["name"] == "Mouse"

    def test_they_may_begin_with_a_byte_order_mark(self, autotask: Autotask) -> None:
        body = "\ufeff".encode() + dump_json_bytes({**PRODUCT, "name": "Mouse"})
        assert autotask.done("POST", "Products", body)["itemId"]

    def test_they_may_escape_what_they_like(self, autotask: Autotask) -> None:
        body = json.dumps({**PRODUCT, "name": "Maus 🐁 für Büro"}).encode()
        product_id = autotask.done("POST", "Products", body)["itemId"]
        assert autotask.get("Products", product_id)["name"] == "Maus 🐁 für Büro"

    def test_they_may_be_nested_to_a_depth(self, autotask: Autotask) -> None:
        body = b'{"id": 4711, "extra": ' + b"[" * 19 + b"]" * 19 + b"}"
        assert "No matching records" in autotask.refusal("PATCH", "Products", body)


class TestSearches:
    """A query in the address."""

    @pytest.fixture
    def product_id(self, autotask: Autotask) -> int:
        autotask.product(sku="RAT-1")
        return autotask.product(sku="MOUSE-1", name="Editor's mouse")

    @pytest.mark.parametrize(
        "search",
        [
            '{"filter":[{"op":"eq","field":"sku","value":"MOUSE-1"}]}',
            "{'filter':[{'op':'eq','field':'sku','value':'MOUSE-1'}]}",
            '{"Filter":[{"Op":"EQ","Field":"SKU","Value":"mouse-1"}]}',
            '{"filter":{"op":"eq","field":"sku","value":"MOUSE-1"}}',
            "{'filter':[{'op':'eq','field':'name','value':'Editor\\'s mouse'}]}",
            '{"filter":[{"op":"contains","field":"name","value":"\'s"}]}',
        ],
    )
    @pytest.mark.parametrize("parameter", ["search", "Search"])
    def test_json_with_either_kind_of_quotes(
        self, autotask: Autotask, product_id: int, search: str, parameter: str
    ) -> None:
        response = autotask.http.get(f"{BASE}/Products/query", params={parameter: search})
        assert [row["id"] for row in answer_of(response).payload["items"]] == [product_id]
        response = autotask.http.get(f"{BASE}/Products/query/count", params={parameter: search})
        assert answer_of(response).payload == {"queryCount": 1}

    def test_not_encoded(self, autotask: Autotask, product_id: int) -> None:
        search = '{"filter":[{"op":"eq","field":"sku","value":"MOUSE-1"}]}'
        url = autotask.http.base_url.copy_with(raw_path=f"{BASE}/Products/query?search={search}".encode())
        (row,) = answer_of(autotask.http.get(url)).payload["items"]
        assert row["id"] == product_id

    @pytest.mark.parametrize(
        ("condition", "found"),
        [
            ({"op": "eq", "field": "isActive", "value": "true"}, 2),
            ({"op": "eq", "field": "isActive"}, 0),
            ({"op": "ne", "field": "sku", "value": "RAT-1"}, 1),
            ({"op": "isNull", "field": "description"}, 2),
            ({"op": "isNotNull", "field": "sku"}, 2),
            ({"op": "BEGINSWITH", "field": "SKU", "value": "mouse"}, 1),
            ({"op": "gte", "field": "productBillingCodeID", "value": str(BILLING_CODE_ID)}, 2),
        ],
        ids=lambda value: value["op"] if isinstance(value, dict) else str(value),
    )
    def test_conditions(self, autotask: Autotask, product_id: int, condition: dict[str, Any], found: int) -> None:
        assert product_id
        assert autotask.count("Products", condition) == found

    def test_an_empty_list_of_conditions_finds_all(self, autotask: Autotask, product_id: int) -> None:
        items = autotask.done("POST", "Products/query", {"filter": []})["items"]
        assert product_id in {row["id"] for row in items}

    @pytest.mark.parametrize("search", ["", "{", "{'filter'", "'", "nothing"], ids=ascii)
    def test_what_is_no_query_is_refused(self, autotask: Autotask, search: str) -> None:
        response = autotask.http.get(f"{BASE}/Products/query", params={"search": search})
        answer = answer_of(response)
        assert answer.status in {400, 500}
        assert list(answer.payload) == ["errors"]
