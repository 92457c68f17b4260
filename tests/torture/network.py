"""A network between processes, made to fail in every way that real ones do: a TCP proxy on loopback.

It runs on an event loop and a thread of its own. A connection that was made to fail never recovers; whoever had it connects
anew.
"""

import asyncio
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

CHUNK_BYTES: Final = 65536
CUT_AFTER_BYTES_MAX: Final = 2000
SILENCE_MAX_S: Final = 0.8
DELAY_MAX_S: Final = 0.1
# Ends a connection with a reset instead of a farewell.
NO_LINGER: Final = struct.pack("ii", 1, 0)


class Network:
    """Passes on what two sides say to each other, until it is told to fail them."""

    def __init__(self, target_port: int) -> None:
        self.cuts: Counter[str] = Counter()
        """How often connections failed, by the way in which they did."""
        self.port = 0
        self._target_port = target_port
        self._links: list[_Link] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def fail(self, chance: random.Random) -> None:
        """Let one of the connections of this moment fail, if there is one."""
        fault, point = chance.choice(FAULTS), chance.random()
        self._run(self._fail(chance.random(), fault, point))

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.close()
            return
        link = _Link((reader, writer), server)
        self._links.append(link)
        try:
            await link.run()
        finally:
            self._links.remove(link)

    async def _fail(self, which: float, fault: "Fault", point: float) -> None:
        whole = [link for link in self._links if not link.failing]
        if not whole:
            return
        link = whole[int(which * len(whole))]
        link.failing = True
        self.cuts[fault.__name__] += 1
        await fault(link, point)

    async def _close(self) -> None:
        self._server.close()
        for link in self._links:
            link.reset()
        await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))


Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Link:
    """One client's connection and ours to the server in its name."""

    def __init__(self, client: Side, server: Side) -> None:
        self.failing = False
        self.bytes_left: int | None = None
        """How many more are passed on before it is reset; None: all that come."""
        self.delay_s = 0.0
        self.silent = False
        self._sides = (client, server)
        self._deaf: set[asyncio.StreamWriter] = set()

    async def run(self) -> None:
        (reader, writer), (server_reader, server_writer) = self._sides
        await asyncio.gather(self._pump(reader, server_writer), self._pump(server_reader, writer))
        for _, one in self._sides:
            one.close()

    def reset(self) -> None:
        """Neither side hears another word."""
        for _, writer in self._sides:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            writer.transport.abort()

    def hang_up(self, side: int) -> None:
        """One side hears that the other will say no more."""
        _, writer = self._sides[side]
        self._end(writer)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        self._deaf.add(writer)
        with suppress(OSError):
            writer.write_eof()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._pass_on(data, writer)
        self._end(writer)

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.delay_s)
        # Asked now: it may have been made to fail meanwhile.
        if self.silent or writer in self._deaf:
            return
        if self.bytes_left is not None:
            data = data[: self.bytes_left]
            self.bytes_left -= len(data)
        writer.write(data)
        await writer.drain()
        if self.bytes_left == 0:
            self.reset()


Fault = Callable[[_Link, float], Awaitable[None]]


async def reset(link: _Link, _: float) -> None:
    """At once, whatever is on its way."""
    link.reset()


async def half_close(link: _Link, point: float) -> None:
    """One side takes the other for finished, and is still heard for a while."""
    link.hang_up(round(point))
    asyncio.get_running_loop().call_later(SILENCE_MAX_S, link.reset)


async def blackhole(link: _Link, point: float) -> None:
    """Nothing arrives any more, and nobody is told; in the end somebody's patience is."""
    link.silent = True
    asyncio.get_running_loop().call_later(point * SILENCE_MAX_S, link.reset)


async def delay(link: _Link, point: float) -> None:
    """Everything arrives late, and then nothing does."""
    link.delay_s = point * DELAY_MAX_S
    asyncio.get_running_loop().call_later(SILENCE_MAX_S, link.reset)


async def cut_after_bytes(link: _Link, point: float) -> None:
    """In the middle of a message."""
    link.bytes_left = 1 + int(point * CUT_AFTER_BYTES_MAX)


FAULTS: Final = (reset, half_close, blackhole, delay, cut_after_bytes, cut_after_bytes)
