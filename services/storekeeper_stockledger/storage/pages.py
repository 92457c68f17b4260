"""The first stocked items in a line of positions, and how far they let the line be known.

Put together when they are read: of lines that are read ahead that is before anybody waits for the locks.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple, TypeVar

from ..domain.operations import StockOrder
from ..domain.places import ZERO
from ..domain.shelf import UNLOADED, Key, key_of
from ..domain.stock import StockedItem
from ..domain.values import dataclass
from .selecting import Bounds

Value = TypeVar("Value")
Group = TypeVar("Group", bound=Hashable)


class Page(NamedTuple):
    """The first stocked items in the line of one position."""

    stocked_items: Mapping[int, StockedItem]
    """In their order, by id."""
    available: Decimal
    """Units that they have, those among them that have expired since they were read."""
    last: Key
    """Where they end."""
    is_full: bool
    """There may be more, whatever was asked."""

    def end(self, asked: Decimal) -> Key | None:
        """How far the line is known: all of it, unless the page is full or covers what was asked."""
        # Some may have expired since the transaction began, and cover nothing. By all, no line is taken for whole that isn't.
        return self.last if self.is_full or self.available >= asked else None


@dataclass(frozen=True, slots=True)
class Pages:
    """Those of several positions in one line, as one statement has read them."""

    by_position: Mapping[int, Page]
    are_cut: bool
    """There were more than are read at once. Of a position without a page nothing is known then."""

    def of(self, position_id: int) -> Page:
        """That of a position."""
        return self.by_position.get(position_id, _UNREAD if self.are_cut else _EMPTY)


_EMPTY: Final = Page({}, ZERO, UNLOADED, is_full=False)
_UNREAD: Final = Page({}, ZERO, UNLOADED, is_full=True)


def pages_of(order: StockOrder, stocked_items: Sequence[StockedItem], bounds: Bounds) -> Pages:
    """Pages of what was read within these bounds, each position's in the order of the line."""
    are_cut = len(stocked_items) == bounds.total
    return Pages(
        {
            position_id: _page(order, there, is_full=are_cut or len(there) == bounds.page)
            for position_id, there in grouped(stocked_items, lambda one: one.position_id).items()
        },
        are_cut,
    )


def _page(order: StockOrder, there: Sequence[StockedItem], *, is_full: bool) -> Page:
    available = sum((one.available for one in there), ZERO)
    return Page({one.stocked_item_id: one for one in there}, available, key_of(order, there[-1]), is_full)


def grouped(values: Iterable[Value], key: Callable[[Value], Group]) -> dict[Group, list[Value]]:
    """Values by what they have in common, in their order."""
    groups: dict[Group, list[Value]] = {}
    for value in values:
        groups.setdefault(key(value), []).append(value)
    return groups
