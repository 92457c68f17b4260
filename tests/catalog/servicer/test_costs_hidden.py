"""Costs reach only callers who may see them, whatever they call, and only those can write them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2 as stockledger_pb
from tests.catalog.servicer.world import METHODS, World
from tests.harness.items import Items
from tests.harness.stock import caller, decimal
from tests.stockledger.servicer.refusing import bad_fields
from tests.stockledger.servicer.test_costs_hidden import costs_in

BLIND: Final = [(), ("catalog.write",), ("costs",), ("costs.viewer",), ("costs.*",)]
SEEING: Final = [("costs.view",), ("catalog.write", "costs.view"), ("*",)]

# Each method, asked with something that would show costs if it could. Those that change something do so anew each time.
REQUESTS: Final = {
    "CreateItem": "request_id: '$fresh' item { name: 'x' unit_cost { currency_code: 'USD' value { value: '7' } } }",
    "GetItem": "item_id: $mouse",
    "BatchGetItems": "item_ids: [$mouse]",
    "ListItems": "",
    "UpdateItem": "item { item_id: $mouse description: '$fresh' } update_mask { paths: 'description' }",
    "ArchiveItem": "item_id: $mouse",
    "UnarchiveItem": "item_id: $mouse",
}
COST: Final = stockledger_pb.UnitCost(currency_code="USD", value=decimal("2.5"))


@contextmanager
def as_caller(items: Items, *permissions: str) -> Iterator[None]:
    """Inside the block, calls are made by somebody with these permissions."""
    metadata, items.metadata = items.metadata, caller(items.tenant_id, "clerk", permissions)
    try:
        yield
    finally:
        items.metadata = metadata


def ask(world: World, method: str, *permissions: str) -> Any:
    """Ask a method as a caller with these permissions."""
    world.fresh = world.items.new_request_id()
    with as_caller(world.items, *permissions):
        return world.do(method, REQUESTS[method])


def test_every_method_is_asked() -> None:
    assert REQUESTS.keys() == set(METHODS)


@pytest.mark.parametrize("method", REQUESTS)
@pytest.mark.parametrize("permissions", SEEING, ids=",".join)
def test_costs_are_shown_to_those_who_may_see_them(world: World, method: str, permissions: tuple[str, ...]) -> None:
    assert costs_in(ask(world, method, *permissions))


@pytest.mark.parametrize("method", REQUESTS)
@pytest.mark.parametrize("permissions", BLIND, ids=lambda permissions: ",".join(permissions) or "none")
def test_no_answer_shows_a_cost_to_anybody_else(world: World, method: str, permissions: tuple[str, ...]) -> None:
    assert costs_in(ask(world, method, *permissions)) == []


class TestWriting:
    def test_a_cost_from_somebody_who_may_not_see_costs_is_ignored(self, items: Items) -> None:
        with as_caller(items, "catalog.write"):
            item_id = items.create(unit_cost=COST).item_id
        assert not items.get(item_id).HasField("unit_cost")

    @pytest.mark.parametrize("fields", [{"unit_cost": COST}, {}], ids=["another", "none"])
    def test_nor_do_they_change_the_one_that_is_there(self, items: Items, fields: dict[str, Any]) -> None:
        unit_cost = stockledger_pb.UnitCost(currency_code="EUR", value=decimal(7))
        item_id = items.create(unit_cost=unit_cost).item_id
        request = pb.UpdateItemRequest(
            item=pb.Item(item_id=item_id, name="Mouse", **fields), update_mask=FieldMask(paths=["name", "unit_cost"])
        )
        with as_caller(items, "catalog.write"):
            assert items.call("UpdateItem", request).name == "Mouse"
        assert items.get(item_id).unit_cost == unit_cost

    def test_a_malformed_cost_is_told_to_everybody(self, items: Items) -> None:
        cost = stockledger_pb.UnitCost(currency_code="USD", value=decimal(-1))
        with as_caller(items, "catalog.write"):
            failure = items.refusal("CreateItem", items.creation(unit_cost=cost))
        assert bad_fields(failure) == ["item.unit_cost.value"]

    def test_a_repeat_by_somebody_else_is_answered_as_they_may_see_it(self, items: Items) -> None:
        request = items.creation(unit_cost=COST)
        first = items.call("CreateItem", request)
        with as_caller(items, "catalog.write"):
            filtered = items.call("CreateItem", request)
        assert first.unit_cost == COST
        first.ClearField("unit_cost")
        assert filtered == first


class TestFilters:
    TEXT: Final = "filter { condition { field: '%s' operator: OPERATOR_EXISTS } }"

    @pytest.mark.parametrize("field", ["unit_cost.value", "unit_cost.currency_code"])
    def test_those_who_see_costs_may_ask_for_them(self, world: World, field: str) -> None:
        (item,) = [item for item in world.do("ListItems", self.TEXT % field).items if item.item_id == world.mouse]
        assert item.unit_cost == COST

    @pytest.mark.parametrize("field", ["unit_cost.value", "unit_cost.currency_code"])
    def test_others_are_refused(self, world: World, field: str) -> None:
        with as_caller(world.items, "catalog.write"):
            failure = world.items.refusal("ListItems", world.request("ListItems", self.TEXT % field))
        assert bad_fields(failure) == ["filter.condition.field"]
