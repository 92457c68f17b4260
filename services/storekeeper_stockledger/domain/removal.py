"""Which stocked items a removal draws on."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

from .refusals import TooManyStockedItems

DRAWS_MAX: Final = 1000
"""Stocked items that one removal may draw on. Each is a movement, and all of them travel in one answer."""


class LayersExhausted(Exception):
    """The layers end before the quantity is covered: more of them have to be loaded."""


class Layer(Protocol):
    """What a removal has to know of a stocked item."""

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


def draw_oldest_first(layers: Iterable[Layer], quantity: Decimal) -> tuple[Draw, ...]:
    """Draw `quantity` units from `layers`, which come oldest first.

    A layer is emptied before the next is touched. Layers with nothing available are passed over. Raises
    TooManyStockedItems, which tells how much the permitted number of draws would cover, and LayersExhausted when the
    layers don't cover it.
    """
    assert quantity > 0
    draws: list[Draw] = []
    missing = quantity
    for layer in layers:
        taken = min(layer.available, missing)
        if taken > 0:
            draws.append(Draw(layer.stocked_item_id, taken))
            missing -= taken
        if not missing:
            return tuple(draws)
        if len(draws) == DRAWS_MAX:
            raise TooManyStockedItems(limit=DRAWS_MAX, covered=quantity - missing)
    raise LayersExhausted
