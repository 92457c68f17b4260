"""Streams: how long they last, and what becomes of clients that read slowly, or not at all; each through a real server."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue

from storekeeper_kit.deadline import time_remaining
from storekeeper_kit.refusals import Stopping
from storekeeper_kit.streams import Ending
from tests.kit.serving import TIMEOUT_S, WATCH, failure, service, serving
from tests.kit.waiting import eventually

SMALL_WINDOW = (
    # Lets the server send 64 KB that nobody has read; by itself gRPC finds out how much more makes sense.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.use_local_subchannel_pool", 1),
)
LONG_TEXT = "x" * 20_000
NEVER_TAKEN_AT_ONCE = 50
"""Many more long texts than fit into what is on its way."""


class Talker:
    """Has no end of long texts to tell, and counts how many it was asked for."""

    def __init__(self) -> None:
        self.count = 0
        self.ended = threading.Event()

    async def talk(self, _: str) -> AsyncIterator[str]:
        try:
            while True:
                self.count += 1
                yield LONG_TEXT
        finally:
            self.ended.set()

    def is_waiting(self) -> Callable[[], bool]:
        """Whether it has been asked for nothing more since this was last called."""
        before = [-1]

        def same() -> bool:
            before.append(self.count)
            return before[-2] == before[-1]

        return same


@contextmanager
def listening(talker: Talker, **options: Any) -> Iterator[Callable[[], Any]]:
    """Calls of a client that has little room for what it hasn't read."""
    calls_in_flight_max = options.pop("calls_in_flight_max", 100)
    served = service(watch=talker.talk, **options)
    with (
        serving(served, calls_in_flight_max=calls_in_flight_max, stop_grace_s=0) as client,
        grpc.insecure_channel(client.address, options=SMALL_WINDOW) as channel,
    ):
        method = channel.unary_stream(WATCH, StringValue.SerializeToString, StringValue.FromString)
        yield lambda: method(StringValue())


class TestAnswers:
    def test_what_was_serialized_before_goes_out_as_it_is(self) -> None:
        async def once_for_many(text: str) -> AsyncIterator[bytes]:
            yield StringValue(value=text).SerializeToString()

        with serving(service(watch=once_for_many)) as client:
            assert list(client.watch("abc")) == ["abc"]

    def test_one_of_the_wrong_type_is_a_bug_like_any_other(self) -> None:
        async def number(_: str) -> AsyncIterator[int]:
            yield 7

        with serving(service(watch=number)) as client:
            assert failure(list, client.watch("abc")).reason == "INTERNAL_ERROR"


class TestDeadlines:
    async def left(self, _: str) -> AsyncIterator[str]:
        yield str(time_remaining())

    def test_a_stream_has_none_unless_its_client_sets_one(self) -> None:
        with serving(service(watch=self.left), call_timeout_s=1, call_timeout_max_s=2) as client:
            method = client.channel.unary_stream(WATCH, StringValue.SerializeToString, StringValue.FromString)
            (forever,) = method(StringValue())
            (given,) = method(StringValue(), timeout=100)

        assert forever.value == "inf"
        assert 90 < float(given.value) < 101


class TestSlowClients:
    def test_the_next_message_is_made_when_the_one_before_has_gone_out(self) -> None:
        talker = Talker()
        with listening(talker) as call:
            messages = call()
            for taken in range(5):
                next(messages)
                assert eventually(talker.is_waiting())
                assert talker.count < taken + NEVER_TAKEN_AT_ONCE
            messages.cancel()
            assert talker.ended.wait(TIMEOUT_S)

    def test_one_that_takes_nothing_is_told_so_after_what_was_on_its_way(self) -> None:
        talker = Talker()
        with listening(talker, stall_timeout_s=0.2) as call:
            messages = call()
            assert talker.ended.wait(TIMEOUT_S)
            told = [next(messages).value for _ in range(talker.count)]
            refusal = failure(next, messages)

        assert len(told) < NEVER_TAKEN_AT_ONCE
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCH_STALLED")

    def test_one_that_never_reads_its_end_counts_until_it_has_gone(self) -> None:
        """What is on its way to it is held for it, and so must be bounded."""
        talker = Talker()
        with listening(talker, stall_timeout_s=0.1, calls_in_flight_max=1) as call:
            stalled = call()
            assert talker.ended.wait(TIMEOUT_S)
            assert failure(next, call()).reason == "OVERLOADED"
            stalled.cancel()
            assert eventually(lambda: self.is_taken(call()))

    def is_taken(self, messages: Any) -> bool:
        try:
            return bool(next(messages).value)
        except grpc.RpcError:
            return False
        finally:
            messages.cancel()

    def test_one_that_still_asks_may_take_its_answers_later(self) -> None:
        async def answer(text: str) -> str:
            return text

        async def test() -> None:
            async with grpc.aio.insecure_channel(client.address, options=SMALL_WINDOW) as channel:
                chat: Any = channel.stream_stream(
                    "/storekeeper.test.v1.Test/Chat", StringValue.SerializeToString, StringValue.FromString
                )()
                for _ in range(8):
                    await chat.write(StringValue(value=LONG_TEXT))
                await asyncio.sleep(0.3)
                assert [(await chat.read()).value for _ in range(8)] == [LONG_TEXT] * 8
                await chat.done_writing()

        with serving(service(answer, stall_timeout_s=0.05)) as client:
            asyncio.run(test())

    def test_a_client_that_has_gone_leaves_nothing_behind(self) -> None:
        talker = Talker()
        with listening(talker, calls_in_flight_max=1) as call:
            for _ in range(5):
                talker.ended.clear()
                assert eventually(lambda: self.is_taken(call()))
                assert talker.ended.wait(TIMEOUT_S)


class TestEnding:
    def test_what_is_in_a_scope_ends_and_what_comes_later_too(self) -> None:
        async def test() -> None:
            ending = Ending()

            async def wait() -> None:
                async with ending.scope():
                    await asyncio.Future()

            waiting = [asyncio.create_task(wait()) for _ in range(3)]
            await asyncio.sleep(0)
            ending.begin()
            ended = await asyncio.gather(*waiting, asyncio.create_task(wait()), return_exceptions=True)
            assert [type(error) for error in ended] == [Stopping] * 4

        asyncio.run(test())

    def test_a_timeout_of_the_stream_s_own_stays_one(self) -> None:
        async def test() -> None:
            async with Ending().scope():
                raise TimeoutError

        with pytest.raises(TimeoutError):
            asyncio.run(test())

    def test_requests_come_until_then(self) -> None:
        async def test() -> None:
            ending = Ending()

            async def requests() -> AsyncIterator[int]:
                yield 1
                yield 2
                ending.begin()
                await asyncio.Future()

            taken = ending.until(requests())
            assert [await anext(taken), await anext(taken)] == [1, 2]
            with pytest.raises(Stopping):
                await anext(taken)

        asyncio.run(test())
