"""``storekeeper status``: the real command, about services that run and about some that do not."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2 as stockledger_pb
from storekeeper_cli.demo.stage import Stage, temporary_stage
from storekeeper_cli.services import CATALOG, GATEWAY, SERVICES, STOCK_LEDGER, Service
from tests.harness.catalog_process import CatalogProcess
from tests.harness.databases import CatalogDatabase
from tests.harness.items import Items
from tests.harness.stock import Stock
from tests.kit.waiting import eventually

STATUS = (sys.executable, "-P", "-m", "storekeeper_cli", "status")
NOWHERE = "127.0.0.1:1"
TENANT_ID = 7


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """All services."""
    with temporary_stage() as running:
        yield running


@pytest.fixture
def items(stage: Stage) -> Iterator[Items]:
    """A client of the catalog's."""
    with Items(stage.addresses[CATALOG], tenant_id=TENANT_ID) as client:
        yield client


@pytest.fixture
def stock(stage: Stage) -> Iterator[Stock]:
    """A client of the stock ledger's."""
    with Stock(stage.addresses[STOCK_LEDGER], tenant_id=TENANT_ID) as client:
        yield client


def status(addresses: Mapping[Service, str], *arguments: str) -> tuple[int, list[str]]:
    """Its exit code, and the lines that it prints, without what is blank in them."""
    listen = {service.variable("LISTEN"): addresses[service] for service in SERVICES}
    done = subprocess.run(
        [*STATUS, *arguments], env=os.environ | listen, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    return done.returncode, [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_what_serves_is_shown_with_its_address(stage: Stage) -> None:
    code, lines = status(stage.addresses)
    assert code == 0
    assert lines[2:] == [
        f"Stock ledger {stage.addresses[STOCK_LEDGER]} serves",
        f"Catalog {stage.addresses[CATALOG]} serves",
        f"Gateway {stage.addresses[GATEWAY]} serves",
        "",
        "The stock ledger knows every item of tenant 1 as the catalog has it.",
    ]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_what_does_not_serve_is_named_and_makes_the_exit_code_1(stage: Stage, service: Service) -> None:
    code, lines = status({**stage.addresses, service: NOWHERE})
    assert code == 1
    assert f"{service.title} {NOWHERE} does not serve" in lines


def test_what_the_stock_ledger_refused_is_shown_with_its_reason(stage: Stage, items: Items, stock: Stock) -> None:
    """Somebody else told the ledger that the item has lots, and stocked it."""
    item = items.update(items.create("Mouse", sku="M-1").item_id, name="Mice")
    with_lots = stockledger_pb.Item(item_id=item.item_id, version=2, tracking=stockledger_pb.TRACKING_LOT)
    stock.call("RegisterItem", stockledger_pb.RegisterItemRequest(item=with_lots))
    stock.add(stock.position(item.item_id, stock.location("Main")), 1, lot="L1")
    items.archive(item.item_id)
    assert eventually(lambda: items.get(item.item_id).registration.state == pb.REGISTRATION_STATE_REFUSED)

    code, lines = status(stage.addresses, "--tenant", str(TENANT_ID))
    assert code == 0
    assert lines[-1].startswith(f"{item.item_id} M-1 refused ITEM_HAS_STOCK: ")
    # Another tenant is not concerned.
    assert status(stage.addresses)[1][-1] == "The stock ledger knows every item of tenant 1 as the catalog has it."


def test_what_the_stock_ledger_has_not_confirmed_is_shown(
    stage: Stage, catalog_database: CatalogDatabase, tmp_path: Path
) -> None:
    with CatalogProcess(catalog_database.service_url, NOWHERE, tmp_path) as catalog:
        addresses = {**stage.addresses, CATALOG: catalog.address}
        with Items(catalog.address, tenant_id=TENANT_ID) as items:
            ids = [items.create(name, sku=name).item_id for name in ("Cable", "Mouse")]
        _, lines = status(addresses, "--tenant", str(TENANT_ID))
    assert lines[-2:] == [f"{ids[0]} Cable not confirmed yet", f"{ids[1]} Mouse not confirmed yet"]


def test_without_a_catalog_it_says_what_it_cannot_tell(stage: Stage) -> None:
    _, lines = status({**stage.addresses, CATALOG: NOWHERE})
    assert lines[-1] == "What is not registered with the stock ledger is unknown while the catalog does not serve."
