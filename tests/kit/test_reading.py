"""Reading fields: what is accepted, what is refused, and that all of it is told at once."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.code_pb2 import Code
from google.type.decimal_pb2 import Decimal as DecimalMessage
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_kit.reading import Reading, etag
from storekeeper_kit.refusals import InvalidRequest


def refused(read: Callable[[Reading], Any]) -> list[str]:
    """What is wrong with the one field that is read, at the path "field"."""
    reading = Reading()
    read(reading)
    with pytest.raises(InvalidRequest) as error:
        reading.finish()
    assert {violation.field for violation in error.value.violations} == {"field"}
    return [violation.description for violation in error.value.violations]


def accepted(read: Callable[[Reading], Any]) -> Any:
    reading = Reading()
    value = read(reading)
    reading.finish()
    return value


def quantity(text: str, **limits: Any) -> Callable[[Reading], Decimal]:
    return lambda reading: reading.positive_quantity("field", DecimalMessage(value=text), **limits)


def test_all_bad_fields_are_told_at_once_by_their_paths() -> None:
    reading = Reading()
    reading.identifier("item_id", 0)
    reading.request_id("request_id", "7")
    reading.positive_quantity("lines[2].quantity", None)
    with pytest.raises(InvalidRequest) as error:
        reading.finish()

    assert [violation.field for violation in error.value.violations] == ["item_id", "request_id", "lines[2].quantity"]


def test_a_good_request_finishes_in_silence() -> None:
    reading = Reading()
    reading.identifier("item_id", 1)
    reading.finish()


def test_a_list_of_violations_has_a_bound() -> None:
    def many(reading: Reading) -> None:
        for _ in range(100_000):
            reading.violation("field", "is bad")

    assert len(refused(many)) == 100


class TestIdentifiers:
    @pytest.mark.parametrize("value", [1, 2**63 - 1])
    def test_positive_ones_are_accepted(self, value: int) -> None:
        assert accepted(lambda reading: reading.identifier("field", value)) == value

    def test_zero_is_missing(self) -> None:
        assert refused(lambda reading: reading.identifier("field", 0)) == ["is required"]

    def test_negative_ones_are_refused(self) -> None:
        assert refused(lambda reading: reading.identifier("field", -1)) == ["is not a positive number"]
        assert refused(lambda reading: reading.optional_identifier("field", -1)) == ["is not a positive number"]

    def test_an_optional_one_may_be_left_out(self) -> None:
        assert accepted(lambda reading: reading.optional_identifier("field", 0)) is None
        assert accepted(lambda reading: reading.optional_identifier("field", 7)) == 7


class TestRequestIds:
    @given(st.uuids().filter(lambda value: value.int != 0), st.booleans())
    def test_any_uuid_is_accepted_in_either_case(self, value: uuid.UUID, upper: bool) -> None:
        text = str(value).upper() if upper else str(value)
        assert accepted(lambda reading: reading.request_id("field", text)) == str(value)

    def test_a_missing_one_is_required(self) -> None:
        assert refused(lambda reading: reading.request_id("field", "")) == ["is required"]

    @pytest.mark.parametrize(
        "text",
        [
            "7",
            "0197c2f40a1b7c3d8e5f001122334455",
            "{0197c2f4-0a1b-7c3d-8e5f-001122334455}",
            "urn:uuid:0197c2f4-0a1b-7c3d-8e5f-001122334455",
            "0197c2f4-0a1b-7c3d-8e5f-00112233445",
            "0197c2f4-0a1b-7c3d-8e5f-0011223344556",
            "0197c2f4-0a1b-7c3d-8e5f-00112233445g",
            "0197c2f4-0a1b-7c3d-8e5f-001122334455\n",
            "0197c2f4-0a1b-7c3d-8e5f-00112233445\uff15",
        ],
    )
    def test_other_forms_are_refused(self, text: str) -> None:
        assert "is not a UUID" in refused(lambda reading: reading.request_id("field", text))[0]

    def test_the_nil_uuid_is_refused(self) -> None:
        assert refused(lambda reading: reading.request_id("field", str(uuid.UUID(int=0)))) == [
            "is the nil UUID, which names nothing"
        ]


class TestTexts:
    @pytest.mark.parametrize("text", ["", "Zürich 倉庫 🐭", "two\n\tlines", "x" * 20])
    def test_ordinary_text_is_accepted_unchanged(self, text: str) -> None:
        assert accepted(lambda reading: reading.text("field", text, max_length=20)) == text

    @pytest.mark.parametrize("character", ["\0", "\x01", "\r", "\x1b", "\x7f", "\x85"])
    def test_control_characters_are_refused(self, character: str) -> None:
        assert refused(lambda reading: reading.text("field", f"a{character}b", max_length=20)) == [
            "contains a control character"
        ]

    def test_long_text_is_refused(self) -> None:
        assert refused(lambda reading: reading.text("field", "x" * 21, max_length=20)) == [
            "is longer than 20 characters"
        ]

    @pytest.mark.parametrize("text", ["", "  ", "\n"])
    def test_a_required_text_says_something(self, text: str) -> None:
        assert refused(lambda reading: reading.text("field", text, max_length=20, required=True)) == ["is required"]


class TestDecimals:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("7", "7"),
            ("+7", "7"),
            ("7.", "7"),
            (".5", "0.5"),
            ("1.2300", "1.23"),
            ("100", "100"),
            ("1e2", "100"),
            ("1E+2", "100"),
            ("12.5e-1", "1.25"),
            ("0.000001", "0.000001"),
            ("0.0000010000000", "0.000001"),
            ("999999999999.999999", "999999999999.999999"),
            ("000000000000000000007", "7"),
        ],
    )
    def test_numbers_are_accepted_in_one_form(self, text: str, value: str) -> None:
        assert str(accepted(quantity(text))) == value

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("NaN", "is not a decimal number"),
            ("sNaN", "is not a decimal number"),
            ("Infinity", "is not a decimal number"),
            ("-inf", "is not a decimal number"),
            ("1,5", "is not a decimal number"),
            ("1_000", "is not a decimal number"),
            (" 1", "is not a decimal number"),
            ("1\n", "is not a decimal number"),
            ("0x1", "is not a decimal number"),
            ("\u0661", "is not a decimal number"),
            (".", "is not a decimal number"),
            ("1e", "is not a decimal number"),
            ("1" * 65, "is not a decimal number"),
            ("1e9999999999", "is not a decimal number"),
            ("1e999999999", "has more than 12 digits before the point"),
            ("1e30", "has more than 12 digits before the point"),
            ("1000000000000", "has more than 12 digits before the point"),
            ("1e-999999999", "has more than 6 decimals"),
            ("0.0000001", "has more than 6 decimals"),
            ("1.0000001", "has more than 6 decimals"),
            ("", "is not greater than 0"),
            ("0", "is not greater than 0"),
            ("-0", "is not greater than 0"),
            ("0e500", "is not greater than 0"),
            ("-1", "is not greater than 0"),
        ],
    )
    def test_anything_else_is_refused_with_its_reason(self, text: str, problem: str) -> None:
        assert refused(quantity(text)) == [problem]

    def test_a_missing_one_is_required(self) -> None:
        assert refused(lambda reading: reading.positive_quantity("field", None)) == ["is required"]

    def test_the_scale_can_be_smaller(self) -> None:
        assert str(accepted(quantity("3.000", scale=0))) == "3"
        assert refused(quantity("3.5", scale=0)) == ["is not a whole number"]
        assert refused(quantity("3.123", scale=2)) == ["has more than 2 decimals"]

    def test_limits_can_be_set(self) -> None:
        def minimum(text: str) -> Callable[[Reading], Decimal]:
            return lambda reading: reading.decimal("field", DecimalMessage(value=text), minimum=Decimal(0))

        assert str(accepted(minimum("-0.0"))) == "0"
        assert refused(minimum("-0.5")) == ["is less than 0"]

    def test_a_refused_one_reads_as_zero_whatever_it_was(self) -> None:
        assert quantity("1e999999999")(Reading()) == 0

    @given(
        st.decimals(min_value="-1e12", max_value="1e12", allow_nan=False, places=6).filter(lambda d: abs(d) < 10**12)
    )
    def test_agrees_with_the_number_that_was_written(self, number: Decimal) -> None:
        read = accepted(lambda reading: reading.decimal("field", DecimalMessage(value=str(number))))

        assert read == number
        assert "E" not in str(read)

    @given(st.text(alphabet="0123456789.eE+-_ nafi", max_size=70))
    def test_never_fails_otherwise_than_by_a_violation(self, text: str) -> None:
        reading = Reading()
        with localcontext(prec=28):
            value = reading.decimal("field", DecimalMessage(value=text))

        assert value.is_finite()
        assert abs(value) < 10**12
        assert value == value.quantize(Decimal("0.000001"))

    @given(st.integers(0, 10**18 - 1), st.integers(0, 6), st.integers(0, 6))
    def test_equal_numbers_read_as_the_same_text(self, digits: int, scale: int, zeros: int) -> None:
        number = Decimal(digits).scaleb(-scale)
        if abs(number) >= 10**12:
            number = Decimal(digits % 10**12)
        plain = f"{number:f}"
        padded = plain + ("" if "." in plain else ".") + "0" * zeros

        def read(text: str) -> str:
            return str(accepted(lambda reading: reading.decimal("field", DecimalMessage(value=text))))

        assert read(plain) == read(padded) == read(f"{number:e}")


class TestTimestamps:
    @given(st.datetimes(timezones=st.just(UTC)))
    def test_every_instant_in_microseconds_is_read_exactly(self, instant: datetime) -> None:
        message = Timestamp()
        message.FromDatetime(instant)
        assert accepted(lambda reading: reading.timestamp("field", message)) == instant

    def test_nanoseconds_are_cut(self) -> None:
        instant = accepted(lambda reading: reading.timestamp("field", Timestamp(seconds=1, nanos=1999)))
        assert instant == datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC)

    def test_an_absent_one_is_none(self) -> None:
        assert accepted(lambda reading: reading.timestamp("field", None)) is None

    @pytest.mark.parametrize(
        ("seconds", "nanos"), [(253402300800, 0), (-62135596801, 0), (2**62, 0), (0, -1), (0, 10**9)]
    )
    def test_instants_outside_of_the_calendar_are_refused(self, seconds: int, nanos: int) -> None:
        message = Timestamp(seconds=seconds, nanos=nanos)
        assert refused(lambda reading: reading.timestamp("field", message)) == [
            "is not an instant of the years 1 to 9999"
        ]

    def test_the_last_instant_is_accepted(self) -> None:
        message = Timestamp(seconds=253402300799, nanos=999_999_999)
        read = accepted(lambda reading: reading.timestamp("field", message))
        assert read == datetime.max.replace(tzinfo=UTC)


class TestChoices:
    def test_a_known_value_is_accepted(self) -> None:
        assert accepted(lambda reading: reading.choice("field", 5, Code)) == 5

    def test_the_unspecified_one_is_missing_unless_it_is_optional(self) -> None:
        assert refused(lambda reading: reading.choice("field", 0, Code)) == ["is required"]
        assert accepted(lambda reading: reading.choice("field", 0, Code, required=False)) == 0

    def test_an_unknown_value_is_refused(self) -> None:
        assert refused(lambda reading: reading.choice("field", 77, Code)) == ["is 77, which stands for nothing"]


class TestMasks:
    def test_names_of_fields_are_accepted(self) -> None:
        mask = FieldMask(paths=["bin", "minimum", "bin"])
        assert accepted(lambda reading: reading.mask("field", mask, ("bin", "minimum", "maximum"))) == {
            "bin",
            "minimum",
        }

    def test_an_empty_one_is_refused(self) -> None:
        assert refused(lambda reading: reading.mask("field", FieldMask(), ("bin",))) == ["is required"]

    def test_other_names_are_refused_each(self) -> None:
        mask = FieldMask(paths=["*", "bin", "on_hand"])
        assert refused(lambda reading: reading.mask("field", mask, ("bin",))) == [
            'names "*", which is none of bin',
            'names "on_hand", which is none of bin',
        ]


class TestEtags:
    @given(st.integers(0, 10**18 - 1))
    def test_the_etag_of_a_version_reads_as_that_version(self, version: int) -> None:
        assert accepted(lambda reading: reading.etag("field", etag(version))) == version

    def test_an_absent_one_is_none(self) -> None:
        assert accepted(lambda reading: reading.etag("field", "")) is None

    @pytest.mark.parametrize("text", ["x", "-1", "1.0", "\u0661", "9" * 19, "1\n"])
    def test_anything_else_is_refused(self, text: str) -> None:
        assert refused(lambda reading: reading.etag("field", text)) == ["is not an etag of this resource"]


class TestPageSizes:
    @pytest.mark.parametrize(("given_size", "size"), [(0, 50), (1, 1), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)])
    def test_it_has_a_default_and_a_maximum(self, given_size: int, size: int) -> None:
        assert accepted(lambda reading: reading.page_size("field", given_size)) == size

    def test_a_negative_one_is_refused(self) -> None:
        assert refused(lambda reading: reading.page_size("field", -1)) == ["is negative"]
