"""InventoryStockedItemsAdd: units come in by hand (Autotask REST, InventoryStockedItemsAdd).

Two pickers say what the units cost and what they are to be sold for: as the units before them, as the catalogue says, or
as the client does. Who may not see costs adds units of unknown cost.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import grpc

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import COSTS_VIEW
from storekeeper_kit.json_text import dump_json

from ...backends import Call
from ...mapping import BadPayload
from ...messages import row_of
from .changing import currency_code
from .errors import Refused, missing
from .fields import KEPT
from .parents import PARENT
from .sources import ITEMS, POSITIONS, STOCKED_ITEMS
from .types import DECIMALS_MAX

AVERAGE, LAST_RECEIVED, CATALOGUE, MANUAL = 1, 2, 3, 4
PRICE_OF_COST, PERCENTAGE_OF_COST, PRICE_OF_CATALOGUE, PERCENTAGE_OF_CATALOGUE, MANUAL_PRICE = 1, 2, 3, 4, 5

METHODS: Final[Mapping[int, pb.CostMethod.ValueType]] = {
    AVERAGE: pb.COST_METHOD_AVERAGE,
    LAST_RECEIVED: pb.COST_METHOD_LAST_RECEIVED,
}
BY_COST: Final = {PRICE_OF_COST, PERCENTAGE_OF_COST}
BY_CATALOGUE: Final = {PRICE_OF_CATALOGUE, PERCENTAGE_OF_CATALOGUE}
BY_PERCENTAGE: Final = {PERCENTAGE_OF_COST, PERCENTAGE_OF_CATALOGUE}

ASKED: Final = (
    "vendorID",
    "vendorInvoiceNumber",
    "returnTypeID",
    "determineCostUsing",
    "determineNewPriceUsing",
    "pricePercentage",
)
"""What is kept as it was asked, beside the price."""

_ROUNDED: Final = Decimal(1).scaleb(-DECIMALS_MAX)


async def add(call: Call, row: dict[str, Any]) -> int:
    """Add units as a new stocked item, and tell its id."""
    _check(row)
    request = _request(call, row)
    try:
        await _look_up(call, request, row)
        added = await call.ask(call.stock_ledger.AddStock, request)
    except (Refused, grpc.aio.AioRpcError):
        # A repeat looks costs and prices up anew, and may find others, or none.
        stocked_item_id = await _recorded(call, request, row)
        if stocked_item_id is None:
            raise
        return stocked_item_id
    return int(added.movement.stocked_item_id)


def _check(row: Mapping[str, Any]) -> None:
    """What the pickers demand of the other fields."""
    needed = {
        "unitCost": row["determineCostUsing"] == MANUAL,
        "pricePercentage": row.get("determineNewPriceUsing") in BY_PERCENTAGE,
        "returnPrice": row.get("determineNewPriceUsing") == MANUAL_PRICE,
    }
    if absent := [name for name, is_needed in needed.items() if is_needed and row.get(name) is None]:
        raise missing(absent)
    if row["quantityBeingAdded"] <= 0:
        raise BadPayload([("quantityBeingAdded", "must be greater than 0")])
    negative = [name for name in ("unitCost", "pricePercentage", "returnPrice") if (row.get(name) or 0) < 0]
    if negative:
        raise BadPayload((name, "must not be less than 0") for name in negative)


def _request(call: Call, row: Mapping[str, Any]) -> pb.AddStockRequest:
    """What the ledger is asked, but for costs and prices that have to be looked up."""
    request = pb.AddStockRequest(
        request_id=call.request_id("add"),
        position_id=row[PARENT] if PARENT in row else row["inventoryProductID"],
        serial_number=row.get("serialNumber") or "",
        reason=row.get("reasonForUpdate") or "",
    )
    request.quantity.value = str(row["quantityBeingAdded"])
    _keep(request, _asked(row))
    return request


def _asked(row: Mapping[str, Any]) -> dict[str, Any]:
    is_looked_up = row.get("determineNewPriceUsing") in BY_COST | BY_CATALOGUE
    return {name: row.get(name) for name in (ASKED if is_looked_up else (*ASKED, "returnPrice"))}


def _keep(request: pb.AddStockRequest, values: Mapping[str, Any]) -> None:
    given = {name: value for name, value in values.items() if value is not None}
    request.extensions["autotask"] = dump_json(given)


async def _look_up(call: Call, request: pb.AddStockRequest, row: Mapping[str, Any]) -> None:
    item = await _catalogue_item(call, request.position_id) if _asks_the_catalogue(row) else {}
    if call.caller.may(COSTS_VIEW):
        await _set_cost(call, request, row, item)
    _keep(request, {**_asked(row), "returnPrice": await _price(call, request, row, item)})


def _asks_the_catalogue(row: Mapping[str, Any]) -> bool:
    return row["determineCostUsing"] == CATALOGUE or row.get("determineNewPriceUsing") in BY_CATALOGUE


async def _catalogue_item(call: Call, position_id: int) -> dict[str, Any]:
    position = await POSITIONS.find(call, position_id)
    if position is None:
        raise Refused(f"The value [{position_id}] of inventoryProductID refers to no InventoryProduct that exists.")
    return await ITEMS.find(call, position["item_id"]) or {}


async def _set_cost(call: Call, request: pb.AddStockRequest, row: Mapping[str, Any], item: Mapping[str, Any]) -> None:
    method = row["determineCostUsing"]
    if method in METHODS:
        request.cost_method = METHODS[method]
        return
    unit_cost = row["unitCost"] if method == MANUAL else item.get("unit_cost.value")
    if unit_cost is None:
        raise Refused("determineCostUsing finds no cost: the Product has no unitCost. Give a manual unitCost.")
    request.unit_cost.currency_code = await currency_code(call)
    request.unit_cost.value.value = format(unit_cost, "f")


async def _price(
    call: Call, request: pb.AddStockRequest, row: Mapping[str, Any], item: Mapping[str, Any]
) -> Decimal | None:
    """What a unit is to be sold for."""
    method = row.get("determineNewPriceUsing")
    if method in BY_COST:
        price = await _unit_cost(call, request)
    elif method in BY_CATALOGUE:
        price = item.get(f"{KEPT}unitPrice")
    else:
        return row.get("returnPrice")
    if price is None:
        raise Refused(
            "determineNewPriceUsing finds no price: neither a cost nor the unitPrice of the Product is known."
        )
    factor = row["pricePercentage"] / 100 if method in BY_PERCENTAGE else Decimal(1)
    return (Decimal(price) * factor).quantize(_ROUNDED).normalize()


async def _unit_cost(call: Call, request: pb.AddStockRequest) -> Decimal | None:
    """What a unit costs.

    Where the ledger has to find that out, it is asked first, and then told what it answered: so the price fits the cost.
    """
    if request.WhichOneof("cost") == "cost_method":
        preview = pb.AddStockRequest()
        preview.CopyFrom(request)
        preview.validate_only = True
        found = await call.ask(call.stock_ledger.AddStock, preview)
        request.unit_cost.CopyFrom(found.unit_cost)
    return Decimal(request.unit_cost.value.value) if request.WhichOneof("cost") else None


async def _recorded(call: Call, request: pb.AddStockRequest, row: Mapping[str, Any]) -> int | None:
    """What the same request of the client's added before; None if it didn't, or was another one."""
    asked = pb.ListMovementsRequest(request_id=request.request_id)
    movements = (await call.ask(call.stock_ledger.ListMovements, asked)).movements
    if not movements or movements[0].kind != pb.MOVEMENT_KIND_ADDED:
        return None
    stocked_item = await STOCKED_ITEMS.find(call, movements[0].stocked_item_id) or {}
    before, after = {**stocked_item, **row_of(movements[0])}, row_of(request)
    paths = ["position_id", "quantity", "reason", "serial_number", *(f"{KEPT}{name}" for name in _asked(row))]
    if row["determineCostUsing"] == MANUAL:
        paths.append("unit_cost.value")
    is_same = all(before.get(path) == after.get(path) for path in paths)
    return int(movements[0].stocked_item_id) if is_same else None
