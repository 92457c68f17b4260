"""Rows travel within array literals: whatever is in them, it arrives as it was sent, under its own name."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql
from psycopg.rows import dict_row

from storekeeper_stockledger.domain.holdings import Expectation, Holding
from storekeeper_stockledger.domain.journal import Entry
from storekeeper_stockledger.domain.places import Kind, Places
from storekeeper_stockledger.domain.stock import Movement, StockedItem, Totals
from storekeeper_stockledger.storage import written
from storekeeper_stockledger.storage.rows import row, rows
from tests.harness.databases import LedgerDatabase

ID = UUID("01900000-0000-7000-8000-000000000001")
TIME = datetime(2026, 3, 1, 12, 30, 0, 250, tzinfo=UTC)


@pytest.fixture(scope="module")
def connection(ledger_database: LedgerDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(ledger_database.service_url, autocommit=True) as connection:
        connection.execute("SET timezone TO utc")
        yield connection


def arrived(connection: psycopg.Connection, sent: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    array = rows(row(*one) for one in sent)
    found = connection.execute("SELECT * FROM unnest(%s::journal_entry[]) WITH ORDINALITY ORDER BY ordinality", [array])
    return [one[:-1] for one in found]


def entry(text: str = "", number: int | None = 1) -> tuple[Any, ...]:
    return (ID, text, None, "ann", text, number, TIME, text)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_texts(connection: psycopg.Connection, texts: list[str]) -> None:
    sent = [entry(text) for text in texts]
    assert arrived(connection, sent) == sent


@pytest.mark.parametrize(
    "text",
    ["", " ", "NULL", "null", '"', '""', '\\"', "\\", "\\\\", "()", "(,)", ")", "{}", "{,}", ",", "'", "\n", "\ufeff"],
)
def test_texts_that_mean_something_to_an_array_or_a_row(connection: psycopg.Connection, text: str) -> None:
    assert arrived(connection, [entry(text), entry(text)]) == [entry(text), entry(text)]


def test_nothing_is_null(connection: psycopg.Connection) -> None:
    sent = [entry(number=None), (None,) * 8]
    assert arrived(connection, sent) == sent


def test_no_rows(connection: psycopg.Connection) -> None:
    assert arrived(connection, []) == []


PLACES = Places(*map(Decimal, ("28.5", "1", "2.5", "3", "4", "7", "11.000001")))
STOCKED_ITEM = StockedItem(
    stocked_item_id=1,
    position_id=2,
    item_id=3,
    location_id=4,
    receive_time=TIME,
    places=PLACES,
    unit_cost=Decimal("0.0000000001"),
    value=Decimal("1E+2"),
    lot="lot, A",
    serial_number='"7"',
    expire_time=TIME + timedelta(days=1),
    parent_stocked_item_id=5,
    order_line="order/1",
    invoice_number="invoice",
    extensions={"autotask": {"a, b": [1, "\\"]}},
)
UNITS = dict(zip(Places.__dataclass_fields__, PLACES.units, strict=True))


class TestNames:
    """A row has no names: what comes first in it is what comes first in its type."""

    @given(fingerprint=st.binary())
    def test_an_operation(self, connection: psycopg.Connection, fingerprint: bytes) -> None:
        entry = Entry(
            request_id=str(ID),
            kind="remove_stock",
            fingerprint=fingerprint,
            actor="ann",
            reason="broken",
            effective_time=TIME,
            draws="named",
        )
        expected = {name: getattr(entry, name) for name in vars_of(entry) - {"movements"}}
        expected |= {"request_id": ID, "movement_count": 0}
        assert named(connection, "journal_entry", written.entry_row(entry)) == expected

    def test_a_stocked_item(self, connection: psycopg.Connection) -> None:
        names = (*vars_of(STOCKED_ITEM) - {"places", "currency_code", "create_time"},)
        expected = {name: getattr(STOCKED_ITEM, name) for name in names} | UNITS | {"open": True}
        assert named(connection, "described_stocked_item", written.described_row(STOCKED_ITEM)) == expected

    def test_an_empty_one(self, connection: psycopg.Connection) -> None:
        empty = replace(STOCKED_ITEM, places=Places())
        assert named(connection, "described_stocked_item", written.described_row(empty))["open"] is False

    def test_a_movement(self, connection: psycopg.Connection) -> None:
        movement = Movement(
            kind=Kind.PICKED_RESERVED,
            quantity=Decimal("2.5"),
            amount=Decimal("-1.25"),
            position_id=2,
            item_id=3,
            location_id=4,
            stocked_item=STOCKED_ITEM,
            totals=Totals(Decimal(10), Decimal(20), Decimal(30), Decimal(40)),
            effective_time=TIME,
            reference="reference",
            demand="demand",
            order_line="order/2",
            reversed_movement_id=6,
            unit_cost=Decimal(7),
        )
        told = vars_of(movement) - {"kind", "item_id", "location_id", "stocked_item", "totals"}
        expected = {
            **{name: getattr(movement, name) for name in told},
            **{f"{name}_after": units for name, units in UNITS.items()},
            **{f"position_{name}_after": getattr(movement.totals, name) for name in vars_of(movement.totals)},
            "entry_number": 8,
            "line": 9,
            "kind": "picked_reserved",
            "stocked_item_id": 1,
            "value_after": Decimal(100),
        }
        assert named(connection, "journal_line", written.line_row(8, 9, movement)) == expected

    def test_what_is_only_expected_is_no_stocked_item(self, connection: psycopg.Connection) -> None:
        expected = Movement(
            kind=Kind.EXPECTED,
            quantity=Decimal(1),
            amount=None,
            position_id=2,
            item_id=3,
            location_id=4,
            stocked_item=None,
            totals=Totals(on_order=Decimal(1)),
            effective_time=TIME,
        )
        line = named(connection, "journal_line", written.line_row(1, 1, expected))
        nulls = {"stocked_item_id", "amount", "value_after", "reversed_movement_id", "unit_cost"}
        assert {name for name, value in line.items() if value is None} == nulls | {f"{name}_after" for name in UNITS}

    def test_what_a_demand_holds(self, connection: psycopg.Connection) -> None:
        holding = Holding(Decimal(1), Decimal(2), Decimal(3), Decimal(4), TIME, is_addition=True)
        expected = {
            **{name: getattr(holding, name) for name in vars_of(holding) - {"is_addition"}},
            "position_id": 5,
            "demand": "demand",
            "stocked_item_id": 6,
            "open": True,
            "addition": True,
        }
        assert named(connection, "holding", written.held_row(5, "demand", 6, holding)) == expected

    def test_what_an_order_line_brings(self, connection: psycopg.Connection) -> None:
        expectation = Expectation(on_order=Decimal(1), received=Decimal(2))
        expected = {"position_id": 3, "order_line": "order", "on_order": Decimal(1), "received": Decimal(2)}
        assert named(connection, "order_line_state", written.expected_row(3, "order", expectation)) == expected


def vars_of(value: Any) -> set[str]:
    return set(value.__dataclass_fields__)


def named(connection: psycopg.Connection, kind: str, sent: str) -> Mapping[str, Any]:
    """What arrives, by the names that its type gives."""
    query = sql.SQL("SELECT * FROM unnest(%s::{}[])").format(sql.Identifier(kind))
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query, [rows([sent])]).fetchone()
    assert found is not None
    return found
