"""All that is checked, in its order, with the names that the specification gives to what must hold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, LiteralString

from . import draws, expectations, journal, positions, reservations, stocked_items, sums
from .findings import Finding
from .snapshot import Advance, Snapshot


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold of each tenant's rows."""

    subject: str
    find: Callable[[Snapshot, int, Advance], Iterator[Finding]]
    """Finds what is wrong with a tenant's."""
    share: float = 1.0
    """How long it takes, in relation to looking at all movements once."""
    is_vital: bool = False
    """Whether nothing else can be checked when it fails."""


def _sum(subject: str, statement: LiteralString, *, share: float = 0.02, is_vital: bool = False) -> Check:
    def find(snapshot: Snapshot, tenant_id: int, _: Advance) -> Iterator[Finding]:
        return sums.first_finding(snapshot, tenant_id, statement)

    return Check(subject, find, share, is_vital)


CHECKS: Final = (
    _sum("times", sums.TIMES, share=0.05, is_vital=True),
    Check("the journal, its order and its seals", journal.check, share=1.4),
    _sum("what movements name is there", sums.NAMES),
    Check("stocked items, and what they are worth", stocked_items.check),
    Check("positions", positions.check, share=0.6),
    Check("draws, and what they passed over", draws.check, share=0.6),
    Check("reservations", reservations.check, share=0.4),
    Check("expectations", expectations.check, share=0.15),
    _sum("positions are the sums of what lies there", sums.TOTALS),
    _sum("reserved and picked is what demands hold", sums.HELD),
    _sum("when reservations expire", sums.EXPIRIES),
    _sum("when the first of a position expires", sums.NEXT_EXPIRY),
    _sum("what order lines have brought", sums.ORDER_LINES),
    _sum("receipts that were taken back", sums.TAKEN_BACK),
    _sum("serial numbers", sums.SERIAL_NUMBERS),
    _sum("parents of what was transferred", sums.PARENTS),
    _sum("stocked items are where their positions are", sums.WHEREABOUTS),
    _sum("open positions", sums.OPEN_POSITIONS),
    _sum("closed positions", sums.CLOSINGS),
    _sum("requests", sums.REQUEST_IDS),
)
