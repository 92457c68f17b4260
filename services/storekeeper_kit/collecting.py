"""Python's collector of cycles, as a server needs it."""

import gc
from typing import Final

COLLECT_AFTER_OBJECTS: Final = 50_000


def spare_the_collector() -> None:
    """Leave less to Python's collector of cycles, which took a tenth of a busy server's time.

    Modules and tables, there by now, need no look any more; and the hundreds of objects that a call makes end with it,
    by their reference counts, so that cycles are few and can wait.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
