"""The database's clock may be turned back: what has expired by the newest record stays so."""

from datetime import UTC, datetime, timedelta

import psycopg

from tests.harness.databases import LedgerDatabase
from tests.stockledger.tenant import Tenant, drawn
from tests.stockledger.verbs import adding, removing


def turn_back(ledger_database: LedgerDatabase, tenant: Tenant, step: timedelta) -> None:
    """Let the clock be behind the newest record of the tenant, by letting that be ahead."""
    with psycopg.connect(ledger_database.owner_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE journal_head SET record_time = now() + %s WHERE tenant_id = %s", (step, tenant.tenant_id)
        )


def test_units_that_expired_by_the_newest_record_are_passed_over(
    tenant: Tenant, ledger_database: LedgerDatabase
) -> None:
    (position,) = tenant.positions()
    now = datetime.now(UTC)
    expiring = adding(position, 5, receive_time=now - timedelta(days=1), expire_time=now + timedelta(minutes=30))
    _, fresh = tenant.bring(expiring, adding(position, 5))
    turn_back(ledger_database, tenant, timedelta(hours=1))
    assert drawn(tenant.carry_out(removing(position, 4))) == [(fresh, 4)]
