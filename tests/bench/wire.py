"""Requests as bytes, so that a client costs next to nothing beside what is measured.

What asks the same of the same item is made once; only the request id is new in each. Answers are left unread: after the
last one, what is recorded is counted.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, Final

from google.protobuf.message import Message
from google.type.decimal_pb2 import Decimal

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.request_ids import new_request_id
from tests.bench.loading import HOT_ITEM, ITEMS, ORDER_LINE, SERIAL_ITEM

QUANTITY: Final = Decimal(value="3")
SERIAL_NUMBERS: Final = 10_000

Request = Callable[[], bytes]
"""The next request."""


@dataclass(frozen=True, slots=True)
class Stocked:
    """Where the items are that requests are about, and where they are transferred to."""

    location_id: int
    to_location_id: int

    def at(self, item_id: int) -> pb.ItemAtLocation:
        """An item there."""
        return pb.ItemAtLocation(item_id=item_id, location_id=self.location_id)

    def source(self, item_id: int) -> pb.StockSource:
        """Its oldest units."""
        return pb.StockSource(item_at_location=self.at(item_id))


def any_item() -> int:
    """One of those that are drawn on uniformly."""
    return int(random.random() * ITEMS) + 1


def hot_item() -> int:
    """The one that all draw on."""
    return HOT_ITEM


def item(item_id: int) -> Callable[[], int]:
    """Always this one."""
    return lambda: item_id


# --- one change ---


def removal(stocked: Stocked, choose: Callable[[], int]) -> Request:
    """Remove units, oldest first."""
    return _each(choose, lambda one: pb.RemoveStockRequest(source=stocked.source(one), quantity=QUANTITY))


def reservation(stocked: Stocked, choose: Callable[[], int]) -> Request:
    """Reserve units, oldest first, each time for another demand: its name is the request id."""
    request = _each(choose, lambda one: pb.ReserveStockRequest(source=stocked.source(one), quantity=QUANTITY))

    def reserve() -> bytes:
        content = request()
        demand = content[2 : content[1] + 2]
        return content + _field(pb.ReserveStockRequest, "demand", demand)

    return reserve


def receipt(stocked: Stocked, choose: Callable[[], int]) -> Request:
    """Receive units of an order line that has more on order than any run receives."""
    return _each(
        choose,
        lambda one: pb.ReceiveStockRequest(order_line=ORDER_LINE, item_at_location=stocked.at(one), quantity=QUANTITY),
    )


def transfer(stocked: Stocked, choose: Callable[[], int]) -> Request:
    """Take units to the other location, oldest first."""
    return _each(
        choose,
        lambda one: pb.TransferStockRequest(
            source=stocked.source(one), to_location_id=stocked.to_location_id, quantity=QUANTITY
        ),
    )


def serial_receipt(stocked: Stocked) -> Request:
    """Receive very many units at once, each with a serial number that none before it had."""
    numbers: Iterator[int] = count(1)

    def request() -> bytes:
        request_id = new_request_id()
        return pb.ReceiveStockRequest(
            request_id=request_id,
            order_line=ORDER_LINE,
            item_at_location=stocked.at(SERIAL_ITEM),
            serial_numbers=[f"{request_id}-{next(numbers)}" for _ in range(SERIAL_NUMBERS)],
        ).SerializeToString()

    return request


# --- many changes ---


def changes(message: type[Message], kind: str, request: Request, size: int) -> Request:
    """So many of these requests in one message, each as a change of this kind."""
    return lambda: b"".join(_field(message, "changes", _field(pb.StockChange, kind, request())) for _ in range(size))


# --- reading ---


def position(stocked: Stocked, choose: Callable[[], int]) -> Request:
    """Read a position."""
    content = lru_cache(None)(lambda one: pb.GetPositionRequest(item_at_location=stocked.at(one)).SerializeToString())
    return lambda: content(choose())


def earlier_position(stocked: Stocked, choose: Callable[[], int], movements: int) -> Request:
    """Read a position as it was after any of so many movements."""
    now = position(stocked, choose)

    def request() -> bytes:
        as_of = pb.AsOf(movement_id=random.randint(1, movements))
        return now() + pb.GetPositionRequest(as_of=as_of).SerializeToString()

    return request


# --- the wire format ---


def _each(choose: Callable[[], int], make: Callable[[int], Message]) -> Request:
    """A request of its own id about an item that is chosen anew."""
    content = lru_cache(None)(lambda one: make(one).SerializeToString())

    def request() -> bytes:
        # As every request that changes stock has it: field 1, a text of 36 bytes.
        return b"\x0a\x24" + new_request_id().encode() + content(choose())

    return request


def _field(message: Any, name: str, content: bytes) -> bytes:
    """A text or a message as a field of a message."""
    return _key(message, name) + _varint(len(content)) + content


@lru_cache(None)
def _key(message: Any, name: str) -> bytes:
    length_delimited = 2
    return _varint(message.DESCRIPTOR.fields_by_name[name].number << 3 | length_delimited)


@lru_cache(None)
def _varint(number: int) -> bytes:
    head, rest = number & 0x7F, number >> 7
    return bytes([head | 0x80]) + _varint(rest) if rest else bytes([head])
