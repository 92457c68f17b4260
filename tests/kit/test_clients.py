"""Calling our services: what is tried again, and what a failure says."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from storekeeper.catalog.v1 import catalog_pb2
from storekeeper.stockledger.v1 import stock_ledger_pb2
from storekeeper_kit import clients
from storekeeper_kit.clients import blocking_channel, channel, failure_of
from storekeeper_kit.refusals import InvalidRequest, Unavailable, Violation
from tests.kit.serving import CALL, TIMEOUT_S, WATCH, Client, failure, service, serving

SERVICE: Final = WATCH.split("/")[1]
SOON_S: Final = 0.1


def failing(times: int, error: Exception) -> tuple[Callable[[str], Awaitable[str]], Callable[[], int]]:
    """An answer that fails so many times before it succeeds, and how often it was asked."""
    turns = itertools.count(1)
    asked: list[int] = []

    async def answer(_: str) -> str:
        asked.append(next(turns))
        if len(asked) <= times:
            raise error
        return "done"

    return answer, lambda: len(asked)


def test_a_call_to_a_service_whose_database_is_away_for_a_moment_succeeds() -> None:
    answer, asked = failing(2, Unavailable())
    with serving(service(answer)) as server, blocking_channel(server.address) as to:
        assert Client(server.address, to).call() == "done"
    assert asked() == 3


def test_it_fails_as_unavailable_when_the_database_stays_away() -> None:
    answer, asked = failing(100, Unavailable())
    with serving(service(answer)) as server, blocking_channel(server.address) as to:
        refusal = failure(Client(server.address, to).call)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")
    assert 1 < asked() <= 5


@pytest.mark.parametrize("error", [InvalidRequest([Violation("quantity", "is required")]), ValueError()], ids=repr)
def test_no_other_failure_is_tried_again(error: Exception) -> None:
    answer, asked = failing(1, error)
    with serving(service(answer)) as server, blocking_channel(server.address) as to:
        failure(Client(server.address, to).call)
    assert asked() == 1


def test_a_call_without_a_deadline_gets_one() -> None:
    async def forever(_: str) -> str:
        return await asyncio.Future()

    served = serving(service(forever), call_timeout_s=3600, call_timeout_max_s=3600)
    with served as server, blocking_channel(server.address, timeout_s=2) as to:
        refusal = failure(Client(server.address, to).call, timeout=None)
    assert refusal.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_stream_lasts_as_long_as_its_client_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(_: str) -> AsyncIterator[str]:
        for text in ("first", "second"):
            yield text
            await asyncio.sleep(3 * SOON_S)

    monkeypatch.setattr(clients, "STREAMS", [{"service": SERVICE, "method": "Watch"}])
    with serving(service(watch=slow)) as server, blocking_channel(server.address, timeout_s=SOON_S) as to:
        method = to.unary_stream(WATCH, StringValue.SerializeToString, StringValue.FromString)
        assert [message.value for message in method(StringValue())] == ["first", "second"]


def test_the_streams_of_our_services_are_known() -> None:
    streams = [
        {"service": described.full_name, "method": method.name}
        for file in (catalog_pb2, stock_ledger_pb2)
        for described in file.DESCRIPTOR.services_by_name.values()
        for method in described.methods
        if method.client_streaming or method.server_streaming
    ]
    assert sorted(streams, key=str) == sorted(clients.STREAMS, key=str)


def test_an_asynchronous_client_reads_failures_alike() -> None:
    bad = (Violation("quantity", "is required"),)
    answer, _ = failing(1, InvalidRequest(bad))

    async def call(address: str) -> grpc.aio.AioRpcError:
        async with channel(address) as to:
            method = to.unary_unary(CALL, StringValue.SerializeToString, StringValue.FromString)
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await method(StringValue(), timeout=TIMEOUT_S)
            return error.value

    with serving(service(answer)) as server:
        refusal = failure_of(asyncio.run(call(server.address)))
    assert (refusal.reason, refusal.violations) == ("INVALID_REQUEST", bad)


def test_a_server_that_is_not_there_fails_without_a_reason() -> None:
    with grpc.insecure_channel("127.0.0.1:1") as to:
        refusal = failure(Client("", to).call)
    assert (refusal.code, refusal.reason, refusal.violations) == (grpc.StatusCode.UNAVAILABLE, "", ())
