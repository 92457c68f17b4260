"""What an item usually costs is what the stock ledger values it by, if stock is valued in that currency."""

from typing import Final

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2 as stockledger_pb
from tests.catalog.servicer.test_costs_hidden import as_caller
from tests.harness.items import Items
from tests.harness.stock import Stock, decimal

DOLLARS: Final = stockledger_pb.UnitCost(currency_code="USD", value=decimal("2.5"))
MORE: Final = stockledger_pb.UnitCost(currency_code="USD", value=decimal("2.75"))
EUROS: Final = stockledger_pb.UnitCost(currency_code="EUR", value=decimal("2.5"))


def standard_cost(stock: Stock, item: pb.Item) -> stockledger_pb.UnitCost | None:
    """What the ledger knows of it: it answers so when it hears of an older version."""
    older = stockledger_pb.Item(item_id=item.item_id, version=1, tracking=stockledger_pb.TRACKING_NONE)
    known = stock.call("RegisterItem", stockledger_pb.RegisterItemRequest(item=older, validate_only=True))
    return known.standard_cost if known.HasField("standard_cost") else None


def test_the_ledger_hears_what_an_item_costs(items: Items, stock: Stock) -> None:
    item = items.create(unit_cost=DOLLARS)
    assert standard_cost(stock, item) == DOLLARS
    items.update(item.item_id, unit_cost=MORE)
    assert standard_cost(stock, item) == MORE
    items.update(item.item_id, mask=["unit_cost"])
    assert standard_cost(stock, item) is None


def test_it_does_so_whoever_changes_the_item(items: Items, stock: Stock) -> None:
    item = items.create(unit_cost=DOLLARS)
    with as_caller(items, "catalog.write"):
        items.archive(item.item_id)
    assert standard_cost(stock, item) == DOLLARS


def test_an_item_that_costs_something_in_another_currency_is_stocked_all_the_same(items: Items, stock: Stock) -> None:
    item = items.create(unit_cost=EUROS)
    assert items.get(item.item_id).unit_cost == EUROS
    assert item.registration.state == pb.REGISTRATION_STATE_DONE
    assert standard_cost(stock, item) is None
    items.update(item.item_id, unit_cost=DOLLARS)
    assert standard_cost(stock, item) == DOLLARS
    items.update(item.item_id, unit_cost=EUROS, tracking=stockledger_pb.TRACKING_LOT)
    assert standard_cost(stock, item) is None
