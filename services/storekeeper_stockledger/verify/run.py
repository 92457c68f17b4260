"""Goes through all tenants and all checks, and tells what it finds."""

from collections.abc import Iterable
from decimal import InvalidOperation, localcontext
from math import inf
from typing import Protocol

from .checks import CHECKS, Check
from .findings import Finding
from .snapshot import Snapshot


class Listener(Protocol):
    """Whoever is told how it goes. Work is counted in movements to be looked at."""

    def begin(self, work: float) -> None:
        """So much is to be done."""

    def step(self, subject: str, work: float) -> None:
        """The step before is done; this one begins."""

    def advance(self, work: float) -> None:
        """So much more of the step is done."""

    def found(self, tenant_id: int, finding: Finding) -> None:
        """A row is wrong."""


def verify(snapshot: Snapshot, tenants: Iterable[int], listener: Listener) -> int:
    """Tell the first row that each check finds wrong with each tenant, and return how many checks failed."""
    lengths = {tenant_id: snapshot.last_movement_id(tenant_id) + 1 for tenant_id in tenants}
    listener.begin(sum(check.share for check in CHECKS) * sum(lengths.values()))
    with localcontext() as context:
        # A number may be none after somebody has tampered with it. It equals no other, which is what is asked.
        context.traps[InvalidOperation] = False
        return sum(_failed(snapshot, tenant_id, length, listener) for tenant_id, length in lengths.items())


def _failed(snapshot: Snapshot, tenant_id: int, length: int, listener: Listener) -> int:
    failed = 0
    for check in CHECKS:
        if _has_finding(snapshot, tenant_id, length, check, listener):
            failed += 1
            if check.is_vital:
                break
    return failed


def _has_finding(snapshot: Snapshot, tenant_id: int, length: int, check: Check, listener: Listener) -> bool:
    listener.step(f"Tenant {tenant_id}: {check.subject}", check.share * length)

    def advance(movements: int) -> None:
        listener.advance(check.share * movements)

    finding = min(check.find(snapshot, tenant_id, advance), key=_place_in_the_journal, default=None)
    if finding is not None:
        listener.found(tenant_id, finding)
    return finding is not None


def _place_in_the_journal(finding: Finding) -> float:
    """Of all that is wrong, the first movement is what the rest may come of."""
    return inf if finding.movement_id is None else finding.movement_id
