"""Long batches, of which parts are on their way to the journal while the rest is decided. In the end nobody can tell."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from storekeeper_stockledger.domain.operations import Operation
from storekeeper_stockledger.domain.refusals import InsufficientStock
from storekeeper_stockledger.storage import recording
from storekeeper_stockledger.storage.recording import Recording
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import Tenant, accepted
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


def recorded(tenant: Tenant, *operations: Operation) -> Sequence[int]:
    """Carry these out in one batch, and return the ids of their operations."""
    outcomes = accepted(tenant.ask(*operations))
    movements = [movement for one in outcomes for movement in one.movements]
    assert movements == tenant.movements()[-len(movements) :], "what is told is what is recorded"
    assert len({movement.record_time for movement in movements}) == 1, "one batch has one time"
    return [one.movements[0].operation_id for one in outcomes if one.movements]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 10])
def test_numbers_go_on_from_part_to_part(tenant: Tenant, count: int) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [4, 4, 4])
    ids = recorded(tenant, *[removing(position_id)] * count)
    assert ids == list(range(ids[0], ids[0] + count))
    assert sum(tenant.layers(position_id)) == 12 - count


def test_refusals_drop_only_themselves(tenant: Tenant) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [7])
    outcomes = tenant.ask(*[removing(position_id), removing(position_id, 7)] * 7)
    accepted(outcomes[::2])
    assert {type(one) for one in outcomes[1::2]} == {InsufficientStock}


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
