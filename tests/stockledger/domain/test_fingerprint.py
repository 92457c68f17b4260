"""Fingerprints: equal for equal contents, however and by whichever release they were written."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.costs import CostMethod, UnitCost
from storekeeper_stockledger.domain.operations import (
    AddStock,
    ItemAtLocation,
    PositionId,
    RemoveStock,
    StockedItemId,
    fingerprint,
)
from storekeeper_stockledger.domain.values import dataclass

TIME: Final = datetime(2019, 1, 1, 12, tzinfo=UTC)

ADDITION: Final = AddStock(
    target=ItemAtLocation(7, 3),
    quantity=Decimal("1.5"),
    receive_time=TIME,
    cost=UnitCost("USD", Decimal("2.25")),
    lot="L'1\"",
    serial_number="A1",
    reason="grüß 🪿",
    reference="PO 7",
)
REMOVAL: Final = RemoveStock(source=PositionId(7), quantity=Decimal(1))


def of(operation: AddStock | RemoveStock) -> str:
    return fingerprint("operation", operation).hex()


@pytest.mark.parametrize("written", ["1", "1.0", "1.000000", "1E0", "10E-1", "0.1E+1", "+1"])
def test_equal_numbers_are_equal_however_they_were_written(written: str) -> None:
    assert of(replace(REMOVAL, quantity=Decimal(written))) == of(REMOVAL)


def test_equal_instants_are_equal_in_any_time_zone() -> None:
    elsewhere = TIME.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert of(replace(ADDITION, receive_time=elsewhere)) == of(ADDITION)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("target", ItemAtLocation(7, 4)),
        ("target", ItemAtLocation(3, 7)),
        ("target", PositionId(7)),
        ("quantity", Decimal("1.500001")),
        ("receive_time", TIME + timedelta(microseconds=1)),
        ("receive_time", None),
        ("cost", UnitCost("USD", Decimal("2.2500000001"))),
        ("cost", UnitCost("EUR", Decimal("2.25"))),
        ("cost", CostMethod.AVERAGE),
        ("cost", CostMethod.LAST_RECEIVED),
        ("cost", None),
        ("lot", "L1"),
        ("serial_number", "a1"),
        ("reason", ""),
        ("reference", "PO  7"),
        ("extensions", {"autotask": {}}),
        ("extensions", {"autotask": {"binID": 1}}),
        ("extensions", {"autotask": {"binID": "1"}}),
        ("extensions", {"autotask": {"binID": True}}),
        ("extensions", {"autotask": {"binID": None}}),
        ("extensions", {"autotask": {"binID": [1]}}),
        ("extensions", {"saasu": {"binID": 1}}),
        ("expire_time", TIME),
        ("invoice_number", "INV 7"),
    ],
)
def test_each_field_counts(name: str, other: object) -> None:
    changed: dict[str, Any] = {name: other}
    assert of(replace(ADDITION, **changed)) != of(ADDITION)


def test_no_field_is_forgotten_by_the_test_before() -> None:
    assert {field.name for field in fields(AddStock)} == {
        "target", "quantity", "receive_time", "cost", "lot", "serial_number", "reason", "reference", "extensions",
        "expire_time", "invoice_number",
    }  # fmt: skip


CONTENTS: Final[list[Any]] = [{}, {"a": 1}, {"a": "1"}, {"a": True}, {"a": None}, {"a": [1]}, {"a": [[1]]}, {"b": 1}]


def test_different_contents_of_extensions_are_different() -> None:
    assert len({of(replace(ADDITION, extensions={"autotask": one})) for one in CONTENTS}) == len(CONTENTS)


def test_equal_contents_of_extensions_are_equal_however_they_were_written() -> None:
    long = "0.1234567890123456789012345678901234567890"
    one = replace(ADDITION, extensions={"b": {"x": Decimal("7.0"), "y": [Decimal("1E+2")]}, "a": {"z": Decimal(long)}})
    other = replace(ADDITION, extensions={"a": {"z": Decimal(f"{long}0")}, "b": {"y": [100], "x": 7}})
    assert of(one) == of(other)
    assert of(one) != of(replace(one, extensions={**one.extensions, "a": {"z": Decimal(f"{long}1")}}))


def test_the_same_number_names_another_thing_when_it_names_it_otherwise() -> None:
    assert of(replace(REMOVAL, source=StockedItemId(7))) != of(REMOVAL)


def test_the_name_of_the_call_counts() -> None:
    assert fingerprint("add_stock", REMOVAL) != fingerprint("remove_stock", REMOVAL)


@given(st.text(), st.text())
def test_text_cannot_run_over_into_the_next_field(reason: str, reference: str) -> None:
    one = replace(ADDITION, reason=reason, reference=reference)
    other = replace(ADDITION, reason=f"{reason}',reference:'{reference}", reference="")
    assert of(one) != of(other)


def test_a_field_that_a_later_release_adds_changes_nothing_for_calls_without_it() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class LaterRemoval(RemoveStock):
        strategy: str = ""
        at_most: int | None = None

    later = LaterRemoval(source=REMOVAL.source, quantity=REMOVAL.quantity)
    assert fingerprint("operation", later).hex() == of(REMOVAL)
    assert fingerprint("operation", replace(later, at_most=0)).hex() != of(REMOVAL)


def test_all_releases_agree() -> None:
    """Request ids are kept for ever: these digests may never change."""
    assert of(REMOVAL) == "0ea4bcc0641d085ad16695b857db8a2decc494795806b579597092b00e06d175"
    assert of(ADDITION) == "1eb8cf3e3cae5ac3af7afceee3645d96997dc8ed04d5a24e48c1ca6f05eff50f"
