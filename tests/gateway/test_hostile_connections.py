"""Connections of clients that break HTTP, by malice or by accident: each is refused, and none costs much."""

import asyncio
import socket

import pytest
import uvicorn
from starlette.applications import Starlette
from uvicorn.server import ServerState

from storekeeper_gateway import connection
from storekeeper_gateway.connection import HEAD_BYTES_MAX, HEADERS_MAX, BoundedHttp
from tests.gateway.client import CREDENTIALS, Autotask
from tests.harness.gateway_process import GatewayProcess

PATH = "/ATServicesRest/V1.0/Products/1"
GIVEN = "".join(f"{name}: {value}\r\n" for name, value in CREDENTIALS.items())


def sent(gateway: GatewayProcess, text: str) -> bytes:
    """All that comes back until the connection is closed."""
    host, _, port = gateway.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        try:
            client.sendall(text.encode())
            return b"".join(iter(lambda: client.recv(65536), b""))
        except ConnectionError:
            # It was closed on what was still being said.
            return b""


def get(headers: str) -> str:
    return f"GET {PATH} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{GIVEN}{headers}\r\n"


def test_a_request_may_have_many_headers(gateway: GatewayProcess) -> None:
    spare = HEADERS_MAX - len(CREDENTIALS) - 2
    assert sent(gateway, get("".join(f"X-{number}: y\r\n" for number in range(spare)))).startswith(b"HTTP/1.1 200 ")


def test_a_request_with_too_many_headers_is_refused(gateway: GatewayProcess) -> None:
    assert sent(gateway, get("".join(f"X-{number}: y\r\n" for number in range(HEADERS_MAX)))).startswith(
        b"HTTP/1.1 400 "
    )


@pytest.mark.parametrize(
    "head", [get("X: {}\r\n"), f"GET {PATH}?x={{}} HTTP/1.1\r\n{GIVEN}\r\n"], ids=["header", "address"]
)
def test_a_head_that_does_not_end_is_refused(gateway: GatewayProcess, head: str) -> None:
    assert not sent(gateway, head.format("y" * 10 * HEAD_BYTES_MAX)).startswith(b"HTTP/1.1 200 ")


def test_what_follows_a_body_without_end_is_refused(gateway: GatewayProcess) -> None:
    chunked = f"POST {PATH[:-2]}/query HTTP/1.1\r\nHost: here\r\n{GIVEN}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\nX: "
    assert not sent(gateway, chunked + "y" * 10 * HEAD_BYTES_MAX).startswith(b"HTTP/1.1 200 ")


def test_a_body_may_be_longer_than_a_head(gateway: GatewayProcess) -> None:
    body = '{"filter": []}'.ljust(4 * HEAD_BYTES_MAX)
    post = f"POST {PATH[:-2]}/query HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{GIVEN}Content-Length: {len(body)}\r\n\r\n"
    assert sent(gateway, post + body).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("verb", ["TRACE", "CONNECT", "PROPFIND"])
@pytest.mark.parametrize("path", [PATH, "/nowhere", "*"])
def test_verbs_that_nobody_knows_are_answered_as_json(gateway: GatewayProcess, verb: str, path: str) -> None:
    head, _, body = sent(gateway, get("").replace("GET", verb, 1).replace(PATH, path, 1)).partition(b"\r\n\r\n")
    assert head.split()[1] in {b"404", b"405"}
    assert body.startswith(b"{")


def test_a_client_that_leaves_in_its_body_leaves_no_trace_of_an_error(
    gateway: GatewayProcess, autotask: Autotask
) -> None:
    host, _, port = gateway.address.rpartition(":")
    before = gateway.log.read_text().count("request_failed")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        client.sendall(f"POST {PATH[:-2]} HTTP/1.1\r\nHost: here\r\n{GIVEN}Content-Length: 5\r\n\r\n{{".encode())
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
    assert autotask.find("Products", 1) is None
    assert gateway.log.read_text().count("request_failed") == before


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nX: y\r\n"])
def test_a_head_that_does_not_come_in_time_is_waited_for_no_longer(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_TIMEOUT_S", 0.05)

    async def wait() -> bytes:
        config = uvicorn.Config(Starlette(), log_config=None, lifespan="off")
        protocol = lambda: BoundedHttp(config, ServerState(), {})  # noqa: E731
        async with await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(said)
            left = await reader.read()
            writer.close()
            return left

    assert asyncio.run(asyncio.wait_for(wait(), 30)) == b""
