"""Input that means two things at once, means nothing, or would cost much: refused in the vendor's shape, and nothing changes."""

import gzip
from decimal import Decimal
from typing import Any

import pytest

from storekeeper_gateway.bodies import BadBody
from storekeeper_gateway.vendors.autotask.pages import read_search
from storekeeper_kit.json_text import dump_json
from tests.gateway.client import ADDITION, ALL, IDEMPOTENCY_KEY, MANUAL, Autotask
from tests.harness.items import Items

QUERY = "Products/query"


@pytest.mark.parametrize(
    "number", ["1_0", "\uff11", "\u0661", "1,5", "0x10", "NaN", "Infinity", "1e99", "--1", "1 1", "."]
)
def test_text_that_only_looks_like_a_number_is_refused(autotask: Autotask, number: str) -> None:
    position_id = autotask.position()
    addition = {"vendorID": 12, "determineCostUsing": MANUAL, "unitCost": 1, "quantityBeingAdded": number}
    told = autotask.refusal("POST", f"InventoryProducts/{position_id}/StockedItemsAdd", addition)
    assert told == "The field quantityBeingAdded must be a number."
    assert autotask.get("InventoryProducts", position_id)["onHandUnits"] == 0


@pytest.mark.parametrize(("number", "quantity"), [("5", 5), (" 5 ", 5), ("+5", 5), ("5.0", 5), ("5e0", 5)])
def test_a_number_may_be_text(autotask: Autotask, number: str, quantity: int) -> None:
    position_id = autotask.position()
    autotask.add(position_id, quantityBeingAdded=number)
    assert autotask.get("InventoryProducts", position_id)["onHandUnits"] == quantity


def test_a_field_that_is_said_twice_is_refused(autotask: Autotask) -> None:
    product_id = autotask.product(name="as it was")
    bodies: tuple[dict[str, Any], ...] = (
        {"id": product_id, "name": "one", "Name": "two"},
        {"id": product_id, "ID": product_id, "name": "one"},
    )
    for verb in ("PATCH", "PUT"):
        for body in bodies:
            assert "is given twice" in autotask.refusal(verb, "Products", body)
    assert autotask.get("Products", product_id)["name"] == "as it was"


@pytest.mark.parametrize(
    "query",
    [
        {"filter": [ALL], "Filter": []},
        {"filter": [ALL], "maxRecords": 1, "MaxRecords": 2},
        {"filter": [{**ALL, "OP": "lt"}]},
        {"filter": [{"op": "or", "items": [{**ALL, "Value": 7}]}]},
    ],
)
def test_a_query_that_says_a_key_twice_is_refused(autotask: Autotask, query: dict[str, Any]) -> None:
    assert "twice" in autotask.refusal("POST", QUERY, query)


@pytest.mark.parametrize("records", ["000000001" + "9" * 8, "1" * 5000, 10**30, "\u0665", 501, 0, -1, True, [1], "1.0"])
def test_a_page_is_never_larger_than_the_largest(autotask: Autotask, records: object) -> None:
    assert "maxRecords must be" in autotask.refusal("POST", QUERY, {"filter": [ALL], "maxRecords": records})


def test_nul_is_refused_by_the_name_of_its_field(autotask: Autotask) -> None:
    product_id = autotask.product()
    for name in ("name", "sku", "link"):
        told = autotask.refusal("PATCH", "Products", {"id": product_id, name: "a\0b"})
        assert told == f"The field {name} must not contain the character NUL."
    condition = {"op": "contains", "field": "link", "value": "\0"}
    assert "NUL" in autotask.refusal("POST", QUERY, {"filter": [condition]})


@pytest.mark.parametrize("header", ["storekeeper-tenant", IDEMPOTENCY_KEY.replace("_", "-")])
def test_a_header_that_is_given_twice_is_refused(autotask: Autotask, header: str) -> None:
    address = "/ATServicesRest/V1.0/Products/1"
    answer = autotask.http.get(address, headers=[*autotask.http.headers.items(), (header, "1"), (header, "2")])
    assert answer.status_code == 400
    assert "is given more than once" in answer.json()["errors"][0]


def test_users_whose_names_are_not_ascii_are_told_apart(autotask: Autotask) -> None:
    body = {"locationName": "The same", "isActive": True}
    told = []
    for user in ("ä@example.com", "ö@example.com", "ä@example.com"):
        headers = {b"UserName": user.encode(), b"Idempotency-Key": b"the same"}
        told.append(autotask.http.post("/ATServicesRest/V1.0/InventoryLocations", json=body, headers=headers).json())
    assert told[0] == told[2] != told[1]
    assert "must be unique" in told[1]["errors"][0]


def test_an_actor_that_is_not_ascii_can_call(autotask: Autotask) -> None:
    answer = autotask.http.get("/ATServicesRest/V1.0/Products/1", headers={b"storekeeper-actor": "ä".encode()})
    assert answer.json() == {"item": None}


@pytest.mark.parametrize("rest", [gzip.compress(b" ", mtime=0), b"rest"], ids=["packed", "plain"])
def test_what_follows_a_packed_body_is_not_ignored(autotask: Autotask, rest: bytes) -> None:
    body = gzip.compress(b'{"filter": []}')
    assert autotask.send("POST", QUERY, body, Content_Encoding="gzip").status == 200
    assert "goes on" in autotask.refusal("POST", QUERY, body + rest, Content_Encoding="gzip", status=400)


@pytest.mark.parametrize("text", ["\\'" * 200_000, "'" + "\\'" * 200_000, "'\\" * 200_000, "'a" * 200_000])
def test_a_search_of_nothing_but_quotes_takes_no_time(text: str) -> None:
    with pytest.raises(BadBody):
        read_search(text)


def test_a_search_with_single_quotes_may_have_escapes() -> None:
    assert read_search(r"""{'a': 'it\'s', 'b': 'say "no"', 'c\n': ''}""") == {"a": "it's", "b": 'say "no"', r"c\n": ""}


@pytest.mark.parametrize(
    "kept",
    [
        {"unitPrice": "abc"},
        {"unitPrice": [1]},
        {"unitPrice": {"a": 1}},
        {"unitPrice": True},
        {"periodType": "x"},
        {"periodType": Decimal("1.5")},
        {"link": 5},
        {"isEligibleForRma": "no"},
    ],
)
def test_what_others_keep_in_the_place_of_a_value_is_none(
    autotask: Autotask, items: Items, kept: dict[str, Any]
) -> None:
    (name,) = kept
    position_id = autotask.position()
    product_id = autotask.get("InventoryProducts", position_id)["productID"]
    items.update(product_id, extensions={"autotask": dump_json(kept)})
    assert autotask.get("Products", product_id)[name] is None
    assert [product[name] for product in autotask.query("Products")] == [None]
    by_catalogue = {**ADDITION, "quantityBeingAdded": 1, "determineNewPriceUsing": 3}
    assert "no price" in autotask.refusal("POST", f"InventoryProducts/{position_id}/StockedItemsAdd", by_catalogue)
    autotask.patch("Products", product_id, productCategory=5)
    assert autotask.get("Products", product_id)["productCategory"] == 5


def test_a_price_that_others_keep_and_that_is_too_high_is_none_to_add_by(autotask: Autotask, items: Items) -> None:
    position_id = autotask.position()
    product_id = autotask.get("InventoryProducts", position_id)["productID"]
    items.update(product_id, extensions={"autotask": '{"unitPrice": 1e60}'})
    by_catalogue = {**ADDITION, "quantityBeingAdded": 1, "determineNewPriceUsing": 3}
    assert "no price" in autotask.refusal("POST", f"InventoryProducts/{position_id}/StockedItemsAdd", by_catalogue)
