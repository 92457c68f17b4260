"""Somebody with all rights rewrites the journal behind the ledger's back. Whatever row and column it was, it shows.

The tampering is as thorough as it can be without computing new hashes: numbers stay whole, and what can be made to agree
again does.
"""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import psycopg
import pytest

from tests.harness.asking import Line
from tests.harness.chain import check_chain
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants, check_journal, check_numbers, check_operations
from tests.harness.journal import Journal, journal_on
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock
from tests.harness.tampering import change, columns_of, swap, take_out
from tests.system.verbs import Client
from tests.system.workload import Workload

TENANT = 1
CLIENTS = 16
REQUESTS = 20
CASES = 60


@pytest.fixture(scope="module")
def journal(ledger_database: LedgerDatabase, ledger: LedgerProcess) -> Journal:
    """A few hundred operations by many clients at once, so that most of them share a batch with others."""
    with Stock(ledger.address, tenant_id=TENANT) as stock:
        workload = Workload(stock)

    def ask(number: int) -> None:
        client, line = Client(workload, number), Line(ledger.address, TENANT)
        for _ in range(REQUESTS):
            workload.note(line.settle(client.request()))
        line.close()

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(ask, range(CLIENTS)))
    return check_invariants(ledger_database.owner_url, TENANT)


@pytest.fixture
def superuser(ledger_database: LedgerDatabase) -> Iterator[psycopg.Connection]:
    """A transaction that nothing refuses, and that leaves nothing behind."""
    with psycopg.connect(ledger_database.superuser_url) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("table", ["operation", "movement"])
def test_no_value_can_be_changed(superuser: psycopg.Connection, journal: Journal, table: str, seed: int) -> None:
    chance = random.Random(seed)
    columns = columns_of(superuser, table)
    rows = len(journal.operations if table == "operation" else journal.movements)
    # Every column once, and then whatever comes.
    for column in columns + chance.choices(columns, k=CASES - len(columns)):
        row_id = chance.randint(1, rows)
        change(superuser, table, column, row_id)
        assert _is_noticed(superuser), f"nobody noticed that {column[0]} of {table} {row_id} was changed"
        superuser.rollback()


def test_no_operation_can_be_taken_out(superuser: psycopg.Connection, journal: Journal, seed: int) -> None:
    """Not even when those behind it move up."""
    chance = random.Random(seed)
    for gone in chance.sample(journal.operations, CASES // 2):
        take_out(superuser, gone.operation_id, movements=gone.movement_count, last_movement_id=gone.last_movement_id)
        _check_only_the_chain_shows_it(superuser)
        superuser.rollback()


def test_no_two_operations_can_change_places(superuser: psycopg.Connection, journal: Journal, seed: int) -> None:
    """Not even two of one batch, at positions that have nothing to do with each other."""
    chance = random.Random(seed)
    neighbours = [
        (one, other)
        for one, other in pairwise(journal.operations)
        # Of one batch: the hash stands on its last operation.
        if one.movement_count == other.movement_count == 1 and one.chain_hash is other.chain_hash is None
    ]
    assert neighbours
    for one, other in chance.choices(neighbours, k=CASES // 2):
        swap(superuser, one.operation_id, other.operation_id)
        _check_only_the_chain_shows_it(superuser)
        superuser.rollback()


def _check_only_the_chain_shows_it(superuser: psycopg.Connection) -> None:
    tampered = journal_on(superuser, TENANT)
    check_numbers(tampered)
    check_operations(tampered)
    with pytest.raises(AssertionError, match=r"chain|hash|sealed"):
        check_chain(tampered)


def _is_noticed(superuser: psycopg.Connection) -> bool:
    try:
        check_journal(journal_on(superuser, TENANT))
    except AssertionError:
        return True
    return False
