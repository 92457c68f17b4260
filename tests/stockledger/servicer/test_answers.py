"""What calls are answered with: complete, in the contract's terms, and the same however often they are repeated."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from google.protobuf import text_format
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_stockledger.domain.draws import DRAWS_MAX
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import OLDEST, TIMEOUT_S, Stock, adding, asking, caller, decimal, removing, timestamp
from tests.stockledger.tenant import Tenant, submission
from tests.stockledger.verbs import adding as stocking

REPLAYED = ("storekeeper-replayed", "true")


def call_with_trailer(stock: Stock, method: str, request: Message) -> tuple[Any, bool]:
    """The answer, and whether its trailer says that it was recorded by an earlier request."""
    answer, call = getattr(stock.stub, method).with_call(request, metadata=stock.metadata, timeout=TIMEOUT_S)
    return answer, REPLAYED in call.trailing_metadata()


def told(message: Message, *without: str) -> str:
    """A message as text, without what differs from run to run."""
    copy = type(message)()
    copy.CopyFrom(message)
    for name in without:
        copy.ClearField(name)
    return text_format.MessageToString(copy, as_one_line=True)


class TestAdding:
    def test_the_movement_tells_everything(self, stock: Stock) -> None:
        stock.metadata = caller(stock.tenant_id, "anna")
        (position_id,) = stock.positions(scale=3)
        (location_id,) = [one.location_id for one in stock.call("ListLocations", pb.ListLocationsRequest()).locations]
        received = datetime(2019, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
        request = adding(stock.new_request_id(), position_id, "1.50", received, unit_cost="3.335", reason="found")
        request.reference = "PO 7"
        movement = stock.call("AddStock", request).movement
        assert movement.stocked_item_id > 0
        assert told(movement, "stocked_item_id", "record_time") == " ".join(
            [
                f'movement_id: 1 operation_id: 3 request_id: "{request.request_id}" line: 1 kind: MOVEMENT_KIND_ADDED',
                f'position_id: {position_id} item_id: 1 location_id: {location_id} quantity {{ value: "1.5" }}',
                'amount { currency_code: "USD" units: 5 } reason: "found" reference: "PO 7" actor: "anna"',
                "effective_time { seconds: 1546398245 nanos: 678901000 }",
                'stocked_item_after { received { value: "1.5" } available { value: "1.5" } reserved { value: "0" }',
                'picked { value: "0" } delivered { value: "0" } transferred { value: "0" } removed { value: "0" } }',
                'position_after { on_hand { value: "1.5" } available { value: "1.5" } reserved { value: "0" }',
                'picked { value: "0" } on_order { value: "0" } }',
            ]
        )

    def test_the_stocked_item_is_as_it_was_asked_for(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        movement = stock.add(position_id, 3, OLDEST, unit_cost="0.3333333333")
        (stocked_item,) = stock.stocked_items(position_id)
        assert stocked_item == stock.call(
            "GetStockedItem", pb.GetStockedItemRequest(stocked_item_id=movement.stocked_item_id)
        )
        assert stocked_item.receive_time == timestamp(OLDEST)
        assert stocked_item.create_time == movement.record_time
        assert stocked_item.unit_cost.value.value == "0.3333333333"
        assert (stocked_item.value.units, stocked_item.value.nanos) == (1, 0)
        assert stocked_item.places == movement.stocked_item_after

    @pytest.mark.parametrize(
        ("currency_code", "cost", "units", "nanos"),
        [
            ("JPY", "1.5", 2, 0),
            ("USD", "0.005", 0, 0),
            ("USD", "1.015", 1, 20_000_000),
            ("KWD", "0.0015", 0, 2_000_000),
        ],
    )
    def test_amounts_are_in_the_minor_unit_of_the_tenants_currency(
        self, stock: Stock, currency_code: str, cost: str, units: int, nanos: int
    ) -> None:
        settings = pb.Settings(currency_code=currency_code)
        stock.call(
            "UpdateSettings",
            pb.UpdateSettingsRequest(settings=settings, update_mask=FieldMask(paths=["currency_code"])),
        )
        (position_id,) = stock.positions()
        amount = stock.add(position_id, 1, unit_cost=cost, currency_code=currency_code).amount
        assert (amount.currency_code, amount.units, amount.nanos) == (currency_code, units, nanos)

    def test_without_a_receive_time_units_come_when_they_are_recorded(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        before = datetime.now(UTC)
        movement = stock.add(position_id, 1)
        assert timestamp(before).ToNanoseconds() <= movement.effective_time.ToNanoseconds()
        assert movement.effective_time.ToNanoseconds() <= movement.record_time.ToNanoseconds()


class TestRemoving:
    def test_the_worked_example(self, stock: Stock) -> None:
        """40 mice in four stocked items; removing 20 takes 5, 10 and 5."""
        (position_id,) = stock.positions()
        for year, received in ((2019, 15), (2020, 10), (2021, 20), (2022, 5)):
            stock.add(position_id, received, OLDEST.replace(year=year))
        stock.remove(10, position_id=position_id)
        removed = stock.remove(20, position_id=position_id)
        assert [movement.quantity.value for movement in removed] == ["5", "10", "5"]
        assert [movement.line for movement in removed] == [1, 2, 3]
        assert [movement.position_after.available.value for movement in removed] == ["35", "25", "20"]
        assert stock.layers(position_id) == [0, 0, 15, 5]

    def test_the_second_ten_of_a_stocked_item_of_ten_are_refused(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        stocked_item_id = stock.add(position_id, 10).stocked_item_id
        stock.add(position_id, 20)
        stock.remove(10, stocked_item_id=stocked_item_id)
        request = removing(stock.new_request_id(), 10, stocked_item_id=stocked_item_id)
        assert stock.refusal("RemoveStock", request).metadata["availableQuantity"] == "0"
        assert stock.layers(position_id) == [0, 20]

    def test_by_item_and_location_is_the_same_as_by_position(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        location_id = stock.add(position_id, 5).location_id
        (movement,) = stock.remove(2, item_at_location=(1, location_id))
        assert movement.position_id == position_id


class TestRepeats:
    """The first answer, the same bytes again, and a trailer that says so."""

    def test_of_an_addition(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        self.check(stock, "AddStock", adding(stock.new_request_id(), position_id, 5, unit_cost="1.015"))
        assert stock.layers(position_id) == [5]

    def test_of_a_removal(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        for year in (2020, 2021):
            stock.add(position_id, 5, OLDEST.replace(year=year), unit_cost=3)
        self.check(stock, "RemoveStock", removing(stock.new_request_id(), 7, position_id=position_id))
        assert stock.layers(position_id) == [0, 3]

    def test_of_a_creation(self, stock: Stock) -> None:
        location = pb.Location(name="Main")
        self.check(
            stock, "CreateLocation", pb.CreateLocationRequest(request_id=stock.new_request_id(), location=location)
        )

    def test_of_an_opening(self, stock: Stock) -> None:
        position = pb.Position(item_id=stock.item(1), location_id=stock.location("Main"), maximum=decimal(9))
        self.check(stock, "OpenPosition", pb.OpenPositionRequest(request_id=stock.new_request_id(), position=position))

    def check(self, stock: Stock, method: str, request: Any) -> None:
        first, replayed = call_with_trailer(stock, method, request)
        assert not replayed
        stock.metadata = caller(stock.tenant_id, "somebody else")
        for request_id in (request.request_id, request.request_id.upper()):
            request.request_id = request_id
            again, replayed = call_with_trailer(stock, method, request)
            assert replayed
            assert again.SerializeToString() == first.SerializeToString()


class TestPreviews:
    def test_tell_what_would_happen(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        stock.add(position_id, 5)
        request = removing(stock.new_request_id(), 3, position_id=position_id, validate_only=True)
        (previewed,) = stock.call("RemoveStock", request).movements
        assert stock.available(position_id) == 5
        request.validate_only = False
        (movement,) = stock.call("RemoveStock", request).movements
        recorded = ("movement_id", "operation_id", "record_time", "effective_time")
        assert told(previewed, *recorded) == told(movement, *recorded)
        assert (previewed.movement_id, previewed.operation_id, previewed.HasField("record_time")) == (0, 0, False)

    def test_of_an_addition_names_no_stocked_item(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        previewed = stock.add(position_id, 5, validate_only=True)
        assert (previewed.stocked_item_id, previewed.position_after.available.value) == (0, "5")
        assert stock.movements() == []


class TestPositions:
    def test_are_found_by_id_and_by_item_and_location(self, stock: Stock) -> None:
        location_id = stock.location("Main")
        position_id = stock.position(stock.item(7), location_id)
        stock.add(position_id, 5)
        pair = pb.ItemAtLocation(item_id=7, location_id=location_id)
        by_id = stock.call("GetPosition", pb.GetPositionRequest(position_id=position_id))
        assert by_id == stock.call("GetPosition", pb.GetPositionRequest(item_at_location=pair))
        assert by_id.totals.on_hand.value == "5"
        assert not by_id.HasField("maximum")

    def test_many_at_once_are_each_found(self, stock: Stock) -> None:
        positions = stock.positions(30)
        asked = [*positions, positions[-1] + 1_000_000] * 3
        calls = [
            stock.stub.GetPosition.future(
                pb.GetPositionRequest(position_id=position_id), metadata=stock.metadata, timeout=TIMEOUT_S
            )
            for position_id in asked
        ]
        found = [call.result().position_id if call.exception() is None else None for call in calls]
        assert found == [*positions, None] * 3

    def test_an_update_changes_what_its_mask_names(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        position = pb.Position(
            position_id=position_id,
            bin="A1",
            reference_number="ignored",
            minimum=decimal(2),
            maximum=decimal(4),
        )
        mask = FieldMask(paths=["bin", "minimum", "maximum"])
        changed = stock.call("UpdatePosition", pb.UpdatePositionRequest(position=position, update_mask=mask))
        assert (changed.bin, changed.reference_number, changed.minimum.value, changed.maximum.value) == (
            "A1",
            "",
            "2",
            "4",
        )
        cleared = pb.UpdatePositionRequest(position=pb.Position(position_id=position_id), update_mask=mask)
        changed = stock.call("UpdatePosition", cleared)
        assert (changed.bin, changed.minimum.value, changed.HasField("maximum")) == ("", "0", False)


def test_a_tenant_that_was_never_heard_of_has_default_settings(stock: Stock) -> None:
    settings = stock.call("GetSettings", pb.GetSettingsRequest())
    assert (settings.reason_required, settings.currency_code) == (False, "USD")
    update = pb.UpdateSettingsRequest(settings=pb.Settings(reason_required=True, etag=settings.etag))
    update.update_mask.paths.append("reason_required")
    assert stock.call("UpdateSettings", update).reason_required


def test_the_longest_answers_fit_into_a_message(ledger: LedgerProcess, tenant: Tenant) -> None:
    """As many movements as one call may make, and as a page may have, with all texts as long as they may be."""
    longest = {"reason": 500 * "\N{DUCK}", "reference": 100 * "\N{DUCK}", "receive_time": OLDEST}
    (position_id,) = tenant.positions(scale=6)
    tenant.apply(*(submission(stocking(position_id, "0.000001", **longest)) for _ in range(1000)))
    with Stock(ledger.address, tenant_id=tenant.tenant_id) as stock:
        stock.metadata = caller(tenant.tenant_id, 200 * "a")
        removed = stock.remove("0.001", position_id=position_id, reason=longest["reason"])
        assert len(removed) == 1000
        assert len(stock.movements()) == 2000


class TestInactiveLocations:
    def test_one_that_is_created_inactive_takes_no_stock_in(self, stock: Stock) -> None:
        location = stock.call("CreateLocation", _creation(stock, inactive=True))
        assert not location.active
        position = pb.Position(item_id=stock.item(1), location_id=location.location_id)
        opening = pb.OpenPositionRequest(request_id=stock.new_request_id(), position=position)
        assert stock.refusal("OpenPosition", opening).reason == "LOCATION_INACTIVE"

    @pytest.mark.parametrize("inactive", [False, True])
    def test_a_request_id_stands_for_whether_it_is_inactive(self, stock: Stock, *, inactive: bool) -> None:
        request = _creation(stock, inactive=inactive)
        created = stock.call("CreateLocation", request)
        assert stock.call("CreateLocation", request) == created
        request.inactive = not inactive
        assert stock.refusal("CreateLocation", request).reason == "REQUEST_ID_REUSED"


def _creation(stock: Stock, *, inactive: bool) -> pb.CreateLocationRequest:
    location = pb.Location(name="Main")
    return pb.CreateLocationRequest(request_id=stock.new_request_id(), location=location, inactive=inactive)


class TestExtensions:
    """What only one vendor's API knows comes back value by value, wherever it was given."""

    TEXT = '{"number":7.10,"huge":12345678901234567890123,"list":[null,true,"x"],"empty":{}}'

    def test_of_a_location(self, stock: Stock) -> None:
        location = pb.Location(name="Main", extensions={"autotask": self.TEXT})
        request = pb.CreateLocationRequest(request_id=stock.new_request_id(), location=location)
        created = stock.call("CreateLocation", request)
        assert same(created.extensions, autotask=self.TEXT)
        assert stock.call("GetLocation", pb.GetLocationRequest(location_id=created.location_id)) == created
        assert list(stock.call("ListLocations", pb.ListLocationsRequest()).locations) == [created]
        request.location.extensions["autotask"] = f" {self.TEXT} ".replace("7.10", "7.1")
        assert stock.call("CreateLocation", request) == created

    def test_of_a_position(self, stock: Stock) -> None:
        stock.metadata = caller(stock.tenant_id, "anna")
        item_id, location_id = stock.item(1), stock.location("Main")
        position = pb.Position(item_id=item_id, location_id=location_id, extensions={"autotask": self.TEXT})
        opened = stock.call(
            "OpenPosition", pb.OpenPositionRequest(request_id=stock.new_request_id(), position=position)
        )
        assert same(opened.extensions, autotask=self.TEXT)
        assert opened.creator == "anna"
        assert stock.position_named(opened.position_id) == opened
        assert list(stock.call("ListPositions", pb.ListPositionsRequest()).positions) == [opened]

    def test_of_a_stocked_item(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        movement = stock.add(position_id, 1, extensions={"autotask": self.TEXT, "saasu": "{}"})
        (stocked_item,) = stock.stocked_items(position_id)
        assert same(stocked_item.extensions, autotask=self.TEXT, saasu="{}")
        request = pb.GetStockedItemRequest(stocked_item_id=movement.stocked_item_id)
        assert stock.call("GetStockedItem", request) == stocked_item

    @pytest.mark.parametrize(
        ("paths", "given", "left"),
        [
            (["extensions"], {}, {}),
            (["extensions"], {"saasu": '{"b":2}'}, {"saasu": '{"b":2}'}),
            (["extensions.saasu"], {"saasu": '{"b":2}', "intacct": "{}"}, {"autotask": '{"a":1}', "saasu": '{"b":2}'}),
            (["extensions.autotask"], {}, {}),
            (["extensions.saasu", "extensions"], {"intacct": "{}"}, {"intacct": "{}"}),
        ],
    )
    def test_a_mask_names_all_of_them_or_single_vendors(
        self, stock: Stock, paths: list[str], given: dict[str, str], left: dict[str, str]
    ) -> None:
        location = pb.Location(name="Main", extensions={"autotask": '{"a":1}'})
        created = stock.call(
            "CreateLocation", pb.CreateLocationRequest(request_id=stock.new_request_id(), location=location)
        )
        wanted = pb.Location(location_id=created.location_id, extensions=given)
        updated = stock.call(
            "UpdateLocation", pb.UpdateLocationRequest(location=wanted, update_mask=FieldMask(paths=paths))
        )
        assert dict(updated.extensions) == left
        position_id = stock.position(stock.item(1), created.location_id)
        for mask, content in ((["extensions.autotask"], {"autotask": '{"a":1}'}), (paths, given)):
            position = pb.Position(position_id=position_id, extensions=content)
            stock.call("UpdatePosition", pb.UpdatePositionRequest(position=position, update_mask=FieldMask(paths=mask)))
        assert dict(stock.position_named(position_id).extensions) == left


def test_an_answer_that_would_be_too_long_tells_the_reason_once(stock: Stock) -> None:
    """Two movements for each stocked item, and a reason of 500 characters with four bytes each."""
    (position_id,) = stock.positions()
    adding_each = [pb.StockChange(add=adding(stock.new_request_id(), position_id, 1)) for _ in range(DRAWS_MAX)]
    stock.call("BatchChangeStock", pb.BatchChangeStockRequest(changes=adding_each))
    request = asking(
        stock.new_request_id(),
        pb.TransferStockRequest,
        DRAWS_MAX,
        source=pb.StockSource(position_id=position_id),
        to_location_id=stock.location("Elsewhere"),
        reason="\N{PACKAGE}" * 500,
    )
    first, is_repeated = call_with_trailer(stock, "TransferStock", request)
    assert not is_repeated
    assert [one.reason for one in first.movements] == [request.reason] + [""] * (2 * DRAWS_MAX - 1)
    assert call_with_trailer(stock, "TransferStock", request) == (first, True)
    listed = stock.call("ListMovements", pb.ListMovementsRequest(request_id=request.request_id, page_size=DRAWS_MAX))
    assert {one.reason for one in listed.movements} == {request.reason}


def same(extensions: Mapping[str, str], **texts: str) -> bool:
    """Whether they are these JSON texts, in any order of keys, with every digit."""
    read = partial(json.loads, parse_float=str, parse_int=str)
    return {vendor: read(text) for vendor, text in extensions.items()} == {
        vendor: read(text) for vendor, text in texts.items()
    }
