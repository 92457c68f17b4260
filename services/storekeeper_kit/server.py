"""Runs a gRPC server from its first breath to its last: listen, serve, watch its readiness, drain, stop.

Health of "" is liveness: SERVING from the moment the server listens until it is asked to stop. Health of a service's
name is readiness, by the service's own check; a server starts and stays when its database is away.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn, Self, cast

import grpc
import structlog
import uvloop
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from storekeeper_kit.collecting import spare_the_collector
from storekeeper_kit.config import ConfigurationError, ServiceSettings
from storekeeper_kit.interceptors import Interceptor
from storekeeper_kit.listening import CannotListen, bind, require_loopback
from storekeeper_kit.readiness import Readiness
from storekeeper_kit.refusals import Table

# Calls that reached the machine before the last client learnt of the stop still want an answer.
DRAIN_MIN_S = 0.1

MESSAGE_BYTES_MAX = 4 * 1024 * 1024
# Calls that have arrived and aren't looked at yet. Beyond this many gRPC drops calls by itself, as CANCELLED and without
# a reason; its own bound of 1,000 is less than what a burst brings, and ours refuses a call too many as OVERLOADED.
ARRIVED_MAX = 100_000
OPTIONS = (
    # A second server on a taken port would share it in silence.
    ("grpc.so_reuseport", 0),
    ("grpc.server.max_pending_requests", ARRIVED_MAX),
    ("grpc.server.max_pending_requests_hard_limit", ARRIVED_MAX),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    # Finds out about clients that vanished, and bears the pings of clients that want to find out about us.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
)

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_MISCONFIGURED = 2
EXIT_INTERRUPTED = 128 + signal.SIGINT

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a server serves."""

    names: Sequence[str]
    """Full names, as reflection and health know them: "storekeeper.stockledger.v1.StockLedger"."""
    register: Callable[[grpc.aio.Server], None]
    """Adds the servicers to the server."""
    refusals: Table = field(default_factory=dict)
    ready: Callable[[], None] = lambda: None
    """Raises, with the reason, unless the service can do its work; called on a thread of its own."""
    stall_timeout_s: float = 30.0
    """How long a client may take nothing of a stream that only answers."""


class Server:
    """One listening server; `async with` starts and stops it."""

    def __init__(self, service: Service, settings: ServiceSettings) -> None:
        require_loopback(type(settings), settings.listen)
        self._service = service
        self._settings = settings
        self._interceptor = Interceptor(
            refusals=service.refusals,
            timeout_s=settings.call_timeout_s,
            timeout_max_s=settings.call_timeout_max_s,
            stall_timeout_s=service.stall_timeout_s,
            in_flight_max=settings.calls_in_flight_max,
        )
        self._server = grpc.aio.server(interceptors=(self._interceptor,), options=OPTIONS)
        self._readiness = Readiness(service.names, service.ready)
        self._watching: asyncio.Task[None] | None = None
        self.address = settings.listen

    async def __aenter__(self) -> Self:
        methods = cast("grpc.aio.Server", _Methods(self._server))
        names = (*self._service.names, health.SERVICE_NAME, reflection.SERVICE_NAME)
        self._service.register(methods)
        health_pb2_grpc.add_HealthServicer_to_server(self._readiness.servicer, methods)
        _add_reflection(reflection.aio.ReflectionServicer(names), methods)
        self.address = _listen(self._server, self._settings.listen)
        await self._server.start()
        self._watching = asyncio.create_task(self._readiness.watch())
        log.info("server_listening", address=self.address, services=list(self._service.names))
        log.info(
            "callers_are_believed",
            detail="no tokens are configured: tenant, actor and permissions are what a caller says",
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """NOT_SERVING, then drain, then close."""
        log.info("server_stopping")
        assert self._watching is not None
        self._watching.cancel()
        await self._readiness.stop()
        refusing = asyncio.create_task(self._server.stop(self._settings.stop_grace_s))
        await self._drained()
        # What is left took too long: calls, and streams whose clients take nothing.
        await self._server.stop(None)
        await refusing
        log.info("server_stopped")

    async def _drained(self) -> None:
        await asyncio.sleep(DRAIN_MIN_S)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._interceptor.drain(), self._settings.stop_grace_s)


# Generated without types.
_add_reflection: Callable[[object, grpc.aio.Server], None] = reflection_pb2_grpc.add_ServerReflectionServicer_to_server


class _Methods:
    """Takes the methods that generated code adds to a server, and has them found by name when they are called.

    Generated code also registers each method with gRPC, which makes its event loop wait for the next call of each of
    them: with two dozen methods, a tenth of what an empty call costs.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self.add_generic_rpc_handlers = server.add_generic_rpc_handlers

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Leaves it at that."""


async def serve(service: Service, settings: ServiceSettings) -> None:
    """Serves until SIGTERM or SIGINT; a second one ends the process without waiting for anything."""
    stop = asyncio.Event()
    when_asked_to_stop(stop.set)
    async with Server(service, settings):
        spare_the_collector()
        await stop.wait()


def when_asked_to_stop(act: Callable[[], None]) -> None:
    """Calls this at SIGTERM or SIGINT; a second one ends the process without waiting for anything."""
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, _stop, act)


def _stop(act: Callable[[], None]) -> None:
    act()
    for number in STOP_SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a server's main coroutine; a start that can't succeed ends with one clear line instead of a traceback."""
    try:
        uvloop.run(main())
        _leave()
    except ConfigurationError as error:
        _exit(EXIT_MISCONFIGURED, error)
    except CannotListen as error:
        _exit(EXIT_FAILED, error)
    except KeyboardInterrupt:
        # Before the server listened for signals: there was nothing to finish yet.
        sys.exit(EXIT_INTERRUPTED)


def give_up(event: str) -> NoReturn:
    """Ends the process as it stands, for a reason that the log tells: who runs it starts it again."""
    log.critical(event)
    sys.stderr.flush()
    os._exit(EXIT_FAILED)


def _leave() -> None:
    """End the process now: Python itself would wait for threads, and so for a database that hangs."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_OK)


def _exit(code: int, error: Exception) -> None:
    sys.stderr.write(f"{error}\n")
    sys.exit(code)


def _listen(server: grpc.aio.Server, address: str) -> str:
    """Binds the address, and tells the one that was bound."""
    # gRPC would print lines of its own about an address that it can't have, and not say why in its exception.
    probe, _ = bind(address)
    probe.close()
    try:
        bound = server.add_insecure_port(address)
    except RuntimeError as error:
        raise CannotListen(f"can't listen on {address}") from error
    return f"{address.rpartition(':')[0]}:{bound}"
