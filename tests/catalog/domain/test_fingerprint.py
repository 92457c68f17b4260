"""Fingerprints: equal for equal contents, however and by whichever release they were written."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any, Final

import pytest

from storekeeper_catalog.domain.fingerprint import fingerprint
from storekeeper_catalog.domain.item import Draft, ItemState, ItemType, Tracking, UnitCost

DRAFT: Final = Draft(
    sku="A'1\"",
    name="grüß 🪿",
    description="It clicks.",
    type=ItemType.NON_INVENTORY,
    tracking=Tracking.LOT,
    quantity_scale=2,
    unit_cost=UnitCost("USD", Decimal("2.25")),
    extensions={"autotask": {"price": Decimal("1.50"), "active": True, "tags": ["a", 1, None]}},
)


def of(draft: Draft) -> str:
    return fingerprint("create_item", draft).hex()


@pytest.mark.parametrize("written", ["2.25", "2.250", "225E-2", "0.225e1"])
def test_equal_numbers_are_equal_however_they_were_written(written: str) -> None:
    assert of(replace(DRAFT, unit_cost=UnitCost("USD", Decimal(written)))) == of(DRAFT)


def test_the_order_of_keys_does_not_count() -> None:
    first = replace(DRAFT, extensions={"a": {"x": 1, "y": 2}, "b": {}})
    second = replace(DRAFT, extensions={"b": {}, "a": {"y": Decimal("2.0"), "x": 1}})
    assert of(first) == of(second)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("sku", "A1"),
        ("name", "grüß"),
        ("description", ""),
        ("type", ItemType.SERVICE),
        ("tracking", Tracking.NONE),
        ("quantity_scale", 3),
        ("unit_cost", None),
        ("unit_cost", UnitCost("USD", Decimal("2.2500000001"))),
        ("unit_cost", UnitCost("EUR", Decimal("2.25"))),
        ("state", ItemState.ARCHIVED),
        ("extensions", {}),
        ("extensions", {"saasu": DRAFT.extensions["autotask"]}),
        ("extensions", {"autotask": {**DRAFT.extensions["autotask"], "active": 1}}),
        ("extensions", {"autotask": {**DRAFT.extensions["autotask"], "active": "True"}}),
        ("extensions", {"autotask": {**DRAFT.extensions["autotask"], "tags": ["a", "1", None]}}),
        ("extensions", {"autotask": {**DRAFT.extensions["autotask"], "price": Decimal("1.5" + 50 * "0" + "1")}}),
    ],
)
def test_another_value_makes_another_fingerprint(name: str, other: Any) -> None:
    assert of(replace(DRAFT, **{name: other})) != of(DRAFT)


def test_every_field_counts() -> None:
    """None of the values is the default."""
    draft, defaults = replace(DRAFT, state=ItemState.ARCHIVED), Draft()
    for field in fields(Draft):
        assert of(replace(draft, **{field.name: getattr(defaults, field.name)})) != of(draft), field.name


def test_a_release_that_reads_an_old_fingerprint_comes_to_the_same() -> None:
    """They are kept for ever: if this fails, repeats of requests to older releases are refused as other contents."""
    assert of(Draft(name="Mouse")) == "0f3cbbb38909a75eadb8b4753f89d74fadf3fac4514e79e48b8e722a8a4b878d"
    assert of(DRAFT) == "7444d5c0cd9337becf5f8a0d94a8d4a8190a834412999c1c09a0f9ef9dc45225"
