"""Changes for a demand: units are promised to it, picked, handed over, and taken back."""

from datetime import timedelta
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import Caller
from storekeeper_kit.reading import Reading

from ...domain.operations import (
    DeliverStock,
    ExtendReservation,
    PickStock,
    ReleaseStock,
    ReserveStock,
    ReturnStock,
    UnpickStock,
)
from ..reading import REFERENCE_CHARS_MAX
from .particulars import Request, optional_quantity, quantity, reason
from .which_units import drawing, position, unordered_source

EXPIRE_AFTER_MAX: Final = timedelta(days=3650)
"""The longest that a reservation may last, if it doesn't last for ever."""

NANOS_MAX: Final = 999_999_999
"""In one message: more of them are seconds."""


def reserve(read: Reading, request: pb.ReserveStockRequest, _: Caller) -> ReserveStock:
    """Units are promised."""
    return ReserveStock(
        demand=_demand(read, request),
        **drawing(read, "source", request.source),
        quantity=quantity(read, request),
        allow_partial=request.allow_partial,
        expire_after=_expire_after(read, request),
        reason=reason(read, request),
    )


def extend(read: Reading, request: pb.ExtendReservationRequest, _: Caller) -> ExtendReservation:
    """A promise lasts longer."""
    return ExtendReservation(
        demand=_demand(read, request),
        source=position(read, request, "position"),
        expire_after=_expire_after(read, request),
    )


def pick(read: Reading, request: pb.PickStockRequest, _: Caller) -> PickStock:
    """Units are taken off the shelf."""
    return PickStock(
        demand=_demand(read, request),
        **drawing(read, "source", request.source),
        quantity=optional_quantity(read, request),
        allow_partial=request.allow_partial,
        reserved_only=request.reserved_only,
        reason=reason(read, request),
    )


def release(read: Reading, request: pb.ReleaseStockRequest, _: Caller) -> ReleaseStock:
    """Promised units are free again."""
    return ReleaseStock(**_held(read, request))


def unpick(read: Reading, request: pb.UnpickStockRequest, _: Caller) -> UnpickStock:
    """Picked units go back to the shelf."""
    return UnpickStock(**_held(read, request), keep_reserved=request.keep_reserved)


def deliver(read: Reading, request: pb.DeliverStockRequest, _: Caller) -> DeliverStock:
    """Picked units are handed over."""
    return DeliverStock(**_held(read, request))


def give_back(read: Reading, request: pb.ReturnStockRequest, _: Caller) -> ReturnStock:
    """Delivered units come back."""
    return ReturnStock(**_held(read, request))


def interval(message: Duration) -> timedelta:
    """To the microsecond; one that is out of all bounds becomes one that is just so."""
    limit = 2 * int(EXPIRE_AFTER_MAX.total_seconds())
    return timedelta(seconds=max(-1, min(message.seconds, limit)), microseconds=message.nanos // 1000)


def _held(
    read: Reading,
    request: pb.ReleaseStockRequest | pb.UnpickStockRequest | pb.DeliverStockRequest | pb.ReturnStockRequest,
) -> dict[str, Any]:
    return {
        "demand": _demand(read, request),
        "source": unordered_source(read, request.source),
        "quantity": optional_quantity(read, request),
        "reason": reason(read, request),
    }


def _demand(read: Reading, request: Request) -> str:
    return read.text("demand", request.demand, max_length=REFERENCE_CHARS_MAX, required=True)


def _expire_after(read: Reading, request: pb.ReserveStockRequest | pb.ExtendReservationRequest) -> timedelta | None:
    if not request.HasField("expire_after"):
        return None
    lasting = interval(request.expire_after)
    if not 0 <= request.expire_after.nanos <= NANOS_MAX:
        # Its seconds can't be negative, so these mustn't be, either.
        read.violation("expire_after", "is not a duration: its nanos are not between 0 and 999,999,999")
    elif not timedelta() < lasting <= EXPIRE_AFTER_MAX:
        read.violation("expire_after", f"is not between a microsecond and {EXPIRE_AFTER_MAX.days} days")
    return lasting
