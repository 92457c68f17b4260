"""How each refusal of the catalog is told to a client: one table, by exception class."""

from typing import Final

from grpc import StatusCode

from storekeeper_kit.refusals import Refusal, Table, Violation

from ..domain import refusals as domain

REFUSALS: Final[Table] = {
    domain.BadField: lambda error: Refusal(
        StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        f"1 field is not acceptable: {error.field}",
        violations=(Violation(error.field, error.description),),
    ),
    domain.ItemNotFound: lambda error: Refusal(StatusCode.NOT_FOUND, "ITEM_NOT_FOUND", *_missing_item(error)),
    domain.SkuTaken: lambda error: Refusal(
        StatusCode.ALREADY_EXISTS,
        "SKU_TAKEN",
        f'item {error.item_id} has the sku "{error.sku}" already',
        {"sku": error.sku, "itemId": str(error.item_id)},
    ),
    domain.ItemHasStock: lambda error: Refusal(
        StatusCode.FAILED_PRECONDITION,
        "ITEM_HAS_STOCK",
        f"item {error.item_id} has been stocked, so its tracking and quantity scale are frozen",
        {"itemId": str(error.item_id)},
    ),
    domain.EtagMismatch: lambda error: Refusal(
        StatusCode.ABORTED,
        "ETAG_MISMATCH",
        f"item {error.item_id} has changed since its etag was read",
        {"resource": "item", "id": str(error.item_id)},
    ),
    domain.RequestIdReused: lambda error: Refusal(
        StatusCode.ALREADY_EXISTS,
        "REQUEST_ID_REUSED",
        f"request id {error.request_id} was used before, by a request with other contents",
        {"requestId": error.request_id},
    ),
    domain.LedgerAway: lambda _: Refusal(
        StatusCode.UNAVAILABLE,
        "SERVICE_UNAVAILABLE",
        "the stock ledger can't be reached, which has to be asked about this change; nothing happened",
        {"service": "stockledger"},
    ),
}


def _missing_item(error: domain.ItemNotFound) -> tuple[str, dict[str, str]]:
    """Message and metadata, which name the item as it was asked for."""
    if error.item_id is not None:
        return f"there is no item {error.item_id}", {"itemId": str(error.item_id)}
    return f'there is no item with the sku "{error.sku}"', {"sku": error.sku}
