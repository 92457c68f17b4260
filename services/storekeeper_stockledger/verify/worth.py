"""What stocked items are worth: what came less what left, to the smallest unit, and nothing once they are empty."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from ..domain.numbers import plain
from ..domain.places import MAKING, ZERO, Kind, comes, leaves
from .findings import Finding, differences, wrong
from .stocked_item_rows import Movement, StockedItem

_SIGNS: Final[dict[str, int]] = {
    **{kind: 1 for kind in Kind if comes(kind)},
    **{kind: -1 for kind in Kind if leaves(kind)},
    Kind.REVALUED: 1,
}
"""By kind: whether its amount adds to what a stocked item is worth, or is taken away."""


class Worth:
    """What the journal says that one stocked item is worth, and costs, up to some movement."""

    def __init__(self) -> None:
        self._value: Decimal | None = None
        self._unit_cost: Decimal | None = None
        self._cost_is_told = False

    def follow(self, movement: Movement, on_hand: Decimal) -> Iterator[Finding]:
        """What is wrong with the next movement, which leaves so many units on hand."""
        before, self._value = self._value, movement.value_after
        sign, row = _SIGNS.get(movement.kind, 0), ("movement", movement.movement_id)
        if before is None and (movement.kind == Kind.REVALUED or on_hand == sign * movement.quantity):
            # What a unit costs may also become known while there is none.
            before = None if movement.amount is None else ZERO
        if movement.kind == Kind.REVALUED:
            yield from differences(row, [("quantity", movement.quantity, on_hand)], "all units on hand are revalued")
        if not sign and movement.amount is not None:
            yield wrong(row, "amount", movement.amount, None, "nothing came on hand, and nothing left")
        elif sign and (movement.amount is None) != (before is None):
            should = None if before is None else ...
            yield wrong(row, "amount", movement.amount, should, "so it is known what the units cost")
        else:
            yield from _add_up(movement, before, sign)
        if not on_hand and movement.value_after:
            yield wrong(row, "value_after", movement.value_after, ZERO, "no unit is left")
        self._note_cost(movement, on_hand)

    def agrees(self, stocked_item: StockedItem, because: str) -> Iterator[Finding]:
        """How the stocked item differs from what the journal has left."""
        row = ("stocked_item", stocked_item.stocked_item_id)
        known_since = self._value is None and not stocked_item.value and not stocked_item.open
        if stocked_item.value != self._value and not known_since:
            yield wrong(row, "value", stocked_item.value, self._value, because)
        if self._cost_is_told:
            told = "so it was recorded last"
            yield from differences(row, [("unit_cost", stocked_item.unit_cost, self._unit_cost)], told)

    def _note_cost(self, movement: Movement, on_hand: Decimal) -> None:
        if movement.unit_cost is not None or (movement.kind in MAKING and movement.amount is None):
            self._unit_cost, self._cost_is_told = movement.unit_cost, True
        elif not on_hand:
            # From here on it may change without a movement.
            self._cost_is_told = False


def _add_up(movement: Movement, before: Decimal | None, sign: int) -> Iterator[Finding]:
    row, after, amount = ("movement", movement.movement_id), movement.value_after, movement.amount
    expected = before if before is None or amount is None else before + sign * amount
    if after == expected:
        return
    if before is None or after is None or amount is None:
        yield wrong(row, "value_after", after, expected, "so it follows from those up to it")
    else:
        unless = f"unless value_after, which is {plain(after)}, should be {plain(before + sign * amount)}"
        yield wrong(row, "amount", amount, sign * (after - before), unless)
