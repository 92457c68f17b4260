"""R17: whatever somebody with all rights changes, deletes, inserts or swaps behind the ledger's back: `storekeeper verify` says so."""

import random
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg import sql

from storekeeper_stockledger.verify.findings import Finding
from storekeeper_stockledger.verify.run import verify
from storekeeper_stockledger.verify.snapshot import Snapshot
from tests.bench.long_journal import LongJournal
from tests.harness.tampering import change, columns_of, swap, take_out
from tests.torture.stage import Stage

TENANT: Final = 1
MOVEMENTS: Final = 20_000
ITEMS: Final = 100
NEIGHBOURS: Final = """
SELECT one.operation_id, other.operation_id FROM operation one
  JOIN operation other ON other.operation_id = one.operation_id + 1
 WHERE one.chain_hash IS NULL AND other.chain_hash IS NULL AND (one.movement_count, other.movement_count) = (1, 1)
"""


def run(stage: Stage, times: int) -> None:
    """Tamper so often with a long journal; each time in a transaction that is rolled back."""
    chance, database = stage.chance(), stage.databases.create()
    with psycopg.connect(database.superuser_url) as superuser:
        LongJournal(superuser, tenant_id=TENANT, movements=MOVEMENTS, items=ITEMS, seed=stage.seed).write()
        superuser.commit()
        assert _findings(superuser) == [], "nobody has changed anything yet"
        for number in range(times):
            name, tamper = WAYS[number % len(WAYS)]
            what = tamper(superuser, chance)
            found = _findings(superuser)
            superuser.rollback()
            assert found, f"nobody noticed that {what}"
            assert any(table in found[0] for table in TABLES), f"it is not said where: {found}"
            stage.count(name)
    stage.databases.drop(database)
    stage.remarks.append(f"among {MOVEMENTS:,} movements, each found and named")


class _Told:
    """Keeps what was found."""

    def __init__(self) -> None:
        self.findings: list[str] = []

    def begin(self, work: float) -> None:
        """Nobody watches."""

    def step(self, subject: str, work: float) -> None:
        """Nobody watches."""

    def advance(self, work: float) -> None:
        """Nobody watches."""

    def found(self, _tenant_id: int, finding: Finding) -> None:
        """A row is wrong."""
        self.findings.append(str(finding))


def _findings(superuser: psycopg.Connection) -> list[str]:
    told = _Told()
    verify(Snapshot(superuser), [TENANT], told)
    return told.findings


def _change(superuser: psycopg.Connection, chance: random.Random) -> str:
    table = chance.choice(("operation", "movement"))
    column = chance.choice(columns_of(superuser, table))
    row_id = _any(superuser, chance, table)
    change(superuser, table, column, row_id)
    return f"{column[0]} of {table} {row_id} was changed"


def _change_a_balance(superuser: psycopg.Connection, chance: random.Random) -> str:
    """So that no constraint speaks: units go from one place to another."""
    there = superuser.execute("SELECT stocked_item_id FROM stocked_item WHERE available > 0 ORDER BY 1").fetchall()
    (stocked_item_id,) = chance.choice(there)
    superuser.execute(
        "UPDATE stocked_item SET available = available - 0.01, picked = picked + 0.01 WHERE stocked_item_id = %s",
        [stocked_item_id],
    )
    return f"a place of stocked item {stocked_item_id} was changed"


def _delete(superuser: psycopg.Connection, chance: random.Random) -> str:
    movement_id = _any(superuser, chance, "movement")
    superuser.execute("DELETE FROM movement WHERE movement_id = %s", [movement_id])
    return f"movement {movement_id} was deleted"


def _delete_an_operation(superuser: psycopg.Connection, chance: random.Random) -> str:
    """And let all behind it move up, so that only the chain can tell."""
    operation_id = _any(superuser, chance, "operation")
    [(movements, last)] = superuser.execute(
        "SELECT movement_count, last_movement_id FROM operation WHERE operation_id = %s", [operation_id]
    ).fetchall()
    take_out(superuser, operation_id, movements=movements, last_movement_id=last)
    return f"operation {operation_id} was taken out"


def _insert(superuser: psycopg.Connection, chance: random.Random) -> str:
    movement_id = _any(superuser, chance, "movement")
    superuser.execute("CREATE TEMPORARY TABLE copied AS SELECT * FROM movement WHERE movement_id = %s", [movement_id])
    superuser.execute("UPDATE copied SET movement_id = (SELECT max(movement_id) + 1 FROM movement)")
    superuser.execute("INSERT INTO movement SELECT * FROM copied")
    return f"movement {movement_id} was inserted again"


def _reorder(superuser: psycopg.Connection, chance: random.Random) -> str:
    one, other = chance.choice(superuser.execute(NEIGHBOURS).fetchall())
    swap(superuser, one, other)
    return f"operations {one} and {other} have changed places"


def _any(superuser: psycopg.Connection, chance: random.Random, table: str) -> int:
    query = sql.SQL("SELECT {} FROM {} ORDER BY 1").format(sql.Identifier(f"{table}_id"), sql.Identifier(table))
    return int(chance.choice(superuser.execute(query).fetchall())[0])


WAYS: Final[tuple[tuple[str, Callable[[psycopg.Connection, random.Random], str]], ...]] = (
    ("values changed in the journal", _change),
    ("balances changed", _change_a_balance),
    ("movements deleted", _delete),
    ("operations taken out", _delete_an_operation),
    ("movements inserted", _insert),
    ("operations swapped", _reorder),
)
TABLES: Final = ("operation", "movement", "stocked_item", "position", "reservation", "expectation", "journal_head")
