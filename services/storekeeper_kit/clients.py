"""Channels to our services, and what their refusals say.

A call that meets UNAVAILABLE is repeated, and no other. What creates or moves carries a request id, so a repeat never
applies twice; what is read or registered may be repeated anyway. An update that went through although its answer was lost
meets its own new etag: its repeat is ABORTED, and whoever reads again finds it done.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from storekeeper_kit.refusals import Violation

# For calls that set no deadline themselves. It ends them here, and the server has a default of its own.
CALL_TIMEOUT_S = 10.0

# The methods of our services that are streams: those last as long as their callers wish.
STREAMS = (
    {"service": "storekeeper.stockledger.v1.StockLedger", "method": "ChangeStock"},
    {"service": "storekeeper.stockledger.v1.StockLedger", "method": "WatchMovements"},
)

RETRIES = {
    "maxAttempts": 5,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A server that restarts is found again soon; gRPC's own default waits up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


def channel(target: str, *, timeout_s: float = CALL_TIMEOUT_S) -> grpc.aio.Channel:
    """A channel for asynchronous code."""
    return grpc.aio.insecure_channel(target, options=_options(timeout_s))


def blocking_channel(target: str, *, timeout_s: float = CALL_TIMEOUT_S) -> grpc.Channel:
    """A channel for synchronous code."""
    return grpc.insecure_channel(target, options=_options(timeout_s))


@dataclass(frozen=True, slots=True)
class Failure:
    """What a call that failed says; the reason is empty when it never reached a service of ours."""

    code: grpc.StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str]
    violations: tuple[Violation, ...]


def failure_of(error: grpc.RpcError) -> Failure:
    """What this error says, from a blocking call or an asynchronous one."""
    # Every error that an RPC raises is its call too, which grpc's types don't know.
    call = cast("grpc.Call", error)
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    status = rpc_status.from_call(call)
    for detail in status.details if status else ():
        # Each unpacks only what is of its own type.
        detail.Unpack(info)
        detail.Unpack(bad_request)
    return Failure(
        call.code(),
        info.reason,
        call.details() or "",
        dict(info.metadata),
        tuple(Violation(violation.field, violation.description) for violation in bad_request.field_violations),
    )


def _options(timeout_s: float) -> tuple[tuple[str, str | int], ...]:
    every_method = {"name": [{}], "timeout": f"{timeout_s:.3f}s", "retryPolicy": RETRIES}
    streams = {"name": STREAMS, "retryPolicy": RETRIES}
    return (*OPTIONS, ("grpc.service_config", json.dumps({"methodConfig": [every_method, streams]})))
