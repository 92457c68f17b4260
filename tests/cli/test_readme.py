"""The README is true: its lines work as pasted and get the answers that it shows, and its tables are complete."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from storekeeper.errors.v1.error_reason_pb2 import ErrorReason
from storekeeper_catalog.settings import CatalogSettings
from storekeeper_cli.demo.stage import Stage, temporary_stage
from storekeeper_cli.postgres import EmbeddedPostgres
from storekeeper_cli.services import SERVICES, WITH_DATABASE
from storekeeper_cli.up import UpSettings
from storekeeper_gateway.settings import GatewaySettings
from storekeeper_kit.config import SharedSettings, variable
from storekeeper_stockledger.settings import StockLedgerSettings
from tests.cli.processes import wait_for

ROOT = Path(__file__).parents[2]
README = "\n" + (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS: tuple[type[SharedSettings], ...] = (StockLedgerSettings, CatalogSettings, GatewaySettings, UpSettings)
GRPCURL_IS_HERE = (ROOT / ".venv/bin/grpcurl").exists()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Services without data."""
    with temporary_stage() as running:
        yield running


@pytest.mark.skipif(not GRPCURL_IS_HERE, reason="There is no grpcurl for this machine.")
def test_the_calls_work_as_pasted_and_get_the_answers_shown(stage: Stage) -> None:
    _, removal, removed, *_ = blocks("# Storekeeper", stage)
    with_grpcurl, with_buf, stocking, left, is_left, too_much, refused, script, printed = blocks(
        "### From an empty ledger to the first removal", stage
    )
    assert "ERROR" not in pasted(with_grpcurl + stocking)
    assert pasted(removal) == removed
    assert pasted(removal) == removed
    assert pasted(with_grpcurl + left) == without_times(is_left)
    assert '"stockedItemId": "2"' in pasted(with_buf + left)
    assert '"sku": "M-1"' in pasted(with_buf + "catalog ListItems '{}'")
    assert pasted(with_grpcurl + too_much) == refused
    assert pasted(script, (sys.executable, "-c")) == printed
    filtering, filtered = blocks("### Lists", stage)
    assert pasted(with_grpcurl + filtering) == filtered
    # After these calls the ids are the ones shown.
    assert pasted_to_the_gateway(stage) == answers_of_the_gateway(stage)


def test_the_requests_to_the_gateway_work_on_services_without_data_too() -> None:
    with temporary_stage() as stage:
        assert without_ids(pasted_to_the_gateway(stage)) == without_ids(answers_of_the_gateway(stage))


def pasted_to_the_gateway(stage: Stage) -> str:
    """What the requests about removing get, pasted into one shell after those before them."""
    client, stocking, removing, _, too_much, _ = blocks("## The gateway", stage)
    return pasted(f"{client}{{ {stocking}}} > /dev/null\n{removing}{too_much}")


def answers_of_the_gateway(stage: Stage) -> str:
    *_, removed, _, refused = blocks("## The gateway", stage)
    return removed + refused


def test_the_steps_to_another_postgresql_are_enough(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The names that it shows are taken: other tests use this PostgreSQL too.
    sql, migrating, serving = (
        re.sub("storekeeper_(stockledger|catalog)", r"shown_in_the_readme_\1", block).replace(
            ":5432", f":{postgres.port}"
        )
        for block in blocks("## On another PostgreSQL")
    )
    with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
        for statement in sql.strip().splitlines():
            connection.execute(statement.encode())
    for owner in WITH_DATABASE:
        monkeypatch.setenv(owner.variable("SERVICE_ROLE"), f"shown_in_the_readme_{owner.name}")
    assert pasted(migrating).count("database_migrated") == len(WITH_DATABASE)
    for service, lines in zip(SERVICES, re.split("(?<=[a-z])\n", serving.strip()), strict=True):
        monkeypatch.setenv(service.variable("LISTEN"), "127.0.0.1:0")
        word = "service_ready" if service in WITH_DATABASE else "server_listening"
        assert word in pasted_until(word, lines, tmp_path / service.name)


def test_every_variable_is_listed_with_its_default() -> None:
    listed = {
        name: cells[1].strip("`") for cells in rows("## Configuration") for name in re.findall(r"`(\w+)`", cells[0])
    }
    known = {
        variable(settings, name): field.default
        for settings in SETTINGS
        for name, field in settings.model_fields.items()
    }
    assert listed.keys() == known.keys()
    # Those that have none say in words what happens.
    defaults = {
        name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in known.items() if value
    }
    assert {name: listed[name] for name in defaults} == defaults


def test_every_reason_for_a_refusal_is_listed_once() -> None:
    listed = [reason for cells in rows("### Refusals") for reason in re.findall(r"\w+", cells[1])]
    assert sorted(listed) == sorted(set(ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"})


def test_every_file_that_it_points_to_exists() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [target for target in targets if not (ROOT / target).exists()] == []


def blocks(heading: str, stage: Stage | None = None) -> list[str]:
    """The blocks of text below a heading, as they are for services at these addresses."""
    text = section(heading)
    for service, address in stage.addresses.items() if stage else ():
        text = text.replace(service.default_listen, address)
    return re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def rows(heading: str) -> list[list[str]]:
    """The rows of the table below a heading, without its head."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def section(heading: str) -> str:
    """What stands below a heading and above the next one."""
    _, _, below = README.partition(f"\n{heading}\n")
    return re.split("^#{1,3} [A-Z]", below, maxsplit=1, flags=re.MULTILINE)[0]


def pasted(lines: str, program: tuple[str, ...] = ("bash", "-c")) -> str:
    """What is seen when these lines are pasted, but for times."""
    done = subprocess.run(
        [*program, lines],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return without_times(done.stdout)


def pasted_until(word: str, lines: str, log: Path) -> str:
    """What is seen when these lines are pasted, which start a server, until this word appears."""
    with log.open("wb") as output:
        process = subprocess.Popen(["bash", "-c", f"exec env {lines}"], cwd=ROOT, stdout=output, stderr=output)
    try:
        wait_for(lambda: word in log.read_text() or process.poll() is not None, timeout_s=30)
    finally:
        process.terminate()
        process.wait()
    return log.read_text()


def without_times(answer: str) -> str:
    """The answer without the times at which something was recorded."""
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "(a time)", answer)


def without_ids(answer: str) -> str:
    """The answer without the ids that were given."""
    return re.sub(r'"(id|itemId)":\d+', r'"\1":(an id)', answer)
