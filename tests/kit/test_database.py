"""Connections and transactions, on a real PostgreSQL that is stopped, killed and kept busy."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
import pytest
import sqlalchemy
from psycopg import errors
from sqlalchemy import Connection, exc, text
from structlog.testing import capture_logs

from storekeeper_cli.postgres import EmbeddedPostgres, Urls
from storekeeper_kit import database as database_module
from storekeeper_kit.database import Database, Trouble, classify
from storekeeper_kit.refusals import DeadlineExceeded, Unavailable

INCREMENT = text("UPDATE counter SET value = value + 1 WHERE id = :id")
COUNT = text("SELECT value FROM counter WHERE id = :id")


def increment(connection: Connection, number: int = 1) -> None:
    connection.execute(INCREMENT, {"id": number})


def count(database: Database, number: int = 1) -> int:
    with database.read() as connection:
        return int(connection.execute(COUNT, {"id": number}).scalar_one())


def increment_and_fail(database: Database) -> None:
    with database.begin() as connection:
        increment(connection)
        raise ZeroDivisionError


def soon() -> float:
    return time.monotonic() + 10


class TestTransactions:
    def test_a_transaction_is_committed_at_its_end(self, database: Database) -> None:
        with database.begin() as connection:
            increment(connection)
        assert count(database) == 1

    def test_a_transaction_that_fails_leaves_nothing(self, database: Database) -> None:
        with pytest.raises(ZeroDivisionError):
            increment_and_fail(database)
        assert count(database) == 0

    def test_single_reads_see_what_is_committed_meanwhile(self, database: Database) -> None:
        with database.read() as reader:
            before = reader.execute(COUNT, {"id": 1}).scalar_one()
            with database.begin() as writer:
                increment(writer)
            assert (before, reader.execute(COUNT, {"id": 1}).scalar_one()) == (0, 1)

    def test_a_connection_that_read_is_as_good_as_new_for_a_transaction(self, single: Database) -> None:
        with single.read() as connection:
            connection.execute(COUNT, {"id": 1})
        with single.begin() as connection:
            assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"
        with pytest.raises(ZeroDivisionError):
            increment_and_fail(single)
        assert count(single) == 0

    def test_a_session_is_bounded_and_in_utc_whatever_the_server_s_defaults(
        self, postgres: EmbeddedPostgres, fresh_urls: Urls
    ) -> None:
        name = fresh_urls.service.rpartition("/")[2]
        with psycopg.connect(postgres.superuser_url(), autocommit=True) as superuser:
            superuser.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
            superuser.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'")
            superuser.execute(f"ALTER DATABASE {name} SET datestyle = 'SQL, DMY'")
        database = Database(
            fresh_urls.service, statement_timeout_ms=4321, lock_timeout_ms=1234, application_name="the test"
        )
        with database.begin() as connection:
            settings = {
                name: connection.scalar(text("SELECT current_setting(:name)"), {"name": name})
                for name in (
                    "statement_timeout",
                    "lock_timeout",
                    "idle_in_transaction_session_timeout",
                    "transaction_isolation",
                    "timezone",
                    "datestyle",
                    "application_name",
                )
            }
        database.close()

        assert settings == {
            "statement_timeout": "4321ms",
            "lock_timeout": "1234ms",
            "idle_in_transaction_session_timeout": "15s",
            "transaction_isolation": "read committed",
            "timezone": "UTC",
            "datestyle": "ISO, YMD",
            "application_name": "the test",
        }

    def test_what_the_url_asks_for_wins(self, urls: Urls) -> None:
        database = Database(f"{urls.service}?options=-c%20lock_timeout%3D77")
        with database.begin() as connection:
            assert connection.scalar(text("SHOW lock_timeout")) == "77ms"
        database.close()


class TestRawConnections:
    def test_it_is_psycopg_s_own_and_commits_each_statement_outside_of_a_transaction(self, database: Database) -> None:
        with database.raw() as connection:
            assert isinstance(connection, psycopg.Connection)
            connection.execute("UPDATE counter SET value = 5 WHERE id = 1")
            with connection.pipeline():
                connection.execute("BEGIN")
                connection.execute("UPDATE counter SET value = 6 WHERE id = 2")
                connection.execute("COMMIT")
        assert (count(database, 1), count(database, 2)) == (5, 6)

    def test_a_transaction_that_is_not_committed_is_rolled_back(self, single: Database) -> None:
        with single.raw() as connection:
            connection.execute("BEGIN")
            connection.execute("UPDATE counter SET value = 5 WHERE id = 1")
        assert count(single) == 0

    def test_the_next_user_has_a_transaction_again(self, single: Database) -> None:
        with single.raw():
            pass
        with pytest.raises(ZeroDivisionError):
            increment_and_fail(single)
        assert count(single) == 0

    def test_it_is_fit_for_the_next_user_after_any_failure(self, single: Database) -> None:
        with pytest.raises(errors.DivisionByZero):
            self.fail_in_a_pipeline(single)
        with pytest.raises(ZeroDivisionError):
            self.fail_between_statements(single)
        assert count(single) == 0

    def fail_in_a_pipeline(self, database: Database) -> None:
        with database.raw() as connection, connection.pipeline():
            connection.execute("BEGIN")
            connection.execute("UPDATE counter SET value = 5 WHERE id = 1")
            connection.execute("SELECT 1 / 0")
            connection.execute("COMMIT")

    def fail_between_statements(self, database: Database) -> None:
        with database.raw() as connection:
            connection.execute("BEGIN")
            connection.execute("UPDATE counter SET value = 5 WHERE id = 1")
            raise ZeroDivisionError

    def test_it_stays_open_for_the_next_user(self, single: Database) -> None:
        with single.raw() as first:
            pass
        with single.raw() as second:
            assert second is first

    def test_closing_closes_those_that_are_idle_and_the_others_when_they_come_back(self, urls: Urls) -> None:
        database = Database(urls.service)
        with database.raw() as in_use:
            with database.raw() as idle:
                pass
            database.close()
            assert idle.closed
            assert in_use.execute("SELECT 1").fetchone() == (1,)
        assert in_use.closed

    def test_one_that_was_closed_inside_is_replaced(self, single: Database) -> None:
        with single.raw() as connection:
            connection.close()
        with single.raw() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


class TestConflicts:
    def test_a_transaction_that_met_a_deadlock_is_repeated(self, database: Database) -> None:
        both_hold_one = threading.Barrier(2)

        def crossing(first: int, second: int) -> None:
            attempts = 0

            def change(connection: Connection) -> None:
                nonlocal attempts
                attempts += 1
                increment(connection, first)
                if attempts == 1:
                    both_hold_one.wait(5)
                increment(connection, second)

            database.transact(change, deadline=soon())

        with ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(crossing, 1, 2), threads.submit(crossing, 2, 1)]:
                done.result()
        assert (count(database, 1), count(database, 2)) == (2, 2)

    def test_a_transaction_that_can_t_get_its_lock_is_repeated_until_it_can(self, database: Database) -> None:
        with locked(database) as let_go, ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(database.transact, increment, deadline=soon())
            time.sleep(0.4)
            let_go()
            waiting.result()
        assert count(database) == 1

    def test_it_is_given_up_at_the_deadline(self, database: Database) -> None:
        with locked(database), pytest.raises(DeadlineExceeded):
            database.transact(increment, deadline=time.monotonic() + 0.2)

    def test_any_other_failure_is_not_repeated(self, database: Database) -> None:
        attempts = []

        def fail(connection: Connection) -> None:
            attempts.append(connection)
            connection.execute(text("SELECT 1 / 0"))

        with pytest.raises(exc.DataError):
            database.transact(fail, deadline=soon())
        assert len(attempts) == 1

    def test_a_statement_that_takes_too_long_is_a_passed_deadline(self, database: Database) -> None:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded), database.read() as connection:
            connection.execute(text("SELECT pg_sleep(30)"))
        assert time.monotonic() - began < 5

    def test_so_is_one_that_reads_what_somebody_has_locked_whole(self, database: Database) -> None:
        with database.begin() as changing:
            changing.execute(text("LOCK TABLE counter IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(DeadlineExceeded), database.read() as connection:
                connection.execute(COUNT, {"id": 1})


@contextmanager
def locked(database: Database) -> Iterator[Callable[[], None]]:
    """Another transaction has counter 1, until it is told to let go."""
    with database.raw() as connection:
        connection.execute("BEGIN")
        connection.execute("UPDATE counter SET value = value WHERE id = 1")
        yield connection.rollback


class TestADatabaseThatIsAway:
    def users(self, database: Database) -> dict[str, Callable[[], AbstractContextManager[Any]]]:
        return {name: getattr(database, name) for name in ("begin", "read", "raw", "probing")}

    def use_all(self, database: Database) -> None:
        for use in self.users(database).values():
            with use() as connection:
                connection.execute("SELECT 1" if isinstance(connection, psycopg.Connection) else text("SELECT 1"))

    @pytest.mark.parametrize("end", ["stop", "kill"])
    def test_the_first_call_after_a_restart_succeeds(
        self, postgres: EmbeddedPostgres, database: Database, end: str
    ) -> None:
        self.use_all(database)
        with database.begin() as one, database.begin() as two:
            one.execute(text("SELECT 1"))
            two.execute(text("SELECT 1"))
        getattr(postgres, end)()
        postgres.start()
        self.use_all(database)

    def test_the_first_call_after_its_connections_were_ended_succeeds(
        self, postgres: EmbeddedPostgres, database: Database
    ) -> None:
        self.use_all(database)
        with psycopg.connect(postgres.superuser_url(), autocommit=True) as superuser:
            superuser.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname LIKE 'kit%'")
        self.use_all(database)

    def test_every_use_is_told_that_it_is_unavailable_and_works_again_afterwards(
        self, postgres: EmbeddedPostgres, database: Database
    ) -> None:
        self.use_all(database)
        postgres.kill()
        try:
            for use in self.users(database).values():
                with pytest.raises(Unavailable), use():
                    pass
            with pytest.raises(Unavailable):
                database.transact(increment, deadline=soon())
            with pytest.raises(Unavailable):
                database.probe()
        finally:
            postgres.start()
        self.use_all(database)

    @pytest.mark.parametrize("use", ["begin", "raw"])
    def test_one_that_goes_in_the_middle_of_a_transaction_is_unavailable(
        self, postgres: EmbeddedPostgres, database: Database, use: str
    ) -> None:
        with pytest.raises(Unavailable):
            self.lose_the_connection(postgres, getattr(database, use))
        self.use_all(database)

    def lose_the_connection(self, postgres: EmbeddedPostgres, use: Callable[[], AbstractContextManager[Any]]) -> None:
        with use() as connection:
            statement = "SELECT pg_backend_pid()"
            prepared = statement if isinstance(connection, psycopg.Connection) else text(statement)
            (pid,) = connection.execute(prepared).fetchone()
            with psycopg.connect(postgres.superuser_url(), autocommit=True) as superuser:
                superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            connection.execute(prepared)

    def test_one_that_does_not_answer_is_given_up_in_bounded_time(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            database = Database(f"postgresql://me:hunter2@127.0.0.1:{silent.getsockname()[1]}/db")
            began = time.monotonic()
            with pytest.raises(Unavailable) as error, database.read():
                pass
            assert time.monotonic() - began < 4
            assert "hunter2" not in str(error.value)

    @pytest.mark.parametrize("use", [Database.begin, Database.read, Database.raw])
    def test_a_wait_for_a_connection_has_a_bound(
        self, urls: Urls, monkeypatch: pytest.MonkeyPatch, use: Callable[[Database], AbstractContextManager[Any]]
    ) -> None:
        monkeypatch.setattr(database_module, "POOL_TIMEOUT_S", 0.1)
        busy = Database(urls.service, pool_size=1)
        with use(busy), pytest.raises(Unavailable), use(busy):
            pass
        busy.close()

    def test_a_database_that_is_busy_is_not_away(self, single: Database) -> None:
        with single.begin():
            single.probe()


class TestDurability:
    def warnings(self, database: Database) -> list[Any]:
        with capture_logs() as lines:
            database.probe()
            database.probe()
        return lines

    def test_a_database_that_keeps_its_word_is_not_worth_a_line(self, database: Database) -> None:
        assert self.warnings(database) == []

    def test_one_that_may_lose_acknowledged_changes_is_warned_about_once(
        self, postgres: EmbeddedPostgres, fresh_urls: Urls
    ) -> None:
        name = fresh_urls.service.rpartition("/")[2]
        with psycopg.connect(postgres.superuser_url(), autocommit=True) as superuser:
            superuser.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        database = Database(fresh_urls.service)
        assert self.warnings(database) == [
            {
                "event": "database_may_lose_acknowledged_changes",
                "log_level": "warning",
                "switched_off": "synchronous_commit",
            }
        ]
        database.close()


class TestClassifying:
    @pytest.mark.parametrize(
        ("error", "trouble"),
        [
            (errors.AdminShutdown, Trouble.AWAY),
            (errors.CrashShutdown, Trouble.AWAY),
            (errors.CannotConnectNow, Trouble.AWAY),
            (errors.TooManyConnections, Trouble.AWAY),
            (errors.DiskFull, Trouble.AWAY),
            (errors.ConnectionFailure, Trouble.AWAY),
            (errors.ReadOnlySqlTransaction, Trouble.AWAY),
            (errors.ConnectionTimeout, Trouble.AWAY),
            (psycopg.OperationalError, Trouble.AWAY),
            (errors.SerializationFailure, Trouble.CONFLICT),
            (errors.DeadlockDetected, Trouble.CONFLICT),
            (errors.LockNotAvailable, Trouble.CONFLICT),
            (errors.QueryCanceled, Trouble.SLOW),
            (errors.UniqueViolation, Trouble.OTHER),
            (errors.CheckViolation, Trouble.OTHER),
            (errors.InsufficientPrivilege, Trouble.OTHER),
            (psycopg.ProgrammingError, Trouble.OTHER),
            (sqlalchemy.exc.TimeoutError, Trouble.AWAY),
            (Unavailable, Trouble.AWAY),
            (DeadlineExceeded, Trouble.SLOW),
            (ValueError, Trouble.OTHER),
        ],
    )
    def test_an_error_means_the_same_however_it_comes(self, error: type[Exception], trouble: Trouble) -> None:
        assert classify(error()) is trouble
        if issubclass(error, psycopg.Error):
            assert classify(exc.DBAPIError("statement", None, error())) is trouble

    def test_a_wrong_password_is_a_database_that_is_away(self, urls: Urls) -> None:
        database = Database(urls.service.replace("://storekeeper_kit:", "://storekeeper_kit:wrong"))
        with pytest.raises(Unavailable), database.begin():
            pass
