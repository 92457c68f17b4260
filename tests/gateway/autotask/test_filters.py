"""Queries: every operator on every field finds what plain Python finds, and clients' carelessness does no harm."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest

from storekeeper_gateway.vendors.autotask.entities import ENTITIES as AUTOTASK
from tests.gateway.autotask.queries import LISTS, NULLABLE, VALUELESS, Condition, found, operators_of
from tests.gateway.client import ALL, Autotask
from tests.harness.gateway_process import GatewayProcess
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock

ENTITIES: Final = ("Products", "InventoryLocations", "InventoryProducts", "InventoryItems", "InventoryStockedItems")
ELSEWHERE: Final = {
    "string": ("", "a%", "_"),
    "boolean": (True, False),
    "datetime": ("2024-03-01", "2999-01-01T00:00:00.000Z"),
    "double": (0, "9.50"),
    "integer": (0, -1, "5"),
    "long": (0, 2**40),
}
"""Values that a record may have or not."""
ROWS: Final = 12
NESTED_FILTERS: Final = 80

WORDS: Final = ("Mouse", "mouse", "MÄUSE", "mäuse 100%", "a_b", "axb", "\\", "'quoted'", '"x"', "倉庫")
FLAGS: Final = (None, True, False)
KEPT_TEXTS: Final = tuple(
    "link vendorProductNumber manufacturerName manufacturerProductName externalProductID internalProductID".split()
)


@dataclass(frozen=True, slots=True)
class Listing:
    """All records of an entity, and the type of each field that can be asked for."""

    entity: str
    records: list[dict[str, Any]]
    data_types: Mapping[str, str]


@pytest.fixture(scope="module")
def shop(gateway: GatewayProcess, ledger: LedgerProcess) -> Iterator[Autotask]:
    """A tenant with some records of each entity, which no test changes."""
    with Stock(ledger.address) as stock, Autotask(gateway.address, tenant_id=stock.tenant_id) as client:
        fill(client, random.Random(7))
        yield client


def fill(shop: Autotask, chance: random.Random) -> None:
    """Records that are often equal in one field or another."""
    created_for = {"ImpersonationResourceId": "29"}
    locations = [
        shop.create("InventoryLocations", some_location(chance, number), **(created_for if number % 2 else {}))
        for number in range(ROWS)
    ]
    products = [
        shop.create("Products", some_product(chance, number), **(created_for if number % 3 else {}))
        for number in range(ROWS)
    ]
    for number, (product_id, location_id) in enumerate(zip(products, locations, strict=True)):
        position = some_position(chance, number) | {"productID": product_id, "inventoryLocationID": location_id}
        position_id = shop.create("InventoryProducts", position, **(created_for if number % 2 else {}))
        for quantity in (1,) if is_serialized(number) else (1, 5):
            shop.add(position_id, quantity, **some_addition(chance, number))
        if not is_serialized(number):
            shop.remove(2, inventoryProductID=position_id)
    for product_id in products[-2:]:
        shop.patch("Products", product_id, isActive=False)
    shop.patch("InventoryLocations", locations[-1], isActive=False)


def is_serialized(number: int) -> bool:
    return number % 4 == 0


def some_location(chance: random.Random, number: int) -> dict[str, Any]:
    return {"locationName": f"{chance.choice(WORDS)} {number}", "isActive": True, "isDefault": chance.choice(FLAGS)}


def some_product(chance: random.Random, number: int) -> dict[str, Any]:
    return {
        "name": f"{chance.choice(WORDS)} {number % 4}",
        "isActive": True,
        "isSerialized": is_serialized(number),
        "description": chance.choice((None, *WORDS)),
        "sku": f"sku-{number}" if number % 3 else None,
        "unitCost": chance.choice((None, 0, "9.50", Decimal("9.5"), Decimal("0.0001"))),
        "productBillingCodeID": chance.choice((5, 6)),
        "chargeBillingCodeID": chance.choice((None, 5, 6)),
        "productCategory": chance.choice((None, 1, 2)),
        "defaultVendorID": chance.choice((None, 12, 13)),
        "defaultInstalledProductCategoryID": chance.choice((None, 1)),
        "unitPrice": chance.choice((None, 0, Decimal("19.99"))),
        "msrp": chance.choice((None, 20, Decimal("20.5"))),
        "periodType": chance.choice((None, 1, 5)),
        "billingType": chance.choice((None, 1, 2)),
        "priceCostMethod": chance.choice((None, 1, 2)),
        "doesNotRequireProcurement": chance.choice(FLAGS),
        "isEligibleForRma": chance.choice(FLAGS),
        **{name: chance.choice((None, *WORDS)) for name in KEPT_TEXTS},
    }


def some_position(chance: random.Random, number: int) -> dict[str, Any]:
    return {
        "quantityMinimum": number % 3,
        "quantityMaximum": 10 + number % 2,
        "bin": chance.choice((None, *WORDS)),
        "referenceNumber": chance.choice((None, "A-1", "a-2")),
    }


def some_addition(chance: random.Random, number: int) -> dict[str, Any]:
    return {
        "unitCost": chance.choice((3, 4)),
        "returnPrice": chance.choice((None, 1, 2)),
        "returnTypeID": chance.choice((None, 1, 2)),
        "vendorInvoiceNumber": chance.choice((None, "I-1", "i-1", "I-2")),
        "serialNumber": f"SN {number}" if is_serialized(number) else None,
    }


@pytest.fixture(scope="module", params=ENTITIES)
def listing(shop: Autotask, request: pytest.FixtureRequest) -> Listing:
    """One entity after the other."""
    return listing_of(shop, request.param)


def listing_of(shop: Autotask, entity: str) -> Listing:
    fields = shop.done("GET", f"{entity}/entityInformation/fields")["fields"]
    return Listing(
        entity, shop.query(entity), {field["name"]: field["dataType"] for field in fields if field["isQueryable"]}
    )


def ids(shop: Autotask, entity: str, *conditions: Condition) -> list[int]:
    return [record["id"] for record in shop.query(entity, *conditions)]


def check(shop: Autotask, listing: Listing, *conditions: Condition) -> None:
    """A query finds the records that plain Python finds, and counts them."""
    expected = found(conditions, listing.records, listing.data_types)
    assert ids(shop, listing.entity, *conditions) == expected, conditions
    assert shop.count(listing.entity, *conditions) == len(expected), conditions


def some_condition(chance: random.Random, listing: Listing, name: str, op: str) -> Condition:
    """A comparison, more often than not with what some record has."""
    data_type = listing.data_types[name]
    values = [record[name] for record in listing.records if record[name] is not None] + list(ELSEWHERE[data_type][-2:])
    if op in VALUELESS:
        return {"op": op, "field": name}
    if op in LISTS:
        return {"op": op, "field": name, "value": chance.sample([None, *values], chance.randrange(3))}
    return {"op": op, "field": name, "value": chance.choice([None, *values] if op in NULLABLE else values)}


def test_every_field_that_can_have_a_value_has_one_somewhere(listing: Listing) -> None:
    """Else the tests below would prove little."""
    table = AUTOTASK[listing.entity.casefold()].table
    missing = {name for name in listing.data_types if all(record[name] is None for record in listing.records)}
    assert missing == {field.name for field in table if field.path is None and field.queryable}


def test_every_operator_on_every_field_finds_what_plain_python_finds(shop: Autotask, listing: Listing) -> None:
    chance = random.Random(listing.entity)
    for name, data_type in listing.data_types.items():
        for op in operators_of(data_type):
            check(shop, listing, some_condition(chance, listing, name, op))


def test_every_value_that_a_record_has_finds_it(shop: Autotask, listing: Listing) -> None:
    for name in listing.data_types:
        for record in listing.records[:3]:
            assert record["id"] in ids(shop, listing.entity, {"op": "eq", "field": name, "value": record[name]}), name


def some_filter(chance: random.Random, listing: Listing, levels: int) -> Condition:
    """A group of conditions and of smaller groups."""
    if not levels or chance.random() < 0.3:
        name = chance.choice(list(listing.data_types))
        return some_condition(chance, listing, name, chance.choice(operators_of(listing.data_types[name])))
    items = [some_filter(chance, listing, levels - 1) for _ in range(chance.randrange(4))]
    return {"op": chance.choice(("and", "or")), "items": items}


@pytest.mark.parametrize("entity", ["Products", "InventoryStockedItems"])
def test_nested_groups_find_what_plain_python_finds(shop: Autotask, entity: str) -> None:
    chance, listing = random.Random(entity), listing_of(shop, entity)
    for _ in range(NESTED_FILTERS):
        check(shop, listing, *(some_filter(chance, listing, 4) for _ in range(chance.randrange(1, 3))))


# --- the ways to ask ----------------------------------------------------------------------------------------------


def searched(shop: Autotask, search: str, **parameters: str) -> list[int]:
    """The products that a query in the address finds."""
    answer = shop.http.get("/ATServicesRest/V1.0/Products/query", params={"search": search, **parameters})
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()["items"]]


@pytest.fixture(scope="module")
def some(shop: Autotask) -> list[int]:
    """The ids of the first products."""
    return ids(shop, "Products")[:3]


def test_a_query_in_the_address_finds_what_one_in_the_body_does(shop: Autotask) -> None:
    chance, listing = random.Random(3), listing_of(shop, "Products")
    for _ in range(30):
        wanted = some_filter(chance, listing, 2)
        search = json.dumps({"filter": [wanted]}, default=str)
        assert searched(shop, search) == ids(shop, "Products", wanted)
        counted = shop.http.get("/ATServicesRest/V1.0/Products/query/count", params={"search": search}).json()
        assert counted == {"queryCount": shop.count("Products", wanted)}


@pytest.mark.parametrize(
    "search",
    [
        '{"filter":[{"op":"eq","field":"name","value":"it\'s"}]}',
        "{'filter':[{'op':'eq','field':'name','value':'it\\'s'}]}",
        "{ 'filter' : [ { 'op':'eq', 'field':'name', 'value':'it\\'s' } ] }",
    ],
)
def test_a_query_in_the_address_may_have_single_quotes(autotask: Autotask, search: str) -> None:
    product_id = autotask.product(name="it's")
    autotask.product(name="its")
    assert searched(autotask, search) == [product_id]


def test_double_quotes_within_single_ones_are_text(autotask: Autotask) -> None:
    product_id = autotask.product(name='27" screen')
    search = "{'filter':[{'op':'eq','field':'name','value':'27\" screen'}]}"
    assert searched(autotask, search) == [product_id]


def test_the_parameter_counts_in_any_case_of_letters(shop: Autotask, some: list[int]) -> None:
    search = json.dumps({"filter": [{"op": "in", "field": "id", "value": some}]})
    answer = shop.http.get("/ATServicesRest/V1.0/Products/query", params={"Search": search})
    assert [record["id"] for record in answer.json()["items"]] == some


def test_names_count_in_any_case_of_letters(shop: Autotask, some: list[int]) -> None:
    query = {"FILTER": [{"OP": "Or", "Items": [{"Op": "IN", "Field": "ID", "VALUE": some}]}], "MAXrecords": 2}
    payload = shop.done("POST", "products/Query", query)
    assert [record["id"] for record in payload["items"]] == some[:2]


@pytest.mark.parametrize(
    ("alias", "op", "value"),
    [
        ("ne", "noteq", "mouse"),
        ("NOTEQ", "noteq", "mouse"),
        ("isNull", "notExist", None),
        ("notexist", "notExist", None),
        ("isNotNull", "exist", None),
        ("beginswith", "beginsWith", "m"),
        ("ENDSWITH", "endsWith", "e"),
        ("Contains", "contains", "m"),
        ("GTE", "gte", "m"),
    ],
)
def test_operators_have_aliases(shop: Autotask, alias: str, op: str, value: str | None) -> None:
    condition = {"field": "description", "value": value}
    assert ids(shop, "Products", {"op": alias, **condition}) == ids(shop, "Products", {"op": op, **condition}) != []


@pytest.mark.parametrize(
    ("field", "written", "meant"),
    [
        ("isActive", "true", True),
        ("isActive", "False", False),
        ("isActive", 1, True),
        ("isSerialized", "0", False),
        ("doesNotRequireProcurement", "TRUE", True),
        ("productCategory", "2", 2),
        ("productCategory", 2.0, 2),
        ("unitPrice", "19.990", 19.99),
        ("unitCost", "9.50", 9.5),
        ("description", 100, "100"),
        ("unitPrice", "", None),
        ("description", "", None),
        ("createdTime", "", None),
    ],
)
def test_a_value_is_taken_for_what_the_field_is(shop: Autotask, field: str, written: Any, meant: Any) -> None:
    for op in ("eq", "noteq"):
        expected = ids(shop, "Products", {"op": op, "field": field, "value": meant})
        assert ids(shop, "Products", {"op": op, "field": field, "value": written}) == expected


@pytest.mark.parametrize(
    "written",
    ["2019-01-01T05:00:00Z", "2019-01-01T05:00:00.000Z", "2019-01-01T05:00", "2019-01-01T07:00:00+02:00", "2019-01-01 05:00:00", "2019-01-01T05:00:00.0000000Z"],
)  # fmt: skip
def test_a_date_may_be_written_in_several_ways(autotask: Autotask, stock: Stock, written: str) -> None:
    stocked_item_id = stock.add(
        autotask.position(), 1, datetime(2019, 1, 1, 5, tzinfo=UTC), unit_cost=1
    ).stocked_item_id
    for op in ("eq", "gte", "lte"):
        condition = {"op": op, "field": "createDateTime", "value": written}
        assert ids(autotask, "InventoryStockedItems", condition) == [stocked_item_id]
    assert ids(autotask, "InventoryStockedItems", {"op": "gt", "field": "createDateTime", "value": "2019-01-02"}) == []


@pytest.mark.parametrize(("field", "falsy"), [("isActive", False), ("unitPrice", 0), ("productCategory", 0), ("id", 0)])
def test_a_missing_value_is_zero_or_false(shop: Autotask, field: str, falsy: Any) -> None:
    for op in ("eq", "noteq", "eq"):
        expected = ids(shop, "Products", {"op": op, "field": field, "value": falsy})
        assert ids(shop, "Products", {"op": op, "field": field}) == expected


@pytest.mark.parametrize("given", [{}, {"value": None}, {"value": "ignored"}, {"value": [1]}])
def test_a_question_for_existence_has_any_value_or_none(shop: Autotask, given: dict[str, Any]) -> None:
    assert ids(shop, "Products", {"op": "exist", "field": "id", **given}) == ids(shop, "Products")
    assert ids(shop, "Products", {"op": "notExist", "field": "id", **given}) == []


@pytest.mark.parametrize("conditions", [[], [{"op": "and", "items": []}], [{"op": "exist", "field": "id"}], [ALL]])
def test_everything_is_asked_for_in_several_ways(shop: Autotask, conditions: list[Condition]) -> None:
    payload = shop.done("POST", "Products/query", {"filter": conditions})
    assert len(payload["items"]) == ROWS


def test_a_filter_may_be_one_condition_without_a_list(shop: Autotask, some: list[int]) -> None:
    payload = shop.done("POST", "Products/query", {"filter": {"op": "in", "field": "id", "value": some}})
    assert [record["id"] for record in payload["items"]] == some


def test_only_the_included_fields_are_answered_and_the_id(shop: Autotask, some: list[int]) -> None:
    for included in (["NAME", "sku"], ["id", "name", "sku"]):
        records = shop.query("Products", includeFields=included)
        assert {tuple(sorted(record)) for record in records} == {("id", "name", "sku")}
    whole = shop.query("Products")
    assert shop.query("Products", includeFields=[]) == shop.query("Products", includeFields=None) == whole


# --- bounds and refusals ------------------------------------------------------------------------------------------


def equal(field: str, value: Any) -> Condition:
    return {"op": "eq", "field": field, "value": value}


def nested(groups: int, condition: Condition) -> Condition:
    for _ in range(groups):
        condition = {"op": "or", "items": [condition]}
    return condition


def test_so_many_conditions_and_no_more(shop: Autotask, some: list[int]) -> None:
    wanted = [equal("id", value) for value in (*some, *range(10**6, 10**6 + 500 - len(some)))]
    assert ids(shop, "Products", {"op": "or", "items": wanted}) == some
    assert shop.count("Products", {"op": "or", "items": wanted}) == len(some)
    assert "500 or fewer OR conditions" in refusal(shop, {"op": "or", "items": [*wanted, wanted[0]]})


def test_so_many_values_and_no_more(shop: Autotask, some: list[int]) -> None:
    wanted = [*some, *range(10**6, 10**6 + 900 - len(some))]
    assert ids(shop, "Products", {"op": "in", "field": "id", "value": wanted}) == some
    assert "900 or fewer values" in refusal(shop, {"op": "in", "field": "id", "value": [*wanted, 1]})


@pytest.mark.parametrize(
    "condition",
    [
        equal("isActive", True),
        {"op": "noteq", "field": "isSerialized", "value": True},
        {"op": "in", "field": "description", "value": ["mouse", None]},
        {"op": "notIn", "field": "productCategory", "value": [None, 1]},
        {"op": "in", "field": "isActive", "value": [True, None]},
        equal("markupRate", None),
    ],
    ids=str,
)
def test_so_deep_and_no_deeper(shop: Autotask, condition: Condition) -> None:
    assert ids(shop, "Products", nested(4, condition)) == ids(shop, "Products", condition)
    assert "nested deeper" in refusal(shop, nested(5, condition))


def refusal(shop: Autotask, *conditions: Any, entity: str = "Products") -> str:
    """What a query is refused with; counting is refused with the same."""
    told = shop.refusal("POST", f"{entity}/query", {"filter": list(conditions)})
    assert shop.refusal("POST", f"{entity}/query/count", {"filter": list(conditions)}) == told
    return told


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (equal("nothing", 1), "The field nothing was not found in the entity Product."),
        (equal("item_id", 1), "The field item_id was not found in the entity Product."),
        ({"op": "eq", "value": 1}, "was not found in the entity Product."),
        ({"op": "eq", "field": "Rack Code", "value": 1, "udf": True}, "Rack Code was not found in the entity Product."),
        ({"op": "like", "field": "name", "value": "x"}, "The operator [like] is none of"),
        ({"field": "name", "value": "x"}, "The operator [] is none of"),
        ({"op": "contains", "field": "id", "value": 1}, "does not go with the field id of type long."),
        ({"op": "beginsWith", "field": "createdTime", "value": "2"}, "does not go with the field createdTime"),
        ({"op": "gt", "field": "isActive", "value": True}, "does not go with the field isActive of type boolean."),
        (equal("id", "x"), "field id must be a number"),
        (equal("id", 1.5), "field id must be of type long"),
        (equal("id", 2**63), "field id must be of type long"),
        (equal("id", True), "field id must be a number"),
        (equal("id", {"a": 1}), "field id must be a number"),
        (equal("productCategory", 2**31), "field productCategory must be of type integer"),
        (equal("isActive", "yes"), "field isActive must be true or false"),
        (equal("createdTime", "yesterday"), "field createdTime must be a date"),
        (equal("createdTime", "2024-02-30"), "field createdTime is no date that exists"),
        (equal("unitPrice", "NaN"), "field unitPrice must be a number"),
        (equal("name", ["x"]), "field name must have one value"),
        (equal("description", "x" * 1001), "field description has more than 1000 characters"),
        ({"op": "in", "field": "name", "value": "x"}, "field name must have a list of values"),
        ({"op": "in", "field": "id"}, "field id must have a list of values"),
        ({"op": "gt", "field": "name", "value": None}, "field name has no value"),
        ({"op": "contains", "field": "name", "value": ""}, "field name has no value"),
        ({"op": "contains", "field": "name"}, "field name has no value"),
        ({"op": "gt", "field": "createdTime"}, "field createdTime has no value"),
        ({"op": "or"}, "must be a list of conditions"),
        ({"op": "or", "items": {}}, "must be a list of conditions"),
        ("id eq 1", "must be a JSON object"),
        (None, "must be a JSON object"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_the_vendors_words(shop: Autotask, condition: Any, told: str) -> None:
    assert told in refusal(shop, condition)


def test_a_field_that_cannot_be_queried_is_refused(shop: Autotask) -> None:
    told = refusal(shop, equal("parentStockedItemReceivedUnits", 1), entity="InventoryStockedItems")
    assert told == "The field parentStockedItemReceivedUnits of the entity InventoryStockedItem can't be queried."


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({}, "has no filter"),
        ({"maxRecords": 5}, "has no filter"),
        ([], "must be a JSON object"),
        ({"filter": "id gt 0"}, "must be a list"),
        ({"filter": None}, "must be a list"),
        ({"filter": [ALL], "maxRecords": 0}, "maxRecords must be a number from 1 to 500"),
        ({"filter": [ALL], "maxRecords": 501}, "maxRecords must be a number from 1 to 500"),
        ({"filter": [ALL], "maxRecords": True}, "maxRecords must be a number from 1 to 500"),
        ({"filter": [ALL], "maxRecords": "many"}, "maxRecords must be a number from 1 to 500"),
        ({"filter": [ALL], "includeFields": ["nothing"]}, "The field nothing was not found"),
        ({"filter": [ALL], "includeFields": "id"}, "must be a list"),
        ({"filter": [ALL], "includeFields": [1]}, "must be a list"),
    ],
)
def test_a_query_that_is_none_is_refused(shop: Autotask, query: Any, told: str) -> None:
    assert told in shop.refusal("POST", "Products/query", query)


def test_a_query_is_needed(shop: Autotask) -> None:
    for verb in ("GET", "POST"):
        assert "queryModel" in shop.refusal(verb, "Products/query")
    assert "JSON" in shop.refusal("GET", "Products/query?search=nonsense", status=400)
