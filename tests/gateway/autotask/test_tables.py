"""Autotask's tables: each says what Autotask does, and whatever is written by one is read by it again."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storekeeper_gateway.mapping import BadPayload, Field, Table
from storekeeper_gateway.vendors.autotask.entities import ENTITIES
from storekeeper_gateway.vendors.autotask.types import DECIMALS_MAX, DIGITS_MAX, INT32, INT64, Flag
from storekeeper_kit.json_text import dump_json, load_json
from tests.gateway.autotask.published import OURS, PICKLISTS, PUBLISHED, Published

EXAMPLES = 50
TABLES = {entity.plural: entity.table for entity in ENTITIES.values()}
FIELDS = [(entity, field) for entity, fields in PUBLISHED.items() for field in fields]

INTEGERS = st.integers(INT32.start, INT32.stop - 1)
LONGS = st.integers(INT64.start, INT64.stop - 1)
DOUBLES = st.decimals(-(10**DIGITS_MAX) + 1, 10**DIGITS_MAX - 1, places=DECIMALS_MAX)
# Through all years that there are, to the microsecond.
TIMES = st.datetimes(timezones=st.just(UTC))


# --- what is published --------------------------------------------------------------------------------------------


def test_each_entity_of_the_gateways_is_published() -> None:
    assert set(TABLES) == set(PUBLISHED)


@pytest.mark.parametrize(("entity", "published"), FIELDS, ids=lambda value: getattr(value, "name", value))
def test_a_published_field_has_a_row_with_its_type_and_flags(entity: str, published: Published) -> None:
    field = TABLES[entity].named(published.name)
    assert field is not None
    assert field.name == published.name
    assert field.type.data_type == published.data_type
    if published.data_type != "string":
        assert field.type.length == 0
    elif published.length is not None:
        assert field.type.length == published.length
    assert field.reference == published.reference
    assert _flags(field) == published.flags
    assert bool(field.picklist) == (published.name in PICKLISTS.get(entity, set()))


@pytest.mark.parametrize("entity", PUBLISHED)
def test_a_table_has_no_other_fields(entity: str) -> None:
    published = {field.name for field in PUBLISHED[entity]}
    assert {field.name for field in TABLES[entity]} == published | OURS.get(entity, set())


def _flags(field: Field) -> set[str]:
    flags = {
        "CO": field.required and field.fixed,
        "R": field.required and not field.fixed,
        "F": field.fixed and not field.required,
        "RO": field.read_only,
        "hidden": not field.queryable,
    }
    return {flag for flag, is_up in flags.items() if is_up}


# --- there and back -----------------------------------------------------------------------------------------------


def rows(table: Table) -> st.SearchStrategy[dict[str, Any]]:
    """Rows of ours, complete: None where there is nothing."""
    paths = {field.path: st.none() | _ours(field) for field in table if field.path and not field.repeats}
    return st.fixed_dictionaries(paths)


def payloads(table: Table) -> st.SearchStrategy[dict[str, Any]]:
    """Payloads as Autotask sends them, complete: null where there is nothing."""
    said = {field.name: st.none() | _theirs(field) for field in table if field.path and not field.repeats}
    return st.fixed_dictionaries(said).map(lambda payload: _with_the_rest(table, payload))


def _ours(field: Field) -> st.SearchStrategy[Any]:
    if field.picklist:
        return st.sampled_from([choice.value for choice in field.picklist])
    if isinstance(field.type, Flag):
        return st.sampled_from([field.type.true, field.type.false])
    return {
        "text": _texts(field),
        "integer": LONGS if field.type.data_type == "long" else INTEGERS,
        "decimal": DOUBLES if field.type.data_type == "double" else INTEGERS.map(Decimal),
        "boolean": st.booleans(),
        "time": TIMES,
    }[field.type.kind]


def _theirs(field: Field) -> st.SearchStrategy[Any]:
    if field.picklist:
        return st.sampled_from([choice.value for choice in field.picklist])
    return {
        "string": _texts(field),
        "long": LONGS,
        "integer": INTEGERS,
        "double": DOUBLES,
        "boolean": st.booleans(),
        "datetime": TIMES.map(_to_the_millisecond),
    }[field.type.data_type]


def _texts(field: Field) -> st.SearchStrategy[str]:
    # No text is an empty one, no character is half of one, and the databases keep all but one.
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.text(characters, min_size=1, max_size=field.type.length)


def _to_the_millisecond(time: datetime) -> str:
    return (time - timedelta(microseconds=time.microsecond % 1000)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3].zfill(
        23
    ) + "Z"


def _with_the_rest(table: Table, payload: dict[str, Any]) -> dict[str, Any]:
    """With what is always null, and what says again what another field says."""
    names = {field.path: field.name for field in table if field.path and not field.repeats}
    return {field.name: payload[names[field.path]] if field.path else None for field in table}


@pytest.mark.parametrize("entity", TABLES)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_what_is_written_is_read_again(entity: str, data: st.DataObject) -> None:
    table = TABLES[entity]
    row = data.draw(rows(table))
    assert table.read(table.write(row)) == row
    assert table.read(load_json(dump_json(table.write(row)))) == row


@pytest.mark.parametrize("entity", TABLES)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_what_is_read_is_written_again(entity: str, data: st.DataObject) -> None:
    table = TABLES[entity]
    payload = data.draw(payloads(table))
    assert table.write(table.read(payload)) == payload
    assert load_json(dump_json(table.write(table.read(payload)))) == payload


@pytest.mark.parametrize("entity", TABLES)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_names_count_in_any_case_of_letters(entity: str, data: st.DataObject) -> None:
    table = TABLES[entity]
    payload = data.draw(payloads(table))
    shouted = {name.upper(): value for name, value in payload.items()}
    assert table.read(shouted) == table.read(payload)


# --- what types take, and what they refuse ------------------------------------------------------------------------

PRODUCTS = TABLES["Products"]


@pytest.mark.parametrize(
    ("field", "sent", "meant"),
    [
        ("unitCost", "9.50", Decimal("9.5")),
        ("unitCost", " 9.50 ", Decimal("9.5")),
        ("unitCost", 9, 9),
        ("unitCost", "", None),
        ("productCategory", "7", 7),
        ("productCategory", Decimal("7.0"), 7),
        ("productCategory", "", None),
        ("isActive", "True", True),
        ("isActive", "false", False),
        ("isActive", 1, True),
        ("isActive", "0", False),
        ("sku", 4711, "4711"),
        ("sku", Decimal("1.50"), "1.50"),
        ("sku", "", None),
        ("createdTime", "2024-03-01T05:00:00.000Z", "2024-03-01T05:00:00.000Z"),
        ("createdTime", "2024-03-01T05:00:00", "2024-03-01T05:00:00.000Z"),
        ("createdTime", "2024-03-01 05:00", "2024-03-01T05:00:00.000Z"),
        ("createdTime", "2024-03-01", "2024-03-01T00:00:00.000Z"),
        ("createdTime", "2024-03-01T05:00:00+02:00", "2024-03-01T03:00:00.000Z"),
        ("createdTime", "2024-03-01T05:00:00.1234567Z", "2024-03-01T05:00:00.123456Z"),
        ("createdTime", "", None),
    ],
)
def test_what_clients_send_is_taken_for_what_is_meant(field: str, sent: object, meant: object) -> None:
    assert PRODUCTS.write(PRODUCTS.read({field: sent}))[field] == meant


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("unitCost", "nine"),
        ("unitCost", "NaN"),
        ("unitCost", "-Infinity"),
        ("unitCost", "9,50"),
        ("unitCost", True),
        ("unitCost", [9]),
        ("unitCost", 10**DIGITS_MAX),
        ("unitCost", Decimal("0.00000000001")),
        ("unitCost", "1e999999999"),
        ("unitCost", "9" * 100),
        ("productCategory", Decimal("7.5")),
        ("productCategory", 2**31),
        ("productCategory", -(2**31) - 1),
        ("productCategory", False),
        ("id", 2**63),
        ("isActive", 2),
        ("isActive", "yes"),
        ("isActive", {}),
        ("sku", "x" * 51),
        ("sku", ["x"]),
        ("sku", {"x": 1}),
        ("sku", True),
        ("createdTime", "yesterday"),
        ("createdTime", "2024-02-30"),
        ("createdTime", "2024-03-01T25:00:00Z"),
        ("createdTime", "0001-01-01T00:00:00+14:00"),
        ("createdTime", 1709269200),
        ("createdTime", "2024-W09-5"),
    ],
)
def test_what_means_nothing_is_refused_under_the_fields_name(field: str, sent: object) -> None:
    with pytest.raises(BadPayload) as refused:
        PRODUCTS.read({field: sent})
    assert [name for name, _ in refused.value.problems] == [field]


def test_all_bad_fields_are_told_at_once() -> None:
    with pytest.raises(BadPayload) as refused:
        PRODUCTS.read({"UNITCOST": "nine", "isactive": "yes", "sku": "fine", "nobodys": []})
    assert [name for name, _ in refused.value.problems] == ["unitCost", "isActive"]


def test_a_fraction_of_a_unit_is_shown_rather_than_hidden() -> None:
    """Stock may be kept in fractions by others than Autotask's clients."""
    written = TABLES["InventoryProducts"].write({"totals.on_hand": Decimal("2.500")})
    assert dump_json(written["onHandUnits"]) == "2.5"
