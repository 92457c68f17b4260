"""Stocked items: from nothing, movement by movement, come the places and the worth that stand on each, and today's."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from ..domain.places import MAKING, ON_HAND, ZERO, Kind
from .balances import OF_STOCKED_ITEM, Units, after
from .findings import Finding, differences, missing, unexpected, wrong
from .matching import matched
from .snapshot import Advance, Snapshot
from .stocked_item_rows import COUNTED, MOVEMENTS, STOCKED_ITEMS, Movement, StockedItem
from .worth import Worth

_NOTHING: Final[Units] = (ZERO,) * len(COUNTED)
_ON_HAND: Final = slice(1, 1 + len(ON_HAND))
_RECEIVED_THEN: Final = {Kind.ADDED, Kind.RECEIVED, Kind.PRODUCED}
"""Kinds whose effective time is the receive time of the stocked item."""


def check(snapshot: Snapshot, tenant_id: int, advance: Advance) -> Iterator[Finding]:
    """What is wrong with stocked items, and with the movements of each."""
    key = attrgetter("stocked_item_id")
    movements = snapshot.rows(Movement, MOVEMENTS, tenant_id, advance)
    stocked_items = snapshot.rows(StockedItem, STOCKED_ITEMS, tenant_id)
    for stocked_item_id, moved, stocked_item in matched(movements, key, stocked_items, key):
        fold = _Fold()
        for movement in moved:
            yield from fold.follow(movement)
        name = ("stocked_item", stocked_item_id)
        if stocked_item is None:
            yield missing(name, f"it has movements, up to {fold.movement_id}")
        elif fold.made is None:
            yield unexpected(name, "no movement has made it")
        else:
            yield from fold.agrees(stocked_item, fold.made)


class _Fold:
    """What the journal says of one stocked item up to some movement."""

    def __init__(self) -> None:
        self.made: Movement | None = None
        self.movement_id = 0
        self._position_id = 0
        self._units = _NOTHING
        self._worth = Worth()

    def follow(self, movement: Movement) -> Iterator[Finding]:
        """What is wrong with the next movement."""
        row = ("movement", movement.movement_id)
        self.movement_id = movement.movement_id
        if movement.kind not in OF_STOCKED_ITEM:
            yield wrong(row, "kind", movement.kind, ..., "there is no such kind")
            return
        if self.made is None:
            self.made = movement
            if movement.kind not in MAKING:
                yield wrong(row, "kind", movement.kind, ..., "the first one makes the stocked item")
        elif movement.kind in MAKING:
            yield wrong(row, "kind", movement.kind, ..., f"movement {self.made.movement_id} has made the stocked item")
        if movement.kind in MAKING or movement.kind == Kind.RELOCATED_IN:
            self._position_id = movement.position_id
        yield from differences(row, [("position_id", movement.position_id, self._position_id)], "its units are there")
        yield from self._move(movement)
        yield from self._worth.follow(movement, sum(self._units[_ON_HAND], ZERO))

    def agrees(self, stocked_item: StockedItem, made: Movement) -> Iterator[Finding]:
        """How the stocked item differs from what the journal has left."""
        row = ("stocked_item", stocked_item.stocked_item_id)
        left = f"so movement {self.movement_id}, its last, has left it"
        yield from differences(row, zip(COUNTED, stocked_item.units, self._units, strict=True), left)
        now = (
            ("position_id", stocked_item.position_id, self._position_id),
            ("open", stocked_item.open, any(self._units[_ON_HAND])),
        )
        yield from differences(row, now, left)
        yield from self._worth.agrees(stocked_item, left)
        yield from _was_made(stocked_item, made)

    def _move(self, movement: Movement) -> Iterator[Finding]:
        row, before, told = ("movement", movement.movement_id), self._units, movement.units_after
        signs = OF_STOCKED_ITEM[movement.kind]
        expected = after(before, signs, movement.quantity)
        self._units = expected if None in told else told
        if told == expected:
            return
        if None not in told:
            moved = max(abs(now - then) for then, now in zip(before, told, strict=True))
            if after(before, signs, moved) == told:
                yield wrong(row, "quantity", movement.quantity, moved, "so many units have changed places by it")
        columns = zip((f"{place}_after" for place in COUNTED), told, expected, strict=True)
        yield from differences(row, columns, "so it follows from those up to it")


def _was_made(stocked_item: StockedItem, made: Movement) -> Iterator[Finding]:
    row = ("stocked_item", stocked_item.stocked_item_id)
    because = f"so movement {made.movement_id} has made it"
    columns = [
        ("create_time", stocked_item.create_time, made.record_time),
        ("order_line", stocked_item.order_line, made.order_line),
    ]
    if made.kind in _RECEIVED_THEN:
        columns.append(("receive_time", stocked_item.receive_time, made.effective_time))
    yield from differences(row, columns, because)
    if made.kind == Kind.COUNTED_IN and not made.effective_time <= stocked_item.receive_time <= made.record_time:
        yield wrong(row, "receive_time", stocked_item.receive_time, made.record_time, because)
