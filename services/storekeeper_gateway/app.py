"""Builds the gateway from its configuration and serves it: vendors' APIs, each below its own prefix, and its health.

/livez    200 while the process lives
/readyz   200 while the services behind it serve, else 503 with their names
"""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from storekeeper_kit import config, logs
from storekeeper_kit.listening import bind, require_loopback
from storekeeper_kit.server import when_asked_to_stop

from .backends import Backends
from .connection import BoundedHttp
from .settings import GatewaySettings
from .vendor import Dialect, Gateway
from .vendors.autotask.service import Autotask

DIALECTS: Final[Mapping[str, Dialect]] = {dialect.prefix: dialect for dialect in (Autotask(),)}
"""By the first part of their addresses."""

VERBS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]

FULL: Final = "Too many requests are being answered at once. Nothing happened; please try later."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


async def main() -> None:
    """Serve until the process is asked to stop."""
    settings = config.load(GatewaySettings)
    logs.configure(settings.log_format, settings.log_level)
    await serve(settings)


async def serve(settings: GatewaySettings) -> None:
    """Serve with these settings, then finish what is under way."""
    require_loopback(GatewaySettings, settings.listen)
    listener, address = bind(settings.listen)
    backends = Backends(
        catalog_target=settings.catalog_target,
        stockledger_target=settings.stockledger_target,
        timeout_s=settings.call_timeout_s,
    )
    gateway = Gateway(
        backends=backends,
        timeout_s=settings.call_timeout_s,
        body_bytes_max=settings.body_bytes_max,
        public_url=settings.public_url,
    )
    try:
        await _run(build(gateway, settings.requests_in_flight_max), listener, address, settings)
    finally:
        await backends.close()


def build(gateway: Gateway, requests_in_flight_max: int) -> Starlette:
    """The application."""
    in_flight = asyncio.Semaphore(requests_in_flight_max)

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "SERVING"})

    async def ready(_request: Request) -> Response:
        unready = await gateway.backends.unready()
        status = {"status": "NOT_SERVING", "waitingFor": unready} if unready else {"status": "SERVING"}
        return JSONResponse(status, 503 if unready else 200)

    async def answer(request: Request) -> Response:
        dialect, segments = _addressed(request)
        if dialect is None:
            return _refuse(None, 404, "There is nothing at this address.")
        if in_flight.locked():
            log.info("request_refused", vendor=dialect.name, status=429, reason="OVERLOADED")
            return _refuse(dialect, 429, FULL)
        async with in_flight:
            return await dialect.answer(request, segments, gateway)

    async def unheard_of(request: Request, error: Exception) -> Response:
        # A verb that no dialect knows, or what is no address.
        status = error.status_code if isinstance(error, HTTPException) else 500
        return _refuse(_addressed(request)[0], status, "There is no such request.")

    return Starlette(
        routes=[Route("/livez", live), Route("/readyz", ready), Route("/{path:path}", answer, methods=VERBS)],
        exception_handlers={HTTPException: unheard_of},
    )


def _addressed(request: Request) -> tuple[Dialect | None, tuple[str, ...]]:
    """The dialect that an address belongs to, if any, and the rest of the address."""
    # Clients put a slash too many, and mix the case of letters.
    prefix, *segments = [part.casefold() for part in request.scope["path"].split("/") if part] or [""]
    return DIALECTS.get(prefix), tuple(segments)


def _refuse(dialect: Dialect | None, status: int, sentence: str) -> Response:
    return dialect.refuse(status, sentence) if dialect else JSONResponse({"error": sentence}, status)


async def _run(app: Any, listener: socket.socket, address: str, settings: GatewaySettings) -> None:
    server = _Server(
        uvicorn.Config(
            app,
            http=BoundedHttp,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=max(1, round(settings.stop_grace_s)),
        )
    )
    log.info("server_listening", address=address, vendors=sorted(DIALECTS))
    log.info("callers_are_believed", detail="no API users are configured: any complete set of credentials passes")
    await server.serve([listener])
    log.info("server_stopped")


class _Server(uvicorn.Server):
    """Ends in good order when it is asked to: uvicorn's own lets the signal end the process before it is done."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        when_asked_to_stop(self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True
