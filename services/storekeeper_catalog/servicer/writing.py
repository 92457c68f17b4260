"""Writes the catalog's values as messages. Costs go only to callers who may see them."""

from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2 as stockledger_pb
from storekeeper_kit.extensions import write_extensions
from storekeeper_kit.reading import etag

from ..domain.item import Item, ItemState, ItemType, Registration, RegistrationState, Tracking
from ..domain.numbers import plain

TYPES: Final = {one: pb.ItemType.Value(f"ITEM_TYPE_{one.name}") for one in ItemType}
STATES: Final = {one: pb.ItemState.Value(f"ITEM_STATE_{one.name}") for one in ItemState}
TRACKINGS: Final = {one: stockledger_pb.Tracking.Value(f"TRACKING_{one.name}") for one in Tracking}
_REGISTRATION_STATES: Final = {
    one: pb.RegistrationState.Value(f"REGISTRATION_STATE_{one.name}") for one in RegistrationState
}

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROS: Final = 1_000_000


def item(value: Item, *, with_cost: bool) -> pb.Item:
    """An item."""
    message = pb.Item(
        item_id=value.item_id,
        sku=value.sku,
        name=value.name,
        description=value.description,
        type=TYPES[value.type],
        tracking=TRACKINGS[value.tracking],
        quantity_scale=value.quantity_scale,
        state=STATES[value.state],
        extensions=write_extensions(value.extensions),
        etag=etag(value.version),
        registration=_registration(value.registration),
    )
    _fill_time(message.create_time, value.create_time)
    _fill_time(message.update_time, value.update_time)
    if with_cost and value.unit_cost is not None:
        message.unit_cost.currency_code = value.unit_cost.currency_code
        message.unit_cost.value.value = plain(value.unit_cost.value)
    return message


def _registration(value: Registration) -> pb.Registration:
    return pb.Registration(state=_REGISTRATION_STATES[value.state], reason=value.reason, message=value.message)


def _fill_time(message: Timestamp, value: datetime) -> None:
    message.seconds, micros = divmod((value - _EPOCH) // _MICROSECOND, _MICROS)
    message.nanos = micros * 1000
