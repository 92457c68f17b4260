"""The movements of an item come page by page without all of them being sorted for each page."""

import random
from typing import Any

from storekeeper_stockledger.domain.places import Kind
from storekeeper_stockledger.storage.fields import MOVEMENT_ORDER
from storekeeper_stockledger.storage.listing import MovementFilter, Page
from storekeeper_stockledger.storage.tables import movement
from tests.stockledger.tenant import ALL, Tenant, submission
from tests.stockledger.verbs import adding, closing, removing


def of_an_item(tenant: Tenant) -> None:
    """A tenant with an item at several locations, one of which it has left, and with another item beside it."""
    chance = random.Random(3)
    positions = tenant.positions(2)
    positions += [tenant.position(1, tenant.location(name)) for name in ("North", "South", "West")]
    for _ in range(40):
        operation = (adding if chance.random() < 0.7 else removing)(chance.choice(positions), 1)
        tenant.apply(submission(operation))
    tenant.carry_out(closing(positions[-1]))


def pages(tenant: Tenant, size: int, **wanted: Any) -> list[int]:
    """The ids that are listed, page by page."""
    found: list[int] = []
    after = None
    while True:
        page = tenant.reads.movements(tenant.tenant_id, Page(size, after), MovementFilter(**wanted))
        found += [one.movement_id for one in page.rows]
        if not page.more:
            return found
        after = MOVEMENT_ORDER.keys_of(page.rows[-1])


def test_they_come_once_and_in_order_under_all_other_conditions(tenant: Tenant) -> None:
    of_an_item(tenant)
    every = tenant.movements()
    location_id = every[0].location_id
    conditions: list[dict[str, Any]] = [
        {},
        {"location_id": location_id},
        {"kind": Kind.REMOVED},
        {"matching": movement.c.movement_id % 3 == 0},
        {"record_time_from": every[5].record_time, "record_time_before": every[30].record_time},
    ]
    for condition in conditions:
        plain = tenant.reads.movements(tenant.tenant_id, ALL, MovementFilter(**condition)).rows
        of_one = [one.movement_id for one in plain if one.item_id == 1]
        assert of_one
        for size in (1, 7, 1000):
            assert pages(tenant, size, item_id=1, **condition) == of_one
