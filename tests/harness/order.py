"""The order of draws: which stocked item comes first, by the order that the journal says an operation drew in."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, repeat
from typing import Any

from tests.harness.balances import HELD
from tests.harness.journal import Journal, Movement, StockedItem
from tests.harness.kinds import ENDS

BY_ITSELF = {"expire_reservations"}
"""Kinds of operations that draw in no order: what they take follows from the time."""

FROM_AVAILABLE = {
    *("removed", "reserved", "picked", "transferred_out", "relocated_out", "consumed", "counted_out", "unreceived"),
}

DRAWING = FROM_AVAILABLE | {
    *("picked_reserved", "delivered", "released", "unpicked", "unpicked_reserved", "returned"),
}

NEVER = datetime.max.replace(tzinfo=UTC)


def check_order(journal: Journal) -> None:
    """I10: at each draw, no other stocked item should have come first, by the order in which it was drawn.

    Stocked items join the line in the order of the journal, so one that came later is no witness against a draw before
    it. When one was to expire is known only from the last time on that somebody changed it.
    """
    movements = journal.movements_of()
    orders = {
        movement.movement_id: order
        for operation in journal.operations
        if operation.kind not in BY_ITSELF
        for movement, order in zip(movements.get(operation.operation_id, []), _orders(operation.draws), strict=False)
    }
    line = _Line(journal.stocked_items)
    for movement in journal.movements:
        order = orders.get(movement.movement_id)
        if movement.kind in DRAWING and order is not None:
            name = order.removesuffix("+expired")
            assert name == "named" or name in KEYS, (
                f"movement {movement.movement_id}, {movement.kind}, draws in no order: {order!r}"
            )
            line.check(movement, name, with_expired=name != order)
        line.move(movement)


def _orders(draws: str) -> Iterator[str]:
    """The order of each movement: the same of all, or, where they differ, each of so many."""
    if ":" not in draws:
        return repeat(draws)
    assert re.fullmatch(r"(\S+:\d+ ?)+", draws), f"orders {draws!r} are none"
    runs = (run.split(":") for run in draws.split())
    return chain.from_iterable(repeat(order, int(count)) for order, count in runs)


@dataclass(slots=True)
class _Line:
    """What was where at each position as the journal goes by. Only what is there."""

    items: dict[int, StockedItem]
    available: defaultdict[int, dict[int, Decimal]] = field(default_factory=lambda: defaultdict(dict))
    """By position and stocked item."""
    held: defaultdict[tuple[int, str, str], dict[int, Decimal]] = field(default_factory=lambda: defaultdict(dict))
    """By position, demand, place and stocked item."""

    def check(self, movement: Movement, order: str, *, with_expired: bool) -> None:
        """Fail if another stocked item should have come first."""
        name = f"movement {movement.movement_id}, {movement.kind}, drew on stocked item {movement.stocked_item_id}"
        drawn = self.items[movement.stocked_item_id]  # type: ignore[index]
        if movement.kind == "picked_reserved" and order != "named":
            # The order that is asked for is that of what the demand has not reserved.
            order = "oldest_first"
        passes_over = movement.kind in FROM_AVAILABLE and not with_expired
        assert not (passes_over and _had_expired(drawn, movement)), f"{name}, which had expired"
        if order == "named" or (order == "first_expired_first" and not _is_known(drawn, movement)):
            return
        first = min(self._candidates(movement, order, passes_over=passes_over), key=KEYS[order], default=drawn)
        assert KEYS[order](drawn) <= KEYS[order](first), (
            f"{name}, though {first.stocked_item_id}, which comes first, had units"
        )
        if movement.kind == "picked":
            assert not self.held[movement.position_id, movement.demand, "reserved"], (
                f"movement {movement.movement_id} takes what is available, though its demand has units reserved"
            )

    def _candidates(self, movement: Movement, order: str, *, passes_over: bool) -> Iterator[StockedItem]:
        """The stocked items that could have been drawn on, as far as is known."""
        heeds_expiry = passes_over or order == "first_expired_first"
        for item in self._line(movement):
            if heeds_expiry and not _is_known(item, movement):
                continue
            if not (passes_over and _had_expired(item, movement)):
                yield item

    def _line(self, movement: Movement) -> Iterator[StockedItem]:
        origin = ENDS[movement.kind][0]
        if origin in HELD:
            yield from map(self.items.__getitem__, self.held[movement.position_id, movement.demand, origin])
            return
        for item in map(self.items.__getitem__, self.available[movement.position_id]):
            if movement.kind != "unreceived" or item.order_line == movement.order_line:
                yield item

    def move(self, movement: Movement) -> None:
        item_id = movement.stocked_item_id
        if item_id is None:
            return
        self._put(self.available[movement.position_id], item_id, movement.places_after["available"])
        for place, sign in zip(ENDS[movement.kind], (-1, 1), strict=True):
            if place in HELD and movement.demand:
                held = self.held[movement.position_id, movement.demand, place]
                self._put(held, item_id, held.get(item_id, Decimal(0)) + sign * movement.quantity)

    def _put(self, line: dict[int, Decimal], item_id: int, left: Decimal | None) -> None:
        if left:
            line[item_id] = left
        else:
            line.pop(item_id, None)


def _is_known(item: StockedItem, movement: Movement) -> bool:
    """Whether it expired then as it does now."""
    return item.expiry_operation_id is None or item.expiry_operation_id < movement.operation_id


def _had_expired(item: StockedItem, movement: Movement) -> bool:
    return _is_known(item, movement) and item.expire_time is not None and item.expire_time <= movement.effective_time


def _oldest_first(item: StockedItem) -> tuple[Any, ...]:
    return item.age


def _newest_first(item: StockedItem) -> tuple[Any, ...]:
    return (-item.receive_time.timestamp(), -item.stocked_item_id)


def _first_expired_first(item: StockedItem) -> tuple[Any, ...]:
    return (item.expire_time or NEVER, *item.age)


KEYS = {
    "oldest_first": _oldest_first,
    "newest_first": _newest_first,
    "first_expired_first": _first_expired_first,
}
"""By order: what comes first has the least."""
