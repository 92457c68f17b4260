"""Processes beside a server's own, so that what answers its calls has processors, and interpreters' locks, to itself.

    server process      takes calls, gathers them into batches, asks the workers, sends the answers out
    worker processes    answer batches: read the requests, ask the database, write the responses

They are one service: forked from one another before any has threads, they end together. Each thread of a worker has
a pair of sockets to the server, over which questions and answers travel pickled, one at a time; nobody else can write to it.
"""

import asyncio
import os
import pickle
import signal
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO, Final, NoReturn, cast

import structlog

from storekeeper_kit.collecting import spare_the_collector
from storekeeper_kit.refusals import Unavailable

Functions = Mapping[str, Callable[..., Any]]
"""What a worker can be asked for, by name."""

SECOND_LOOK_S: Final = 1.0
"""How much longer the answer of a worker is waited for that is late."""

_LENGTH: Final = struct.Struct("<I")

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class WorkerFailed(Exception):
    """A function of the worker raised what it should have answered; its log has the traceback."""


class Workers:
    """The server's side: whom it asks, at most as much at once as they have threads."""

    def __init__(self, process_ids: Sequence[int], sockets: Sequence[Sequence[socket.socket]]) -> None:
        """The sockets are those of each worker's threads."""
        self._process_ids = process_ids
        self._sockets = sockets
        self._when_gone: Callable[[], None]
        self._connections: list[_Connection] = []
        self._idle: list[list[_Connection]] = [[] for _ in sockets]
        """Of each worker. The one that answered last is asked first: its thread is warm."""
        self._asked: list[Counter[str]] = [Counter() for _ in sockets]
        """How much each worker is asked for, by function."""

    @classmethod
    def fork(cls, open_functions: Callable[[], Functions], *, processes: int, threads: int) -> "Workers":
        """Begin workers with so many threads each, which answer by these functions. Each opens them itself."""
        pairs = [[socket.socketpair() for _ in range(threads)] for _ in range(processes)]
        ours, theirs = ([[pair[side] for pair in worker] for worker in pairs] for side in (0, 1))
        process_ids = []
        for mine in theirs:
            if (process_id := os.fork()) == 0:
                # Whoever holds the server's side of a pair looks like the server.
                _close(one for worker in (*ours, *theirs) if worker is not mine for one in worker)
                _work(mine, open_functions)
            process_ids.append(process_id)
        _close(one for worker in theirs for one in worker)
        return cls(process_ids, ours)

    async def connect(self, when_gone: Callable[[], None]) -> None:
        """Begin to listen to them, on the running loop.

        `when_gone` is called if one ends before it is told to, or stands still for longer than it was asked to take.
        """
        self._when_gone = when_gone
        loop = asyncio.get_running_loop()
        for sockets, idle in zip(self._sockets, self._idle, strict=True):
            for one in sockets:
                make = partial(_Connection, idle.append, when_gone)
                _, connection = await loop.create_connection(make, sock=one)
                self._connections.append(connection)

    async def ask(self, name: str, *arguments: object, timeout_s: float | None = None) -> Any:
        """What the function of this name returns. Raises Unavailable, which leaves that open, when the worker has gone."""
        worker = self._next_for(name)
        self._asked[worker][name] += 1
        answer = self._idle[worker].pop().ask(name, arguments)
        # A timer of its own: to wait for a future with a timeout takes the event loop one round more.
        loop = asyncio.get_running_loop()
        late = None if timeout_s is None else loop.call_later(timeout_s, self._look_again, answer)
        try:
            return await answer
        finally:
            self._asked[worker][name] -= 1
            if late:
                late.cancel()

    def _next_for(self, name: str) -> int:
        """The number of the worker that has least of this function to do. One that stands still gets no second batch of it."""
        able = [worker for worker, idle in enumerate(self._idle) if idle]
        assert able, "no more is asked at once than there are threads"
        return min(able, key=lambda worker: (self._asked[worker][name], -len(self._idle[worker])))

    def _look_again(self, answer: "asyncio.Future[Any]") -> None:
        """The server may have stood still with the worker; then it has yet to look at what came meanwhile."""
        asyncio.get_running_loop().call_later(SECOND_LOOK_S, self._give_up, answer)

    def _give_up(self, answer: "asyncio.Future[Any]") -> None:
        """Unless the answer has come by now, end all: who waits in the lane of a worker that stands still would wait for ever.

        Nor would that worker notice that the server ends.
        """
        if answer.done():
            return
        # First of all: what goes wrong in a timer is told to nobody.
        answer.set_exception(Unavailable("the worker stands still"))
        for process_id in self._process_ids:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        self._when_gone()

    def close(self) -> None:
        """Let them end."""
        for connection in self._connections:
            connection.close()


class _Connection(asyncio.Protocol):
    """Sends one question after the other to a thread of the worker, each when the one before it is answered."""

    def __init__(self, when_idle: "Callable[[_Connection], None]", when_gone: Callable[[], None]) -> None:
        self._when_idle = when_idle
        self._when_gone = when_gone
        self._transport: asyncio.WriteTransport
        self._received = bytearray()
        self._answer: asyncio.Future[Any] | None = None
        self._ends = False

    def ask(self, name: str, arguments: tuple[object, ...]) -> "asyncio.Future[Any]":
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(_frame((name, arguments)))
        return self._answer

    def close(self) -> None:
        self._ends = True
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._when_idle(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) < _LENGTH.size:
            return
        end = _LENGTH.size + _LENGTH.unpack_from(self._received)[0]
        if len(self._received) == end:
            answer = pickle.loads(self._received[_LENGTH.size :])  # noqa: S301 - the worker wrote it
            self._received = bytearray()
            self._settle(answer)
            self._when_idle(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._settle(Unavailable("the worker has gone"))
        if not self._ends:
            self._when_gone()

    def _settle(self, answer: Any) -> None:
        waiting, self._answer = self._answer, None
        if waiting is None or waiting.done():
            return
        if isinstance(answer, Exception):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)


def _work(sockets: Sequence[socket.socket], open_functions: Callable[[], Functions]) -> NoReturn:
    """All that a worker process does. It never goes back into what the server was doing when it forked."""
    try:
        # The server is told to stop, and tells us.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        functions = open_functions()
        spare_the_collector()
        for connection in sockets[1:]:
            threading.Thread(target=_answer_all, args=(connection, functions), daemon=True).start()
        _answer_all(sockets[0], functions)
    except BaseException:
        # Whatever it is, nobody above would log it.
        log.exception("worker_ended")
    finally:
        os._exit(1)


def _answer_all(connection: socket.socket, functions: Functions) -> None:
    """Answer one question after the other, and end the process when there is nobody who asks."""
    incoming = connection.makefile("rb")
    try:
        while question := _next_frame(incoming):
            name, arguments = pickle.loads(question)  # noqa: S301 - the server wrote it
            answer = _frame(_answer(functions, name, arguments))
            # What it was about may be large, and the next question long in coming.
            del question, arguments
            connection.sendall(answer)
            del answer
    except OSError:
        # The server went while it was told.
        pass
    except BaseException:
        # Whatever it is, a thread that ends in silence would leave its question without an answer.
        log.exception("worker_ended")
        os._exit(1)
    # What is under way on other threads is the database's to end.
    os._exit(0)


def _next_frame(incoming: BinaryIO) -> bytes:
    """What comes next; nothing, when the server has gone or needs us no more."""
    length = incoming.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return b""
    frame = incoming.read(_LENGTH.unpack(length)[0])
    return frame if len(frame) == _LENGTH.unpack(length)[0] else b""


def _answer(functions: Functions, name: str, arguments: tuple[Any, ...]) -> Any:
    try:
        return functions[name](*arguments)
    except Exception as error:
        log.exception("worker_failed", function=name)
        return WorkerFailed(repr(error))


def _close(sockets: Iterable[socket.socket]) -> None:
    for one in sockets:
        one.close()


def _frame(content: object) -> bytes:
    pickled = pickle.dumps(content, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(pickled)) + pickled
