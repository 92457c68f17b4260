"""Requests in few words, and a blocking client for what a test sets up and looks at.

Request ids and the tenant come from a seed, so that a run can be repeated; tests that ask many things at once build
their requests here and send them through a stub of their own.
"""

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal as DecimalMessage

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit.clients import Failure, failure_of

TIMEOUT_S: Final = 30.0
PAGE_SIZE: Final = 1000
OLDEST: Final = datetime(2019, 1, 1, tzinfo=UTC)

Number = Decimal | int | str
Metadata = tuple[tuple[str, str], ...]

_tenants = count(1)


class RequestIds:
    """Request ids, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))


# --- requests -----------------------------------------------------------------------------------------------------


def adding(
    request_id: str,
    position_id: int,
    quantity: Number,
    receive_time: datetime | None = None,
    *,
    unit_cost: Number | None = None,
    currency_code: str = "USD",
    **fields: Any,
) -> pb.AddStockRequest:
    """A request to add units to a position."""
    request = pb.AddStockRequest(
        request_id=request_id,
        position_id=position_id,
        quantity=decimal(quantity),
        receive_time=timestamp(receive_time) if receive_time else None,
        **fields,
    )
    if unit_cost is not None:
        request.unit_cost.CopyFrom(pb.UnitCost(currency_code=currency_code, value=decimal(unit_cost)))
    return request


def removing(
    request_id: str,
    quantity: Number,
    *,
    position_id: int | None = None,
    stocked_item_id: int | None = None,
    item_at_location: tuple[int, int] | None = None,
    **fields: Any,
) -> pb.RemoveStockRequest:
    """A request to remove units from one of the three kinds of source."""
    source = pb.StockSource()
    if position_id is not None:
        source.position_id = position_id
    if stocked_item_id is not None:
        source.stocked_item_id = stocked_item_id
    if item_at_location is not None:
        source.oldest_first.item_id, source.oldest_first.location_id = item_at_location
    return pb.RemoveStockRequest(request_id=request_id, source=source, quantity=decimal(quantity), **fields)


def asking(request_id: str, request: type[Message], quantity: Number | None = None, **fields: Any) -> Any:
    """A request for any change of stock."""
    asked: Any = request(request_id=request_id, **fields)
    if quantity is not None:
        asked.quantity.CopyFrom(decimal(quantity))
    return asked


def units_of(*stocked_item_ids: int, **fields: Any) -> pb.StockSource:
    """Stocked items that are named."""
    if len(stocked_item_ids) == 1:
        return pb.StockSource(stocked_item_id=stocked_item_ids[0], **fields)
    return pb.StockSource(stocked_items=pb.StockedItems(stocked_item_ids=stocked_item_ids), **fields)


def decimal(number: Number) -> DecimalMessage:
    """A number as the wire has it."""
    return DecimalMessage(value=str(number))


def number(message: DecimalMessage) -> Decimal:
    """A number as the wire had it."""
    return Decimal(message.value)


def timestamp(time: datetime) -> Timestamp:
    """A time as the wire has it."""
    message = Timestamp()
    message.FromDatetime(time)
    return message


def caller(tenant_id: int, actor: str = "tester", permissions: Iterable[str] = ("*",)) -> Metadata:
    """The metadata of a call in somebody's name."""
    return (
        ("storekeeper-tenant", str(tenant_id)),
        ("storekeeper-actor", actor),
        ("storekeeper-permissions", ",".join(permissions)),
    )


# --- the clients ---------------------------------------------------------------------------------------------------


class Client:
    """A tenant's client of one service, by blocking calls that raise what they are refused with."""

    stub: Any

    def __init__(self, address: str, stub: Callable[[grpc.Channel], Any], *, tenant_id: int, seed: int) -> None:
        # Without retries: a test wants to see each answer.
        self.channel = grpc.insecure_channel(address)
        self.stub = stub(self.channel)
        self.tenant_id = tenant_id
        self.metadata = caller(tenant_id)
        self.new_request_id = RequestIds(seed * 1_000_003 + tenant_id)

    def close(self) -> None:
        """Close the channel."""
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, method: str, request: Any) -> Any:
        """Any method of the service."""
        return getattr(self.stub, method)(request, metadata=self.metadata, timeout=TIMEOUT_S)

    def refusal(self, method: str, request: Any) -> Failure:
        """What any method refuses a request with; fails when it doesn't."""
        try:
            answer = self.call(method, request)
        except grpc.RpcError as error:
            return failure_of(error)
        raise AssertionError(f"{method} was not refused, but answered {answer}")


class Stock(Client):
    """A tenant's stock, to be changed and read."""

    stub: pb_grpc.StockLedgerStub

    def __init__(self, address: str, *, tenant_id: int | None = None, seed: int = 0) -> None:
        # A number that no other test of the run has, so that they can share a database.
        super().__init__(address, pb_grpc.StockLedgerStub, tenant_id=tenant_id or next(_tenants), seed=seed)

    # --- what stock is kept of ---

    def item(self, item_id: int, *, scale: int = 0, tracking: pb.Tracking.ValueType = pb.TRACKING_NONE) -> int:
        """Register an item."""
        item = pb.Item(item_id=item_id, version=1, tracking=tracking, quantity_scale=scale)
        self.call("RegisterItem", pb.RegisterItemRequest(item=item))
        return item_id

    def location(self, name: str) -> int:
        """Create a location and return its id."""
        location = pb.Location(name=name)
        return int(
            self.call(
                "CreateLocation", pb.CreateLocationRequest(request_id=self.new_request_id(), location=location)
            ).location_id
        )

    def position(self, item_id: int, location_id: int) -> int:
        """Open a position and return its id."""
        position = pb.Position(item_id=item_id, location_id=location_id)
        return int(
            self.call(
                "OpenPosition", pb.OpenPositionRequest(request_id=self.new_request_id(), position=position)
            ).position_id
        )

    def positions(self, count: int = 1, *, scale: int = 0, location: str = "Main") -> list[int]:
        """Positions of that many new items, counted from 1, at one new location."""
        location_id = self.location(location)
        return [self.position(self.item(item_id, scale=scale), location_id) for item_id in range(1, count + 1)]

    # --- changing it ---

    def add(
        self, position_id: int, quantity: Number, receive_time: datetime | None = None, **fields: Any
    ) -> pb.Movement:
        """Add units and return their movement."""
        request = adding(self.new_request_id(), position_id, quantity, receive_time, **fields)
        movement: pb.Movement = self.call("AddStock", request).movement
        return movement

    def remove(self, quantity: Number, **source: Any) -> list[pb.Movement]:
        """Remove units and return the movements, one for each stocked item drawn on."""
        return list(self.call("RemoveStock", removing(self.new_request_id(), quantity, **source)).movements)

    def change(self, verb: str, quantity: Number | None = None, **fields: Any) -> Any:
        """Any change of stock, under a new request id: what its call answers."""
        return self.call(verb, asking(self.new_request_id(), getattr(pb, f"{verb}Request"), quantity, **fields))

    def close_position(self, position_id: int, **fields: Any) -> list[pb.Movement]:
        """Close a position and return the movements, one for each stocked item that had units."""
        request = pb.ClosePositionRequest(request_id=self.new_request_id(), position_id=position_id, **fields)
        return list(self.call("ClosePosition", request).movements)

    # --- looking at it ---

    def position_named(self, position_id: int) -> pb.Position:
        """A position."""
        position: pb.Position = self.call("GetPosition", pb.GetPositionRequest(position_id=position_id))
        return position

    def totals(self, position_id: int) -> pb.Totals:
        """The totals of a position."""
        return self.position_named(position_id).totals

    def available(self, position_id: int) -> Decimal:
        """Units available at a position."""
        return number(self.totals(position_id).available)

    def stocked_items(self, position_id: int) -> list[pb.StockedItem]:
        """All stocked items of a position, oldest first."""
        return self._all("ListStockedItems", pb.ListStockedItemsRequest(position_id=position_id), "stocked_items")

    def layers(self, position_id: int) -> list[Decimal]:
        """What is available of each stocked item of a position, oldest first."""
        return [number(stocked_item.places.available) for stocked_item in self.stocked_items(position_id)]

    def movements(self, **wanted: Any) -> list[pb.Movement]:
        """All movements, in their order."""
        return self._all("ListMovements", pb.ListMovementsRequest(**wanted), "movements")

    def _all(self, method: str, request: Any, field: str) -> list[Any]:
        rows: list[Any] = []
        request.page_size = PAGE_SIZE
        while True:
            page = self.call(method, request)
            rows += getattr(page, field)
            if not page.next_page_token:
                return rows
            request.page_token = page.next_page_token
