"""What the gateway logs of a request: whose it was and what became of it, and nothing else that its client sent."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final, cast

import httpx
import pytest
import structlog

from storekeeper.catalog.v1 import catalog_pb2 as catalog
from storekeeper_gateway.app import build
from storekeeper_gateway.backends import Backends
from storekeeper_gateway.vendor import Gateway
from storekeeper_gateway.vendors.autotask import service
from storekeeper_kit import logs
from tests.gateway.client import ALL, BASE

SECRETS: Final = {"ApiIntegrationCode": "SECRET-CODE", "Secret": "SECRET-WORD", "Idempotency-Key": "SECRET-KEY"}
HEADERS: Final = {**SECRETS, "UserName": "ann@example.com", "storekeeper-tenant": "7"}
BODY: Final = {"name": "SECRET-NAME", "SECRET-FIELD": 1, "isActive": "SECRET-FLAG"}

BOUND: Final = {"vendor": "autotask", "method": "POST", "tenant_id": 7, "actor": "ann@example.com"}
"""What each line of a request carries, besides its address."""


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """The log, as it is written."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("json", "info", stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


class Catalog:
    """A catalog with one item, in whose lists something breaks."""

    async def GetItem(self, *_: Any, **__: Any) -> catalog.Item:  # noqa: N802 - as gRPC names it
        return catalog.Item(item_id=1, name="Mouse")

    async def ListItems(self, *_: Any, **__: Any) -> Any:  # noqa: N802 - as gRPC names it
        raise ZeroDivisionError


def send(verb: str, path: str, body: Any = None, *, requests_in_flight_max: int = 1, **headers: str) -> None:
    """Send a request to a gateway in this process."""
    backends = cast("Backends", SimpleNamespace(catalog=Catalog()))
    gateway = Gateway(backends=backends, timeout_s=5, body_bytes_max=1024, public_url=None)

    async def ask() -> None:
        transport = httpx.ASGITransport(build(gateway, requests_in_flight_max))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=HEADERS) as client:
            await client.request(verb, path, json=body, headers=headers)

    asyncio.run(ask())


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    """The lines of the log, without their times."""
    parsed = [json.loads(line) for line in written.getvalue().splitlines()]
    return [{key: value for key, value in line.items() if key != "timestamp"} for line in parsed]


def test_a_refusal_is_logged_with_whose_request_it_was(written: io.StringIO) -> None:
    send("POST", f"{BASE}/Products", BODY)
    refused = {"level": "info", "event": "request_refused", "status": 500, "reason": "BAD_FIELD"}
    assert lines(written) == [{**refused, **BOUND, "address": f"{BASE}/Products"}]


@pytest.mark.parametrize(
    ("verb", "path", "body", "reason"),
    [
        ("GET", "Nothing", None, "NO_ROUTE"),
        ("DELETE", "Products", None, "WRONG_VERB"),
        ("POST", "Products", {}, "MISSING_FIELD"),
        ("POST", "Products", ["SECRET-PART"], "NOT_ACCEPTABLE"),
        ("POST", "Products", {"name": "SECRET" * 1000}, "BODY_TOO_LONG"),
        ("POST", "Products/query", {"filter": [{"op": "eq", "field": "SECRET-FIELD"}]}, "NOT_ACCEPTABLE"),
        ("GET", "Products/query?search={SECRET-SEARCH}", None, "BAD_BODY"),
    ],
)
def test_a_refusal_says_of_which_kind_it_is(written: io.StringIO, verb: str, path: str, body: Any, reason: str) -> None:
    send(verb, f"{BASE}/{path}", body)
    (line,) = lines(written)
    assert (line["event"], line["reason"]) == ("request_refused", reason)
    assert "SECRET" not in written.getvalue()


def test_who_is_not_let_in_is_nobody_yet(written: io.StringIO) -> None:
    send("GET", f"{BASE}/Products/1", Secret="")
    (line,) = lines(written)
    assert (line["reason"], line["status"]) == ("NO_CREDENTIALS", 401)
    assert "tenant_id" not in line
    assert "SECRET" not in written.getvalue()


def test_a_request_too_many_is_logged(written: io.StringIO) -> None:
    send("GET", f"{BASE}/Products/1", requests_in_flight_max=0)
    refused = {"level": "info", "event": "request_refused", "status": 429, "reason": "OVERLOADED"}
    assert lines(written) == [{**refused, "vendor": "autotask"}]


def test_a_slow_request_is_logged(written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SLOW_CALL_S", -1)
    send("GET", f"{BASE}/Products/1?SECRET-PARAMETER=1")
    (line,) = lines(written)
    assert line.pop("duration_s") >= 0
    slow = {"level": "warning", "event": "request_slow", "status": 200}
    assert line == {**slow, **BOUND, "method": "GET", "address": f"{BASE}/Products/1"}


def test_a_defect_is_logged_with_whose_request_it_was(written: io.StringIO) -> None:
    send("POST", f"{BASE}/Products/query", {"filter": [{**ALL, "value": 4711}]})
    (line,) = lines(written)
    assert line["event"] == "request_failed"
    assert "ZeroDivisionError" in line["exception"]
    assert line.items() >= {**BOUND, "address": f"{BASE}/Products/query"}.items()
    assert "SECRET" not in written.getvalue()
    assert "4711" not in written.getvalue()


def test_a_request_that_succeeds_is_not_logged(written: io.StringIO) -> None:
    send("GET", f"{BASE}/Products/1")
    assert lines(written) == []


def test_an_address_is_cut_as_it_can_be_as_long_as_anything(written: io.StringIO) -> None:
    send("GET", f"{BASE}/" + "x" * 10_000)
    (line,) = lines(written)
    assert len(line["address"]) == service.ADDRESS_CHARS_MAX
