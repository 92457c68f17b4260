"""The gateway as a process: whether it lives, whether it is ready, and what it leaves alone."""

import httpx
import pytest

from tests.gateway.client import Autotask
from tests.harness.gateway_process import GatewayProcess


def get(gateway: GatewayProcess, path: str) -> httpx.Response:
    return httpx.get(f"http://{gateway.address}{path}")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_it_says_that_it_serves(gateway: GatewayProcess, path: str) -> None:
    answer = get(gateway, path)
    assert (answer.status_code, answer.json()) == (200, {"status": "SERVING"})


@pytest.mark.parametrize("path", ["", "/", "/nowhere", "/nowhere/else?search={}"])
def test_an_address_below_no_vendors_prefix_is_none(gateway: GatewayProcess, path: str) -> None:
    answer = get(gateway, path)
    assert answer.status_code == 404
    assert answer.json() == {"error": "There is nothing at this address."}


def test_stock_is_created_added_and_removed(autotask: Autotask) -> None:
    position_id = autotask.position()
    stocked_item_id = autotask.add(position_id, 5)
    assert autotask.remove(2, inventoryProductID=position_id) == stocked_item_id
    assert autotask.units(stocked_item_id) == {"onHandUnits": 3, "removedUnits": 2}
