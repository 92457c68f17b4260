"""InventoryStockedItemsAdd: units come in by hand (Autotask REST, InventoryStockedItemsAdd).

Two pickers say what the units cost and what they are to be sold for: as the units before them, as the catalogue says, or
as the client does. Who may not see costs adds units of unknown cost.
"""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any, Final, TypeGuard

import grpc

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import COSTS_VIEW

from ...backends import Call
from ...mapping import BadPayload
from ...messages import row_of
from .changing import message_of, with_currency
from .errors import Refused, missing
from .fields import ADD, KEPT
from .parents import PARENT
from .sources import ITEMS, POSITIONS, STOCKED_ITEMS
from .types import DECIMALS_MAX, DIGITS_MAX

COST: Final = "unit_cost.value"
COST_METHOD: Final = f"{KEPT}determineCostUsing"
PRICE: Final = f"{KEPT}returnPrice"
PRICE_METHOD: Final = f"{KEPT}determineNewPriceUsing"
PERCENTAGE: Final = f"{KEPT}pricePercentage"

AVERAGE, LAST_RECEIVED, CATALOGUE, MANUAL = 1, 2, 3, 4
PRICE_OF_COST, PERCENTAGE_OF_COST, PRICE_OF_CATALOGUE, PERCENTAGE_OF_CATALOGUE, MANUAL_PRICE = 1, 2, 3, 4, 5

FOUND_BY_LEDGER: Final = {AVERAGE: "AVERAGE", LAST_RECEIVED: "LAST_RECEIVED"}
BY_COST: Final = {PRICE_OF_COST, PERCENTAGE_OF_COST}
BY_CATALOGUE: Final = {PRICE_OF_CATALOGUE, PERCENTAGE_OF_CATALOGUE}
BY_PERCENTAGE: Final = {PERCENTAGE_OF_COST, PERCENTAGE_OF_CATALOGUE}

_ROUNDED: Final = Decimal(1).scaleb(-DECIMALS_MAX)
# Room for the product of two numbers, before it is rounded.
_PRECISION: Final = 2 * (DIGITS_MAX + DECIMALS_MAX) + 2


async def add(call: Call, row: dict[str, Any]) -> int:
    """Add units as a new stocked item, and tell its id."""
    _check(row)
    asked = _asked(call, row)
    try:
        priced = await _priced(call, asked)
        added = await call.ask(call.stock_ledger.AddStock, message_of(pb.AddStockRequest, priced))
    except (Refused, grpc.aio.AioRpcError):
        # A repeat looks costs and prices up anew, and may find others, or none.
        stocked_item_id = await _recorded(call, asked)
        if stocked_item_id is None:
            raise
        return stocked_item_id
    return int(added.movement.stocked_item_id)


def _check(row: Mapping[str, Any]) -> None:
    """What the pickers demand of the other fields."""
    needed = {
        COST: row[COST_METHOD] == MANUAL,
        PERCENTAGE: row.get(PRICE_METHOD) in BY_PERCENTAGE,
        PRICE: row.get(PRICE_METHOD) == MANUAL_PRICE,
    }
    if absent := [_name(path) for path, is_needed in needed.items() if is_needed and path not in row]:
        raise missing(absent)
    if row["quantity"] <= 0:
        raise BadPayload([("quantityBeingAdded", "must be greater than 0")])
    if negative := [_name(path) for path in needed if row.get(path, 0) < 0]:
        raise BadPayload((name, "must not be less than 0") for name in negative)


def _name(path: str) -> str:
    field = ADD.at(path)
    assert field is not None
    return field.name


def _asked(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the ledger is asked, without the cost and the price that have to be looked up."""
    given = {"request_id": call.request_id(), **row}
    if PARENT in given:
        given["position_id"] = given.pop(PARENT)
    looked_up = {
        COST: row[COST_METHOD] != MANUAL or not call.caller.may(COSTS_VIEW),
        PRICE: row.get(PRICE_METHOD) in BY_COST | BY_CATALOGUE,
    }
    return {path: value for path, value in given.items() if not looked_up.get(path)}


async def _priced(call: Call, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, with its cost and its price."""
    item = await _catalogue_item(call, asked) if _asks_the_catalogue(asked) else {}
    row = {**asked, **await _cost(call, asked, item)}
    if asked.get(PRICE_METHOD) in BY_COST and "cost_method" in row:
        row = await _with_cost_found(call, row)
    return {**row, PRICE: _price(row, item)}


def _asks_the_catalogue(asked: Mapping[str, Any]) -> bool:
    return asked[COST_METHOD] == CATALOGUE or asked.get(PRICE_METHOD) in BY_CATALOGUE


async def _catalogue_item(call: Call, asked: Mapping[str, Any]) -> dict[str, Any]:
    position = await POSITIONS.find(call, asked["position_id"])
    if position is None:
        raise Refused(
            f"The value [{asked['position_id']}] of inventoryProductID refers to no InventoryProduct that exists."
        )
    return await ITEMS.find(call, position["item_id"]) or {}


async def _cost(call: Call, asked: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """What a unit costs, or how the ledger finds that out."""
    method = asked[COST_METHOD]
    if not call.caller.may(COSTS_VIEW):
        return {}
    if method in FOUND_BY_LEDGER:
        return {"cost_method": FOUND_BY_LEDGER[method]}
    unit_cost = asked[COST] if method == MANUAL else item.get(COST)
    if unit_cost is None:
        raise Refused("determineCostUsing finds no cost: the Product has no unitCost. Give a manual unitCost.")
    return await with_currency(call, {COST: unit_cost})


async def _with_cost_found(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    """The ledger is asked what it would find, and then told what it answered: so the price fits the cost."""
    preview = message_of(pb.AddStockRequest, {**row, "validate_only": True})
    found = row_of(await call.ask(call.stock_ledger.AddStock, preview))
    cost = {path: value for path, value in found.items() if path.startswith("unit_cost.")}
    return {path: value for path, value in row.items() if path != "cost_method"} | cost


def _price(row: Mapping[str, Any], item: Mapping[str, Any]) -> Decimal | None:
    """What a unit is to be sold for."""
    method = row.get(PRICE_METHOD)
    if method not in BY_COST | BY_CATALOGUE:
        return row.get(PRICE)
    price = row.get(COST) if method in BY_COST else item.get(f"{KEPT}unitPrice")
    if not _is_price(price):
        raise Refused(
            "determineNewPriceUsing finds no price: neither a cost nor the unitPrice of the Product is known."
        )
    with localcontext(prec=_PRECISION):
        factor = row[PERCENTAGE] / 100 if method in BY_PERCENTAGE else Decimal(1)
        rounded = (Decimal(price) * factor).quantize(_ROUNDED).normalize()
    if rounded.adjusted() >= DIGITS_MAX:
        raise BadPayload([("pricePercentage", "makes a price that is too high to be kept")])
    return rounded


def _is_price(value: Any) -> TypeGuard[int | Decimal]:
    """Whether the value is a price: others can have kept anything in its place."""
    return type(value) in {int, Decimal} and Decimal(value).adjusted() < DIGITS_MAX


async def _recorded(call: Call, asked: Mapping[str, Any]) -> int | None:
    """What the same request of the client's added before; None if it didn't, or was another one."""
    movements = await call.ask(call.stock_ledger.ListMovements, pb.ListMovementsRequest(request_id=asked["request_id"]))
    if not movements.movements or movements.movements[0].kind != pb.MOVEMENT_KIND_ADDED:
        return None
    movement = row_of(movements.movements[0])
    recorded = {**(await STOCKED_ITEMS.find(call, movement["stocked_item_id"]) or {}), **movement}
    is_same = all(recorded.get(path) == asked.get(path) for path in _compared(asked))
    return int(movement["stocked_item_id"]) if is_same else None


def _compared(asked: Mapping[str, Any]) -> set[str]:
    """What two requests must have in common to be the same: all that the client said, and not what was looked up."""
    looked_up = {
        COST: COST not in asked,
        PRICE: asked.get(PRICE_METHOD) in BY_COST | BY_CATALOGUE,
    }
    return {field.path for field in ADD if field.path and not (field.read_only or looked_up.get(field.path))}
