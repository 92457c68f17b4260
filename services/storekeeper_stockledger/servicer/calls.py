"""Calls and their answers as they travel between the server's process and its workers: the bytes of their messages."""

import time
import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

import structlog

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit import logs
from storekeeper_kit.caller import COSTS_VIEW, Caller
from storekeeper_kit.coalescer import Apply, Postponed
from storekeeper_kit.refusals import Refusal, Relayed, internal_error, refusal_for
from storekeeper_kit.workers import Workers

from .refusals import REFUSALS

CALLERS_REMEMBERED: Final = 1024

CHANGE_BYTES: Final = 4096
"""Where it waits, a request counts for at least as many changes as would be as long, of so many bytes each: ten times what one
has."""

STANDSTILL_S: Final = 30.0
"""How long after their deadline a worker may be busy with calls. A round trip that it began just before ends sooner."""

REQUESTS: Final[dict[str, type[Any]]] = {
    name.removesuffix("Request"): getattr(pb, name) for name in dir(pb) if name.endswith("Request")
}

T = TypeVar("T")

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Call(NamedTuple):
    """What one call asks, in whose name."""

    method: str
    """Its name without the service's: "RemoveStock"."""
    request: bytes
    actor: str
    sees_costs: bool
    changes: int = 1
    """How many changes of stock it asks for."""
    bytes_max: int = 0
    """How much the answer to many changes may hold; beyond it, it leaves movements out."""

    @property
    def weight(self) -> int:
        """For how many changes it counts where it waits; a read for one at least."""
        return max(self.changes, len(self.request) // CHANGE_BYTES)


class Told(NamedTuple):
    """What it is answered."""

    response: bytes
    replayed: bool = False


class Refused(NamedTuple):
    """Why it is not; `cause` is for the log."""

    refusal: Refusal
    cause: str


Outcome = Told | Refused | None
"""None: the call waits, and is asked again in its turn."""


def call(request: Any, caller: Caller, *, changes: int = 1, bytes_max: int = 0) -> Call:
    """A call with this request."""
    method = type(request).__name__.removesuffix("Request")
    return Call(method, request.SerializeToString(), caller.actor, caller.may(COSTS_VIEW), changes, bytes_max)


def asking(workers: Workers, function: str) -> Apply[Call, Told]:
    """Applies batches of calls by asking a worker for this function."""

    async def apply(tenant_id: int, calls: Sequence[Call], deadline: float) -> Sequence[Told | Exception]:
        timeout_s = deadline - time.monotonic() + STANDSTILL_S
        outcomes = await workers.ask(function, tenant_id, calls, deadline, timeout_s=timeout_s)
        return [_settled(one) for one in outcomes]

    return apply


def _settled(outcome: Outcome) -> Told | Exception:
    if isinstance(outcome, Refused):
        return Relayed(*outcome)
    return Postponed() if outcome is None else outcome


# --- a worker's side ---


def request_of(call: Call) -> Any:
    """What the call asks for."""
    return REQUESTS[call.method].FromString(call.request)


def caller_of(tenant_id: int, call: Call) -> Caller:
    """Who calls, as far as it matters here."""
    return _caller(tenant_id, call.actor, call.sees_costs)


def unless_refused(tenant_id: int, call: Call, function: Callable[[], T]) -> T | Refused:
    """What the function returns, or why the call is refused."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller must hear of it
        return refused(error, tenant_id, call)


def refused(error: Exception, tenant_id: int, call: Call) -> Refused:
    """The refusal for this error; one that no table knows is a bug, logged whole under the id that is answered."""
    refusal = refusal_for(error, REFUSALS)
    if refusal is None:
        error_id = uuid.uuid4()
        refusal = internal_error(error_id)
        with logs.about(logs.Call(call.method, request_of(call), caller_of(tenant_id, call))):
            log.error("call_failed", error_id=str(error_id), exc_info=error)
    # With its frames it would keep the whole batch until the collector comes.
    error.with_traceback(None)
    return Refused(refusal, repr(error))


@lru_cache(CALLERS_REMEMBERED)
def _caller(tenant_id: int, actor: str, sees_costs: bool) -> Caller:
    return Caller(tenant_id, actor, frozenset({COSTS_VIEW}) if sees_costs else frozenset())
