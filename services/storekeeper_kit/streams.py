"""What calls need that are streams: an end when their server stops, and a bound on clients that take nothing.

    ending = Ending()
    async with ending.scope(): ...            # raises Stopping in there, wherever it waits, when the server stops
    async for request in ending.until(requests): ...   # raises Stopping in the place of the next request
    await write(context, response, stall_timeout_s)    # raises Stalled when the client takes nothing for so long

A stream has no deadline unless its client sets one. It ends when its client wishes, when its server stops, or when it
is refused.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc

from storekeeper_kit.refusals import Stalled, Stopping

Context = grpc.aio.ServicerContext[Any, Any]
T = TypeVar("T")


class Ending:
    """Ends the streams of a server that stops, which else would wait for their clients' wishes."""

    def __init__(self) -> None:
        self._begun = False
        self._scopes: set[asyncio.Timeout] = set()

    def begin(self) -> None:
        """From now on, whatever is in a scope ends, and so does whatever enters one."""
        self._begun = True
        for scope in self._scopes:
            scope.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def scope(self) -> AsyncIterator[None]:
        """Raises Stopping inside as soon as the server stops."""
        scope = asyncio.timeout(0 if self._begun else None)
        try:
            async with scope:
                self._scopes.add(scope)
                yield
        except TimeoutError as error:
            if scope.expired():
                raise Stopping from error
            raise
        finally:
            self._scopes.discard(scope)

    async def until(self, requests: AsyncIterator[T]) -> AsyncIterator[T]:
        """The requests of a stream as they come. What was received can still be answered when it raises Stopping."""
        while True:
            async with self.scope():
                try:
                    request = await anext(requests)
                except StopAsyncIteration:
                    return
            yield request


async def write(context: Context, response: Any, stall_timeout_s: float | None) -> None:
    """Returns when the response has gone out. Until then nothing else needs to be made for a client that reads slowly."""
    timeout = asyncio.timeout(stall_timeout_s)
    try:
        async with timeout:
            await context.write(response)
    except TimeoutError as error:
        if timeout.expired():
            raise Stalled from error
        raise
