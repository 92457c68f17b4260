"""Costs reach only callers who may see them, whatever they call, and only those can write them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from grpc import StatusCode

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_stockledger.domain.costs import UnitCost
from tests.harness.stock import OLDEST, Stock, adding, caller, decimal, removing
from tests.stockledger.dump import Dump
from tests.stockledger.servicer.world import CHANGES, METHODS, NAMES, STREAMING, World
from tests.stockledger.tenant import Tenant, accepted, submission
from tests.stockledger.verbs import adding as stocking

COST_TYPES: Final = {"google.type.Money", "storekeeper.stockledger.v1.UnitCost"}
COST_WORDS: Final = ("cost", "amount", "value", "worth", "price")

BLIND: Final = [(), ("stock.write",), ("costs",), ("costs.viewer",), ("costs.*",), ("costs.write", "catalog.view")]
SEEING: Final = [("costs.view",), ("stock.write", "costs.view"), ("*",)]

# Each method, asked with something that would show costs if it could. Those that change something do so anew each time.
REQUESTS: Final = {
    **{method: f"request_id: '$fresh' {text}" for method, text in CHANGES.items()},
    "AddStock": "request_id: '$fresh' position_id: $whole quantity { value: '2' }"
    " unit_cost { currency_code: 'USD' value { value: '7' } }",
    "ClosePosition": "request_id: '$fresh' position_id: $new_position",
    "CountStock": "request_id: '$fresh' position_id: $new_position counted { value: '3' } reason: 'stocktake'",
    "ReceiveStock": "request_id: '$fresh' order_line: 'PO 7-1' position_id: $goods quantity { value: '1' }"
    " unit_cost { currency_code: 'USD' value { value: '7' } }",
    "BatchChangeStock": "changes { remove { request_id: '$fresh' source { position_id: $whole } quantity { value: '1' } } }",
    "CreateLocation": "request_id: '$fresh' location { name: '$fresh' }",
    "GetLocation": "location_id: $main",
    "ListLocations": "",
    "UpdateLocation": "location { location_id: $main active: true } update_mask { paths: 'active' }",
    "RegisterItem": "item { item_id: $COSTED version: 1 tracking: TRACKING_NONE }",
    "UnregisterItem": "item_id: $NOWHERE",
    "OpenPosition": "request_id: '$fresh' position { item_id: $UNPLACED location_id: $new_location }",
    "GetPosition": "position_id: $whole",
    "ListPositions": "",
    "UpdatePosition": "position { position_id: $whole bin: 'A1' } update_mask { paths: 'bin' }",
    "GetStockedItem": "stocked_item_id: $oldest",
    "ListStockedItems": "",
    "ListMovements": "",
    "ListReservations": "include_closed: true",
    "ListExpectations": "include_closed: true",
    "GetValuation": "method: VALUATION_METHOD_FIFO with_total: true",
    "GetSettings": "",
    "UpdateSettings": "settings { reason_required: false } update_mask { paths: 'reason_required' }",
}
SHOWING: Final = {
    *("AddStock", "RemoveStock", "ClosePosition", "CountStock", "UpdateStockedItem", "DeliverStock", "ReturnStock"),
    *("TransferStock", "AssembleStock", "DisassembleStock", "ReceiveStock", "UnreceiveStock", "BatchChangeStock"),
    *("RegisterItem", "GetStockedItem", "ListStockedItems", "ListMovements", "GetValuation"),
}
"""Methods whose answers have costs in them, for those who may see them."""

REFUSING: Final = {"GetValuation"}
"""Methods that have nothing to say to anybody else."""


def costs_in(message: Message) -> list[str]:
    """The paths of all costs in a message, found by their types and, should one be of another type, by their names."""
    return [path for path, field in _fields(message, "") if _is_cost(field)]


def _fields(message: Message, path: str) -> Iterator[tuple[str, FieldDescriptor]]:
    for field, value in message.ListFields():
        here = f"{path}{field.name}"
        yield here, field
        for part in value if field.is_repeated else [value]:
            if isinstance(part, Message) and not _is_cost(field):
                yield from _fields(part, f"{here}.")


def _is_cost(field: FieldDescriptor) -> bool:
    if field.message_type and field.message_type.full_name in COST_TYPES:
        return True
    of_ours = field.full_name.startswith("storekeeper.")
    return of_ours and any(word in field.name for word in COST_WORDS)


@pytest.fixture(scope="module", autouse=True)
def held(world: World) -> None:
    """What each change needs is there."""
    world.hold()


@pytest.fixture(scope="module")
def ask(world: World) -> Callable[..., Any]:
    """Asks a method as a caller with these permissions."""
    world.do(
        "RegisterItem",
        "item { item_id: $COSTED version: 1 tracking: TRACKING_NONE"
        " standard_cost { currency_code: 'USD' value { value: '2' } } }",
    )

    def asking(method: str, *permissions: str) -> Any:
        world.fresh = world.stock.new_request_id()
        if "$new_" in REQUESTS[method]:
            world.new_location = world.stock.location(world.stock.new_request_id())
            world.new_position = world.stock.position(NAMES["WHOLE"], world.new_location)
            world.stock.add(world.new_position, 1, unit_cost=2)
        with as_caller(world.stock, *permissions):
            return world.do(method, REQUESTS[method])

    return asking


@contextmanager
def as_caller(stock: Stock, *permissions: str) -> Iterator[None]:
    """Inside the block, calls are made by somebody with these permissions."""
    metadata, stock.metadata = stock.metadata, caller(stock.tenant_id, "clerk", permissions)
    try:
        yield
    finally:
        stock.metadata = metadata


def test_every_method_is_asked() -> None:
    assert REQUESTS.keys() == set(METHODS) - STREAMING


@pytest.mark.parametrize("method", REQUESTS)
@pytest.mark.parametrize("permissions", SEEING, ids=",".join)
def test_costs_are_shown_to_those_who_may_see_them(
    ask: Callable[..., Any], method: str, permissions: tuple[str, ...]
) -> None:
    assert bool(costs_in(ask(method, *permissions))) == (method in SHOWING)


@pytest.mark.parametrize("method", sorted(REQUESTS.keys() - REFUSING))
@pytest.mark.parametrize("permissions", BLIND, ids=lambda permissions: ",".join(permissions) or "none")
def test_no_answer_shows_a_cost_to_anybody_else(
    ask: Callable[..., Any], method: str, permissions: tuple[str, ...]
) -> None:
    assert costs_in(ask(method, *permissions)) == []


@pytest.mark.parametrize("permissions", BLIND, ids=lambda permissions: ",".join(permissions) or "none")
def test_nobody_else_is_told_what_stock_is_worth(stock: Stock, permissions: tuple[str, ...]) -> None:
    with as_caller(stock, *permissions):
        failure = stock.refusal("GetValuation", pb.GetValuationRequest(method=pb.VALUATION_METHOD_FIFO))
    assert (failure.code, failure.reason) == (StatusCode.PERMISSION_DENIED, "PERMISSION_REQUIRED")
    assert failure.metadata == {"permission": "costs.view"}


class TestWriting:
    def test_a_cost_from_somebody_who_may_not_see_costs_is_ignored(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        with as_caller(stock, "stock.write"):
            stock.add(position_id, 5, unit_cost=7)
        (stocked_item,) = stock.stocked_items(position_id)
        assert not stocked_item.HasField("unit_cost")
        assert not stocked_item.HasField("value")
        assert not stock.movements()[0].HasField("amount")

    @pytest.mark.parametrize(
        "cost",
        [
            {"cost_method": pb.COST_METHOD_AVERAGE},
            {"unit_cost": 7, "currency_code": "EUR"},
            {"unit_cost": "999999999999"},
        ],
        ids=["unknown average", "another currency", "beyond the limit"],
    )
    def test_not_even_a_refusal_tells_them_of_costs(self, stock: Stock, cost: dict[str, Any]) -> None:
        (position_id,) = stock.positions()
        request = adding(stock.new_request_id(), position_id, 999_999_999, **cost)
        seen = stock.refusal("AddStock", request)
        assert seen.reason in {"COST_UNKNOWN", "CURRENCY_MISMATCH", "STOCK_LIMIT_EXCEEDED"}
        with as_caller(stock, "stock.write"):
            stock.call("AddStock", request)

    def test_nor_can_they_say_what_an_item_should_cost(self, stock: Stock) -> None:
        cost = pb.UnitCost(currency_code="USD", value=decimal(2))
        for version, foreign in ((1, "USD"), (2, "EUR")):
            with as_caller(stock, "stock.write"):
                item = pb.Item(item_id=1, version=version, tracking=pb.TRACKING_NONE)
                item.standard_cost.CopyFrom(pb.UnitCost(currency_code=foreign, value=decimal(9)))
                stock.call("RegisterItem", pb.RegisterItemRequest(item=item))
        item = pb.Item(item_id=1, version=2, tracking=pb.TRACKING_NONE)
        assert not stock.call("RegisterItem", pb.RegisterItemRequest(item=item)).HasField("standard_cost")
        item = pb.Item(item_id=1, version=3, tracking=pb.TRACKING_NONE, standard_cost=cost)
        stock.call("RegisterItem", pb.RegisterItemRequest(item=item))
        with as_caller(stock, "stock.write"):
            blind = pb.Item(item_id=1, version=4, tracking=pb.TRACKING_NONE)
            stock.call("RegisterItem", pb.RegisterItemRequest(item=blind))
        assert stock.call("RegisterItem", pb.RegisterItemRequest(item=blind)).standard_cost == cost

    def test_a_malformed_cost_is_told_to_everybody(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        with as_caller(stock, "stock.write"):
            failure = stock.refusal("AddStock", adding(stock.new_request_id(), position_id, 5, unit_cost=-1))
        assert [violation.field for violation in failure.violations] == ["unit_cost.value"]


class TestRepeats:
    """A repeat is answered from the record, as the repeating caller may see it."""

    @pytest.mark.parametrize("method", sorted(SHOWING & CHANGES.keys()))
    def test_of_each_change(self, world: World, ask: Callable[..., Any], method: str) -> None:
        first = ask(method, "*")
        with as_caller(world.stock, "stock.write"):
            filtered = world.do(method, REQUESTS[method])
        assert costs_in(filtered) == []
        assert world.do(method, REQUESTS[method]) == first

    def test_of_an_addition(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        request = adding(stock.new_request_id(), position_id, 5, unit_cost=7)
        first = stock.call("AddStock", request)
        with as_caller(stock, "stock.write"):
            filtered = stock.call("AddStock", request)
        assert costs_in(first) == ["movement.amount", "unit_cost"]
        first.movement.ClearField("amount")
        first.ClearField("unit_cost")
        assert filtered == first

    def test_of_a_removal(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        stock.add(position_id, 5, OLDEST, unit_cost=7)
        stock.add(position_id, 5, unit_cost=8)
        request = removing(stock.new_request_id(), 6, position_id=position_id)
        with as_caller(stock):
            filtered = stock.call("RemoveStock", request)
        whole = stock.call("RemoveStock", request)
        assert [(movement.amount.units, movement.amount.currency_code) for movement in whole.movements] == [
            (35, "USD"),
            (8, "USD"),
        ]
        for movement in whole.movements:
            movement.ClearField("amount")
        assert filtered == whole

    def test_of_an_addition_whose_cost_was_ignored(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        request = adding(stock.new_request_id(), position_id, 5, unit_cost=7)
        with as_caller(stock, "stock.write"):
            first = stock.call("AddStock", request)
        assert stock.call("AddStock", request) == first
        assert len(stock.movements()) == 1


class TestGuessing:
    """Request ids are no secret: a guess at what somebody else's units cost must not tell whether it's right."""

    @pytest.mark.parametrize(
        "given",
        [{"unit_cost": 7}, {"cost_method": pb.COST_METHOD_AVERAGE}, {}],
        ids=["a cost", "a method", "nothing"],
    )
    def test_of_what_others_added(self, stock: Stock, dump: Dump, given: dict[str, Any]) -> None:
        (position_id,) = stock.positions()
        stock.add(position_id, 1, unit_cost=5)
        request_id = stock.new_request_id()
        added = stock.call("AddStock", adding(request_id, position_id, 5, **given)).movement
        before = dump()
        guesses: list[dict[str, Any]] = [
            {},
            *({"unit_cost": guess} for guess in ("7.00", 5, 8)),
            {"unit_cost": 7, "currency_code": "EUR"},
            *({"cost_method": method} for method in (pb.COST_METHOD_AVERAGE, pb.COST_METHOD_LAST_RECEIVED)),
        ]
        with as_caller(stock, "stock.write"):
            told = [stock.call("AddStock", adding(request_id, position_id, 5, **guess)) for guess in guesses]
            other = stock.refusal("AddStock", adding(request_id, position_id, 6, **given))
        assert {one.movement.movement_id for one in told} == {added.movement_id}
        assert costs_in(told[0]) == []
        assert other.reason == "REQUEST_ID_REUSED"
        assert dump() == before

    def test_of_what_others_received(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        line: dict[str, Any] = {"order_line": "PO 7", "position_id": position_id, "quantity": decimal(2)}
        stock.call("ExpectStock", pb.ExpectStockRequest(request_id=stock.new_request_id(), **line))
        received = pb.ReceiveStockRequest(request_id=stock.new_request_id(), **line)
        received.unit_cost.CopyFrom(pb.UnitCost(currency_code="USD", value=decimal(7)))
        first = stock.call("ReceiveStock", received)
        with as_caller(stock, "stock.write"):
            for guess in (7, 8):
                received.unit_cost.value.value = str(guess)
                assert stock.call("ReceiveStock", received).stocked_item_ids == first.stocked_item_ids

    def test_of_what_became_known_later(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        request = adding(stock.new_request_id(), position_id, 5)
        added = stock.call("AddStock", request).movement
        stock.call(
            "UpdateStockedItem",
            pb.UpdateStockedItemRequest(
                request_id=stock.new_request_id(),
                stocked_item=pb.StockedItem(
                    stocked_item_id=added.stocked_item_id, unit_cost=pb.UnitCost(currency_code="USD", value=decimal(7))
                ),
                update_mask=FieldMask(paths=["unit_cost"]),
            ),
        )
        with as_caller(stock, "stock.write"):
            assert stock.call("AddStock", request).movement.movement_id == added.movement_id

    def test_whoever_sees_costs_is_told_of_another_one(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        request_id = stock.new_request_id()
        stock.call("AddStock", adding(request_id, position_id, 5, unit_cost=7))
        for other in ({"unit_cost": 8}, {}, {"cost_method": pb.COST_METHOD_LAST_RECEIVED}):
            refusal = stock.refusal("AddStock", adding(request_id, position_id, 5, **other))
            assert refusal.reason == "REQUEST_ID_REUSED"

    def test_of_one_in_the_same_batch(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        added = submission(stocking(position_id, 5, cost=UnitCost("USD", Decimal(7))))
        guess = replace(
            submission(stocking(position_id, 5, cost=UnitCost("USD", Decimal(8))), under=added.request_id),
            operation=stocking(position_id, 5),
            ignores_cost=True,
        )
        first, again = accepted(tenant.apply(added, guess))
        assert (again.replayed, again.movements) == (True, first.movements)


def test_what_is_removed_unseen_is_valued_all_the_same(stock: Stock) -> None:
    (position_id,) = stock.positions()
    stock.add(position_id, 5, unit_cost=7)
    with as_caller(stock):
        stock.remove(2, position_id=position_id)
    assert stock.movements()[-1].amount.units == 14
