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
MALFORMED: Final = 400
NO_CREDENTIALS: Final = 401
NO_ROUTE: Final = 404
TOO_LONG: Final = 413
TOO_MANY: Final = 429


class Refused(Exception):
    """A request that can't be carried out: what the client is told, and under which status."""

    def __init__(self, *sentences: str, status: int = BUSINESS) -> None:
        self.sentences = sentences
        self.status = status
        super().__init__(" ".join(sentences))


class WrongVerb(Exception):
    """The route exists, but not for this verb."""


def _same(sentence: str) -> Callable[[Failure], str]:
    return lambda _: sentence


def _about(template: str) -> Callable[[Failure], str]:
    """A sentence that quotes the failure's metadata."""
    return lambda failure: template.format_map(_Known(failure.metadata))


class _Known(dict[str, str]):
    """Metadata, where what is missing is a question mark."""

    def __missing__(self, key: str) -> str:
        return "?"


def _tracking(failure: Failure) -> str:
    if failure.metadata.get("tracking") == "SERIAL":
        return "The Product is serialized: exactly one unit can be added at a time, with its serialNumber."
    return "The Product is not serialized: a serialNumber can't be given."


AWAY: Final = "Storekeeper can't do this at the moment. It is not known whether the request was carried out."

ERRORS: Final[Mapping[str, tuple[int, Callable[[Failure], str]]]] = {
    "INVALID_REQUEST": (BUSINESS, lambda failure: f"The request is not acceptable: {failure.message}."),
    "REQUEST_ID_REUSED": (BUSINESS, _same("This Idempotency-Key was used before, by a request with other contents.")),
    "ETAG_MISMATCH": (BUSINESS, _same("The record was changed by somebody else at the same time. Please try again.")),
    "DATABASE_UNAVAILABLE": (BUSINESS, _same(AWAY)),
    "DEADLINE_PASSED": (BUSINESS, _same(AWAY)),
    "SERVICE_UNAVAILABLE": (BUSINESS, _same(AWAY)),
    "OVERLOADED": (
        TOO_MANY,
        _same("Too many requests are being answered at once. Nothing happened; please try later."),
    ),
    "INTERNAL_ERROR": (BUSINESS, _about("An error occurred, which is logged under the id {errorId}.")),
    "LOCATION_NOT_FOUND": (
        BUSINESS,
        _about("The value [{locationId}] of inventoryLocationID refers to no InventoryLocation that exists."),
    ),
    "LOCATION_NAME_TAKEN": (
        BUSINESS,
        _about("An InventoryLocation already exists with the locationName [{name}], which must be unique."),
    ),
    "LOCATION_INACTIVE": (
        BUSINESS,
        _about("The InventoryLocation [{locationId}] must be active: isActive is false for it."),
    ),
    "ITEM_NOT_FOUND": (BUSINESS, _about("The value [{itemId}] of productID refers to no Product that exists.")),
    "ITEM_HAS_STOCK": (BUSINESS, _about("isSerialized of the Product [{itemId}] can't change: it has been stocked.")),
    "TRACKING_VIOLATED": (BUSINESS, _tracking),
    "ITEM_ARCHIVED": (BUSINESS, _about("The Product [{itemId}] must be active: isActive is false for it.")),
    "SKU_TAKEN": (BUSINESS, _about("A Product already exists with the sku [{sku}], which must be unique.")),
    "POSITION_NOT_FOUND": (
        BUSINESS,
        _about("The value [{positionId}] of inventoryProductID refers to no InventoryProduct that exists."),
    ),
    "POSITION_EXISTS": (
        BUSINESS,
        _about(
            "An InventoryProduct [{positionId}] already exists with the productID [{itemId}] and the inventoryLocationID"
            " [{locationId}]; their combination must be unique."
        ),
    ),
    "POSITION_IN_USE": (
        BUSINESS,
        _about("The InventoryProduct [{positionId}] can't be deleted: it has reserved, picked or ordered units."),
    ),
    "STOCKED_ITEM_NOT_FOUND": (
        BUSINESS,
        _about("The value [{stockedItemId}] of inventoryStockedItemID refers to no InventoryStockedItem that exists."),
    ),
    "INSUFFICIENT_STOCK": (
        BUSINESS,
        _about("The quantity [{requestedQuantity}] is greater than the availableUnits [{availableQuantity}]."),
    ),
    "SERIAL_UNIT_REQUIRED": (
        BUSINESS,
        _about("The Product [{itemId}] is serialized: give the inventoryStockedItemID of the unit."),
    ),
    "SERIAL_NUMBER_IN_STOCK": (
        BUSINESS,
        _about("An InventoryStockedItem [{stockedItemId}] in stock already has the serialNumber [{serialNumber}]."),
    ),
    "STOCK_LIMIT_EXCEEDED": (BUSINESS, _about("More than [{limit}] can't be kept at one InventoryProduct.")),
    "TOO_MANY_STOCKED_ITEMS": (
        BUSINESS,
        _about(
            "The units come from more than {limit} InventoryStockedItems. At most [{coveredQuantity}] units can be taken"
            " at once."
        ),
    ),
    "REASON_REQUIRED": (
        BUSINESS,
        _same("Value does not exist for the required field reasonForUpdate: the system setting demands a reason."),
    ),
    "COST_UNKNOWN": (
        BUSINESS,
        _same("determineCostUsing finds no cost: no units of known cost have been received. Give a manual unitCost."),
    ),
    "CURRENCY_MISMATCH": (BUSINESS, _about("Costs must be in [{currencyCode}].")),
    "CURRENCY_FROZEN": (BUSINESS, _about("Stock is valued in [{currencyCode}] for good.")),
}
"""How each reason for a refusal is told."""


def refused(failure: Failure, table: Table | None) -> Refused:
    """What the client is told of a service's failure; a bad field is called by the vendor's name for it."""
    if failure.reason == "INVALID_REQUEST" and failure.violations:
        return Refused(*(_field_is(bad.field, bad.description, table) for bad in failure.violations))
    # Without a reason, the answer came from below the services: the connection broke, or time ran out.
    status, sentence = ERRORS.get(failure.reason, (BUSINESS, _same(AWAY)))
    return Refused(sentence(failure), status=status)


def bad_payload(error: BadPayload) -> Refused:
    """What the client is told of a payload whose fields are wrong."""
    return Refused(*(f"The field {name} {problem}." for name, problem in error.problems))


def missing(names: Iterable[str]) -> Refused:
    """What the client is told when required fields have no value."""
    return Refused(*(f"Value does not exist for the required field {name}." for name in names))


def _field_is(path: str, description: str, table: Table | None) -> str:
    if lacking := _PERMISSION.search(description):
        asked = table and table.at(lacking["path"])
        # What clients look for.
        return f"You do not have the adequate permissions to query {asked.name if asked else 'this field'}."
    # "position.minimum" is what a request calls the field "minimum" of a row.
    field = table and (table.at(path) or table.at(path.partition(".")[2]))
    return f"The field {field.name if field else path} {description}."


_PERMISSION: Final = re.compile('names "(?P<path>.+)", which needs the permission')
