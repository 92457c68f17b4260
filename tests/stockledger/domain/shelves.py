"""Stock in few words, for rules that need some."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any, Final

from storekeeper_stockledger.domain import decide as domain_decide
from storekeeper_stockledger.domain.costs import Costing, UnitCost
from storekeeper_stockledger.domain.holdings import Expectation, Holding
from storekeeper_stockledger.domain.items import Item, Settings, Tracking
from storekeeper_stockledger.domain.operations import (
    AddStock,
    ClosePosition,
    ItemAtLocation,
    Name,
    Operation,
    PositionId,
    RemoveStock,
)
from storekeeper_stockledger.domain.places import Places
from storekeeper_stockledger.domain.shelf import Shelf
from storekeeper_stockledger.domain.shelves import Shelves
from storekeeper_stockledger.domain.state import Stock
from storekeeper_stockledger.domain.stock import Movement, StockedItem, Totals
from tests.stockledger import verbs
from tests.stockledger.verbs import Number

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY: Final = timedelta(days=1)

ITEM_ID, LOCATION_ID, POSITION_ID = 7, 3, 42
HERE: Final = PositionId(POSITION_ID)

FIRST_NEW_ID: Final = 1001
"""Far from the ids that tests give to what they stock."""

NOTHING_KNOWN: Final = Costing()

PLACES: Final = ("available", "reserved", "picked", "delivered", "transferred", "removed")


def item(tracking: Tracking = Tracking.NONE, scale: int = 0, *, item_id: int = ITEM_ID, archived: bool = False) -> Item:
    """An item that tests stock."""
    return Item(item_id=item_id, version=1, tracking=tracking, quantity_scale=scale, archived=archived)


def layer(
    stocked_item_id: int,
    available: Number,
    *,
    age: timedelta = DAY,
    unit_cost: Number | None = None,
    value: Number | None = None,
    **fields: Any,
) -> StockedItem:
    """A stocked item, of unknown cost unless one is given; `fields` may name places, too."""
    elsewhere = {place: Decimal(fields.pop(place, 0)) for place in PLACES[1:]}
    units = {"available": Decimal(available), **elsewhere}
    places = Places(received=sum(units.values(), Decimal()), **units)
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
        **fields,
    )


class StockedShelf(Shelf):
    """Remembers what it was made with."""

    layers: tuple[StockedItem, ...]


def shelf(
    *layers: StockedItem,
    stocks: Item | None = None,
    position_id: int = POSITION_ID,
    location_id: int = LOCATION_ID,
    location_active: bool = True,
    costing: Costing | None = NOTHING_KNOWN,
    on_order: Number = 0,
    holdings: Mapping[str, Mapping[int, Holding]] | None = None,
    expectations: Mapping[str, Expectation] | None = None,
) -> StockedShelf:
    """A position with these stocked items, of which everything is known; of their costs nothing, unless it is given."""
    stocks = stocks or item()
    layers = tuple(
        replace(one, position_id=position_id, item_id=stocks.item_id, location_id=location_id) for one in layers
    )
    made = StockedShelf(
        position_id=position_id,
        item=stocks,
        location_id=location_id,
        location_active=location_active,
        totals=Totals(
            sum((one.places.available for one in layers), Decimal()),
            sum((one.places.reserved for one in layers), Decimal()),
            sum((one.places.picked for one in layers), Decimal()),
            Decimal(on_order) + sum((one.on_order for one in (expectations or {}).values()), Decimal()),
        ),
        now=NOW,
        stocked_items=layers,
        expired=sum((one.available for one in layers if one.has_expired(NOW)), Decimal()),
        costing=costing,
        holdings=holdings,
        expectations=expectations,
    )
    made.layers = layers
    return made


def held(*, expire_time: datetime | None = None, delivered_value: Number | None = 0, **places: Number) -> Holding:
    """Units of a stocked item that a demand holds."""
    worth = None if delivered_value is None else Decimal(delivered_value)
    counted: dict[str, Any] = {place: Decimal(units) for place, units in places.items()}
    return Holding(expire_time=expire_time, delivered_value=worth, **counted)


def stock_on(*shelves: StockedShelf, blank: Iterable[Shelf] = (), settings: Settings | None = None) -> Stock:
    """All that a batch can touch: these positions and what lies there, and those that may be opened.

    Of several positions of an item at a location the first is the open one. Each stocked item of an order line was
    received by the movement of its own number.
    """
    layers = [(one.position_id, stocked_item) for one in shelves for stocked_item in one.layers]
    openable = {ItemAtLocation(one.item.item_id, one.location_id): one for one in blank}
    open_pairs = {ItemAtLocation(one.item.item_id, one.location_id): one.position_id for one in reversed(shelves)}
    pairs = [*openable, *open_pairs]
    return Stock(
        settings=settings or Settings(),
        now=NOW,
        shelves=Shelves({one.position_id: one for one in shelves}),
        positions=open_pairs,
        homes={stocked_item.stocked_item_id: position_id for position_id, stocked_item in layers},
        known_items=frozenset(pair.item_id for pair in pairs),
        known_locations=frozenset(pair.location_id for pair in pairs),
        serial_numbers={
            (one.item_id, one.serial_number): one.stocked_item_id
            for _, one in layers
            if one.serial_number and one.places.on_hand
        },
        blank=openable,
        receipts={
            (position_id, one.stocked_item_id): one.stocked_item_id for position_id, one in layers if one.order_line
        },
    )


# Of what they are made, tests look at what they know to be there: most movements have a stocked item, not all.
def decide(operation: Operation, stock: Stock, *, new_id: int = FIRST_NEW_ID) -> tuple[Any, ...]:
    """Decide an operation; the stocked items that it makes get ids from `new_id` on."""
    return domain_decide.decide(operation, stock, new_id=count(new_id).__next__)


def carry_out(stock: Stock, operation: Operation, *, new_id: int = FIRST_NEW_ID) -> tuple[Any, ...]:
    """Decide an operation and let the stock be as it leaves it, as a batch does."""
    movements = decide(operation, stock, new_id=new_id)
    stock.apply(operation, movements, entry_number=1)
    return movements


def adding(quantity: Number = 1, *, target: ItemAtLocation | PositionId = HERE, **fields: Any) -> AddStock:
    """Add units to the position."""
    return verbs.adding(target, quantity, **fields)


def removing(quantity: Number = 1, *, source: Name = HERE, **fields: Any) -> RemoveStock:
    """Remove units of the position, oldest first."""
    return verbs.removing(source, quantity, **fields)


def closing(**fields: Any) -> ClosePosition:
    """Close the position."""
    return verbs.closing(POSITION_ID, **fields)


def usd(value: Number) -> UnitCost:
    """What a unit cost."""
    return UnitCost("USD", Decimal(value))


def counts(*numbers: Decimal | int | None) -> list[Decimal | int | None]:
    """Numbers side by side, to be compared with whole ones."""
    return list(numbers)


def drawn(movements: Iterable[Movement]) -> list[tuple[int, Decimal | int]]:
    """What was taken from which stocked item, or brought to it."""
    return [
        (movement.stocked_item.stocked_item_id, movement.quantity)
        for movement in movements
        if movement.stocked_item is not None
    ]
