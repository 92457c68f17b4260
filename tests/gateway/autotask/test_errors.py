"""What is wrong with a request is told in Autotask's envelope, under its statuses; nothing changes, and nothing leaks."""

import asyncio
import gzip
import json
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
import httpx
import pytest
from structlog.testing import capture_logs

from storekeeper.errors.v1.error_reason_pb2 import ErrorReason
from storekeeper_gateway.app import build
from storekeeper_gateway.backends import Backends
from storekeeper_gateway.vendor import Gateway
from storekeeper_gateway.vendors.autotask.errors import ERRORS, refused
from storekeeper_gateway.vendors.autotask.fields import PRODUCT
from storekeeper_kit.clients import Failure
from storekeeper_kit.refusals import Violation
from tests.gateway.client import BASE, CREDENTIALS, Answer, Autotask, answer_of
from tests.gateway.places import Hand
from tests.harness.gateway_process import GatewayProcess
from tests.harness.stock import Stock

CONTRACT = Path(__file__).parents[3] / "protos/storekeeper/errors/v1/error_reason.proto"
BODY_BYTES_MAX = 1_048_576
CONNECTION_TIMEOUT_S = 10.0

LEAKS = re.compile(
    r"Traceback|psycopg|postgres|sqlalchemy|grpc|\.py\b|0x[0-9a-f]{6}|DETAIL|SELECT|asyncio", re.IGNORECASE
)
"""What would show how we are made."""

MISTAKEN_FOR_A_LOGIN = re.compile(r"authentication|unauthorized|invalid credentials", re.IGNORECASE)
"""Words that clients take for a login that failed."""


# --- every reason -------------------------------------------------------------------------------------------------


def reasons() -> dict[str, dict[str, str]]:
    """Each reason of the contract, with the metadata that its comment promises."""
    text = CONTRACT.read_text(encoding="utf-8")
    found = {}
    for comment, name in re.findall(r"((?:  //.*\n)+)  ([A-Z_]+) = [1-9]", text):
        promised = re.search(r"Metadata: ([^:]*(?::[^:]*)?)$", " ".join(re.sub(r"\s*//\s*", " ", comment).split()))
        found[name] = {word: f"<{word}>" for word in re.findall(r"\w+", promised[1])} if promised else {}
    return found


def test_every_reason_has_an_entry_and_there_are_no_others() -> None:
    contract = {name for name, number in ErrorReason.items() if number}
    assert set(reasons()) == contract
    assert set(ERRORS) == contract


@pytest.mark.parametrize("reason", reasons())
def test_a_reason_is_told_whole(reason: str) -> None:
    failure = Failure(grpc.StatusCode.UNKNOWN, reason, "it can't be", reasons()[reason], ())
    refusal = refused(failure, None)
    assert refusal.status == (429 if reason == "OVERLOADED" else 500)
    (sentence,) = refusal.sentences
    assert sentence.endswith(".")
    assert "?" not in sentence
    assert not LEAKS.search(sentence)
    assert not MISTAKEN_FOR_A_LOGIN.search(sentence)


def test_a_failure_without_a_reason_is_told_too() -> None:
    refusal = refused(Failure(grpc.StatusCode.UNAVAILABLE, "", "connect failed: 127.0.0.1:50052", {}, ()), None)
    assert refusal.status == 500
    assert "127.0.0.1" not in " ".join(refusal.sentences)


def test_bad_fields_are_called_by_autotasks_names() -> None:
    violations = (Violation("item.unit_cost.value", "is negative"), Violation("item.sku", "is too long"))
    failure = Failure(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "bad", {}, violations)
    assert refused(failure, PRODUCT).sentences == ("The field unitCost is negative.", "The field sku is too long.")


def test_who_may_not_see_costs_is_told_so_in_the_words_that_clients_look_for(autotask: Autotask) -> None:
    query = {"filter": [{"op": "gt", "field": "unitCost", "value": 1}]}
    sentences = autotask.refusal("POST", "Products/query", query, storekeeper_permissions="stock.write")
    assert "do not have the adequate permissions" in sentences
    assert "unitCost" in sentences


# --- bad input ----------------------------------------------------------------------------------------------------


class Shelf:
    """A tenant with one stocked item, which no bad request changes."""

    def __init__(self, autotask: Autotask) -> None:
        self.autotask = autotask
        self.position_id = autotask.position()
        self.stocked_item_id = autotask.add(self.position_id, 5)
        self._before = self._rows()

    def _rows(self) -> list[Any]:
        entities = ("Products", "InventoryLocations", "InventoryProducts", "InventoryStockedItems")
        return [self.autotask.query(entity) for entity in entities]

    def unchanged(self) -> bool:
        """Whether it is as it was."""
        return self._rows() == self._before

    def told(self, answer: Answer, status: int) -> str:
        """What the client is told, in the vendor's shape; nothing changed, and nothing leaked."""
        assert answer.status == status, answer
        key = "Message" if status == 405 else "errors"
        assert list(answer.payload) == [key]
        sentences = [answer.payload[key]] if status == 405 else answer.payload[key]
        assert sentences
        assert not any(LEAKS.search(sentence) for sentence in sentences)
        assert self.unchanged()
        return " ".join(sentences)


@pytest.fixture
def shelf(autotask: Autotask) -> Shelf:
    return Shelf(autotask)


BODIES = {
    "nothing": b"",
    "blanks": b"  \n",
    "cut short": b'{"name": "x"',
    "no JSON": b"name=x",
    "two": b'{"name": "x"} {"name": "y"}',
    "a key twice": b'{"name": "x", "name": "y"}',
    "a key twice below": b'{"name": {"a": 1, "a": 2}}',
    "not UTF-8": b'{"name": "\xff"}',
    "half a character": b'{"name": "\\ud800"}',
    "half a character in a key": b'{"\\udfff": 1}',
    "NaN": b'{"unitCost": NaN}',
    "Infinity": b'{"unitCost": -Infinity}',
    "a long number": b'{"unitCost": ' + b"9" * 5000 + b"}",
    "a huge number": b'{"unitCost": 1e999999}',
    "a tiny number": b'{"unitCost": 1e-999999}',
    "21 deep": b'{"name": ' + b"[" * 20 + b"]" * 20 + b"}",
    "very deep": b"[" * 100_000 + b"]" * 100_000,
}
"""And what is said of them: a body that isn't there or is of another kind is no Product, the others can't be read."""


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(("verb", "path"), [("POST", "Products"), ("PATCH", "Products"), ("POST", "Products/query")])
def test_a_body_that_cannot_be_read(shelf: Shelf, verb: str, path: str, name: str) -> None:
    answer = shelf.autotask.send(verb, path, BODIES[name])
    is_missing_query = path.endswith("query") and name in {"nothing", "blanks"}
    assert shelf.told(answer, 500 if is_missing_query else 400)


@pytest.mark.parametrize("body", [[], ["name"], "name", 7, True, None], ids=repr)
@pytest.mark.parametrize(("verb", "path"), [("POST", "Products"), ("PUT", "Products"), ("POST", "Products/query")])
def test_a_body_that_is_no_object(shelf: Shelf, verb: str, path: str, body: object) -> None:
    content = json.dumps(body).encode()
    assert "JSON object" in shelf.told(shelf.autotask.send(verb, path, content), 500)


@pytest.mark.parametrize(
    ("fields", "blamed"),
    [
        ({"name": ["x"]}, "name"),
        ({"name": {"x": 1}}, "name"),
        ({"name": True}, "name"),
        ({"name": "x" * 1001}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"sku": "a\0b"}, "sku"),
        ({"link": "a\0b"}, ""),
        ({"isActive": "maybe"}, "isActive"),
        ({"isSerialized": 7}, "isSerialized"),
        ({"productBillingCodeID": "many"}, "productBillingCodeID"),
        ({"productBillingCodeID": 2**31}, "productBillingCodeID"),
        ({"productBillingCodeID": 2**63}, "productBillingCodeID"),
        ({"productBillingCodeID": 1.5}, "productBillingCodeID"),
        ({"unitCost": "a lot"}, "unitCost"),
        ({"unitCost": 10**12}, "unitCost"),
        ({"unitCost": -1}, "unitCost"),
        ({"unitCost": 1e-11}, "unitCost"),
        ({"periodType": 2**31}, "periodType"),
    ],
)
def test_a_value_of_another_type(shelf: Shelf, fields: dict[str, object], blamed: str) -> None:
    product = {"name": "Mouse", "isActive": True, "isSerialized": False, "productBillingCodeID": 1}
    assert blamed in shelf.told(shelf.autotask.send("POST", "Products", {**product, **fields}), 500)


def test_every_bad_field_is_told_at_once(shelf: Shelf) -> None:
    answer = shelf.autotask.send("POST", "Products", {"name": [], "isActive": "maybe", "unitCost": "a lot"})
    assert len(answer.payload["errors"]) == 3
    shelf.told(answer, 500)


@pytest.mark.parametrize(
    ("entity", "field"),
    [("Products", "name"), ("Products", "link"), ("InventoryLocations", "locationName"), ("InventoryProducts", "bin")],
)
def test_a_character_that_stands_for_nothing_in_a_query(shelf: Shelf, entity: str, field: str) -> None:
    """It finds nothing, or is refused; it is no error of the database's."""
    query = {"filter": [{"op": "contains", "field": field, "value": "a\0b"}]}
    answer = shelf.autotask.send("POST", f"{entity}/query", query)
    if answer.status == 200:
        assert answer.payload["items"] == []
    else:
        shelf.told(answer, 500)
        assert "logged under the id" not in str(answer.payload)


class TestBodiesThatAreTooLong:
    def test_as_they_are(self, shelf: Shelf) -> None:
        body = b'{"name": "' + b"x" * BODY_BYTES_MAX + b'"}'
        assert str(BODY_BYTES_MAX) in shelf.told(shelf.autotask.send("POST", "Products", body), 413)

    def test_once_unpacked(self, shelf: Shelf) -> None:
        body = gzip.compress(b" " * (200 * BODY_BYTES_MAX))
        assert len(body) < BODY_BYTES_MAX
        answer = shelf.autotask.send("POST", "Products", body, Content_Encoding="gzip")
        assert str(BODY_BYTES_MAX) in shelf.told(answer, 413)

    def test_in_pieces_of_unknown_number(self, shelf: Shelf) -> None:
        def pieces() -> Any:
            for _ in range(20):
                yield b" " * 100_000

        response = shelf.autotask.http.post(f"{BASE}/Products", content=pieces())
        shelf.told(answer_of(response), 413)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b'{"name": "x"}'),
        ("gzip", gzip.compress(b'{"name": "x"}')[:-9]),
        ("gzip", b""),
        ("br", b"\x0b"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}"))),
    ],
    ids=["no gzip", "cut short", "nothing", "brotli", "twice"],
)
def test_a_body_that_is_packed_otherwise_than_it_says(shelf: Shelf, encoding: str, body: bytes) -> None:
    shelf.told(shelf.autotask.send("POST", "Products", body, Content_Encoding=encoding), 400)


# --- addresses and verbs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "",
        "Nothing",
        "Nothing/query",
        "Products/seven",
        "Products/-1",
        "Products/1.5",
        "Products/٣",
        "Products/" + "9" * 19,
        "Products/" + "9" * 5000,
        "Products/1/Nothing",
        "Products/1/StockedItems",
        "Products/query/all",
        "InventoryProducts/1/StockedItems/2/3",
        "InventoryProducts/" + "9" * 19 + "/StockedItems",
        "EntityInformation/Products",
    ],
    ids=lambda path: path[:40] or "nothing",
)
@pytest.mark.parametrize("verb", ["GET", "POST", "PATCH", "DELETE"])
def test_an_address_where_there_is_nothing(shelf: Shelf, verb: str, path: str) -> None:
    assert shelf.told(shelf.autotask.send(verb, path, {} if verb in {"POST", "PATCH"} else None), 404)


@pytest.mark.parametrize("version", ["V2.0", "V1", "1.0", "query"])
def test_another_version(shelf: Shelf, version: str) -> None:
    response = shelf.autotask.http.get(f"/ATServicesRest/{version}/Products/1")
    shelf.told(answer_of(response), 404)


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "Products"),
        ("DELETE", "Products"),
        ("DELETE", "Products/1"),
        ("POST", "Products/1"),
        ("PUT", "Products/query"),
        ("DELETE", "Products/query/count"),
        ("POST", "Products/entityInformation"),
        ("POST", "InventoryStockedItems"),
        ("PUT", "InventoryProducts/1/StockedItemsAdd"),
        ("OPTIONS", "Products"),
        ("TRACE", "Products"),
        ("POST", "EntityInformation"),
        ("POST", "ZoneInformation?user=x"),
    ],
)
def test_a_verb_that_an_address_does_not_know(shelf: Shelf, verb: str, path: str) -> None:
    message = shelf.told(shelf.autotask.send(verb, path, {} if verb in {"POST", "PUT"} else None), 405)
    assert message == f"The requested resource does not support http method '{verb}'."


def test_a_head_is_refused_without_a_body(shelf: Shelf) -> None:
    response = shelf.autotask.http.head(f"{BASE}/Products/1")
    assert (response.status_code, response.content) == (405, b"")


# --- whose request it is ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", CREDENTIALS)
@pytest.mark.parametrize("blank", [None, ""], ids=repr)
@pytest.mark.parametrize("path", ["Products/1", "Nothing"])
def test_credentials_must_be_complete(
    shelf: Shelf, gateway: GatewayProcess, missing: str, blank: str | None, path: str
) -> None:
    headers = {name: value for name, value in CREDENTIALS.items() if name != missing}
    if blank is not None:
        headers[missing] = blank
    answer = answer_of(httpx.get(f"http://{gateway.address}{BASE}/{path}", headers=headers))
    assert missing in shelf.told(answer, 401)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("storekeeper-tenant", "0"),
        ("storekeeper-tenant", "one"),
        ("storekeeper-tenant", str(2**63)),
        ("storekeeper-permissions", "ALL!"),
        ("storekeeper-permissions", "x" * 2001),
        ("UserName", "x" * 201),
    ],
    ids=lambda text: text[:30],
)
def test_a_header_that_names_nobody(shelf: Shelf, gateway: GatewayProcess, header: str, value: str) -> None:
    given = {**CREDENTIALS, header: value}
    shelf.told(answer_of(httpx.get(f"http://{gateway.address}{BASE}/Products/1", headers=given)), 400)


def test_a_user_in_another_alphabet_is_welcome(autotask: Autotask, stock: Stock) -> None:
    position_id = autotask.position()
    autotask.http.headers = httpx.Headers({**autotask.http.headers, "username": "Jürgen"}, encoding="utf-8")
    autotask.add(position_id)
    # Metadata of gRPC is ASCII.
    assert re.fullmatch("J[ -~]+rgen", stock.movements()[-1].actor)


def test_another_tenants_records_do_not_exist(shelf: Shelf, gateway: GatewayProcess) -> None:
    with Autotask(gateway.address, tenant_id=2**50) as other:
        assert other.find("InventoryProducts", shelf.position_id) is None
        assert other.query("InventoryStockedItems") == []
        change = {"id": shelf.position_id, "bin": "B-2"}
        assert "No matching records found" in other.refusal("PATCH", "InventoryProducts", change)
        assert "No matching records found" in other.refusal("DELETE", f"InventoryProducts/{shelf.position_id}")
    assert shelf.unchanged()


# --- below HTTP ---------------------------------------------------------------------------------------------------


def raw(gateway: GatewayProcess, head: str, body: bytes = b"") -> tuple[int, bytes]:
    """The status and the rest of what is answered to these very bytes."""
    credentials = "".join(f"{name}: {value}\r\n" for name, value in CREDENTIALS.items())
    host, _, port = gateway.address.rpartition(":")
    with socket.create_connection((host, int(port)), CONNECTION_TIMEOUT_S) as connection:
        connection.sendall(f"{head}{credentials}Connection: close\r\n\r\n".encode("latin-1") + body)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    match = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    return int(match[1]) if match else 0, answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    "host", ["", "[", "a b", "x/y?z", "evil.example:99999999", "\xff", "a" * 5000, "[::1"], ids=ascii
)
def test_a_host_that_is_none_leads_nowhere_else(gateway: GatewayProcess, host: str) -> None:
    """Links name the address that the gateway listens on, or the host as it was given; never a part of another address."""
    status, body = raw(gateway, f"GET {BASE}/ZoneInformation?user=x HTTP/1.1\r\nHost: {host}\r\n")
    if status == 200:
        assert re.fullmatch(r"http://[\w.:-]+/ATServicesRest/", json.loads(body)["url"])
    else:
        assert status == 400
    assert not LEAKS.search(body.decode("latin-1"))


def test_no_host_at_all(gateway: GatewayProcess) -> None:
    status, body = raw(gateway, f"GET {BASE}/ZoneInformation?user=x HTTP/1.0\r\n")
    assert (status, json.loads(body)["url"]) == (200, f"http://{gateway.address}/ATServicesRest/")


@pytest.mark.parametrize("length", ["-1", "many", "1, 2", "99999999999999999999999", "0x10", "1\r\nContent-Length: 2"])
def test_a_content_length_that_is_none(gateway: GatewayProcess, shelf: Shelf, length: str) -> None:
    status, body = raw(gateway, f"POST {BASE}/Products HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n", b"{}")
    assert status in {0, 400}
    assert not LEAKS.search(body.decode("latin-1"))
    assert shelf.unchanged()


def test_a_client_that_leaves_in_the_middle_is_no_defect(gateway: GatewayProcess, shelf: Shelf) -> None:
    logged = gateway.log.stat().st_size
    raw(gateway, f"POST {BASE}/Products HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n", b'{"name":')
    assert shelf.unchanged()
    assert "request_failed" not in gateway.log.read_text()[logged:]


# --- defects of ours ----------------------------------------------------------------------------------------------


class Broken:
    """Services that fail in a way that nobody has thought of."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError("the secret of the service")


def test_an_unexpected_error_is_logged_whole_under_the_id_that_is_told() -> None:
    backends = cast("Backends", SimpleNamespace(catalog=Broken(), stock_ledger=Broken()))
    gateway = Gateway(backends=backends, timeout_s=5, body_bytes_max=BODY_BYTES_MAX, public_url=None)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(build(gateway, requests_in_flight_max=1))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=CREDENTIALS) as client:
            return await client.get(f"{BASE}/Products/1")

    with capture_logs() as logs:
        answer = answer_of(asyncio.run(ask()))
    assert answer.status == 500
    (sentence,) = answer.payload["errors"]
    assert "secret" not in sentence
    (event,) = [event for event in logs if event["event"] == "request_failed"]
    assert event["error_id"] in sentence
    assert isinstance(event["exc_info"], ZeroDivisionError)


def test_one_request_too_many_is_refused() -> None:
    asked = asyncio.Event()

    class Slow:
        async def GetItem(self, *_: Any, **__: Any) -> Any:  # noqa: N802 - as gRPC names it
            asked.set()
            await asyncio.Event().wait()

    backends = cast("Backends", SimpleNamespace(catalog=Slow()))
    gateway = Gateway(backends=backends, timeout_s=0.5, body_bytes_max=BODY_BYTES_MAX, public_url=None)

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(build(gateway, requests_in_flight_max=1))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=CREDENTIALS) as client:
            first = asyncio.create_task(client.get(f"{BASE}/Products/1"))
            await asked.wait()
            return [await client.get(f"{BASE}/Products/1"), await first]

    second, first = map(answer_of, asyncio.run(ask()))
    assert second.status == 429
    assert "Too many requests" in second.payload["errors"][0]
    assert first.status == 500


def test_no_answer_says_errors_beside_a_success(autotask: Autotask) -> None:
    """Some clients take that for a failure."""
    payloads: list[Mapping[str, Any]] = [
        autotask.done("GET", "Products/1"),
        autotask.done("POST", "Products/query", {"filter": [{"op": "exist", "field": "id"}]}),
        autotask.done("GET", "Products/entityInformation"),
    ]
    assert not any("errors" in payload for payload in payloads)


def test_a_refused_removal_leaves_what_is_promised(autotask: Autotask, hand: Hand) -> None:
    stocked_item_id = autotask.add(autotask.position(), 5)
    hand.take(stocked_item_id, "reserved", 5)
    before = autotask.get("InventoryStockedItems", stocked_item_id)
    payload = {"inventoryStockedItemID": stocked_item_id, "quantityBeingRemoved": 1}
    autotask.refusal("POST", "InventoryStockedItemsRemove", payload)
    assert autotask.get("InventoryStockedItems", stocked_item_id) == before
