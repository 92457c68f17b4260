"""All the stock that the operations of a batch can touch, as the ones that were accepted have left it."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from .changes import Changes
from .extensions import Extensions
from .items import Settings
from .operations import (
    ClosePosition,
    CountStock,
    ExtendReservation,
    ItemAtLocation,
    Name,
    Operation,
    PositionId,
    ReserveStock,
    StockedItemId,
    StockedItemIds,
    UnpickStock,
    UpdateStockedItem,
)
from .places import ZERO
from .refusals import (
    BadField,
    ItemNotFound,
    LocationNotFound,
    PositionNotFound,
    StockedItemNotFound,
)
from .shelf import NotLoaded, Shelf
from .shelves import Shelves
from .stock import Movement, StockedItem


@dataclass(slots=True)
class Stock:
    """Locked and loaded, then changed by each operation that is accepted."""

    settings: Settings
    now: datetime
    shelves: Shelves = field(default_factory=Shelves)
    """By position id."""
    positions: dict[ItemAtLocation, int] = field(default_factory=dict)
    """The open ones."""
    homes: dict[int, int] = field(default_factory=dict)
    """The position of each stocked item that is named, or was added."""
    known_items: frozenset[int] = frozenset()
    known_locations: frozenset[int] = frozenset()
    serial_numbers: dict[tuple[int, str], int] = field(default_factory=dict)
    """The stocked item that has a serial number now, by item and number."""
    blank: dict[ItemAtLocation, Shelf] = field(default_factory=dict)
    """Positions that are opened when something is brought there."""
    counted: Mapping[CountStock, Decimal] = field(default_factory=dict)
    """What was on hand at the times at which stock was counted."""
    receipts: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """The movement that received a stocked item, by the position where it did and the item's id."""
    changes: Changes = field(default_factory=Changes)

    def copy(self) -> "Stock":
        """A copy that changes on its own."""
        copied = copy(self)
        copied.shelves = self.shelves.copy()
        copied.positions, copied.homes = dict(self.positions), dict(self.homes)
        copied.blank = {pair: shelf.copy() for pair, shelf in self.blank.items()}
        copied.serial_numbers = dict(self.serial_numbers)
        copied.changes = self.changes.copy()
        return copied

    # --- who is meant ---

    def shelf(self, name: Name, path: str = "source") -> Shelf:
        """The shelf that an operation names, at this path. What is missing is told as exactly as it is known.

        A position that is closed is missing, too, but not the stocked items that it had: they are there, and empty.
        """
        match name:
            case StockedItemId(stocked_item_id):
                return self.home_of(stocked_item_id)
            case StockedItemIds(stocked_item_ids):
                shelves = {shelf.position_id: shelf for shelf in map(self.home_of, stocked_item_ids)}
                if len(shelves) > 1:
                    raise BadField(f"{path}.stocked_items.stocked_item_ids", "are of several positions")
                return next(iter(shelves.values()))
            case PositionId(position_id):
                if position_id not in self.shelves or not self.shelves[position_id].is_open:
                    raise PositionNotFound(position_id=position_id)
                return self.shelves[position_id]
            case ItemAtLocation():
                return self._shelf_of_pair(name)

    def home_of(self, stocked_item_id: int) -> Shelf:
        """Where a stocked item is."""
        if stocked_item_id not in self.homes:
            raise StockedItemNotFound(stocked_item_id)
        return self.shelves[self.homes[stocked_item_id]]

    def shelf_to_fill(self, name: Name) -> Shelf:
        """The shelf that something is brought to; one that isn't open yet is opened by that."""
        if not isinstance(name, ItemAtLocation) or name in self.positions:
            return self.shelf(name)
        if name in self.blank:
            return self.blank[name]
        self._require_known(name)
        raise NotLoaded

    def _shelf_of_pair(self, pair: ItemAtLocation) -> Shelf:
        position_id = self.positions.get(pair)
        if position_id is not None:
            return self.shelves[position_id]
        self._require_known(pair)
        raise PositionNotFound(item_id=pair.item_id, location_id=pair.location_id)

    def _require_known(self, pair: ItemAtLocation) -> None:
        if pair.item_id not in self.known_items:
            raise ItemNotFound(pair.item_id)
        if pair.location_id not in self.known_locations:
            raise LocationNotFound(pair.location_id)

    # --- what becomes of it ---

    def apply(self, operation: Operation, movements: tuple[Movement, ...], *, entry_number: int) -> None:
        """Let the stock be as one operation leaves it, which these movements carry out.

        `entry_number` is its number among those that are recorded together, from 1.
        """
        for movement in movements:
            self._apply(movement, entry_number)
        match operation:
            case ClosePosition(source=name):
                self._close(self.shelf(name))
            case (
                ReserveStock(source=name, demand=demand, expire_after=after)
                | ExtendReservation(source=name, demand=demand, expire_after=after)
            ):
                self._expire_at(self.shelf(name), demand, None if after is None else self.now + after)
            case UnpickStock(source=name, demand=demand, keep_reserved=True):
                self._expire_with_the_rest(self.shelf(name), demand)
            case UpdateStockedItem():
                self._describe(operation)

    def _apply(self, movement: Movement, entry_number: int) -> None:
        shelf = self._shelf_of(movement, entry_number)
        shelf.apply(movement)
        self.changes.note(movement)
        if movement.stocked_item is not None:
            self.homes[movement.stocked_item.stocked_item_id] = shelf.position_id
            self._follow_serial_number(movement.stocked_item)

    def _shelf_of(self, movement: Movement, entry_number: int) -> Shelf:
        if movement.position_id not in self.shelves:
            pair = ItemAtLocation(movement.item_id, movement.location_id)
            shelf = self.shelves[movement.position_id] = self.blank.pop(pair)
            self.positions[pair] = shelf.position_id
            self.changes.opened[shelf.position_id] = entry_number
        return self.shelves[movement.position_id]

    def _follow_serial_number(self, after: StockedItem) -> None:
        if not after.serial_number:
            return
        key = (after.item_id, after.serial_number)
        if after.places.on_hand:
            self.serial_numbers[key] = after.stocked_item_id
        elif self.serial_numbers.get(key) == after.stocked_item_id:
            del self.serial_numbers[key]

    def _close(self, shelf: Shelf) -> None:
        shelf.close()
        del self.positions[ItemAtLocation(shelf.item.item_id, shelf.location_id)]
        self.changes.closed.append(shelf.position_id)

    def _expire_with_the_rest(self, shelf: Shelf, demand: str) -> None:
        """Units that are reserved again expire with what the demand still has reserved, if that does."""
        times = {holding.expire_time for holding in shelf.holdings.get(demand, {}).values()} - {None}
        self._expire_at(shelf, demand, times.pop() if times else None)

    def _expire_at(self, shelf: Shelf, demand: str, expire_time: datetime | None) -> None:
        """What a demand has reserved at a position expires together."""
        for stocked_item_id, holding in shelf.holdings.get(demand, {}).items():
            if holding.reserved and holding.expire_time != expire_time:
                shelf.holdings[demand][stocked_item_id] = replace(holding, expire_time=expire_time)
                self.changes.holdings.add((shelf.position_id, demand, stocked_item_id))

    def _describe(self, operation: UpdateStockedItem) -> None:
        shelf = self.shelf(operation.target)
        before = shelf[operation.target.stocked_item_id]
        after = described(before, operation)
        if before.serial_number != after.serial_number:
            self.serial_numbers.pop((before.item_id, before.serial_number), None)
            self.changes.number(after)
        shelf.describe(after)
        self._follow_serial_number(after)
        self.changes.stocked_items[after.stocked_item_id] = after
        self.changes.described.add(after.stocked_item_id)


def described(before: StockedItem, operation: UpdateStockedItem) -> StockedItem:
    """The stocked item with what is newly known of it."""
    changed: dict[str, object] = {}
    if operation.serial_number is not None:
        changed["serial_number"] = operation.serial_number
    if operation.expire_time is not None or operation.drops_expire_time:
        changed["expire_time"] = operation.expire_time
    if operation.unit_cost is not None and not before.places.on_hand:
        # With nothing on hand there is nothing to revalue: it counts for units that are returned.
        changed |= {"unit_cost": operation.unit_cost.value, "value": ZERO}
    if operation.extensions is not None:
        changed["extensions"] = joined(before.extensions, operation)
    return replace(before, **changed)  # type: ignore[arg-type]


def joined(before: Extensions, operation: UpdateStockedItem) -> Extensions:
    """All extensions, or those of single vendors beside those of the others."""
    given = operation.extensions or {}
    if not operation.vendors:
        return given
    kept = {vendor: known for vendor, known in before.items() if vendor not in operation.vendors}
    return {**kept, **{vendor: given[vendor] for vendor in operation.vendors if vendor in given}}
