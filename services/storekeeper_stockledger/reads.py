"""Answers what is asked of the ledger without changing it. Reads take no locks and see what is committed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import Row, Select

from storekeeper_kit.database import Database
from storekeeper_kit.ordering import Order
from storekeeper_kit.pages import Rows

from .domain.journal import RecordedMovement
from .domain.operations import ItemAtLocation, PositionId
from .domain.records import Location, Position
from .domain.refusals import PositionNotFound, StockedItemNotFound
from .domain.stock import StockedItem
from .storage import listing
from .storage.describing import read_location, read_position
from .storage.fields import LOCATION_ORDER, MOVEMENT_ORDER, OLDEST_FIRST, POSITION_ORDER
from .storage.listing import (
    LocationFilter,
    MovementFilter,
    Page,
    PositionFilter,
    StockedItemFilter,
    read_stocked_item,
)
from .storage.movements import read_movement

T = TypeVar("T")


class Reads:
    """Reads and lists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def positions(
        self, tenant_id: int, names: Sequence[ItemAtLocation | PositionId], _deadline: float
    ) -> list[Position | Exception]:
        """The positions of these names, by one statement; PositionNotFound in the place of one that isn't there."""
        ids = {name.position_id for name in names if isinstance(name, PositionId)}
        pairs = list({name: None for name in names if isinstance(name, ItemAtLocation)})
        with self._database.read() as connection:
            positions = listing.positions_named(connection, tenant_id, ids, pairs)
        found: dict[ItemAtLocation | PositionId, Position] = {}
        for position in positions:
            found[PositionId(position.position_id)] = position
            found[ItemAtLocation(position.item_id, position.location_id)] = position
        return [found.get(name) or _not_found(name) for name in names]

    def stocked_items_named(
        self, tenant_id: int, stocked_item_ids: Sequence[int], _deadline: float
    ) -> list[StockedItem | Exception]:
        """The stocked items of these ids, by one statement; StockedItemNotFound in the place of one that isn't there."""
        with self._database.read() as connection:
            found = {
                one.stocked_item_id: one
                for one in listing.find_stocked_items(connection, tenant_id, set(stocked_item_ids))
            }
        return [found.get(one) or StockedItemNotFound(one) for one in stocked_item_ids]

    def locations(self, tenant_id: int, page: Page, wanted: LocationFilter) -> Rows[Location]:
        """Locations by id."""
        return self._page(listing.select_locations(tenant_id, wanted), LOCATION_ORDER, page, read_location)

    def positions_where(self, tenant_id: int, page: Page, wanted: PositionFilter) -> Rows[Position]:
        """Positions by id."""
        return self._page(listing.select_positions(tenant_id, wanted), POSITION_ORDER, page, read_position)

    def stocked_items(
        self, tenant_id: int, page: Page, wanted: StockedItemFilter, order: Order = OLDEST_FIRST
    ) -> Rows[StockedItem]:
        """Stocked items, oldest first unless another order is asked for."""
        return self._page(listing.select_stocked_items(tenant_id, wanted), order, page, read_stocked_item)

    def movements(self, tenant_id: int, page: Page, wanted: MovementFilter) -> Rows[RecordedMovement]:
        """Movements by id."""
        return self._page(listing.select_movements_where(tenant_id, wanted), MOVEMENT_ORDER, page, read_movement)

    def _page(self, listed: Select[Any], order: Order, page: Page, read: Callable[[Row[Any]], T]) -> Rows[T]:
        """One row more than the page holds is read, which tells whether another page follows."""
        with self._database.read() as connection:
            rows = listing.page_of(connection, listed, order, replace(page, size=page.size + 1))
            total = listing.total_of(connection, listed) if page.with_total else 0
        return Rows([read(row) for row in rows[: page.size]], more=len(rows) > page.size, total=total)


def _not_found(name: ItemAtLocation | PositionId) -> PositionNotFound:
    if isinstance(name, PositionId):
        return PositionNotFound(position_id=name.position_id)
    return PositionNotFound(item_id=name.item_id, location_id=name.location_id)
