"""Log lines: events with a stable name and typed keys, as JSON or for a terminal, on standard error.

A line that is written while a call is answered carries the call's method, tenant, actor, request id and what else tells
it from others. They are looked up when a line is written and not before, so that a call that logs nothing pays nothing. What libraries send to the
standard logging module looks the same.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from storekeeper_kit.caller import Caller
from storekeeper_kit.config import LogFormat, LogLevel

REQUEST_ID_CHARS_MAX = 64
# What libraries tell at the level "info" is of no use to an operator.
LIBRARIES_LEVEL = logging.WARNING


@dataclass(slots=True)
class Call:
    """The call that is being answered, as far as log lines show it."""

    method: str
    request: Any = None
    caller: Caller | None = None
    ids: Mapping[str, object] = field(default_factory=dict)
    """What its lines carry besides."""


bound_call: ContextVar[Call | None] = ContextVar("call", default=None)


def configure(log_format: LogFormat | None = None, level: LogLevel = "info", *, stream: TextIO | None = None) -> None:
    """Sets up logging for this process."""
    out = sys.stderr if stream is None else stream
    render = _renderer(log_format or ("console" if out.isatty() else "json"))
    minimum = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_SHARED, *render],
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        logger_factory=structlog.WriteLoggerFactory(out),
    )
    _route_standard_logging(render, out, max(minimum, LIBRARIES_LEVEL))


@contextmanager
def about(call: Call) -> Iterator[None]:
    """Lines that are written meanwhile carry this call's ids."""
    token = bound_call.set(call)
    try:
        yield
    finally:
        bound_call.reset(token)


def add_call(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Puts the ids of the call that is being answered into a log line."""
    call = bound_call.get()
    if call is None:
        return event
    ids: dict[str, object] = {**call.ids, "method": call.method}
    if call.caller is not None:
        ids |= {"tenant_id": call.caller.tenant_id, "actor": call.caller.actor}
    if request_id := getattr(call.request, "request_id", None):
        ids["request_id"] = str(request_id)[:REQUEST_ID_CHARS_MAX]
    return {**ids, **event}


def _time_level_and_event_first(_logger: object, _method: str, event: EventDict) -> EventDict:
    first = {key: event.pop(key) for key in ("timestamp", "level", "event") if key in event}
    return {**first, **event}


_SHARED: tuple[Processor, ...] = (
    add_call,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _time_level_and_event_first,
)


def _renderer(log_format: LogFormat) -> tuple[Processor, ...]:
    if log_format == "console":
        # Its own choice, tracebacks with all local variables, shows what callers sent and takes a third of a second.
        return (structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),)
    return structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)


def _route_standard_logging(render: tuple[Processor, ...], out: TextIO, level: int) -> None:
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_logger_name,
                structlog.stdlib.PositionalArgumentsFormatter(),
                *_SHARED,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
