"""Watching: movements as they are recorded, in messages that a watcher can go on after."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final

import grpc

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit import paging
from storekeeper_kit.caller import COSTS_VIEW, Caller, bound_caller
from storekeeper_kit.querying import read_filter
from storekeeper_kit.reading import Reading

from ..domain.places import Kind
from ..storage.fields import MOVEMENT_FIELDS
from ..storage.listing import MovementFilter
from ..storage.watching import Watched
from ..watch import Step, View, Watch
from . import writing
from .lists import KINDS

KINDS_MAX: Final = 50

Context = grpc.aio.ServicerContext[Any, Any]


class Watching(pb_grpc.StockLedgerServicer):
    """See the contract for what the method promises."""

    def __init__(self, *, watch: Watch, **others: Any) -> None:
        super().__init__(**others)
        self._watch = watch

    def WatchMovements(self, request: pb.WatchMovementsRequest, context: Context) -> AsyncIterator[Any]:
        """Send movements as they are recorded."""
        caller = bound_caller()
        after, view = read_watch(request, caller)
        return self._watch.follow(caller.tenant_id, after, view)


def read_watch(request: pb.WatchMovementsRequest, caller: Caller) -> tuple[int | None, View[bytes]]:
    """After which movement a watch is to begin, None being the last one that there is; and what it is to show."""
    read = Reading()
    after = _after(read, request, caller)
    filtered = request.filter if request.HasField("filter") else None
    movements = MovementFilter(
        position_id=read.optional_identifier("position_id", request.position_id),
        item_id=read.optional_identifier("item_id", request.item_id),
        location_id=read.optional_identifier("location_id", request.location_id),
        matching=read_filter(read, "filter", filtered, MOVEMENT_FIELDS, caller),
    )
    kinds = _kinds(read, request)
    read.finish()
    with_cost = caller.may(COSTS_VIEW)
    write = partial(write_step, tokens=_tokens(caller), with_cost=with_cost)
    return after, View(Watched(movements, kinds), write, same=(with_cost, _conditions(request)))


def write_step(step: Step, *, tokens: paging.Query, with_cost: bool) -> bytes:
    """One message of a watch."""
    message = pb.WatchMovementsResponse(
        movements=[writing.movement(movement, with_cost=with_cost) for movement in step.movements],
        token=paging.issue(tokens, (step.last_movement_id,)),
        last_movement_id=step.last_movement_id,
        behind=step.behind,
    )
    return message.SerializeToString()


def _after(read: Reading, request: pb.WatchMovementsRequest, caller: Caller) -> int | None:
    keys = paging.read(read, "token", request.token, _tokens(caller), called="token of a watch of this tenant")
    if keys is None:
        return 0 if request.from_beginning else None
    return max(int(keys[0]), 0)


def _tokens(caller: Caller) -> paging.Query:
    """What tokens are bound to: the tenant, and no condition, so that a watcher may change what it wants."""
    return paging.Query(pb.WatchMovementsRequest.DESCRIPTOR.full_name, caller.tenant_id, b"", (int,))


def _conditions(request: pb.WatchMovementsRequest) -> bytes:
    """All that a watch asks for but where it begins: each field of the request, whichever the contract has by then."""
    conditions = pb.WatchMovementsRequest()
    conditions.CopyFrom(request)
    for name in ("token", "from_beginning"):
        conditions.ClearField(name)
    return conditions.SerializeToString(deterministic=True)


def _kinds(read: Reading, request: pb.WatchMovementsRequest) -> list[Kind]:
    if len(request.kinds) > KINDS_MAX:
        read.violation("kinds", f"has more than {KINDS_MAX} values")
        return []
    values = [read.choice(f"kinds[{number}]", kind, pb.MovementKind) for number, kind in enumerate(request.kinds)]
    return [KINDS[value] for value in values if value in KINDS]
