"""InventoryStockedItemsAdd: units come in by hand, at the cost and for the price that the two pickers say."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.gateway.client import ADDITION, VENDOR_ID, Autotask
from tests.harness.gateway_process import GatewayProcess
from tests.harness.items import Items
from tests.harness.stock import OLDEST, Stock

STOCKED = "InventoryStockedItems"
ROOT = "InventoryStockedItemsAdd"

AVERAGE, LAST_RECEIVED, CATALOGUE, MANUAL = 1, 2, 3, 4
OF_COST, PERCENTAGE_OF_COST, OF_CATALOGUE, PERCENTAGE_OF_CATALOGUE, MANUAL_PRICE = 1, 2, 3, 4, 5


def below(position_id: int) -> str:
    """The address of additions below an inventory product."""
    return f"InventoryProducts/{position_id}/StockedItemsAdd"


def refusal(autotask: Autotask, position_id: int, **fields: Any) -> str:
    """Why an addition is refused; nothing was added."""
    before = autotask.get("InventoryProducts", position_id)
    sentences = autotask.refusal("POST", below(position_id), {**ADDITION, "quantityBeingAdded": 1, **fields})
    assert autotask.get("InventoryProducts", position_id) == before
    assert autotask.count(STOCKED) == before["onHandUnits"]
    return sentences


class TestUnits:
    def test_they_are_on_hand_as_a_new_stocked_item(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        stocked_item_id = autotask.add(position_id, 5, vendorInvoiceNumber="INV-1", returnTypeID=3, serialNumber="")
        stocked_item = autotask.get(STOCKED, stocked_item_id)
        position = autotask.get("InventoryProducts", position_id)
        assert autotask.units(stocked_item_id) == {"onHandUnits": 5}
        assert position["onHandUnits"] == position["availableUnits"] == stocked_item["availableUnits"] == 5
        assert stocked_item["inventoryProductID"] == position_id
        assert stocked_item["productID"] == position["productID"]
        assert stocked_item["currentInventoryLocationID"] == position["inventoryLocationID"]
        kept = ("vendorID", "vendorInvoiceNumber", "returnTypeID", "serialNumber", "returnPrice")
        assert [stocked_item[name] for name in kept] == [VENDOR_ID, "INV-1", 3, None, None]

    def test_each_addition_is_a_stocked_item_of_its_own(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        ids = [autotask.add(position_id, 5), autotask.add(position_id, 5)]
        assert [row["id"] for row in autotask.query(STOCKED)] == ids
        assert autotask.get("InventoryProducts", position_id)["onHandUnits"] == 10

    def test_the_inventory_product_may_be_named_in_the_body(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        payload = {**ADDITION, "inventoryProductID": position_id, "quantityBeingAdded": "5"}
        for path in (ROOT, below(position_id)):
            assert autotask.units(autotask.create(path, payload)) == {"onHandUnits": 5}

    def test_it_must_be_named(self, autotask: Autotask) -> None:
        assert "inventoryProductID" in autotask.refusal("POST", ROOT, {**ADDITION, "quantityBeingAdded": 5})

    def test_body_and_address_must_agree(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        sentences = refusal(autotask, position_id, inventoryProductID=position_id + 1)
        assert "inventoryProductID" in sentences
        assert f"[{position_id}]" in sentences

    @pytest.mark.parametrize("position_id", [0, 4711, 99_999_999_999])
    @pytest.mark.parametrize("method", [CATALOGUE, MANUAL])
    def test_it_must_exist(self, autotask: Autotask, position_id: int, method: int) -> None:
        payload = {**ADDITION, "quantityBeingAdded": 5, "determineCostUsing": method}
        assert "inventoryProductID" in autotask.refusal("POST", below(position_id), payload)

    def test_all_required_fields_that_are_missing_are_told_at_once(self, autotask: Autotask) -> None:
        sentences = autotask.refusal("POST", below(autotask.position()), {"unitCost": 9})
        for name in ("vendorID", "quantityBeingAdded", "determineCostUsing"):
            assert f"required field {name}." in sentences

    @pytest.mark.parametrize("quantity", [0, -1, Decimal("1.5"), 2**31, "many"])
    def test_their_number_is_whole_and_positive(self, autotask: Autotask, quantity: object) -> None:
        assert "quantityBeingAdded" in refusal(autotask, autotask.position(), quantityBeingAdded=quantity)

    def test_a_location_that_is_inactive_takes_none_in(self, autotask: Autotask) -> None:
        location_id = autotask.location()
        position_id = autotask.position(location_id=location_id)
        autotask.patch("InventoryLocations", location_id, isActive=False)
        assert "must be active" in refusal(autotask, position_id)

    def test_a_product_that_is_inactive_takes_none_in(self, autotask: Autotask) -> None:
        product_id = autotask.product()
        position_id = autotask.position(product_id=product_id)
        autotask.patch("Products", product_id, isActive=False)
        assert "must be active" in refusal(autotask, position_id)

    def test_the_reason_is_on_record(self, autotask: Autotask, stock: Stock) -> None:
        autotask.add(autotask.position(), reasonForUpdate="found behind the shelf")
        (movement,) = stock.movements()
        assert (movement.reason, movement.actor) == ("found behind the shelf", "api@example.com")

    def test_a_reason_is_required_when_the_setting_says_so(self, autotask: Autotask, stock: Stock) -> None:
        position_id = autotask.position()
        settings = pb.Settings(reason_required=True)
        stock.call("UpdateSettings", _update(settings, "reason_required"))
        assert "required field reasonForUpdate" in refusal(autotask, position_id)
        autotask.add(position_id, reasonForUpdate="found")

    def test_a_reason_that_is_too_long_is_refused(self, autotask: Autotask) -> None:
        assert "reasonForUpdate" in refusal(autotask, autotask.position(), reasonForUpdate="x" * 501)


class TestSerializedUnits:
    def test_each_is_a_stocked_item_of_its_own(self, autotask: Autotask) -> None:
        position_id = autotask.serialized_position()
        ids = [autotask.add(position_id, serialNumber=number) for number in ("A", "B")]
        rows = autotask.query(STOCKED)
        assert [(row["id"], row["serialNumber"], row["onHandUnits"]) for row in rows] == [
            (ids[0], "A", 1),
            (ids[1], "B", 1),
        ]

    @pytest.mark.parametrize("fields", [{}, {"quantityBeingAdded": 2, "serialNumber": "A"}], ids=["no", "two"])
    def test_they_come_one_at_a_time_with_a_serial_number(self, autotask: Autotask, fields: dict[str, Any]) -> None:
        sentences = refusal(autotask, autotask.serialized_position(), **fields)
        assert "one unit" in sentences
        assert "serialNumber" in sentences

    def test_others_have_no_serial_number(self, autotask: Autotask) -> None:
        assert "not serialized" in refusal(autotask, autotask.position(), serialNumber="A")

    def test_units_of_a_lot_can_not_be_added_without_one(self, autotask: Autotask, items: Items) -> None:
        item = items.create("Paint", tracking=pb.TRACKING_LOT)
        assert "tracked by lot" in refusal(autotask, autotask.position(product_id=item.item_id))

    def test_a_serial_number_is_in_stock_once(self, autotask: Autotask) -> None:
        position_id = autotask.serialized_position()
        stocked_item_id = autotask.add(position_id, serialNumber="A")
        sentences = refusal(autotask, position_id, serialNumber="A")
        assert "already has the serialNumber [A]" in sentences
        autotask.remove(1, inventoryStockedItemID=stocked_item_id)
        assert autotask.add(position_id, serialNumber="A") != stocked_item_id


class TestCosts:
    """Ten units at 2 came first, then thirty at 4; five of the first are gone."""

    @pytest.fixture
    def position_id(self, autotask: Autotask) -> int:
        position_id = autotask.position(product_id=autotask.product(unitCost="7.25", unitPrice=11))
        first = autotask.add(position_id, 10, unitCost=2)
        autotask.add(position_id, 30, unitCost=4)
        autotask.remove(5, inventoryStockedItemID=first)
        return position_id

    @pytest.mark.parametrize(
        ("method", "unit_cost"),
        [
            (AVERAGE, Decimal("3.7142857143")),
            (LAST_RECEIVED, 4),
            (CATALOGUE, Decimal("7.25")),
            (MANUAL, Decimal("9.0625")),
        ],
    )
    def test_each_picker(self, autotask: Autotask, position_id: int, method: int, unit_cost: object) -> None:
        stocked_item_id = autotask.add(position_id, 1, determineCostUsing=method, unitCost="9.0625")
        assert autotask.get(STOCKED, stocked_item_id)["unitCost"] == unit_cost

    def test_the_last_received_is_the_newest_by_age(self, autotask: Autotask, stock: Stock, position_id: int) -> None:
        stock.add(position_id, 1, OLDEST, unit_cost=1)
        stocked_item_id = autotask.add(position_id, determineCostUsing=LAST_RECEIVED)
        assert autotask.get(STOCKED, stocked_item_id)["unitCost"] == 4

    def test_without_units_on_hand_the_average_is_the_last_received(self, autotask: Autotask, position_id: int) -> None:
        autotask.remove(35, inventoryProductID=position_id)
        stocked_item_id = autotask.add(position_id, determineCostUsing=AVERAGE)
        assert autotask.get(STOCKED, stocked_item_id)["unitCost"] == 4

    @pytest.mark.parametrize("method", [AVERAGE, LAST_RECEIVED, CATALOGUE])
    def test_a_cost_that_nobody_knows_is_refused(self, autotask: Autotask, method: int) -> None:
        sentences = refusal(autotask, autotask.position(), determineCostUsing=method, unitCost=None)
        assert "determineCostUsing finds no cost" in sentences

    def test_a_manual_cost_must_be_given(self, autotask: Autotask) -> None:
        sentences = refusal(autotask, autotask.position(), determineCostUsing=MANUAL, unitCost=None)
        assert "required field unitCost." in sentences

    def test_a_manual_cost_may_be_nothing_but_not_less(self, autotask: Autotask) -> None:
        position_id = autotask.position()
        assert "unitCost" in refusal(autotask, position_id, unitCost=-1)
        assert autotask.get(STOCKED, autotask.add(position_id, unitCost=0))["unitCost"] == 0

    @pytest.mark.parametrize("method", [0, 5, "cheapest"])
    def test_a_picker_that_is_none_is_refused(self, autotask: Autotask, method: object) -> None:
        assert "determineCostUsing" in refusal(autotask, autotask.position(), determineCostUsing=method)


class TestPrices:
    """The catalogue says: costs 8, sells for 11.10. What is on hand cost 3 and 4."""

    @pytest.fixture
    def position_id(self, autotask: Autotask) -> int:
        position_id = autotask.position(product_id=autotask.product(unitCost=8, unitPrice="11.10"))
        autotask.add(position_id, 1, unitCost=3)
        autotask.add(position_id, 1, unitCost=4)
        return position_id

    @pytest.mark.parametrize(
        ("cost_method", "price_method", "price"),
        [
            (AVERAGE, OF_COST, Decimal("3.5")),
            (LAST_RECEIVED, OF_COST, 4),
            (CATALOGUE, OF_COST, 8),
            (MANUAL, OF_COST, 9),
            (AVERAGE, PERCENTAGE_OF_COST, Decimal("5.25")),
            (LAST_RECEIVED, PERCENTAGE_OF_COST, 6),
            (CATALOGUE, PERCENTAGE_OF_COST, 12),
            (MANUAL, PERCENTAGE_OF_COST, Decimal("13.5")),
            (MANUAL, OF_CATALOGUE, Decimal("11.1")),
            (MANUAL, PERCENTAGE_OF_CATALOGUE, Decimal("16.65")),
            (AVERAGE, OF_CATALOGUE, Decimal("11.1")),
            (MANUAL, MANUAL_PRICE, Decimal("19.99")),
            (MANUAL, None, Decimal("19.99")),
        ],
    )
    def test_each_picker(
        self, autotask: Autotask, position_id: int, cost_method: int, price_method: int | None, price: object
    ) -> None:
        fields = {"determineCostUsing": cost_method, "determineNewPriceUsing": price_method}
        stocked_item_id = autotask.add(position_id, 1, **fields, pricePercentage=150, returnPrice="19.99")
        assert autotask.get(STOCKED, stocked_item_id)["returnPrice"] == price

    def test_a_price_of_the_cost_leaves_the_cost_as_it_is(self, autotask: Autotask, position_id: int) -> None:
        fields = {"determineCostUsing": AVERAGE, "determineNewPriceUsing": OF_COST}
        assert autotask.get(STOCKED, autotask.add(position_id, 1, **fields))["unitCost"] == Decimal("3.5")

    def test_a_price_is_rounded_to_what_can_be_kept(self, autotask: Autotask, position_id: int) -> None:
        fields = {"unitCost": "0.0000000001", "determineNewPriceUsing": PERCENTAGE_OF_COST, "pricePercentage": 250}
        stocked_item_id = autotask.add(position_id, 1, **fields)
        assert autotask.get(STOCKED, stocked_item_id)["returnPrice"] == Decimal("0.0000000002")

    def test_a_price_beyond_what_can_be_kept_is_refused(self, autotask: Autotask) -> None:
        fields = {"unitCost": 99_999_999_999, "determineNewPriceUsing": PERCENTAGE_OF_COST}
        assert "pricePercentage" in refusal(autotask, autotask.position(), **fields, pricePercentage=10**15 - 1)

    def test_a_cost_beyond_what_can_be_kept_is_refused(self, autotask: Autotask) -> None:
        assert "The field unitCost" in refusal(autotask, autotask.position(), unitCost=10**12)

    @pytest.mark.parametrize(
        ("method", "missing"),
        [
            (PERCENTAGE_OF_COST, "pricePercentage"),
            (PERCENTAGE_OF_CATALOGUE, "pricePercentage"),
            (MANUAL_PRICE, "returnPrice"),
        ],
    )
    def test_what_a_picker_needs_must_be_given(self, autotask: Autotask, method: int, missing: str) -> None:
        assert f"required field {missing}." in refusal(autotask, autotask.position(), determineNewPriceUsing=method)

    @pytest.mark.parametrize("method", [OF_CATALOGUE, PERCENTAGE_OF_CATALOGUE])
    def test_a_price_that_nobody_knows_is_refused(self, autotask: Autotask, method: int) -> None:
        sentences = refusal(autotask, autotask.position(), determineNewPriceUsing=method, pricePercentage=150)
        assert "determineNewPriceUsing finds no price" in sentences

    @pytest.mark.parametrize("field", ["pricePercentage", "returnPrice"])
    def test_nothing_may_be_negative(self, autotask: Autotask, field: str) -> None:
        assert field in refusal(autotask, autotask.position(), **{field: -1})

    def test_a_picker_that_is_none_is_refused(self, autotask: Autotask) -> None:
        assert "determineNewPriceUsing" in refusal(autotask, autotask.position(), determineNewPriceUsing=6)


class TestRepeats:
    """With an Idempotency-Key, the same request adds once, whatever has happened to costs and prices meanwhile."""

    KEY = "delivery 7"

    @pytest.fixture
    def product_id(self, autotask: Autotask) -> int:
        return autotask.product(unitCost=8, unitPrice=11)

    @pytest.fixture
    def position_id(self, autotask: Autotask, product_id: int) -> int:
        position_id = autotask.position(product_id=product_id)
        autotask.add(position_id, 1, unitCost=3)
        return position_id

    @pytest.mark.parametrize("cost_method", [AVERAGE, LAST_RECEIVED, CATALOGUE, MANUAL])
    @pytest.mark.parametrize("price_method", [OF_COST, PERCENTAGE_OF_COST, OF_CATALOGUE, MANUAL_PRICE])
    def test_costs_and_prices_may_have_changed(
        self, autotask: Autotask, product_id: int, position_id: int, cost_method: int, price_method: int
    ) -> None:
        def add() -> int:
            fields = {"determineCostUsing": cost_method, "determineNewPriceUsing": price_method}
            return autotask.add(position_id, 5, **fields, pricePercentage=150, returnPrice=7, Idempotency_Key=self.KEY)

        first = add()
        before = autotask.get(STOCKED, first)
        autotask.patch("Products", product_id, unitCost=80, unitPrice=110)
        autotask.add(position_id, 7, unitCost=30)
        assert add() == first
        assert autotask.get(STOCKED, first) == before
        assert autotask.get("InventoryProducts", position_id)["onHandUnits"] == 13

    def test_they_may_be_gone(self, autotask: Autotask, product_id: int, position_id: int) -> None:
        fields = {"determineCostUsing": CATALOGUE, "determineNewPriceUsing": OF_CATALOGUE}
        first = autotask.add(position_id, 5, **fields, Idempotency_Key=self.KEY)
        autotask.patch("Products", product_id, unitCost=None, unitPrice=None, isActive=False)
        assert autotask.add(position_id, 5, **fields, Idempotency_Key=self.KEY) == first

    def test_the_units_may_be_gone(self, autotask: Autotask, position_id: int) -> None:
        fields = {"determineCostUsing": AVERAGE, "determineNewPriceUsing": OF_COST}
        first = autotask.add(position_id, 5, **fields, Idempotency_Key=self.KEY)
        autotask.remove(6, inventoryProductID=position_id)
        assert autotask.add(position_id, 5, **fields, Idempotency_Key=self.KEY) == first
        assert autotask.get("InventoryProducts", position_id)["onHandUnits"] == 0

    @pytest.mark.parametrize(
        "other",
        [
            {"quantityBeingAdded": 6},
            {"unitCost": 10},
            {"returnPrice": 8},
            {"vendorID": 13},
            {"vendorInvoiceNumber": "INV-1"},
            {"returnTypeID": 3},
            {"reasonForUpdate": "found"},
            {"determineCostUsing": AVERAGE},
            {"determineNewPriceUsing": OF_COST},
            {"pricePercentage": 151},
        ],
        ids=lambda fields: next(iter(fields)),
    )
    def test_another_request_is_refused(self, autotask: Autotask, position_id: int, other: dict[str, Any]) -> None:
        payload = {**ADDITION, "quantityBeingAdded": 5, "returnPrice": 7, "pricePercentage": 150}
        autotask.create(below(position_id), payload, Idempotency_Key=self.KEY)
        sentences = autotask.refusal("POST", below(position_id), {**payload, **other}, Idempotency_Key=self.KEY)
        assert "Idempotency-Key" in sentences
        assert autotask.get("InventoryProducts", position_id)["onHandUnits"] == 6

    def test_the_key_is_its_users_own(self, gateway: GatewayProcess, autotask: Autotask, position_id: int) -> None:
        autotask.add(position_id, 5, Idempotency_Key=self.KEY)
        with Autotask(gateway.address, tenant_id=autotask.tenant_id, UserName="other@example.com") as other:
            other.add(position_id, 5, Idempotency_Key=self.KEY)
        assert autotask.get("InventoryProducts", position_id)["onHandUnits"] == 11

    def test_without_a_key_a_repeat_is_a_new_request(self, autotask: Autotask, position_id: int) -> None:
        assert autotask.add(position_id, 5) != autotask.add(position_id, 5)


class TestWithoutThePermissionToSeeCosts:
    @pytest.fixture
    def blind(self, gateway: GatewayProcess, autotask: Autotask) -> Iterator[Autotask]:
        headers = {"storekeeper-permissions": "stock.write"}
        with Autotask(gateway.address, tenant_id=autotask.tenant_id, **headers) as client:
            yield client

    @pytest.mark.parametrize("method", [AVERAGE, LAST_RECEIVED, CATALOGUE, MANUAL])
    def test_units_are_added_at_an_unknown_cost(self, autotask: Autotask, blind: Autotask, method: int) -> None:
        position_id = autotask.position(product_id=autotask.product(unitCost=8))
        autotask.add(position_id, 1, unitCost=3)
        stocked_item_id = blind.add(position_id, 5, determineCostUsing=method)
        assert autotask.get(STOCKED, stocked_item_id)["unitCost"] is None

    @pytest.mark.parametrize("method", [OF_COST, PERCENTAGE_OF_COST])
    def test_a_price_tells_no_cost(self, autotask: Autotask, blind: Autotask, method: int) -> None:
        position_id = autotask.position()
        autotask.add(position_id, 1, unitCost=3)
        fields = {"determineCostUsing": AVERAGE, "determineNewPriceUsing": method, "pricePercentage": 100}
        assert "determineNewPriceUsing finds no price" in refusal(blind, position_id, **fields)

    def test_a_cost_is_null_when_read(self, autotask: Autotask, blind: Autotask) -> None:
        stocked_item_id = autotask.add(autotask.position())
        assert blind.get(STOCKED, stocked_item_id)["unitCost"] is None
        assert blind.query(STOCKED)[0]["unitCost"] is None


def _update(settings: pb.Settings, *fields: str) -> pb.UpdateSettingsRequest:
    return pb.UpdateSettingsRequest(settings=settings, update_mask=FieldMask(paths=fields))
