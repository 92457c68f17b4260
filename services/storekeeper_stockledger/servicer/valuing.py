"""GetValuation: what it is asked, and its answer."""

from typing import Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit import paging
from storekeeper_kit.caller import COSTS_VIEW, Caller
from storekeeper_kit.pages import fill
from storekeeper_kit.reading import Reading

from ..domain.numbers import plain
from ..domain.refusals import PermissionRequired
from ..domain.valuation import Method
from ..storage.fields import POSITION_THEN_ORDER
from ..storage.valuation import ValuationFilter
from ..valuations import Valuation, ValuationAsked, Valued
from .instants import read_as_of
from .writing import fill_money

METHODS: Final[dict[int, Method]] = {
    pb.ValuationMethod.Value(f"VALUATION_METHOD_{method.name}"): method for method in Method
}


def asked(request: pb.GetValuationRequest, caller: Caller) -> tuple[paging.Query, ValuationAsked]:
    """What GetValuation is asked, and the query that its page tokens are bound to."""
    if not caller.may(COSTS_VIEW):
        raise PermissionRequired(COSTS_VIEW)
    read = Reading()
    query = paging.Query.of(request, caller.tenant_id, POSITION_THEN_ORDER.key_types)
    method = METHODS.get(read.choice("method", request.method, pb.ValuationMethod), Method.FIFO)
    wanted = ValuationFilter(
        item_id=read.optional_identifier("item_id", request.item_id),
        location_id=read.optional_identifier("location_id", request.location_id),
    )
    as_of = read_as_of(read, request)
    size = read.page_size("page_size", request.page_size)
    (after,) = POSITION_THEN_ORDER.read_token(read, "page_token", request.page_token, query) or (0,)
    read.finish()
    return query, ValuationAsked(
        method=method, wanted=wanted, as_of=as_of, after=after, size=size, with_total=request.with_total
    )


def answer(query: paging.Query, valued: Valued) -> pb.GetValuationResponse:
    """What stock is worth."""
    message = pb.GetValuationResponse(movement_id=valued.movement_id)
    fill(
        message,
        "valuations",
        valued.rows,
        write=_valuation,
        token=lambda last: paging.issue(query, (last.position_id,)),
    )
    if valued.total is not None:
        fill_money(message.total, valued.total, valued.currency_code)
    return message


def _valuation(value: Valuation) -> pb.Valuation:
    holding = value.holding
    message = pb.Valuation(position_id=holding.position_id, item_id=holding.item_id, location_id=holding.location_id)
    message.on_hand.value = plain(holding.on_hand)
    message.unknown.value = plain(value.worth.unknown)
    fill_money(message.value, value.worth.value, value.currency_code)
    return message
