"""Runs a service that kills itself: `python -m tests.system.dying PACKAGE METHOD FILE`.

While it answers METHOD it counts steps: before and after each statement, each commit and each call to another service.
At the step whose number is in the file it dies as by `kill -9`; without a file, it is a service like any other. What else
it does meanwhile, such as sweeping, doesn't count.
"""

import concurrent.futures
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc
from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from storekeeper_kit import clients, interceptors, server
from storekeeper_kit.streams import Context

_steps_left: ContextVar[list[None] | None] = ContextVar("steps_left", default=None)
"""One for each step before the fatal one, shared by all that happens for the sake of one call; None where none is fatal."""


def main(package: str, method: str, file: Path) -> None:
    """Serve, and die."""
    _mark_calls(method, file)
    _count_statements()
    _count_commits()
    _count_calls()
    server.run(import_module(f"{package}.app").main)


def _step(*_: object, **__: object) -> None:
    steps_left = _steps_left.get()
    if steps_left is None:
        return
    steps_left.pop()
    if not steps_left:
        os.kill(os.getpid(), signal.SIGKILL)


def _mark_calls(method: str, file: Path) -> None:
    """Whatever a call of this method does is counted, on whichever thread and in whichever task."""

    def marking(called: interceptors.Method, behaviour: interceptors.Behaviour) -> interceptors.Behaviour:
        async def marked(request: Any, context: Context) -> Any:
            if called.name.endswith(f"/{method}") and file.exists():
                _steps_left.set([None] * int(file.read_text()))
            return await behaviour(request, context)

        return marked

    interceptors.LAYERS = (marking, *interceptors.LAYERS)
    # Before the service imports it.
    concurrent.futures.ThreadPoolExecutor = _ContextExecutor  # type: ignore[misc]


class _ContextExecutor(ThreadPoolExecutor):
    """Runs what is submitted in the context that it was submitted from."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        return super().submit(copy_context().run, function, *args, **kwargs)


def _count_statements() -> None:
    event.listen(Engine, "before_cursor_execute", _step)
    event.listen(Engine, "after_cursor_execute", _step)


def _count_commits() -> None:
    # Without types in SQLAlchemy.
    commit: Callable[[DefaultDialect, Any], None] = DefaultDialect.do_commit

    def counted(self: DefaultDialect, connection: Any) -> None:
        _step()
        commit(self, connection)
        _step()

    DefaultDialect.do_commit = counted  # type: ignore[method-assign]


def _count_calls() -> None:
    class Counting(grpc.aio.UnaryUnaryClientInterceptor):
        """Counts before a call is sent and when its answer has come."""

        async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            _step()
            call = await continuation(details, request)
            await call.wait_for_connection()
            await call.code()
            _step()
            return call

    def channel(target: str) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(target, options=clients.OPTIONS, interceptors=(Counting(),))

    clients.channel = channel  # type: ignore[assignment]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
