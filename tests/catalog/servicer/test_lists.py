"""Lists: filtered, in every order, paged by tokens that are good for the query they came from and for no other."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Final

import pytest

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.query.v1 import filter_pb2 as query_pb
from storekeeper.stockledger.v1 import stock_ledger_pb2 as stockledger_pb
from tests.harness.catalog_process import CatalogProcess
from tests.harness.items import Items
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, decimal
from tests.stockledger.servicer.refusing import bad_fields

ORDERS: Final[dict[str, Callable[[pb.Item], Any]]] = {
    "item_id": lambda item: item.item_id,
    "sku": lambda item: item.sku,
    "name": lambda item: item.name,
    "create_time": lambda item: item.create_time.ToNanoseconds(),
    "update_time": lambda item: item.update_time.ToNanoseconds(),
}

# The enum of each field and what its names begin with.
CHOICES: Final[dict[str, tuple[Any, str]]] = {
    "type": (pb.ItemType, "ITEM_TYPE_"),
    "tracking": (stockledger_pb.Tracking, "TRACKING_"),
    "state": (pb.ItemState, "ITEM_STATE_"),
    "registration.state": (pb.RegistrationState, "REGISTRATION_STATE_"),
}

# Equal names and missing skus, letters beyond ASCII and in both cases: what orders may disagree about.
SEEDS: Final[list[dict[str, Any]]] = [
    {"name": "b", "sku": "A-2", "unit_cost": stockledger_pb.UnitCost(currency_code="USD", value=decimal("2.5"))},
    {"name": "B", "sku": "a-1", "description": "100 % wool", "extensions": {"autotask": '{"vendorID":7,"on":true}'}},
    {"name": "a", "type": pb.ITEM_TYPE_SERVICE, "extensions": {"autotask": '{"vendorID":8.5}'}},
    {"name": "ä", "sku": "Z", "tracking": stockledger_pb.TRACKING_LOT, "quantity_scale": 3},
    {"name": "b", "type": pb.ITEM_TYPE_NON_INVENTORY, "extensions": {"autotask": '{"vendorID":"7"}'}},
    {"name": "𝄞", "sku": "é", "unit_cost": stockledger_pb.UnitCost(currency_code="EUR", value=decimal(0))},
    {"name": "b", "tracking": stockledger_pb.TRACKING_SERIAL},
]


@pytest.fixture(scope="module")
def shelf(catalog: CatalogProcess, ledger: LedgerProcess) -> Iterator[Items]:
    """A tenant with these items, the third of them changed last and the last one archived."""
    with Stock(ledger.address) as stock, Items(catalog.address, tenant_id=stock.tenant_id) as items:
        created = [items.create(**seed) for seed in SEEDS]
        items.archive(created[-1].item_id)
        items.update(created[2].item_id, name="a")
        yield items


def pages(items: Items, size: int, **wanted: Any) -> Iterator[list[pb.Item]]:
    """A list, page by page."""
    request = pb.ListItemsRequest(page_size=size, **wanted)
    while True:
        page = items.call("ListItems", request)
        yield list(page.items)
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def numbers(items: Items, filter_: query_pb.Filter) -> list[int]:
    """Which of the seeds a filter lets through."""
    everything = [item.item_id for item in items.all()]
    return [everything.index(item.item_id) for item in items.all(filter=filter_)]


def condition(field: str, operator: str, *values: Any, **more: Any) -> query_pb.Filter:
    """A filter of one condition."""
    return query_pb.Filter(
        condition=query_pb.Condition(
            field=field, operator=query_pb.Operator.Value(f"OPERATOR_{operator}"), values=map(value, values), **more
        )
    )


def value(of: Any) -> query_pb.Value:
    """A value of the kind that it has in Python; decimals are texts with a `d` behind them."""
    if isinstance(of, bool):
        return query_pb.Value(boolean=of)
    if isinstance(of, int):
        return query_pb.Value(integer=of)
    if of.endswith("d") and of[:-1].replace(".", "").isdigit():
        return query_pb.Value(decimal=decimal(of[:-1]))
    return query_pb.Value(text=of)


@pytest.mark.parametrize("direction", ["", " desc"])
@pytest.mark.parametrize("order", ORDERS)
class TestOrders:
    @pytest.mark.parametrize("size", [1, 2, 3, 1000])
    def test_page_by_page_everything_comes_once_and_in_order(
        self, shelf: Items, order: str, direction: str, size: int
    ) -> None:
        listed = list(chain(*pages(shelf, size, order_by=order + direction)))
        expected = sorted(shelf.all(), key=lambda item: (ORDERS[order](item), item.item_id), reverse=bool(direction))
        assert listed == expected
        assert len(listed) == len(SEEDS)

    def test_a_token_is_good_for_its_order_only(self, shelf: Items, order: str, direction: str) -> None:
        token = shelf.call("ListItems", pb.ListItemsRequest(page_size=1, order_by=order + direction)).next_page_token
        other = order + (" desc" if not direction else "")
        request = pb.ListItemsRequest(page_token=token, order_by=other)
        assert bad_fields(shelf.refusal("ListItems", request)) == ["page_token"]


def test_items_come_by_id_unless_another_order_is_asked_for(shelf: Items) -> None:
    assert shelf.all() == shelf.all(order_by="item_id")


def test_what_is_created_meanwhile_comes_on_a_later_page(items: Items) -> None:
    first, second = items.create("a"), items.create("b")
    page = items.call("ListItems", pb.ListItemsRequest(page_size=1))
    third = items.create("c")
    rest = items.call("ListItems", pb.ListItemsRequest(page_token=page.next_page_token))
    assert [*page.items, *rest.items] == [first, second, third]


def test_a_page_has_50_items_unless_another_size_is_asked_for(items: Items) -> None:
    calls = [items.stub.CreateItem.future(items.creation(), metadata=items.metadata, timeout=30) for _ in range(51)]
    assert len({call.result().item_id for call in calls}) == 51
    sizes = {
        size: len(items.call("ListItems", pb.ListItemsRequest(page_size=size)).items) for size in (0, 51, 2**31 - 1)
    }
    assert sizes == {0: 50, 51: 51, 2**31 - 1: 51}


class TestTokens:
    def test_of_another_filter_are_refused(self, shelf: Items) -> None:
        token = shelf.call("ListItems", pb.ListItemsRequest(page_size=1)).next_page_token
        request = pb.ListItemsRequest(page_token=token, filter=condition("name", "EXISTS"))
        assert bad_fields(shelf.refusal("ListItems", request)) == ["page_token"]

    def test_of_another_tenant_are_refused(self, shelf: Items, items: Items) -> None:
        token = shelf.call("ListItems", pb.ListItemsRequest(page_size=1)).next_page_token
        assert bad_fields(items.refusal("ListItems", pb.ListItemsRequest(page_token=token))) == ["page_token"]


class TestTotals:
    def test_are_counted_over_all_pages_when_asked_for(self, shelf: Items) -> None:
        for filter_ in (None, condition("name", "EQUAL", "b")):
            request = pb.ListItemsRequest(page_size=1, with_total_size=True, filter=filter_)
            answer = shelf.call("ListItems", request)
            assert answer.total_size == len(shelf.all(filter=filter_))
            request.page_token = answer.next_page_token
            assert shelf.call("ListItems", request).total_size == answer.total_size

    def test_are_left_out_otherwise(self, shelf: Items) -> None:
        assert shelf.call("ListItems", pb.ListItemsRequest()).total_size == 0


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        (condition("name", "EQUAL", "b"), [0, 4, 6]),
        (condition("name", "EQUAL", "b", ignore_case=True), [0, 1, 4, 6]),
        (condition("name", "GREATER", "b"), [3, 5]),
        (condition("sku", "EXISTS"), [0, 1, 3, 5]),
        (condition("sku", "NOT_EXISTS"), [2, 4, 6]),
        (condition("sku", "NOT_EQUAL", "Z"), [0, 1, 2, 4, 5, 6]),
        (condition("description", "CONTAINS", "0 %"), [1]),
        (condition("type", "IN", "SERVICE", "NON_INVENTORY"), [2, 4]),
        (condition("tracking", "EQUAL", "LOT"), [3]),
        (condition("quantity_scale", "GREATER_OR_EQUAL", 1), [3]),
        (condition("state", "EQUAL", "ARCHIVED"), [6]),
        (condition("registration.state", "EQUAL", "DONE"), [0, 1, 3, 5, 6]),
        (condition("registration.state", "EQUAL", "NOT_NEEDED"), [2, 4]),
        (condition("unit_cost.value", "LESS", "2.6d"), [0, 5]),
        (condition("unit_cost.value", "EQUAL", "2.50d"), [0]),
        (condition("unit_cost.currency_code", "NOT_EQUAL", "USD"), [1, 2, 3, 4, 5, 6]),
        (condition("extensions.autotask.vendorID", "EQUAL", 7), [1]),
        (condition("extensions.autotask.vendorID", "GREATER", "7d"), [2]),
        (condition("extensions.autotask.vendorID", "EQUAL", "7"), [4]),
        (condition("extensions.autotask.on", "EQUAL", True), [1]),
        (query_pb.Filter(negation=condition("name", "EQUAL", "b")), [1, 2, 3, 5]),
        (
            query_pb.Filter(
                all_of=query_pb.FilterList(
                    filters=[condition("name", "EQUAL", "b"), condition("state", "EQUAL", "ACTIVE")]
                )
            ),
            [0, 4],
        ),
    ],
)
def test_a_filter_lets_through_what_it_says(shelf: Items, filter_: query_pb.Filter, found: list[int]) -> None:
    assert numbers(shelf, filter_) == found


def test_a_filter_by_id_and_by_time(shelf: Items) -> None:
    everything = shelf.all()
    assert shelf.all(filter=condition("item_id", "EQUAL", everything[3].item_id)) == [everything[3]]
    for name in ("create_time", "update_time"):
        since = query_pb.Condition(
            field=name,
            operator=query_pb.OPERATOR_GREATER,
            values=[query_pb.Value(time=getattr(everything[3], name))],
        )
        later = [item for item in everything if ORDERS[name](item) > ORDERS[name](everything[3])]
        assert shelf.all(filter=query_pb.Filter(condition=since)) == later


@pytest.mark.parametrize("field", CHOICES)
def test_the_names_of_enums_are_those_of_the_contract(shelf: Items, field: str) -> None:
    enum, prefix = CHOICES[field]
    for item in shelf.all():
        number = item.registration.state if field == "registration.state" else getattr(item, field)
        assert item in shelf.all(filter=condition(field, "EQUAL", enum.Name(number).removeprefix(prefix)))
