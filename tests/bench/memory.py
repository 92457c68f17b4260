"""How much a ledger's memory grows, from ten thousand operations to a million."""

import re
from pathlib import Path
from typing import Final

from tests.bench.calls import BATCH_CHANGES
from tests.bench.figures import Spread
from tests.bench.stage import Stage

NAME: Final = "memory"
FEW: Final = 10_000
MANY: Final = 1_000_000
AT_ONCE: Final = 4


def growth(stage: Stage) -> Spread:
    """The resident memory of a ledger's processes after many operations, divided by that after few. Measured once: it takes minutes."""
    ground = stage.new_ground()
    with stage.new_ledger(ground) as ledger:
        resident = []
        for operations in (FEW, MANY - FEW):
            ground.answered([ledger.address], "batch", AT_ONCE, calls=operations // BATCH_CHANGES)
            resident.append(sum(map(_resident_kb, ledger.process_ids)))
    ground.check()
    few, many = resident
    return Spread.of([many / few])


def _resident_kb(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])
