"""Which stocked items units are drawn from."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Protocol

from .places import ZERO
from .refusals import TooManyStockedItems
from .values import dataclass

DRAWS_MAX: Final = 1000
"""Stocked items that one operation may draw on. Each is a movement, and all of them travel in one answer."""


class Layer(Protocol):
    """What a draw has to know of a stocked item."""

    @property
    def stocked_item_id(self) -> int:
        """Names it."""

    @property
    def available(self) -> Decimal:
        """Units that may be taken from it."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Units to take from one stocked item."""

    stocked_item_id: int
    quantity: Decimal


def draw(layers: Iterable[Layer], quantity: Decimal, *, draws_max: int = DRAWS_MAX) -> tuple[Draw, ...]:
    """Draw `quantity` units from `layers`, or as many as there are, in the order in which they come.

    A layer is emptied before the next is touched. Layers with nothing available are passed over. Raises
    TooManyStockedItems, which tells how much the permitted number of draws would cover; `draws_max` are left of that.
    """
    assert quantity > 0
    draws: list[Draw] = []
    missing = quantity
    for layer in layers:
        taken = min(layer.available, missing)
        if taken <= 0:
            continue
        if len(draws) >= draws_max:
            raise TooManyStockedItems(limit=DRAWS_MAX, covered=quantity - missing)
        draws.append(Draw(layer.stocked_item_id, taken))
        missing -= taken
        if not missing:
            break
    return tuple(draws)


def drawn(draws: Iterable[Draw]) -> Decimal:
    """How many units the draws take."""
    return sum([one.quantity for one in draws], ZERO)
