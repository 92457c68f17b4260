"""What the API says of itself: versions and zones to everyone, entities and fields to its users."""

from typing import Any

import httpx
import pytest

from storekeeper_gateway.vendors.autotask.entities import ENTITIES
from tests.gateway.autotask.published import OURS, PUBLISHED, Published
from tests.gateway.client import BASE, Autotask, answer_of
from tests.harness.catalog_process import CatalogProcess
from tests.harness.gateway_process import GatewayProcess
from tests.harness.ledger_process import LedgerProcess

VERBS = ("Create", "Delete", "Query", "Update")
CAN = {
    "Products": "CQU",
    "InventoryLocations": "CQU",
    "InventoryProducts": "CDQU",
    "InventoryItems": "CQU",
    "InventoryStockedItems": "Q",
    "InventoryStockedItemsAdd": "C",
    "InventoryStockedItemsRemove": "C",
}
"""What can be done with each entity, by the first letters of the verbs."""

BELOW = {
    "InventoryStockedItems": "InventoryProducts/1/StockedItems",
    "InventoryStockedItemsAdd": "InventoryProducts/1/StockedItemsAdd",
    "InventoryStockedItemsRemove": "InventoryProducts/1/StockedItemsRemove",
}
"""Where entities are below a parent."""

ADDRESSES = [(entity, entity) for entity in CAN] + list(BELOW.items())


def anonymous(gateway: GatewayProcess, path: str, **headers: str) -> Any:
    """What is answered to somebody without credentials."""
    return answer_of(httpx.get(f"http://{gateway.address}{path}", headers=headers))


class TestWithoutCredentials:
    @pytest.mark.parametrize("path", ["/ATServicesRest/VersionInformation", "/atservicesrest/versioninformation/"])
    def test_versions(self, gateway: GatewayProcess, path: str) -> None:
        answer = anonymous(gateway, path)
        assert (answer.status, answer.payload) == (200, {"apiVersions": ["1.0"]})

    @pytest.mark.parametrize("path", ["ZoneInformation?user", "zoneinformation/?User", "ZONEINFORMATION?USER"])
    def test_the_zone_is_here_whoever_asks(self, gateway: GatewayProcess, path: str) -> None:
        answer = anonymous(gateway, f"{BASE}/{path}=api@example.com")
        assert answer.payload == {
            "zoneName": "Storekeeper",
            "url": f"http://{gateway.address}/ATServicesRest/",
            "webUrl": f"http://{gateway.address}/",
            "ci": 1,
        }

    def test_the_zone_is_where_the_client_sees_it(self, gateway: GatewayProcess) -> None:
        answer = anonymous(gateway, f"{BASE}/ZoneInformation?user=x", Host="stock.example:8443")
        assert answer.payload["url"] == "http://stock.example:8443/ATServicesRest/"

    def test_the_zone_leads_to_an_address_that_works(self, autotask: Autotask) -> None:
        """Clients put what they want behind the address, with its slash or without."""
        url = autotask.done("GET", "ZoneInformation?user=x")["url"]
        for address in (f"{url}V1.0/Products/1", f"{url.rstrip('/')}/v1.0/Products/1"):
            assert answer_of(autotask.http.get(address)).payload == {"item": None}

    @pytest.mark.parametrize("query", ["", "?user=", "?name=x"])
    def test_nobodys_zone_cannot_be_determined(self, gateway: GatewayProcess, query: str) -> None:
        answer = anonymous(gateway, f"{BASE}/ZoneInformation{query}")
        assert answer.status == 500
        assert "zone could not be determined" in answer.payload["errors"][0]

    def test_nothing_else(self, gateway: GatewayProcess) -> None:
        for path in ("EntityInformation", "Products/entityInformation", "Products/entityInformation/fields"):
            assert anonymous(gateway, f"{BASE}/{path}").status == 401


def test_links_name_the_address_that_was_configured(
    catalog: CatalogProcess, ledger: LedgerProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("public")
    url = "https://stock.example"
    with GatewayProcess(catalog.address, ledger.address, folder, PUBLIC_URL=url) as gateway:
        assert anonymous(gateway, f"{BASE}/ZoneInformation?user=x").payload["url"] == f"{url}/ATServicesRest/"


class TestEntities:
    def test_all_are_listed(self, autotask: Autotask) -> None:
        listed = autotask.done("GET", "EntityInformation")["entityDescriptions"]
        each = [autotask.done("GET", f"{entity}/entityInformation") for entity in CAN]
        assert listed == each

    @pytest.mark.parametrize(("entity", "path"), ADDRESSES)
    def test_each_says_what_can_be_done_with_it(self, autotask: Autotask, entity: str, path: str) -> None:
        info = autotask.done("GET", f"{path}/entityInformation")["info"]
        can = {verb: verb[0] in CAN[entity] for verb in VERBS}
        assert info == {
            "name": ENTITIES[entity.casefold()].name,
            **{f"can{verb}": allowed for verb, allowed in can.items()},
            **{f"userAccessFor{verb}": "All" if allowed else "None" for verb, allowed in can.items()},
            "hasUserDefinedFields": False,
            "supportsWebhookCallouts": False,
        }

    def test_they_are_named_in_the_singular(self) -> None:
        for entity in ENTITIES.values():
            assert entity.plural in {f"{entity.name}s", entity.name}

    @pytest.mark.parametrize(("entity", "path"), ADDRESSES)
    def test_what_it_says_is_so(self, autotask: Autotask, entity: str, path: str) -> None:
        """A verb that it doesn't name is refused as one that the address doesn't know."""
        below = path != entity
        tried = {"Create": ("POST", path), "Delete": ("DELETE", f"{path}/1"), "Update": ("PATCH", path)}
        for verb, (method, address) in tried.items():
            status = autotask.send(method, address, {}).status
            is_known = verb[0] in CAN[entity] and not (below and verb != "Create")
            assert (status != 405) == is_known, verb

    @pytest.mark.parametrize(("entity", "path"), ADDRESSES)
    def test_none_has_fields_that_a_tenant_defined(self, autotask: Autotask, entity: str, path: str) -> None:
        assert autotask.done("GET", f"{path}/entityInformation/userDefinedFields") == {"fields": []}


class TestFields:
    @pytest.mark.parametrize(("entity", "path"), ADDRESSES)
    def test_each_is_described_as_it_is_published(self, autotask: Autotask, entity: str, path: str) -> None:
        fields = {field["name"]: field for field in autotask.done("GET", f"{path}/entityInformation/fields")["fields"]}
        assert fields.keys() == {field.name for field in PUBLISHED[entity]} | OURS.get(entity, set())
        for published in PUBLISHED[entity]:
            _check(fields[published.name], published)

    def test_a_picklist_lists_its_values_as_text(self, autotask: Autotask) -> None:
        fields = autotask.done("GET", "InventoryStockedItemsAdd/entityInformation/fields")["fields"]
        (methods,) = (field["picklistValues"] for field in fields if field["name"] == "determineCostUsing")
        assert [(method["value"], method["label"], method["sortOrder"]) for method in methods] == [
            ("1", "Average Cost", 1),
            ("2", "Last Received Cost", 2),
            ("3", "Product Catalog Cost", 3),
            ("4", "Manual", 4),
        ]
        assert methods[0] == {
            "value": "1",
            "label": "Average Cost",
            "isDefaultValue": False,
            "sortOrder": 1,
            "parentValue": "",
            "isActive": True,
            "isSystem": True,
        }

    def test_a_field_that_is_no_picklist_lists_none(self, autotask: Autotask) -> None:
        fields = autotask.done("GET", "Products/entityInformation/fields")["fields"]
        (name,) = (field for field in fields if field["name"] == "name")
        assert (name["isPickList"], name["picklistValues"]) == (False, None)


def _check(said: dict[str, Any], published: Published) -> None:
    """A field that is required and read-only at once is set on create and never again; an id says so too."""
    assert said["dataType"] == published.data_type
    assert (said["length"] > 0) == (published.data_type == "string")
    assert said["length"] == (published.length or said["length"])
    assert said["isRequired"] == (bool(published.flags & {"R", "CO"}) or published.name == "id")
    assert said["isReadOnly"] == bool(published.flags & {"RO", "CO", "F"})
    assert said["isQueryable"] == ("hidden" not in published.flags)
    assert said["isReference"] == bool(published.reference)
    assert published.reference in {said["referenceEntityType"], f"{said['referenceEntityType']}s", _plural(said)}
    assert said["isPickList"] == (said["picklistValues"] is not None)
    assert (said["picklistParentValueField"], said["isSupportedWebhookField"]) == ("", False)


def _plural(said: dict[str, Any]) -> str:
    return str(said["referenceEntityType"]).removesuffix("y") + "ies"
