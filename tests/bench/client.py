"""One client process: keeps a number of calls in flight and prints, as one line of JSON, what came of them.

python -m tests.bench.client 127.0.0.1:50052 --call hot --locations 1 2 --in-flight 64 --seconds 3
"""

import argparse
import asyncio
import json
import math
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Final

import uvloop

from storekeeper_kit.caller import TENANT_KEY
from tests.bench.calls import GRPC_CALLS, HTTP_CALLS, Ask, HttpKind, Kind, asking
from tests.bench.http_connection import HttpConnection
from tests.bench.loading import TENANT_ID
from tests.bench.wire import Stocked

WARM_UP_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered a second, and how soon, in the time that was measured; how many changes were made in all."""

    rate: float
    p50_ms: float
    p99_ms: float
    changes: int


class Stopwatch:
    """Notes how long calls take that are answered between a warm-up and an end, or how long so many of them take."""

    def __init__(self, *, seconds: float, calls: float) -> None:
        self._seconds = seconds
        self._calls_max = calls
        self._began = time.perf_counter() + (WARM_UP_S if calls == math.inf else 0)
        self._latencies: list[float] = []
        self._calls = 0

    async def repeat(self, ask: Ask) -> None:
        """Ask, one call after the other, until the end."""
        end = self._began + self._seconds
        before = time.perf_counter()
        while before < end and self._calls < self._calls_max:
            self._calls += 1
            await ask()
            after = time.perf_counter()
            if self._began <= after < end:
                self._latencies.append(after - before)
            before = after

    def answered(self, kind: Kind | HttpKind) -> Answered:
        """What was measured."""
        seconds = min(self._seconds, time.perf_counter() - self._began)
        latencies = sorted(self._latencies)
        p50, p99 = (latencies[len(latencies) * percent // 100] * 1000 for percent in (50, 99))
        return Answered(len(latencies) * kind.counts / seconds, p50, p99, self._calls * kind.changes)


async def main() -> None:
    """Measure what the arguments say."""
    arguments = parse()
    async with AsyncExitStack() as opened:
        asks, kind = await _asks(arguments, opened)
        stopwatch = Stopwatch(seconds=arguments.seconds, calls=arguments.calls)
        await asyncio.gather(*map(stopwatch.repeat, asks))
        print(json.dumps(asdict(stopwatch.answered(kind))))


def parse() -> argparse.Namespace:
    """The arguments, as the module's docstring shows them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("targets", nargs="+")
    parser.add_argument("--call", choices=(*GRPC_CALLS, *HTTP_CALLS), required=True)
    parser.add_argument("--tenant", type=int, default=TENANT_ID)
    parser.add_argument("--locations", type=int, nargs=2, default=(0, 0))
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--calls", type=float, default=math.inf)
    return parser.parse_args()


async def _asks(arguments: argparse.Namespace, opened: AsyncExitStack) -> tuple[list[Ask], Kind | HttpKind]:
    """As many as are in flight at once; of several targets each gets its share."""
    in_flight = range(arguments.in_flight)
    if arguments.call in HTTP_CALLS:
        http = HTTP_CALLS[arguments.call]
        return [http.ask(await HttpConnection.open(arguments.targets[0])) for _ in in_flight], http
    kind = GRPC_CALLS[arguments.call]
    request = kind.requests(Stocked(*arguments.locations))
    # Whom nobody names is the first tenant; so next to nothing travels beside an empty call.
    metadata = ((TENANT_KEY, str(arguments.tenant)),) if arguments.tenant != TENANT_ID else ()
    asks = [await opened.enter_async_context(asking(target, kind, request, metadata)) for target in arguments.targets]
    return [asks[number % len(asks)] for number in in_flight], kind


if __name__ == "__main__":
    uvloop.run(main())
