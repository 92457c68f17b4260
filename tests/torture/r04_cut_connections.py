"""R4: connections fail in the middle of what is being said, on the way to the ledger and on its way to the database.

Often the change is made and only the news of it is lost. Whoever asks again learns so, and nothing happens twice.
"""

import random
import time
from collections.abc import Sequence
from typing import Final

from psycopg.conninfo import conninfo_to_dict

from tests.system.verbs import VERBS
from tests.torture.crowd import Crowd
from tests.torture.network import Network
from tests.torture.stage import PreparedLedger, Stage

PAUSE_MAX_S: Final = 0.05
TIMEOUT_S: Final = 2.0
"""Of a call; a network that is silent ends many of them."""


def run(stage: Stage, cuts: int) -> None:
    """Cut either way, again and again."""
    chance = stage.chance()
    with stage.world() as world:
        url, port = world.database.service_url, _port(world.database.service_url)
        with (
            Network(port) as inner,
            PreparedLedger(url.replace(f":{port}/", f":{inner.port}/"), world.folder, "behind") as ledger,
            Network(int(ledger.address.rpartition(":")[2])) as outer,
        ):
            address = f"127.0.0.1:{outer.port}"
            crowd = Crowd([address], world.stock, stage.seed, world.folder, verbs=VERBS, timeout_s=TIMEOUT_S)
            with crowd.asking():
                _cut(crowd, [inner, outer], cuts, chance)
            for network, way in ((inner, "to the database"), (outer, "to the ledger")):
                stage.count(f"cuts on the way {way}", network.cuts.total())
            for fault, times in (inner.cuts + outer.cuts).items():
                stage.count(f"of them: {fault.replace('_', ' ')}", times)
        stage.count("answers that came only with the repeat", crowd.replayed_count())
        crowd.check(stage, world)


def _cut(crowd: Crowd, networks: Sequence[Network], cuts: int, chance: random.Random) -> None:
    while sum(network.cuts.total() for network in networks) < cuts:
        time.sleep(chance.random() * PAUSE_MAX_S)
        chance.choice(networks).fail(chance)
        crowd.check_asking()


def _port(url: str) -> int:
    return int(str(conninfo_to_dict(url)["port"]))
