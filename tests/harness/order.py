"""The order of draws: which stocked item comes first, when nobody named one."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from tests.harness.balances import HELD
from tests.harness.journal import Journal, Movement, StockedItem
from tests.harness.kinds import ENDS

ALWAYS = {"close_position"}
"""Kinds of operations that never name a stocked item."""

WHAT_EXPIRES = {"removed", "reserved", "picked", "transferred_out", "consumed"}
"""Kinds that pass over what is not to be used any more."""

BACKWARDS = {"released", "unpicked", "unpicked_reserved", "returned", "unreceived"}
"""Kinds that undo something: the newest first."""

DRAWING = WHAT_EXPIRES | BACKWARDS | {"picked_reserved", "delivered", "counted_out"}


def check_order(journal: Journal, oldest_first: Collection[UUID]) -> None:
    """I10: at each draw in the usual order, no other stocked item of the position should have come first.

    Steps forward take the oldest, those back the newest. Stocked items join the line in the order of the journal, so
    one that came later is no witness against a draw before it. A test that changes when a stocked item expires must not
    name draws that passed it over before.

    Args:
        journal: What happened.
        oldest_first: The requests that named no stocked item, and no order of their own.
    """
    usual = {
        operation.operation_id: operation.kind
        for operation in journal.operations
        if operation.kind in ALWAYS or operation.request_id in oldest_first
    }
    line = _Line(journal.stocked_items)
    for movement in journal.movements:
        if movement.operation_id in usual and movement.kind in DRAWING:
            line.check(movement, with_expired=usual[movement.operation_id] in ALWAYS)
        line.move(movement)


@dataclass(slots=True)
class _Line:
    """What was where at each position as the journal goes by. Only what is there."""

    items: dict[int, StockedItem]
    available: defaultdict[int, dict[int, Decimal]] = field(default_factory=lambda: defaultdict(dict))
    """By position and stocked item."""
    held: defaultdict[tuple[int, str, str], dict[int, Decimal]] = field(default_factory=lambda: defaultdict(dict))
    """By position, demand, place and stocked item."""

    def check(self, movement: Movement, *, with_expired: bool) -> None:
        """Fail if another stocked item should have come first."""
        drawn = self.items[movement.stocked_item_id]  # type: ignore[index]
        passed_over = not with_expired and movement.kind in WHAT_EXPIRES
        candidates = [
            item
            for item in self._line(movement)
            if item is drawn or not (passed_over and _may_have_expired(item, movement.record_time))
        ]
        first = max(candidates, key=_age) if movement.kind in BACKWARDS else min(candidates, key=_age)
        assert first is drawn, (
            f"movement {movement.movement_id}, {movement.kind}, drew on stocked item {drawn.stocked_item_id}, "
            f"though {first.stocked_item_id}, which comes first, had units"
        )
        if movement.kind == "picked":
            assert not self.held[movement.position_id, movement.demand, "reserved"], (
                f"movement {movement.movement_id} takes what is available, though its demand has units reserved"
            )

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


def _age(item: StockedItem) -> tuple[datetime, int]:
    return item.age


def _may_have_expired(item: StockedItem, record_time: datetime) -> bool:
    return item.expire_time is not None and item.expire_time <= record_time
