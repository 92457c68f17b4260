"""What a request says of the units that it means: how many, why, by which document, when, at which cost."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from google.type.decimal_pb2 import Decimal as DecimalMessage

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.reading import Reading

from ...domain.costs import CostMethod, UnitCost
from ..reading import REFERENCE_CHARS_MAX, unit_cost

REASON_CHARS_MAX: Final = 500

CLOCKS_APART_MAX: Final = timedelta(minutes=1)
"""How far this machine's clock may be behind the database's, which alone decides what lies in the future."""

COST_METHODS: Final[dict[int, CostMethod]] = {
    pb.COST_METHOD_AVERAGE: CostMethod.AVERAGE,
    pb.COST_METHOD_LAST_RECEIVED: CostMethod.LAST_RECEIVED,
}

Request = Any
"""One that changes stock, or a part of one that has the same fields."""


def quantity(read: Reading, request: Request, path: str = "") -> Decimal:
    """How many."""
    return read.positive_quantity(f"{path}quantity", _given(request))


def optional_quantity(read: Reading, request: Request) -> Decimal | None:
    """How many; None for all."""
    return read.positive_quantity("quantity", request.quantity) if request.HasField("quantity") else None


def reason(read: Reading, request: Request, *, required: bool = False) -> str:
    """Why, in the caller's words."""
    return read.text("reason", request.reason, max_length=REASON_CHARS_MAX, required=required)


def reference(read: Reading, request: Request) -> str:
    """The outside document, by its name."""
    return read.text("reference", request.reference, max_length=REFERENCE_CHARS_MAX)


def time(read: Reading, request: Request, field: str, path: str = "") -> datetime | None:
    """A time, if it is given."""
    return read.timestamp(f"{path}{field}", getattr(request, field) if request.HasField(field) else None)


def past(read: Reading, request: Request, field: str) -> datetime | None:
    """A time that isn't plainly in the future: told here beside other bad fields. A close one is the ledger's to judge."""
    given = time(read, request, field)
    if given is not None and given > datetime.now(UTC) + CLOCKS_APART_MAX:
        read.violation(field, "lies in the future")
    return given


def cost(read: Reading, request: pb.AddStockRequest | pb.ReceiveStockRequest) -> UnitCost | CostMethod | None:
    """What a unit costs, or how that is found; None if nothing is said."""
    match request.WhichOneof("cost"):
        case "unit_cost":
            return unit_cost(read, "unit_cost", request.unit_cost)
        case "cost_method":
            return COST_METHODS.get(read.choice("cost_method", request.cost_method, pb.CostMethod))
        case _:
            return None


def _given(request: Request) -> DecimalMessage | None:
    return request.quantity if request.HasField("quantity") else None
