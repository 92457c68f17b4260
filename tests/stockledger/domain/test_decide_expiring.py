"""Deciding what is settled before anything else: reservations whose time has come."""

from datetime import datetime, timedelta
from typing import Any

from storekeeper_stockledger.domain.decisions.demanding import EXPIRIES_MAX
from storekeeper_stockledger.domain.operations import ExpireReservations
from storekeeper_stockledger.domain.places import Kind
from tests.stockledger.domain.shelves import (
    DAY,
    HERE,
    NOW,
    POSITION_ID,
    carry_out,
    counts,
    decide,
    drawn,
    held,
    layer,
    removing,
    shelf,
    stock_on,
)

EXPIRE = ExpireReservations(source=HERE)
SMALLEST_TIME = timedelta(microseconds=1)


def reserved(units: int, expire_time: datetime | None = None, **fields: Any) -> Any:
    return held(reserved=units, expire_time=expire_time, **fields)


def test_from_its_instant_on_what_is_reserved_is_available() -> None:
    holdings = {
        "over": {1: reserved(2, NOW), 2: reserved(1, NOW)},
        "nearly": {2: reserved(3, NOW + SMALLEST_TIME)},
        "lasting": {2: reserved(1)},
    }
    stock = stock_on(shelf(layer(1, 0, reserved=2, age=2 * DAY), layer(2, 4, reserved=5), holdings=holdings))
    movements = carry_out(stock, EXPIRE)
    assert drawn(movements) == [(1, 2), (2, 1)]
    assert {(one.kind, one.demand, one.effective_time) for one in movements} == {(Kind.RELEASED, "over", NOW)}
    assert counts(movements[-1].totals.available, movements[-1].totals.reserved) == [7, 4]
    assert drawn(carry_out(stock, removing(7))) == [(1, 2), (2, 5)]
    assert carry_out(stock, EXPIRE) == ()


def test_each_release_took_effect_at_its_own_expiry_the_first_ones_first() -> None:
    times = {"A": NOW - DAY, "B": NOW - 3 * DAY, "C": NOW - 2 * DAY}
    holdings = {demand: {1: reserved(1, time)} for demand, time in times.items()}
    movements = decide(EXPIRE, stock_on(shelf(layer(1, 0, reserved=3), holdings=holdings)))
    assert [(one.demand, one.effective_time) for one in movements] == [
        ("B", NOW - 3 * DAY),
        ("C", NOW - 2 * DAY),
        ("A", NOW - DAY),
    ]


def test_what_was_picked_of_a_reservation_stays_picked() -> None:
    holdings = {"A": {1: reserved(2, NOW, picked=1, delivered=1)}}
    stock = stock_on(shelf(layer(1, 0, reserved=2, picked=1, delivered=1), holdings=holdings))
    carry_out(stock, EXPIRE)
    left = stock.shelves[POSITION_ID].holdings["A"][1]
    assert counts(left.reserved, left.picked, left.delivered) == [0, 1, 1]
    assert left.expire_time is None


def test_one_operation_settles_so_many_and_leaves_the_rest_to_the_next() -> None:
    many = {f"{number:05}": {1: reserved(1, NOW - DAY)} for number in range(EXPIRIES_MAX + 3)}
    stock = stock_on(shelf(layer(1, 0, reserved=len(many)), holdings=many))
    assert [len(carry_out(stock, EXPIRE)) for _ in range(3)] == [EXPIRIES_MAX, 3, 0]
