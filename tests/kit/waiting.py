"""Waits for what happens by itself, and no longer than needed."""

import time
from collections.abc import Callable

POLL_INTERVAL_S = 0.01
TIMEOUT_S = 10


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + TIMEOUT_S
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL_S)
    return holds
