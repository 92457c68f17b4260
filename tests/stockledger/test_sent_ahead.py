"""Long batches, of which parts are on their way to the journal while the rest is decided. In the end nobody can tell."""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest

from storekeeper_stockledger.batch import Asked, Recorded
from storekeeper_stockledger.domain.operations import AllOrNone, Operation
from storekeeper_stockledger.domain.refusals import ChangeRefused, InsufficientStock, RequestIdReused
from storekeeper_stockledger.storage import recording
from storekeeper_stockledger.storage.recording import Recording
from tests.harness.databases import LedgerDatabase
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import Tenant, accepted, deadline, request_id, submission
from tests.stockledger.verbs import (
    adding,
    closing,
    counting,
    picking,
    removing,
    reserving,
    transferring,
)


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "PART", 3)


Seals = Callable[[], int]


@pytest.fixture
def seals(tenant: Tenant, ledger_database: LedgerDatabase) -> Seals:
    """How many parts there are in the tenant's journal."""

    def count() -> int:
        with psycopg.connect(ledger_database.owner_url) as connection:
            found = connection.execute(
                "SELECT count(chain_hash) FROM operation WHERE tenant_id = %s", [tenant.tenant_id]
            )
            return int(found.fetchall()[0][0])

    return count


def recorded(tenant: Tenant, *operations: Operation) -> Sequence[int]:
    """Carry these out in one batch, and return the ids of their operations."""
    outcomes = accepted(tenant.ask(*operations))
    movements = [movement for one in outcomes for movement in one.movements]
    assert movements == tenant.movements()[-len(movements) :], "what is told is what is recorded"
    assert len({movement.record_time for movement in movements}) == 1, "one batch has one time"
    return [one.movements[0].operation_id for one in outcomes if one.movements]


@pytest.mark.parametrize(("count", "parts"), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2), (7, 3), (10, 4)])
def test_numbers_go_on_from_part_to_part(tenant: Tenant, seals: Seals, count: int, parts: int) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [4, 4, 4])
    before = seals()
    ids = recorded(tenant, *[removing(position_id)] * count)
    assert ids == list(range(ids[0], ids[0] + count))
    assert seals() - before == parts
    assert sum(tenant.layers(position_id)) == 12 - count


def test_refusals_drop_only_themselves(tenant: Tenant) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [7])
    outcomes = tenant.ask(*[removing(position_id), removing(position_id, 7)] * 7)
    accepted(outcomes[::2])
    assert {type(one) for one in outcomes[1::2]} == {InsufficientStock}


def test_what_belongs_together_is_refused_together(tenant: Tenant) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [12])
    ones = [submission(removing(position_id)) for _ in range(8)]
    too_many = AllOrNone((submission(removing(position_id)), submission(removing(position_id, 12))))
    asked: list[Asked] = [*ones[:4], too_many, *ones[4:]]
    outcomes = tenant.ledger.apply(tenant.tenant_id, asked, deadline())
    assert isinstance(outcomes.pop(4), ChangeRefused)
    accepted(one for one in outcomes if not isinstance(one, tuple))
    assert tenant.layers(position_id) == [4]


def test_what_was_asked_before_is_told_as_it_was(tenant: Tenant) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [20])
    once, now = submission(removing(position_id)), submission(removing(position_id))
    (first,) = accepted(tenant.apply(once))
    others = [submission(removing(position_id)) for _ in range(4)]
    preview = submission(removing(position_id), validate_only=True)
    outcomes = accepted(tenant.apply(now, *others, preview, once, now, *others))
    assert [one.replayed for one in outcomes] == [False] * 6 + [True] * 6
    assert outcomes[6].movements == first.movements
    assert [one.movements for one in outcomes[7:]] == [one.movements for one in outcomes[:5]]
    assert tenant.layers(position_id) == [14]


def test_what_needs_more_than_is_loaded_waits_for_another_batch(tenant: Tenant) -> None:
    position_id, _ = tenant.positions(2)
    tenant.stock(position_id, [1] * 900)
    outcomes = accepted(tenant.ask(*[removing(position_id, 60)] * 8))
    assert len({one.movements[0].record_time for one in outcomes}) > 1
    assert sum(tenant.layers(position_id)) == 900 - 480


def test_a_request_id_that_another_process_has_used_meanwhile(
    tenant: Tenant, another_process: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tenant.positions(2)
    tenant.stock(here, [10])
    tenant.stock(there, [10])
    under = request_id()
    go_ahead = Recording.go_ahead
    rivals = [submission(removing(there), under=under)]

    def beside_a_rival(*args: Any) -> None:
        if rivals:
            accepted(another_process.apply(rivals.pop()))
        go_ahead(*args)

    monkeypatch.setattr(Recording, "go_ahead", beside_a_rival)
    first, *others = tenant.apply(
        submission(removing(here), under=under), *[submission(removing(here)) for _ in range(6)]
    )
    assert isinstance(first, RequestIdReused)
    assert all(isinstance(one, Recorded) for one in others)
    assert (tenant.layers(here), tenant.layers(there)) == ([4], [9])


def test_what_only_the_end_can_write_finds_what_was_sent_ahead(tenant: Tenant) -> None:
    here, other, emptied = tenant.positions(3)
    elsewhere = tenant.location("Elsewhere")
    for position_id in (here, other, emptied):
        tenant.stock(position_id, [20])
    recorded(
        tenant,
        *[removing(here)] * 4,
        transferring(here, elsewhere, 2),
        *[removing(here)] * 4,
        reserving(other, 3),
        picking(other),
        counting(here, 9),
        adding(other, 5),
        *[removing(other)] * 4,
        removing(emptied, 20),
        closing(emptied),
    )
    assert tenant.layers(here) == [9]
    assert sum(tenant.layers(other)) == 18


def test_lost_in_between_it_is_applied_again_from_the_start(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [10])
    finish = Recording.finish
    losses = [psycopg.OperationalError("the connection is lost")]

    def lost(*args: Any) -> Any:
        if losses:
            raise losses.pop()
        return finish(*args)

    monkeypatch.setattr(Recording, "finish", lost)
    recorded(tenant, *[removing(position_id)] * 7)
    assert not losses
    assert tenant.layers(position_id) == [3]


def test_a_defect_in_between_leaves_nothing(tenant: Tenant, monkeypatch: pytest.MonkeyPatch, dump: Dump) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [10])

    def broken(*_: Any) -> Any:
        raise RuntimeError("failed on purpose")

    monkeypatch.setattr(Recording, "finish", broken)
    before = dump()
    outcomes = tenant.ask(*[removing(position_id)] * 7)
    assert {type(one) for one in outcomes} == {RuntimeError}
    assert dump() == before
