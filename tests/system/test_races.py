"""Requests that must not both be carried out, brought together in the one moment when both could be.

Two ledgers work on the database. A lock that both need is held until all requests wait behind it, and then let go.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.clients import failure_of
from tests.harness.account import Account, first_answers
from tests.harness.asking import Answer, Line, Request
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, adding, removing
from tests.system.holding import held_journal_head, held_position

TWINS = 20


@pytest.fixture(scope="module")
def other_ledger(ledger_database: LedgerDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerProcess]:
    """Another ledger on the module's database."""
    with LedgerProcess(ledger_database.service_url, tmp_path_factory.mktemp("other")) as process:
        yield process


@pytest.fixture
def lines(ledger: LedgerProcess, other_ledger: LedgerProcess, stock: Stock) -> Iterator[tuple[Line, Line]]:
    """One connection to each of the two."""
    both = Line(ledger.address, stock.tenant_id), Line(other_ledger.address, stock.tenant_id)
    yield both
    for line in both:
        line.close()


@pytest.fixture
def account(ledger_database: LedgerDatabase, stock: Stock) -> Iterator[Account]:
    """What clients were told; in the end it must be what was stored."""
    told = Account()
    yield told
    told.check(check_invariants(ledger_database.owner_url, stock.tenant_id))


# --- request ids --------------------------------------------------------------------------------------------------


def test_twins_in_one_batch_get_one_answer(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], account: Account
) -> None:
    (position_id,) = stock.positions()
    _put(lines[0], account, adding(stock.new_request_id(), position_id, 100))
    request = removing(stock.new_request_id(), 3, position_id=position_id)
    with held_position(ledger_database, position_id) as held:
        # It takes the lane, so that all others wait for the next batch.
        first = lines[0].ask(removing(stock.new_request_id(), 1, position_id=position_id))
        held.wait_for_waiters(1)
        asked = [lines[0].ask(request) for _ in range(TWINS)]
    account.note(first.answer())
    answers = [account.note(twin.answer()) for twin in asked]
    assert len(first_answers(answers)) == 1
    assert {str(answer.movements) for answer in answers} == {str(answers[0].movements)}
    assert stock.available(position_id) == 96


def test_twins_at_two_ledgers_get_one_answer(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], account: Account
) -> None:
    (position_id,) = stock.positions()
    request = adding(stock.new_request_id(), position_id, 5)
    with held_position(ledger_database, position_id) as held:
        asked = [line.ask(request) for line in lines]
        held.wait_for_waiters(2)
    answers = [account.note(twin.answer()) for twin in asked]
    assert [answer.accepted for answer in answers] == [True, True]
    assert len(first_answers(answers)) == 1
    assert stock.layers(position_id) == [5]


def test_a_twin_of_a_refused_request_is_decided_afresh(
    stock: Stock, lines: tuple[Line, Line], account: Account
) -> None:
    (position_id,) = stock.positions()
    request = removing(stock.new_request_id(), 3, position_id=position_id)
    assert account.note(lines[0].ask(request).answer()).reason == "INSUFFICIENT_STOCK"
    _put(lines[0], account, adding(stock.new_request_id(), position_id, 4))
    assert account.note(lines[1].ask(request).answer()).accepted
    again = account.note(lines[0].ask(request).answer())
    assert again.replayed
    assert stock.available(position_id) == 1


def test_a_twin_of_a_request_refused_in_the_same_batch_is_decided_afresh(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], account: Account
) -> None:
    (position_id,) = stock.positions()
    addition = adding(stock.new_request_id(), position_id, 4)
    removal = removing(stock.new_request_id(), 3, position_id=position_id)
    with held_position(ledger_database, position_id) as held:
        first = lines[0].ask(removing(stock.new_request_id(), 9, position_id=position_id))
        held.wait_for_waiters(1)
        asked = [lines[0].ask(request) for request in (removal, addition, removal, removal)]
    assert account.note(first.answer()).reason == "INSUFFICIENT_STOCK"
    answers = [account.note(one.answer()) for one in asked]
    # Nothing promises that they arrive in order; once everything is answered the stock is there in any case.
    answers.append(account.note(lines[1].ask(removal).answer()))
    assert answers[-1].accepted
    assert len(first_answers(answers)) == 2
    assert stock.available(position_id) == 1


def test_of_different_requests_under_one_id_at_two_ledgers_one_is_carried_out(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], account: Account
) -> None:
    """At positions that have nothing to do with each other: both get as far as writing."""
    for position_id, other_id in zip(stock.positions(2), stock.positions(2, location="Van"), strict=True):
        request_id = stock.new_request_id()
        requests = [adding(request_id, position_id, 5), adding(request_id, other_id, 5)]
        with held_journal_head(ledger_database, stock.tenant_id) as held:
            asked = [line.ask(request) for line, request in zip(lines, requests, strict=True)]
            held.wait_for_waiters(2)
        answers = [account.note(one.answer()) for one in asked]
        assert sorted(answer.reason for answer in answers) == ["", "REQUEST_ID_REUSED"]
        assert stock.available(position_id) + stock.available(other_id) == 5


def test_others_of_the_batch_do_not_suffer_from_a_reused_id(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], account: Account
) -> None:
    position_id, other_id = stock.positions(2)
    request_id = stock.new_request_id()
    with held_journal_head(ledger_database, stock.tenant_id) as held:
        first = [lines[0].ask(adding(stock.new_request_id(), position_id, 1))]
        held.wait_for_waiters(1)
        first += [lines[0].ask(adding(request_id, position_id, 1))]
        # The other ledger has one batch at the head, and the next behind it.
        others = [lines[1].ask(adding(stock.new_request_id(), other_id, 1))]
        held.wait_for_waiters(2)
        others += [lines[1].ask(adding(stock.new_request_id(), other_id, 1)) for _ in range(TWINS)]
        others += [lines[1].ask(adding(request_id, other_id, 1))]
    answers = [account.note(one.answer()) for one in first + others]
    assert [answer.reason for answer in answers].count("REQUEST_ID_REUSED") == 1
    assert len(first_answers(answers)) == len(answers) - 1


def test_a_creation_and_a_change_can_not_share_a_request_id(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], account: Account
) -> None:
    (position_id,) = stock.positions()
    addition = adding(stock.new_request_id(), position_id, 5)
    location = pb.CreateLocationRequest(request_id=addition.request_id, location=pb.Location(name="Van"))
    with ThreadPoolExecutor(1) as thread:
        with held_journal_head(ledger_database, stock.tenant_id) as held:
            created = thread.submit(_reason, lines[0], "CreateLocation", location)
            added = lines[1].ask(addition)
            held.wait_for_waiters(2)
        answer = account.note(added.answer())
        assert {created.result(), answer.reason} == {"", "REQUEST_ID_REUSED"}


def test_a_request_id_belongs_to_its_tenant(ledger: LedgerProcess, stock: Stock) -> None:
    with Stock(ledger.address) as neighbour:
        (position_id,), (other_id,) = stock.positions(), neighbour.positions()
        request_id = stock.new_request_id()
        stock.call("AddStock", adding(request_id, position_id, 5))
        neighbour.call("AddStock", adding(request_id, other_id, 7))
        assert [stock.available(position_id), neighbour.available(other_id)] == [5, 7]


# --- what there can be only one of --------------------------------------------------------------------------------


@pytest.mark.parametrize("same_request", [True, False])
def test_a_location_is_created_once(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], same_request: bool
) -> None:
    stock.location("Main")
    request_ids = [stock.new_request_id() for _ in lines]
    requests = [
        pb.CreateLocationRequest(
            request_id=request_ids[0 if same_request else number], location=pb.Location(name="Van")
        )
        for number in range(2)
    ]
    reasons = _race(ledger_database, stock, lines, "CreateLocation", requests)
    assert reasons == (["", ""] if same_request else ["", "LOCATION_NAME_TAKEN"])


@pytest.mark.parametrize("same_request", [True, False])
def test_a_position_is_opened_once(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], same_request: bool
) -> None:
    location_id, item_id = stock.location("Main"), stock.item(1)
    request_ids = [stock.new_request_id() for _ in lines]
    position = pb.Position(item_id=item_id, location_id=location_id)
    requests = [
        pb.OpenPositionRequest(request_id=request_ids[0 if same_request else number], position=position)
        for number in range(2)
    ]
    reasons = _race(ledger_database, stock, lines, "OpenPosition", requests)
    assert reasons == (["", ""] if same_request else ["", "POSITION_EXISTS"])


def test_a_serial_number_comes_into_stock_once(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], account: Account
) -> None:
    """At two locations, by two ledgers: no lock is common to both before they write."""
    item_id = stock.item(1, tracking=pb.TRACKING_SERIAL)
    position_ids = [stock.position(item_id, stock.location(name)) for name in ("Main", "Van")]
    requests = [adding(stock.new_request_id(), position_id, 1, serial_number="S1") for position_id in position_ids]
    with held_journal_head(ledger_database, stock.tenant_id) as held:
        asked = [line.ask(request) for line, request in zip(lines, requests, strict=True)]
        held.wait_for_waiters(2)
    answers = [account.note(one.answer()) for one in asked]
    assert sorted(answer.reason for answer in answers) == ["", "SERIAL_NUMBER_IN_STOCK"]


def test_the_last_unit_goes_to_one_of_two_ledgers(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], account: Account
) -> None:
    """Asked for by position at the one, by stocked item at the other."""
    (position_id,) = stock.positions()
    added = _put(lines[0], account, adding(stock.new_request_id(), position_id, 1)).movements[0]
    requests = [
        removing(stock.new_request_id(), 1, position_id=position_id),
        removing(stock.new_request_id(), 1, stocked_item_id=added.stocked_item_id),
    ]
    with held_position(ledger_database, position_id) as held:
        asked = [line.ask(request) for line, request in zip(lines, requests, strict=True)]
        held.wait_for_waiters(2)
    answers = [account.note(one.answer()) for one in asked]
    assert sorted(answer.reason for answer in answers) == ["", "INSUFFICIENT_STOCK"]


# --- what decides over stock ---------------------------------------------------------------------------------------


def test_a_location_is_inactive_only_after_the_stock_that_is_on_its_way(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], account: Account
) -> None:
    (position_id,) = stock.positions()
    location_id = stock.position_named(position_id).location_id
    update = pb.UpdateLocationRequest(
        location=pb.Location(location_id=location_id, active=False), update_mask=FieldMask(paths=["active"])
    )
    with ThreadPoolExecutor(1) as thread:
        with held_journal_head(ledger_database, stock.tenant_id) as held:
            added = lines[0].ask(adding(stock.new_request_id(), position_id, 5))
            held.wait_for_waiters(1)
            updated = thread.submit(_reason, lines[1], "UpdateLocation", update)
            held.wait_for_waiters(2)
        assert account.note(added.answer()).accepted
        assert updated.result() == ""
    late = lines[0].ask(adding(stock.new_request_id(), position_id, 5)).answer()
    assert account.note(late).reason == "LOCATION_INACTIVE"


def test_an_item_keeps_its_scale_because_of_the_first_stock_that_is_on_its_way(
    ledger_database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], account: Account
) -> None:
    (position_id,) = stock.positions(scale=2)
    rounded = pb.Item(item_id=1, version=2, tracking=pb.TRACKING_NONE, quantity_scale=0)
    with ThreadPoolExecutor(1) as thread:
        with held_journal_head(ledger_database, stock.tenant_id) as held:
            added = lines[0].ask(adding(stock.new_request_id(), position_id, "0.25"))
            held.wait_for_waiters(1)
            registered = thread.submit(_reason, lines[1], "RegisterItem", pb.RegisterItemRequest(item=rounded))
            held.wait_for_waiters(2)
        assert account.note(added.answer()).accepted
        assert registered.result() == "ITEM_HAS_STOCK"


def _put(line: Line, account: Account, request: Request) -> Answer:
    answer = account.note(line.ask(request).answer())
    assert answer.accepted
    return answer


def _race(
    database: LedgerDatabase, stock: Stock, lines: tuple[Line, Line], method: str, requests: list[Any]
) -> list[str]:
    """Call the method at both ledgers at once; what they refuse it with, none for success, sorted."""
    with ThreadPoolExecutor(len(lines)) as threads:
        with held_journal_head(database, stock.tenant_id) as held:
            calls = [
                threads.submit(_reason, line, method, request) for line, request in zip(lines, requests, strict=True)
            ]
            held.wait_for_waiters(len(lines))
        return sorted(call.result() for call in calls)


def _reason(line: Line, method: str, request: Any) -> str:
    try:
        line.call(method, request)
    except grpc.RpcError as error:
        return failure_of(error).reason
    return ""
