"""Well-formed requests that can't be carried out, over a real server: each gets its status, its reason and its data."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from grpc import StatusCode

from storekeeper.errors.v1.error_reason_pb2 import ErrorReason
from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_stockledger.domain import refusals as domain
from storekeeper_stockledger.servicer.refusals import REFUSALS
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, removing
from tests.stockledger.dump import Dump
from tests.stockledger.servicer.refusing import refusal
from tests.stockledger.servicer.world import CHANGES, TAKES_REQUEST_ID, World
from tests.stockledger.tenant import Tenant

CATALOGUE: Final = Path(__file__).parents[3] / "protos/storekeeper/errors/v1/error_reason.proto"

CODES: Final = {
    "LOCATION_NOT_FOUND": StatusCode.NOT_FOUND,
    "ITEM_NOT_FOUND": StatusCode.NOT_FOUND,
    "POSITION_NOT_FOUND": StatusCode.NOT_FOUND,
    "STOCKED_ITEM_NOT_FOUND": StatusCode.NOT_FOUND,
    "LOCATION_NAME_TAKEN": StatusCode.ALREADY_EXISTS,
    "POSITION_EXISTS": StatusCode.ALREADY_EXISTS,
    "POSITION_IN_USE": StatusCode.FAILED_PRECONDITION,
    "SERIAL_NUMBER_IN_STOCK": StatusCode.ALREADY_EXISTS,
    "REQUEST_ID_REUSED": StatusCode.ALREADY_EXISTS,
    "INSUFFICIENT_STOCK": StatusCode.FAILED_PRECONDITION,
    "TOO_MANY_STOCKED_ITEMS": StatusCode.FAILED_PRECONDITION,
    "SERIAL_UNIT_REQUIRED": StatusCode.FAILED_PRECONDITION,
    "TRACKING_VIOLATED": StatusCode.FAILED_PRECONDITION,
    "LOCATION_INACTIVE": StatusCode.FAILED_PRECONDITION,
    "REASON_REQUIRED": StatusCode.FAILED_PRECONDITION,
    "COST_UNKNOWN": StatusCode.FAILED_PRECONDITION,
    "CURRENCY_MISMATCH": StatusCode.FAILED_PRECONDITION,
    "CURRENCY_FROZEN": StatusCode.FAILED_PRECONDITION,
    "ITEM_HAS_STOCK": StatusCode.FAILED_PRECONDITION,
    "ITEM_ARCHIVED": StatusCode.FAILED_PRECONDITION,
    "STOCK_LIMIT_EXCEEDED": StatusCode.OUT_OF_RANGE,
    "ETAG_MISMATCH": StatusCode.ABORTED,
    "ITEM_HAS_POSITIONS": StatusCode.FAILED_PRECONDITION,
    "WATCH_AHEAD": StatusCode.OUT_OF_RANGE,
    "PERMISSION_REQUIRED": StatusCode.PERMISSION_DENIED,
    "STOCKED_ITEM_IN_USE": StatusCode.FAILED_PRECONDITION,
    "DEMAND_EXCEEDED": StatusCode.FAILED_PRECONDITION,
    "COUNT_BELOW_COMMITTED": StatusCode.FAILED_PRECONDITION,
    "EXPECTATION_EXCEEDED": StatusCode.FAILED_PRECONDITION,
    "RECEIPT_EXCEEDED": StatusCode.FAILED_PRECONDITION,
    "INVOICE_NUMBER_REQUIRED": StatusCode.FAILED_PRECONDITION,
    "WATCH_STALLED": StatusCode.RESOURCE_EXHAUSTED,
}
OF_EVERY_SERVER: Final = {
    "INVALID_REQUEST", "DATABASE_UNAVAILABLE", "DEADLINE_PASSED", "OVERLOADED", "INTERNAL_ERROR", "SERVER_STOPPING",
}  # fmt: skip
"""Reasons that are no rule of stock; other tests provoke them."""
OF_OTHER_SERVICES: Final = {"SERVICE_UNAVAILABLE", "SKU_TAKEN"}


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is refused, and with what."""

    method: str
    text: str
    reason: str
    metadata: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.text}"


def refused(method: str, text: str, reason: str, **metadata: str) -> Refused:
    """A request that is refused for this reason, with these metadata."""
    return Refused(method, text, reason, metadata)


REFUSED: Final = [
    # --- what is not there ---
    refused(
        "RemoveStock",
        "request_id: $ID source { oldest_first { item_id: $NOWHERE location_id: $main } } quantity { value: '1' }",
        "ITEM_NOT_FOUND",
        itemId="$NOWHERE",
    ),
    refused(
        "RemoveStock",
        "request_id: $ID source { oldest_first { item_id: $WHOLE location_id: $NOWHERE } } quantity { value: '1' }",
        "LOCATION_NOT_FOUND",
        locationId="$NOWHERE",
    ),
    refused(
        "RemoveStock",
        "request_id: $ID source { oldest_first { item_id: $UNPLACED location_id: $main } } quantity { value: '1' }",
        "POSITION_NOT_FOUND",
        itemId="$UNPLACED",
        locationId="$main",
    ),
    refused(
        "RemoveStock",
        "request_id: $ID source { position_id: 9223372036854775807 } quantity { value: '1' }",
        "POSITION_NOT_FOUND",
        positionId="9223372036854775807",
    ),
    refused(
        "RemoveStock",
        "request_id: $ID source { stocked_item_id: $NOWHERE } quantity { value: '1' }",
        "STOCKED_ITEM_NOT_FOUND",
        stockedItemId="$NOWHERE",
    ),
    refused(
        "AddStock",
        "request_id: $ID item_at_location { item_id: $NOWHERE location_id: $NOWHERE } quantity { value: '1' }",
        "ITEM_NOT_FOUND",
        itemId="$NOWHERE",
    ),
    refused(
        "AddStock",
        "request_id: $ID position_id: $NOWHERE quantity { value: '1' }",
        "POSITION_NOT_FOUND",
        positionId="$NOWHERE",
    ),
    refused(
        "OpenPosition",
        "request_id: $ID position { item_id: $NOWHERE location_id: $main }",
        "ITEM_NOT_FOUND",
        itemId="$NOWHERE",
    ),
    refused(
        "OpenPosition",
        "request_id: $ID position { item_id: $WHOLE location_id: $NOWHERE }",
        "LOCATION_NOT_FOUND",
        locationId="$NOWHERE",
    ),
    refused("GetLocation", "location_id: $NOWHERE", "LOCATION_NOT_FOUND", locationId="$NOWHERE"),
    refused(
        "UpdateLocation",
        "location { location_id: $NOWHERE } update_mask { paths: 'active' }",
        "LOCATION_NOT_FOUND",
        locationId="$NOWHERE",
    ),
    refused("GetPosition", "position_id: $NOWHERE", "POSITION_NOT_FOUND", positionId="$NOWHERE"),
    refused(
        "GetPosition",
        "item_at_location { item_id: $NOWHERE location_id: $main }",
        "POSITION_NOT_FOUND",
        itemId="$NOWHERE",
        locationId="$main",
    ),
    refused(
        "UpdatePosition",
        "position { position_id: $NOWHERE } update_mask { paths: 'bin' }",
        "POSITION_NOT_FOUND",
        positionId="$NOWHERE",
    ),
    refused("ClosePosition", "request_id: $ID position_id: $NOWHERE", "POSITION_NOT_FOUND", positionId="$NOWHERE"),
    refused("GetStockedItem", "stocked_item_id: $NOWHERE", "STOCKED_ITEM_NOT_FOUND", stockedItemId="$NOWHERE"),
    # --- what is there already ---
    refused("CreateLocation", "request_id: $ID location { name: 'Main' }", "LOCATION_NAME_TAKEN", name="Main"),
    refused(
        "UpdateLocation",
        "location { location_id: $closed name: 'Main' } update_mask { paths: 'name' }",
        "LOCATION_NAME_TAKEN",
        name="Main",
    ),
    refused(
        "OpenPosition",
        "request_id: $ID position { item_id: $WHOLE location_id: $main }",
        "POSITION_EXISTS",
        itemId="$WHOLE",
        locationId="$main",
        positionId="$whole",
    ),
    refused(
        "AddStock",
        "request_id: $ID position_id: $serial quantity { value: '1' } serial_number: 'A1'",
        "SERIAL_NUMBER_IN_STOCK",
        itemId="$SERIAL",
        serialNumber="A1",
        stockedItemId="$serial_unit",
    ),
    *(
        refused(method, f"request_id: $used {text}", "REQUEST_ID_REUSED", requestId="$used")
        for method, text in TAKES_REQUEST_ID.items()
    ),
    # --- more than there is ---
    refused(
        "RemoveStock",
        "request_id: $ID source { position_id: $whole } quantity { value: '16.0' }",
        "INSUFFICIENT_STOCK",
        requestedQuantity="16",
        availableQuantity="15",
        positionId="$whole",
    ),
    refused(
        "RemoveStock",
        "request_id: $ID source { oldest_first { item_id: $FINE location_id: $main } } quantity { value: '2.001' }",
        "INSUFFICIENT_STOCK",
        requestedQuantity="2.001",
        availableQuantity="2",
        positionId="$fine",
    ),
    refused(
        "RemoveStock",
        "request_id: $ID source { stocked_item_id: $oldest } quantity { value: '6' }",
        "INSUFFICIENT_STOCK",
        requestedQuantity="6",
        availableQuantity="5",
        positionId="$whole",
        stockedItemId="$oldest",
    ),
    refused(
        "RemoveStock",
        "request_id: $ID source { stocked_item_id: $oldest } quantity { value: '6' } validate_only: true",
        "INSUFFICIENT_STOCK",
        requestedQuantity="6",
        availableQuantity="5",
        positionId="$whole",
        stockedItemId="$oldest",
    ),
    refused(
        "AddStock",
        "request_id: $ID position_id: $whole quantity { value: '999999999999' }",
        "STOCK_LIMIT_EXCEEDED",
        positionId="$whole",
        limit="1000000000000",
    ),
    refused(
        "AddStock",
        "request_id: $ID position_id: $fine quantity { value: '1e11' }"
        " unit_cost { currency_code: 'USD' value { value: '1e11' } }",
        "STOCK_LIMIT_EXCEEDED",
        positionId="$fine",
        limit="1000000000000000000",
    ),
    # --- against the rules ---
    refused(
        "RemoveStock",
        "request_id: $ID source { position_id: $serial } quantity { value: '1' }",
        "SERIAL_UNIT_REQUIRED",
        itemId="$SERIAL",
    ),
    refused(
        "AddStock",
        "request_id: $ID position_id: $serial quantity { value: '2' } serial_number: 'A2'",
        "TRACKING_VIOLATED",
        itemId="$SERIAL",
        tracking="SERIAL",
    ),
    refused(
        "AddStock",
        "request_id: $ID position_id: $lot quantity { value: '1' }",
        "TRACKING_VIOLATED",
        itemId="$LOT",
        tracking="LOT",
    ),
    refused(
        "AddStock",
        "request_id: $ID position_id: $whole quantity { value: '1' } lot: 'L1'",
        "TRACKING_VIOLATED",
        itemId="$WHOLE",
        tracking="NONE",
    ),
    refused(
        "AddStock",
        "request_id: $ID position_id: $whole_closed quantity { value: '1' }",
        "LOCATION_INACTIVE",
        locationId="$closed",
    ),
    refused(
        "AddStock",
        "request_id: $ID position_id: $archived quantity { value: '1' }",
        "ITEM_ARCHIVED",
        itemId="$ARCHIVED",
    ),
    refused(
        "OpenPosition",
        "request_id: $ID position { item_id: $UNPLACED location_id: $closed }",
        "LOCATION_INACTIVE",
        locationId="$closed",
    ),
    refused(
        "AddStock",
        "request_id: $ID position_id: $fine quantity { value: '1' } cost_method: COST_METHOD_AVERAGE",
        "COST_UNKNOWN",
        positionId="$fine",
    ),
    refused(
        "AddStock",
        "request_id: $ID position_id: $whole quantity { value: '1' }"
        " unit_cost { currency_code: 'EUR' value { value: '1' } }",
        "CURRENCY_MISMATCH",
        currencyCode="USD",
    ),
    refused(
        "RegisterItem", "item { item_id: $WHOLE version: 6 tracking: TRACKING_LOT }", "ITEM_HAS_STOCK", itemId="$WHOLE"
    ),
    refused(
        "RegisterItem",
        "item { item_id: $WHOLE version: 6 tracking: TRACKING_LOT } validate_only: true",
        "ITEM_HAS_STOCK",
        itemId="$WHOLE",
    ),
    refused("UnregisterItem", "item_id: $WHOLE", "ITEM_HAS_STOCK", itemId="$WHOLE"),
    refused("UnregisterItem", "item_id: $ARCHIVED", "ITEM_HAS_POSITIONS", itemId="$ARCHIVED"),
    refused("UnregisterItem", "item_id: $ARCHIVED validate_only: true", "ITEM_HAS_POSITIONS", itemId="$ARCHIVED"),
    refused(
        "RegisterItem",
        "item { item_id: $WHOLE version: 6 tracking: TRACKING_NONE"
        " standard_cost { currency_code: 'EUR' value { value: '1' } } }",
        "CURRENCY_MISMATCH",
        currencyCode="USD",
    ),
    refused(
        "UpdateSettings",
        "settings { currency_code: 'EUR' } update_mask { paths: 'currency_code' }",
        "CURRENCY_FROZEN",
        currencyCode="USD",
    ),
    # --- demands ---
    refused(
        "ReserveStock",
        "request_id: $ID demand: 'SO 7' source { position_id: $goods } quantity { value: '5000' }",
        "INSUFFICIENT_STOCK",
        requestedQuantity="5000",
        availableQuantity="800",
        positionId="$goods",
    ),
    refused(
        "PickStock",
        "request_id: $ID demand: 'SO 7' source { position_id: $goods } quantity { value: '5000' }",
        "INSUFFICIENT_STOCK",
        requestedQuantity="5000",
        availableQuantity="900",
        positionId="$goods",
    ),
    refused(
        "PickStock",
        "request_id: $ID demand: 'SO 7' source { position_id: $goods } quantity { value: '101' } reserved_only: true",
        "DEMAND_EXCEEDED",
        demand="SO 7",
        requestedQuantity="101",
        heldQuantity="100",
        positionId="$goods",
    ),
    *(
        refused(
            method,
            "request_id: $ID demand: 'SO 7' source { position_id: $goods } quantity { value: '101' }",
            "DEMAND_EXCEEDED",
            demand="SO 7",
            requestedQuantity="101",
            heldQuantity="100",
            positionId="$goods",
        )
        for method in ("ReleaseStock", "UnpickStock", "DeliverStock", "ReturnStock")
    ),
    *(
        refused(
            method,
            f"request_id: $ID demand: 'SO 8' {where} {{ item_id: $GOODS location_id: $main }} {end}",
            "DEMAND_EXCEEDED",
            demand="SO 8",
            heldQuantity="0",
            positionId="$goods",
        )
        for method, where, end in [
            *((name, "source { item_at_location", "}") for name in ("ReleaseStock", "PickStock", "UnpickStock")),
            *((name, "source { oldest_first", "}") for name in ("DeliverStock", "ReturnStock")),
            ("ExtendReservation", "item_at_location", ""),
        ]
    ),
    refused(
        "ReserveStock",
        "request_id: $ID demand: 'SO 7' source { position_id: $serial } quantity { value: '1' }",
        "SERIAL_UNIT_REQUIRED",
        itemId="$SERIAL",
    ),
    refused(
        "ReserveStock",
        "request_id: $ID demand: 'SO 7' source { position_id: $whole_closed } quantity { value: '1' }",
        "LOCATION_INACTIVE",
        locationId="$closed",
    ),
    # --- transfers, counts, kits ---
    refused(
        "TransferStock",
        "request_id: $ID source { position_id: $goods } to_location_id: $NOWHERE quantity { value: '1' }",
        "LOCATION_NOT_FOUND",
        locationId="$NOWHERE",
    ),
    refused(
        "TransferStock",
        "request_id: $ID source { position_id: $goods } to_location_id: $closed quantity { value: '1' }",
        "LOCATION_INACTIVE",
        locationId="$closed",
    ),
    refused(
        "TransferStock",
        "request_id: $ID source { stocked_items { stocked_item_ids: $oldest } } to_location_id: $elsewhere"
        " quantity { value: '6' }",
        "INSUFFICIENT_STOCK",
        requestedQuantity="6",
        availableQuantity="5",
        positionId="$whole",
        stockedItemId="$oldest",
    ),
    refused(
        "CountStock",
        "request_id: $ID position_id: $goods counted { value: '199' } reason: 'stocktake'",
        "COUNT_BELOW_COMMITTED",
        countedQuantity="199",
        committedQuantity="200",
        positionId="$goods",
    ),
    refused(
        "CountStock",
        "request_id: $ID stocked_item_id: $serial_unit counted { value: '2' } reason: 'stocktake'",
        "TRACKING_VIOLATED",
        itemId="$SERIAL",
        tracking="SERIAL",
    ),
    refused(
        "CountStock",
        "request_id: $ID stocked_item_id: $NOWHERE counted { value: '2' } reason: 'stocktake'",
        "STOCKED_ITEM_NOT_FOUND",
        stockedItemId="$NOWHERE",
    ),
    refused(
        "AssembleStock",
        "request_id: $ID components { source { position_id: $goods } quantity { value: '801' } }"
        " position_id: $kit quantity { value: '1' }",
        "INSUFFICIENT_STOCK",
        requestedQuantity="801",
        availableQuantity="800",
        positionId="$goods",
    ),
    refused(
        "DisassembleStock",
        "request_id: $ID source { position_id: $kit } quantity { value: '1' }"
        " parts { position_id: $serial quantity { value: '1' } serial_number: 'A1' }",
        "SERIAL_NUMBER_IN_STOCK",
        itemId="$SERIAL",
        serialNumber="A1",
        stockedItemId="$serial_unit",
    ),
    refused(
        "DisassembleStock",
        "request_id: $ID source { position_id: $kit } quantity { value: '1' }"
        " parts { position_id: $archived quantity { value: '1' } }",
        "ITEM_ARCHIVED",
        itemId="$ARCHIVED",
    ),
    # --- order lines ---
    refused(
        "ExpectStock",
        "request_id: $ID order_line: 'PO 7-1' item_at_location { item_id: $NOWHERE location_id: $main }"
        " quantity { value: '1' }",
        "ITEM_NOT_FOUND",
        itemId="$NOWHERE",
    ),
    refused(
        "ReceiveStock",
        "request_id: $ID order_line: 'PO 7-1' position_id: $goods quantity { value: '101' }",
        "EXPECTATION_EXCEEDED",
        orderLine="PO 7-1",
        requestedQuantity="101",
        onOrderQuantity="100",
        positionId="$goods",
    ),
    refused(
        "CancelExpectedStock",
        "request_id: $ID order_line: 'PO 8-1' position_id: $goods",
        "EXPECTATION_EXCEEDED",
        orderLine="PO 8-1",
        onOrderQuantity="0",
        positionId="$goods",
    ),
    refused(
        "ReceiveStock",
        "request_id: $ID order_line: 'PO 7-1' position_id: $goods quantity { value: '1' } serial_numbers: 'A1'",
        "TRACKING_VIOLATED",
        itemId="$GOODS",
        tracking="NONE",
    ),
    refused(
        "UnreceiveStock",
        "request_id: $ID order_line: 'PO 7-1' source { position_id: $goods } quantity { value: '101' }",
        "RECEIPT_EXCEEDED",
        orderLine="PO 7-1",
        requestedQuantity="101",
        reversibleQuantity="100",
        positionId="$goods",
    ),
    # --- what is newly known ---
    refused(
        "UpdateStockedItem",
        "request_id: $ID stocked_item { stocked_item_id: $NOWHERE } update_mask { paths: 'expire_time' }",
        "STOCKED_ITEM_NOT_FOUND",
        stockedItemId="$NOWHERE",
    ),
    refused(
        "UpdateStockedItem",
        "request_id: $ID stocked_item { stocked_item_id: $oldest serial_number: 'A9' } update_mask { paths: 'serial_number' }",
        "TRACKING_VIOLATED",
        itemId="$WHOLE",
        tracking="NONE",
    ),
    refused(
        "UpdateStockedItem",
        "request_id: $ID stocked_item { stocked_item_id: $serial_held serial_number: 'A9' }"
        " update_mask { paths: 'serial_number' }",
        "STOCKED_ITEM_IN_USE",
        stockedItemId="$serial_held",
    ),
    refused(
        "UpdateStockedItem",
        "request_id: $ID stocked_item { stocked_item_id: $oldest unit_cost { currency_code: 'EUR' value { value: '1' } } }"
        " update_mask { paths: 'unit_cost' }",
        "CURRENCY_MISMATCH",
        currencyCode="USD",
    ),
    # --- many at once ---
    refused(
        "BatchChangeStock",
        "all_or_none: true changes { add { request_id: $ID position_id: $whole quantity { value: '1' } } }"
        " changes { remove { request_id: '0197c2f4-0a1b-7c3d-8e5f-001122334456' source { position_id: $whole }"
        " quantity { value: '100' } } }",
        "INSUFFICIENT_STOCK",
        requestedQuantity="100",
        availableQuantity="16",
        positionId="$whole",
        changeIndex="1",
    ),
    # --- instants that are not there yet ---
    refused(
        "GetPosition",
        "position_id: $whole as_of { movement_id: 9223372036854775807 }",
        "WATCH_AHEAD",
        lastMovementId="$last_movement",
    ),
    refused(
        "ListPositions",
        "as_of { record_time { seconds: 253402300799 } }",
        "WATCH_AHEAD",
        lastMovementId="$last_movement",
    ),
    refused(
        "GetValuation",
        "method: VALUATION_METHOD_LIFO as_of { record_time { seconds: 253402300799 } }",
        "WATCH_AHEAD",
        lastMovementId="$last_movement",
    ),
    refused("GetPosition", "position_id: $whole as_of { movement_id: 0 }", "POSITION_NOT_FOUND", positionId="$whole"),
    # --- changed since it was read ---
    refused(
        "UpdateLocation",
        "location { location_id: $main etag: '99' name: 'x' } update_mask { paths: 'name' }",
        "ETAG_MISMATCH",
        resource="location",
        id="$main",
    ),
    refused(
        "UpdatePosition",
        "position { position_id: $whole etag: '99' } update_mask { paths: 'bin' }",
        "ETAG_MISMATCH",
        resource="position",
        id="$whole",
    ),
    refused(
        "UpdateSettings",
        "settings { etag: '99' } update_mask { paths: 'reason_required' }",
        "ETAG_MISMATCH",
        resource="settings",
        id="$tenant_id",
    ),
]


@pytest.fixture(scope="module", autouse=True)
def held(world: World) -> None:
    """What each change needs is there."""
    world.hold()


@pytest.fixture(scope="module")
def demanding(ledger: LedgerProcess) -> Iterator[World]:
    """Another tenant, who demands a reason for every change by hand."""
    with Stock(ledger.address) as stock:
        world = World(stock)
        world.hold()
        world.do(
            "UpdateSettings",
            "settings { reason_required: true invoice_number_required: true }"
            " update_mask { paths: 'reason_required' paths: 'invoice_number_required' }",
        )
        yield world


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_what_cannot_be_carried_out_is_refused_with_its_reason(world: World, dump: Dump, case: Refused) -> None:
    failure = refusal(world, dump, case.method, case.text)
    assert (failure.code, failure.reason) == (CODES[case.reason], case.reason)
    assert failure.metadata == {key: world.told(value).strip('"') for key, value in case.metadata.items()}
    assert failure.violations == ()


MANUAL: Final = (
    *("AddStock", "RemoveStock", "ClosePosition", "AssembleStock", "DisassembleStock"),
    *("UpdateStockedItem", "UnreceiveStock"),
)


@pytest.mark.parametrize("method", MANUAL)
@pytest.mark.parametrize("reason", ["", " "])
def test_a_missing_reason_is_refused_where_the_tenant_demands_one(
    demanding: World, dump: Dump, method: str, reason: str
) -> None:
    text = f"request_id: $ID {CHANGES[method]} reason: '{reason}'"
    failure = refusal(demanding, dump, method, text)
    assert (failure.code, failure.reason) == (StatusCode.FAILED_PRECONDITION, "REASON_REQUIRED")
    assert failure.metadata == {}


@pytest.mark.parametrize("method", ["AddStock", "ReceiveStock"])
@pytest.mark.parametrize("invoice_number", ["", " "])
def test_a_missing_invoice_number_is_refused_where_the_tenant_demands_one(
    demanding: World, dump: Dump, method: str, invoice_number: str
) -> None:
    text = f"request_id: $ID {CHANGES[method]} reason: 'bought' invoice_number: '{invoice_number}'"
    failure = refusal(demanding, dump, method, text)
    assert (failure.code, failure.reason) == (StatusCode.FAILED_PRECONDITION, "INVOICE_NUMBER_REQUIRED")
    assert failure.metadata == {}


def test_whatever_needs_neither_is_carried_out(demanding: World) -> None:
    for method in sorted(CHANGES.keys() - {*MANUAL, "ReceiveStock"}):
        demanding.do(method, f"request_id: '{demanding.stock.new_request_id()}' {CHANGES[method]}")


def test_a_removal_that_draws_on_too_much_is_refused_with_what_one_call_may_remove(
    ledger: LedgerProcess, tenant: Tenant
) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [2] * 1001)
    with Stock(ledger.address, tenant_id=tenant.tenant_id) as stock:
        failure = stock.refusal("RemoveStock", removing(stock.new_request_id(), 2001, position_id=position_id))
    assert (failure.code, failure.reason) == (StatusCode.FAILED_PRECONDITION, "TOO_MANY_STOCKED_ITEMS")
    assert failure.metadata == {"limit": "1000", "coveredQuantity": "2000"}


@pytest.mark.parametrize("verb", ["ExpectStock", "ReserveStock", "PickStock"])
def test_a_position_that_something_waits_for_is_not_closed(stock: Stock, dump: Dump, verb: str) -> None:
    (position_id,) = stock.positions()
    stock.add(position_id, 1)
    there = pb.StockSource(position_id=position_id)
    about: dict[str, Any] = (
        {"order_line": "PO 1", "position_id": position_id}
        if verb == "ExpectStock"
        else {"demand": "SO 1", "source": there}
    )
    stock.change(verb, 1, **about)
    before = dump()
    request = pb.ClosePositionRequest(request_id=stock.new_request_id(), position_id=position_id)
    failure = stock.refusal("ClosePosition", request)
    assert (failure.code, failure.reason) == (StatusCode.FAILED_PRECONDITION, "POSITION_IN_USE")
    assert failure.metadata == {"positionId": str(position_id)}
    assert dump() == before


def test_every_reason_of_the_catalogue_is_provoked() -> None:
    elsewhere = {
        *("REASON_REQUIRED", "INVOICE_NUMBER_REQUIRED", "TOO_MANY_STOCKED_ITEMS", "POSITION_IN_USE"),
        *("PERMISSION_REQUIRED", "WATCH_STALLED"),
    }
    provoked = {case.reason for case in REFUSED} | elsewhere
    assert provoked == CODES.keys()
    assert provoked | OF_EVERY_SERVER | OF_OTHER_SERVICES == set(ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}


@pytest.mark.parametrize("reason", CODES)
def test_a_reason_comes_with_the_code_and_the_metadata_that_the_catalogue_says(reason: str) -> None:
    (comment,) = re.findall(rf"((?:  // .*\n)+)  {reason} = ", CATALOGUE.read_text(encoding="utf-8"))
    assert comment.strip().startswith(f"// {CODES[reason].name}. ")
    # That of any change may be one of several: BatchChangeStockRequest tells of that.
    said = comment.partition("Metadata:")[2] + "changeIndex"
    assert [case for case in REFUSED if case.reason == reason and not all(key in said for key in case.metadata)] == []


def test_every_rule_of_stock_has_its_row() -> None:
    """One without would be answered as a defect, and logged without the place where it was raised."""

    def rules(kind: type[domain.Refused]) -> set[type[domain.Refused]]:
        return {kind, *(rule for narrower in kind.__subclasses__() for rule in rules(narrower))}

    assert rules(domain.Refused) - {domain.Refused} <= REFUSALS.keys()
