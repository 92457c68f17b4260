"""One client process: keeps a number of calls in flight and prints, as one line of JSON, what came of them.

python -m tests.bench.client --target 127.0.0.1:50052 --call hot --location 1 --in-flight 64 --seconds 3
"""

import argparse
import asyncio
import json
import os
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import grpc
import uvloop
from google.type.decimal_pb2 import Decimal

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from tests.bench.empty_server import PATH
from tests.bench.loading import HOT_ITEM, ITEMS

QUANTITY: Final = "3"
WARM_UP_S: Final = 0.5
CALL_TIMEOUT_S: Final = 10

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
    async with grpc.aio.insecure_channel(arguments.target) as channel:
        call = empty(channel) if arguments.call == "empty" else removal(channel, arguments.call, arguments.location)
        stopwatch = Stopwatch(arguments.seconds)
        await asyncio.gather(*(stopwatch.repeat(call) for _ in range(arguments.in_flight)))
    print(json.dumps(asdict(stopwatch.answered())))


def parse() -> argparse.Namespace:
    """The arguments, as the module's docstring shows them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--target", required=True)
    parser.add_argument("--call", choices=("empty", "uniform", "hot"), required=True)
    parser.add_argument("--location", type=int, default=0)
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    return parser.parse_args()


def empty(channel: grpc.aio.Channel) -> Call:
    """Ask nothing of the bare server."""
    call: Any = channel.unary_unary(PATH)
    return lambda: call(b"")


def removal(channel: grpc.aio.Channel, kind: str, location_id: int) -> Call:
    """Remove units oldest first, of any item or of the hot one."""
    ledger = pb_grpc.StockLedgerStub(channel)

    def call() -> Awaitable[object]:
        item_id = HOT_ITEM if kind == "hot" else random.randint(1, ITEMS)
        request = pb.RemoveStockRequest(
            request_id=request_id(),
            source=pb.StockSource(oldest_first=pb.StockSource.OldestFirst(item_id=item_id, location_id=location_id)),
            quantity=Decimal(value=QUANTITY),
        )
        # A refusal or a failure ends the measurement: there is nothing to refuse.
        return ledger.RemoveStock(request, timeout=CALL_TIMEOUT_S)

    return call


def request_id() -> str:
    """A UUID of version 7: it sorts by time, so that the index of request ids grows at its end only."""
    milliseconds = time.time_ns() // 1_000_000
    number = milliseconds << 80 | 0x7 << 76 | 0b10 << 62
    random_bits = int.from_bytes(os.urandom(10)) & ~(0xF << 76 | 0b11 << 62)
    return str(uuid.UUID(int=number | random_bits))


if __name__ == "__main__":
    uvloop.run(main())
