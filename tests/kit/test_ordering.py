"""Orders of lists: what they are called, and that pages by their keys give each row once, in that order."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Table, Text, insert, select

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper_cli.postgres import EmbeddedPostgres
from storekeeper_kit.database import Database
from storekeeper_kit.ordering import Key, Order, read_order
from storekeeper_kit.paging import Query, issue
from storekeeper_kit.reading import Reading
from storekeeper_kit.refusals import InvalidRequest

ROW = Table(
    "listed",
    MetaData(),
    Column("row_id", BigInteger, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("name", Text(collation="C"), nullable=False),
    Column("moment", DateTime(timezone=True), nullable=False),
)
BY_ID = Key(ROW.c.row_id, int, "row_id")
ORDERS = {
    "row_id": Order((BY_ID,)),
    "number": Order((Key(ROW.c.number, int, "number"), BY_ID)),
    "name": Order((Key(ROW.c.name, str, "name"), BY_ID)),
    "moment": Order((Key(ROW.c.moment, datetime, "moment"), BY_ID)),
    "all": Order(
        (Key(ROW.c.moment, datetime, "moment"), Key(ROW.c.name, str, "name"), Key(ROW.c.number, int, "number"), BY_ID)
    ),
}
NAMES = [name + direction for name in ORDERS for direction in ("", " desc")]
MOMENTS = (datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), datetime(2024, 3, 1, 5, 0, 0, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))  # fmt: skip
WORDS = ("", "a", "A", "ä", "b", "\uffff", "\U00010000", '"', "\\", "a\n")

chance = random.Random(7)
ROWS = [
    {
        "row_id": row_id,
        "number": chance.randrange(-2, 3),
        "name": chance.choice(WORDS),
        "moment": chance.choice(MOMENTS),
    }
    for row_id in chance.sample(range(1, 1000), 100)
]


@pytest.fixture(scope="module")
def database(postgres: EmbeddedPostgres) -> Iterator[Database]:
    """Connections to a database with the rows."""
    owner = Database(postgres.create_service_database("kit", database="kit_ordering").owner)
    with owner.begin() as connection:
        ROW.create(connection)
        connection.execute(insert(ROW), ROWS)
    yield owner
    owner.close()
    postgres.drop_database("kit_ordering")


@dataclass(frozen=True)
class Moment:
    """A row with nothing but a time."""

    moment: datetime


def order_of(text: str) -> Order:
    read = Reading()
    order = read_order(read, "order_by", text, ORDERS)
    read.finish()
    return order


def query_of(text: str) -> Query:
    return Query.of(pb.ListItemsRequest(order_by=text), 1, order_of(text).key_types)


def after(order: Order, token: str, query: Query) -> tuple[Any, ...] | None:
    read = Reading()
    keys = order.read_token(read, "page_token", token, query)
    read.finish()
    return keys


def pages(database: Database, text: str, size: int) -> list[int]:
    """The rows of a list that is read page by page, by tokens."""
    order, query = order_of(text), query_of(text)
    found: list[int] = []
    token = ""
    while True:
        statement = select(ROW).where(order.after(after(order, token, query))).order_by(*order.columns).limit(size)
        with database.read() as connection:
            rows = connection.execute(statement).all()
        if not rows:
            return found
        found += [row.row_id for row in rows]
        token = issue(query, order.keys_of(rows[-1]))


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("text", NAMES)
def test_pages_give_each_row_once_in_the_order_that_was_asked_for(database: Database, text: str, size: int) -> None:
    order = order_of(text)
    in_order = sorted(ROWS, key=lambda row: [row[key.name] for key in order.keys], reverse=order.descending)
    assert pages(database, text, size) == [row["row_id"] for row in in_order]


@pytest.mark.parametrize("text", ["", "  ", "row_id", " row_id "])
def test_the_first_order_is_the_default(text: str) -> None:
    assert order_of(text) == ORDERS["row_id"]


@pytest.mark.parametrize("text", ["name desc", " name  desc "])
def test_each_order_goes_the_other_way_round_too(text: str) -> None:
    assert order_of(text).descending
    assert order_of(text).keys == ORDERS["name"].keys


@pytest.mark.parametrize("text", ["nothing", "desc", "name asc", "name DESC", "Name", "name, number", "name desc desc", "name;", "x" * 100_000])  # fmt: skip
def test_any_other_order_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        order_of(text)
    (violation,) = error.value.violations
    assert violation.field == "order_by"
    assert len(violation.description) < 300


def test_without_a_token_a_list_begins_at_its_first_row() -> None:
    assert after(ORDERS["name"], "", query_of("name")) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_in_a_token_is_exact(moment: datetime) -> None:
    order = Order((Key(ROW.c.moment, datetime, "moment"),))
    query = Query.of(pb.ListItemsRequest(), 1, order.key_types)
    assert after(order, issue(query, order.keys_of(Moment(moment))), query) == (moment,)


@pytest.mark.parametrize("microseconds", [2**63 - 1, -(2**63), (MOMENTS[-1] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) + 1])  # fmt: skip
def test_a_forged_token_of_no_instant_is_refused(microseconds: int) -> None:
    query = query_of("moment")
    with pytest.raises(InvalidRequest, match="page_token"):
        after(order_of("moment"), issue(query, (microseconds, 1)), query)


def test_a_token_is_good_for_its_own_order_only() -> None:
    token = issue(query_of("row_id"), (5,))
    with pytest.raises(InvalidRequest, match="page_token"):
        after(order_of("row_id desc"), token, query_of("row_id desc"))
