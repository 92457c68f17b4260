"""A change of quantities stays on its page (a HOT update), and so touches no index."""

import time
from collections import Counter
from collections.abc import Callable

import psycopg

from storekeeper_kit.database import Database
from tests.harness.databases import LedgerDatabase
from tests.stockledger.tenant import Tenant
from tests.stockledger.verbs import adding, removing

REMOVALS = 40
TIMEOUT_S = 10.0


def updates(database: LedgerDatabase) -> Counter[str]:
    """How many rows of each table were updated so far, and how many of them off their page."""
    counts: Counter[str] = Counter()
    with psycopg.connect(database.owner_url) as connection:
        for table, all_of_them, on_page in connection.execute(
            "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
        ):
            counts[table] = all_of_them
            counts[f"{table} off its page"] = all_of_them - on_page
    return counts


def updates_by(work: Callable[[Tenant], None], tenant: Tenant, ledger_database: LedgerDatabase) -> Counter[str]:
    """The updates that `work` makes; a connection tells its counts when it ends."""
    before = updates(ledger_database)
    database = Database(ledger_database.service_url)
    worker = Tenant(database)
    worker.tenant_id = tenant.tenant_id
    work(worker)
    database.close()
    deadline = time.monotonic() + TIMEOUT_S
    while (made := updates(ledger_database) - before)["journal_head"] < REMOVALS:
        assert time.monotonic() < deadline, f"the counts did not arrive: {made}"
        time.sleep(0.05)
    return made


def test_a_change_of_quantities_touches_no_index(tenant: Tenant, ledger_database: LedgerDatabase) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [2 * REMOVALS] * 50)

    def remove(worker: Tenant) -> None:
        for _ in range(REMOVALS):
            worker.carry_out(removing(position_id))

    made = updates_by(remove, tenant, ledger_database)
    assert made == {"stocked_item": REMOVALS, "position": REMOVALS, "journal_head": REMOVALS}


def test_only_an_emptied_stocked_item_leaves_the_line_and_so_its_index(
    tenant: Tenant, ledger_database: LedgerDatabase
) -> None:
    (position_id,) = tenant.positions()
    tenant.carry_out(adding(position_id, REMOVALS))

    def remove(worker: Tenant) -> None:
        for _ in range(REMOVALS):
            worker.carry_out(removing(position_id))

    made = updates_by(remove, tenant, ledger_database)
    assert made == {
        "stocked_item": REMOVALS, "stocked_item off its page": 1, "position": REMOVALS, "journal_head": REMOVALS,
    }  # fmt: skip
