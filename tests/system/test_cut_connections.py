"""Connections break in the middle of what is being said: between the ledger and its database, and on the way to it.

Often the change is made and only the news of it is lost. Whoever asks again learns so, and nothing happens twice.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.harness.databases import LedgerDatabase
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock
from tests.system.crowd import Crowd
from tests.system.proxy import Proxy

CUTS = 20
PAUSE_MAX_S = 0.3


@pytest.fixture
def way_to_the_database(ledger_database: LedgerDatabase) -> Iterator[Proxy]:
    """What a ledger's connections to its database can be led through."""
    with Proxy(_port(ledger_database.service_url)) as proxy:
        yield proxy


def test_the_ledger_loses_its_connections_to_the_database(
    way_to_the_database: Proxy, ledger_database: LedgerDatabase, stock: Stock, tmp_path: Path, seed: int
) -> None:
    url, port = ledger_database.service_url, _port(ledger_database.service_url)
    with LedgerProcess(url.replace(f":{port}/", f":{way_to_the_database.port}/"), tmp_path) as ledger:
        crowd = Crowd(ledger.address, stock, seed)
        _cut_again_and_again(way_to_the_database, crowd, seed, fatal_question=b"COMMIT")
    assert crowd.replayed_count() > 0
    crowd.check(ledger_database)


def test_clients_lose_their_connections_to_the_ledger(
    ledger: LedgerProcess, ledger_database: LedgerDatabase, stock: Stock, seed: int
) -> None:
    with Proxy(int(ledger.address.rpartition(":")[2])) as proxy:
        crowd = Crowd(f"127.0.0.1:{proxy.port}", stock, seed)
        # The reason that requests to remove stock give.
        _cut_again_and_again(proxy, crowd, seed, fatal_question=b"stock goes")
    assert crowd.replayed_count() > 0
    crowd.check(ledger_database)


def _cut_again_and_again(proxy: Proxy, crowd: Crowd, seed: int, *, fatal_question: bytes) -> None:
    chance = random.Random(seed)
    with crowd.asking():
        for _ in range(CUTS):
            time.sleep(chance.random() * PAUSE_MAX_S)
            if chance.random() < 0.5:
                proxy.cut()
            else:
                proxy.lose_answer_to(fatal_question)


def _port(url: str) -> int:
    return int(str(conninfo_to_dict(url)["port"]))
