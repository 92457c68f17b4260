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
from tests.stockledger.domain.shelves import DAY, ITEM_ID, LOCATION_ID, NOW, POSITION_ID, layer

UNITS: Final = layer(1, 5, reserved=1, unit_cost=2, value="10.50")
MOVEMENT: Final = Movement(
    kind=Kind.REMOVED,
    quantity=Decimal(2),
    amount=Decimal("3.50"),
    position_id=POSITION_ID,
    item_id=ITEM_ID,
    location_id=LOCATION_ID,
    stocked_item=UNITS,
    totals=Totals(Decimal(5), Decimal(1), Decimal(0), Decimal(3)),
    effective_time=NOW,
    reference="PO 7",
)
ENTRY: Final = Entry(
    request_id=str(UUID(int=7)),
    kind="remove_stock",
    fingerprint=b"\x01\x02",
    actor="anna",
    reason="grüß 🪿",
    effective_time=NOW,
    movements=(MOVEMENT,),
)
ABOUT: Final[dict[str, Any]] = {
    "demand": "SO 7",
    "order_line": "PO 7-1",
    "reversed_movement_id": 7,
    "unit_cost": Decimal("1.750"),
}


def with_movement(**changes: Any) -> Entry:
    return replace(ENTRY, movements=(replace(MOVEMENT, **changes),))


def with_places(**changes: Any) -> Entry:
    return with_movement(stocked_item=replace(UNITS, places=replace(UNITS.places, **changes)))


@pytest.mark.parametrize(
    "other",
    [
        replace(ENTRY, request_id=str(UUID(int=8))),
        replace(ENTRY, kind="add_stock"),
        replace(ENTRY, fingerprint=b"\x01\x03"),
        replace(ENTRY, actor="bert"),
        replace(ENTRY, reason=""),
        replace(ENTRY, effective_time=NOW + DAY),
        replace(ENTRY, draws="named"),
        replace(ENTRY, movements=()),
        replace(ENTRY, movements=(MOVEMENT, MOVEMENT)),
        with_movement(kind=Kind.ADDED),
        with_movement(quantity=Decimal(3)),
        with_movement(amount=Decimal("3.51")),
        with_movement(amount=None),
        with_movement(effective_time=NOW + timedelta(microseconds=1)),
        with_movement(reference=""),
        with_movement(position_id=2),
        with_movement(stocked_item=replace(UNITS, stocked_item_id=2)),
        with_movement(stocked_item=replace(UNITS, value=Decimal(11))),
        with_movement(stocked_item=None),
        with_movement(demand="SO 7"),
        with_movement(order_line="SO 7"),
        with_movement(reversed_movement_id=7),
        with_movement(unit_cost=Decimal(7)),
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


def test_what_is_empty_is_told_from_what_is_elsewhere() -> None:
    abouts: list[dict[str, Any]] = [
        {"demand": "7"},
        {"order_line": "7"},
        {"reversed_movement_id": 7},
        {"unit_cost": Decimal(7)},
    ]
    assert len({digest([with_movement(**about)]) for about in abouts}) == len(abouts)


@pytest.mark.parametrize(
    ("entry", "sealed"),
    [
        (ENTRY, "f7ab75dd738f54ba917ab9612f985c451b7267bc0d70d89cb2d602d9ec346751"),
        (with_movement(**ABOUT), "a49d9a4520d9273cd6e503be1cf645062e7c561d0e108e05641eb83dda502fcb"),
        (with_movement(stocked_item=None, **ABOUT), "c606e15dcbe0712bc2d0f93151a95a55721c44dbbc096d5b6bbcd2d8223c81f1"),
        (replace(ENTRY, draws="oldest_first"), "fdd6fd574650fce97bee34cbb18f74b081692c368662b8f9662063955d991aa9"),
    ],
    ids=["as in the first release", "with all that later ones know", "of no stocked item", "drawn in an order"],
)
def test_all_releases_agree(entry: Entry, sealed: str) -> None:
    """Journals are verified for ever: these digests may never change."""
    assert digest([entry]).hex() == sealed


@given(st.datetimes(timezones=st.just(NOW.tzinfo)))
def test_an_instant_is_the_same_after_it_was_counted_in_microseconds(time: Any) -> None:
    assert instant(microseconds(time)) == time
