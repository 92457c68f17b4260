"""py-autotask, a client of Autotask's that was written by others for the real thing, at work with the gateway."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.client import BILLING_CODE_ID, CREDENTIALS, LIMITS, MANUAL, VENDOR_ID
from tests.harness.gateway_process import GatewayProcess
from tests.harness.stock import Stock

# It says what is deprecated in its own code.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from py_autotask import AutotaskClient  # type: ignore[import-untyped]
    from py_autotask.exceptions import (  # type: ignore[import-untyped]
        AutotaskAPIError,
        AutotaskAuthError,
        AutotaskNotFoundError,
    )

# It hands plain mappings to where its own models declare others.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydantic")


@pytest.fixture
def client(gateway: GatewayProcess, stock: Stock) -> Iterator[Any]:
    """The client, told where the API is, as the tenant that `stock` is a client for."""
    with connected(gateway, stock) as connected_client:
        yield connected_client


def connected(gateway: GatewayProcess, stock: Stock) -> Any:
    client = AutotaskClient.create(
        username=CREDENTIALS["UserName"],
        integration_code=CREDENTIALS["ApiIntegrationCode"],
        secret=CREDENTIALS["Secret"],
        api_url=f"http://{gateway.address}/ATServicesRest/",
    )
    # The header is Storekeeper's own, and only tells this test's records from those of others.
    client.session.headers["storekeeper-tenant"] = str(stock.tenant_id)
    return client


def product(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "isActive": True, "isSerialized": False, "productBillingCodeID": BILLING_CODE_ID, **fields}


@pytest.fixture
def mice(client: Any) -> list[int]:
    """The ids of some products."""
    return [
        client.entities.products.create(product(f"Mouse {number}", sku=f"M-{number}")).item_id for number in range(5)
    ]


def test_it_creates_and_gets(client: Any) -> None:
    created = client.entities.products.create(product("Mouse", sku="M-1", unitCost=9.5))
    record = client.entities.products.get(created.item_id)
    assert {name: record[name] for name in ("id", "name", "sku", "unitCost", "isActive", "isSerialized")} == {
        "id": created.item_id,
        "name": "Mouse",
        "sku": "M-1",
        "unitCost": 9.5,
        "isActive": True,
        "isSerialized": False,
    }


def test_it_gets_none_where_there_is_none(client: Any) -> None:
    assert client.get("Products", 4711) is None


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (None, [0, 1, 2, 3, 4]),
        ({"op": "eq", "field": "sku", "value": "m-3"}, [3]),
        ([{"op": "gte", "field": "id", "value": 0}, {"op": "ne", "field": "name", "value": "Mouse 1"}], [0, 2, 3, 4]),
        ({"field": "name", "op": "endsWith", "value": "4"}, [4]),
        ({"field": "sku", "op": "in", "value": ["M-0", "M-2"]}, [0, 2]),
        ({"field": "description", "op": "isNull"}, [0, 1, 2, 3, 4]),
        ({"field": "sku", "op": "isNotNull"}, [0, 1, 2, 3, 4]),
        ({"field": "isActive", "op": "eq", "value": "true"}, [0, 1, 2, 3, 4]),
        ({"sku": "M-1"}, [1]),
        ({"id": {"lt": 0}}, []),
    ],
)
def test_it_queries(client: Any, mice: list[int], filters: Any, found: list[int]) -> None:
    answer = client.entities.products.query(filters)
    assert [record["id"] for record in answer.items] == [mice[number] for number in found]
    assert answer.page_details.count == len(found)
    assert answer.page_details.next_page_url is None


def test_it_queries_some_fields_of_some_records(client: Any, mice: list[int]) -> None:
    answer = client.entities.products.query(include_fields=["id", "name"], max_records=2)
    assert answer.items == [{"id": mice[number], "name": f"Mouse {number}"} for number in (0, 1)]
    assert answer.page_details.request_count == 2


def test_it_pages_by_id(client: Any, mice: list[int]) -> None:
    """Its own `query_all` knows no links: it sets what its model doesn't have, and stops after a page."""
    seen: list[int] = []
    while True:
        later = {"op": "gt", "field": "id", "value": seen[-1] if seen else 0}
        answer = client.entities.products.query(later, max_records=2)
        seen += [record["id"] for record in answer.items]
        if answer.page_details.count < answer.page_details.request_count:
            assert seen == mice
            return


def test_it_follows_the_links(client: Any, mice: list[int]) -> None:
    answer = client.entities.products.query(max_records=2)
    seen = [record["id"] for record in answer.items]
    url = answer.page_details.next_page_url
    while url:
        payload = client.session.post(url).json()
        seen += [record["id"] for record in payload["items"]]
        url = payload["pageDetails"]["nextPageUrl"]
    assert seen == mice


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"op": "gte", "field": "id", "value": 0}, 5),
        ([{"op": "contains", "field": "name", "value": "mouse"}, {"op": "gt", "field": "sku", "value": "M-2"}], 2),
        ({"op": "eq", "field": "isActive", "value": False}, 0),
    ],
)
def test_it_counts(client: Any, mice: list[int], filters: Any, count: int) -> None:
    assert client.entities.products.count(filters) == count


def test_it_updates(client: Any, mice: list[int]) -> None:
    client.update("Products", {"id": mice[0], "description": "With a wheel"})
    assert client.get("Products", mice[0])["description"] == "With a wheel"


def test_it_adds_and_removes_stock_and_deletes_what_holds_it(client: Any, mice: list[int]) -> None:
    location = client.create_entity("InventoryLocations", {"locationName": "Main", "isActive": True})
    names = {"productID": mice[0], "inventoryLocationID": location.item_id}
    position = client.create_entity("InventoryProducts", {**names, **LIMITS})
    addition = {"vendorID": VENDOR_ID, "quantityBeingAdded": 10, "determineCostUsing": MANUAL, "unitCost": 9}
    added = client.create_child_entity("InventoryProducts", position.item_id, "StockedItemsAdd", addition)
    removal = {"inventoryProductID": position.item_id, "quantityBeingRemoved": 4}
    client.create_entity("InventoryStockedItemsRemove", removal)
    by_product = {"field": "productID", "op": "eq", "value": mice[0]}
    (stocked_item,) = client.entities.get_entity("InventoryStockedItems").query(by_product).items
    assert (stocked_item["id"], stocked_item["onHandUnits"]) == (added.item_id, 6)
    assert client.get("InventoryProducts", position.item_id)["onHandUnits"] == 6
    assert client.delete("InventoryProducts", position.item_id)
    assert client.get("InventoryProducts", position.item_id) is None


def test_it_learns_what_there_is(client: Any) -> None:
    information = client.get_entity_info("Products")["info"]
    assert (information["name"], information["canCreate"], information["canQuery"]) == ("Product", True, True)
    names = {field["name"] for field in client.get_field_info("Products")["fields"]}
    assert {"id", "name", "sku"} <= names


def test_it_tells_what_is_refused(client: Any, mice: list[int]) -> None:
    with pytest.raises(AutotaskAPIError):
        client.create_entity("Products", product("Another", sku="M-0"))
    with pytest.raises(AutotaskAPIError):
        client.entities.products.query({"op": "eq", "field": "nothing", "value": 1})
    with pytest.raises(AutotaskNotFoundError):
        client.query("Nothing", {"filter": [{"op": "gte", "field": "id", "value": 0}]})
    assert client.entities.products.count({"op": "gte", "field": "id", "value": 0}) == len(mice)


def test_it_tells_that_credentials_are_missing(gateway: GatewayProcess, stock: Stock) -> None:
    with connected(gateway, stock) as client:
        client.session.headers["Secret"] = ""
        with pytest.raises(AutotaskAuthError):
            client.get("Products", 1)


def test_it_finds_its_zone(gateway: GatewayProcess, stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told nothing but where to ask."""
    with connected(gateway, stock) as client:
        zones = f"http://{gateway.address}/ATServicesRest/V1.0/ZoneInformation"
        monkeypatch.setattr(type(client.auth), "ZONE_INFO_URL", zones)
        monkeypatch.setattr(client.auth.credentials, "api_url", None)
        monkeypatch.setattr(type(client.auth), "_zone_cache", {})
        assert client.auth.api_url == f"http://{gateway.address}/ATServicesRest/"
        assert client.get("Products", 4711) is None
