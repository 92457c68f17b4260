"""What only one vendor knows: kept value by value, refused by its path, changed as a whole or vendor by vendor."""

import json
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_kit.extensions import (
    BYTES_MAX,
    DEPTH_MAX,
    VENDORS_MAX,
    changed,
    read_extensions,
    read_mask,
    write_extensions,
)
from storekeeper_kit.reading import Reading
from storekeeper_kit.refusals import InvalidRequest

FIELDS = ("name", "active")
CURRENT = {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}}
GIVEN = {"a": {"y": 1}, "c": {"y": 3}, "d": {"y": 4}}

vendors = st.from_regex("[a-z0-9_]{1,30}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
contents = st.dictionaries(
    texts,
    st.one_of(st.none(), st.booleans(), st.integers(), texts, st.lists(texts, max_size=2), st.decimals(places=3, min_value=0, max_value=9999)),
    max_size=4,
)  # fmt: skip


def read(given: dict[str, str]) -> Any:
    reading = Reading()
    extensions = read_extensions(reading, "item.extensions", given)
    reading.finish()
    return extensions


def refused(given: dict[str, str]) -> dict[str, str]:
    """What is wrong, by path."""
    with pytest.raises(InvalidRequest) as error:
        read(given)
    for bad in error.value.violations:
        # It has to fit into a status.
        bad.description.encode()
    return {bad.field: bad.description for bad in error.value.violations}


@given(st.dictionaries(vendors, contents, max_size=VENDORS_MAX))
def test_what_was_read_is_written_as_it_was_given(extensions: dict[str, dict[str, Any]]) -> None:
    assert read(write_extensions(extensions)) == extensions


def test_numbers_count_as_long_as_they_are_given_back() -> None:
    short = json.dumps({"a": [1] * 1000}).replace("1,", "1e60,")
    assert len(short) < BYTES_MAX
    assert refused({"v": short}) == {
        "item.extensions.v": f"has more than {BYTES_MAX} bytes when its numbers are written out"
    }


def test_numbers_keep_every_digit() -> None:
    assert read({"v": '{"price": 0.1000000000000000000001}'}) == {"v": {"price": Decimal("0.1000000000000000000001")}}


def test_none_are_none() -> None:
    assert read({}) == {}


class TestRefusals:
    @pytest.mark.parametrize("vendor", ["", "Autotask", "a.b", "a b", "ä", "v" * 31, "v\n"])
    def test_of_a_vendors_name(self, vendor: str) -> None:
        assert list(refused({vendor: "{}"})) == [f"item.extensions.{vendor}"]

    @pytest.mark.parametrize("text", ["", "{", "null", "[]", "1", '"{}"', '{"a": NaN}', '{"a": 1, "a": 1}', "{}{}"])
    def test_of_text_that_is_no_object(self, text: str) -> None:
        assert list(refused({"v": text})) == ["item.extensions.v"]

    @pytest.mark.parametrize("text", [r'{"a": "\u0000"}', r'{"a\u0000": 1}', r'{"a": ["\ud800"]}', r'{"\udfff": 1}', r'{"\ud800": 1, "\ud800": 1}'])  # fmt: skip
    def test_of_characters_that_the_database_cannot_keep(self, text: str) -> None:
        assert list(refused({"v": text})) == ["item.extensions.v"]

    def test_of_numbers_that_nobody_could_read_again(self) -> None:
        assert "number" in refused({"v": '{"a": 1e99}'})["item.extensions.v"]

    def test_of_one_vendor_too_many(self) -> None:
        names = [f"v{number}" for number in range(VENDORS_MAX + 1)]
        assert len(read(dict.fromkeys(names[:-1], "{}"))) == VENDORS_MAX
        assert refused(dict.fromkeys(names, "{}")) == {"item.extensions": f"has more than {VENDORS_MAX} vendors"}

    def test_of_one_byte_too_many(self) -> None:
        longest = json.dumps({"a": "é" * 100 + "x" * (BYTES_MAX - 208)}, ensure_ascii=False, separators=(",", ":"))
        assert len(longest.encode()) == BYTES_MAX
        assert read({"v": longest})
        assert refused({"v": f"{longest} "}) == {"item.extensions.v": f"has more than {BYTES_MAX} bytes"}

    @pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
    def test_of_one_level_too_many(self, opening: str, closing: str) -> None:
        def nested(levels: int) -> str:
            return f'{{"a":{opening * (levels - 2)}{{}}{closing * (levels - 2)}}}'

        assert read({"v": nested(DEPTH_MAX)})
        assert "nested deeper" in refused({"v": nested(DEPTH_MAX + 1)})["item.extensions.v"]

    def test_tell_all_that_is_wrong_at_once(self) -> None:
        assert list(refused({"b": "[]", "good": "{}", "a": "nonsense"})) == ["item.extensions.a", "item.extensions.b"]


class TestMasks:
    @staticmethod
    def read(*paths: str) -> tuple[frozenset[str], list[str]]:
        reading = Reading()
        mask = read_mask(reading, "update_mask", FieldMask(paths=paths), FIELDS)
        reading.finish()
        return mask

    def test_name_fields_all_extensions_or_single_vendors(self) -> None:
        assert self.read("name", "extensions") == (frozenset({"name", "extensions"}), [])
        assert self.read("extensions.v", "active", "extensions.w") == (frozenset({"active"}), ["v", "w"])
        assert self.read("extensions.v") == (frozenset(), ["v"])

    @pytest.mark.parametrize("paths", [(), ("nothing",), ("extensions.",), ("extensions.V",), ("extensions.v.key",), ("name", "extensions.v w")])  # fmt: skip
    def test_name_nothing_else(self, paths: tuple[str, ...]) -> None:
        with pytest.raises(InvalidRequest) as error:
            self.read(*paths)
        assert {bad.field for bad in error.value.violations} == {"update_mask"}


class TestChanges:
    def test_replace_all(self) -> None:
        assert changed(CURRENT, GIVEN, replace_all=True, vendors=["b"]) == GIVEN

    def test_replace_add_or_drop_single_vendors(self) -> None:
        after = changed(CURRENT, GIVEN, replace_all=False, vendors=["a", "b", "d"])
        assert after == {"a": {"y": 1}, "c": {"x": 3}, "d": {"y": 4}}

    def test_change_nothing_that_no_mask_names(self) -> None:
        assert changed(CURRENT, GIVEN, replace_all=False, vendors=[]) == CURRENT
