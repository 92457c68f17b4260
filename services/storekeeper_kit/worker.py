"""A process beside a server's own, so that what answers its calls has a processor, and an interpreter's lock, to itself.

    server process   takes calls, gathers them into batches, asks the worker, sends the answers out
    worker process   answers batches: reads the requests, asks the database, writes the responses

They are one service: forked from one another before either has threads, they end together. Between them there is a pair
of sockets, over which questions and answers travel pickled; nobody else can write to it.
"""

import asyncio
import os
import pickle
import signal
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final, NoReturn, cast

import structlog

from storekeeper_kit.collecting import spare_the_collector
from storekeeper_kit.refusals import Unavailable

Functions = Mapping[str, Callable[..., Any]]
"""What a worker can be asked for, by name."""

_LENGTH: Final = struct.Struct("<I")

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class WorkerFailed(Exception):
    """A function of the worker raised what it should have answered; its log has the traceback."""


class Worker:
    """The server's side: whom it asks."""

    def __init__(self, connection: socket.socket, process_id: int) -> None:
        self.process_id = process_id
        self._socket = connection
        self._connection: _Connection | None = None

    @classmethod
    def fork(cls, open_functions: Callable[[], Functions], *, threads: int) -> "Worker":
        """Begin a worker that answers by these functions, at most so many questions at once. It opens them itself."""
        ours, theirs = socket.socketpair()
        process_id = os.fork()
        if process_id == 0:
            ours.close()
            _work(theirs, open_functions, threads)
        theirs.close()
        return cls(ours, process_id)

    async def connect(self, when_gone: Callable[[], None]) -> None:
        """Begin to listen to it, on the running loop; `when_gone` is called if it ends before it is told to."""
        _, self._connection = await asyncio.get_running_loop().create_connection(
            lambda: _Connection(when_gone), sock=self._socket
        )

    async def ask(self, name: str, *arguments: object) -> Any:
        """What the function of this name returns. Raises Unavailable, which leaves that open, when the worker has gone."""
        assert self._connection is not None, "connected first"
        return await self._connection.ask(name, arguments)

    async def apply(self, name: str, tenant_id: int, asked: object, deadline: float) -> Any:
        """The same, of a function that answers a tenant's batch by a deadline; the worker's clock is this one."""
        return await self.ask(name, tenant_id, asked, deadline)

    def close(self) -> None:
        """Let it end."""
        if self._connection is None:
            self._socket.close()
        else:
            self._connection.close()


class _Connection(asyncio.Protocol):
    """Sends questions, and hands each answer to the one who waits for it."""

    def __init__(self, when_gone: Callable[[], None]) -> None:
        self._when_gone = when_gone
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._asked_count = 0
        self._closing = False

    def ask(self, name: str, arguments: tuple[object, ...]) -> "asyncio.Future[Any]":
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._transport is None or self._transport.is_closing():
            answer.set_exception(Unavailable("the worker has gone"))
            return answer
        self._asked_count += 1
        self._waiting[self._asked_count] = answer
        self._transport.write(_frame((self._asked_count, name, arguments)))
        return answer

    def close(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._received)[0]
            if len(self._received) < end:
                break
            number, answer = pickle.loads(self._received[_LENGTH.size : end])  # noqa: S301 - the worker wrote it
            del self._received[:end]
            _settle(self._waiting.pop(number), answer)

    def connection_lost(self, _error: Exception | None) -> None:
        for answer in self._waiting.values():
            _settle(answer, Unavailable("the worker has gone"))
        self._waiting.clear()
        if not self._closing:
            self._when_gone()


def _settle(waiting: "asyncio.Future[Any]", answer: Any) -> None:
    if waiting.done():
        return
    if isinstance(answer, Exception):
        waiting.set_exception(answer)
    else:
        waiting.set_result(answer)


def _work(connection: socket.socket, open_functions: Callable[[], Functions], threads: int) -> NoReturn:
    """All that a worker process does. It never goes back into what the server was doing when it forked."""
    try:
        # The server is told to stop, and tells us.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        answering = _Answering(connection, open_functions())
        spare_the_collector()
        for _ in range(threads - 1):
            threading.Thread(target=answering.go_on, daemon=True).start()
        answering.go_on()
    except BaseException:
        log.exception("worker_ended")
    os._exit(1)


class _Answering:
    """Threads that take turns in waiting for the next question; the one that has it answers it."""

    def __init__(self, connection: socket.socket, functions: Functions) -> None:
        self._connection = connection
        self._incoming: BinaryIO = connection.makefile("rb")
        self._functions = functions
        self._turn = threading.Lock()
        self._sending = threading.Lock()

    def go_on(self) -> NoReturn:
        while True:
            with self._turn:
                frame = self._next_frame()
            number, name, arguments = pickle.loads(frame)  # noqa: S301 - the server wrote it
            frame = _frame((number, self._answer(name, arguments)))
            # What it was about may be large, and the next question long in coming.
            del arguments
            with self._sending:
                self._connection.sendall(frame)

    def _next_frame(self) -> bytes:
        length = self._incoming.read(_LENGTH.size)
        if not length:
            # The server has gone, or needs us no more. What is under way is the database's to end.
            os._exit(0)
        return self._incoming.read(_LENGTH.unpack(length)[0])

    def _answer(self, name: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return self._functions[name](*arguments)
        except Exception as error:
            log.exception("worker_failed", function=name)
            return WorkerFailed(repr(error))


def _frame(content: object) -> bytes:
    pickled = pickle.dumps(content, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(pickled)) + pickled
