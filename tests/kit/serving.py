"""A real server on loopback with methods of the test's own, on a thread with an event loop, as in a process of its own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import uvloop
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic_settings import SettingsConfigDict

from storekeeper_kit.clients import Failure, failure_of
from storekeeper_kit.config import PREFIX, ServiceSettings
from storekeeper_kit.refusals import Table
from storekeeper_kit.server import Server, Service

NAME = "storekeeper.test.v1.Test"
CALL, WATCH, COLLECT, CHAT = (f"/{NAME}/{name}" for name in ("Call", "Watch", "Collect", "Chat"))
TIMEOUT_S = 10

Answer = Callable[[str], Awaitable[str]]
Watch = Callable[[str], AsyncIterator[Any]]
Metadata = Sequence[tuple[str, str]]


class Settings(ServiceSettings):
    """The stock ledger's, on a free port."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}STOCKLEDGER_")

    listen: str = "127.0.0.1:0"
    service_role: str = "storekeeper_stockledger"


async def echo(text: str) -> str:
    """Answers with what was asked."""
    return text


async def each_character(text: str) -> AsyncIterator[str]:
    """Answers with one message for each character."""
    for character in text:
        yield character


def service(
    answer: Answer = echo,
    watch: Watch = each_character,
    *,
    refusals: Table | None = None,
    ready: Callable[[], None] = lambda: None,
    stall_timeout_s: float = TIMEOUT_S,
) -> Service:
    """One method of each kind: Call and Collect answer, Watch and Chat write a stream."""

    async def call(request: StringValue, _context: object) -> Any:
        return _message(await answer(request.value))

    async def collect(requests: AsyncIterator[StringValue], _context: object) -> Any:
        return _message(await answer("".join([request.value async for request in requests])))

    async def written(request: StringValue, _context: object) -> AsyncIterator[Any]:
        async for text in watch(request.value):
            yield _message(text)

    async def chat(requests: AsyncIterator[StringValue], context: grpc.aio.ServicerContext[Any, Any]) -> None:
        async for request in requests:
            await context.write(StringValue(value=await answer(request.value)))

    methods = {
        "Call": _handler(grpc.unary_unary_rpc_method_handler, call),
        "Collect": _handler(grpc.stream_unary_rpc_method_handler, collect),
        "Watch": _handler(grpc.unary_stream_rpc_method_handler, written),
        "Chat": _handler(grpc.stream_stream_rpc_method_handler, chat),
    }
    return Service(
        names=[NAME],
        register=lambda server: server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, methods),)),
        refusals=refusals or {},
        ready=ready,
        stall_timeout_s=stall_timeout_s,
    )


@dataclass(frozen=True, slots=True)
class Client:
    """Calls the server."""

    address: str
    channel: grpc.Channel

    def call(self, text: str = "", *, timeout: float | None = TIMEOUT_S, metadata: Metadata = ()) -> str:
        """Calls the method Call."""
        return str(self.start(text, timeout=timeout, metadata=metadata).result().value)

    def start(self, text: str = "", *, timeout: float | None = TIMEOUT_S, metadata: Metadata = ()) -> Any:
        """Calls the method Call, without waiting for the answer."""
        method = self.channel.unary_unary(CALL, StringValue.SerializeToString, StringValue.FromString)
        return method.future(StringValue(value=text), timeout=timeout, metadata=tuple(metadata))

    def collect(self, *texts: str) -> str:
        """Calls the method Collect."""
        method = self.channel.stream_unary(COLLECT, StringValue.SerializeToString, StringValue.FromString)
        return str(method(iter([StringValue(value=text) for text in texts]), timeout=TIMEOUT_S).value)

    def watch(self, text: str) -> Iterator[str]:
        """Calls the method Watch."""
        method = self.channel.unary_stream(WATCH, StringValue.SerializeToString, StringValue.FromString)
        return (str(message.value) for message in method(StringValue(value=text), timeout=TIMEOUT_S))

    def chat(self, *texts: str) -> list[str]:
        """Calls the method Chat."""
        return list(self.chatting(iter(texts)))

    def chatting(self, texts: Iterable[str]) -> Iterator[str]:
        """Calls the method Chat, with texts that may take their time."""
        method = self.channel.stream_stream(CHAT, StringValue.SerializeToString, StringValue.FromString)
        answers = method((StringValue(value=text) for text in texts), timeout=TIMEOUT_S)
        return (str(answer.value) for answer in answers)

    def send(self, message: bytes, method: str = CALL) -> bytes:
        """Calls a method with any bytes."""
        call: Callable[..., bytes] = self.channel.unary_unary(method)
        return call(message, timeout=TIMEOUT_S)

    def health(self, name: str) -> str:
        """What the health service says of this name."""
        stub = health_pb2_grpc.HealthStub(self.channel)
        return _status(stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=TIMEOUT_S))

    def watch_health(self, name: str) -> Iterator[str]:
        """What the health service says of this name, each time that it changes."""
        stub = health_pb2_grpc.HealthStub(self.channel)
        return map(_status, stub.Watch(health_pb2.HealthCheckRequest(service=name), timeout=TIMEOUT_S))


def failure(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Failure:
    """What a call fails with, which it must."""
    try:
        answer = function(*args, **kwargs)
    except grpc.RpcError as error:
        return failure_of(error)
    raise AssertionError(f"answered with {answer!r} instead of failing")


@contextmanager
def serving(served: Service, **settings: Any) -> Iterator[Client]:
    """A client of a server that runs inside the block."""
    running = _Running(served, Settings(**settings))
    try:
        with grpc.insecure_channel(running.address) as channel:
            yield Client(running.address, channel)
    finally:
        running.stop()


class _Running:
    def __init__(self, served: Service, settings: Settings) -> None:
        self.address = ""
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(served, settings))
        self._thread.start()
        self._started.wait()
        if self._error:
            raise self._error

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def _run(self, served: Service, settings: Settings) -> None:
        try:
            uvloop.run(self._serve(served, settings))
        except BaseException as error:  # noqa: BLE001 - raised where the test is
            self._error = error
        finally:
            self._started.set()

    async def _serve(self, served: Service, settings: Settings) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with Server(served, settings) as server:
            self.address = server.address
            self._started.set()
            await self._end.wait()


def _status(response: health_pb2.HealthCheckResponse) -> str:
    return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)


def _handler(kind: Callable[..., Any], behaviour: Callable[..., Any]) -> Any:
    return kind(behaviour, StringValue.FromString, StringValue.SerializeToString)


def _message(text: Any) -> Any:
    """Lets an answer of another type through, to see what becomes of it."""
    return StringValue(value=text) if isinstance(text, str) else text
