"""The instant by which a call must be answered, on the monotonic clock.

Bound to each call on entry. A worker thread doesn't inherit it: what runs there is given the deadline as a value.
"""

import time
from contextvars import ContextVar

_bound: ContextVar[float] = ContextVar("deadline")


def bound_deadline() -> float:
    """The deadline of the call that is being answered, as `time.monotonic()` counts. A stream may have none: infinity."""
    return _bound.get()


def bind_deadline(deadline: float) -> None:
    """Makes this the deadline for the rest of the current call: each call is a task with a context of its own."""
    _bound.set(deadline)


def time_remaining() -> float:
    """Seconds until the deadline of the call that is being answered; never negative."""
    return max(_bound.get() - time.monotonic(), 0.0)
