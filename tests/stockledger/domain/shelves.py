"""Stock in few words, for rules that need some."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from storekeeper_stockledger.domain.costs import Costing
from storekeeper_stockledger.domain.decide import Stock, decide
from storekeeper_stockledger.domain.items import Item, Settings, Tracking
from storekeeper_stockledger.domain.operations import (
    AddStock,
    ClosePosition,
    ItemAtLocation,
    Operation,
    PositionId,
    RemoveStock,
    StockedItemId,
)
from storekeeper_stockledger.domain.places import Places
from storekeeper_stockledger.domain.stock import Movement, Shelf, StockedItem, Totals

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY: Final = timedelta(days=1)

ITEM_ID, LOCATION_ID, POSITION_ID = 7, 3, 42
HERE: Final = PositionId(POSITION_ID)

Number = Decimal | int | str


def item(tracking: Tracking = Tracking.NONE, scale: int = 0, *, archived: bool = False) -> Item:
    """The item that tests stock."""
    return Item(item_id=ITEM_ID, version=1, tracking=tracking, quantity_scale=scale, archived=archived)


def layer(
    stocked_item_id: int,
    available: Number,
    *,
    age: timedelta = DAY,
    reserved: Number = 0,
    picked: Number = 0,
    unit_cost: Number | None = None,
    value: Number | None = None,
    serial_number: str = "",
) -> StockedItem:
    """A stocked item at the position; of unknown cost unless one is given."""
    counted = [Decimal(number) for number in (available, reserved, picked)]
    places = Places(sum(counted, Decimal()), *counted)
    cost = None if unit_cost is None else Decimal(unit_cost)
    worth = Decimal(value) if value is not None else None if cost is None else cost * places.on_hand
    return StockedItem(
        stocked_item_id=stocked_item_id,
        position_id=POSITION_ID,
        item_id=ITEM_ID,
        location_id=LOCATION_ID,
        receive_time=NOW - age,
        places=places,
        unit_cost=cost,
        value=worth,
        serial_number=serial_number,
    )


def shelf(
    *layers: StockedItem,
    stocks: Item | None = None,
    position_id: int = POSITION_ID,
    location_active: bool = True,
    costing: Costing | None = None,
    on_order: Number = 0,
) -> Shelf:
    """A position with these stocked items."""
    layers = tuple(replace(one, position_id=position_id) for one in layers)
    return Shelf(
        position_id=position_id,
        item=stocks or item(),
        location_id=LOCATION_ID,
        location_active=location_active,
        totals=Totals(
            sum((one.places.available for one in layers), Decimal()),
            sum((one.places.reserved for one in layers), Decimal()),
            sum((one.places.picked for one in layers), Decimal()),
            Decimal(on_order),
        ),
        stocked_items=layers,
        costing=costing,
    )


def stock_on(*shelves: Shelf, settings: Settings | None = None) -> Stock:
    """All that a batch can touch: these positions, and what lies there. The first is the one of item and location."""
    layers = [(one.position_id, stocked_item) for one in shelves for stocked_item in one.oldest_first()]
    return Stock(
        settings=settings or Settings(),
        now=NOW,
        shelves={one.position_id: one for one in shelves},
        positions={ItemAtLocation(ITEM_ID, LOCATION_ID): one.position_id for one in reversed(shelves)},
        homes={stocked_item.stocked_item_id: position_id for position_id, stocked_item in layers},
        known_items=frozenset({ITEM_ID}),
        known_locations=frozenset({LOCATION_ID}),
        serial_numbers={
            (ITEM_ID, stocked_item.serial_number): stocked_item.stocked_item_id
            for _, stocked_item in layers
            if stocked_item.serial_number
        },
    )


def adding(quantity: Number = 1, *, target: ItemAtLocation | PositionId = HERE, **fields: Any) -> AddStock:
    """Add units to the position."""
    return AddStock(target=target, quantity=Decimal(quantity), **fields)


def removing(
    quantity: Number = 1, *, source: ItemAtLocation | PositionId | StockedItemId = HERE, reason: str = ""
) -> RemoveStock:
    """Remove units of the position, oldest first."""
    return RemoveStock(source=source, quantity=Decimal(quantity), reason=reason)


def carry_out(stock: Stock, operation: Operation, *, new_id: int = 0) -> tuple[Movement, ...]:
    """Decide an operation and let the stock be as it leaves it, as a batch does."""
    movements = decide(operation, stock, new_id=new_id)
    stock.apply(operation, movements)
    return movements


def closing(**fields: Any) -> ClosePosition:
    """Close the position."""
    return ClosePosition(source=HERE, **fields)


def counts(*numbers: Decimal | None) -> list[Decimal | int | None]:
    """Numbers side by side, to be compared with whole ones."""
    return list(numbers)


def drawn(movements: Iterable[Movement]) -> list[tuple[int, Decimal | int]]:
    """What was taken from which stocked item."""
    return [(movement.stocked_item.stocked_item_id, movement.quantity) for movement in movements]
