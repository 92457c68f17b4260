"""Databases on the PostgreSQL that all tests share."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest
import structlog

from storekeeper_cli.postgres import EmbeddedPostgres, Urls
from storekeeper_kit import server
from storekeeper_kit.database import Database

numbers = itertools.count()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody but the test calls its servers, and nobody reads the local variables in its tracebacks."""
    monkeypatch.setattr(server, "DRAIN_MIN_S", 0.01)
    structlog.configure(
        processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback, colors=False)]
    )


@pytest.fixture
def fresh_urls(postgres: EmbeddedPostgres) -> Iterator[Urls]:
    """An empty database of the test's own, as its owner and as its service."""
    name = f"kit_{next(numbers)}"
    yield postgres.create_service_database("kit", database=name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def _counters(postgres: EmbeddedPostgres) -> Urls:
    urls = postgres.create_service_database("kit")
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("CREATE TABLE counter (id int PRIMARY KEY, value int NOT NULL)")
        owner.execute("INSERT INTO counter VALUES (1, 0), (2, 0)")
        owner.execute("GRANT SELECT, INSERT, UPDATE ON counter TO PUBLIC")
    return urls


@pytest.fixture
def urls(_counters: Urls) -> Urls:
    """A database with one table of counters; numbers 1 and 2 are zero."""
    with psycopg.connect(_counters.owner, autocommit=True) as owner:
        owner.execute("UPDATE counter SET value = 0")
    return _counters


@pytest.fixture
def database(urls: Urls) -> Iterator[Database]:
    """The connections to it, as a service has them."""
    database = Database(urls.service, pool_size=3, statement_timeout_ms=1000, lock_timeout_ms=300)
    yield database
    database.close()


@pytest.fixture
def single(urls: Urls) -> Iterator[Database]:
    """The same with one connection only, so that whoever comes next gets the one that was used before."""
    single = Database(urls.service, pool_size=1)
    yield single
    single.close()
