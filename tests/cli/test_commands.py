"""``storekeeper serve`` and ``storekeeper migrate``, and what the command says to mistakes."""

import asyncio
import http.client
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
import pytest
from typer.testing import CliRunner

from storekeeper_cli.__main__ import app
from storekeeper_cli.postgres import EmbeddedPostgres, Urls
from storekeeper_cli.program import Program
from storekeeper_cli.services import GATEWAY, SERVICES, STOCK_LEDGER, WITH_DATABASE, GrpcService, Service
from tests.cli.processes import wait_for

STOREKEEPER = (sys.executable, "-P", "-m", "storekeeper_cli")


@pytest.fixture
def urls(postgres: EmbeddedPostgres) -> Iterator[Urls]:
    """An empty database."""
    yield postgres.create_service_database("stockledger", database="commanded")
    postgres.drop_database("commanded")


def storekeeper(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | variables
    return subprocess.run([*STOREKEEPER, *arguments], env=environment, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("service", WITH_DATABASE, ids=lambda service: service.name)
def test_migrate_makes_the_tables_and_can_be_repeated(service: GrpcService, postgres: EmbeddedPostgres) -> None:
    urls = postgres.create_service_database(service.name, database=f"{service.name}_migrated")
    for _ in range(2):
        done = storekeeper("migrate", service.name, **{service.variable("OWNER_DATABASE_URL"): urls.owner})
        assert done.returncode == 0, done.stderr
    with psycopg.connect(urls.service) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
    postgres.drop_database(f"{service.name}_migrated")


def test_migrate_without_the_owners_url_names_the_variable() -> None:
    done = storekeeper("migrate", "stockledger", STOREKEEPER_STOCKLEDGER_OWNER_DATABASE_URL="")
    assert done.returncode == 2
    assert done.stderr.startswith("STOREKEEPER_STOCKLEDGER_OWNER_DATABASE_URL is not set")


def test_migrate_tells_in_one_line_without_a_password_that_the_database_is_away() -> None:
    url = "postgresql://someone:secret@127.0.0.1:1/nowhere"
    done = storekeeper("migrate", "stockledger", STOREKEEPER_STOCKLEDGER_OWNER_DATABASE_URL=url)
    [line] = done.stderr.splitlines()
    assert done.returncode == 1
    assert "Connection refused" in line
    assert "secret" not in line


def test_serve_runs_the_service_in_its_own_process(urls: Urls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOREKEEPER_STOCKLEDGER_LISTEN", "127.0.0.1:0")
    storekeeper("migrate", "stockledger", STOREKEEPER_STOCKLEDGER_OWNER_DATABASE_URL=urls.owner)
    addresses: dict[Service, str] = {STOCK_LEDGER: STOCK_LEDGER.address()}
    environment = STOCK_LEDGER.server(addresses, urls).environment
    with serving(STOCK_LEDGER, environment) as process:
        wait_for(lambda: asyncio.run(STOCK_LEDGER.serves(addresses[STOCK_LEDGER])), timeout_s=30)
        process.terminate()
        assert process.wait(10) == 0


def test_serve_runs_the_gateway_which_is_not_ready_while_the_services_behind_it_are_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STOREKEEPER_GATEWAY_LISTEN", "127.0.0.1:0")
    addresses = {**dict.fromkeys(SERVICES, "127.0.0.1:1"), GATEWAY: GATEWAY.address()}
    with serving(GATEWAY, GATEWAY.server(addresses).environment):
        wait_for(lambda: answers(addresses[GATEWAY]), timeout_s=30)
        assert not asyncio.run(GATEWAY.serves(addresses[GATEWAY]))


@contextmanager
def serving(service: Service, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`storekeeper serve`, for as long as the block lasts."""
    process = Program("serve", (*STOREKEEPER, "serve", service.name), environment).start(subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def answers(address: str) -> bool:
    """Whether anything answers there over HTTP."""
    connection = http.client.HTTPConnection(address, timeout=1)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.parametrize(("command", "services"), [("serve", SERVICES), ("migrate", WITH_DATABASE)])
def test_an_unknown_service_is_answered_with_those_there_are(command: str, services: tuple[Service, ...]) -> None:
    answer = CliRunner().invoke(app, [command, "stock"])
    assert answer.exit_code == 2
    assert all(service.name in answer.stderr for service in services)


def test_what_has_no_database_has_nothing_to_migrate() -> None:
    assert CliRunner().invoke(app, ["migrate", "gateway"]).exit_code == 2


def test_an_unknown_command_is_a_mistake_of_use() -> None:
    assert CliRunner().invoke(app, ["dance"]).exit_code == 2


@pytest.mark.parametrize("command", [[], ["up"], ["demo"], ["status"], ["serve"], ["migrate"]])
def test_every_command_explains_itself(command: list[str]) -> None:
    answer = CliRunner().invoke(app, [*command, "--help"])
    assert answer.exit_code == 0
    assert "Usage:" in answer.stdout
