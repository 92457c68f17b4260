"""The database goes away: clients are told so in time and in our words, and nobody has to do anything when it is back."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from os import kill
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_cli.postgres import EmbeddedPostgres
from storekeeper_kit.clients import Failure, failure_of
from tests.cli.processes import family_of
from tests.harness.databases import LedgerDatabase
from tests.harness.ledger_process import NOT_SERVING, SERVING, LedgerProcess
from tests.harness.stock import Stock, adding, removing

PATIENT_S = 10.0
"""Longer than the ledger itself waits for a database that is being restarted: so the answer is the ledger's."""

HASTY_S = 1.0
"""How long calls may take in a ledger whose database hangs."""

CALLS_PER_METHOD = 5
"""More than there are lanes or workers for some, so that calls wait behind those that hang."""


def test_every_call_is_told_and_works_again_when_the_database_is_back(
    ledger: LedgerProcess, stock: Stock, postgres: EmbeddedPostgres
) -> None:
    (position_id,) = stock.positions()
    stock.add(position_id, 5)
    asked = _one_of_each(stock, position_id)
    postgres.kill()
    try:
        failures = _failures(stock, asked, PATIENT_S)
        ledger.wait_until(NOT_SERVING)
    finally:
        postgres.start()

    for failure in failures:
        assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")
        assert failure.message == "the database can't be reached; repeat the call with the same request id"
        assert (failure.metadata, failure.violations) == ({}, ())
    ledger.wait_until(SERVING)
    _all_succeed(stock, asked)
    assert stock.available(position_id) == 5


def test_a_call_ends_in_time_though_the_database_hangs(
    ledger_database: LedgerDatabase, stock: Stock, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    """It still has its connections open, and answers nothing on them; the clients have all the time in the world."""
    (position_id,) = stock.positions()
    stock.add(position_id, 5)
    asked = _one_of_each(stock, position_id)
    with (
        LedgerProcess(ledger_database.service_url, tmp_path, CALL_TIMEOUT_S=str(HASTY_S)) as ledger,
        Stock(ledger.address, tenant_id=stock.tenant_id) as hasty,
    ):
        with _stopped(postgres):
            failures = _failures(hasty, asked * CALLS_PER_METHOD, None)
            ledger.wait_until(NOT_SERVING)
        assert {(failure.code, failure.reason) for failure in failures} == {
            (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_PASSED")
        }
        ledger.wait_until(SERVING)
        _all_succeed(hasty, asked)
    assert stock.available(position_id) == 5


def test_a_ledger_that_is_asked_to_stop_does_though_the_database_hangs(
    ledger_database: LedgerDatabase, stock: Stock, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    (position_id,) = stock.positions()
    with LedgerProcess(ledger_database.service_url, tmp_path) as ledger, _stopped(postgres):
        with Stock(ledger.address, tenant_id=stock.tenant_id) as hasty:
            _failures(hasty, _one_of_each(stock, position_id), HASTY_S)
        ledger.stop()


def _one_of_each(stock: Stock, position_id: int) -> list[tuple[str, Any]]:
    """A call of every kind: batched or not, a change or a read."""
    location = pb.Location(name="Elsewhere")
    mask = FieldMask(paths=["reason_required"])
    return [
        ("AddStock", adding(stock.new_request_id(), position_id, 1)),
        ("RemoveStock", removing(stock.new_request_id(), 1, position_id=position_id)),
        ("GetPosition", pb.GetPositionRequest(position_id=position_id)),
        ("ListMovements", pb.ListMovementsRequest()),
        ("RegisterItem", pb.RegisterItemRequest(item=pb.Item(item_id=7, version=1, tracking=pb.TRACKING_NONE))),
        ("CreateLocation", pb.CreateLocationRequest(request_id=stock.new_request_id(), location=location)),
        ("UpdateSettings", pb.UpdateSettingsRequest(settings=pb.Settings(), update_mask=mask)),
    ]


def _failures(stock: Stock, asked: list[tuple[str, Any]], timeout_s: float | None) -> list[Failure]:
    """What becomes of these calls, made all at once."""
    calls = [
        getattr(stock.stub, method).future(request, metadata=stock.metadata, timeout=timeout_s)
        for method, request in asked
    ]
    return [failure_of(call.exception()) for call in calls]


def _all_succeed(stock: Stock, asked: list[tuple[str, Any]]) -> None:
    for method, request in asked:
        stock.call(method, request)


@contextmanager
def _stopped(postgres: EmbeddedPostgres) -> Iterator[None]:
    """All processes of the server stand still."""
    pids = family_of(postgres.pid)
    for pid in pids:
        kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            kill(pid, signal.SIGCONT)
