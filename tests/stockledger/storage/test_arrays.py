"""Columns travel as array literals: whatever is in them, it arrives as it was sent."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any, LiteralString

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from storekeeper_stockledger.storage.arrays import numbers, texts
from tests.harness.databases import LedgerDatabase

shared_connection = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def connection(ledger_database: LedgerDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(ledger_database.service_url, autocommit=True) as connection:
        connection.execute("SET timezone TO utc")
        yield connection


def arrived(connection: psycopg.Connection, array: str, kind: LiteralString) -> list[Any]:
    query = sql.SQL("SELECT value FROM unnest(%s::{}[]) WITH ORDINALITY AS sent(value, number) ORDER BY number")
    return [value for (value,) in connection.execute(query.format(sql.SQL(kind)), [array])]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"))))
def test_texts(connection: psycopg.Connection, sent: list[str]) -> None:
    assert arrived(connection, texts(sent), "text") == sent


@pytest.mark.parametrize("sent", ["", " ", "NULL", "null", '"', '\\"', "\\", "{}", "{,}", ",", "'", "\n", "\ufeff"])
def test_texts_that_mean_something_to_an_array(connection: psycopg.Connection, sent: str) -> None:
    assert arrived(connection, texts([sent, sent]), "text") == [sent, sent]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bigint", st.integers(-(2**63), 2**63 - 1) | st.none()),
        ("numeric", st.decimals(allow_nan=False, allow_infinity=False, places=10) | st.none()),
        ("uuid", st.uuids() | st.none()),
        ("boolean", st.booleans()),
        ("timestamptz", st.datetimes(timezones=st.just(UTC)) | st.none()),
    ],
)
@shared_connection
@given(data=st.data())
def test_numbers(
    connection: psycopg.Connection, kind: LiteralString, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    sent = data.draw(st.lists(values))
    assert arrived(connection, numbers(sent), kind) == sent
