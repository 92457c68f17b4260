"""What may become of an item, and what of it is news to the stock ledger."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest

from storekeeper_catalog.domain.item import (
    WHOLE_UNITS,
    Counting,
    Facts,
    Item,
    ItemState,
    ItemType,
    Registration,
    RegistrationState,
    Tracking,
    UnitCost,
)
from storekeeper_catalog.domain.refusals import BadField

TIME: Final = datetime(2019, 1, 1, tzinfo=UTC)
ITEM: Final = Item(
    item_id=7,
    name="Mouse",
    state=ItemState.ACTIVE,
    version=3,
    create_time=TIME,
    update_time=TIME,
    registration=Registration(RegistrationState.DONE),
)
SERVICE: Final = replace(ITEM, type=ItemType.SERVICE)


def test_a_change_makes_the_next_version() -> None:
    changed = ITEM.changed(name="Keyboard")
    assert (changed.name, changed.version) == ("Keyboard", 4)
    assert replace(changed, name="Mouse", version=3) == ITEM


@pytest.mark.parametrize(
    ("item", "values"),
    [
        (replace(ITEM, quantity_scale=2), {"tracking": Tracking.SERIAL}),
        (replace(ITEM, tracking=Tracking.SERIAL), {"quantity_scale": 1}),
        (ITEM, {"tracking": Tracking.SERIAL, "quantity_scale": 1}),
    ],
)
def test_units_with_serial_numbers_are_whole(item: Item, values: dict[str, Any]) -> None:
    with pytest.raises(BadField) as refused:
        item.changed(**values)
    assert (refused.value.field, refused.value.description) == ("item.quantity_scale", WHOLE_UNITS)


def test_both_may_change_together() -> None:
    fine = replace(ITEM, quantity_scale=2)
    assert fine.changed(tracking=Tracking.SERIAL, quantity_scale=0).counting == Counting(Tracking.SERIAL, 0)


@pytest.mark.parametrize(
    ("values", "news"),
    [
        ({"name": "Keyboard", "sku": "K", "description": "It clicks."}, False),
        ({"extensions": {"autotask": {"id": 1}}}, False),
        ({"tracking": Tracking.LOT}, True),
        ({"quantity_scale": 1}, True),
        ({"state": ItemState.ARCHIVED}, True),
        ({"unit_cost": UnitCost("USD", Decimal(2))}, True),
    ],
)
def test_only_what_the_ledger_keeps_is_news_to_it(values: dict[str, Any], news: bool) -> None:
    assert ITEM.changed(**values).is_news_after(ITEM) is news
    assert SERVICE.changed(**values).is_news_after(SERVICE) is False


@pytest.mark.parametrize(
    ("values", "counted_unlike"),
    [
        ({"name": "Keyboard"}, False),
        ({"state": ItemState.ARCHIVED, "unit_cost": UnitCost("USD", Decimal(2))}, False),
        ({"tracking": Tracking.NONE, "quantity_scale": 0}, False),
        ({"tracking": Tracking.LOT}, True),
        ({"quantity_scale": 1}, True),
    ],
)
def test_the_ledger_may_refuse_only_another_way_of_counting(values: dict[str, Any], counted_unlike: bool) -> None:
    assert ITEM.changed(**values).is_counted_unlike(ITEM) is counted_unlike
    assert SERVICE.changed(**values).is_counted_unlike(SERVICE) is False


def test_the_ledger_hears_the_facts_with_their_version() -> None:
    changed = ITEM.changed(tracking=Tracking.LOT, state=ItemState.ARCHIVED)
    assert changed.facts == Facts(7, 4, Counting(Tracking.LOT, 0), archived=True)
    cost = UnitCost("USD", Decimal(2))
    assert ITEM.changed(unit_cost=cost).facts == Facts(7, 4, ITEM.counting, archived=False, unit_cost=cost)
