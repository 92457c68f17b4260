"""A ledger's database with stock in it, and how often that was changed since."""

import json
import subprocess
import sys
from typing import Final
from urllib.parse import quote

import psycopg

from tests.bench.client import Answered
from tests.bench.loading import TENANT_ID
from tests.harness.databases import ServiceDatabase

# Loading is not measured, and a checkpoint makes it durable afterwards.
WITHOUT_WAITING: Final = f"?options={quote('-c synchronous_commit=off')}"
DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")


class Ground:
    """One database that is loaded."""

    def __init__(self, database: ServiceDatabase, locations: tuple[int, int], tenant_id: int = TENANT_ID) -> None:
        """`locations` are where the items are, and where they can be transferred to."""
        self.database = database
        self._locations = locations
        self._tenant_id = tenant_id
        vacuum(database)
        require_durable(database.service_url)
        self._loaded = self._recorded()
        self._changes = 0

    def answered(self, targets: list[str], call: str, at_once: int, **bounds: int) -> Answered:
        """What came of calls of this kind; `bounds` are how many seconds, or how many calls."""
        options = {"call": call, "tenant": self._tenant_id, "in-flight": at_once, **bounds}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        locations = ["--locations", *map(str, self._locations)]
        command = [sys.executable, "-m", "tests.bench.client", *targets, *arguments, *locations]
        client = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        answered = Answered(**json.loads(client.stdout))
        self._changes += answered.changes
        return answered

    def check(self) -> None:
        """Fail unless every answered change is recorded, and nothing else is."""
        recorded = self._recorded() - self._loaded
        assert recorded == self._changes, f"{self._changes} changes were answered, and {recorded} are recorded"

    def _recorded(self) -> int:
        with psycopg.connect(self.database.superuser_url) as connection:
            [operations] = connection.execute(OPERATIONS, [self._tenant_id]).fetchone() or (0,)
        return int(operations)


OPERATIONS: Final = "SELECT last_operation_id FROM journal_head WHERE tenant_id = %s"


def vacuum(database: ServiceDatabase) -> None:
    """Have all statistics known and all pages written, as they are once a database has been in use for a while."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def require_durable(url: str) -> None:
    """Fail if what is acknowledged there might be lost."""
    with psycopg.connect(url) as connection:
        for name in DURABLE:
            setting = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            assert setting == ("on",), f"{name} is {setting}: what is acknowledged would not be durable"
