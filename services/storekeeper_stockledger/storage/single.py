"""What a single operation always needs of a single position, in two statements instead of four.

Most calls come alone, and ask no more. The statements of a batch find positions by whatever they are named, and tell many of
them apart: for one position that is twice the work, for PostgreSQL and for us. What else the operation needs is read as it is
for a batch.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from storekeeper_kit.round_trips import Result, RoundTrip

from ..domain.operations import ItemAtLocation, Name, PositionId, PositionName, Submission
from ..domain.shelf import EVERY_LINE, Line
from .lines import first_in
from .naming import StatementOfPosition
from .needs import Needs
from .selected import STATE_COLUMNS, STOCKED_ITEM_COLUMNS
from .selecting import FACTS, TENANT, Bounds

FIRST: Final = Bounds(page=8, total=8)
"""So many stocked items of a line are read. Where they don't cover what is asked, it is read again as it is for a batch."""

_READ: Final = f"""
SELECT {STATE_COLUMNS},
       EXISTS (SELECT FROM operation o WHERE o.tenant_id = %(tenant_id)s AND o.request_id = %(request_id)s){{columns}}
  FROM ({TENANT}) AS tenant
  LEFT JOIN LATERAL ({FACTS}
           AND {{{{position}}}}
       ) AS fact ON true{{stocked_items}}
"""


def _with_line(line: Line) -> str:
    in_line = f"LEFT JOIN LATERAL ({first_in(line, 'fact.position_id')}) AS s ON true"
    return _READ.format(columns=f", {STOCKED_ITEM_COLUMNS}", stocked_items=f"\n  {in_line}")


READ_LINE: Final = {line: StatementOfPosition(_with_line(line)) for line in EVERY_LINE}
_READ_POSITION: Final = StatementOfPosition(_READ.format(columns="", stocked_items=""))


class Single(NamedTuple):
    """A single operation's request, the only position that it names, and what it asks there of a line, if of any."""

    request_id: str
    name: PositionName
    line: Line | None
    asked: Mapping[Name, Decimal]

    def read(self, trip: RoundTrip, tenant_id: int) -> Result:
        """Read it, when the position is locked. See `read_single`."""
        about = {"request_id": self.request_id}
        if self.line is None:
            return _READ_POSITION.execute(trip, tenant_id, self.name, **about)
        return READ_LINE[self.line].execute(trip, tenant_id, self.name, **about, page=FIRST.page)


def single(submissions: Sequence[Submission], needs: Needs) -> Single | None:
    """What is asked, if it is no more than that; None otherwise."""
    if len(submissions) != 1 or len(needs.names) != 1 or len(needs.asked) > 1 or needs.beside:
        return None
    [submission], [name] = submissions, needs.names
    if not isinstance(name, ItemAtLocation | PositionId):
        return None
    [(line, asked)] = needs.asked.items() or [(None, {})]
    return Single(submission.request_id, name, line, asked)
