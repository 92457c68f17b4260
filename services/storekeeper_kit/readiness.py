"""Asks a service again and again whether it is ready for work, and tells gRPC's health service.

The check is synchronous and may hang, so each runs on a daemon thread: neither the event loop nor the end of the process
ever waits for one.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence

import structlog
from grpc_health.v1 import health, health_pb2

READY_INTERVAL_S = 2.0
AWAY_INTERVAL_S = 0.5
CHECK_TIMEOUT_S = 4.0

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Readiness:
    """The health of "", which is liveness, and of a server's services, which is readiness."""

    def __init__(self, names: Sequence[str], check: Callable[[], None]) -> None:
        self._names = names
        self._check = check
        self._reason: str | None = "not checked yet"
        self.servicer = health.aio.HealthServicer()

    async def watch(self) -> None:
        """Checks until it is cancelled."""
        await self._tell(ready=False)
        while True:
            check = _on_a_thread(self._check)
            done, _ = await asyncio.wait((check,), timeout=CHECK_TIMEOUT_S)
            await self._note(check.result() if done else f"the check takes longer than {CHECK_TIMEOUT_S:g} s")
            # One check at a time, or those that hang would pile up.
            await self._note(await check)
            await asyncio.sleep(AWAY_INTERVAL_S if self._reason else READY_INTERVAL_S)

    async def stop(self) -> None:
        """Everything is NOT_SERVING from now on."""
        await self.servicer.enter_graceful_shutdown()

    async def _note(self, reason: str | None) -> None:
        if reason == self._reason:
            return
        self._reason = reason
        await self._tell(ready=reason is None)
        if reason is None:
            log.info("service_ready")
        else:
            log.warning("service_not_ready", reason=reason)

    async def _tell(self, *, ready: bool) -> None:
        for name in self._names:
            await self.servicer.set(name, SERVING if ready else NOT_SERVING)


def _on_a_thread(check: Callable[[], None]) -> asyncio.Future[str | None]:
    """Why the check fails, or None; the future never raises."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[str | None] = loop.create_future()

    def settle(reason: str | None) -> None:
        if not result.done():
            result.set_result(reason)

    def run() -> None:
        reason = _failure(check)
        # The loop may be gone by the time that a hanging check returns.
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, reason)

    threading.Thread(target=run, name="readiness", daemon=True).start()
    return result


def _failure(check: Callable[[], None]) -> str | None:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever it is, the service is not ready
        return str(error) or type(error).__name__
    return None
