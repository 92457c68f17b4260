"""A defect is answered INTERNAL with an id, under which the log has all of it; the client learns nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import psycopg
import pytest
from grpc import StatusCode

from tests.harness.databases import ROLE, LedgerDatabase
from tests.harness.ledger_process import LedgerProcess
from tests.stockledger.dump import Dump
from tests.stockledger.servicer.refusing import tells_nothing_of_the_inside
from tests.stockledger.servicer.world import World

UNLUCKY: Final = 13


@dataclass(frozen=True, slots=True)
class Breakage:
    """What is spoilt in the database, how it is mended, which request meets it, and what the log says of it."""

    spoil: str
    mend: str
    method: str
    text: str
    error: str


BROKEN: Final = {
    "a check fails": Breakage(
        f"ALTER TABLE movement ADD CONSTRAINT unlucky CHECK (quantity <> {UNLUCKY}) NOT VALID",
        "ALTER TABLE movement DROP CONSTRAINT unlucky",
        "AddStock",
        f"request_id: $ID position_id: $whole quantity {{ value: '{UNLUCKY}' }}",
        "CheckViolation",
    ),
    "a column is missing": Breakage(
        "ALTER TABLE location RENAME COLUMN name TO nom",
        "ALTER TABLE location RENAME COLUMN nom TO name",
        "GetLocation",
        "location_id: $main",
        "UndefinedColumn",
    ),
    "a table is missing": Breakage(
        "ALTER TABLE movement RENAME TO mouvement",
        "ALTER TABLE mouvement RENAME TO movement",
        "RemoveStock",
        "request_id: $ID source { position_id: $whole } quantity { value: '1' }",
        "UndefinedTable",
    ),
    "a right is missing": Breakage(
        f"REVOKE INSERT ON location FROM {ROLE}",
        f"GRANT INSERT ON location TO {ROLE}",
        "CreateLocation",
        "request_id: $ID location { name: 'New' }",
        "InsufficientPrivilege",
    ),
}


@contextmanager
def broken(database: LedgerDatabase, breakage: Breakage) -> Iterator[None]:
    """Inside the block the database is not as our code takes for granted."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(breakage.spoil.encode())
        try:
            yield
        finally:
            owner.execute(breakage.mend.encode())


@pytest.mark.parametrize("breakage", BROKEN.values(), ids=BROKEN)
def test_a_defect_shows_an_id_and_nothing_else(
    world: World, ledger: LedgerProcess, ledger_database: LedgerDatabase, dump: Dump, breakage: Breakage
) -> None:
    request = world.request(breakage.method, breakage.text)
    before = dump()
    with broken(ledger_database, breakage):
        failure = world.stock.refusal(breakage.method, request)
    assert (failure.code, failure.reason) == (StatusCode.INTERNAL, "INTERNAL_ERROR")
    assert tells_nothing_of_the_inside(failure)
    error_id = str(UUID(failure.metadata["errorId"]))
    assert error_id in failure.message
    assert dump() == before

    _, found, logged = ledger.log.read_text().partition(error_id)
    assert found
    assert "Traceback" in logged
    assert breakage.error in logged


def test_what_met_a_defect_can_be_asked_again_when_it_is_mended(world: World, ledger_database: LedgerDatabase) -> None:
    breakage = BROKEN["a check fails"]
    request = world.request(breakage.method, breakage.text)
    with broken(ledger_database, breakage):
        world.stock.refusal(breakage.method, request)
    assert world.stock.call(breakage.method, request).movement.quantity.value == str(UNLUCKY)
