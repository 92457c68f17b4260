"""The worked example: 40 mice at one location, and the calls to the stock ledger that stock and remove them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal as DecimalMessage

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1.stock_ledger_pb2_grpc import StockLedgerStub
from storekeeper_kit.caller import EVERYTHING, Caller

# A tenant of its own: the journal forgets nothing, and opening a position settles the tenant's currency for good, so a
# ledger that is in use would never get rid of a demo among its own stock. People number tenants from 1; this is far off.
TENANT_ID: Final = 99_999_999
CALLER: Final = Caller(TENANT_ID, "storekeeper demo", EVERYTHING).metadata()
# The same item in every run. The greatest id there is: a catalog counts from 1, and would come here last.
ITEM_ID: Final = 99_999_999
REASON: Final = "Demo"
# How many of them one call removes.
QUANTITY: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Mice that came together, and how many of them were removed since."""

    received: datetime
    came: int
    removed: int = 0


DELIVERIES: Final = (
    Delivery(received=datetime(2019, 1, 1, tzinfo=UTC), came=15, removed=10),
    Delivery(received=datetime(2020, 5, 6, tzinfo=UTC), came=10),
    Delivery(received=datetime(2020, 9, 8, tzinfo=UTC), came=20),
    Delivery(received=datetime(2021, 2, 9, tzinfo=UTC), came=5),
)


@dataclass(frozen=True, slots=True)
class Removal:
    """What the ledger answered: how many it took of which stocked item, and whether it had answered that before."""

    taken: dict[int, Decimal]
    replayed: bool


class Mice:
    """The mice at one new location. Each request has an id of its own, unless it is meant as a repeat of another."""

    def __init__(self, channel: grpc.Channel, location_name: str) -> None:
        self._ledger = StockLedgerStub(channel)
        self.location_id = self._new_location(location_name)
        self._position_id = self._new_position()
        lay_deliveries(self._ledger, self._position_id)

    def stocked_items(self) -> Sequence[pb.StockedItem]:
        """All of them, oldest first."""
        request = pb.ListStockedItemsRequest(position_id=self._position_id)
        return self._ledger.ListStockedItems(request, metadata=CALLER).stocked_items

    def available(self) -> Decimal:
        """How many mice can be removed."""
        request = pb.GetPositionRequest(position_id=self._position_id)
        return Decimal(self._ledger.GetPosition(request, metadata=CALLER).totals.available.value)

    def remove_oldest(self, quantity: int, request_id: str) -> Removal:
        """Remove that many, oldest first."""
        oldest_first = pb.StockSource.OldestFirst(item_id=ITEM_ID, location_id=self.location_id)
        return self._remove(_removal(pb.StockSource(oldest_first=oldest_first), quantity, request_id))

    def remove_from(self, stocked_item_id: int, quantity: int) -> Removal:
        """Remove that many from one stocked item."""
        return self._remove(_removal(pb.StockSource(stocked_item_id=stocked_item_id), quantity))

    def _remove(self, request: pb.RemoveStockRequest) -> Removal:
        response, call = self._ledger.RemoveStock.with_call(request, metadata=CALLER)
        return Removal(
            {movement.stocked_item_id: Decimal(movement.quantity.value) for movement in response.movements},
            replayed=("storekeeper-replayed", "true") in call.trailing_metadata(),
        )

    def _new_location(self, name: str) -> int:
        request = pb.CreateLocationRequest(request_id=new_request_id(), location=pb.Location(name=name))
        return self._ledger.CreateLocation(request, metadata=CALLER).location_id

    def _new_position(self) -> int:
        # Registering is no news to a ledger that knows this version, so every run does it.
        item = pb.Item(item_id=ITEM_ID, version=1, tracking=pb.TRACKING_NONE)
        self._ledger.RegisterItem(pb.RegisterItemRequest(item=item), metadata=CALLER)
        position = pb.Position(item_id=ITEM_ID, location_id=self.location_id)
        request = pb.OpenPositionRequest(request_id=new_request_id(), position=position)
        return self._ledger.OpenPosition(request, metadata=CALLER).position_id


def lay_deliveries(ledger: StockLedgerStub, position_id: int) -> None:
    """Put all mice there, each delivery as if on the day when it came, and take away what was removed of it since."""
    for delivery in DELIVERIES:
        added = ledger.AddStock(
            pb.AddStockRequest(
                request_id=new_request_id(),
                position_id=position_id,
                quantity=_decimal(delivery.came),
                receive_time=_timestamp(delivery.received),
                reason=REASON,
            ),
            metadata=CALLER,
        )
        if delivery.removed:
            ledger.RemoveStock(
                _removal(pb.StockSource(stocked_item_id=added.movement.stocked_item_id), delivery.removed),
                metadata=CALLER,
            )


def new_request_id() -> str:
    """An id that no request had before."""
    return str(uuid.uuid4())


def _removal(source: pb.StockSource, quantity: int, request_id: str | None = None) -> pb.RemoveStockRequest:
    return pb.RemoveStockRequest(
        request_id=request_id or new_request_id(), source=source, quantity=_decimal(quantity), reason=REASON
    )


def _decimal(quantity: int) -> DecimalMessage:
    return DecimalMessage(value=str(quantity))


def _timestamp(time: datetime) -> Timestamp:
    return Timestamp(seconds=int(time.timestamp()))
