"""R1: `kill -9` of a ledger at any moment. Nothing acknowledged is lost, nothing is applied twice."""

import time
from typing import Final

from tests.system.verbs import VERBS
from tests.torture.crowd import Crowd
from tests.torture.stage import Stage

LEDGERS: Final = 2
PAUSE_MAX_S: Final = 0.2


def run(stage: Stage, kills: int) -> None:
    """Kill one of two ledgers, again and again."""
    chance = stage.chance()
    with stage.world(LEDGERS) as world:
        crowd = Crowd(world.addresses, world.stock, stage.seed, world.folder, verbs=VERBS)
        with crowd.asking():
            for _ in range(kills):
                # Not always after an answer: at any moment of a batch.
                time.sleep(chance.random() * PAUSE_MAX_S)
                ledger = chance.choice(world.ledgers)
                ledger.kill()
                ledger.launch()
                stage.count("kills")
                stage.measure("until all were answered again", crowd.wait_for_answers())
        crowd.check(stage, world)
