"""How PostgreSQL plans what is read for a single operation before it knows anything of the tables."""

import psycopg
import pytest

from storekeeper_stockledger.domain.shelf import EVERY_LINE, Line
from storekeeper_stockledger.storage import single
from storekeeper_stockledger.storage.planning import BY_INDEX
from tests.harness.databases import LedgerDatabase


@pytest.mark.parametrize("line", [None, *EVERY_LINE])
@pytest.mark.parametrize("named", ["_by_id", "_by_pair"])
def test_a_request_is_looked_up_by_its_id(ledger_database: LedgerDatabase, line: Line | None, named: str) -> None:
    """Not among all that the tenant has recorded: a plan is kept while the tables grow."""
    statement = getattr(single.READ_LINE[line] if line else single.READ, named)
    settings = " ".join(f"-c {name}={value}" for name, value in BY_INDEX.items())
    with psycopg.connect(ledger_database.service_url, options=settings) as connection:
        rows = connection.execute(b"EXPLAIN (GENERIC_PLAN) " + statement.text).fetchall()
    plan = [step for (step,) in rows]
    assert any("Index Cond" in step and "request_id = ANY" in step for step in plan), "\n".join(plan)
