"""The stock ledger is away for a while: the catalog goes on, says so, and makes up for it by itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.query.v1 import filter_pb2 as query_pb
from storekeeper.stockledger.v1 import stock_ledger_pb2 as stockledger_pb
from storekeeper_cli.postgres import EmbeddedPostgres
from tests.catalog.dump import Dump
from tests.harness.catalog_process import CatalogProcess
from tests.harness.databases import CatalogDatabase
from tests.harness.items import Items, updating
from tests.harness.ledger_process import SERVING, LedgerProcess
from tests.harness.stock import Stock, adding
from tests.kit.waiting import eventually


@pytest.fixture(scope="module")
def catalog(
    catalog_database: CatalogDatabase, ledger: LedgerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CatalogProcess]:
    """A catalog that doesn't wait for its ledger longer than it does by default."""
    folder = tmp_path_factory.mktemp("catalog")
    with CatalogProcess(catalog_database.service_url, ledger.address, folder) as process:
        yield process


@contextmanager
def away(ledger: LedgerProcess) -> Iterator[None]:
    """Inside the block, nobody listens."""
    ledger.kill()
    try:
        yield
    finally:
        ledger.start()


def is_done(items: Items, item_id: int) -> Callable[[], bool]:
    """Whether the ledger has confirmed the item."""
    return lambda: items.get(item_id).registration.state == pb.REGISTRATION_STATE_DONE


def registered(items: Items, **fields: Any) -> pb.Item:
    """An item that the ledger has confirmed, which has been away a moment ago and may still be looked for."""
    item_id = items.create(**fields).item_id
    assert eventually(is_done(items, item_id))
    return items.get(item_id)


def with_state(items: Items, name: str) -> list[int]:
    """The items whose registration stands there."""
    condition = query_pb.Condition(
        field="registration.state", operator=query_pb.OPERATOR_EQUAL, values=[query_pb.Value(text=name)]
    )
    return [item.item_id for item in items.all(filter=query_pb.Filter(condition=condition))]


def test_an_item_is_created_and_registered_when_the_ledger_is_back(
    ledger: LedgerProcess, items: Items, stock: Stock
) -> None:
    with away(ledger):
        item = items.create("Mouse")
        assert item.registration.state == pb.REGISTRATION_STATE_PENDING
        assert with_state(items, "PENDING") == [item.item_id]
    assert eventually(is_done(items, item.item_id))
    stock.position(item.item_id, stock.location("Main"))


def test_all_changes_meanwhile_are_made_up_for(ledger: LedgerProcess, items: Items, stock: Stock) -> None:
    item = registered(items)
    position_id = stock.position(item.item_id, stock.location("Main"))
    with away(ledger):
        items.archive(item.item_id)
        items.unarchive(item.item_id)
        items.update(item.item_id, name="Keyboard")
        items.archive(item.item_id)
    assert eventually(is_done(items, item.item_id))
    failure = stock.refusal("AddStock", adding(stock.new_request_id(), position_id, 1))
    assert failure.reason == "ITEM_ARCHIVED"


@pytest.mark.parametrize("fields", [{"tracking": stockledger_pb.TRACKING_LOT}, {"quantity_scale": 2, "name": "Cable"}])
def test_what_the_ledger_may_refuse_is_refused_and_nothing_changes(
    ledger: LedgerProcess, items: Items, dump: Dump, fields: dict[str, Any]
) -> None:
    item = registered(items)
    with away(ledger):
        before = dump()
        failure = items.refusal("UpdateItem", updating(item.item_id, **fields))
        assert dump() == before
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "SERVICE_UNAVAILABLE")
    assert failure.metadata == {"service": "stockledger"}


def test_reads_and_other_changes_need_no_ledger(ledger: LedgerProcess, items: Items, catalog: CatalogProcess) -> None:
    item = registered(items)
    with away(ledger):
        assert catalog.health() == SERVING
        renamed = items.update(item.item_id, name="Keyboard")
        assert renamed.registration.state == pb.REGISTRATION_STATE_DONE
        assert items.get(item.item_id) == renamed
        assert items.all() == [renamed]


def test_a_repeat_while_the_ledger_is_away_is_answered_too(ledger: LedgerProcess, items: Items) -> None:
    request = items.creation("Mouse")
    with away(ledger):
        first, again = items.call("CreateItem", request), items.call("CreateItem", request)
        assert first == again
    assert eventually(is_done(items, first.item_id))


def test_what_the_ledger_refuses_is_parked_shown_and_mended(items: Items, stock: Stock) -> None:
    """Somebody else told the ledger that the item has lots, and stocked it."""
    item = items.update(registered(items).item_id, name="Mice")
    with_lots = stockledger_pb.Item(item_id=item.item_id, version=2, tracking=stockledger_pb.TRACKING_LOT)
    stock.call("RegisterItem", stockledger_pb.RegisterItemRequest(item=with_lots))
    stock.add(stock.position(item.item_id, stock.location("Main")), 1, lot="L1")

    items.archive(item.item_id)
    assert eventually(lambda: with_state(items, "REFUSED") == [item.item_id])
    archived = items.get(item.item_id)
    assert archived.registration.reason == "ITEM_HAS_STOCK"
    assert archived.registration.message
    registered(items)

    mended = items.update(item.item_id, tracking=stockledger_pb.TRACKING_LOT)
    assert mended.registration.state != pb.REGISTRATION_STATE_REFUSED
    assert eventually(is_done(items, item.item_id))


def test_the_catalog_finds_its_database_again_and_goes_on_sweeping(
    ledger: LedgerProcess, items: Items, catalog: CatalogProcess, postgres: EmbeddedPostgres
) -> None:
    pid = catalog.pid
    with away(ledger):
        item = items.create("Mouse")
        postgres.kill()
        failure = items.refusal("GetItem", pb.GetItemRequest(item_id=item.item_id))
        postgres.start()
    assert failure.reason == "DATABASE_UNAVAILABLE"
    catalog.wait_until(SERVING)
    assert eventually(is_done(items, item.item_id))
    assert catalog.pid == pid


def test_a_client_in_a_hurry_is_answered_while_the_ledger_is_away(ledger: LedgerProcess, items: Items) -> None:
    with away(ledger):
        item = items.stub.CreateItem(items.creation("Mouse"), metadata=items.metadata, timeout=0.4)
    assert eventually(is_done(items, item.item_id))


def test_an_etag_that_is_outdated_is_told_though_the_ledger_is_away(ledger: LedgerProcess, items: Items) -> None:
    item = registered(items)
    with away(ledger):
        request = pb.UpdateItemRequest(
            item=pb.Item(item_id=item.item_id, etag="9", quantity_scale=2),
            update_mask=FieldMask(paths=["quantity_scale"]),
        )
        assert items.refusal("UpdateItem", request).reason == "ETAG_MISMATCH"
