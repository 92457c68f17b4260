"""Named points where a test makes a service fail, to see what is left when it does.

Off, as always outside of tests, a point costs one look at a variable. No setting turns them on: a program of the tests
sets `on_reach` and then serves.
"""

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """All points there are."""

    # What changes stock passes these, in this order.
    BATCH_BEGUN = "batch begun"
    """Nothing is locked."""
    BATCH_LOADED = "batch loaded"
    """All that can be touched is locked and loaded, and nothing is decided."""
    BATCH_DECIDED = "batch decided"
    """Nothing is committed, and nothing written but parts of a long batch."""
    BATCH_SENT = "batch sent"
    """All is on its way with the commit, and nobody knows on which side of it."""
    BATCH_COMMITTED = "batch committed"
    """Nobody was told."""

    # What creates or describes something passes these.
    TRANSACTION_COMMITTING = "transaction committing"
    TRANSACTION_COMMITTED = "transaction committed"

    # The sweeper of expired reservations passes these, around the points of a batch.
    EXPIRY_FOUND = "expiry found"
    EXPIRY_SETTLED = "expiry settled"


def reach(point: Point) -> None:
    """Say that this point is reached."""
    if on_reach is not None:
        on_reach(point)


on_reach: Callable[[Point], None] | None = None
"""What happens at every point. None: nothing."""
