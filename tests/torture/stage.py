"""What a figure is taken on: a PostgreSQL to spoil, databases in it, ledgers on them, and a seed."""

import json
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from storekeeper_cli.postgres import EmbeddedPostgres
from tests.harness.databases import LedgerDatabase, LedgerDatabases
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock


@dataclass(slots=True)
class Stage:
    """Everything there is to one figure, and what came of it."""

    postgres: EmbeddedPostgres
    databases: LedgerDatabases
    folder: Path
    seed: int
    program: tuple[str, ...] = ()
    """What prepares each ledger, unless a figure has a program of its own."""
    counts: dict[str, int] = field(default_factory=dict)
    """What was done, in the order in which it is told."""
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """What was measured, each time that it was."""
    remarks: list[str] = field(default_factory=list)

    def chance(self) -> random.Random:
        """Draws the same for the same seed."""
        return random.Random(self.seed)

    def count(self, what: str, times: int = 1) -> None:
        """So often more was this done."""
        self.counts[what] = self.counts.get(what, 0) + times

    def measure(self, what: str, seconds: float) -> None:
        """So long it took this time."""
        self.seconds.setdefault(what, []).append(seconds)

    @contextmanager
    def world(self, ledgers: int = 1, program: tuple[str, ...] = (), **variables: str) -> Iterator["World"]:
        """A new database with ledgers on it; a program of ours, if one is given, prepares each before it serves."""
        database = self.databases.create()
        with ExitStack() as stack:
            stack.callback(self.databases.drop, database)
            folder = Path(mkdtemp(dir=self.folder))
            processes = [
                stack.enter_context(
                    PreparedLedger(
                        database.service_url, folder, f"ledger{number}", program or self.program, **variables
                    )
                )
                for number in range(ledgers)
            ]
            yield World(database, processes, stack.enter_context(Stock(processes[0].address)), folder)


@dataclass(frozen=True, slots=True)
class World:
    """A database of its own, ledgers on it, and one tenant's stock."""

    database: LedgerDatabase
    ledgers: list["PreparedLedger"]
    stock: Stock
    folder: Path

    def check_logs(self) -> None:
        """Fail if a ledger came upon a defect of its own."""
        for ledger in self.ledgers:
            lines = ledger.log.read_text(errors="replace").splitlines()
            defects = [line for line in lines if "call_failed" in line]
            assert not defects, f"a defect ({_kind_of(defects[0])}) was met by {len(defects)} calls: {defects[0]}"

    @property
    def addresses(self) -> list[str]:
        """Where the ledgers are asked."""
        return [ledger.address for ledger in self.ledgers]


def _kind_of(line: str) -> str:
    """The last line of a traceback, as far as it names the error."""
    *_, last = json.loads(line)["exception"].strip().splitlines()
    return str(last).partition(":")[0].rpartition(".")[2]


class PreparedLedger(LedgerProcess):
    """A ledger in a process of its own, which a program of the tests may prepare before it serves."""

    def __init__(
        self, database_url: str, folder: Path, name: str = "ledger", program: tuple[str, ...] = (), **variables: str
    ) -> None:
        folder = folder / name
        folder.mkdir()
        super().__init__(database_url, folder, **variables)
        self._program = program

    def launch(self, *module: str) -> None:
        """Start it and return at once."""
        super().launch(*(module or self._program))
