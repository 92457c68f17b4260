"""What a client meets around a method of ours; each through a real server."""

import asyncio
import gc
import itertools
import resource
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from storekeeper_kit.caller import bound_caller
from storekeeper_kit.clients import failure_of
from storekeeper_kit.deadline import bound_deadline, time_remaining
from storekeeper_kit.interceptors import REQUEST_BYTES_MAX
from storekeeper_kit.logs import add_call
from storekeeper_kit.refusals import InvalidRequest, Refusal, Table, Unavailable, Violation
from storekeeper_kit.server import MESSAGE_BYTES_MAX
from tests.kit.serving import CALL, CHAT, COLLECT, TIMEOUT_S, WATCH, Client, each_character, failure, service, serving

SECRET = "psycopg.errors: password authentication failed for user postgres"

LARGE_MB = 3
LARGE = "x" * (LARGE_MB * 2**20)

ROUNDED_UP_S = 0.1
"""gRPC sends how much time is left with few digits, rounded up."""


class Refused(Exception):
    """A refusal of the service's."""


REFUSALS: Table = {
    Refused: lambda _: Refusal(grpc.StatusCode.NOT_FOUND, "ITEM_NOT_FOUND", "no item 7", {"itemId": "7"})
}


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """The lines that are logged, with what a call lends to them."""
    with capture_logs(processors=[add_call]) as lines:
        yield lines


def raising(error: Exception) -> Callable[[str], Any]:
    async def answer(_: str) -> str:
        raise error

    return answer


def streaming_then_raising(error: Exception) -> Callable[[str], AsyncIterator[str]]:
    async def watch(text: str) -> AsyncIterator[str]:
        yield text
        raise error

    return watch


def only(logged: list[Any], event: str) -> Any:
    (line,) = [line for line in logged if line["event"] == event]
    return line


@pytest.mark.parametrize("error", [Refused, RuntimeError])
def test_a_call_that_is_not_answered_leaves_its_request_to_nobody(error: type[Exception]) -> None:
    """Requests may be large, and the collector of cycles seldom comes."""

    async def fail(_: str) -> str:
        raise error

    with serving(service(fail, refusals=REFUSALS)) as client, without_collector():
        failure(client.call, LARGE)
        before_mb = resident_mb()
        for _ in range(30):
            failure(client.call, LARGE)
        assert resident_mb() - before_mb < 30 * LARGE_MB / 2


@contextmanager
def without_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def test_each_kind_of_method_is_answered() -> None:
    with serving(service()) as client:
        assert client.call("abc") == "abc"
        assert client.collect("a", "b", "c") == "abc"
        assert list(client.watch("abc")) == ["a", "b", "c"]
        assert client.chat("a", "b", "c") == ["a", "b", "c"]


class TestRefusals:
    def test_a_refusal_reaches_the_client_with_its_reason_and_metadata(self) -> None:
        with serving(service(raising(Refused()), refusals=REFUSALS)) as client:
            refusal = failure(client.call)

        assert refusal.code is grpc.StatusCode.NOT_FOUND
        assert (refusal.reason, refusal.message, refusal.metadata) == ("ITEM_NOT_FOUND", "no item 7", {"itemId": "7"})

    def test_bad_fields_reach_the_client(self) -> None:
        bad = (Violation("item_id", "is required"), Violation("quantity", "is not a decimal number"))
        with serving(service(raising(InvalidRequest(bad)))) as client:
            refusal = failure(client.call)

        assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refusal.violations == bad

    def test_a_stream_can_be_refused_after_it_began(self) -> None:
        with serving(service(watch=streaming_then_raising(Refused()), refusals=REFUSALS)) as client:
            messages = client.watch("first")
            assert next(messages) == "first"
            assert failure(next, messages).reason == "ITEM_NOT_FOUND"

    def test_streams_of_requests_are_refused_alike(self) -> None:
        with serving(service(raising(Refused()), refusals=REFUSALS)) as client:
            assert failure(client.collect, "a").reason == "ITEM_NOT_FOUND"
            assert failure(client.chat, "a").reason == "ITEM_NOT_FOUND"

    def test_a_refusal_is_logged_with_the_words_that_the_client_does_not_see(self, logged: list[Any]) -> None:
        with serving(service(raising(Unavailable(SECRET)))) as client:
            refusal = failure(client.call, metadata=[("storekeeper-actor", "ann")])

        assert SECRET not in str(refusal)
        line = only(logged, "call_refused")
        assert SECRET in line["cause"]
        assert (line["log_level"], line["method"], line["actor"]) == ("info", CALL, "ann")


class TestBugs:
    @pytest.mark.parametrize(
        "error", [ValueError(SECRET), KeyError(SECRET), TimeoutError(SECRET), AssertionError(SECRET)]
    )
    def test_a_bug_is_answered_with_an_id_and_logged_whole_under_it(self, error: Exception, logged: list[Any]) -> None:
        with serving(service(raising(error))) as client:
            refusal = failure(client.call)

        assert (refusal.code, refusal.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL_ERROR")
        assert SECRET not in str(refusal)
        line = only(logged, "call_failed")
        assert line["error_id"] == refusal.metadata["errorId"]
        assert line["log_level"] == "error"
        assert line["exc_info"]

    def test_a_bug_in_a_stream_is_answered_alike(self) -> None:
        with serving(service(watch=streaming_then_raising(ValueError(SECRET)))) as client:
            messages = client.watch("first")
            next(messages)
            refusal = failure(next, messages)

        assert refusal.reason == "INTERNAL_ERROR"
        assert SECRET not in str(refusal)

    def test_an_answer_of_the_wrong_type_is_a_bug_like_any_other(self) -> None:
        async def number(_: str) -> Any:
            return 7

        with serving(service(number)) as client:
            assert failure(client.call).reason == "INTERNAL_ERROR"

    @pytest.mark.parametrize("method", [CALL, WATCH, COLLECT, CHAT])
    def test_bytes_that_are_no_message_are_the_client_s_mistake(self, method: str) -> None:
        with serving(service()) as client:
            refusal = failure(client.send, b"\xff\xff\xff", method)

        assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        assert "Decode" not in refusal.message

    def test_an_unknown_method_is_unimplemented(self) -> None:
        with serving(service()) as client:
            assert failure(client.send, b"", "/storekeeper.test.v1.Test/Nothing").code is grpc.StatusCode.UNIMPLEMENTED


class TestCallers:
    def test_a_method_knows_its_caller(self) -> None:
        async def who(_: str) -> str:
            caller = bound_caller()
            return f"{caller.tenant_id} {caller.actor} {sorted(caller.permissions)}"

        with serving(service(who)) as client:
            assert client.call() == "1 anonymous ['*']"
            assert client.call(metadata=[("storekeeper-tenant", "7"), ("storekeeper-actor", "ann")]) == "7 ann ['*']"

    def test_calls_at_once_have_callers_of_their_own(self) -> None:
        async def who(_: str) -> str:
            before = bound_caller()
            await asyncio.sleep(0.01)
            assert bound_caller() is before
            return before.actor

        with serving(service(who)) as client:
            calls = [client.start(metadata=[("storekeeper-actor", f"actor {number}")]) for number in range(50)]
            assert [call.result().value for call in calls] == [f"actor {number}" for number in range(50)]

    def test_a_malformed_caller_is_told_which_metadata_is_bad(self) -> None:
        with serving(service()) as client:
            refusal = failure(client.call, metadata=[("storekeeper-tenant", "0")])

        assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refusal.violations == (Violation("storekeeper-tenant", "is not a positive 64-bit integer"),)


class TestDeadlines:
    def remaining(self, client: Client, timeout: float | None) -> float:
        return float(client.call(timeout=timeout))

    def test_a_method_knows_how_long_the_client_waits(self) -> None:
        async def left(_: str) -> str:
            assert time.monotonic() < bound_deadline()
            return str(time_remaining())

        with serving(service(left), call_timeout_s=20, call_timeout_max_s=30) as client:
            assert 4 < self.remaining(client, 5) <= 5 + ROUNDED_UP_S
            # Who sets none gets the default; who sets a long one gets the longest.
            assert 19 < self.remaining(client, None) <= 20
            assert 29 < self.remaining(client, 1000) <= 30

    def test_a_call_that_takes_longer_than_it_may_is_ended_by_the_server(self) -> None:
        ended = threading.Event()

        async def forever(_: str) -> str:
            try:
                return await asyncio.Future()
            finally:
                ended.set()

        with serving(service(forever), call_timeout_s=0.1) as client:
            refusal = failure(client.call, timeout=None)
            assert ended.wait(TIMEOUT_S)

        assert (refusal.code, refusal.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_PASSED")

    def test_a_method_is_ended_when_its_client_waits_no_longer(self) -> None:
        ended = threading.Event()

        async def forever(_: str) -> str:
            try:
                return await asyncio.Future()
            finally:
                ended.set()

        with serving(service(forever)) as client:
            assert failure(client.call, timeout=0.2).code is grpc.StatusCode.DEADLINE_EXCEEDED
            assert ended.wait(TIMEOUT_S)

    def test_a_stream_may_live_longer_than_a_call(self) -> None:
        async def slow(text: str) -> AsyncIterator[str]:
            for character in text:
                await asyncio.sleep(0.05)
                yield character

        with serving(service(watch=slow), call_timeout_s=0.01, call_timeout_max_s=0.01) as client:
            assert list(client.watch("abc")) == ["a", "b", "c"]

    def test_a_method_is_stopped_when_its_client_has_gone(self, logged: list[Any]) -> None:
        began, ended = threading.Event(), threading.Event()

        async def forever(_: str) -> str:
            began.set()
            try:
                return await asyncio.Future()
            finally:
                ended.set()

        with serving(service(forever)) as client:
            call = client.start()
            assert began.wait(TIMEOUT_S)
            call.cancel()
            assert ended.wait(TIMEOUT_S)

        assert not [line for line in logged if line["event"] in {"call_failed", "call_refused"}]


class TestBounds:
    def test_a_call_too_many_is_refused_and_the_rest_are_answered(self) -> None:
        arrived, release = threading.Semaphore(0), threading.Event()

        async def wait(text: str) -> str:
            arrived.release()
            await asyncio.to_thread(release.wait)
            return text

        with serving(service(wait), calls_in_flight_max=2) as client:
            accepted = [client.start("a"), client.start("b")]
            for _ in accepted:
                assert arrived.acquire(timeout=TIMEOUT_S)
            refusal = failure(client.call, "c")
            # Liveness and readiness are not calls of ours: an overloaded server must not be taken for a dead one.
            assert client.health("") == "SERVING"
            release.set()
            assert [call.result().value for call in accepted] == ["a", "b"]
            assert client.call("d") == "d"

        assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")

    def test_requests_that_are_too_long_together_are_refused(self) -> None:
        arrived, release = threading.Semaphore(0), threading.Event()
        text = "x" * (MESSAGE_BYTES_MAX - 100)
        fitting = REQUEST_BYTES_MAX // MESSAGE_BYTES_MAX

        async def wait(_: str) -> str:
            arrived.release()
            await asyncio.to_thread(release.wait)
            return "done"

        with serving(service(wait)) as client:
            accepted = [client.start(text) for _ in range(fitting)]
            try:
                for _ in accepted:
                    assert arrived.acquire(timeout=TIMEOUT_S)
                refusal = failure(client.call, text)
            finally:
                release.set()
            assert {call.result().value for call in accepted} == {"done"}
            assert client.call(text) == "done"

        assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")

    def test_a_burst_of_calls_is_answered_or_refused_and_not_dropped(self) -> None:
        release = threading.Event()

        async def hold_the_loop(text: str) -> str:
            release.wait()
            return text

        with serving(service(hold_the_loop), calls_in_flight_max=10) as client:
            calls = [client.start("a") for _ in range(3000)]
            release.set()
            failures = [failure_of(error) for call in calls if (error := call.exception())]

        # What gRPC drops because we are too slow to look at it is CANCELLED, and has no reason.
        assert {(each.code, each.reason) for each in failures} <= {(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")}

    def test_a_refused_or_failed_call_makes_room_again(self) -> None:
        turns = itertools.count()

        async def fail_first(_: str) -> str:
            if next(turns) < 5:
                raise ValueError(SECRET)
            return "done"

        with serving(service(fail_first), calls_in_flight_max=1) as client:
            for _ in range(5):
                failure(client.call)
            assert client.call() == "done"

    def test_a_message_above_the_bound_is_refused(self) -> None:
        with serving(service()) as client:
            refusal = failure(client.call, "x" * (5 * 1024 * 1024))

        assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED


class TestLogLines:
    def test_a_slow_call_is_logged(self, logged: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("storekeeper_kit.interceptors.SLOW_CALL_S", 0.0)
        with serving(service()) as client:
            client.call(metadata=[("storekeeper-tenant", "7")])

        line = only(logged, "call_slow")
        assert (line["method"], line["tenant_id"], line["log_level"]) == (CALL, 7, "warning")

    def test_a_long_stream_is_not_a_slow_call(self, logged: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("storekeeper_kit.interceptors.SLOW_CALL_S", 0.0)
        with serving(service(watch=each_character)) as client:
            list(client.watch("abc"))

        assert not [line for line in logged if line["event"] == "call_slow"]
