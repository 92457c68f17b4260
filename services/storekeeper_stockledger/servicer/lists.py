"""Lists: what they are asked for, and how their answers are filled.

A page token is bound to all that a request asks for but the size of the page: filter, order, whether rows are counted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from google.protobuf.message import Message

from storekeeper.query.v1 import filter_pb2
from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit import paging
from storekeeper_kit.caller import Caller
from storekeeper_kit.ordering import Order, read_order
from storekeeper_kit.pages import Rows, fill
from storekeeper_kit.querying import read_filter
from storekeeper_kit.reading import Reading

from ..domain.places import Kind
from ..storage.fields import (
    EXPECTATION_FIELDS,
    EXPECTATION_ORDER,
    LOCATION_FIELDS,
    LOCATION_ORDER,
    MOVEMENT_FIELDS,
    MOVEMENT_ORDER,
    POSITION_FIELDS,
    POSITION_ORDER,
    POSITION_THEN_FIELDS,
    POSITION_THEN_ORDER,
    RESERVATION_FIELDS,
    RESERVATION_ORDER,
    STOCKED_ITEM_FIELDS,
    STOCKED_ITEM_ORDERS,
)
from ..storage.listing import (
    ExpectationFilter,
    LocationFilter,
    MovementFilter,
    Page,
    PositionFilter,
    ReservationFilter,
    StockedItemFilter,
)
from .instants import read_as_of
from .reading import LOT_CHARS_MAX, REFERENCE_CHARS_MAX

KINDS: Final[dict[int, Kind]] = {pb.MovementKind.Value(f"MOVEMENT_KIND_{kind.name}"): kind for kind in Kind}

ListRequest = (
    pb.ListLocationsRequest
    | pb.ListPositionsRequest
    | pb.ListStockedItemsRequest
    | pb.ListMovementsRequest
    | pb.ListReservationsRequest
    | pb.ListExpectationsRequest
)
Wanted = TypeVar("Wanted")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked(Generic[Wanted]):
    """What a list is asked for."""

    query: paging.Query
    order: Order
    page: Page
    wanted: Wanted

    def fill(self, answer: Any, field: str, listed: Rows[T], write: Callable[[T], Message]) -> None:
        """Write the rows into this field of an answer, as many as fit, and where the next page begins."""
        fill(answer, field, listed, write=write, token=lambda last: paging.issue(self.query, self.order.keys_of(last)))


def locations(request: pb.ListLocationsRequest, caller: Caller) -> Asked[LocationFilter]:
    """What ListLocations is asked for."""
    read = Reading()
    query, page = _page(read, request, caller, LOCATION_ORDER, with_total=request.with_total_size)
    matching = read_filter(read, "filter", _filter(request), LOCATION_FIELDS, caller)
    read.finish()
    wanted = LocationFilter(active_only=request.active_only, matching=matching)
    return Asked(query, LOCATION_ORDER, page, wanted)


def positions(request: pb.ListPositionsRequest, caller: Caller) -> Asked[PositionFilter]:
    """What ListPositions is asked for."""
    read = Reading()
    as_of = read_as_of(read, request)
    order, fields = (POSITION_ORDER, POSITION_FIELDS) if as_of is None else (POSITION_THEN_ORDER, POSITION_THEN_FIELDS)
    query, page = _page(read, request, caller, order, with_total=request.with_total_size)
    wanted = PositionFilter(
        item_id=read.optional_identifier("item_id", request.item_id),
        location_id=read.optional_identifier("location_id", request.location_id),
        below_minimum=request.below_minimum,
        as_of=as_of,
        matching=read_filter(read, "filter", _filter(request), fields, caller),
    )
    read.finish()
    return Asked(query, order, page, wanted)


def stocked_items(request: pb.ListStockedItemsRequest, caller: Caller) -> Asked[StockedItemFilter]:
    """What ListStockedItems is asked for."""
    read = Reading()
    order = read_order(read, "order_by", request.order_by, STOCKED_ITEM_ORDERS)
    query, page = _page(read, request, caller, order, with_total=request.with_total_size)
    wanted = StockedItemFilter(
        position_id=read.optional_identifier("position_id", request.position_id),
        item_id=read.optional_identifier("item_id", request.item_id),
        location_id=read.optional_identifier("location_id", request.location_id),
        on_hand_only=request.on_hand_only,
        serial_number=read.text("serial_number", request.serial_number, max_length=LOT_CHARS_MAX) or None,
        matching=read_filter(read, "filter", _filter(request), STOCKED_ITEM_FIELDS, caller),
    )
    read.finish()
    return Asked(query, order, page, wanted)


def movements(request: pb.ListMovementsRequest, caller: Caller) -> Asked[MovementFilter]:
    """What ListMovements is asked for."""
    read = Reading()
    query, page = _page(read, request, caller, MOVEMENT_ORDER)
    start, end = request.record_time_from, request.record_time_before
    wanted = MovementFilter(
        position_id=read.optional_identifier("position_id", request.position_id),
        stocked_item_id=read.optional_identifier("stocked_item_id", request.stocked_item_id),
        item_id=read.optional_identifier("item_id", request.item_id),
        location_id=read.optional_identifier("location_id", request.location_id),
        request_id=read.request_id("request_id", request.request_id) if request.request_id else None,
        kind=KINDS.get(read.choice("kind", request.kind, pb.MovementKind, required=False)),
        record_time_from=read.timestamp("record_time_from", start if request.HasField("record_time_from") else None),
        record_time_before=read.timestamp(
            "record_time_before", end if request.HasField("record_time_before") else None
        ),
        matching=read_filter(read, "filter", _filter(request), MOVEMENT_FIELDS, caller),
    )
    read.finish()
    return Asked(query, MOVEMENT_ORDER, page, wanted)


def reservations(request: pb.ListReservationsRequest, caller: Caller) -> Asked[ReservationFilter]:
    """What ListReservations is asked for."""
    read = Reading()
    query, page = _page(read, request, caller, RESERVATION_ORDER)
    wanted = ReservationFilter(
        demand=read.text("demand", request.demand, max_length=REFERENCE_CHARS_MAX) or None,
        position_id=read.optional_identifier("position_id", request.position_id),
        stocked_item_id=read.optional_identifier("stocked_item_id", request.stocked_item_id),
        item_id=read.optional_identifier("item_id", request.item_id),
        location_id=read.optional_identifier("location_id", request.location_id),
        include_closed=request.include_closed,
        matching=read_filter(read, "filter", _filter(request), RESERVATION_FIELDS, caller),
    )
    read.finish()
    return Asked(query, RESERVATION_ORDER, page, wanted)


def expectations(request: pb.ListExpectationsRequest, caller: Caller) -> Asked[ExpectationFilter]:
    """What ListExpectations is asked for."""
    read = Reading()
    query, page = _page(read, request, caller, EXPECTATION_ORDER)
    wanted = ExpectationFilter(
        order_line=read.text("order_line", request.order_line, max_length=REFERENCE_CHARS_MAX) or None,
        position_id=read.optional_identifier("position_id", request.position_id),
        item_id=read.optional_identifier("item_id", request.item_id),
        location_id=read.optional_identifier("location_id", request.location_id),
        include_closed=request.include_closed,
        matching=read_filter(read, "filter", _filter(request), EXPECTATION_FIELDS, caller),
    )
    read.finish()
    return Asked(query, EXPECTATION_ORDER, page, wanted)


def _page(
    read: Reading, request: ListRequest, caller: Caller, order: Order, *, with_total: bool = False
) -> tuple[paging.Query, Page]:
    """The query that tokens are bound to, and which page of it is asked for."""
    query = paging.Query.of(request, caller.tenant_id, order.key_types)
    size = read.page_size("page_size", request.page_size)
    return query, Page(size, order.read_token(read, "page_token", request.page_token, query), with_total)


def _filter(request: ListRequest) -> filter_pb2.Filter | None:
    return request.filter if request.HasField("filter") else None
