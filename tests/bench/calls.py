"""The kinds of calls that can be measured: what is asked where, and what it counts as."""

import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import grpc

from storekeeper.catalog.v1 import catalog_pb2
from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.bench import empty_http_server, empty_server, wire
from tests.bench.http_connection import HttpConnection
from tests.bench.loading import DEEP_ITEM, ITEMS, LAYERS, OLD_MOVEMENTS, SHALLOW_ITEM
from tests.bench.wire import SERIAL_NUMBERS, Request, Stocked, any_item, hot_item, item

CALL_TIMEOUT_S: Final = 30
BATCH_CHANGES: Final = 500
STREAM_CHANGES: Final = 100
CATALOG: Final = "/storekeeper.catalog.v1.Catalog"
LEDGER: Final = "/storekeeper.stockledger.v1.StockLedger"
REST: Final = "/ATServicesRest/V1.0"

Ask = Callable[[], Awaitable[object]]
"""Asks once, and returns when that is answered."""
Metadata = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """What is asked where, what one answer counts as, and how many changes are recorded for it."""

    path: str
    requests: Callable[[Stocked], Request]
    counts: int = 1
    changes: int = 1
    is_stream: bool = False


def _many(method: str, message: type[Any], size: int, *, is_stream: bool = False) -> Kind:
    """Removals of any item, so many in a message."""
    return Kind(
        f"{LEDGER}/{method}",
        lambda stocked: wire.changes(message, "remove", wire.removal(stocked, any_item), size),
        counts=size,
        changes=size,
        is_stream=is_stream,
    )


GRPC_CALLS: Final[Mapping[str, Kind]] = {
    "empty": Kind(empty_server.PATH, lambda _: bytes, changes=0),
    "uniform": Kind(f"{LEDGER}/RemoveStock", lambda stocked: wire.removal(stocked, any_item)),
    "hot": Kind(f"{LEDGER}/RemoveStock", lambda stocked: wire.removal(stocked, hot_item)),
    "deep": Kind(f"{LEDGER}/RemoveStock", lambda stocked: wire.removal(stocked, item(DEEP_ITEM))),
    "shallow": Kind(f"{LEDGER}/RemoveStock", lambda stocked: wire.removal(stocked, item(SHALLOW_ITEM))),
    "reserve": Kind(f"{LEDGER}/ReserveStock", lambda stocked: wire.reservation(stocked, any_item)),
    "receive": Kind(f"{LEDGER}/ReceiveStock", lambda stocked: wire.receipt(stocked, any_item)),
    "transfer": Kind(f"{LEDGER}/TransferStock", lambda stocked: wire.transfer(stocked, any_item)),
    "serials": Kind(f"{LEDGER}/ReceiveStock", wire.serial_receipt, counts=SERIAL_NUMBERS),
    "batch": _many("BatchChangeStock", pb.BatchChangeStockRequest, BATCH_CHANGES),
    "stream": _many("ChangeStock", pb.ChangeStockRequest, STREAM_CHANGES, is_stream=True),
    "stream-singly": _many("ChangeStock", pb.ChangeStockRequest, 1, is_stream=True),
    "position": Kind(f"{LEDGER}/GetPosition", lambda stocked: wire.position(stocked, any_item), changes=0),
    "as-of": Kind(
        f"{LEDGER}/GetPosition", lambda stocked: wire.earlier_position(stocked, any_item, OLD_MOVEMENTS), changes=0
    ),
    "item": Kind(
        f"{CATALOG}/GetItem",
        lambda _: lambda: catalog_pb2.GetItemRequest(item_id=any_item()).SerializeToString(),
        changes=0,
    ),
}


@asynccontextmanager
async def asking(target: str, kind: Kind, request: Request, metadata: Metadata) -> AsyncIterator[Ask]:
    """Ask calls of this kind of a gRPC server. A refusal or a failure ends the measurement: there is nothing to refuse."""
    async with grpc.aio.insecure_channel(target) as channel:
        if kind.is_stream:
            async with _conversation(channel.stream_stream(kind.path)(metadata=metadata)) as ask:
                yield lambda: ask(request())
        else:
            # Without the types of messages, since these are bytes already.
            call: Any = channel.unary_unary(kind.path)
            yield lambda: call(request(), timeout=CALL_TIMEOUT_S, metadata=metadata)


@asynccontextmanager
async def _conversation(stream: Any) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
    """Asks in a stream, whose answers come in the order of the questions."""
    waiting: deque[asyncio.Future[None]] = deque()
    turn = asyncio.Lock()

    async def ask(message: bytes) -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with turn:
            waiting.append(answer)
            await stream.write(message)
        await answer

    async def read() -> None:
        try:
            async for _ in stream:
                waiting.popleft().set_result(None)
        finally:
            for answer in waiting:
                answer.cancel("the stream has ended")

    reading = asyncio.create_task(read())
    yield ask
    await stream.done_writing()
    await reading


def empty_request(connection: HttpConnection) -> Ask:
    """Ask nothing of the bare HTTP server."""
    return lambda: connection.ask("GET", empty_http_server.PATH)


def rest_removal(connection: HttpConnection) -> Ask:
    """Remove units oldest first, of any product, as a client of Autotask's would."""

    def ask() -> Awaitable[object]:
        body = {"inventoryProductID": any_item(), "quantityBeingRemoved": int(wire.QUANTITY.value)}
        return connection.ask("POST", f"{REST}/InventoryStockedItemsRemove", json.dumps(body))

    return ask


def rest_stocked_item(connection: HttpConnection) -> Ask:
    """Read one stocked item, as a client of Autotask's would."""
    return lambda: connection.ask("GET", f"{REST}/InventoryStockedItems/{random.randint(1, ITEMS * LAYERS)}")


@dataclass(frozen=True, slots=True)
class HttpKind:
    """The same by HTTP, where each connection has one request in flight."""

    ask: Callable[[HttpConnection], Ask]
    counts: int = 1
    changes: int = 0


HTTP_CALLS: Final[Mapping[str, HttpKind]] = {
    "empty-http": HttpKind(empty_request),
    "rest-removal": HttpKind(rest_removal, changes=1),
    "rest-stocked-item": HttpKind(rest_stocked_item),
}
