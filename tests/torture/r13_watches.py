"""R13: watchers and ledgers are killed; who goes on from the last token misses nothing, and gets nothing twice or too early."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Final

from storekeeper_cli.program import Program
from tests.cli.processes import wait_for
from tests.harness.journal import Journal, read_journal
from tests.system.verbs import VERBS
from tests.torture.crowd import Crowd
from tests.torture.stage import Stage, World
from tests.torture.watching import read

LEDGERS: Final = 2
PAUSE_MAX_S: Final = 0.5
CLIENTS: Final = 6
A_FEW: Final = ("MOVEMENT_KIND_ADDED", "MOVEMENT_KIND_RESERVED")
CATCH_UP_TIMEOUT_S: Final = 30.0


def run(stage: Stage, kills: int) -> None:
    """Kill one of two ledgers so often, and as often one of two watchers."""
    chance = stage.chance()
    with stage.world(LEDGERS) as world:
        crowd = Crowd(world.addresses, world.stock, stage.seed, world.folder, verbs=VERBS, clients=CLIENTS)
        with _watching(world, "all", ()) as everything, _watching(world, "few", A_FEW) as few:
            with crowd.asking():
                for _ in range(kills):
                    time.sleep(chance.random() * PAUSE_MAX_S)
                    chance.choice((everything, few)).restart()
                    stage.count("kills of a watcher")
                    time.sleep(chance.random() * PAUSE_MAX_S)
                    ledger = chance.choice(world.ledgers)
                    ledger.kill()
                    ledger.launch()
                    stage.count("kills of a ledger")
                    crowd.wait_for_answers()
            crowd.check(stage, world)
            journal = read_journal(world.database.owner_url, world.stock.tenant_id)
            for watcher in (everything, few):
                watcher.check(stage, journal)


@contextmanager
def _watching(world: World, name: str, kinds: tuple[str, ...]) -> Iterator["_Watcher"]:
    watcher = _Watcher(world, world.folder / f"{name}.seen", kinds)
    watcher.start()
    yield watcher
    watcher.kill()


class _Watcher:
    """A process that watches."""

    def __init__(self, world: World, file: Path, kinds: tuple[str, ...]) -> None:
        self._file = file
        self._kinds = kinds
        arguments = (world.addresses[0], str(world.stock.tenant_id), str(file), *kinds)
        self._program = Program("watcher", (sys.executable, "-m", "tests.torture.watching", *arguments))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return at once."""
        with self._file.with_suffix(".log").open("ab") as log:
            self._process = self._program.start(log)

    def kill(self) -> None:
        """End it with `kill -9`."""
        assert self._process
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """It goes on from what it had seen."""
        self.kill()
        self.start()

    def check(self, stage: Stage, journal: Journal) -> None:
        """In the end it has seen what it wanted to see of the journal: each movement once, in order, as it is recorded."""
        expected = [
            [one.movement_id, kind, one.stocked_item_id or 0, one.quantity]
            for one in journal.movements
            if (kind := f"MOVEMENT_KIND_{one.kind.upper()}") in self._kinds or not self._kinds
        ]
        wait_for(lambda: len(self._seen()) >= len(expected), CATCH_UP_TIMEOUT_S)
        seen = self._seen()
        assert [one[0] for one in seen] == [one[0] for one in expected], "movements were missed, repeated or mixed up"
        assert seen == expected, "movements were told otherwise than they are recorded"
        stage.count("movements watched", len(seen))
        for _, late, movements in read(self._file):
            if movements:
                stage.measure("late, outages included", late)

    def _seen(self) -> list[list[object]]:
        lines = [movement for _, _, movements in read(self._file) for movement in movements]
        return [[number, kind, item, Decimal(units)] for number, kind, item, units in lines]
