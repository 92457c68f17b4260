"""Every list of every service: each field that a filter may name, with each operator, finds what plain Python finds."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from grpc import StatusCode

from storekeeper.catalog.v1 import catalog_pb2 as catalog_pb
from storekeeper.query.v1 import filter_pb2 as query_pb
from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_catalog.storage.listing import FIELDS as ITEM_FIELDS
from storekeeper_gateway.messages import row_of
from storekeeper_kit.json_text import dump_json, load_json
from storekeeper_kit.querying import Fields
from storekeeper_stockledger.storage.fields import (
    LOCATION_FIELDS,
    MOVEMENT_FIELDS,
    POSITION_FIELDS,
    STOCKED_ITEM_FIELDS,
)
from tests.harness.catalog_process import CatalogProcess
from tests.harness.items import Items
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import OLDEST, Stock, caller, decimal, timestamp, units_of
from tests.kit.filters import OPERATORS, ORDERED, TEXTUAL, Row, all_of, any_of, condition, holds, negation

ROWS: Final = 12
LATEST: Final = datetime(2400, 1, 1, tzinfo=UTC)
"""When the first of what expires does."""
NESTED_FILTERS: Final = 60
WORDS: Final = ("Mouse", "mouse", "MÄUSE", "mäuse 100%", "a_b", "axb", "\\", "倉庫")
KEPT: Final = ("size", "note, with a comma")
CONTENTS: Final = ("XL", "xl", 5, Decimal("5.5"), True, False, None, ["XL"])
TRACKINGS: Final = (pb.TRACKING_NONE, pb.TRACKING_LOT, pb.TRACKING_SERIAL)

VALUELESS: Final = (query_pb.OPERATOR_EXISTS, query_pb.OPERATOR_NOT_EXISTS)
LISTS: Final = (query_pb.OPERATOR_IN, query_pb.OPERATOR_NOT_IN)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: how it is asked, and what a filter may name."""

    method: str
    request: type[Message]
    rows: str
    key: str
    fields: Fields

    @property
    def is_counted(self) -> bool:
        """Whether the list says how many rows there are: one that only grows does not."""
        return "with_total_size" in self.request.DESCRIPTOR.fields_by_name


LISTINGS: Final = (
    Listing("ListItems", catalog_pb.ListItemsRequest, "items", "item_id", ITEM_FIELDS),
    Listing("ListLocations", pb.ListLocationsRequest, "locations", "location_id", LOCATION_FIELDS),
    Listing("ListPositions", pb.ListPositionsRequest, "positions", "position_id", POSITION_FIELDS),
    Listing("ListStockedItems", pb.ListStockedItemsRequest, "stocked_items", "stocked_item_id", STOCKED_ITEM_FIELDS),
    Listing("ListMovements", pb.ListMovementsRequest, "movements", "movement_id", MOVEMENT_FIELDS),
)

NONE_WHEN_ZERO: Final = {"stocked_item_id", "parent_stocked_item_id"}

Call = Callable[[str, Message], Any]


@pytest.fixture(scope="module")
def call(ledger: LedgerProcess, catalog: CatalogProcess) -> Iterator[Call]:
    """Asks any list of a tenant that has some rows in each, which no test changes."""
    with Stock(ledger.address) as stock, Items(catalog.address, tenant_id=stock.tenant_id) as items:
        fill(items, stock, random.Random(7))
        yield lambda method, request: (items if method == "ListItems" else stock).call(method, request)


def fill(items: Items, stock: Stock, chance: random.Random) -> None:
    """Rows that are often equal in one field or another."""
    locations = [location(stock, chance, number) for number in range(ROWS)]
    services = [items.create(chance.choice(WORDS), type=catalog_pb.ITEM_TYPE_SERVICE) for _ in range(2)]
    for number, location_id in enumerate(locations):
        tracking = TRACKINGS[number % len(TRACKINGS)]
        item_id = item(items, chance, number, tracking)
        position_id = position(stock, chance, number, item_id, location_id)
        for _ in range(2):
            added = addition(stock, chance, position_id, tracking)
            if chance.random() < 0.5:
                stock.remove(1, stocked_item_id=added, reason=word(chance))
        promised_and_moved(stock, chance, receipt(stock, chance, position_id, tracking), locations[number - 1])
    items.archive(services[0].item_id)
    deactivated = pb.Location(location_id=locations[0], active=False)
    mask = FieldMask(paths=["active"])
    stock.call("UpdateLocation", pb.UpdateLocationRequest(location=deactivated, update_mask=mask))


def word(chance: random.Random) -> str:
    return chance.choice(("", *WORDS))


def kept(chance: random.Random) -> dict[str, str]:
    return {"shop": dump_json({key: chance.choice(CONTENTS) for key in KEPT if chance.random() < 0.8})}


def item(items: Items, chance: random.Random, number: int, tracking: pb.Tracking.ValueType) -> int:
    cost = pb.UnitCost(currency_code="USD", value=decimal(number % 5)) if number % 2 else None
    return items.create(
        chance.choice(WORDS),
        sku=f"sku {number}" if number % 3 else "",
        description=word(chance),
        tracking=tracking,
        quantity_scale=0 if tracking == pb.TRACKING_SERIAL else number % 3,
        unit_cost=cost,
        extensions=kept(chance),
    ).item_id


def location(stock: Stock, chance: random.Random, number: int) -> int:
    described = pb.Location(name=f"{chance.choice(WORDS)} {number}", extensions=kept(chance))
    request = pb.CreateLocationRequest(request_id=stock.new_request_id(), location=described)
    return int(stock.call("CreateLocation", request).location_id)


def position(stock: Stock, chance: random.Random, number: int, item_id: int, location_id: int) -> int:
    described = pb.Position(
        item_id=item_id,
        location_id=location_id,
        bin=word(chance),
        reference_number=word(chance),
        minimum=decimal(number % 3),
        maximum=decimal(10 + number % 2),
        extensions=kept(chance),
    )
    request = pb.OpenPositionRequest(request_id=stock.new_request_id(), position=described)
    return int(stock.call("OpenPosition", request).position_id)


def addition(stock: Stock, chance: random.Random, position_id: int, tracking: pb.Tracking.ValueType) -> int:
    is_serial = tracking == pb.TRACKING_SERIAL
    return stock.add(
        position_id,
        1 if is_serial else chance.randrange(1, 4),
        OLDEST + timedelta(days=chance.randrange(4)),
        unit_cost=chance.choice((None, 3, "4.25")),
        lot=chance.choice(("L-1", "l-1", "L-2")) if tracking == pb.TRACKING_LOT else "",
        serial_number=f"SN {chance.random()}" if is_serial else "",
        reason=word(chance),
        reference=word(chance),
        extensions=kept(chance),
    ).stocked_item_id


def receipt(stock: Stock, chance: random.Random, position_id: int, tracking: pb.Tracking.ValueType) -> int:
    """Units that an order line brings; a stocked item of them."""
    order_line = chance.choice(WORDS)
    stock.change("ExpectStock", 3, order_line=order_line, position_id=position_id)
    is_serial = tracking == pb.TRACKING_SERIAL
    received = stock.change(
        "ReceiveStock",
        None if is_serial else 3,
        order_line=order_line,
        position_id=position_id,
        lot="L-3" if tracking == pb.TRACKING_LOT else "",
        serial_numbers=[f"SN {chance.random()}"] if is_serial else [],
        invoice_number=word(chance),
        expire_time=timestamp(LATEST + timedelta(days=chance.randrange(3))),
    )
    return int(received.stocked_item_ids[0])


def promised_and_moved(stock: Stock, chance: random.Random, stocked_item_id: int, location_id: int) -> None:
    """One unit is promised, given back, and taken to another location."""
    source = units_of(stocked_item_id)
    demand = chance.choice(WORDS)
    stock.change("ReserveStock", 1, demand=demand, source=source)
    stock.change("ReleaseStock", 1, demand=demand, source=source)
    stock.change("TransferStock", 1, source=source, to_location_id=location_id)


# --- asking -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=LISTINGS, ids=lambda listing: listing.method)
def listing(request: pytest.FixtureRequest) -> Listing:
    """One list after the other."""
    chosen: Listing = request.param
    return chosen


@pytest.fixture(scope="module")
def rows(call: Call, listing: Listing) -> list[Row]:
    """All rows of the list."""
    answer = call(listing.method, listing.request(page_size=1000))
    return [shown(message, listing.fields) for message in getattr(answer, listing.rows)]


def shown(message: Any, fields: Fields) -> Row:
    """A message as filters see it. What is below a part that is absent has no value."""
    row = dict.fromkeys(fields.by_name) | row_of(message)
    row["extensions"] = {vendor: load_json(text) for vendor, text in getattr(message, "extensions", {}).items()}
    for name in NONE_WHEN_ZERO & row.keys():
        row[name] = row[name] or None
    if isinstance(message, pb.Movement):
        money = message.amount
        row["amount"] = money.units + Decimal(money.nanos).scaleb(-9) if message.HasField("amount") else None
    return row


def check(call: Call, listing: Listing, rows: list[Row], wanted: query_pb.Filter) -> None:
    """The list has the rows that plain Python lets through, and counts them."""
    counted = {"with_total_size": True} if listing.is_counted else {}
    answer = call(listing.method, listing.request(page_size=1000, filter=wanted, **counted))
    found = [getattr(message, listing.key) for message in getattr(answer, listing.rows)]
    assert sorted(found) == sorted(row[listing.key] for row in rows if holds(wanted, row)), wanted
    assert not listing.is_counted or answer.total_size == len(found)


def some_condition(chance: random.Random, rows: list[Row], name: str, operator: int) -> query_pb.Filter:
    """A comparison with what some rows have."""
    given = [value for row in rows if (value := value_of(row, name)) is not None and type(value) is not list]
    first = chance.choice(given)
    alike = [value for value in given if type(value) is type(first)]
    ignore_case = isinstance(first, str) and chance.random() < 0.5
    if operator in VALUELESS:
        return condition(name, operator)
    if operator in LISTS:
        return condition(name, operator, *chance.sample(alike, min(len(alike), 3)), ignore_case=ignore_case)
    return condition(name, operator, first, ignore_case=ignore_case)


def value_of(row: Row, name: str) -> Any:
    if not name.startswith("extensions."):
        return row[name]
    _, vendor, key = name.split(".", 2)
    return row["extensions"].get(vendor, {}).get(key)


def names_of(listing: Listing) -> list[str]:
    """All fields of a list, and some that only a vendor knows."""
    kept_names = [f"extensions.shop.{key}" for key in KEPT] if listing.fields.extensions is not None else []
    return [*listing.fields.by_name, *kept_names]


def fits(wanted: query_pb.Filter) -> bool:
    """Whether the operator goes with the value."""
    operator, values = wanted.condition.operator, wanted.condition.values
    kind = values[0].WhichOneof("kind") if values else ""
    return not ((operator in TEXTUAL and kind != "text") or (operator in ORDERED and kind == "boolean"))


def test_every_operator_on_every_field_finds_what_plain_python_finds(
    call: Call, listing: Listing, rows: list[Row]
) -> None:
    chance = random.Random(listing.method)
    for name in names_of(listing):
        for operator in OPERATORS:
            wanted = some_condition(chance, rows, name, operator)
            if fits(wanted):
                check(call, listing, rows, wanted)


def some_filter(chance: random.Random, listing: Listing, rows: list[Row], levels: int) -> query_pb.Filter:
    """A group of conditions and of smaller groups."""
    if not levels or chance.random() < 0.3:
        while not fits(
            wanted := some_condition(chance, rows, chance.choice(names_of(listing)), chance.choice(OPERATORS))
        ):
            pass
        return wanted
    parts = [some_filter(chance, listing, rows, levels - 1) for _ in range(chance.randrange(4))]
    return chance.choice((all_of(*parts), any_of(*parts), negation(any_of(*parts))))


def test_nested_filters_find_what_plain_python_finds(call: Call, listing: Listing, rows: list[Row]) -> None:
    chance = random.Random(listing.method)
    for _ in range(NESTED_FILTERS):
        check(call, listing, rows, some_filter(chance, listing, rows, 3))


def test_a_filter_that_cannot_be_answered_is_refused_by_its_path(stock: Stock, items: Items, listing: Listing) -> None:
    client: Items | Stock = items if listing.method == "ListItems" else stock
    wanted = any_of(condition("nothing", query_pb.OPERATOR_EXISTS))
    failure = client.refusal(listing.method, listing.request(filter=wanted))
    assert (failure.code, failure.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [bad.field for bad in failure.violations] == ["filter.any_of.filters[0].condition.field"]


def test_costs_cannot_be_asked_for_by_who_may_not_see_them(stock: Stock, items: Items, listing: Listing) -> None:
    client: Items | Stock = items if listing.method == "ListItems" else stock
    client.metadata = caller(stock.tenant_id, permissions=["stock.view"])
    for name in {"unit_cost.value", "amount"}.intersection(listing.fields.by_name):
        wanted = condition(name, query_pb.OPERATOR_GREATER, 1)
        failure = client.refusal(listing.method, listing.request(filter=wanted))
        assert "costs.view" in failure.violations[0].description


def test_a_page_goes_on_within_its_filter(call: Call, listing: Listing, rows: list[Row]) -> None:
    wanted = condition(listing.key, query_pb.OPERATOR_NOT_EQUAL, rows[0][listing.key])
    request = listing.request(page_size=5, filter=wanted)
    found: list[int] = []
    while True:
        answer = call(listing.method, request)
        found += [getattr(message, listing.key) for message in getattr(answer, listing.rows)]
        if not answer.next_page_token:
            break
        request = listing.request(page_size=5, filter=wanted, page_token=answer.next_page_token)
    assert found == [row[listing.key] for row in rows[1:]]
