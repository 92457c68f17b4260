"""Statements that travel in one piece, on a real PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from storekeeper_cli.postgres import Urls
from storekeeper_kit import round_trips
from storekeeper_kit.database import Database
from storekeeper_kit.refusals import Unavailable
from storekeeper_kit.round_trips import BEGIN, COMMIT, ROLLBACK, RoundTrip, Row, Statement

LARGE = "x" * 3_000_000
READ = Statement("SELECT value FROM counter WHERE id = 1")
COUNT = Statement("UPDATE counter SET value = value + 1 WHERE id = 1 RETURNING value")
IS_FREE = Statement("SELECT count(*) FROM (SELECT FROM counter WHERE id = 1 FOR UPDATE SKIP LOCKED)")
DIVIDE = Statement("SELECT 1 / %(number)s::int")
A_TEXT = Statement("SELECT %(text)s::text")

Connection = psycopg.Connection[Row]


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.raw() as connection:
        yield connection


def travel(connection: Connection, *statements: Statement, **parameters: object) -> list[list[Row]]:
    """All of these in one piece; the rows of each."""
    with RoundTrip(connection) as trip:
        results = [trip.execute(statement, **parameters) for statement in statements]
    return [result.rows() for result in results]


def test_each_statement_has_its_own_result_at_the_end(connection: Connection) -> None:
    with RoundTrip(connection) as trip:
        results = [trip.execute(Statement("SELECT %(number)s::int"), number=number) for number in range(3)]
    assert [result.rows() for result in results] == [[(0,)], [(1,)], [(2,)]]


def test_a_result_may_have_no_row_or_many(connection: Connection) -> None:
    series = Statement("SELECT * FROM generate_series(1, %(count)s::int)")
    assert travel(connection, series, count=0) == [[]]
    assert travel(connection, series, count=3) == [[(1,), (2,), (3,)]]


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("bigint", 2**62),
        ("numeric", Decimal("1.500000")),
        ("text", 'it\'s "quoted" \\ and 100 % strange: %(name)s $1 ü 漢'),
        ("text", ""),
        ("text", None),
        ("bytea", b"\x00\\x\xff"),
        ("boolean", True),
        ("timestamptz", datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("uuid", UUID("7adb5687-3c4e-4085-b5e1-33612c139967")),
    ],
)
def test_what_is_sent_comes_back(connection: Connection, type_name: str, value: object) -> None:
    assert travel(connection, Statement(f"SELECT %(value)s::{type_name}"), value=value) == [[(value,)]]


def test_a_parameter_may_be_named_twice_and_given_in_vain(connection: Connection) -> None:
    twice = Statement("SELECT %(b)s::int, %(a)s::int, %(b)s::int")
    assert travel(connection, twice, a=1, b=2, c=3) == [[(2, 1, 2)]]


def test_a_parameter_that_is_missing_is_told_before_anything_is_sent(connection: Connection) -> None:
    with pytest.raises(KeyError, match="number"):
        travel(connection, COUNT, DIVIDE)
    assert travel(connection, READ) == [[(0,)]]


def test_a_transaction_may_take_several(connection: Connection) -> None:
    begun = travel(connection, BEGIN, COUNT)
    ended = travel(connection, READ, COMMIT)
    assert begun[1] == ended[0] == [(1,)]
    assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE


def test_a_connection_learns_a_statement_once(connection: Connection) -> None:
    for number in (1, 2, 3):
        travel(connection, DIVIDE, DIVIDE, number=number)
    known = connection.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT 1 / %'")
    assert known.fetchone() == (1,)


def test_a_rollback_forgets_no_statement(database: Database) -> None:
    for _ in range(3):
        with database.raw() as connection:
            travel(connection, BEGIN, COUNT)
    with database.raw() as connection:
        assert travel(connection, READ) == [[(0,)]]
        prepared = connection.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'UPDATE %'")
        assert prepared.fetchone() == (1,)


def test_beside_transactions_of_the_driver_nothing_stays_prepared(connection: Connection) -> None:
    with RoundTrip(connection, prepares=False) as trip:
        result = trip.execute(DIVIDE, number=1)
    assert result.rows() == [(1,)]
    assert connection.execute("SELECT FROM pg_prepared_statements").fetchall() == []


@pytest.mark.parametrize(
    "meanwhile",
    [
        "DEALLOCATE ALL",
        "ALTER TABLE counter ALTER COLUMN value TYPE numeric",
        f'PREPARE "{COUNT.name.decode()}" AS SELECT 1',
    ],
    ids=["forgotten", "of another type", "known already"],
)
def test_a_connection_whose_statements_are_outdated_is_replaced(fresh_urls: Urls, meanwhile: LiteralString) -> None:
    database = Database(fresh_urls.owner)

    def fail() -> None:
        with database.raw() as connection:
            connection.execute("CREATE TABLE counter AS SELECT 1 AS id, 0 AS value")
            travel(connection, READ)
            connection.execute(meanwhile)
            travel(connection, READ, COUNT)

    with pytest.raises(Unavailable):
        fail()
    with database.raw() as connection:
        assert len(travel(connection, READ)) == 1
    database.close()


def test_what_a_statement_is_refused_for_is_told_and_nothing_after_it_happens(connection: Connection) -> None:
    with pytest.raises(errors.DivisionByZero):
        travel(connection, BEGIN, DIVIDE, COUNT, COMMIT, number=0)
    travel(connection, ROLLBACK)
    assert travel(connection, READ, DIVIDE, number=1) == [[(0,)], [(1,)]]


def test_a_statement_that_makes_no_sense_is_told_as_such_each_time(connection: Connection) -> None:
    for _ in range(2):
        with pytest.raises(errors.UndefinedTable, match="nowhere"):
            travel(connection, COUNT, Statement("SELECT * FROM nowhere"))
    assert travel(connection, READ) == [[(0,)]]


def test_after_an_error_between_statements_nothing_is_sent(connection: Connection) -> None:
    def fail() -> None:
        with RoundTrip(connection) as trip:
            trip.execute(COUNT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert travel(connection, READ) == [[(0,)]]


class TestReadingAnswersAsTheyCome:
    def test_each_is_read_in_its_turn(self, connection: Connection) -> None:
        read: list[object] = []
        with RoundTrip(connection) as trip:
            for number in (1, 2):
                trip.execute(DIVIDE, number=number).then(lambda result: read.append(result.rows()))
            assert not read
        assert read == [[(1,)], [(0,)]]

    def test_nothing_is_read_after_a_statement_that_failed(self, connection: Connection) -> None:
        read: list[object] = []

        def fail() -> None:
            with RoundTrip(connection) as trip:
                for number in (1, 0, 2):
                    trip.execute(DIVIDE, number=number).then(lambda result: read.append(result.rows()))

        with pytest.raises(errors.DivisionByZero):
            fail()
        assert read == [[(1,)]]

    def test_what_a_reading_raises_is_raised_in_the_end_and_nothing_after_it_is_read(
        self, connection: Connection
    ) -> None:
        read: list[object] = []

        def fail() -> None:
            with RoundTrip(connection) as trip:
                trip.execute(READ).then(misread)
                trip.execute(COUNT).then(read.append)

        with pytest.raises(ZeroDivisionError):
            fail()
        assert not read
        assert len(travel(connection, READ)) == 1

    def test_what_is_outdated_after_that_closes_the_connection(self, connection: Connection) -> None:
        travel(connection, READ)
        connection.execute("DEALLOCATE ALL", prepare=False)

        def fail() -> None:
            with RoundTrip(connection) as trip:
                trip.execute(Statement("SELECT 'prepared just now'")).then(misread)
                trip.execute(READ)

        with pytest.raises(ZeroDivisionError):
            fail()
        assert connection.closed


def misread(_: object) -> None:
    """Read an answer in vain."""
    raise ZeroDivisionError


class TestWhatIsSentAhead:
    def test_it_happens_before_the_end_and_is_answered_with_the_rest(self, database: Database) -> None:
        with database.raw() as connection, database.raw() as other, RoundTrip(connection) as trip:
            results = [trip.execute(BEGIN), trip.execute(COUNT)]
            trip.send_ahead()
            while travel(other, IS_FREE) == [[(1,)]]:
                pass
            results += [trip.execute(COUNT), trip.execute(COMMIT)]
        assert [result.rows() for result in results] == [[], [(1,)], [(2,)], []]

    def test_a_statement_is_prepared_once(self, connection: Connection) -> None:
        with RoundTrip(connection) as trip:
            results = [trip.execute(BEGIN), trip.execute(COUNT)]
            trip.send_ahead()
            results += [trip.execute(COUNT), trip.execute(READ), trip.execute(COMMIT)]
        assert [result.rows() for result in results] == [[], [(1,)], [(2,)], [(2,)], []]
        prepared = connection.execute("SELECT count(*) FROM pg_prepared_statements")
        assert prepared.fetchone() == (4,)

    def test_what_a_statement_of_it_is_refused_for_is_told_and_nothing_after_it_happens(
        self, connection: Connection
    ) -> None:
        def fail() -> None:
            with RoundTrip(connection) as trip:
                trip.execute(BEGIN)
                trip.execute(DIVIDE, number=0)
                trip.send_ahead()
                trip.execute(COUNT)
                trip.execute(COMMIT)

        with pytest.raises(errors.DivisionByZero):
            fail()
        travel(connection, ROLLBACK)
        assert travel(connection, READ, DIVIDE, number=1) == [[(0,)], [(1,)]]

    def test_a_connection_that_is_given_back_in_between_is_closed_and_nothing_has_happened(
        self, single: Database
    ) -> None:
        with single.raw() as connection:
            trip = RoundTrip(connection)
            trip.execute(BEGIN)
            trip.execute(COUNT)
            trip.send_ahead()
        assert connection.closed
        with single.raw() as connection:
            assert travel(connection, READ) == [[(0,)]]

    def test_a_transaction_whose_next_part_never_comes_is_ended_by_the_server(
        self, urls: Urls, database: Database
    ) -> None:
        forgetful = Database(urls.service, settings={"idle_in_transaction_session_timeout": "50"})
        with forgetful.raw() as connection, database.raw() as other:
            trip = RoundTrip(connection)
            trip.execute(BEGIN)
            trip.execute(COUNT)
            trip.send_ahead()
            while travel(other, IS_FREE) == [[(1,)]]:
                pass
            while travel(other, IS_FREE) == [[(0,)]]:
                pass
            assert travel(other, READ) == [[(0,)]]
        forgetful.close()

    def test_after_an_error_between_parts_the_connection_is_closed(self, connection: Connection) -> None:
        def fail() -> None:
            with RoundTrip(connection) as trip:
                trip.execute(BEGIN)
                trip.send_ahead()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert connection.closed

    def test_more_than_any_buffer_holds(self, connection: Connection) -> None:
        with RoundTrip(connection) as trip:
            results = [trip.execute(BEGIN)]
            for _ in range(5):
                results.append(trip.execute(A_TEXT, text=LARGE))
                trip.send_ahead()
        assert [result.rows() for result in results] == [[], *[[(LARGE,)]] * 5]


def test_more_than_any_buffer_holds_goes_both_ways(connection: Connection) -> None:
    """Neither side waits for the other to read first."""
    assert travel(connection, *[A_TEXT] * 5, text=LARGE) == [[(LARGE,)]] * 5


def test_a_server_that_answers_nothing_is_not_waited_for_for_ever(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_trips, "ANSWER_TIMEOUT_S", 0.1)
    with pytest.raises(Unavailable), database.raw() as connection:
        travel(connection, Statement("SELECT pg_sleep(0.9)"))
    assert connection.closed
    with database.raw() as connection:
        assert travel(connection, READ) == [[(0,)]]


def test_a_server_that_has_gone_is_told_as_such(database: Database) -> None:
    with pytest.raises(Unavailable), database.raw() as connection:
        travel(connection, Statement("SELECT pg_terminate_backend(pg_backend_pid())"), READ)
    with database.raw() as connection:
        assert travel(connection, READ) == [[(0,)]]
