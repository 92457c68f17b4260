"""Writes the ledger's values as messages. Costs go only to callers who may see them."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.extensions import write_extensions
from storekeeper_kit.reading import etag

from ..domain.items import Item, Settings
from ..domain.journal import RecordedMovement, microseconds
from ..domain.numbers import plain
from ..domain.places import Places
from ..domain.records import Expectation, Location, Position, Reservation
from ..domain.stock import StockedItem, Totals
from .lists import KINDS
from .reading import TRACKINGS

_KIND_VALUES: Final = {kind: pb.MovementKind.ValueType(value) for value, kind in KINDS.items()}
_TRACKING_VALUES: Final = {tracking: pb.Tracking.ValueType(value) for value, tracking in TRACKINGS.items()}
_MICROS: Final = 1_000_000
_NANOS: Final = 1_000_000_000


def location(value: Location) -> pb.Location:
    """A location."""
    message = pb.Location(
        location_id=value.location_id,
        name=value.name,
        active=value.active,
        etag=etag(value.revision),
        extensions=write_extensions(value.extensions),
    )
    _fill_time(message.create_time, value.create_time)
    return message


def item(value: Item, *, with_cost: bool) -> pb.Item:
    """What the ledger knows of an item."""
    message = pb.Item(
        item_id=value.item_id,
        version=value.version,
        tracking=_TRACKING_VALUES[value.tracking],
        quantity_scale=value.quantity_scale,
        archived=value.archived,
    )
    if with_cost and value.standard_cost is not None:
        fill_unit_cost(message.standard_cost, value.standard_cost.value, value.standard_cost.currency_code)
    return message


def position(value: Position) -> pb.Position:
    """A position with its totals."""
    terms = value.terms
    message = pb.Position(
        position_id=value.position_id,
        item_id=value.item_id,
        location_id=value.location_id,
        bin=terms.bin,
        reference_number=terms.reference_number,
        etag=etag(value.revision),
        extensions=write_extensions(terms.extensions),
        creator=value.creator,
    )
    message.minimum.value = plain(terms.minimum)
    if terms.maximum is not None:
        message.maximum.value = plain(terms.maximum)
    _fill_totals(message.totals, value.totals)
    _fill_time(message.create_time, value.create_time)
    return message


def stocked_item(value: StockedItem, *, with_cost: bool) -> pb.StockedItem:
    """A stocked item."""
    message = pb.StockedItem(
        stocked_item_id=value.stocked_item_id,
        position_id=value.position_id,
        item_id=value.item_id,
        location_id=value.location_id,
        lot=value.lot,
        serial_number=value.serial_number,
        extensions=write_extensions(value.extensions),
        parent_stocked_item_id=value.parent_stocked_item_id or 0,
        order_line=value.order_line,
        invoice_number=value.invoice_number,
    )
    _fill_time(message.receive_time, value.receive_time)
    _fill_places(message.places, value.places)
    if value.create_time is not None:
        _fill_time(message.create_time, value.create_time)
    if value.expire_time is not None:
        _fill_time(message.expire_time, value.expire_time)
    if with_cost and value.unit_cost is not None and value.value is not None:
        fill_unit_cost(message.unit_cost, value.unit_cost, value.currency_code)
        fill_money(message.value, value.value, value.currency_code)
    return message


def movement(
    value: RecordedMovement, *, with_cost: bool, make: Callable[..., pb.Movement] = pb.Movement
) -> pb.Movement:
    """A line of the journal. `make` may add it to another message, where it is filled in its place."""
    message = make(
        movement_id=value.movement_id,
        operation_id=value.operation_id,
        request_id=value.request_id,
        line=value.line,
        kind=_KIND_VALUES[value.kind],
        stocked_item_id=value.stocked_item_id or 0,
        position_id=value.position_id,
        item_id=value.item_id,
        location_id=value.location_id,
        reason=value.reason,
        reference=value.reference,
        actor=value.actor,
        demand=value.demand,
        order_line=value.order_line,
        reversed_movement_id=value.reversed_movement_id or 0,
    )
    message.quantity.value = plain(value.quantity)
    if with_cost and value.amount is not None:
        fill_money(message.amount, value.amount, value.currency_code)
    _fill_time(message.effective_time, value.effective_time)
    if value.record_time is not None:
        _fill_time(message.record_time, value.record_time)
    if value.stocked_item_after is not None:
        _fill_places(message.stocked_item_after, value.stocked_item_after)
    _fill_totals(message.position_after, value.position_after)
    return message


def addition(value: RecordedMovement, *, with_cost: bool) -> pb.AddStockResponse:
    """What was added."""
    message = pb.AddStockResponse(movement=movement(value, with_cost=with_cost))
    if with_cost and value.unit_cost is not None:
        fill_unit_cost(message.unit_cost, value.unit_cost, value.currency_code)
    return message


def time(value: datetime) -> Timestamp:
    """An instant."""
    message = Timestamp()
    _fill_time(message, value)
    return message


def reservation(value: Reservation) -> pb.Reservation:
    """What a demand has of a stocked item."""
    message = pb.Reservation(
        demand=value.demand,
        stocked_item_id=value.stocked_item_id,
        position_id=value.position_id,
        item_id=value.item_id,
        location_id=value.location_id,
    )
    message.reserved.value = plain(value.reserved)
    message.picked.value = plain(value.picked)
    message.delivered.value = plain(value.delivered)
    if value.expire_time is not None:
        _fill_time(message.expire_time, value.expire_time)
    return message


def expectation(value: Expectation) -> pb.Expectation:
    """What an order line brings to a position."""
    message = pb.Expectation(
        order_line=value.order_line,
        position_id=value.position_id,
        item_id=value.item_id,
        location_id=value.location_id,
    )
    message.on_order.value = plain(value.on_order)
    message.received.value = plain(value.received)
    return message


def settings(value: Settings, revision: int) -> pb.Settings:
    """A tenant's settings."""
    return pb.Settings(
        reason_required=value.reason_required,
        currency_code=value.currency_code,
        invoice_number_required=value.invoice_number_required,
        inactive_location_removal_allowed=value.inactive_location_removal_allowed,
        etag=etag(revision),
    )


# Messages within messages are filled in their place: built first and copied in, they take three times as long.


def _fill_places(message: pb.Places, value: Places) -> None:
    (
        message.received.value,
        message.available.value,
        message.reserved.value,
        message.picked.value,
        message.delivered.value,
        message.transferred.value,
        message.removed.value,
    ) = value.texts


def _fill_totals(message: pb.Totals, value: Totals) -> None:
    message.on_hand.value = plain(value.on_hand)
    (
        message.available.value,
        message.reserved.value,
        message.picked.value,
        message.on_order.value,
    ) = value.texts


def fill_unit_cost(message: pb.UnitCost, value: Decimal, currency_code: str) -> None:
    """What one unit cost."""
    message.currency_code = currency_code
    message.value.value = plain(value)


def fill_money(message: Money, value: Decimal, currency_code: str) -> None:
    """Write an amount into a field."""
    units = int(value)
    message.currency_code = currency_code
    message.units = units
    message.nanos = int((value - units) * _NANOS)


def _fill_time(message: Timestamp, value: datetime) -> None:
    message.seconds, micros = divmod(microseconds(value), _MICROS)
    message.nanos = micros * 1000
