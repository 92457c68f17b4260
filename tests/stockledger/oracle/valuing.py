"""What stock is worth, by the methods that need to know no more than what is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tests.stockledger.oracle import money
from tests.stockledger.oracle.requests import Name
from tests.stockledger.oracle.state import ZERO, Layer, State
from tests.stockledger.oracle.terms import Terms


@dataclass(frozen=True, slots=True)
class Worth:
    """What the units at a position are worth, and how many of them count for nothing."""

    on_hand: Decimal
    value: Decimal
    unknown: Decimal


def fifo(terms: Terms, item: int, on_hand: Decimal, layers: list[Layer]) -> Worth:
    """What the units on hand really cost."""
    known = [one for one in layers if one.value is not None]
    unknown = on_hand - sum((one.places.on_hand for one in known), ZERO)
    return Worth(on_hand, sum((one.value for one in known if one.value), ZERO), unknown)


def standard(terms: Terms, item: int, on_hand: Decimal, layers: list[Layer]) -> Worth:
    """At the standard cost that the item has now."""
    cost = terms.items[item].standard_cost
    return Worth(on_hand, ZERO, on_hand) if cost is None else Worth(on_hand, money.product(on_hand, cost), ZERO)


METHODS: Final[Mapping[str, Callable[[Terms, int, Decimal, list[Layer]], Worth]]] = {
    "FIFO": fifo,
    "STANDARD": standard,
}


def valued(terms: Terms, state: State, method: str) -> dict[Name, Worth]:
    """What each position with units on hand is worth."""
    worth = {}
    for position in state.positions.values():
        on_hand = state.on_hand(position.name)
        if on_hand:
            worth[position.name] = METHODS[method](terms, position.item, on_hand, state.line(position.name))
    return worth
