"""A new release migrates while the old one serves: its prepared statements must survive a column that they don't know."""

import psycopg

from storekeeper_kit.database import Database
from storekeeper_stockledger.domain.operations import PositionId
from storekeeper_stockledger.storage.listing import LocationFilter, PositionFilter
from storekeeper_stockledger.storage.tables import metadata
from tests.harness.databases import LedgerDatabase
from tests.stockledger.tenant import ALL, Tenant, adding, deadline, removing, request_id

# The driver prepares a statement when it has been sent a few times.
TIMES = 10


def read_positions(tenant: Tenant, position_id: int) -> None:
    (position,) = tenant.reads.positions(tenant.tenant_id, [PositionId(position_id)], deadline())
    assert not isinstance(position, Exception)


def list_everything(tenant: Tenant, position_id: int) -> None:
    tenant.reads.locations(tenant.tenant_id, ALL, LocationFilter())
    tenant.reads.positions_where(tenant.tenant_id, ALL, PositionFilter())
    tenant.stocked_items(position_id)
    tenant.movements()


def change_stock(tenant: Tenant, position_id: int) -> None:
    tenant.carry_out(adding(position_id, 1))
    tenant.carry_out(removing(position_id, 1))


def describe(tenant: Tenant, position_id: int) -> None:
    tenant.update_position(position_id, bin="A7")
    tenant.update_settings(reason_required=False)
    tenant.update_location(tenant.location(str(request_id())), active=True)


WORKS = (read_positions, list_everything, change_stock, describe)


def test_a_migration_that_adds_columns_disturbs_nobody(ledger_database: LedgerDatabase) -> None:
    # One connection, so that it is the one whose statements are prepared.
    database = Database(ledger_database.service_url, pool_size=1)
    tenant = Tenant(database)
    (position_id,) = tenant.positions()
    for work in WORKS * TIMES:
        work(tenant, position_id)
    with psycopg.connect(ledger_database.owner_url) as owner:
        for table in metadata.tables:
            owner.execute(f"ALTER TABLE {table} ADD COLUMN of_the_next_release integer")
    for work in WORKS:
        work(tenant, position_id)
    database.close()
