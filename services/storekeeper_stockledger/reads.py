"""Answers what is asked of the ledger without changing it. Reads take no locks and see what is committed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from sqlalchemy import Connection

from storekeeper_kit.database import Database

from .domain.journal import RecordedMovement
from .domain.operations import ItemAtLocation, PositionId
from .domain.records import Location, Position
from .domain.refusals import PositionNotFound, StockedItemNotFound
from .domain.stock import StockedItem
from .storage import listing
from .storage.listing import MovementFilter, Page, PositionFilter, StockedItemFilter

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """One page of a list, and whether another one follows."""

    rows: Sequence[T]
    more: bool


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

    def stocked_item(self, tenant_id: int, stocked_item_id: int) -> StockedItem:
        """A stocked item."""
        with self._database.read() as connection:
            found = listing.find_stocked_item(connection, tenant_id, stocked_item_id)
        if found is None:
            raise StockedItemNotFound(stocked_item_id)
        return found

    def locations(self, tenant_id: int, page: Page, *, active_only: bool) -> Rows[Location]:
        """Locations by id."""
        return self._page(page, lambda one, more: listing.list_locations(one, tenant_id, more, active_only=active_only))

    def positions_where(self, tenant_id: int, page: Page, wanted: PositionFilter) -> Rows[Position]:
        """Positions by id."""
        return self._page(page, lambda one, more: listing.list_positions(one, tenant_id, more, wanted))

    def stocked_items(self, tenant_id: int, page: Page, wanted: StockedItemFilter) -> Rows[StockedItem]:
        """Stocked items, oldest first."""
        return self._page(page, lambda one, more: listing.list_stocked_items(one, tenant_id, more, wanted))

    def movements(self, tenant_id: int, page: Page, wanted: MovementFilter) -> Rows[RecordedMovement]:
        """Movements by id."""
        return self._page(page, lambda one, more: listing.list_movements(one, tenant_id, more, wanted))

    def _page(self, page: Page, select: Callable[[Connection, Page], Sequence[T]]) -> Rows[T]:
        """One row more than the page holds is read, which tells whether another page follows."""
        with self._database.read() as connection:
            rows = select(connection, replace(page, size=page.size + 1))
        return Rows(rows[: page.size], more=len(rows) > page.size)


def _not_found(name: ItemAtLocation | PositionId) -> PositionNotFound:
    if isinstance(name, PositionId):
        return PositionNotFound(position_id=name.position_id)
    return PositionNotFound(item_id=name.item_id, location_id=name.location_id)
