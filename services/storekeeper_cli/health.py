"""Asking a service whether it serves."""

import asyncio
import http.client

import grpc.aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

METHOD = "/grpc.health.v1.Health/Check"
READY_PATH = "/readyz"
ATTEMPT_TIMEOUT_S = 1.0
# A service takes a second to start; gRPC would wait another before it tries the port again.
RECONNECT_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 50),
)


async def is_serving(address: str, grpc_service: str) -> bool:
    """Whether the service answers over gRPC, and says that it is ready for calls."""
    async with grpc.aio.insecure_channel(address, options=RECONNECT_OPTIONS) as channel:
        check = channel.unary_unary(METHOD, HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString)
        try:
            answer = await check(HealthCheckRequest(service=grpc_service), timeout=ATTEMPT_TIMEOUT_S)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == HealthCheckResponse.SERVING)


async def is_ready(address: str) -> bool:
    """Whether the service answers over HTTP, and says that it is ready for requests."""
    return await asyncio.to_thread(_is_ready, address)


def _is_ready(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=ATTEMPT_TIMEOUT_S)
    try:
        connection.request("GET", READY_PATH)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
