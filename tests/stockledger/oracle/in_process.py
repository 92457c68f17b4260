"""A ledger in the process of the test: all that its own processes build, but for the server and the workers.

Requests and answers are the same messages as over gRPC, and so are refusals; nobody listens, and who would be a worker
is a thread.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, cast

import grpc
import pytest
import uvloop
from google.protobuf.message import Message
from pydantic import SecretStr

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit import server
from storekeeper_kit.caller import EVERYTHING, Caller, bind_caller
from storekeeper_kit.config import ServiceSettings
from storekeeper_kit.deadline import bind_deadline
from storekeeper_kit.refusals import refusal_for, status_of
from storekeeper_kit.workers import Functions
from storekeeper_stockledger import app
from storekeeper_stockledger.settings import StockLedgerSettings
from storekeeper_stockledger.storage import ahead, recording
from tests.harness.invariants import check_invariants
from tests.stockledger.oracle.backends import REPLAYED, TIMEOUT_S, Told
from tests.stockledger.oracle.messages import ACTOR

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class _Methods:
    """Takes what generated code adds to a server."""

    def __init__(self) -> None:
        self.by_name: Mapping[str, Handler] = {}

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """The same methods once more, to be found by a server."""

    def add_registered_method_handlers(self, _: str, handlers: Mapping[str, Handler]) -> None:
        self.by_name = handlers


class _Context:
    """What a method is told of its call."""

    def __init__(self) -> None:
        self.trailers: tuple[tuple[str, str], ...] = ()

    def set_trailing_metadata(self, trailers: tuple[tuple[str, str], ...]) -> None:
        self.trailers = trailers


class LedgerInProcess:
    """The service, with an event loop that runs while it is asked."""

    def __init__(self, loop: asyncio.AbstractEventLoop, service: server.Service) -> None:
        methods = _Methods()
        service.register(cast("grpc.aio.Server", methods))
        self._loop = loop
        self._refusals = service.refusals
        self._methods = methods.by_name

    def ask(self, tenant_id: int, method: str, request: Message) -> Told:
        """Call a method in a tenant's name."""
        return self._loop.run_until_complete(self._asked(tenant_id, method, request))

    def stream(self, tenant_id: int, method: str, requests: Sequence[Message]) -> list[Any]:
        """Call a method that takes and gives streams in a tenant's name."""
        return self._loop.run_until_complete(self._streamed(tenant_id, method, requests))

    async def _asked(self, tenant_id: int, method: str, request: Message) -> Told:
        context = _Context()
        _bind(tenant_id)
        behaviour: Any = self._methods[method].unary_unary
        try:
            answer = await behaviour(request, context)
        except Exception as error:
            refusal = refusal_for(error, self._refusals)
            if refusal is None:
                raise
            return Told(status=status_of(refusal))
        return Told(_message(method, answer), replayed=REPLAYED in context.trailers)

    async def _streamed(self, tenant_id: int, method: str, requests: Sequence[Message]) -> list[Any]:
        async def given() -> AsyncIterator[Message]:
            for request in requests:
                yield request

        _bind(tenant_id)
        behaviour: Any = self._methods[method].stream_stream
        return [_message(method, response) async for response in behaviour(given(), _Context())]


class _Workers:
    """Answers what workers would be asked."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    async def connect(self, when_gone: Callable[[], None]) -> None:
        """It is here already."""

    async def ask(self, name: str, *arguments: Any, timeout_s: float) -> Any:
        """What the function of this name returns."""
        return await asyncio.to_thread(self._functions[name], *arguments)

    def close(self) -> None:
        """It goes with the process."""


def _message(method: str, answer: Any) -> Any:
    """An answer as its caller reads it; some are bytes already."""
    response = pb.DESCRIPTOR.services_by_name["StockLedger"].methods_by_name[method].output_type
    return getattr(pb, response.name).FromString(answer) if isinstance(answer, bytes) else answer


def _bind(tenant_id: int) -> None:
    """Make this the tenant that the current call acts for."""
    bind_caller(Caller(tenant_id, ACTOR, EVERYTHING))
    bind_deadline(time.monotonic() + TIMEOUT_S)


class InProcess:
    """That ledger, for one tenant."""

    def __init__(self, ledger: LedgerInProcess, tenant_id: int, owner_url: str) -> None:
        self._ledger = ledger
        self._tenant_id = tenant_id
        self._owner_url = owner_url

    def ask(self, method: str, request: Message) -> Told:
        """Call a method of it."""
        return self._ledger.ask(self._tenant_id, method, request)

    def stream(self, method: str, requests: Sequence[Message]) -> list[Any]:
        """Call a method that takes and gives streams."""
        return self._ledger.stream(self._tenant_id, method, requests)

    def check(self) -> None:
        """Fail unless all invariants hold of what is stored."""
        check_invariants(self._owner_url, self._tenant_id)


@contextmanager
def ledger_in_process(database_url: str) -> Iterator[LedgerInProcess]:
    """A ledger on this database."""
    loop = uvloop.new_event_loop()
    served: asyncio.Future[server.Service] = loop.create_future()
    stop = asyncio.Event()

    async def serve(service: server.Service, _: ServiceSettings) -> None:
        served.set_result(service)
        await stop.wait()

    settings = StockLedgerSettings(database_url=SecretStr(database_url))
    database = app.worker_database(settings)
    workers: Any = _Workers(app.functions(database))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "serve", serve)
        # What ought to be told alike whenever it is written or read is written, and read, as soon as may be.
        patch.setattr(recording, "PART", 1)
        patch.setattr(ahead, "MANY", 1)
        serving = loop.create_task(app.serve(settings, workers))
        try:
            yield LedgerInProcess(loop, loop.run_until_complete(served))
        finally:
            stop.set()
            loop.run_until_complete(serving)
            database.close()
            loop.close()
