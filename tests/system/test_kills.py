"""`kill -9`, again and again, while clients ask: nothing acknowledged is lost, and nothing happens twice.

A client that doesn't know what became of a request repeats it, and writes its answer down before it asks for the next.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import psycopg
import pytest

from storekeeper_cli.postgres import EmbeddedPostgres
from tests.harness.account import Account
from tests.harness.asking import Line
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import SERVING, LedgerProcess
from tests.harness.stock import Stock
from tests.system.workload import Client, Workload

CLIENTS = 12
KILLS = 10
ANSWERS_BETWEEN = 20
"""As many come after each recovery before the next kill, so that each of them meets a ledger at work."""

RECOVERY_TIMEOUT_S = 30.0
PAUSE_MAX_S = 0.2


@dataclass(slots=True)
class Crowd:
    """Clients that ask without a pause."""

    address: str
    stock: Stock
    seed: int
    account: Account = field(default_factory=Account)
    _ended: threading.Event = field(default_factory=threading.Event)
    _asking: list[Future[None]] = field(default_factory=list)

    @contextmanager
    def asking(self) -> Iterator[Self]:
        """They begin, and end with their last answers."""
        workload = Workload(self.stock)
        with ThreadPoolExecutor(CLIENTS) as threads:
            self._asking = [threads.submit(self._ask, workload, number) for number in range(CLIENTS)]
            try:
                yield self
            finally:
                self._ended.set()
        for client in self._asking:
            client.result()

    def get_answers(self, count: int) -> None:
        """Return when so many more have been noted."""
        wanted = len(self.account) + count
        deadline = time.monotonic() + RECOVERY_TIMEOUT_S
        while len(self.account) < wanted:
            for client in self._asking:
                assert not client.done() or client.result(), "clients ask until they are told to end"
            assert time.monotonic() < deadline, "nobody gets an answer any more"
            time.sleep(0.01)

    def _ask(self, workload: Workload, number: int) -> None:
        client = Client(workload, self.seed * CLIENTS + number)
        line = Line(self.address, self.stock.tenant_id)
        while not self._ended.is_set():
            workload.note(self.account.note(line.settle(client.request())))
        line.close()


@pytest.fixture
def crowd(ledger: LedgerProcess, stock: Stock, seed: int) -> Crowd:
    """Clients of the module's ledger."""
    return Crowd(ledger.address, stock, seed)


def test_the_ledger_is_killed_ten_times(crowd: Crowd, ledger: LedgerProcess, ledger_database: LedgerDatabase) -> None:
    def kill() -> None:
        ledger.kill()
        ledger.launch()

    with crowd.asking():
        _again_and_again(kill, crowd)
    _check(crowd, ledger_database)


def test_postgresql_is_killed_ten_times_and_the_ledger_finds_it_again(
    crowd: Crowd, ledger: LedgerProcess, ledger_database: LedgerDatabase, postgres: EmbeddedPostgres
) -> None:
    pid = ledger.pid

    def kill() -> None:
        postgres.kill()
        postgres.start()

    with crowd.asking():
        _again_and_again(kill, crowd)
    ledger.wait_until(SERVING)
    assert ledger.pid == pid
    _check(crowd, ledger_database)


def test_the_ledgers_connections_are_killed_and_postgresql_recovers_by_itself(
    crowd: Crowd, ledger: LedgerProcess, ledger_database: LedgerDatabase
) -> None:
    def kill() -> None:
        with psycopg.connect(ledger_database.superuser_url) as connection:
            row = connection.execute(_BUSIEST_CONNECTION).fetchone()
        assert row, "the ledger is connected"
        os.kill(row[0], signal.SIGKILL)

    with crowd.asking():
        _again_and_again(kill, crowd)
    ledger.wait_until(SERVING)
    _check(crowd, ledger_database)


_BUSIEST_CONNECTION = """
SELECT pid FROM pg_stat_activity
 WHERE usename = 'storekeeper_stockledger' AND datname = current_database()
 ORDER BY state = 'idle', backend_start
 LIMIT 1
"""


def _again_and_again(kill: Callable[[], None], crowd: Crowd) -> None:
    chance = random.Random(crowd.seed)
    for _ in range(KILLS):
        crowd.get_answers(ANSWERS_BETWEEN)
        # Not always after an answer: at any moment of a batch.
        time.sleep(chance.random() * PAUSE_MAX_S)
        kill()
    crowd.get_answers(ANSWERS_BETWEEN)


def _check(crowd: Crowd, database: LedgerDatabase) -> None:
    account = crowd.account
    assert account.refused_except({"INSUFFICIENT_STOCK"}) == []
    account.check(check_invariants(database.owner_url, crowd.stock.tenant_id, account.oldest_first()))
