"""What a single operation at a single position always needs, by a lock and one statement more.

Most calls come alone, and ask no more. The statements of a batch, of which there are four for the same, find positions by
whatever they are named, and tell many of them apart: for one position that is twice the work, for PostgreSQL and for us. What
else an operation needs, such as what a demand holds, is read as it is for a batch.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from storekeeper_kit.round_trips import Result, RoundTrip

from ..domain.operations import ItemAtLocation, Name, PositionId, PositionName, Submission
from ..domain.places import ZERO
from ..domain.shelf import EVERY_LINE, Line
from ..domain.stock import StockedItem
from .arrays import numbers
from .lines import first_in
from .naming import StatementOfOnePosition
from .needs import Needs
from .pages import Pages, pages_of
from .selected import STATE_COLUMNS, STOCKED_ITEM_COLUMNS
from .selecting import FACTS, TENANT, Bounds

FIRST: Final = Bounds(page=8, total=8)
"""So many stocked items of a line are read. Where they don't cover what is asked, it is read again as it is for a batch."""


def _reading(columns: str = "", of_line: str = "") -> StatementOfOnePosition:
    # Request ids are an array, of one: a planner that knows nothing of the journal yet would else take any of its indexes.
    return StatementOfOnePosition(f"""
SELECT {STATE_COLUMNS},
       EXISTS (
           SELECT FROM operation o WHERE o.tenant_id = %(tenant_id)s AND o.request_id = ANY(%(request_ids)s::uuid[])
       ){columns}
  FROM ({TENANT}) AS tenant
  LEFT JOIN LATERAL ({FACTS}
           AND {{position}}
       ) AS fact ON true
{of_line}
""")


def _reading_line(line: Line) -> StatementOfOnePosition:
    # In the order of the line, in which they are found: they are joined to nothing but the one row.
    of_line = f"LEFT JOIN LATERAL ({first_in(line, 'fact.position_id')}) AS s ON true"
    return _reading(f", {STOCKED_ITEM_COLUMNS}", of_line)


READ: Final = _reading()
READ_LINE: Final = {line: _reading_line(line) for line in EVERY_LINE}


class Single(NamedTuple):
    """A single operation's request, the one position that it names, and how many units it asks of a line, if of any."""

    request_id: str
    name: PositionName
    line: Line | None
    units: Decimal

    @property
    def asked(self) -> Mapping[Name, Decimal]:
        """What the line must cover."""
        return {self.name: self.units}

    def read(self, trip: RoundTrip, tenant_id: int) -> Result:
        """Have it read, when the position is locked. See `read_single`."""
        request_ids = numbers([self.request_id])
        if self.line is None:
            return READ.execute(trip, tenant_id, self.name, request_ids=request_ids)
        return READ_LINE[self.line].execute(trip, tenant_id, self.name, request_ids=request_ids, page=FIRST.page)

    def pages(self, in_line: Sequence[StockedItem], now: datetime) -> Pages | None:
        """What was read of its line, put together; None where that doesn't reach far enough."""
        assert self.line is not None, "it asks of a line"
        pages = pages_of(self.line.order, in_line, FIRST)
        usable = (one.available for one in in_line if self.line.with_expired or not one.has_expired(now))
        return None if pages.are_cut and sum(usable, ZERO) < self.units else pages


def single(submissions: Sequence[Submission], needs: Needs) -> Single | None:
    """What is asked, if it is one operation that names one position and asks of one line at most; None otherwise."""
    if len(submissions) != 1 or len(needs.names) != 1 or len(needs.asked) > 1 or needs.beside:
        return None
    [submission], [name] = submissions, needs.names
    if not isinstance(name, ItemAtLocation | PositionId):
        return None
    line = next(iter(needs.asked), None)
    return Single(submission.request_id, name, line, needs.asked[line][name] if line else ZERO)
