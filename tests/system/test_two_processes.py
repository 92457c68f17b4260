"""Two ledgers on one database, and clients that ask both of them for the same stock in every way at once."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.account import Account, first_answers
from tests.harness.asking import Answer, Line
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, decimal
from tests.system.verbs import REFUSALS, VERBS, Client, is_about_a_race
from tests.system.workload import Workload

DURATION_S = 30.0
"""Positions locked in a wrong order, tried out, met six times in a quarter of a minute; what is rarer needs the rest."""

CLIENTS = 24
EXPECTED_REASONS = REFUSALS | {"REQUEST_ID_REUSED", "LOCATION_INACTIVE"}
HASTY_TIMEOUT_S = 0.004
RECENT_ANSWERS = 200
DESCRIBE_INTERVAL_S = 0.05


@pytest.fixture
def ledgers(ledger: LedgerProcess, ledger_database: LedgerDatabase, tmp_path: Path) -> Iterator[list[LedgerProcess]]:
    """The module's ledger and another on the same database."""
    with LedgerProcess(ledger_database.service_url, tmp_path) as other:
        yield [ledger, other]


@pytest.mark.timeout(DURATION_S + 90)
def test_no_client_meets_a_conflict_and_the_journal_is_whole(
    ledgers: list[LedgerProcess], ledger_database: LedgerDatabase, stock: Stock, seed: int
) -> None:
    workload, account, ended = Workload(stock, tracked=True), Account(), threading.Event()

    def person(number: int) -> _Asking:
        lines = [Line(ledger.address, stock.tenant_id) for ledger in ledgers]
        return _Asking(Client(workload, seed * CLIENTS + number, VERBS), lines, workload, account)

    people = [person(number) for number in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS + 2) as clients:
        asking = [clients.submit(one.until, ended) for one in people]
        asking.append(clients.submit(_describe, Line(ledgers[0].address, stock.tenant_id), workload, ended))
        asking.append(clients.submit(_watch, ledger_database.owner_url, stock.tenant_id, ended))
        _wait(ended, asking)
    for one in people:
        one.ask_for_the_rest()

    strange = [failure for failure in account.refused_except(EXPECTED_REASONS) if not is_about_a_race(failure)]
    assert strange == []
    account.check(check_invariants(ledger_database.owner_url, stock.tenant_id))
    assert _deadlocks(ledger_database) == 0
    for ledger in ledgers:
        assert "call_failed" not in ledger.log.read_text()


@dataclass(slots=True)
class _Asking:
    """One client, which asks in every way that has ever gone wrong somewhere."""

    client: Client
    lines: list[Line]
    workload: Workload
    account: Account
    left_open: list[Any] = field(default_factory=list)
    """Requests that were given up and then refused: the first attempt may have been under way for longer."""

    def until(self, ended: threading.Event) -> None:
        ways: list[Callable[[], None]] = [self.once, self.twins, self.rivals, self.cancelled, self.hasty, self.again]
        while not ended.is_set():
            self.client.chance.choices(ways, weights=(50, 20, 12, 4, 4, 10))[0]()

    def ask_for_the_rest(self) -> None:
        """When nothing is under way any more, a repetition tells what became of a request that was given up."""
        for request in self.left_open:
            self._note(self._line().settle(request))

    def once(self) -> None:
        """One request, now and then only to see what it would do."""
        request = self.client.request()
        if "validate_only" in request.DESCRIPTOR.fields_by_name:
            request.validate_only = self.client.chance.random() < 0.1
        answer = self._note(self._line().ask(request).answer())
        previewed = getattr(request, "validate_only", False)
        assert not previewed or all(movement.movement_id == 0 for movement in answer.movements)

    def twins(self) -> None:
        """The same request to both at once. Between a refusal and an answer somebody may have added stock."""
        request = self.client.request()
        twins = [self._note(asked.answer()) for asked in [line.ask(request) for line in self.lines]]
        accepted = [twin for twin in twins if twin.accepted]
        assert len(first_answers(twins)) == min(1, len(accepted))
        assert len({str(twin.movements) for twin in accepted}) <= 1

    def rivals(self) -> None:
        """Different requests to both at once under one request id: at most one of them is carried out."""
        request_id = self.client.new_request_id()
        requests = [self.client.request(request_id) for _ in self.lines]
        if requests[0] == requests[1]:
            return
        asked = [line.ask(request) for line, request in zip(self.lines, requests, strict=True)]
        answers = [self._note(one.answer()) for one in asked]
        accepted = [answer for answer in answers if answer.accepted]
        assert len(accepted) <= 1
        assert accepted or "REQUEST_ID_REUSED" not in [answer.reason for answer in answers]

    def cancelled(self) -> None:
        """A request that its client gives up, and asks about later."""
        request = self.client.request()
        asked = self._line().ask(request)
        time.sleep(self.client.chance.random() * HASTY_TIMEOUT_S)
        asked.cancel()
        self._settle(request)

    def hasty(self) -> None:
        """A request without enough time."""
        request = self.client.request()
        self._line().ask(request, timeout_s=self.client.chance.random() * HASTY_TIMEOUT_S).answer()
        self._settle(request)

    def again(self) -> None:
        """A request that was answered some time ago."""
        recent = self.account.accepted()[-RECENT_ANSWERS:]
        if recent:
            answer = self._note(self._line().ask(self.client.chance.choice(recent).request).answer())
            assert answer.replayed

    def _settle(self, request: Any) -> None:
        if not self._note(self._line().settle(request)).accepted:
            self.left_open.append(request)

    def _line(self) -> Line:
        return self.client.chance.choice(self.lines)

    def _note(self, answer: Answer) -> Answer:
        self.workload.note(self.account.note(answer))
        return answer


def _describe(line: Line, workload: Workload, ended: threading.Event) -> None:
    """Change what stock is kept of and where, again and again: the locks that this takes are the batches' own."""
    location_id, shelf = workload.location_ids[1], workload.shelves[0]
    while not ended.is_set():
        for active in (False, True):
            location = pb.Location(location_id=location_id, active=active)
            mask = FieldMask(paths=["active"])
            line.call("UpdateLocation", pb.UpdateLocationRequest(location=location, update_mask=mask))
            settings = pb.Settings(reason_required=active)
            mask = FieldMask(paths=["reason_required"])
            line.call("UpdateSettings", pb.UpdateSettingsRequest(settings=settings, update_mask=mask))
            position = pb.Position(position_id=shelf.position_id, minimum=decimal(int(active)))
            mask = FieldMask(paths=["minimum"])
            line.call("UpdatePosition", pb.UpdatePositionRequest(position=position, update_mask=mask))
        time.sleep(DESCRIBE_INTERVAL_S)


def _watch(url: str, tenant_id: int, ended: threading.Event) -> None:
    """Read what is new in the journal as it grows: numbers are given in the order of commits, so none comes late."""
    seen = 0
    with psycopg.connect(url, autocommit=True) as connection:
        while not ended.is_set():
            rows = connection.execute(_NEW_MOVEMENTS, [tenant_id, seen]).fetchall()
            new = [movement_id for (movement_id,) in rows]
            assert new == list(range(seen + 1, seen + 1 + len(new))), f"after movement {seen} came {new}"
            seen += len(new)


_NEW_MOVEMENTS = "SELECT movement_id FROM movement WHERE tenant_id = %s AND movement_id > %s ORDER BY movement_id"


def _wait(ended: threading.Event, asking: list[Future[None]]) -> None:
    """For the whole duration, or until somebody has found something wrong."""
    wait(asking, timeout=DURATION_S, return_when=FIRST_EXCEPTION)
    ended.set()
    for client in asking:
        client.result()


def _deadlocks(database: LedgerDatabase) -> int:
    """How many PostgreSQL had to break up; clients would not have noticed."""
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = %s", [database.name]
        ).fetchone()
    assert row is not None
    return int(row[0])
