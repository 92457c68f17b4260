"""Why a change is not carried out: the contract's reasons, with names for ids in their metadata."""

from decimal import Decimal
from typing import Final

from tests.stockledger.oracle.requests import Source
from tests.stockledger.oracle.state import Position

UNITS_LIMIT: Final = Decimal(10**12)
"""A position holds fewer units than that, and has fewer on order; a unit costs less."""
AMOUNT_LIMIT: Final = Decimal(10**18)
"""A stocked item is worth less than that."""


class Refusal(Exception):
    """A change is not carried out."""

    def __init__(self, reason: str, *fields: str, **metadata: object) -> None:
        super().__init__(reason, *fields, *(f"{key}={value}" for key, value in metadata.items()))
        self.reason = reason
        self.fields = fields
        """The paths of those that are bad, if that is what is wrong."""
        self.metadata = metadata
        self.key = self.args
        """Tells it from other refusals."""


def bad_field(path: str) -> Refusal:
    """The request itself is wrong."""
    return Refusal("INVALID_REQUEST", path)


def insufficient(source: Source, position: Position, quantity: Decimal | None, there: Decimal) -> Refusal:
    """Fewer units may be taken than are asked for."""
    metadata = {"requestedQuantity": quantity, "availableQuantity": there, "positionId": position.name}
    if len(source.named) == 1:
        metadata["stockedItemId"] = source.named[0]
    return Refusal("INSUFFICIENT_STOCK", **metadata)


def too_much_demanded(demand: str, quantity: Decimal | None, there: Decimal, position: Position) -> Refusal:
    """The demand has fewer units than are asked for, or none if all are."""
    metadata = {"demand": demand, "heldQuantity": there, "positionId": position.name}
    if quantity is not None:
        metadata["requestedQuantity"] = quantity
    return Refusal("DEMAND_EXCEEDED", **metadata)


def beyond(limit: Decimal, position: Position) -> Refusal:
    """More than can be recorded."""
    return Refusal("STOCK_LIMIT_EXCEEDED", positionId=position.name, limit=limit)
