"""One client process: keeps a number of calls in flight and prints, as one line of JSON, what came of them.

python -m tests.bench.client --target 127.0.0.1:50052 --call hot --location 1 --in-flight 64 --seconds 3
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import grpc
import uvloop
from google.type.decimal_pb2 import Decimal

from storekeeper.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit.request_ids import new_request_id
from tests.bench import empty_http_server, empty_server
from tests.bench.http_connection import HttpConnection
from tests.bench.loading import HOT_ITEM, ITEMS, LAYERS

QUANTITY: Final = "3"
WARM_UP_S: Final = 0.5
CALL_TIMEOUT_S: Final = 10
REST: Final = "/ATServicesRest/V1.0"

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Answered:
    """Calls per second and latencies of the time that was measured, and how many calls were answered in all."""

    rate: float
    p50_ms: float
    p99_ms: float
    calls: int


class Stopwatch:
    """Notes how long calls take that are answered between a warm-up and an end."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = time.perf_counter() + WARM_UP_S
        self._latencies: list[float] = []
        self._calls = 0

    async def repeat(self, call: Call) -> None:
        """Call, one call after the other, until the end."""
        end = self._began + self._seconds
        before = time.perf_counter()
        while before < end:
            await call()
            after = time.perf_counter()
            self._calls += 1
            if self._began <= after < end:
                self._latencies.append(after - before)
            before = after

    def answered(self) -> Answered:
        """What was measured."""
        latencies = sorted(self._latencies)
        p50, p99 = (latencies[len(latencies) * percent // 100] * 1000 for percent in (50, 99))
        return Answered(len(latencies) / self._seconds, p50, p99, self._calls)


async def main() -> None:
    """Measure what the arguments say."""
    arguments = parse()
    stopwatch = Stopwatch(arguments.seconds)
    if arguments.call in HTTP_CALLS:
        connections = [await HttpConnection.open(arguments.target) for _ in range(arguments.in_flight)]
        calls = [HTTP_CALLS[arguments.call](connection) for connection in connections]
        await asyncio.gather(*map(stopwatch.repeat, calls))
    else:
        async with grpc.aio.insecure_channel(arguments.target) as channel:
            call = GRPC_CALLS[arguments.call](channel, arguments.location)
            await asyncio.gather(*(stopwatch.repeat(call) for _ in range(arguments.in_flight)))
    print(json.dumps(asdict(stopwatch.answered())))


def parse() -> argparse.Namespace:
    """The arguments, as the module's docstring shows them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", required=True)
    parser.add_argument("--call", choices=(*GRPC_CALLS, *HTTP_CALLS), required=True)
    parser.add_argument("--location", type=int, default=0)
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    return parser.parse_args()


def empty(channel: grpc.aio.Channel, _location_id: int) -> Call:
    """Ask nothing of the bare server."""
    call: Any = channel.unary_unary(empty_server.PATH)
    return lambda: call(b"")


def removal(channel: grpc.aio.Channel, location_id: int, *, hot: bool) -> Call:
    """Remove units oldest first, of any item or of the hot one."""
    ledger = pb_grpc.StockLedgerStub(channel)

    def call() -> Awaitable[object]:
        item_id = HOT_ITEM if hot else random.randint(1, ITEMS)
        request = pb.RemoveStockRequest(
            request_id=new_request_id(),
            source=pb.StockSource(oldest_first=pb.StockSource.OldestFirst(item_id=item_id, location_id=location_id)),
            quantity=Decimal(value=QUANTITY),
        )
        # A refusal or a failure ends the measurement: there is nothing to refuse.
        return ledger.RemoveStock(request, timeout=CALL_TIMEOUT_S)

    return call


def item(channel: grpc.aio.Channel, _location_id: int) -> Call:
    """Read an item of the catalog."""
    catalog = catalog_pb2_grpc.CatalogStub(channel)
    return lambda: catalog.GetItem(catalog_pb2.GetItemRequest(item_id=random.randint(1, ITEMS)), timeout=CALL_TIMEOUT_S)


GRPC_CALLS: Final[Mapping[str, Callable[[grpc.aio.Channel, int], Call]]] = {
    "empty": empty,
    "uniform": partial(removal, hot=False),
    "hot": partial(removal, hot=True),
    "item": item,
}


def empty_request(connection: HttpConnection) -> Call:
    """Ask nothing of the bare HTTP server."""
    return lambda: connection.ask("GET", empty_http_server.PATH)


def rest_removal(connection: HttpConnection) -> Call:
    """Remove units oldest first, of any product, as a client of Autotask's would."""

    def call() -> Awaitable[object]:
        body = {"inventoryProductID": random.randint(1, ITEMS), "quantityBeingRemoved": int(QUANTITY)}
        return connection.ask("POST", f"{REST}/InventoryStockedItemsRemove", json.dumps(body))

    return call


def rest_stocked_item(connection: HttpConnection) -> Call:
    """Read one stocked item, as a client of Autotask's would."""
    return lambda: connection.ask("GET", f"{REST}/InventoryStockedItems/{random.randint(1, ITEMS * LAYERS)}")


HTTP_CALLS: Final[Mapping[str, Callable[[HttpConnection], Call]]] = {
    "empty-http": empty_request,
    "rest-removal": rest_removal,
    "rest-stocked-item": rest_stocked_item,
}


if __name__ == "__main__":
    uvloop.run(main())
