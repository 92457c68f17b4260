"""One tenant of a catalog on a real database, without a server: the operations themselves, and what they left."""

import time
from itertools import count
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from storekeeper_catalog.catalog import Catalog, Change, Claim, Created
from storekeeper_catalog.domain.fingerprint import fingerprint
from storekeeper_catalog.domain.item import Draft, Facts, Item, ItemState
from storekeeper_catalog.storage.tables import registration
from storekeeper_kit.database import Database

TIMEOUT_S: Final = 10.0

# Far from the numbers that clients of a server are given.
_tenants = count(1_000_000)
_request_ids = count(1)


class Tenant:
    """A tenant that has nothing yet."""

    def __init__(self, database: Database) -> None:
        self.tenant_id = next(_tenants)
        self.catalog = Catalog(database)
        self._database = database

    def create(self, name: str = "Item", *, under: Claim | None = None, **values: Any) -> Created:
        """Create an item, under a new request id unless one is given."""
        draft = Draft(name=name, **values)
        return self.catalog.create_item(self.tenant_id, under or claim(draft), draft, deadline=deadline())

    def item(self, name: str = "Item", **values: Any) -> Item:
        """Create an item and return it."""
        return self.create(name, **values).item

    def update(self, item: Item, *, approved: Facts | None = None, **values: Any) -> Item:
        """Change values of an item, which must be as it is given."""
        change = Change(item_id=item.item_id, version=item.version, values=values)
        return self.catalog.update_item(self.tenant_id, change, approved=approved, deadline=deadline())

    def archive(self, item: Item) -> Item:
        """Archive an item."""
        return self.catalog.set_state(self.tenant_id, item.item_id, None, ItemState.ARCHIVED, deadline=deadline())

    def entries(self) -> dict[int, int]:
        """The outbox: versions by item."""
        columns = registration.c
        with self._database.read() as connection:
            rows = connection.execute(
                select(columns.item_id, columns.version).where(columns.tenant_id == self.tenant_id)
            )
            return {row.item_id: row.version for row in rows}


def claim(draft: Draft) -> Claim:
    """Under which an item is created."""
    return Claim(request_id=str(UUID(int=next(_request_ids), version=4)), fingerprint=fingerprint("create_item", draft))


def deadline(timeout_s: float = TIMEOUT_S) -> float:
    """So many seconds from now, on the monotonic clock."""
    return time.monotonic() + timeout_s
