"""Decides one operation against the stock that the operations before it have left.

`decide` returns the movements that carry the operation out, or raises the refusal; it changes nothing. Who applies the
movements (`Shelf.apply`) and who writes them down is no concern of the rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from .costs import CostMethod, UnitCost, amount_of, share_of
from .items import Settings, Tracking
from .operations import (
    AddStock,
    ClosePosition,
    ItemAtLocation,
    Operation,
    PositionId,
    RemoveStock,
    StockedItemId,
)
from .places import Kind, Places, move
from .refusals import (
    BadField,
    CostUnknown,
    CurrencyMismatch,
    InsufficientStock,
    ItemArchived,
    ItemNotFound,
    LocationInactive,
    LocationNotFound,
    PositionInUse,
    PositionNotFound,
    ReasonRequired,
    SerialNumberInStock,
    SerialUnitRequired,
    StockedItemNotFound,
    StockLimitExceeded,
    TrackingViolated,
)
from .removal import Draw, draw_oldest_first
from .stock import QUANTITY_LIMIT, UNIT_COST_LIMIT, VALUE_LIMIT, Movement, Shelf, StockedItem, with_value_after


@dataclass(slots=True)
class Stock:
    """All that the operations of a batch can touch, locked and loaded."""

    settings: Settings
    now: datetime
    shelves: Mapping[int, Shelf] = field(default_factory=dict)
    """By position id."""
    positions: Mapping[ItemAtLocation, int] = field(default_factory=dict)
    homes: Mapping[int, int] = field(default_factory=dict)
    """The position of each stocked item that is named."""
    known_items: frozenset[int] = frozenset()
    known_locations: frozenset[int] = frozenset()
    serial_numbers: dict[tuple[int, str], int] = field(default_factory=dict)
    """The stocked item that has a serial number now, by item and number."""

    def apply(self, operation: Operation, movements: tuple[Movement, ...]) -> None:
        """Let the stock be as one operation leaves it, which these movements carry out."""
        if movements:
            self.shelves[movements[0].stocked_item.position_id].apply(movements)
        for movement in movements:
            self._follow_serial_number(movement.stocked_item)
        if isinstance(operation, ClosePosition):
            self.shelves[operation.source.position_id].close()

    def _follow_serial_number(self, after: StockedItem) -> None:
        key = (after.item_id, after.serial_number)
        if after.serial_number and after.places.on_hand:
            self.serial_numbers[key] = after.stocked_item_id
        elif self.serial_numbers.get(key) == after.stocked_item_id:
            del self.serial_numbers[key]


def decide(operation: Operation, stock: Stock, *, new_id: int = 0) -> tuple[Movement, ...]:
    """The movements that carry `operation` out. `new_id` names the stocked item that an addition makes."""
    if isinstance(operation, AddStock):
        return _add(operation, stock, new_id)
    if isinstance(operation, ClosePosition):
        return _close(operation, stock)
    return _remove(operation, stock)


def shelf_of(named: ItemAtLocation | PositionId | StockedItemId, stock: Stock) -> Shelf:
    """The shelf that an operation names. What is missing is told as exactly as it is known.

    A position that is closed is missing, too, but not the stocked items that it had: they are there, and empty.
    """
    if isinstance(named, StockedItemId):
        if named.stocked_item_id not in stock.homes:
            raise StockedItemNotFound(named.stocked_item_id)
        return stock.shelves[stock.homes[named.stocked_item_id]]
    if isinstance(named, PositionId):
        if named.position_id not in stock.shelves or not stock.shelves[named.position_id].is_open:
            raise PositionNotFound(position_id=named.position_id)
        return stock.shelves[named.position_id]
    if named not in stock.positions:
        if named.item_id not in stock.known_items:
            raise ItemNotFound(named.item_id)
        if named.location_id not in stock.known_locations:
            raise LocationNotFound(named.location_id)
    if named not in stock.positions or not stock.shelves[stock.positions[named]].is_open:
        raise PositionNotFound(item_id=named.item_id, location_id=named.location_id)
    return stock.shelves[stock.positions[named]]


# --- removing -----------------------------------------------------------------------------------------------------


def _remove(operation: RemoveStock, stock: Stock) -> tuple[Movement, ...]:
    shelf = shelf_of(operation.source, stock)
    _check_quantity(operation.quantity, shelf)
    _check_reason(operation.reason, stock.settings)
    draws = _draws(operation, shelf)
    return _moved(shelf, Kind.REMOVED, draws, stock)


def _close(operation: ClosePosition, stock: Stock) -> tuple[Movement, ...]:
    shelf = shelf_of(operation.source, stock)
    totals = shelf.totals
    if totals.reserved or totals.picked or totals.on_order:
        raise PositionInUse(shelf.position_id)
    if not totals.available:
        return ()
    _check_reason(operation.reason, stock.settings)
    # Serial-numbered units, too: which of them are meant is no question when all of them go.
    return _moved(shelf, Kind.REMOVED, draw_oldest_first(shelf.oldest_first(), totals.available), stock)


def _draws(operation: RemoveStock, shelf: Shelf) -> tuple[Draw, ...]:
    if isinstance(operation.source, StockedItemId):
        return _draw_named(shelf[operation.source.stocked_item_id], operation.quantity)
    if shelf.item.tracking is Tracking.SERIAL:
        raise SerialUnitRequired(shelf.item.item_id)
    if operation.quantity > shelf.totals.available:
        raise InsufficientStock(operation.quantity, shelf.totals.available, shelf.position_id)
    return draw_oldest_first(shelf.oldest_first(), operation.quantity)


def _draw_named(stocked_item: StockedItem, quantity: Decimal) -> tuple[Draw, ...]:
    if quantity > stocked_item.available:
        raise InsufficientStock(
            quantity, stocked_item.available, stocked_item.position_id, stocked_item.stocked_item_id
        )
    return (Draw(stocked_item.stocked_item_id, quantity),)


def _moved(shelf: Shelf, kind: Kind, draws: tuple[Draw, ...], stock: Stock) -> tuple[Movement, ...]:
    """One movement of `kind`, which takes units off the shelf, for each draw."""
    movements = []
    totals = shelf.totals
    for draw in draws:
        before = shelf[draw.stocked_item_id]
        amount = None
        if before.value is not None:
            amount = share_of(
                before.value,
                taken=draw.quantity,
                on_hand=before.places.on_hand,
                currency_code=stock.settings.currency_code,
            )
        places = move(before.places, kind, draw.quantity)
        totals = totals.after(before.places, places)
        after = with_value_after(before, places=places, amount=amount)
        movements.append(
            Movement(
                kind=kind,
                quantity=draw.quantity,
                amount=amount,
                stocked_item=after,
                totals=totals,
                effective_time=stock.now,
            )
        )
    return tuple(movements)


# --- adding -------------------------------------------------------------------------------------------------------


def _add(operation: AddStock, stock: Stock, new_id: int) -> tuple[Movement, ...]:
    shelf = shelf_of(operation.target, stock)
    if not shelf.location_active:
        raise LocationInactive(shelf.location_id)
    if shelf.item.archived:
        raise ItemArchived(shelf.item.item_id)
    _check_quantity(operation.quantity, shelf)
    _check_reason(operation.reason, stock.settings)
    _check_tracking(operation, shelf, stock)
    receive_time = operation.receive_time or stock.now
    if receive_time > stock.now:
        raise BadField("receive_time", "lies in the future")
    if shelf.totals.on_hand + operation.quantity >= QUANTITY_LIMIT:
        raise StockLimitExceeded(shelf.position_id, QUANTITY_LIMIT)
    unit_cost = _unit_cost(operation.cost, shelf, stock.settings)
    value = _value(operation.quantity, unit_cost, shelf, stock.settings)
    stocked_item = StockedItem(
        stocked_item_id=new_id,
        position_id=shelf.position_id,
        item_id=shelf.item.item_id,
        location_id=shelf.location_id,
        receive_time=receive_time,
        places=move(Places(), Kind.ADDED, operation.quantity),
        unit_cost=unit_cost,
        value=value,
        lot=operation.lot,
        serial_number=operation.serial_number,
        extensions=operation.extensions,
    )
    movement = Movement(
        kind=Kind.ADDED,
        quantity=operation.quantity,
        amount=value,
        stocked_item=stocked_item,
        totals=shelf.totals.after(Places(), stocked_item.places),
        effective_time=receive_time,
        reference=operation.reference,
    )
    return (movement,)


def _check_tracking(operation: AddStock, shelf: Shelf, stock: Stock) -> None:
    item = shelf.item
    demand = _broken_demand(operation, item.tracking)
    if demand:
        raise TrackingViolated(item.item_id, item.tracking, demand)
    holder = stock.serial_numbers.get((item.item_id, operation.serial_number))
    if operation.serial_number and holder is not None:
        raise SerialNumberInStock(item.item_id, operation.serial_number, holder)


def _broken_demand(operation: AddStock, tracking: Tracking) -> str:
    """What the item's tracking demands and the operation doesn't give; empty when all is well."""
    if tracking is Tracking.SERIAL and not operation.serial_number:
        return "a serial number is required"
    if tracking is Tracking.SERIAL and operation.quantity != 1:
        return "units come one at a time"
    if tracking is not Tracking.SERIAL and operation.serial_number:
        return "units have no serial numbers"
    if tracking is Tracking.LOT and not operation.lot:
        return "a lot is required"
    if tracking is not Tracking.LOT and operation.lot:
        return "units come in no lots"
    return ""


def _unit_cost(cost: UnitCost | CostMethod | None, shelf: Shelf, settings: Settings) -> Decimal | None:
    if cost is None:
        return None
    if isinstance(cost, UnitCost):
        if cost.currency_code != settings.currency_code:
            raise CurrencyMismatch(settings.currency_code)
        return cost.value
    unit_cost = shelf.costing.unit_cost(cost)
    if unit_cost is None:
        raise CostUnknown(shelf.position_id)
    return unit_cost


def _value(quantity: Decimal, unit_cost: Decimal | None, shelf: Shelf, settings: Settings) -> Decimal | None:
    if unit_cost is None:
        return None
    value = amount_of(quantity, unit_cost, settings.currency_code)
    if unit_cost >= UNIT_COST_LIMIT:
        raise StockLimitExceeded(shelf.position_id, UNIT_COST_LIMIT)
    if value >= VALUE_LIMIT:
        raise StockLimitExceeded(shelf.position_id, VALUE_LIMIT)
    return value


# --- both ---------------------------------------------------------------------------------------------------------


def _check_quantity(quantity: Decimal, shelf: Shelf) -> None:
    if not shelf.item.measures(quantity):
        scale = shelf.item.quantity_scale
        raise BadField("quantity", f"has more than the {scale} decimals that item {shelf.item.item_id} is counted with")


def _check_reason(reason: str, settings: Settings) -> None:
    if settings.reason_required and not reason.strip():
        raise ReasonRequired
