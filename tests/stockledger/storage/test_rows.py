"""Rows travel within array literals: whatever is in them, it arrives as it was sent."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def entry(text: str = "", binary: bytes = b"", number: int | None = 1) -> tuple[Any, ...]:
    return (ID, text, binary, "ann", text, number, TIME, text)


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


@given(st.lists(st.binary()))
def test_binaries(connection: psycopg.Connection, binaries: list[bytes]) -> None:
    sent = [entry(binary=binary) for binary in binaries]
    assert arrived(connection, sent) == sent


def test_nothing_is_null(connection: psycopg.Connection) -> None:
    sent = [entry(number=None), (None,) * 8]
    assert arrived(connection, sent) == sent


def test_no_rows(connection: psycopg.Connection) -> None:
    assert arrived(connection, []) == []
