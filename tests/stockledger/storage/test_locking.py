"""The order in which positions are locked."""

import random
from collections.abc import Mapping

import pytest

from storekeeper_kit.database import Database
from storekeeper_kit.round_trips import RoundTrip
from storekeeper_stockledger.domain.operations import ItemAtLocation, Name, PositionId, StockedItemId
from storekeeper_stockledger.storage.locking import lock_positions
from storekeeper_stockledger.storage.planning import BY_INDEX
from tests.harness.databases import LedgerDatabase
from tests.stockledger.tenant import Tenant

POSITIONS = 60
SEED = 7
BY_PAGE = dict.fromkeys(
    ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan", "enable_mergejoin", "enable_sort"), "off"
)
"""Finds rows in the order in which they lie in the table."""


@pytest.mark.parametrize("planning", [BY_INDEX, BY_PAGE], ids=["by index", "by page"])
def test_positions_are_locked_by_id_however_they_are_named(
    tenant: Tenant, ledger_database: LedgerDatabase, planning: Mapping[str, str]
) -> None:
    """So that two batches wait for each other instead of deadlocking, whichever way PostgreSQL finds the rows."""
    stocked_items = []
    positions = tenant.positions(POSITIONS)
    # Rows that were changed in this order lie on their pages in this order, and arrays name them in it.
    random.Random(SEED).shuffle(positions)
    for position_id in positions:
        tenant.stock(position_id, [1])
        stocked_items += tenant.stocked_items(position_id)
    names: list[Name] = [PositionId(one.position_id) for one in stocked_items[0::4]]
    names += [ItemAtLocation(one.item_id, one.location_id) for one in stocked_items[1::4]]
    names += [StockedItemId(one.stocked_item_id) for one in stocked_items[2::4]]
    elsewhere = tenant.location("Elsewhere")
    origins = [tenant.position(one.item_id, elsewhere) for one in stocked_items[3::4]]
    beside = [(PositionId(origin), stocked_items[0].location_id) for origin in origins]
    database = Database(ledger_database.service_url, settings=planning)
    with database.raw() as connection:
        with RoundTrip(connection) as trip:
            locked = lock_positions(trip, tenant.tenant_id, names, beside)
        assert [row[0] for row in locked.rows()] == sorted(positions)
    database.close()
