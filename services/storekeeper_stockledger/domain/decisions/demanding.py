"""Units are promised to a demand, picked, handed over, and taken back.

Steps forward take a demand's oldest units, steps back its newest: so what it keeps is the oldest.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, Protocol

from ..costs import amount_of, share_of
from ..draft import Draft
from ..draws import Draw, draw, drawn
from ..holdings import Holding
from ..items import Tracking
from ..operations import (
    DeliverStock,
    ExpireReservations,
    ExtendReservation,
    Name,
    PickStock,
    ReleaseStock,
    ReserveStock,
    ReturnStock,
    UnpickStock,
)
from ..places import ZERO, Kind
from ..refusals import DemandExceeded, InsufficientStock, LocationInactive, SerialUnitRequired, StockLimitExceeded
from ..shelf import Shelf
from ..stock import VALUE_LIMIT, StockedItem
from .checks import check_leaves, check_open, check_quantity
from .drawing import named_ids, take_available
from .entering import check_serial_number

EXPIRIES_MAX: Final = 1000
"""Reservations that one operation lets expire."""


class Holder(Protocol):
    """What an operation says of the units that a demand holds."""

    @property
    def demand(self) -> str:
        """For which document."""

    @property
    def source(self) -> Name:
        """A position, or stocked items of one."""

    @property
    def quantity(self) -> Decimal | None:
        """How many; None for all."""


def reserve(operation: ReserveStock, draft: Draft) -> None:
    """Promise available units."""
    shelf = draft.stock.shelf(operation.source)
    check_quantity(operation.quantity, shelf)
    check_leaves(shelf, draft.settings)
    draws = take_available(draft, shelf, operation, operation.quantity, allow_partial=operation.allow_partial)
    # All of it gets the same expiry.
    shelf.require_held(operation.demand)
    draft.draw(shelf, Kind.RESERVED, draws, demand=operation.demand)


def release(operation: ReleaseStock, draft: Draft) -> None:
    """Make what is reserved available again."""
    shelf = draft.stock.shelf(operation.source)
    draws = _held(operation, draft, shelf, lambda holding: holding.reserved, newest_first=True)
    draft.draw(shelf, Kind.RELEASED, draws, demand=operation.demand)


def extend(operation: ExtendReservation, draft: Draft) -> None:
    """Nothing moves; the demand must have something reserved."""
    shelf = draft.stock.shelf(operation.source)
    if not any(holding.reserved for _, holding in shelf.held_by(operation.demand)):
        raise DemandExceeded(operation.demand, None, ZERO, shelf.position_id)


def expire(operation: ExpireReservations, draft: Draft) -> None:
    """Make available what was reserved until a time that has passed."""
    shelf = draft.stock.shelves[operation.source.position_id]
    expired = [
        (holding.expire_time, demand, stocked_item_id, holding.reserved)
        for demand, held in shelf.holdings.items()
        for stocked_item_id, holding in held.items()
        if holding.expire_time is not None and holding.expire_time <= draft.now
    ]
    for expire_time, demand, stocked_item_id, quantity in sorted(expired)[:EXPIRIES_MAX]:
        stocked_item = draft.stocked_item(shelf, stocked_item_id)
        draft.move(shelf, Kind.RELEASED, stocked_item, quantity, demand=demand, effective_time=expire_time)


def pick(operation: PickStock, draft: Draft) -> None:
    """Take units off the shelf: what the demand has reserved, then what is available."""
    shelf = draft.stock.shelf(operation.source)
    if operation.quantity is not None:
        check_quantity(operation.quantity, shelf)
    reserved = _reserved(operation, draft, shelf)
    held = sum((units for _, units in reserved), ZERO)
    if operation.quantity is None or operation.reserved_only:
        _check_held(operation, shelf, held, allow_partial=operation.allow_partial)
        _pick_reserved(operation, draft, shelf, reserved, min(operation.quantity or held, held))
        return
    _pick_reserved(operation, draft, shelf, reserved, min(operation.quantity, held))
    if operation.quantity > held:
        _pick_available(operation, draft, shelf, operation.quantity - held, held)


def _reserved(operation: PickStock, draft: Draft, shelf: Shelf) -> list[tuple[StockedItem, Decimal]]:
    return _units(operation, draft, shelf, lambda holding: holding.reserved)


def _pick_reserved(
    operation: PickStock,
    draft: Draft,
    shelf: Shelf,
    reserved: list[tuple[StockedItem, Decimal]],
    quantity: Decimal,
) -> None:
    if not quantity:
        return
    _check_serial_units(operation, shelf, quantity, sum((units for _, units in reserved), ZERO))
    draws = _drawn_from(reserved, quantity)
    draft.draw(shelf, Kind.PICKED_RESERVED, draws, demand=operation.demand)


def _pick_available(operation: PickStock, draft: Draft, shelf: Shelf, missing: Decimal, held: Decimal) -> None:
    check_leaves(shelf, draft.settings)
    allow_partial = operation.allow_partial
    try:
        draws = take_available(draft, shelf, operation, missing, allow_partial=allow_partial)
    except InsufficientStock as shortage:
        if allow_partial and held:
            return
        assert operation.quantity is not None, "what is reserved is never short of itself"
        raise InsufficientStock(
            operation.quantity, held + shortage.available, shelf.position_id, shortage.stocked_item_id
        ) from None
    draft.draw(shelf, Kind.PICKED, draws, demand=operation.demand)


def unpick(operation: UnpickStock, draft: Draft) -> None:
    """Put what was picked back on the shelf."""
    shelf = draft.stock.shelf(operation.source)
    draws = _held(operation, draft, shelf, lambda holding: holding.picked, newest_first=True)
    if operation.keep_reserved:
        # What is reserved again expires with the rest.
        shelf.require_held(operation.demand)
    kind = Kind.UNPICKED_RESERVED if operation.keep_reserved else Kind.UNPICKED
    draft.draw(shelf, kind, draws, demand=operation.demand)


def deliver(operation: DeliverStock, draft: Draft) -> None:
    """Hand over what was picked."""
    shelf = draft.stock.shelf(operation.source)
    draws = _held(operation, draft, shelf, lambda holding: holding.picked)
    draft.draw(shelf, Kind.DELIVERED, draws, demand=operation.demand)
    _check_delivered_value(operation, shelf, draft)


def _check_delivered_value(operation: DeliverStock, shelf: Shelf, draft: Draft) -> None:
    """What was delivered at one cost and another is worth no more together than what is kept of it can tell."""
    holdings = shelf.holdings[operation.demand]
    for movement in draft.movements:
        assert movement.stocked_item is not None, "what is delivered is there"
        value = holdings[movement.stocked_item.stocked_item_id].after(movement).delivered_value
        if value is not None and value >= VALUE_LIMIT:
            raise StockLimitExceeded(shelf.position_id, VALUE_LIMIT)


def give_back(operation: ReturnStock, draft: Draft) -> None:
    """Take back what was delivered: it is available again, where it came from."""
    shelf = draft.stock.shelf(operation.source)
    check_open(shelf)
    if not shelf.location_active:
        raise LocationInactive(shelf.location_id)
    draws = _held(operation, draft, shelf, lambda holding: holding.delivered, newest_first=True)
    for one in draws:
        stocked_item = draft.stocked_item(shelf, one.stocked_item_id)
        check_serial_number(stocked_item.serial_number, shelf, draft)
        holding = shelf.holdings[operation.demand][one.stocked_item_id]
        amount = _amount_of_return(stocked_item, holding, one.quantity, draft)
        draft.move(shelf, Kind.RETURNED, stocked_item, one.quantity, amount=amount, demand=operation.demand)


def _amount_of_return(stocked_item: StockedItem, holding: Holding, quantity: Decimal, draft: Draft) -> Decimal | None:
    """What went with the units when they left, or, if that was unknown then, what they cost."""
    if stocked_item.unit_cost is None:
        return None
    currency_code = draft.settings.currency_code
    if holding.delivered_value is None:
        return amount_of(quantity, stocked_item.unit_cost, currency_code)
    return share_of(holding.delivered_value, taken=quantity, on_hand=holding.delivered, currency_code=currency_code)


def _held(
    operation: Holder, draft: Draft, shelf: Shelf, units: Callable[[Holding], Decimal], *, newest_first: bool = False
) -> tuple[Draw, ...]:
    """What the demand gives up of its units, all of them unless the operation says how many."""
    if operation.quantity is not None:
        check_quantity(operation.quantity, shelf)
    layers = _units(operation, draft, shelf, units)
    held = sum((has for _, has in layers), ZERO)
    _check_held(operation, shelf, held)
    quantity = held if operation.quantity is None else operation.quantity
    _check_serial_units(operation, shelf, quantity, held)
    return _drawn_from(layers[::-1] if newest_first else layers, quantity)


def _units(
    operation: Holder, draft: Draft, shelf: Shelf, units: Callable[[Holding], Decimal]
) -> list[tuple[StockedItem, Decimal]]:
    """What the demand has of each stocked item, oldest first; of those that are named, if any are."""
    return [
        (draft.stocked_item(shelf, one.stocked_item_id), units(holding))
        for one, holding in _holdings(operation, shelf)
        if units(holding)
    ]


def _holdings(operation: Holder, shelf: Shelf) -> list[tuple[StockedItem, Holding]]:
    named = named_ids(operation.source)
    if named:
        return shelf.held_of(operation.demand, named)
    if isinstance(operation, ReturnStock):
        return shelf.delivered_to(operation.demand, operation.quantity)
    return shelf.held_by(operation.demand)


def _check_held(operation: Holder, shelf: Shelf, held: Decimal, *, allow_partial: bool = False) -> None:
    wanted = operation.quantity
    if not held or (wanted is not None and wanted > held and not allow_partial):
        raise DemandExceeded(operation.demand, wanted, held, shelf.position_id)


def _check_serial_units(operation: Holder, shelf: Shelf, quantity: Decimal, held: Decimal) -> None:
    """Which of the units are meant is no question when all of them are, or when they are named."""
    if shelf.item.tracking is Tracking.SERIAL and quantity < held and not named_ids(operation.source):
        raise SerialUnitRequired(shelf.item.item_id)


class _Part:
    """A stocked item, as far as a demand has it."""

    def __init__(self, stocked_item: StockedItem, units: Decimal) -> None:
        self.stocked_item_id = stocked_item.stocked_item_id
        self.available = units


def _drawn_from(layers: list[tuple[StockedItem, Decimal]], quantity: Decimal) -> tuple[Draw, ...]:
    draws = draw((_Part(stocked_item, units) for stocked_item, units in layers), quantity)
    assert drawn(draws) == quantity, "no more is taken than is held"
    return draws
