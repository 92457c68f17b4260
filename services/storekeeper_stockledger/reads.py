"""Answers what is asked of the ledger without changing it. Reads take no locks and see what is committed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sqlalchemy import Row, Select

from storekeeper_kit.database import Database
from storekeeper_kit.ordering import Order
from storekeeper_kit.pages import Rows
from storekeeper_kit.round_trips import RoundTrip

from .domain.instants import PositionAsked
from .domain.journal import RecordedMovement
from .domain.operations import PositionId, PositionName
from .domain.records import Expectation, Location, Position, Reservation
from .domain.refusals import PositionNotFound, StockedItemNotFound
from .domain.stock import StockedItem
from .storage import listing, positions
from .storage.describing import read_location, read_position
from .storage.fields import (
    EXPECTATION_ORDER,
    LOCATION_ORDER,
    MOVEMENT_ORDER,
    OLDEST_FIRST,
    POSITION_ORDER,
    POSITION_THEN_ORDER,
    RESERVATION_ORDER,
)
from .storage.instants import find_instant, parameters
from .storage.listing import (
    ExpectationFilter,
    LocationFilter,
    MovementFilter,
    Page,
    PositionFilter,
    ReservationFilter,
    StockedItemFilter,
    read_stocked_item,
)
from .storage.movements import read_movement

NO_PARAMETERS: Final[Mapping[str, object]] = MappingProxyType({})

T = TypeVar("T")


class Reads:
    """Reads and lists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def positions(self, tenant_id: int, asked: Sequence[PositionAsked]) -> list[Position | Exception]:
        """Positions as they are or were, by one statement for each; a refusal in the place of one that can't be told."""
        now = [one.name for one in asked if one.as_of is None]
        then = [one for one in asked if one.as_of is not None]
        with self._database.raw(reads=True) as connection, RoundTrip(connection) as trip:
            of_now = positions.select_now(trip, tenant_id, now) if now else None
            of_then = positions.select_then(trip, tenant_id, then) if then else None
        as_is = iter(positions.read_now(of_now, len(now)) if of_now else ())
        as_was = iter(positions.read_then(of_then, len(then)) if of_then else ())
        return [next(as_is if one.as_of is None else as_was) or _not_found(one.name) for one in asked]

    def stocked_items_named(self, tenant_id: int, stocked_item_ids: Sequence[int]) -> list[StockedItem | Exception]:
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
        """Positions by id, as they are or were."""
        listed = listing.select_positions(tenant_id, wanted)
        if wanted.as_of is None:
            return self._page(listed, POSITION_ORDER, page, read_position)
        with self._database.read() as connection:
            instant = find_instant(connection, tenant_id, wanted.as_of)
        return self._page(listed, POSITION_THEN_ORDER, page, read_position, parameters(instant))

    def stocked_items(
        self, tenant_id: int, page: Page, wanted: StockedItemFilter, order: Order = OLDEST_FIRST
    ) -> Rows[StockedItem]:
        """Stocked items, oldest first unless another order is asked for."""
        return self._page(listing.select_stocked_items(tenant_id, wanted), order, page, read_stocked_item)

    def movements(self, tenant_id: int, page: Page, wanted: MovementFilter) -> Rows[RecordedMovement]:
        """Movements by id."""
        listed = listing.select_movements_where(tenant_id, wanted)
        if wanted.is_of_an_item:
            listed = listing.next_of_each_position(listed, tenant_id, wanted, MOVEMENT_ORDER, _and_one_more(page))
        return self._page(listed, MOVEMENT_ORDER, page, read_movement)

    def reservations(self, tenant_id: int, page: Page, wanted: ReservationFilter) -> Rows[Reservation]:
        """What demands have of stocked items, by position, demand and stocked item."""
        listed = listing.select_reservations(tenant_id, wanted)
        return self._page(listed, RESERVATION_ORDER, page, listing.read_reservation)

    def expectations(self, tenant_id: int, page: Page, wanted: ExpectationFilter) -> Rows[Expectation]:
        """What order lines bring, by position and order line."""
        listed = listing.select_expectations(tenant_id, wanted)
        return self._page(listed, EXPECTATION_ORDER, page, listing.read_expectation)

    def _page(
        self,
        listed: Select[Any],
        order: Order,
        page: Page,
        read: Callable[[Row[Any]], T],
        parameters: Mapping[str, object] = NO_PARAMETERS,
    ) -> Rows[T]:
        """The rows of a page, and whether another one follows."""
        with self._database.read() as connection:
            rows = listing.page_of(connection, listed, order, _and_one_more(page), parameters)
            total = listing.total_of(connection, listed, parameters) if page.with_total else 0
        return Rows([read(row) for row in rows[: page.size]], more=len(rows) > page.size, total=total)


def _and_one_more(page: Page) -> Page:
    """What is read for a page: the row after its last one tells that another page follows."""
    return replace(page, size=page.size + 1)


def _not_found(name: PositionName) -> PositionNotFound:
    if isinstance(name, PositionId):
        return PositionNotFound(position_id=name.position_id)
    return PositionNotFound(item_id=name.item_id, location_id=name.location_id)
