"""A server from its first breath to its last, as its operator and its clients see it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from storekeeper_kit import readiness
from storekeeper_kit.config import ConfigurationError
from storekeeper_kit.listening import CannotListen
from tests.kit.serving import NAME, TIMEOUT_S, Client, failure, service, serving
from tests.kit.waiting import POLL_INTERVAL_S, eventually

ROOT = Path(__file__).parents[2]


class Program:
    """The server of `program.py` as a process, and what it logs."""

    def __init__(self, **settings: str) -> None:
        variables = {f"STOREKEEPER_STOCKLEDGER_{name.upper()}": value for name, value in settings.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.program"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **variables},
            stderr=subprocess.PIPE,
            text=True,
        )

    def logged(self, event: str) -> dict[str, Any]:
        """The next line with this event."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            parsed: dict[str, Any] = json.loads(line)
            if parsed["event"] == event:
                return parsed
        raise AssertionError(f"ended without {event}")

    def rest(self) -> str:
        """Everything that it still says until it ends."""
        _, said = self.process.communicate(timeout=TIMEOUT_S)
        return said


@contextmanager
def program(**settings: str) -> Iterator[tuple[Program, Client]]:
    """A running server and a client of it."""
    running = Program(**settings)
    try:
        address = running.logged("server_listening")["address"]
        with grpc.insecure_channel(address) as channel:
            yield running, Client(address, channel)
    finally:
        running.process.kill()
        running.process.communicate()


class TestStarting:
    def test_the_log_tells_the_address_and_that_callers_are_believed(self) -> None:
        with capture_logs() as lines, serving(service()) as client:
            pass

        (listening,) = [line for line in lines if line["event"] == "server_listening"]
        assert listening["address"] == client.address
        assert [line["log_level"] for line in lines if line["event"] == "callers_are_believed"] == ["info"]

    def test_a_taken_port_is_told_in_one_line_that_names_it(self) -> None:
        with serving(service()) as client:
            second = Program(listen=client.address)
            said = second.rest()

        assert second.process.returncode == 1
        assert said.count("\n") == 1
        assert client.address in said

    def test_a_port_is_not_shared_with_a_second_server(self) -> None:
        with serving(service()) as client:
            second = serving(service(), listen=client.address)
            with pytest.raises(CannotListen, match=client.address):
                second.__enter__()

    @pytest.mark.parametrize(
        "address", ["0.0.0.0:50052", "[::]:50052", "192.168.1.7:50052", "example.org:50052", "50052", "127.0.0.1:70000"]
    )
    def test_addresses_that_others_can_reach_are_refused_while_callers_are_believed(self, address: str) -> None:
        with (
            pytest.raises(ConfigurationError, match="is no loopback address"),
            serving(service(), listen=address),
        ):
            pass

    def test_a_bad_variable_is_told_in_one_line_that_names_it(self) -> None:
        refused = Program(calls_in_flight_max="none")
        said = refused.rest()

        assert refused.process.returncode == 2
        assert said.startswith("STOREKEEPER_STOCKLEDGER_CALLS_IN_FLIGHT_MAX: ")
        assert said.count("\n") == 1

    def test_reflection_lists_the_services(self) -> None:
        with serving(service()) as client:
            stub: Any = reflection_pb2_grpc.ServerReflectionStub(client.channel)
            ask = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
            (answer,) = stub.ServerReflectionInfo(ask, timeout=TIMEOUT_S)

        listed = {listed.name for listed in answer.list_services_response.service}
        assert listed == {NAME, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}


class TestHealth:
    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for interval in ("AWAY_INTERVAL_S", "READY_INTERVAL_S"):
            monkeypatch.setattr(readiness, interval, POLL_INTERVAL_S)

    def test_a_server_is_alive_while_its_service_is_not_ready(self) -> None:
        def away() -> None:
            raise ConnectionError("the database is away")

        with serving(service(ready=away)) as client:
            assert client.health("") == "SERVING"
            assert client.health(NAME) == "NOT_SERVING"

    def test_readiness_comes_and_goes_and_each_turn_is_logged_once(self) -> None:
        reason: list[str] = ["the database is away"]

        def ready() -> None:
            if reason:
                raise ConnectionError(reason[0])

        with capture_logs() as lines, serving(service(ready=ready)) as client:
            assert eventually(lambda: any(line["event"] == "service_not_ready" for line in lines))
            reason.clear()
            assert eventually(lambda: client.health(NAME) == "SERVING")
            reason.append("the database is away again")
            assert eventually(lambda: client.health(NAME) == "NOT_SERVING")

        turns = [(line["event"], line.get("reason")) for line in lines if line["event"].startswith("service_")]
        assert turns == [
            ("service_not_ready", "the database is away"),
            ("service_ready", None),
            ("service_not_ready", "the database is away again"),
        ]

    def test_a_check_that_hangs_is_not_ready_and_delays_neither_calls_nor_the_end(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(readiness, "CHECK_TIMEOUT_S", 0.05)
        hanging, release = threading.Event(), threading.Event()

        def ready() -> None:
            if hanging.is_set():
                release.wait()

        with serving(service(ready=ready)) as client:
            assert eventually(lambda: client.health(NAME) == "SERVING")
            hanging.set()
            assert eventually(lambda: client.health(NAME) == "NOT_SERVING")
            assert client.call("a") == "a"
            began = time.monotonic()
        assert time.monotonic() - began < 1
        release.set()

    def test_a_check_that_hung_and_came_back_is_ready_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(readiness, "CHECK_TIMEOUT_S", 0.05)
        release = threading.Event()

        def ready() -> None:
            release.wait(TIMEOUT_S)

        with serving(service(ready=ready)) as client:
            assert client.health(NAME) == "NOT_SERVING"
            release.set()
            assert eventually(lambda: client.health(NAME) == "SERVING")

    def test_an_unknown_name_has_no_health(self) -> None:
        with serving(service()) as client:
            assert failure(client.health, "storekeeper.test.v1.Nothing").code is grpc.StatusCode.NOT_FOUND


class TestStopping:
    @pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
    def test_calls_in_flight_are_answered_before_the_end(self, signal_number: signal.Signals) -> None:
        with program() as (running, client):
            client.call()
            slow = client.start("0.5")
            client.call()
            running.process.send_signal(signal_number)
            assert slow.result().value == "0.5"
            assert running.process.wait(TIMEOUT_S) == 0
            assert "server_stopped" in running.rest()

    def test_a_call_that_takes_too_long_is_given_up(self) -> None:
        with program(stop_grace_s="0.2") as (running, client):
            client.call()
            slow = client.start("30", timeout=60)
            client.call()
            began = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(TIMEOUT_S) == 0
            assert time.monotonic() - began < 2
            assert failure(slow.result).code in {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}

    def test_clients_that_watch_its_health_learn_of_the_end_and_do_not_delay_it(self) -> None:
        with program() as (running, client):
            assert eventually(lambda: client.health(NAME) == "SERVING")
            statuses = client.watch_health(NAME)
            assert next(statuses) == "SERVING"
            began = time.monotonic()
            running.process.send_signal(signal.SIGTERM)
            assert next(statuses) == "NOT_SERVING"
            assert running.process.wait(TIMEOUT_S) == 0
            assert time.monotonic() - began < 1

    def test_streams_end_at_once_and_their_clients_may_go_on_elsewhere(self) -> None:
        with program(stop_grace_s="60") as (running, client):
            watching = [client.watch(str(number)) for number in range(3)]
            assert [next(messages) for messages in watching] == ["0", "1", "2"]
            running.process.send_signal(signal.SIGTERM)
            refusals = [failure(next, messages) for messages in watching]
            assert {(one.code, one.reason) for one in refusals} == {(grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING")}
            assert running.process.wait(TIMEOUT_S) == 0

    def test_what_came_on_a_stream_is_answered_before_it_ends(self) -> None:
        ended = threading.Event()

        def asking() -> Iterator[str]:
            yield "0"
            yield "0.5"
            ended.wait(TIMEOUT_S)

        with program(stop_grace_s="60") as (running, client):
            answers = client.chatting(asking())
            assert next(answers) == "0"
            client.call()
            running.process.send_signal(signal.SIGTERM)
            assert next(answers) == "0.5"
            assert failure(next, answers).reason == "SERVER_STOPPING"
            ended.set()
            assert running.process.wait(TIMEOUT_S) == 0

    def test_a_second_signal_ends_it_at_once(self) -> None:
        with program(stop_grace_s="60") as (running, client):
            client.start("30", timeout=60)
            client.call()
            running.process.send_signal(signal.SIGTERM)
            running.logged("server_stopping")
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(2) != 0
