"""What Autotask's clients are told when something is refused: a status and a list of sentences (Autotask REST, errors).

Autotask answers 500 to almost everything that is wrong with a request. So does the gateway: clients look at the sentences.
It also keeps them from sending again by themselves what may have happened already: a repeat of theirs is a new request.
The words "authentication" and "unauthorized" appear in refused credentials only, because some clients look for them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from storekeeper_kit.clients import Failure

from ...mapping import BadPayload, Table

BUSINESS: Final = 500

STATUSES: Final[Mapping[str, int]] = {
    "BAD_BODY": 400,
    "BAD_HEADER": 400,
    "NO_CREDENTIALS": 401,
    "NO_ROUTE": 404,
    "WRONG_VERB": 405,
    "BODY_TOO_LONG": 413,
    "OVERLOADED": 429,
}
"""The reasons that aren't told as BUSINESS. All but the last are the gateway's own."""

NOT_ACCEPTABLE: Final = "NOT_ACCEPTABLE"
"""What breaks a rule of Autotask's that no service knows. Only the sentence says which one."""


class Refused(Exception):
    """A request that can't be carried out: what the client is told, and what the log is told in its place."""

    def __init__(self, *sentences: str, reason: str = NOT_ACCEPTABLE) -> None:
        self.sentences = sentences
        self.reason = reason
        super().__init__(" ".join(sentences))

    @property
    def status(self) -> int:
        """The status that the reason is told under."""
        return STATUSES.get(self.reason, BUSINESS)


def _tracking(failure: Failure) -> str:
    tracking = failure.metadata.get("tracking")
    if tracking == "SERIAL":
        return "The Product is serialized: exactly one unit can be added at a time, with its serialNumber."
    if tracking == "LOT":
        return "The Product is tracked by lot, which this API has no field for: its units can't be added here."
    return "The Product is not serialized: a serialNumber can't be given."


AWAY: Final = "Storekeeper can't do this at the moment. It is not known whether the request was carried out."

ERRORS: Final[Mapping[str, str | Callable[[Failure], str]]] = {
    "INVALID_REQUEST": lambda failure: f"The request is not acceptable: {failure.message}.",
    "REQUEST_ID_REUSED": "This Idempotency-Key was used before, by a request with other contents.",
    "ETAG_MISMATCH": "The record was changed by somebody else at the same time. Please try again.",
    "DATABASE_UNAVAILABLE": AWAY,
    "DEADLINE_PASSED": AWAY,
    "SERVICE_UNAVAILABLE": AWAY,
    "SERVER_STOPPING": AWAY,
    "OVERLOADED": "Too many requests are being answered at once. Nothing happened; please try later.",
    "INTERNAL_ERROR": "An error occurred, which is logged under the id {errorId}.",
    "LOCATION_NOT_FOUND": "The value [{locationId}] of inventoryLocationID refers to no InventoryLocation that exists.",
    "LOCATION_NAME_TAKEN": "An InventoryLocation already exists with the locationName [{name}], which must be unique.",
    "LOCATION_INACTIVE": "The InventoryLocation [{locationId}] must be active: isActive is false for it.",
    "ITEM_NOT_FOUND": "The value [{itemId}] of productID refers to no Product that exists.",
    "ITEM_HAS_STOCK": "isSerialized of the Product [{itemId}] can't change: it has been stocked.",
    "TRACKING_VIOLATED": _tracking,
    "ITEM_ARCHIVED": "The Product [{itemId}] must be active: isActive is false for it.",
    "SKU_TAKEN": "A Product already exists with the sku [{sku}], which must be unique.",
    "POSITION_NOT_FOUND": "The value [{positionId}] of inventoryProductID refers to no InventoryProduct that exists.",
    "POSITION_EXISTS": (
        "An InventoryProduct [{positionId}] already exists with the productID [{itemId}] and the inventoryLocationID"
        " [{locationId}]; their combination must be unique."
    ),
    "POSITION_IN_USE": (
        "The InventoryProduct [{positionId}] can't be deleted: it has reserved, picked or ordered units."
    ),
    "STOCKED_ITEM_NOT_FOUND": (
        "The value [{stockedItemId}] of inventoryStockedItemID refers to no InventoryStockedItem that exists."
    ),
    "INSUFFICIENT_STOCK": (
        "The quantity [{requestedQuantity}] is greater than the availableUnits [{availableQuantity}]."
    ),
    "SERIAL_UNIT_REQUIRED": "The Product [{itemId}] is serialized: give the inventoryStockedItemID of the unit.",
    "SERIAL_NUMBER_IN_STOCK": (
        "An InventoryStockedItem [{stockedItemId}] in stock already has the serialNumber [{serialNumber}]."
    ),
    "STOCK_LIMIT_EXCEEDED": "More than [{limit}] can't be kept at one InventoryProduct.",
    "TOO_MANY_STOCKED_ITEMS": (
        "The units come from more than {limit} InventoryStockedItems. At most [{coveredQuantity}] units can be taken"
        " at once."
    ),
    "REASON_REQUIRED": (
        "Value does not exist for the required field reasonForUpdate: the system setting demands a reason."
    ),
    "COST_UNKNOWN": (
        "determineCostUsing finds no cost: no units of known cost have been received. Give a manual unitCost."
    ),
    "CURRENCY_MISMATCH": "Costs must be in [{currencyCode}].",
    "CURRENCY_FROZEN": "Stock is valued in [{currencyCode}] for good.",
    "INVOICE_NUMBER_REQUIRED": (
        "Value does not exist for the required field vendorInvoiceNumber: the system setting demands one."
    ),
    "ITEM_HAS_POSITIONS": "The Product [{itemId}] can't be deleted: it has InventoryProducts.",
    "STOCKED_ITEM_IN_USE": (
        "serialNumber of the InventoryStockedItem [{stockedItemId}] can't change: the unit is reserved, picked or gone."
    ),
    "DEMAND_EXCEEDED": "The quantity [{requestedQuantity}] is greater than the units [{heldQuantity}] held for that.",
    "COUNT_BELOW_COMMITTED": (
        "The quantityOnHand [{countedQuantity}] must be at least quantityPicked + quantityReserved"
        " [{committedQuantity}]."
    ),
    "EXPECTATION_EXCEEDED": (
        "The quantity [{requestedQuantity}] is greater than the quantity [{onOrderQuantity}] that is still on order."
    ),
    "RECEIPT_EXCEEDED": (
        "The quantity [{requestedQuantity}] is greater than the received units [{reversibleQuantity}] that are still"
        " available."
    ),
    "WATCH_STALLED": "Nothing was taken for too long.",
    "WATCH_AHEAD": "Nothing has been recorded at that time yet.",
    "PERMISSION_REQUIRED": "You do not have the adequate permissions for this: [{permission}] is missing.",
}
"""How each reason for a refusal is told: a sentence that quotes the failure's metadata."""


def refused(failure: Failure, table: Table | None) -> Refused:
    """What the client is told of a service's failure; a bad field is called by the vendor's name for it."""
    if failure.reason == "INVALID_REQUEST" and failure.violations:
        sentences = [_field_is(bad.field, bad.description, table) for bad in failure.violations]
        return Refused(*sentences, reason=failure.reason)
    # Without a reason, the answer came from below the services: the connection broke, or time ran out.
    return Refused(_sentence(failure), reason=failure.reason or failure.code.name)


def bad_payload(error: BadPayload) -> Refused:
    """What the client is told of a payload whose fields are wrong."""
    return Refused(*(f"The field {name} {problem}." for name, problem in error.problems), reason="BAD_FIELD")


def missing(names: Iterable[str]) -> Refused:
    """What the client is told when required fields have no value."""
    sentences = (f"Value does not exist for the required field {name}." for name in names)
    return Refused(*sentences, reason="MISSING_FIELD")


def wrong_verb(verb: str) -> Refused:
    """What the client is told when there is something at an address, but not for this verb."""
    return Refused(f"The requested resource does not support http method '{verb}'.", reason="WRONG_VERB")


def no_route() -> Refused:
    """What the client is told when there is nothing at an address."""
    return Refused("There is nothing at this address.", reason="NO_ROUTE")


def _sentence(failure: Failure) -> str:
    sentence = ERRORS.get(failure.reason, AWAY)
    return sentence(failure) if callable(sentence) else sentence.format_map(_Known(failure.metadata))


class _Known(dict[str, str]):
    """Metadata, where what is missing is a question mark."""

    def __missing__(self, key: str) -> str:
        return "?"


def _field_is(path: str, description: str, table: Table | None) -> str:
    if lacking := _PERMISSION.search(description):
        asked = table and table.at(lacking["path"])
        # What clients look for.
        return f"You do not have the adequate permissions to query {asked.name if asked else 'this field'}."
    # "position.minimum" is what a request calls the field "minimum" of a row.
    field = table and (table.at(path) or table.at(path.partition(".")[2]))
    return f"The field {field.name if field else path} {description}."


_PERMISSION: Final = re.compile('names "(?P<path>.+)", which needs the permission')
