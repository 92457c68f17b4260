"""A server and its database together, when the database goes and comes back."""

import asyncio

import grpc
import pytest
from sqlalchemy import text

from storekeeper_cli.postgres import EmbeddedPostgres
from storekeeper_kit import readiness
from storekeeper_kit.database import Database
from storekeeper_kit.server import Service
from tests.kit.serving import NAME, failure, service, serving
from tests.kit.waiting import eventually


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "READY_INTERVAL_S", 0.05)
    monkeypatch.setattr(readiness, "AWAY_INTERVAL_S", 0.05)


def reading(database: Database) -> Service:
    def answer(_: str) -> str:
        with database.read() as connection:
            return str(connection.scalar(text("SELECT value FROM counter WHERE id = 1")))

    return service(lambda asked: asyncio.to_thread(answer, asked), ready=database.probe)


def test_a_server_outlives_its_database_and_recovers_by_itself(postgres: EmbeddedPostgres, database: Database) -> None:
    with serving(reading(database)) as client:
        assert eventually(lambda: client.health(NAME) == "SERVING")
        assert client.call() == "0"
        postgres.kill()
        try:
            refusal = failure(client.call)
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")
            assert eventually(lambda: client.health(NAME) == "NOT_SERVING")
            assert client.health("") == "SERVING"
        finally:
            postgres.start()
        assert client.call() == "0"
        assert eventually(lambda: client.health(NAME) == "SERVING")


def test_a_server_starts_before_its_database(postgres: EmbeddedPostgres, database: Database) -> None:
    postgres.stop()
    try:
        with serving(reading(database)) as client:
            assert failure(client.call).reason == "DATABASE_UNAVAILABLE"
            assert client.health(NAME) == "NOT_SERVING"
            postgres.start()
            assert client.call() == "0"
            assert eventually(lambda: client.health(NAME) == "SERVING")
    finally:
        if not postgres.accepts():
            postgres.start()
