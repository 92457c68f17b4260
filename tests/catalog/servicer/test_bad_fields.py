"""Malformed requests, over a real server: each bad field is named, all of them at once, and nothing is changed."""

from typing import Any, Final

import pytest

from tests.catalog.dump import Dump
from tests.catalog.servicer.refusing import refusal
from tests.catalog.servicer.world import METHODS, World
from tests.stockledger.servicer.refusing import bad_fields


def bad(method: str, what: str, text: str, *fields: str) -> Any:
    """A malformed request, and the paths of the fields that are bad."""
    return pytest.param(method, text, list(fields), id=f"{method}: {what}")


def creating(item: str) -> str:
    """A request to create an item that has a name."""
    return f"request_id: $ID item {{ name: 'x' {item} }}"


def updating(item: str, *paths: str) -> str:
    """A request to change the mouse."""
    mask = " ".join(f"paths: '{path}'" for path in paths)
    return f"item {{ item_id: $mouse {item} }} update_mask {{ {mask} }}"


def extension(vendor: str, text: str) -> str:
    """An item's extension."""
    return f'extensions {{ key: "{vendor}" value: "{text}" }}'


TOO_LONG: Final = {"sku": 101 * "x", "name": 1001 * "x", "description": 8001 * "x"}
GARBAGE: Final = "ImEgdG9rZW4gb2Ygc29tZWJvZHkgZWxzZSI"
DEEP: Final = 9 * '{\\"a\\":' + "1" + 9 * "}"
ALL_BAD: Final = (
    f"sku: '{TOO_LONG['sku']}' description: '{TOO_LONG['description']}' tracking: 99 quantity_scale: 7 unit_cost {{ }}"
    f" {extension('Auto Task', '{}')}"
)
ALL_BAD_PATHS: Final = (
    "item.sku",
    "item.name",
    "item.description",
    "item.tracking",
    "item.quantity_scale",
    "item.unit_cost.currency_code",
    "item.unit_cost.value",
    "item.extensions.Auto Task",
)

BAD_FIELDS: Final = [
    # --- creating ---
    bad("CreateItem", "nothing", "", "request_id", "item.name"),
    bad(
        "CreateItem",
        "all at once",
        f"request_id: '7' item {{ type: 99 {ALL_BAD} }}",
        "request_id",
        "item.type",
        *ALL_BAD_PATHS,
    ),
    bad(
        "CreateItem",
        "the nil UUID",
        "request_id: '00000000-0000-0000-0000-000000000000' item { name: 'x' }",
        "request_id",
    ),
    bad("CreateItem", "blank name", "request_id: $ID item { name: '  ' }", "item.name"),
    bad("CreateItem", "control character", r"request_id: $ID item { name: 'a\000b' }", "item.name"),
    *(
        bad("CreateItem", f"long {name}", f"request_id: $ID item {{ name: 'x' {name}: '{text}' }}", f"item.{name}")
        for name, text in TOO_LONG.items()
        if name != "name"
    ),
    bad("CreateItem", "long name", f"request_id: $ID item {{ name: '{TOO_LONG['name']}' }}", "item.name"),
    bad("CreateItem", "negative scale", creating("quantity_scale: -1"), "item.quantity_scale"),
    bad(
        "CreateItem",
        "fractions of serial units",
        creating("tracking: TRACKING_SERIAL quantity_scale: 1"),
        "item.quantity_scale",
    ),
    bad(
        "CreateItem",
        "negative cost",
        creating("unit_cost { currency_code: 'usd' value { value: '-1' } }"),
        "item.unit_cost.currency_code",
        "item.unit_cost.value",
    ),
    bad(
        "CreateItem",
        "cost of 11 decimals",
        creating("unit_cost { currency_code: 'USD' value { value: '0.00000000001' } }"),
        "item.unit_cost.value",
    ),
    bad(
        "CreateItem",
        "cost of 13 digits",
        creating("unit_cost { currency_code: 'USD' value { value: '1e12' } }"),
        "item.unit_cost.value",
    ),
    *(
        bad("CreateItem", f"extension: {what}", creating(extension("autotask", text)), "item.extensions.autotask")
        for what, text in {
            "no JSON": "x",
            "no object": "[]",
            "a key twice": '{\\"a\\":1,\\"a\\":2}',
            "too deep": DEEP,
            "too long": '{\\"a\\":\\"' + 32_768 * "x" + '\\"}',
            "no number": '{\\"a\\":NaN}',
        }.items()
    ),
    bad(
        "CreateItem",
        "too many vendors",
        creating(" ".join(extension(f"v{number}", "{}") for number in range(11))),
        "item.extensions",
    ),
    # --- changing ---
    bad("UpdateItem", "nothing", "", "item.item_id", "update_mask"),
    bad(
        "UpdateItem",
        "all at once",
        f"item {{ item_id: -1 etag: 'x' {ALL_BAD} }} update_mask {{ paths: 'sku' paths: 'name' paths: 'description'"
        " paths: 'tracking' paths: 'quantity_scale' paths: 'unit_cost' paths: 'extensions' }",
        "item.item_id",
        "item.etag",
        *ALL_BAD_PATHS,
    ),
    *(
        bad("UpdateItem", f"mask {path}", updating("", path), "update_mask")
        for path in (
            "type",
            "state",
            "item_id",
            "etag",
            "registration",
            "*",
            "colour",
            "unit_cost.value",
            "extensions.",
        )
    ),
    bad("UpdateItem", "blank name", updating("", "name"), "item.name"),
    bad(
        "UpdateItem",
        "fractions of serial units, by what is stored",
        "item { item_id: $cable tracking: TRACKING_SERIAL } update_mask { paths: 'tracking' }",
        "item.quantity_scale",
    ),
    bad("ArchiveItem", "all at once", "item_id: -1 etag: 'x'", "item_id", "etag"),
    bad("UnarchiveItem", "all at once", "item_id: 0 etag: 'x'", "item_id", "etag"),
    # --- reads ---
    bad("GetItem", "nothing", "", "key"),
    bad("GetItem", "negative", "item_id: -1", "item_id"),
    bad("GetItem", "no sku", "sku: ''", "sku"),
    bad("GetItem", "long sku", f"sku: '{TOO_LONG['sku']}'", "sku"),
    bad("BatchGetItems", "nothing", "", "item_ids"),
    bad("BatchGetItems", "one twice", "item_ids: [$mouse, $mouse]", "item_ids"),
    bad("BatchGetItems", "no ids", "item_ids: [0, $mouse, -1]", "item_ids[0]", "item_ids[2]"),
    bad("BatchGetItems", "too many", f"item_ids: {list(range(1, 1002))}", "item_ids"),
    bad(
        "ListItems",
        "all at once",
        f"page_size: -1 page_token: '{GARBAGE}' order_by: 'colour' filter {{ }}",
        "order_by",
        "page_size",
        "page_token",
        "filter",
    ),
    bad(
        "ListItems",
        "an unknown field",
        "filter { condition { field: 'colour' operator: OPERATOR_EXISTS } }",
        "filter.condition.field",
    ),
    bad(
        "ListItems",
        "a value of another type",
        "filter { condition { field: 'item_id' operator: OPERATOR_EQUAL values { text: '1' } } }",
        "filter.condition",
    ),
    *(
        bad("ListItems", f"order {text}", f"order_by: '{text}'", "order_by")
        for text in ("desc", "name asc", "name,sku")
    ),
]


@pytest.mark.parametrize(("method", "text", "fields"), BAD_FIELDS)
def test_all_bad_fields_are_told_at_once(world: World, dump: Dump, method: str, text: str, fields: list[str]) -> None:
    assert bad_fields(refusal(world, dump, method, text)) == fields


def test_every_method_is_asked_with_bad_fields() -> None:
    assert {case.values[0] for case in BAD_FIELDS} == set(METHODS)


@pytest.mark.parametrize("path", ["colour", "type", "extensions.Auto Task"])
def test_an_unknown_path_of_a_mask_is_named(world: World, dump: Dump, path: str) -> None:
    failure = refusal(world, dump, "UpdateItem", updating("", path))
    assert path in failure.violations[0].description
