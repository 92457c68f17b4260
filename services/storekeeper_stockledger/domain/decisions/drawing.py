"""Which available units an operation takes."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Protocol

from ..draft import Draft
from ..draws import DRAWS_MAX, Draw, draw, drawn
from ..items import Tracking
from ..operations import Name, StockedItemId, StockedItemIds, StockOrder
from ..refusals import InsufficientStock, SerialUnitRequired
from ..shelf import Shelf
from ..stock import StockedItem


class Source(Protocol):
    """What an operation says of the units that it takes."""

    @property
    def source(self) -> Name:
        """A position, or stocked items of one."""

    @property
    def order(self) -> StockOrder:
        """In which the stocked items of a position are drawn on."""

    @property
    def include_expired(self) -> bool:
        """Whether units that have expired may be taken."""


def take_available(
    draft: Draft, shelf: Shelf, source: Source, quantity: Decimal, *, allow_partial: bool = False
) -> tuple[Draw, ...]:
    """What to take from which stocked item: all of the quantity, or at least one unit if fewer will do."""
    named = named_ids(source.source)
    # What was drawn for other sources of the same operation counts, too.
    left = DRAWS_MAX - len(draft.movements)
    if named:
        draws = draw(_usable(draft, shelf, named, source), quantity, draws_max=left)
        available = drawn(draws)
    else:
        if shelf.item.tracking is Tracking.SERIAL:
            raise SerialUnitRequired(shelf.item.item_id)
        # Told by the totals: a line may be long.
        available = draft.usable(shelf, include_expired=source.include_expired)
        if available < quantity and (not allow_partial or not available):
            raise InsufficientStock(quantity, available, shelf.position_id)
        line = shelf.ids_in_line(source.order, with_expired=source.include_expired)
        draws = draw(_usable(draft, shelf, line, source), min(quantity, available), draws_max=left)
        assert drawn(draws) == min(quantity, available), "the units of a position are those of its stocked items"
    if available < quantity and not (allow_partial and available):
        stocked_item_id = named[0] if len(named) == 1 else None
        raise InsufficientStock(quantity, available, shelf.position_id, stocked_item_id)
    return draws


def named_ids(name: Name) -> tuple[int, ...]:
    """The stocked items that are named; none when a position is."""
    match name:
        case StockedItemId(stocked_item_id):
            return (stocked_item_id,)
        case StockedItemIds(stocked_item_ids):
            return stocked_item_ids
        case _:
            return ()


def _usable(draft: Draft, shelf: Shelf, stocked_item_ids: Iterable[int], source: Source) -> Iterator[StockedItem]:
    """These stocked items as they are by now, without those that may not be taken."""
    for stocked_item_id in stocked_item_ids:
        layer = draft.stocked_item(shelf, stocked_item_id)
        if source.include_expired or not layer.has_expired(draft.now):
            yield layer
