"""Between the oracle's words and the contract's: requests as messages, and answers as they must come.

What only the ledger can know, ids and the times of its clock, is taken from the answer that is looked at; then it must
be the same for ever.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from google.type.decimal_pb2 import Decimal as DecimalMessage
from google.type.money_pb2 import Money
from grpc import StatusCode

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.stockledger.oracle import requests as ask
from tests.stockledger.oracle.attempt import Answer
from tests.stockledger.oracle.refusals import Refusal
from tests.stockledger.oracle.requests import WORDS, At, Change, Name, Source, UnitCost
from tests.stockledger.oracle.state import Expectation, Holding, Layer, Movement, Places, Position, Totals
from tests.stockledger.oracle.terms import Item
from tests.stockledger.oracle.valuing import Worth

ACTOR: Final = "tester"
"""In whose name everything is asked."""
SWEEPER: Final = "storekeeper"
"""In whose name the ledger itself acts."""

NOWHERE: Final = 99_000_000
"""From here on up are the ids of what isn't there."""

_CATALOGUE: Final = Path(__file__).parents[3] / "protos/storekeeper/errors/v1/error_reason.proto"
CODES: Final[dict[str, StatusCode]] = {
    reason: StatusCode[code]
    for code, reason in re.findall(
        r"  // ([A-Z_]+)\. .*\n(?:  // .*\n)*  ([A-Z_]+) = ", _CATALOGUE.read_text(encoding="utf-8")
    )
}
"""The status of each reason, as the catalogue says."""


@dataclass(slots=True)
class Ids:
    """What the ledger calls what the oracle has names for."""

    salt: str
    """Makes request ids of one run differ from those of another."""
    locations: dict[Name, int] = field(default_factory=dict)
    positions: dict[Name, int] = field(default_factory=dict)
    layers: dict[Name, int] = field(default_factory=dict)
    receipts: dict[Name, int] = field(default_factory=dict)
    """The movement that brought a stocked item, if an order line did."""

    def request(self, change: Name) -> str:
        return str(uuid5(NAMESPACE_OID, f"{self.salt} {change}"))

    def location(self, name: Name) -> int:
        return self.locations.get(name, NOWHERE)

    def position(self, name: Name) -> int:
        return self.positions.get(name, NOWHERE)

    def layer(self, name: Name) -> int:
        # Two that aren't there differ, as their names do.
        return self.layers.get(name) or NOWHERE + sum(name.encode())

    def learn(self, movement: Movement, told: pb.Movement) -> None:
        """What the ledger calls what is new to us."""
        _learn(self.positions, movement.position.name, told.position_id)
        if movement.layer and movement.layer not in self.layers:
            newest = max(self.layers.values(), default=0)
            assert told.stocked_item_id > newest, f"{movement.layer} is called {told.stocked_item_id}, before {newest}"
        _learn(self.layers, movement.layer, told.stocked_item_id)
        if movement.kind == "received":
            self.receipts[movement.layer] = told.movement_id


def _learn(known: dict[Name, int], name: Name, told: int) -> None:
    if name and name not in known:
        assert told not in known.values(), f"{name} is called {told}, as something else is"
        known[name] = told


# --- values -------------------------------------------------------------------------------------------------------


def decimal(value: Decimal) -> DecimalMessage:
    """A number in plain notation without trailing zeros."""
    return DecimalMessage(value=plain(value))


def plain(value: Decimal) -> str:
    """A number in plain notation without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def timestamp(time: datetime) -> Timestamp:
    """A time."""
    message = Timestamp()
    message.FromDatetime(time)
    return message


def datetime_of(time: Timestamp) -> datetime:
    """A time as it was told."""
    return time.ToDatetime(tzinfo=UTC)


def money(value: Decimal) -> Money:
    """An amount, of the currency that all oracles reckon in."""
    units = int(value)
    return Money(currency_code="USD", units=units, nanos=int((value - units) * 10**9))


def unit_cost(cost: UnitCost) -> pb.UnitCost:
    """What a unit cost."""
    return pb.UnitCost(currency_code=cost.currency, value=decimal(cost.value))


# --- requests -----------------------------------------------------------------------------------------------------


def request(change: Change, ids: Ids, *, validate_only: bool = False) -> Any:
    """The change as the message of its own call."""
    asked = change.request
    message = getattr(pb, f"{type(asked).__name__}Request")(request_id=ids.request(change.name))
    _fill(message, asked, ids)
    if validate_only:
        message.validate_only = True
    return message


def stock_change(change: Change, ids: Ids) -> pb.StockChange:
    """The change as one of many."""
    return pb.StockChange(**{WORDS[type(change.request)]: request(change, ids)})


def _fill(message: Any, asked: Any, ids: Ids) -> None:
    if isinstance(asked, ask.UpdateStockedItem):
        _fill_update(message, asked, ids)
        return
    for one in fields(asked):
        value = getattr(asked, one.name)
        if value is not None:
            _WRITERS.get(one.name, _write_as_it_is)(message, one.name, value, ids)


def _write_as_it_is(message: Any, name: str, value: Any, _ids: Ids) -> None:
    if isinstance(value, Decimal):
        getattr(message, name).CopyFrom(decimal(value))
    elif isinstance(value, datetime):
        getattr(message, name).CopyFrom(timestamp(value))
    elif isinstance(value, timedelta):
        duration = Duration()
        duration.FromTimedelta(value)
        getattr(message, name).CopyFrom(duration)
    elif isinstance(value, tuple):
        getattr(message, name).extend(value)
    elif value:
        setattr(message, name, value)


def _write_where(message: Any, _: str, where: ask.Where, ids: Ids) -> None:
    if isinstance(where, At):
        message.item_at_location.item_id = where.item
        message.item_at_location.location_id = ids.location(where.location)
    else:
        message.position_id = ids.position(where)


def _write_source(message: Any, _: str, source: Source, ids: Ids) -> None:
    to = message.source
    if len(source.named) == 1:
        to.stocked_item_id = ids.layer(source.named[0])
    elif source.named:
        to.stocked_items.stocked_item_ids.extend(map(ids.layer, source.named))
    elif isinstance(source.where, At) and not source.order:
        to.oldest_first.item_id = source.where.item
        to.oldest_first.location_id = ids.location(source.where.location)
    else:
        assert source.where is not None
        _write_where(to, "", source.where, ids)
    if source.order:
        to.order = pb.StockOrder.Value(f"STOCK_ORDER_{source.order.upper()}")
    to.include_expired = source.include_expired


def _write_cost(message: Any, _: str, cost: ask.Cost, _ids: Ids) -> None:
    if isinstance(cost, UnitCost):
        message.unit_cost.CopyFrom(unit_cost(cost))
    elif cost:
        message.cost_method = pb.CostMethod.Value(f"COST_METHOD_{cost.upper()}")


def _write_many(message: Any, name: str, many: Iterable[ask.Component | ask.Part], ids: Ids) -> None:
    for one in many:
        _fill(getattr(message, name).add(), one, ids)


def _write_stocked_item(message: Any, _: str, name: Name, ids: Ids) -> None:
    if name:
        message.stocked_item_id = ids.layer(name)


def _write_location(message: Any, _: str, location: Name, ids: Ids) -> None:
    message.to_location_id = ids.location(location)


_WRITERS: Final[dict[str, Callable[[Any, str, Any, Ids], None]]] = {
    "where": _write_where,
    "position": _write_where,
    "source": _write_source,
    "cost": _write_cost,
    "components": _write_many,
    "parts": _write_many,
    "stocked_item": _write_stocked_item,
    "to_location": _write_location,
}
"""By the name of the field; others are written as they are."""


def _fill_update(message: Any, asked: ask.UpdateStockedItem, ids: Ids) -> None:
    stocked_item = pb.StockedItem(stocked_item_id=ids.layer(asked.stocked_item), serial_number=asked.serial_number)
    if asked.unit_cost is not None:
        stocked_item.unit_cost.CopyFrom(unit_cost(asked.unit_cost))
    if asked.expire_time is not None:
        stocked_item.expire_time.CopyFrom(timestamp(asked.expire_time))
    message.stocked_item.CopyFrom(stocked_item)
    message.update_mask.paths.extend(asked.mask)
    message.reason = asked.reason


def registration(item_id: int, item: Item, version: int) -> pb.RegisterItemRequest:
    """An item as the catalog tells of it."""
    message = pb.Item(
        item_id=item_id,
        version=version,
        tracking=pb.Tracking.Value(f"TRACKING_{item.tracking.upper()}"),
        quantity_scale=item.scale,
        archived=item.archived,
    )
    if item.standard_cost is not None:
        message.standard_cost.CopyFrom(unit_cost(UnitCost(item.standard_cost)))
    return pb.RegisterItemRequest(item=message)


# --- answers ------------------------------------------------------------------------------------------------------


def movement(one: Movement, told: pb.Movement, ids: Ids, *, preview: bool = False) -> pb.Movement:
    """A movement as it must be told; ids and times are those that were, if only the ledger can know them."""
    message = pb.Movement(
        movement_id=told.movement_id,
        operation_id=told.operation_id,
        request_id=told.request_id,
        line=told.line,
        kind=pb.MovementKind.Value(f"MOVEMENT_KIND_{one.kind.upper()}"),
        stocked_item_id=_shown(ids.layers, one.layer, preview),
        position_id=_shown(ids.positions, one.position.name, preview),
        item_id=one.position.item,
        location_id=ids.location(one.position.location),
        quantity=decimal(one.quantity),
        reason=one.reason,
        reference=one.reference,
        actor=ACTOR,
        effective_time=timestamp(one.effective_time),
        position_after=totals(one.totals_after),
        demand=one.demand,
        order_line=one.order_line,
        reversed_movement_id=ids.receipts.get(one.reverses, 0),
    )
    if not preview:
        message.record_time.CopyFrom(told.record_time)
    if one.amount is not None:
        message.amount.CopyFrom(money(one.amount))
    if one.places_after is not None:
        message.stocked_item_after.CopyFrom(places(one.places_after))
    return message


def expiry(one: Movement, ids: Ids) -> tuple[object, ...]:
    """What there is to say of units that were reserved for too long."""
    layer, position = ids.layer(one.layer), ids.position(one.position.name)
    return (one.kind, layer, position, one.demand, plain(one.quantity), one.effective_time)


def expiry_told(one: pb.Movement) -> tuple[object, ...]:
    """The same, as it was told."""
    kind = pb.MovementKind.Name(one.kind).removeprefix("MOVEMENT_KIND_").lower()
    time = datetime_of(one.effective_time)
    return (kind, one.stocked_item_id, one.position_id, one.demand, one.quantity.value, time)


def _shown(known: Mapping[Name, int], name: Name, preview: bool) -> int:
    """An id; none yet of what a preview would make."""
    return known.get(name, 0) if preview or not name else known[name]


def response(request: ask.Request, answer: Answer, lines: Sequence[pb.Movement], *, preview: bool = False) -> Any:
    """What a call of its own must be answered with."""
    message = getattr(pb, f"{type(request).__name__}Response")()
    fields_of = message.DESCRIPTOR.fields_by_name
    if "movements" in fields_of:
        message.movements.extend(lines)
    elif "movement" in fields_of:
        message.movement.CopyFrom(lines[0])
    if "stocked_item_ids" in fields_of:
        message.stocked_item_ids.extend(line.stocked_item_id for line in lines)
    if answer.unit_cost is not None:
        message.unit_cost.CopyFrom(unit_cost(UnitCost(answer.unit_cost)))
    if answer.difference is not None:
        message.difference.CopyFrom(decimal(answer.difference))
    if answer.expire_time is not None and not preview:
        message.expire_time.CopyFrom(timestamp(answer.expire_time))
    return message


def totals(one: Totals) -> pb.Totals:
    """Totals of a position."""
    names = ("on_hand", "available", "reserved", "picked", "on_order")
    return pb.Totals(**{name: decimal(getattr(one, name)) for name in names})


def places(one: Places) -> pb.Places:
    """Places of a stocked item."""
    names = ("received", "available", "reserved", "picked", "delivered", "transferred", "removed")
    return pb.Places(**{name: decimal(getattr(one, name)) for name in names})


def stocked_item(one: Layer, position: Position, told: pb.StockedItem, ids: Ids) -> pb.StockedItem:
    """A stocked item as it must be told; when it was recorded is taken from what was."""
    message = pb.StockedItem(
        stocked_item_id=ids.layer(one.name),
        position_id=ids.position(one.position),
        item_id=one.item,
        location_id=ids.location(position.location),
        receive_time=timestamp(one.receive_time),
        places=places(one.places),
        lot=one.lot,
        serial_number=one.serial_number,
        create_time=told.create_time,
        parent_stocked_item_id=ids.layer(one.parent) if one.parent else 0,
        order_line=one.order_line,
        invoice_number=one.invoice_number,
    )
    if one.unit_cost is not None and one.value is not None:
        message.unit_cost.CopyFrom(unit_cost(UnitCost(one.unit_cost)))
        message.value.CopyFrom(money(one.value))
    if one.expire_time is not None:
        message.expire_time.CopyFrom(timestamp(one.expire_time))
    return message


def reservation(
    key: tuple[Name, str, Name], one: Holding, expiry: datetime | None, ids: Ids, position: Position
) -> pb.Reservation:
    """What a demand has, as it must be told."""
    return pb.Reservation(
        demand=key[1],
        stocked_item_id=ids.layer(key[2]),
        position_id=ids.position(position.name),
        item_id=position.item,
        location_id=ids.location(position.location),
        reserved=decimal(one.reserved),
        picked=decimal(one.picked),
        delivered=decimal(one.delivered),
        expire_time=timestamp(expiry) if expiry and one.reserved else None,
    )


def expectation(order_line: str, one: Expectation, ids: Ids, position: Position) -> pb.Expectation:
    """What an order line brings, as it must be told."""
    return pb.Expectation(
        order_line=order_line,
        position_id=ids.position(position.name),
        item_id=position.item,
        location_id=ids.location(position.location),
        on_order=decimal(one.on_order),
        received=decimal(one.received),
    )


def valuation(position: Position, worth: Worth, ids: Ids) -> pb.Valuation:
    """What the units of a position are worth, as it must be told."""
    return pb.Valuation(
        position_id=ids.position(position.name),
        item_id=position.item,
        location_id=ids.location(position.location),
        on_hand=decimal(worth.on_hand),
        value=money(worth.value),
        unknown=decimal(worth.unknown),
    )


# --- refusals -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal as the wire has it."""

    code: StatusCode
    reason: str
    metadata: Mapping[str, str]
    fields: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """What is the matter, whatever its metadata."""
        return (self.reason, *self.fields)


def refused(one: Refusal, ids: Ids) -> Refused:
    """A refusal as it must be told."""
    metadata = {key: _METADATA.get(key, _as_text)(value, ids) for key, value in one.metadata.items()}
    return Refused(CODES[one.reason], one.reason, metadata, one.fields)


def refusal_told(status: status_pb2.Status) -> Refused:
    """A refusal as it was told."""
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
    code = next(code for code in StatusCode if code.value[0] == status.code)
    return Refused(code, info.reason, dict(info.metadata), tuple(one.field for one in bad_request.field_violations))


def _as_text(value: Any, _: Ids) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


_METADATA: Final[dict[str, Callable[[Any, Ids], str]]] = {
    "positionId": lambda name, ids: str(ids.position(name)),
    "stockedItemId": lambda name, ids: str(ids.layer(name) if name else 0),
    "locationId": lambda name, ids: str(ids.location(name)),
    "requestId": lambda name, ids: ids.request(name),
}
"""Where a name stands for an id."""


class Mismatch(AssertionError):
    """The two say different things."""

    def __init__(self, text: str, *kind: object) -> None:
        super().__init__(text)
        self.kind = kind
        """Smaller programs that show the same mistake show one of the same kind."""


def same(expected: Message, told: Message, what: str) -> None:
    """Fail with what differs, field by field."""
    if expected != told:
        theirs, ours = set(_leaves(told)), set(_leaves(expected))
        sides = (("the oracle", sorted(ours - theirs)), ("the ledger", sorted(theirs - ours)))
        text = "".join(f"\n--- {side}: {', '.join(leaves)}" for side, leaves in sides)
        raise Mismatch(f"{what}{text}", type(expected).__name__, *sorted({one.name for one, _ in told.ListFields()}))


def _leaves(message: Message, path: str = "") -> Iterator[str]:
    """Each value that is set, by its path."""
    for one, value in message.ListFields():
        for index, element in enumerate(value) if one.is_repeated else ((None, value),):
            name = f"{path}{one.name}" if index is None else f"{path}{one.name}[{index}]"
            if isinstance(element, Message):
                yield from _leaves(element, f"{name}.")
            else:
                yield f"{name}={element!r}"
