"""The order in which an operation draws, as the journal tells it: what was asked, not what was done."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pytest

from storekeeper_stockledger.domain.draw_orders import draw_order
from storekeeper_stockledger.domain.operations import OPERATION_KINDS, Name, Operation
from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.domain.stock import Movement, Totals
from tests.stockledger.domain.shelves import HERE, ITEM_ID, LOCATION_ID, NOW, POSITION_ID
from tests.stockledger.verbs import (
    FIRST_EXPIRED_FIRST,
    NEWEST_FIRST,
    Number,
    adding,
    assembling,
    cancelling,
    closing,
    component,
    counting,
    delivering,
    disassembling,
    expecting,
    extending,
    part,
    picking,
    receiving,
    releasing,
    removing,
    reserving,
    returning,
    transferring,
    unit,
    units,
    unpicking,
    unreceiving,
    updating,
)


def sending(where: Name, **fields: Any) -> Operation:
    return transferring(where, LOCATION_ID + 1, **fields)


def taking_apart(where: Name, **fields: Any) -> Operation:
    return disassembling(where, 1, [part(HERE)], **fields)


def making(where: Name, **fields: Any) -> Operation:
    return assembling(HERE, 1, [component(where, **fields), component(where, 2, **fields)])


ASKING: Final[list[Callable[..., Any]]] = [removing, reserving, picking, sending, taking_apart, making]
"""What may ask for an order."""

BACK: Final[list[Callable[..., Any]]] = [releasing, unpicking, returning, unreceiving]

DRAWING_NOTHING: Final[list[Operation]] = [
    adding(HERE),
    updating(1),
    extending(HERE),
    expecting(HERE),
    cancelling(HERE),
    receiving(HERE),
]


def moved(*quantities: Number, kind: Kind = Kind.REMOVED) -> list[Movement]:
    """Movements of so many units."""
    return [
        Movement(
            kind=kind,
            quantity=Decimal(quantity),
            amount=None,
            position_id=POSITION_ID,
            item_id=ITEM_ID,
            location_id=LOCATION_ID,
            stocked_item=None,
            totals=Totals(),
            effective_time=NOW,
        )
        for quantity in quantities
    ]


@pytest.mark.parametrize("asking", ASKING)
@pytest.mark.parametrize(
    ("where", "fields", "told"),
    [
        (HERE, {}, "oldest_first"),
        (HERE, {"order": NEWEST_FIRST}, "newest_first"),
        (HERE, {"order": FIRST_EXPIRED_FIRST, "include_expired": True}, "first_expired_first+expired"),
        (unit(1), {}, "named"),
        (units(1, 2), {"include_expired": True}, "named+expired"),
    ],
)
def test_it_is_the_one_that_was_asked_for(
    asking: Callable[..., Any], where: Name, fields: dict[str, Any], told: str
) -> None:
    assert draw_order(asking(where, **fields), moved(1, 2)) == told


@pytest.mark.parametrize("asking", BACK)
def test_what_is_undone_is_the_newest_unless_it_is_named(asking: Callable[..., Any]) -> None:
    assert draw_order(asking(HERE, 1), moved(1)) == "newest_first+expired"
    assert draw_order(asking(unit(1), 1), moved(1)) == "named+expired"


def test_what_is_handed_over_is_the_oldest_unless_it_is_named() -> None:
    assert draw_order(delivering(HERE), moved(1)) == "oldest_first+expired"
    assert draw_order(delivering(units(1, 2)), moved(1)) == "named+expired"


def test_a_position_is_closed_and_counted_down_by_age_expired_or_not() -> None:
    assert draw_order(closing(POSITION_ID), moved(1)) == "oldest_first+expired"
    assert draw_order(counting(HERE, 0), moved(1, kind=Kind.COUNTED_OUT)) == "oldest_first+expired"
    assert draw_order(counting(unit(1), 0), moved(1, kind=Kind.COUNTED_OUT)) == "named+expired"


def test_components_in_several_orders_tell_each_how_many_movements_it_took() -> None:
    components = [component(HERE, 5), component(units(3, 4), 2), component(HERE, 1, order=NEWEST_FIRST)]
    consumed = moved(1, 4, 2, "0.25", "0.75", 1)
    assert draw_order(assembling(HERE, 1, components), consumed) == "oldest_first:2 named:1 newest_first:2"


def test_nothing_is_told_where_nothing_was_drawn() -> None:
    assert draw_order(closing(POSITION_ID), []) == ""
    assert draw_order(counting(HERE, 9), moved(1, kind=Kind.COUNTED_IN)) == ""
    assert {draw_order(operation, moved(1)) for operation in DRAWING_NOTHING} == {""}


def test_every_kind_of_operation_is_among_those_above() -> None:
    asked = [asking(HERE) for asking in (*ASKING, *BACK, delivering)]
    others = [closing(POSITION_ID), counting(HERE, 0), *DRAWING_NOTHING]
    kinds = {OPERATION_KINDS[type(operation)] for operation in (*asked, *others)}
    assert kinds == set(OPERATION_KINDS.values()) - {"expire_reservations"}
