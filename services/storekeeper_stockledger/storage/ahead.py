"""What is read of positions before they are locked.

A batch of hundreds of changes nearly always shares a position with the one before it, and waits for its locks. What it
reads and makes of that afterwards, the next one waits for in turn; so it reads the lines of its positions ahead. The
journal then tells at which of them something has happened by the time when they are locked: those are read again.

For nothing changes a line but a movement at its position, and what describes a stocked item anew (`UpdateStockedItem`): that
doesn't tell where, so after it all lines are read again. Another such kind of operation has to be known here a release before
there are any.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from psycopg import Connection

from storekeeper_kit.round_trips import BEGIN, RoundTrip

from ..domain.operations import ItemAtLocation, Name, PositionId
from ..domain.shelf import Line
from ..domain.values import dataclass
from . import selected
from .pages import Pages, pages_of
from .selected import JournalEnd
from .selecting import Bounds, Selecting

MANY: Final = 200
"""Where so many lines are asked, it is worth a round trip more."""

MOVED_MAX: Final = 10_000
"""After so many movements all that was read ahead is taken for outdated."""

Covering = Mapping[Line, Mapping[Name, Decimal]]
"""What lines of positions must cover."""


class _Every:
    def __contains__(self, _: int) -> bool:
        return True


EVERY: Final = _Every()
"""Each position that there is."""

PositionIds = frozenset[int | None] | _Every


@dataclass(frozen=True, slots=True)
class Ahead:
    """The first stocked items in lines, as they were when the journal ended there."""

    journal_end: JournalEnd
    lines: Mapping[Line, Pages]
    position_ids: Mapping[ItemAtLocation, PositionId]
    """Of the positions where any of these are. They may be closed by now."""

    def by_id(self, names: Iterable[Name]) -> list[Name]:
        """The names, by id where that is known: that spares the statements under the locks half of their look-ups."""
        return [self.position_ids.get(name, name) if isinstance(name, ItemAtLocation) else name for name in names]


def read_ahead(connection: Connection[Any], tenant_id: int, asked: Covering, bounds: Bounds) -> Ahead | None:
    """Begin the transaction and read lines without a lock. None where that isn't worth it: then nothing has begun."""
    if sum(map(len, asked.values())) < MANY:
        return None
    with RoundTrip(connection) as trip:
        trip.execute(BEGIN)
        select = Selecting(trip, tenant_id)
        # Before the lines: what happens while these are read is after it.
        end = select.journal_end()
        asking = {line: select.lines(line, of_line, bounds) for line, of_line in asked.items()}
    stocked_items = {line: selected.read_stocked_items(result) for line, result in asking.items()}
    return Ahead(
        journal_end=selected.read_journal_end(end),
        lines={line: pages_of(line.order, of_line, bounds) for line, of_line in stocked_items.items()},
        position_ids={
            ItemAtLocation(one.item_id, one.location_id): PositionId(one.position_id)
            for of_line in stocked_items.values()
            for one in of_line
        },
    )


def outdated(moved: Sequence[int | None]) -> PositionIds:
    """The positions whose lines have to be read again; `moved` is what `read_moved` has told of the time since."""
    if None in moved or len(moved) >= MOVED_MAX:
        return EVERY
    return frozenset(moved)
