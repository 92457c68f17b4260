"""Turns an exception into the status that a client reads: one table for each service, and this one for the kit.

    Exception in a table   -> its Refusal: code, reason, metadata or bad fields
    anything else          -> INTERNAL with an error id; the log has the same id and the whole traceback

What a client gets is a google.rpc.Status with an ErrorInfo (the reason, a value of storekeeper.errors.v1.ErrorReason)
and, for bad fields, a BadRequest. No other text leaves the process: no traceback, no driver's message.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

DOMAIN = "storekeeper"

# A status travels in HTTP/2 trailers. gRPC's clients take 8 KiB of them, and base64 makes a third more of what is sent.
MESSAGE_CHARS_MAX = 300
METADATA_CHARS_MAX = 300
BAD_REQUEST_BYTES_MAX = 3000


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field, by its path in the request, and what is wrong with it."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client is told instead of an answer."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()


Table = Mapping[type[Exception], Callable[[Any], Refusal]]


class InvalidRequest(Exception):
    """Fields of the request are malformed; all of them are listed."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(f"{bad.field} {bad.description}".strip() for bad in self.violations))


class Unavailable(Exception):
    """The database can't be reached; its text is for the log, never for the client."""


class DeadlineExceeded(Exception):
    """The time of the call ran out before it was done."""


class Overloaded(Exception):
    """More calls are in flight than the server accepts."""


class Stalled(Exception):
    """The client of a stream took nothing for too long."""


class Stopping(Exception):
    """The server stops, so the stream ends."""


class Relayed(Exception):
    """Another process of the same service has refused; `cause` says for the log what it met."""

    def __init__(self, refusal: Refusal, cause: str) -> None:
        super().__init__(cause)
        self.refusal = refusal

    def __repr__(self) -> str:
        return str(self)


def refusal_for(error: Exception, table: Table) -> Refusal | None:
    """The refusal that the table, or else the kit's own, has for this class of error or its nearest base."""
    for known in (table, KIT_REFUSALS):
        for cls in type(error).__mro__:
            if cls in known:
                return known[cls](error)
    return None


def internal_error(error_id: uuid.UUID) -> Refusal:
    """What a client is told of a bug: nothing but the id under which the log has all of it."""
    return Refusal(
        grpc.StatusCode.INTERNAL,
        "INTERNAL_ERROR",
        f"something went wrong on our side; the log has it under {error_id}",
        {"errorId": str(error_id)},
    )


async def abort(context: grpc.aio.ServicerContext[Any, Any], refusal: Refusal) -> NoReturn:
    """Ends the call with this refusal."""
    status = rpc_status.to_status(status_of(refusal))
    await context.abort(status.code, status.details, (*context.trailing_metadata(), *status.trailing_metadata))
    raise AssertionError("abort never returns")


def status_of(refusal: Refusal) -> status_pb2.Status:
    """The refusal as it travels, cut to what fits into the trailers."""
    status = status_pb2.Status(code=refusal.code.value[0], message=_cut(refusal.message, MESSAGE_CHARS_MAX))
    metadata = {key: _cut(value, METADATA_CHARS_MAX) for key, value in refusal.metadata.items()}
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN, metadata=metadata))
    if refusal.violations:
        status.details.add().Pack(_bad_request(refusal.violations))
    return status


def _bad_request(violations: tuple[Violation, ...]) -> error_details_pb2.BadRequest:
    bad_request = error_details_pb2.BadRequest()
    for violation in violations:
        shown = bad_request.field_violations.add(
            field=_cut(violation.field, METADATA_CHARS_MAX), description=_cut(violation.description, MESSAGE_CHARS_MAX)
        )
        if bad_request.ByteSize() > BAD_REQUEST_BYTES_MAX:
            bad_request.field_violations.remove(shown)
            break
    return bad_request


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"


def _invalid_request(error: InvalidRequest) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", str(error), {}, error.violations)


KIT_REFUSALS: Table = {
    Relayed: lambda relayed: relayed.refusal,
    InvalidRequest: _invalid_request,
    Unavailable: lambda _: Refusal(
        grpc.StatusCode.UNAVAILABLE,
        "DATABASE_UNAVAILABLE",
        "the database can't be reached; repeat the call with the same request id",
    ),
    DeadlineExceeded: lambda _: Refusal(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "DEADLINE_PASSED",
        "time ran out; the call may have happened: repeat it with the same request id",
    ),
    Overloaded: lambda _: Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "OVERLOADED",
        "more calls are in flight than this server accepts; nothing happened",
    ),
    Stalled: lambda _: Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "WATCH_STALLED",
        "nothing was taken for too long; go on from the token of the last message that arrived",
    ),
    Stopping: lambda _: Refusal(
        grpc.StatusCode.UNAVAILABLE,
        "SERVER_STOPPING",
        "the server is stopping; go on with another stream, from the token or with the request ids of this one",
    ),
}
