"""The digest that seals a batch: every recorded column counts, and all releases agree."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.journal import Entry, digest, instant, microseconds
from storekeeper_stockledger.domain.places import Kind, Places
from storekeeper_stockledger.domain.stock import Movement, Totals
from tests.stockledger.domain.shelves import DAY, NOW, layer

MOVEMENT: Final = Movement(
    kind=Kind.REMOVED,
    quantity=Decimal(2),
    amount=Decimal("3.50"),
    stocked_item=layer(1, 5, reserved=1, unit_cost=2, value="10.50"),
    totals=Totals(Decimal(5), Decimal(1), Decimal(0), Decimal(3)),
    effective_time=NOW,
    reference="PO 7",
)
ENTRY: Final = Entry(
    request_id=UUID(int=7),
    kind="remove_stock",
    fingerprint=b"\x01\x02",
    actor="anna",
    reason="grüß 🪿",
    effective_time=NOW,
    movements=(MOVEMENT,),
)


def with_movement(**changes: Any) -> Entry:
    return replace(ENTRY, movements=(replace(MOVEMENT, **changes),))


def with_places(**changes: Any) -> Entry:
    stocked_item = MOVEMENT.stocked_item
    return with_movement(stocked_item=replace(stocked_item, places=replace(stocked_item.places, **changes)))


@pytest.mark.parametrize(
    "other",
    [
        replace(ENTRY, request_id=UUID(int=8)),
        replace(ENTRY, kind="add_stock"),
        replace(ENTRY, fingerprint=b"\x01\x03"),
        replace(ENTRY, actor="bert"),
        replace(ENTRY, reason=""),
        replace(ENTRY, effective_time=NOW + DAY),
        replace(ENTRY, movements=()),
        replace(ENTRY, movements=(MOVEMENT, MOVEMENT)),
        with_movement(kind=Kind.ADDED),
        with_movement(quantity=Decimal(3)),
        with_movement(amount=Decimal("3.51")),
        with_movement(amount=None),
        with_movement(effective_time=NOW + timedelta(microseconds=1)),
        with_movement(reference=""),
        with_movement(stocked_item=replace(MOVEMENT.stocked_item, stocked_item_id=2)),
        with_movement(stocked_item=replace(MOVEMENT.stocked_item, position_id=2)),
        with_movement(stocked_item=replace(MOVEMENT.stocked_item, value=Decimal(11))),
        *(with_places(**{name: Decimal(99)}) for name in Places.__dataclass_fields__),
        *(
            with_movement(totals=replace(MOVEMENT.totals, **{name: Decimal(99)}))
            for name in Totals.__dataclass_fields__
        ),
    ],
)
def test_each_recorded_column_counts(other: Entry) -> None:
    assert digest([other]) != digest([ENTRY])


def test_equal_numbers_are_equal_however_they_are_written() -> None:
    assert digest([with_movement(quantity=Decimal("2.000000"), amount=Decimal("3.5"))]) == digest([ENTRY])


def test_the_order_of_entries_counts() -> None:
    other = replace(ENTRY, actor="bert")
    assert digest([ENTRY, other]) != digest([other, ENTRY])


def test_all_releases_agree() -> None:
    """Journals are verified for ever: this digest may never change."""
    assert digest([ENTRY]).hex() == "f7ab75dd738f54ba917ab9612f985c451b7267bc0d70d89cb2d602d9ec346751"


@given(st.datetimes(timezones=st.just(NOW.tzinfo)))
def test_an_instant_is_the_same_after_it_was_counted_in_microseconds(time: Any) -> None:
    assert instant(microseconds(time)) == time
