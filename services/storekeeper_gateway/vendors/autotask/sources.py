"""Where the rows of Autotask's entities come from: one list of ours, and one call for a single row, for each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import Message

from storekeeper.catalog.v1 import catalog_pb2 as catalog
from storekeeper.query.v1 import filter_pb2 as query
from storekeeper.stockledger.v1 import stock_ledger_pb2 as ledger
from storekeeper_kit.clients import failure_of

from ...backends import Call
from ...messages import row_of


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a list, by id."""

    rows: list[dict[str, Any]]
    more: bool
    """Whether others follow."""
    total: int
    """How many there are, if that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Rows of one kind."""

    key: str
    """The path of their id."""
    service: Callable[[Call], Any]
    get: str
    get_request: type[Message]
    not_found: str
    """The reason that says that there is none of an id."""
    list: str
    list_request: Callable[..., Any]
    listed: str
    """The field of the answer that has them."""
    order_by: str = ""
    """The order by id, where that isn't the list's own."""

    async def find(self, call: Call, row_id: int) -> dict[str, Any] | None:
        """The row of this id."""
        try:
            method = getattr(self.service(call), self.get)
            return row_of(await call.ask(method, self.get_request(**{self.key: row_id})))
        except grpc.aio.AioRpcError as error:
            if failure_of(error).reason != self.not_found:
                raise
            return None

    async def page(self, call: Call, wanted: query.Filter, *, after: int, size: int, count: bool = False) -> Rows:
        """The rows that pass the filter, from the one after this id on: as many as the page has room for, if there are.

        A service ends an answer early that grows too large for it. Clients take a page that isn't full for the last one.
        """
        request = self.list_request(filter=self._later(wanted, after), with_total_size=count)
        if self.order_by:
            request.order_by = self.order_by
        rows: list[dict[str, Any]] = []
        while True:
            request.page_size = size - len(rows)
            answer = await call.ask(getattr(self.service(call), self.list), request)
            rows += (row_of(message) for message in getattr(answer, self.listed))
            request.page_token = answer.next_page_token
            if len(rows) >= size or not answer.next_page_token:
                return Rows(rows, bool(answer.next_page_token), answer.total_size)

    def _later(self, wanted: query.Filter, after: int) -> query.Filter:
        """The filter, and ids that are greater."""
        values = [query.Value(integer=max(after, 0))]
        later = query.Condition(field=self.key, operator=query.OPERATOR_GREATER, values=values)
        return query.Filter(all_of=query.FilterList(filters=[wanted, query.Filter(condition=later)]))


def _catalog(call: Call) -> Any:
    return call.catalog


def _stock_ledger(call: Call) -> Any:
    return call.stock_ledger


ITEMS: Final = Source(
    key="item_id",
    service=_catalog,
    get="GetItem",
    get_request=catalog.GetItemRequest,
    not_found="ITEM_NOT_FOUND",
    list="ListItems",
    list_request=catalog.ListItemsRequest,
    listed="items",
)
LOCATIONS: Final = Source(
    key="location_id",
    service=_stock_ledger,
    get="GetLocation",
    get_request=ledger.GetLocationRequest,
    not_found="LOCATION_NOT_FOUND",
    list="ListLocations",
    list_request=ledger.ListLocationsRequest,
    listed="locations",
)
POSITIONS: Final = Source(
    key="position_id",
    service=_stock_ledger,
    get="GetPosition",
    get_request=ledger.GetPositionRequest,
    not_found="POSITION_NOT_FOUND",
    list="ListPositions",
    list_request=ledger.ListPositionsRequest,
    listed="positions",
)
STOCKED_ITEMS: Final = Source(
    key="stocked_item_id",
    service=_stock_ledger,
    get="GetStockedItem",
    get_request=ledger.GetStockedItemRequest,
    not_found="STOCKED_ITEM_NOT_FOUND",
    list="ListStockedItems",
    list_request=ledger.ListStockedItemsRequest,
    listed="stocked_items",
    order_by="stocked_item_id",
)
