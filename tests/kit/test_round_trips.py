"""Statements that travel in one piece, on a real PostgreSQL."""

from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import errors

from storekeeper_kit.database import Database
from storekeeper_kit.refusals import Unavailable
from storekeeper_kit.round_trips import round_trip

LARGE = "x" * 3_000_000


def travel(connection: psycopg.Connection[Any], *statements: LiteralString) -> None:
    """All of these in one piece."""
    with round_trip(connection):
        for statement in statements:
            connection.execute(statement)


def test_each_statement_has_its_own_result_at_the_end(database: Database) -> None:
    with database.raw() as connection:
        with round_trip(connection):
            cursors = [connection.execute("SELECT %s::int", [number], prepare=True) for number in range(3)]
        assert [cursor.fetchone() for cursor in cursors] == [(0,), (1,), (2,)]


def test_a_transaction_may_take_several(database: Database) -> None:
    with database.raw() as connection:
        with round_trip(connection):
            connection.execute("BEGIN", prepare=False)
            updated = connection.execute("UPDATE counter SET value = value + 1 WHERE id = 1 RETURNING value")
        with round_trip(connection):
            read = connection.execute("SELECT value FROM counter WHERE id = 1")
            connection.execute("COMMIT", prepare=False)
        assert updated.fetchone() == read.fetchone() == (1,)
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE


def test_what_a_statement_is_refused_for_is_told_and_nothing_after_it_happens(database: Database) -> None:
    with database.raw() as connection:
        with pytest.raises(errors.DivisionByZero):
            travel(connection, "BEGIN", "SELECT 1 / 0", "UPDATE counter SET value = value + 1 WHERE id = 1", "COMMIT")
        connection.rollback()
        with round_trip(connection):
            read = connection.execute("SELECT value FROM counter WHERE id = 1")
        assert read.fetchone() == (0,)


def test_an_error_between_statements_leaves_the_connection_as_it_was(database: Database) -> None:
    def fail(connection: psycopg.Connection[Any]) -> None:
        with round_trip(connection):
            connection.execute("SELECT 1")
            raise ZeroDivisionError

    with database.raw() as connection:
        with pytest.raises(ZeroDivisionError):
            fail(connection)
        assert connection.execute("SELECT 2").fetchone() == (2,)


def test_more_than_any_buffer_holds_goes_both_ways(database: Database) -> None:
    """Neither side waits for the other to read first."""
    with database.raw() as connection:
        with round_trip(connection):
            cursors = [connection.execute("SELECT %s::text", [LARGE]) for _ in range(5)]
        assert [cursor.fetchone() for cursor in cursors] == [(LARGE,)] * 5


def test_a_server_that_has_gone_is_told_as_such(database: Database) -> None:
    with pytest.raises(Unavailable), database.raw() as connection:
        travel(connection, "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1")
