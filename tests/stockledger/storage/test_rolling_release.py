"""A new release migrates while the old one serves: its prepared statements must survive a column that they don't know."""

from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from psycopg import errors

from storekeeper_kit.database import Database
from storekeeper_stockledger.domain.costs import CostMethod, UnitCost
from storekeeper_stockledger.domain.instants import PositionAsked
from storekeeper_stockledger.domain.operations import PositionId
from storekeeper_stockledger.storage.listing import LocationFilter, PositionFilter
from storekeeper_stockledger.storage.tables import metadata
from tests.harness.databases import LedgerDatabase
from tests.stockledger.tenant import ALL, Tenant, request_id
from tests.stockledger.verbs import (
    FIRST_EXPIRED_FIRST,
    adding,
    closing,
    counting,
    expecting,
    picking,
    receiving,
    removing,
    reserving,
    unpicking,
    unreceiving,
)

# The driver prepares a statement when it has been sent a few times.
TIMES = 10


def read_positions(tenant: Tenant, position_id: int) -> None:
    (position,) = tenant.reads.positions(tenant.tenant_id, [PositionAsked(PositionId(position_id))])
    assert not isinstance(position, Exception)


def list_everything(tenant: Tenant, position_id: int) -> None:
    tenant.reads.locations(tenant.tenant_id, ALL, LocationFilter())
    tenant.reads.positions_where(tenant.tenant_id, ALL, PositionFilter())
    tenant.stocked_items(position_id)
    tenant.movements()


def change_stock(tenant: Tenant, position_id: int) -> None:
    """By each kind of statement that reads or writes stock."""
    tenant.carry_out(expecting(position_id, 3))
    tenant.carry_out(receiving(position_id, 3, cost=CostMethod.AVERAGE))
    tenant.carry_out(unreceiving(position_id, 1, lower_order=True))
    tenant.carry_out(reserving(position_id, 1, expire_after=timedelta(days=1)))
    tenant.carry_out(picking(position_id))
    tenant.carry_out(unpicking(position_id))
    tenant.carry_out(counting(position_id, 1))
    tenant.carry_out(removing(position_id, 1, order=FIRST_EXPIRED_FIRST))


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
    tenant.carry_out(adding(position_id, 1, cost=UnitCost("USD", Decimal(1))))
    for work in WORKS * TIMES:
        work(tenant, position_id)
    with psycopg.connect(ledger_database.owner_url) as owner:
        for table in metadata.tables:
            owner.execute(f"ALTER TABLE {table} ADD COLUMN of_the_next_release integer")
    for work in WORKS:
        work(tenant, position_id)
    database.close()


def test_the_release_before_cannot_add_to_a_position_that_it_does_not_know_to_be_closed(
    ledger_database: LedgerDatabase, tenant: Tenant
) -> None:
    (position_id,) = tenant.positions()
    tenant.carry_out(closing(position_id))
    with psycopg.connect(ledger_database.service_url) as connection, pytest.raises(errors.CheckViolation):
        connection.execute("UPDATE position SET available = 1 WHERE position_id = %s", [position_id])


def test_what_the_release_before_creates_has_nothing_of_what_it_does_not_know(
    tenant: Tenant, database: Database
) -> None:
    location_id = tenant.location()
    with database.begin() as connection:
        columns = {"tenant_id": tenant.tenant_id, "location_id": location_id, "revision": 1, "operation_id": 0}
        connection.exec_driver_sql("INSERT INTO item VALUES (%(tenant_id)s, 1, 1, 'none', 0)", columns)
        connection.exec_driver_sql(
            "INSERT INTO position (tenant_id, item_id, location_id, bin, reference_number, operation_id, revision,"
            " create_time) VALUES (%(tenant_id)s, 1, %(location_id)s, '', '', 0, 1, now())",
            columns,
        )
    (position,) = tenant.reads.positions_where(tenant.tenant_id, ALL, PositionFilter()).rows
    assert (position.creator, position.terms.extensions) == ("", {})
    tenant.stock(position.position_id, [1])
