"""`kill -9`, again and again, while clients ask: nothing acknowledged is lost, and nothing happens twice."""

import os
import random
import signal
import time
from collections.abc import Callable

import psycopg
import pytest

from storekeeper_cli.postgres import EmbeddedPostgres
from tests.harness.databases import LedgerDatabase
from tests.harness.ledger_process import SERVING, LedgerProcess
from tests.harness.stock import Stock
from tests.system.crowd import Crowd

KILLS = 10
PAUSE_MAX_S = 0.2


@pytest.fixture
def crowd(ledger: LedgerProcess, stock: Stock, seed: int) -> Crowd:
    """Clients of the module's ledger."""
    return Crowd(ledger.address, stock, seed)


def test_the_ledger_is_killed_ten_times(
    crowd: Crowd, ledger: LedgerProcess, ledger_database: LedgerDatabase, seed: int
) -> None:
    def kill() -> None:
        ledger.kill()
        ledger.launch()

    _again_and_again(kill, crowd, seed)
    crowd.check(ledger_database)


def test_postgresql_is_killed_ten_times_and_the_ledger_finds_it_again(
    crowd: Crowd, ledger: LedgerProcess, ledger_database: LedgerDatabase, postgres: EmbeddedPostgres, seed: int
) -> None:
    pid = ledger.pid

    def kill() -> None:
        postgres.kill()
        postgres.start()

    _again_and_again(kill, crowd, seed)
    ledger.wait_until(SERVING)
    assert ledger.pid == pid
    crowd.check(ledger_database)


def test_the_ledgers_connections_are_killed_and_postgresql_recovers_by_itself(
    crowd: Crowd, ledger: LedgerProcess, ledger_database: LedgerDatabase, seed: int
) -> None:
    def kill() -> None:
        with psycopg.connect(ledger_database.superuser_url) as connection:
            row = connection.execute(_BUSIEST_CONNECTION).fetchone()
        assert row, "the ledger is connected"
        os.kill(row[0], signal.SIGKILL)

    _again_and_again(kill, crowd, seed)
    ledger.wait_until(SERVING)
    crowd.check(ledger_database)


def _again_and_again(kill: Callable[[], None], crowd: Crowd, seed: int) -> None:
    chance = random.Random(seed)
    with crowd.asking():
        for _ in range(KILLS):
            crowd.wait_for_answers()
            # Not always after an answer: at any moment of a batch.
            time.sleep(chance.random() * PAUSE_MAX_S)
            kill()


_BUSIEST_CONNECTION = """
SELECT pid FROM pg_stat_activity
 WHERE usename = 'storekeeper_stockledger' AND datname = current_database()
 ORDER BY state = 'idle', backend_start
 LIMIT 1
"""
