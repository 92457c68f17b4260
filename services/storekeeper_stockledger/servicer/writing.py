"""Writes the ledger's values as messages. Costs go only to callers who may see them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.reading import etag

from ..domain.items import Item, Settings
from ..domain.journal import RecordedMovement
from ..domain.numbers import plain
from ..domain.places import Places
from ..domain.records import Location, Position
from ..domain.stock import StockedItem, Totals
from .reading import KINDS, TRACKINGS

_KIND_VALUES: Final = {kind: pb.MovementKind.ValueType(value) for value, kind in KINDS.items()}
_TRACKING_VALUES: Final = {tracking: pb.Tracking.ValueType(value) for value, tracking in TRACKINGS.items()}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NANOS: Final = 1_000_000_000


def location(value: Location) -> pb.Location:
    """A location."""
    return pb.Location(
        location_id=value.location_id,
        name=value.name,
        active=value.active,
        create_time=_timestamp(value.create_time),
        etag=etag(value.revision),
    )


def item(value: Item) -> pb.Item:
    """What the ledger knows of an item."""
    return pb.Item(
        item_id=value.item_id,
        version=value.version,
        tracking=_TRACKING_VALUES[value.tracking],
        quantity_scale=value.quantity_scale,
    )


def position(value: Position) -> pb.Position:
    """A position with its totals."""
    terms = value.terms
    return pb.Position(
        position_id=value.position_id,
        item_id=value.item_id,
        location_id=value.location_id,
        bin=terms.bin,
        reference_number=terms.reference_number,
        minimum=_decimal(terms.minimum),
        maximum=None if terms.maximum is None else _decimal(terms.maximum),
        totals=_totals(value.totals),
        create_time=_timestamp(value.create_time),
        etag=etag(value.revision),
    )


def stocked_item(value: StockedItem, *, with_cost: bool) -> pb.StockedItem:
    """A stocked item."""
    message = pb.StockedItem(
        stocked_item_id=value.stocked_item_id,
        position_id=value.position_id,
        item_id=value.item_id,
        location_id=value.location_id,
        receive_time=_timestamp(value.receive_time),
        places=_places(value.places),
        lot=value.lot,
        serial_number=value.serial_number,
        create_time=None if value.create_time is None else _timestamp(value.create_time),
    )
    if with_cost and value.unit_cost is not None and value.value is not None:
        message.unit_cost.currency_code = value.currency_code
        message.unit_cost.value.value = plain(value.unit_cost)
        message.value.CopyFrom(_money(value.value, value.currency_code))
    return message


def movement(value: RecordedMovement, *, with_cost: bool) -> pb.Movement:
    """A line of the journal."""
    return pb.Movement(
        movement_id=value.movement_id,
        operation_id=value.operation_id,
        request_id=str(value.request_id),
        line=value.line,
        kind=_KIND_VALUES[value.kind],
        stocked_item_id=value.stocked_item_id,
        position_id=value.position_id,
        item_id=value.item_id,
        location_id=value.location_id,
        quantity=_decimal(value.quantity),
        amount=None if value.amount is None or not with_cost else _money(value.amount, value.currency_code),
        reason=value.reason,
        reference=value.reference,
        actor=value.actor,
        effective_time=_timestamp(value.effective_time),
        record_time=None if value.record_time is None else _timestamp(value.record_time),
        stocked_item_after=_places(value.stocked_item_after),
        position_after=_totals(value.position_after),
    )


def settings(value: Settings, revision: int) -> pb.Settings:
    """A tenant's settings."""
    return pb.Settings(reason_required=value.reason_required, currency_code=value.currency_code, etag=etag(revision))


def _places(value: Places) -> pb.Places:
    return pb.Places(
        received=_decimal(value.received),
        available=_decimal(value.available),
        reserved=_decimal(value.reserved),
        picked=_decimal(value.picked),
        delivered=_decimal(value.delivered),
        transferred=_decimal(value.transferred),
        removed=_decimal(value.removed),
    )


def _totals(value: Totals) -> pb.Totals:
    return pb.Totals(
        on_hand=_decimal(value.on_hand),
        available=_decimal(value.available),
        reserved=_decimal(value.reserved),
        picked=_decimal(value.picked),
        on_order=_decimal(value.on_order),
    )


def _decimal(value: Decimal) -> DecimalMessage:
    return DecimalMessage(value=plain(value))


def _money(value: Decimal, currency_code: str) -> Money:
    units = int(value)
    return Money(currency_code=currency_code, units=units, nanos=int((value - units) * _NANOS))


def _timestamp(value: datetime) -> Timestamp:
    since = value - _EPOCH
    seconds = since // timedelta(seconds=1)
    return Timestamp(seconds=seconds, nanos=(since - timedelta(seconds=seconds)).microseconds * 1000)
