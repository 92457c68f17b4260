"""Puts what clients asked into the oracle's words: things have names there, and ids here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from google.protobuf.message import Message

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.asking import Request
from tests.stockledger.oracle import requests as ask
from tests.stockledger.oracle.messages import Ids
from tests.stockledger.oracle.requests import At, Change, Name, Source, UnitCost
from tests.stockledger.oracle.terms import Item, Terms
from tests.system.workload import Workload, scale_of

ORDERS: Final = {
    pb.STOCK_ORDER_OLDEST_FIRST: "oldest_first",
    pb.STOCK_ORDER_NEWEST_FIRST: "newest_first",
    pb.STOCK_ORDER_FIRST_EXPIRED_FIRST: "first_expired_first",
}

TRACKINGS: Final = {pb.TRACKING_NONE: "none", pb.TRACKING_LOT: "lot", pb.TRACKING_SERIAL: "serial"}


@dataclass(frozen=True, slots=True)
class Names:
    """What the oracle calls what has an id."""

    ids: Ids = field(default_factory=lambda: Ids(""))
    positions: dict[int, Name] = field(default_factory=dict)
    layers: dict[int, Name] = field(default_factory=dict)

    def position(self, position_id: int) -> Name:
        """A position."""
        return self.positions[position_id]

    def layer(self, stocked_item_id: int) -> Name:
        """A stocked item; one that isn't there has a name as well."""
        if stocked_item_id not in self.layers:
            self.learn_layer(f"nothing {stocked_item_id}", stocked_item_id)
        return self.layers[stocked_item_id]

    def learn_position(self, name: Name, position_id: int) -> None:
        """There is a position."""
        self.positions[position_id], self.ids.positions[name] = name, position_id

    def learn_layer(self, name: Name, stocked_item_id: int) -> None:
        """There is a stocked item."""
        self.layers[stocked_item_id], self.ids.layers[name] = name, stocked_item_id

    def learn_location(self, location_id: int) -> Name:
        """There is a location."""
        self.ids.locations[str(location_id)] = location_id
        return str(location_id)


def terms_of(workload: Workload) -> Terms:
    """The items and locations that clients share."""
    trackings = {shelf.item_id: shelf.tracking for shelf in workload.shelves}
    items = {item_id: Item(TRACKINGS[tracking], scale_of(tracking)) for item_id, tracking in trackings.items()}
    return Terms(items, {str(location_id): True for location_id in workload.location_ids})


def change_of(request: Request, names: Names) -> Change:
    """What was asked, under its request id."""
    kind = getattr(ask, request.DESCRIPTOR.name.removesuffix("Request"))
    if kind is ask.UpdateStockedItem:
        return Change(request.request_id, _update(request, names))
    return Change(request.request_id, _read(kind, request, names))


def _read(kind: type[Any], message: Any, names: Names) -> Any:
    known = {one.name: READERS.get(one.name, _as_it_is)(message, one.name, names) for one in fields(kind)}
    return kind(**{name: value for name, value in known.items() if value is not None})


def _update(message: pb.UpdateStockedItemRequest, names: Names) -> ask.UpdateStockedItem:
    told = message.stocked_item
    return ask.UpdateStockedItem(
        reason=message.reason,
        stocked_item=names.layer(told.stocked_item_id),
        mask=tuple(message.update_mask.paths),
        unit_cost=_unit_cost(told.unit_cost) if told.HasField("unit_cost") else None,
        serial_number=told.serial_number,
        expire_time=_time(told, "expire_time", names),
    )


def _as_it_is(message: Any, name: str, _: Names) -> Any:
    value = getattr(message, name, None)
    # What is no message is there, empty or not.
    return None if isinstance(value, Message) else value


def _decimal(message: Any, name: str, _: Names) -> Decimal | None:
    return Decimal(getattr(message, name).value) if message.HasField(name) else None


def _time(message: Any, name: str, _: Names) -> datetime | None:
    return getattr(message, name).ToDatetime(tzinfo=UTC) if message.HasField(name) else None


def _where(message: Any, _: str, names: Names) -> ask.Where | None:
    if message.HasField("item_at_location"):
        return At(message.item_at_location.item_id, str(message.item_at_location.location_id))
    return names.position(message.position_id) if message.position_id else None


def _source(message: Any, name: str, names: Names) -> Source:
    source = getattr(message, name)
    return Source(
        where=_where(source, "", names),
        named=tuple(names.layer(one) for one in _named(source)),
        order=ORDERS.get(source.order, ""),
        include_expired=source.include_expired,
    )


def _named(source: pb.StockSource) -> Sequence[int]:
    if source.HasField("stocked_item_id"):
        return [source.stocked_item_id]
    return source.stocked_items.stocked_item_ids


def _cost(message: Any, _: str, _names: Names) -> ask.Cost:
    return _unit_cost(message.unit_cost) if message.HasField("unit_cost") else None


def _unit_cost(told: pb.UnitCost) -> UnitCost:
    return UnitCost(Decimal(told.value.value), told.currency_code)


READERS: Final[Mapping[str, Callable[[Any, str, Names], Any]]] = {
    "quantity": _decimal,
    "counted": _decimal,
    "cost_share": _decimal,
    "receive_time": _time,
    "expire_time": _time,
    "count_time": _time,
    "where": _where,
    "source": _source,
    "cost": _cost,
    "expire_after": lambda message, name, _: getattr(message, name).ToTimedelta() if message.HasField(name) else None,
    "stocked_item": lambda message, _, names: names.layer(message.stocked_item_id) if message.stocked_item_id else None,
    "to_location": lambda message, _, _names: str(message.to_location_id),
    "position": lambda message, _, names: names.position(message.position_id),
    "serial_numbers": lambda message, name, _: tuple(getattr(message, name)),
    "components": lambda message, name, names: _many(ask.Component, message, name, names),
    "parts": lambda message, name, names: _many(ask.Part, message, name, names),
}
"""By the name of the oracle's field; others are read as they are."""


def _many(kind: type[Any], message: Any, name: str, names: Names) -> tuple[Any, ...]:
    return tuple(_read(kind, one, names) for one in getattr(message, name))
