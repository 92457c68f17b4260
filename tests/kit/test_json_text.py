"""JSON as text: exact numbers on the way in and out, and no text that means two things or none."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import literal, select
from sqlalchemy.dialects.postgresql import JSONB

from storekeeper_kit.database import Database
from storekeeper_kit.json_text import NUMBER_CHARS_MAX, dump_json, dump_json_bytes, load_json

numbers = st.one_of(
    st.integers(-(2**70), 2**70),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=12),
    st.builds(lambda digits, exponent: Decimal(digits).scaleb(exponent), st.integers(-999, 999), st.integers(-50, 50)),
)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda parts: st.one_of(st.lists(parts, max_size=4), st.dictionaries(texts, parts, max_size=4)),
    max_leaves=10,
)


def reason(text: str | bytes) -> str:
    """Why a text is refused; fit for a client."""
    with pytest.raises(ValueError, match=r".+") as error:
        load_json(text)
    assert type(error.value) is ValueError
    return str(error.value).encode().decode()


def from_postgresql(database: Database, value: Any) -> Any:
    """What comes back from the database."""
    with database.read() as connection:
        return connection.scalar(select(literal(value, JSONB)))


@given(values)
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    assert load_json(dump_json(value)) == value
    assert load_json(dump_json_bytes(value)) == value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # Nothing is written.
@given(values)
def test_postgresql_gives_back_what_it_was_given(database: Database, value: Any) -> None:
    assert from_postgresql(database, {"value": value}) == {"value": value}


@pytest.mark.parametrize("text", ["1e63", "9" * NUMBER_CHARS_MAX, "-1.5e61", "1e-62", "0e-62", "1.50", "-0.0", "1E+2"])
def test_the_longest_numbers_outlive_postgresql(database: Database, text: str) -> None:
    number = load_json(text)
    assert number == Decimal(text)
    assert from_postgresql(database, {"number": number}) == {"number": number}


def test_numbers_are_integers_or_decimals() -> None:
    read = load_json("[1, -0, 1.0, 1e2, 9223372036854775807, -9223372036854775808, 9223372036854775808]")
    assert [type(number) for number in read] == [int, int, Decimal, Decimal, int, int, Decimal]


def test_a_fraction_keeps_its_zeros() -> None:
    assert dump_json(load_json('{"price":1.500}')) == '{"price":1.500}'


@pytest.mark.parametrize(
    "text",
    ["1" * (NUMBER_CHARS_MAX + 1), "1e64", "1e-64", "1e999999999", "1e-9999999999999999999", "0e99", "1e" + "9" * 60],
)
def test_numbers_too_long_to_be_kept_are_refused(text: str) -> None:
    assert reason(f'{{"a": [{text}]}}') == f"a number has more than {NUMBER_CHARS_MAX} characters"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_in_json_is_refused(text: str) -> None:
    assert reason(f"[{text}]") == f"{text} is no JSON"


@pytest.mark.parametrize("text", ['{"a": 1, "b": 2, "a": 1}', '[{"x": {"a": 1, "a": null}}]'])
def test_a_key_that_is_said_twice_is_refused_by_name(text: str) -> None:
    assert reason(text) == 'it says "a" twice'


def test_a_key_that_cannot_be_told_is_refused_all_the_same() -> None:
    assert reason(r'{"\ud800": 1, "\ud800": 2}') == 'it says "?" twice'


def test_keys_are_told_in_short() -> None:
    assert len(reason(f'{{"{"x" * 5000}": 1, "{"x" * 5000}": 2}}')) < 150


@pytest.mark.parametrize(
    "text", ["", " ", "{", "[1,]", "{'a': 1}", '"a', "1 2", "nul", '"\n"', b"\xff", b'"\xff"', b"{]"]
)
def test_what_is_no_json_is_refused_in_words(text: str | bytes) -> None:
    assert "Traceback" not in reason(text)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_text_that_is_nested_without_end_is_refused(opening: str) -> None:
    assert reason(opening * 200_000) == "it is nested too deeply"
