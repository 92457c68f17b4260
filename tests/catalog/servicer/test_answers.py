"""What the catalog answers when all is well: items as they were sent, completed by what it sets itself."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2 as stockledger_pb
from tests.harness.catalog_process import CatalogProcess
from tests.harness.items import Items
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, decimal

EVERYTHING: dict[str, Any] = {
    "sku": "M-1",
    "name": "Mäuse 🐁",
    "description": "Line one\nline two",
    "type": pb.ITEM_TYPE_INVENTORY,
    "tracking": stockledger_pb.TRACKING_LOT,
    "quantity_scale": 3,
    "unit_cost": stockledger_pb.UnitCost(currency_code="EUR", value=decimal("1.2500000001")),
    "extensions": {"autotask": '{"a":1.10,"b":[true,null,"x"],"c":123456789012345678901234567890}', "saasu": "{}"},
}
SET_BY_THE_CATALOG = ("item_id", "state", "create_time", "update_time", "etag", "registration")


def given(item: pb.Item) -> pb.Item:
    """The item without what the catalog sets."""
    return pb.Item(**{field.name: value for field, value in item.ListFields() if field.name not in SET_BY_THE_CATALOG})


class TestCreating:
    def test_everything_comes_back_as_it_was_sent(self, items: Items) -> None:
        item = items.create(**EVERYTHING)
        assert given(item) == pb.Item(**EVERYTHING)
        assert items.get(item.item_id) == item
        assert items.call("GetItem", pb.GetItemRequest(sku="M-1")) == item
        assert items.call("BatchGetItems", pb.BatchGetItemsRequest(item_ids=[item.item_id])).items == [item]

    def test_what_is_left_out_takes_its_default(self, items: Items) -> None:
        item = items.create("Mouse")
        assert given(item) == pb.Item(name="Mouse", type=pb.ITEM_TYPE_INVENTORY, tracking=stockledger_pb.TRACKING_NONE)
        assert (item.state, item.etag) == (pb.ITEM_STATE_ACTIVE, "1")
        assert item.create_time == item.update_time

    def test_what_the_catalog_sets_is_ignored(self, items: Items) -> None:
        item = items.create(
            "Mouse", item_id=5, state=pb.ITEM_STATE_ARCHIVED, etag="9", registration=pb.Registration(reason="x")
        )
        assert item.item_id != 5
        assert (item.state, item.etag, item.registration.reason) == (pb.ITEM_STATE_ACTIVE, "1", "")

    def test_it_can_be_stocked_at_once(self, items: Items, stock: Stock) -> None:
        item = items.create("Mouse", quantity_scale=1)
        assert item.registration.state == pb.REGISTRATION_STATE_DONE
        stock.add(stock.position(item.item_id, stock.location("Main")), "1.5")

    def test_one_that_is_created_archived_takes_no_stock_in(self, items: Items, stock: Stock) -> None:
        request = items.creation("Mouse")
        request.archived = True
        item = items.call("CreateItem", request)
        assert (item.state, item.etag) == (pb.ITEM_STATE_ARCHIVED, "1")
        assert item.registration.state == pb.REGISTRATION_STATE_DONE
        position = stockledger_pb.Position(item_id=item.item_id, location_id=stock.location("Main"))
        opening = stockledger_pb.OpenPositionRequest(request_id=stock.new_request_id(), position=position)
        assert stock.refusal("OpenPosition", opening).reason == "ITEM_ARCHIVED"
        assert items.unarchive(item.item_id).state == pb.ITEM_STATE_ACTIVE

    @pytest.mark.parametrize("archived", [False, True])
    def test_a_request_id_stands_for_whether_it_is_archived(self, items: Items, *, archived: bool) -> None:
        request = items.creation("Mouse")
        request.archived = archived
        first = items.call("CreateItem", request)
        assert items.call("CreateItem", request) == first
        request.archived = not archived
        assert items.refusal("CreateItem", request).reason == "REQUEST_ID_REUSED"

    def test_a_service_needs_no_registration(self, items: Items) -> None:
        item = items.create("Repair", type=pb.ITEM_TYPE_SERVICE)
        assert item.registration == pb.Registration(state=pb.REGISTRATION_STATE_NOT_NEEDED)

    def test_a_repeat_is_marked_as_one(self, items: Items) -> None:
        request = items.creation("Mouse")
        first = items.call("CreateItem", request)
        again, call = items.stub.CreateItem.with_call(request, metadata=items.metadata)
        assert again == first
        assert ("storekeeper-replayed", "true") in [(key, value) for key, value in call.trailing_metadata()]

    def test_nobody_sees_what_another_tenant_has(
        self, items: Items, catalog: CatalogProcess, ledger: LedgerProcess
    ) -> None:
        item = items.create("Mouse", sku="M-1")
        with Stock(ledger.address) as stock, Items(catalog.address, tenant_id=stock.tenant_id) as other:
            assert other.refusal("GetItem", pb.GetItemRequest(item_id=item.item_id)).reason == "ITEM_NOT_FOUND"
            assert other.refusal("GetItem", pb.GetItemRequest(sku="M-1")).reason == "ITEM_NOT_FOUND"
            assert other.all() == []
            assert other.create("Mouse", sku="M-1").item_id != item.item_id


class TestUpdating:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("sku", "M-2"),
            ("name", "Mouse"),
            ("description", "It squeaks."),
            ("tracking", stockledger_pb.TRACKING_NONE),
            ("quantity_scale", 1),
            ("unit_cost", stockledger_pb.UnitCost(currency_code="USD", value=decimal(7))),
            ("extensions", {"intacct": '{"x":1}'}),
        ],
    )
    def test_just_what_the_mask_names_changes(self, items: Items, name: str, value: Any) -> None:
        item = items.create(**EVERYTHING)
        changed = items.update(item.item_id, etag=item.etag, **{name: value})
        assert given(changed) == pb.Item(**{**EVERYTHING, name: value})
        assert int(changed.etag) == int(item.etag) + 1
        assert changed.update_time.ToDatetime() > item.update_time.ToDatetime()
        assert changed.create_time == item.create_time
        assert items.get(item.item_id) == changed

    def test_what_the_mask_does_not_name_is_ignored(self, items: Items) -> None:
        item = items.create(**EVERYTHING)
        message = pb.Item(item_id=item.item_id, name="Mouse", sku="other")
        changed = items.call("UpdateItem", pb.UpdateItemRequest(item=message, update_mask=FieldMask(paths=["name"])))
        assert (changed.name, changed.sku) == ("Mouse", "M-1")

    def test_what_is_named_and_not_given_takes_its_default(self, items: Items) -> None:
        item = items.create(**EVERYTHING)
        mask = ["sku", "description", "tracking", "quantity_scale", "unit_cost", "extensions"]
        assert given(items.update(item.item_id, mask=mask)) == pb.Item(
            name=EVERYTHING["name"], type=pb.ITEM_TYPE_INVENTORY, tracking=stockledger_pb.TRACKING_NONE
        )

    def test_one_vendor_s_extensions_change_without_the_others(self, items: Items) -> None:
        item = items.create(**EVERYTHING)
        message = pb.Item(item_id=item.item_id, extensions={"intacct": '{"x":1}', "autotask": '{"ignored":1}'})
        paths = ["extensions.saasu", "extensions.intacct"]
        changed = items.call("UpdateItem", pb.UpdateItemRequest(item=message, update_mask=FieldMask(paths=paths)))
        assert changed.extensions == {"autotask": EVERYTHING["extensions"]["autotask"], "intacct": '{"x":1}'}

    def test_an_item_without_stock_may_be_counted_another_way(self, items: Items, stock: Stock) -> None:
        item = items.create("Mouse")
        changed = items.update(item.item_id, quantity_scale=2)
        assert changed.registration.state == pb.REGISTRATION_STATE_DONE
        stock.add(stock.position(item.item_id, stock.location("Main")), "0.25")

    def test_an_etag_is_good_once(self, items: Items) -> None:
        item = items.create("Mouse")
        items.update(item.item_id, etag=item.etag, name="Keyboard")
        failure = items.refusal(
            "UpdateItem",
            pb.UpdateItemRequest(
                item=pb.Item(item_id=item.item_id, etag=item.etag, name="x"), update_mask=FieldMask(paths=["name"])
            ),
        )
        assert failure.reason == "ETAG_MISMATCH"


class TestArchiving:
    def test_the_ledger_takes_no_more_of_it_in_until_it_is_brought_back(self, items: Items, stock: Stock) -> None:
        item = items.create("Mouse")
        position_id = stock.position(item.item_id, stock.location("Main"))
        archived = items.archive(item.item_id, etag=item.etag)
        assert archived.state == pb.ITEM_STATE_ARCHIVED
        request = stockledger_pb.AddStockRequest(
            request_id=stock.new_request_id(), position_id=position_id, quantity=decimal(1)
        )
        assert stock.refusal("AddStock", request).reason == "ITEM_ARCHIVED"
        assert items.unarchive(item.item_id).state == pb.ITEM_STATE_ACTIVE
        stock.call("AddStock", request)

    def test_a_second_time_changes_nothing(self, items: Items) -> None:
        item_id = items.create("Mouse").item_id
        archived = items.archive(item_id)
        assert items.archive(item_id, etag=archived.etag) == archived
        active = items.unarchive(item_id)
        assert items.unarchive(item_id) == active

    def test_an_archived_item_is_still_read_and_described(self, items: Items) -> None:
        item = items.archive(items.create("Mouse", sku="M-1").item_id)
        assert items.get(item.item_id) == item
        assert items.update(item.item_id, name="Keyboard").state == pb.ITEM_STATE_ARCHIVED


def test_items_too_large_for_one_message_are_refused_by_id_and_paged_in_lists(items: Items) -> None:
    content = '{"a":"' + 32_000 * "x" + '"}'
    vendors = {f"vendor_{number}": content for number in range(10)}
    item_ids = [items.create(extensions=vendors).item_id for _ in range(14)]
    failure = items.refusal("BatchGetItems", pb.BatchGetItemsRequest(item_ids=item_ids))
    assert [violation.field for violation in failure.violations] == ["item_ids"]
    assert [item.item_id for item in items.all()] == item_ids
