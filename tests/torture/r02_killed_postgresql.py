"""R2: the same for PostgreSQL: `kill -9` of the server or of one of its processes, and a stop that lets nothing finish."""

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Final

import psycopg

from tests.cli.processes import all_ended, wait_for
from tests.harness.ledger_process import SERVING
from tests.system.verbs import VERBS
from tests.torture.crowd import Crowd
from tests.torture.stage import Stage, World

LEDGERS: Final = 2
PAUSE_MAX_S: Final = 0.3


def run(stage: Stage, kills: int) -> None:
    """Kill it in each of three ways, again and again."""
    chance = stage.chance()
    with stage.world(LEDGERS) as world:
        pids = [ledger.pid for ledger in world.ledgers]
        crowd = Crowd(world.addresses, world.stock, stage.seed, world.folder, verbs=VERBS)
        with crowd.asking():
            for number in range(kills):
                time.sleep(chance.random() * PAUSE_MAX_S)
                name, kill = WAYS[number % len(WAYS)]
                kill(stage, world, chance)
                stage.count(name)
                stage.measure("until all were answered again", crowd.wait_for_answers())
        for ledger, pid in zip(world.ledgers, pids, strict=True):
            ledger.wait_until(SERVING)
            assert ledger.pid == pid, "a ledger has ended because of its database"
        crowd.check(stage, world)


def _kill_server(stage: Stage, _world: World, _chance: random.Random) -> None:
    stage.postgres.kill()
    stage.postgres.start()


def _kill_connection(_stage: Stage, world: World, chance: random.Random) -> None:
    """PostgreSQL recovers by itself: all its processes share what one of them may have spoilt."""
    with psycopg.connect(world.database.superuser_url) as connection:
        pids = connection.execute(_CONNECTIONS).fetchall()
    os.kill(chance.choice(pids)[0], signal.SIGKILL)


def _stop_immediately(stage: Stage, _world: World, _chance: random.Random) -> None:
    """As `pg_ctl stop -m immediate`: it aborts everything, writes nothing more, and has to recover at its next start."""
    pid = stage.postgres.pid
    os.kill(pid, signal.SIGQUIT)
    wait_for(lambda: all_ended([pid]))
    stage.postgres.kill()
    stage.postgres.start()


WAYS: Final[tuple[tuple[str, Callable[[Stage, World, random.Random], None]], ...]] = (
    ("kills of the server", _kill_server),
    ("kills of a connection", _kill_connection),
    ("immediate stops", _stop_immediately),
)

_CONNECTIONS: Final = """
SELECT pid FROM pg_stat_activity
 WHERE usename = 'storekeeper_stockledger' AND datname = current_database()
 ORDER BY state = 'idle', backend_start
 LIMIT 4
"""
