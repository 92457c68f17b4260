"""How each refusal of the ledger is told to a client: one table, by exception class."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from grpc import StatusCode

from storekeeper_kit.refusals import Refusal, Table, Violation, refusal_for

from ..domain import refusals as domain
from ..domain.numbers import plain

REFUSALS: Final[Table] = {
    domain.BadField: lambda error: Refusal(
        StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        f"1 field is not acceptable: {error.field}",
        violations=(Violation(error.field, error.description),),
    ),
    domain.LocationNotFound: lambda error: Refusal(
        StatusCode.NOT_FOUND,
        "LOCATION_NOT_FOUND",
        f"there is no location {error.location_id}",
        {"locationId": str(error.location_id)},
    ),
    domain.LocationNameTaken: lambda error: Refusal(
        StatusCode.ALREADY_EXISTS,
        "LOCATION_NAME_TAKEN",
        f'there is a location "{error.name}" already',
        {"name": error.name},
    ),
    domain.LocationInactive: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "LOCATION_INACTIVE",
        f"location {error.location_id} is inactive",
        {"locationId": str(error.location_id)},
    ),
    domain.ItemNotFound: lambda error: Refusal(
        StatusCode.NOT_FOUND,
        "ITEM_NOT_FOUND",
        f"no item {error.item_id} is registered",
        {"itemId": str(error.item_id)},
    ),
    domain.ItemHasStock: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "ITEM_HAS_STOCK",
        f"item {error.item_id} has been stocked: its tracking and quantity scale are frozen, and it is not forgotten",
        {"itemId": str(error.item_id)},
    ),
    domain.ItemArchived: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "ITEM_ARCHIVED",
        f"item {error.item_id} is archived and takes no stock in",
        {"itemId": str(error.item_id)},
    ),
    domain.TrackingViolated: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "TRACKING_VIOLATED",
        f"item {error.item_id} has tracking {error.tracking}: {error.demand}",
        {"itemId": str(error.item_id), "tracking": error.tracking.upper()},
    ),
    domain.PositionNotFound: lambda error: Refusal(
        StatusCode.NOT_FOUND, "POSITION_NOT_FOUND", *_missing_position(error)
    ),
    domain.PositionExists: lambda error: Refusal(
        StatusCode.ALREADY_EXISTS,
        "POSITION_EXISTS",
        f"item {error.item_id} has position {error.position_id} at location {error.location_id} already",
        {
            "itemId": str(error.item_id),
            "locationId": str(error.location_id),
            "positionId": str(error.position_id),
        },
    ),
    domain.PositionInUse: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "POSITION_IN_USE",
        f"position {error.position_id} has units that are reserved, picked or on order",
        {"positionId": str(error.position_id)},
    ),
    domain.StockedItemNotFound: lambda error: Refusal(
        StatusCode.NOT_FOUND,
        "STOCKED_ITEM_NOT_FOUND",
        f"there is no stocked item {error.stocked_item_id}",
        {"stockedItemId": str(error.stocked_item_id)},
    ),
    domain.InsufficientStock: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION, "INSUFFICIENT_STOCK", *_shortage(error)
    ),
    domain.TooManyStockedItems: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "TOO_MANY_STOCKED_ITEMS",
        f"one change draws on at most {error.limit} stocked items, which cover {plain(error.covered)} units here",
        {"limit": str(error.limit), "coveredQuantity": plain(error.covered)},
    ),
    domain.SerialUnitRequired: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "SERIAL_UNIT_REQUIRED",
        f"units of item {error.item_id} have serial numbers: name the stocked items that are meant",
        {"itemId": str(error.item_id)},
    ),
    domain.SerialNumberInStock: lambda error: Refusal(
        StatusCode.ALREADY_EXISTS,
        "SERIAL_NUMBER_IN_STOCK",
        f'a unit of item {error.item_id} with serial number "{error.serial_number}" is in stock already',
        {
            "itemId": str(error.item_id),
            "serialNumber": error.serial_number,
            "stockedItemId": str(error.stocked_item_id),
        },
    ),
    domain.StockLimitExceeded: lambda error: Refusal(
        StatusCode.OUT_OF_RANGE,
        "STOCK_LIMIT_EXCEEDED",
        f"position {error.position_id} would pass the limit of {plain(error.limit)}",
        {"positionId": str(error.position_id), "limit": plain(error.limit)},
    ),
    domain.ReasonRequired: lambda _: Refusal(
        StatusCode.FAILED_PRECONDITION, "REASON_REQUIRED", "a reason is required for changes by hand"
    ),
    domain.CostUnknown: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "COST_UNKNOWN",
        f"position {error.position_id} has no unit of known cost to go by",
        {"positionId": str(error.position_id)},
    ),
    domain.CurrencyMismatch: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "CURRENCY_MISMATCH",
        f"stock is valued in {error.currency_code}",
        {"currencyCode": error.currency_code},
    ),
    domain.CurrencyFrozen: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "CURRENCY_FROZEN",
        f"stock is valued in {error.currency_code} for good: a position has been opened",
        {"currencyCode": error.currency_code},
    ),
    domain.EtagMismatch: lambda error: Refusal(
        StatusCode.ABORTED,
        "ETAG_MISMATCH",
        f"{error.resource} {error.resource_id} has changed since its etag was read",
        {"resource": error.resource, "id": str(error.resource_id)},
    ),
    domain.StockedItemInUse: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "STOCKED_ITEM_IN_USE",
        f"stocked item {error.stocked_item_id} is not free, so its serial number is frozen",
        {"stockedItemId": str(error.stocked_item_id)},
    ),
    domain.DemandExceeded: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "DEMAND_EXCEEDED",
        f'"{error.demand}" has {plain(error.held)} units of that at position {error.position_id}',
        _without_none(
            demand=error.demand,
            requestedQuantity=error.requested,
            heldQuantity=error.held,
            positionId=error.position_id,
        ),
    ),
    domain.CountBelowCommitted: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "COUNT_BELOW_COMMITTED",
        f"{plain(error.counted)} units were counted, and {plain(error.committed)} are reserved or picked",
        {
            "countedQuantity": plain(error.counted),
            "committedQuantity": plain(error.committed),
            "positionId": str(error.position_id),
        },
    ),
    domain.InvoiceNumberRequired: lambda _: Refusal(
        StatusCode.FAILED_PRECONDITION, "INVOICE_NUMBER_REQUIRED", "an invoice number is required for what comes in"
    ),
    domain.ExpectationExceeded: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "EXPECTATION_EXCEEDED",
        f'order line "{error.order_line}" has {plain(error.on_order)} units on order at position {error.position_id}',
        _without_none(
            orderLine=error.order_line,
            requestedQuantity=error.requested,
            onOrderQuantity=error.on_order,
            positionId=error.position_id,
        ),
    ),
    domain.ReceiptExceeded: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "RECEIPT_EXCEEDED",
        f'{plain(error.reversible)} units of order line "{error.order_line}" can be taken back here',
        _without_none(
            orderLine=error.order_line,
            requestedQuantity=error.requested,
            reversibleQuantity=error.reversible,
            positionId=error.position_id,
        ),
    ),
    domain.ChangeRefused: lambda error: one_of_several(error),  # noqa: PLW0108 - it is defined below, because it needs this table
    domain.RequestIdReused: lambda error: Refusal(
        StatusCode.ALREADY_EXISTS,
        "REQUEST_ID_REUSED",
        f"request id {error.request_id} was used before, by a request with other contents",
        {"requestId": error.request_id},
    ),
    domain.WatchAhead: lambda error: Refusal(
        StatusCode.OUT_OF_RANGE,
        "WATCH_AHEAD",
        f"the journal ends with movement {error.last_movement_id}, before what was asked for",
        {"lastMovementId": str(error.last_movement_id)},
    ),
    domain.ItemHasPositions: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "ITEM_HAS_POSITIONS",
        f"item {error.item_id} has open positions",
        {"itemId": str(error.item_id)},
    ),
    domain.PermissionRequired: lambda error: Refusal(
        StatusCode.PERMISSION_DENIED,
        "PERMISSION_REQUIRED",
        f"the permission {error.permission} is required",
        {"permission": error.permission},
    ),
}


def _missing_position(error: domain.PositionNotFound) -> tuple[str, dict[str, str]]:
    """Message and metadata, which name the position as it was asked for."""
    if error.position_id is not None:
        return f"there is no position {error.position_id}", {"positionId": str(error.position_id)}
    message = f"item {error.item_id} has no position at location {error.location_id}"
    return message, {"itemId": str(error.item_id), "locationId": str(error.location_id)}


def _shortage(error: domain.InsufficientStock) -> tuple[str, dict[str, str]]:
    """Message and metadata, with both quantities."""
    requested, available = plain(error.requested), plain(error.available)
    metadata = {
        "requestedQuantity": requested,
        "availableQuantity": available,
        "positionId": str(error.position_id),
    }
    where = f"position {error.position_id}"
    if error.stocked_item_id is not None:
        metadata["stockedItemId"] = str(error.stocked_item_id)
        where = f"stocked item {error.stocked_item_id}"
    return f"{requested} units were asked of {where}, which has {available} available", metadata


def _without_none(**values: str | int | Decimal | None) -> dict[str, str]:
    """Metadata as text, without what is absent."""
    return {
        key: plain(value) if isinstance(value, Decimal) else str(value)
        for key, value in values.items()
        if value is not None
    }


def one_of_several(error: domain.ChangeRefused) -> Refusal:
    """The refusal of the change that failed all of them, with its number; its bad fields by their paths in the batch."""
    refusal = refusal_for(error.refusal, REFUSALS)
    assert refusal, "every refusal has its row"
    return replace(
        refusal,
        message=f"changes[{error.number}]: {refusal.message}",
        metadata={**refusal.metadata, "changeIndex": str(error.number)},
        violations=tuple(
            replace(violation, field=f"{error.path}.{violation.field}") for violation in refusal.violations
        ),
    )
