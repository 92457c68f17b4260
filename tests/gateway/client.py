"""A blocking client of Autotask's REST API that shows each answer as it came."""

import json
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from types import TracebackType
from typing import Any, Final, Self

import httpx

from storekeeper_kit.json_text import dump_json_bytes

TIMEOUT_S: Final = 30.0
BASE: Final = "/ATServicesRest/V1.0"
CREDENTIALS: Final = {"ApiIntegrationCode": "TRACKING-ID", "UserName": "api@example.com", "Secret": "no secret"}

IDEMPOTENCY_KEY: Final = "Idempotency_Key"
"""The header, as the argument that it is given by."""

MANUAL: Final = 4
"""The cost picker whose cost the client gives."""

VENDOR_ID: Final = 12
BILLING_CODE_ID: Final = 29683378


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered; decimals are exact."""

    status: int
    payload: Any


class Autotask:
    """A tenant's client. Its calls raise an AssertionError when the answer is another than the one they are for."""

    def __init__(self, address: str, *, tenant_id: int, **headers: str) -> None:
        self.http = httpx.Client(
            base_url=f"http://{address}",
            headers={**CREDENTIALS, "storekeeper-tenant": str(tenant_id), **headers},
            timeout=TIMEOUT_S,
        )
        self.tenant_id = tenant_id
        self._numbers = count(1)

    def close(self) -> None:
        """Close its connections."""
        self.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- any request ---

    def send(self, verb: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Any request below the version; the body is sent as JSON, bytes as they are."""
        content = body if isinstance(body, bytes | None) else dump_json_bytes(body)
        proper = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.http.request(verb, f"{BASE}/{path}", content=content, headers=proper)
        return answer_of(response)

    def refusal(self, verb: str, path: str, body: Any = None, *, status: int = 500, **headers: str) -> str:
        """What a request is refused with: its sentences, in one line."""
        answer = self.send(verb, path, body, **headers)
        assert answer.status == status, answer
        assert list(answer.payload) == ["errors"]
        assert all(type(sentence) is str for sentence in answer.payload["errors"])
        return " ".join(answer.payload["errors"])

    def done(self, verb: str, path: str, body: Any = None, **headers: str) -> Any:
        """The payload of a request that succeeds."""
        answer = self.send(verb, path, body, **headers)
        assert answer.status == 200, answer
        return answer.payload

    # --- one record ---

    def get(self, entity: str, row_id: int) -> dict[str, Any]:
        """A record, which exists."""
        item = self.find(entity, row_id)
        assert item is not None
        return item

    def find(self, entity: str, row_id: int) -> dict[str, Any] | None:
        """A record, or None."""
        payload = self.done("GET", f"{entity}/{row_id}")
        assert list(payload) == ["item"]
        item: dict[str, Any] | None = payload["item"]
        return item

    def create(self, path: str, payload: dict[str, Any], **headers: str) -> int:
        """Create a record, at the address of an entity or below a parent."""
        return _item_id(self.done("POST", path, payload, **headers))

    def patch(self, entity: str, row_id: int, **fields: Any) -> int:
        """Change some fields."""
        return _item_id(self.done("PATCH", entity, {"id": row_id, **fields}))

    def put(self, entity: str, row_id: int, **fields: Any) -> int:
        """Change all fields."""
        return _item_id(self.done("PUT", entity, {"id": row_id, **fields}))

    def delete(self, entity: str, row_id: int) -> int:
        """Delete a record."""
        return _item_id(self.done("DELETE", f"{entity}/{row_id}"))

    # --- many ---

    def query(self, entity: str, *conditions: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
        """The first page of a query's records; without conditions, of all."""
        payload = self.done("POST", f"{entity}/query", {"filter": list(conditions) or [ALL], **options})
        assert list(payload) == ["items", "pageDetails"]
        items: list[dict[str, Any]] = payload["items"]
        return items

    def count(self, entity: str, *conditions: dict[str, Any]) -> int:
        """How many records a query finds; without conditions, all."""
        payload = self.done("POST", f"{entity}/query/count", {"filter": list(conditions) or [ALL]})
        assert list(payload) == ["queryCount"]
        return int(payload["queryCount"])

    # --- what most tests begin with ---

    def product(self, **fields: Any) -> int:
        """A new product."""
        return self.create("Products", {**PRODUCT, "name": f"Product {next(self._numbers)}", **fields})

    def location(self, **fields: Any) -> int:
        """A new location."""
        payload = {"locationName": f"Location {next(self._numbers)}", "isActive": True, **fields}
        return self.create("InventoryLocations", payload)

    def position(self, *, product_id: int | None = None, location_id: int | None = None, **fields: Any) -> int:
        """A new inventory product, of a new product at a new location unless they are named."""
        payload = {
            "productID": product_id or self.product(),
            "inventoryLocationID": location_id or self.location(),
            **LIMITS,
            **fields,
        }
        return self.create("InventoryProducts", payload)

    def serialized_position(self) -> int:
        """A new inventory product whose units have serial numbers."""
        return self.position(product_id=self.product(isSerialized=True))

    def add(self, position_id: int, quantity: int = 1, **fields: Any) -> int:
        """Add units by hand; the id of the new stocked item."""
        headers = {IDEMPOTENCY_KEY: fields.pop(IDEMPOTENCY_KEY)} if IDEMPOTENCY_KEY in fields else {}
        payload = {**ADDITION, "quantityBeingAdded": quantity, **fields}
        return self.create(f"InventoryProducts/{position_id}/StockedItemsAdd", payload, **headers)

    def remove(self, quantity: int, **source: int) -> int:
        """Remove units; the id of the first stocked item that was drawn on."""
        return self.create("InventoryStockedItemsRemove", {"quantityBeingRemoved": quantity, **source})

    def units(self, stocked_item_id: int) -> dict[str, Any]:
        """The counters of a stocked item that aren't zero."""
        stocked_item = self.get("InventoryStockedItems", stocked_item_id)
        return {name: value for name, value in stocked_item.items() if name in COUNTERS and value}


ALL: Final = {"op": "gte", "field": "id", "value": 0}
PRODUCT: Final = {"isActive": True, "isSerialized": False, "productBillingCodeID": BILLING_CODE_ID}
LIMITS: Final = {"quantityMinimum": 0, "quantityMaximum": 1000}
ADDITION: Final = {"vendorID": VENDOR_ID, "determineCostUsing": MANUAL, "unitCost": 9}
COUNTERS: Final = frozenset(
    {"onHandUnits", "reservedUnits", "pickedUnits", "deliveredUnits", "transferredUnits", "removedUnits"}
)
"""Whose sum is what was received."""


def answer_of(response: httpx.Response) -> Answer:
    """The status and the JSON of a response."""
    assert response.headers["content-type"] == "application/json"
    return Answer(response.status_code, json.loads(response.content, parse_float=Decimal))


def _item_id(payload: dict[str, Any]) -> int:
    assert list(payload) == ["itemId"]
    assert type(payload["itemId"]) is int
    return payload["itemId"]
