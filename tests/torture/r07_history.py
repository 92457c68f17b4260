"""R7: whatever many clients did at once, one ledger that does one thing at a time could have answered so."""

import time
from typing import Final

from tests.system.verbs import VERBS
from tests.torture.crowd import Crowd
from tests.torture.stage import Stage

LEDGERS: Final = 2
CLIENTS: Final = 16


def run(stage: Stage, calls: int) -> None:
    """Ask so often, and judge all of it."""
    with stage.world(LEDGERS) as world:
        crowd = Crowd(world.addresses, world.stock, stage.seed, world.folder, clients=CLIENTS, verbs=VERBS)
        with crowd.asking():
            while crowd.answered_count() < calls:
                crowd.check_asking()
                time.sleep(0.1)
        crowd.check(stage, world)
