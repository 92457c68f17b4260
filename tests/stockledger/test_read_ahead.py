"""Lines that were read before the locks: whatever has happened until the locks were there, nobody can tell."""

import random
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from storekeeper_kit.database import Database
from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain.operations import ClosePosition, ItemAtLocation, Operation, StockOrder
from storekeeper_stockledger.domain.refusals import InsufficientStock, PositionNotFound
from storekeeper_stockledger.storage import ahead, loading
from storekeeper_stockledger.storage.selecting import Bounds
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.stockledger.programs import FRESH, OLDEST, programs, told
from tests.stockledger.tenant import Tenant, accepted, drawn, submission
from tests.stockledger.verbs import adding, closing, removing, transferring, updating

SEED = random.randrange(1_000_000)

Meanwhile = Callable[[Callable[[], object]], None]


@pytest.fixture(autouse=True)
def _of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MANY", 1)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Iterator[Meanwhile]:
    """Takes what happens between the next reading ahead and the locks."""
    waiting: list[Callable[[], object]] = []

    def read_and_wait(*args: Any) -> Any:
        read = ahead.read_ahead(*args)
        if waiting:
            waiting.pop()()
        return read

    monkeypatch.setattr(loading, "read_ahead", read_and_wait)
    yield waiting.append
    assert not waiting, "it has happened"


def test_what_is_gone_meanwhile_is_not_taken_again(
    tenant: Tenant, another_process: Tenant, meanwhile: Meanwhile
) -> None:
    (position_id,) = tenant.positions()
    _, newer = tenant.stock(position_id, [3, 3])
    meanwhile(lambda: another_process.carry_out(removing(position_id, 3)))
    enough, too_many = tenant.ask(removing(position_id, 2), removing(position_id, 2))
    assert drawn(*accepted([enough])) == [(newer, 2)]
    assert isinstance(too_many, InsufficientStock)


def test_older_units_that_come_meanwhile_go_first(
    tenant: Tenant, another_process: Tenant, meanwhile: Meanwhile
) -> None:
    (position_id,) = tenant.positions()
    (there,) = tenant.stock(position_id, [3])
    came: list[int] = []
    meanwhile(lambda: came.extend(another_process.bring(adding(position_id, 1, receive_time=OLDEST))))
    (outcome,) = tenant.ask(removing(position_id, 2))
    assert drawn(*accepted([outcome])) == [(came[0], 1), (there, 1)]


def test_what_expires_earlier_since_then_goes_first(
    tenant: Tenant, another_process: Tenant, meanwhile: Meanwhile
) -> None:
    (position_id,) = tenant.positions()
    _, newer = tenant.stock(position_id, [3, 3])
    meanwhile(lambda: another_process.carry_out(updating(newer, expire_time=FRESH)))
    (outcome,) = tenant.ask(removing(position_id, 2, order=StockOrder.FIRST_EXPIRED_FIRST))
    assert drawn(*accepted([outcome])) == [(newer, 2)]


def test_a_position_that_is_another_one_by_then(tenant: Tenant, another_process: Tenant, meanwhile: Meanwhile) -> None:
    item, location = tenant.item().item_id, tenant.location()
    closed = tenant.position(item, location)
    pair = ItemAtLocation(item, location)
    tenant.stock(closed, [3])

    def replace() -> None:
        another_process.carry_out(closing(closed))
        opened = another_process.position(item, location)
        another_process.carry_out(adding(opened, 5))

    meanwhile(replace)
    named, by_id = tenant.ask(removing(pair, 4), removing(closed, 1))
    assert [quantity for _, quantity in drawn(*accepted([named]))] == [4]
    assert isinstance(by_id, PositionNotFound)


def test_a_position_that_is_closed_by_then(tenant: Tenant, another_process: Tenant, meanwhile: Meanwhile) -> None:
    pair = ItemAtLocation(tenant.item().item_id, tenant.location())
    closed = tenant.position(*pair)
    tenant.stock(closed, [3])
    meanwhile(lambda: another_process.carry_out(closing(closed)))
    assert [type(one) for one in tenant.ask(removing(pair, 1), removing(closed, 1))] == [PositionNotFound] * 2


def test_a_position_that_is_another_one_by_then_beside_a_transfer_to_it(
    tenant: Tenant, another_process: Tenant, meanwhile: Meanwhile
) -> None:
    item, here, there = tenant.item().item_id, tenant.location("Here"), tenant.location("There")
    source, closed = tenant.position(item, here), tenant.position(item, there)
    pair = ItemAtLocation(item, there)
    tenant.stock(source, [9])
    tenant.stock(closed, [3])

    def replace() -> None:
        another_process.carry_out(closing(closed))
        another_process.carry_out(adding(another_process.position(item, there), 5))

    meanwhile(replace)
    *moved, too_many, by_id = tenant.ask(
        transferring(source, there, 2), removing(pair, 6), removing(pair, 2), removing(closed)
    )
    accepted(moved)
    assert isinstance(too_many, InsufficientStock)
    assert isinstance(by_id, PositionNotFound)


@pytest.mark.parametrize("moved_max", [1, 2, 3])
def test_after_many_movements_all_is_read_again(
    tenant: Tenant, another_process: Tenant, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch, moved_max: int
) -> None:
    monkeypatch.setattr(loading, "MOVED_MAX", moved_max)
    monkeypatch.setattr(ahead, "MOVED_MAX", moved_max)
    here, there = tenant.positions(2)
    tenant.stock(here, [5])
    tenant.stock(there, [5])
    meanwhile(lambda: another_process.apply(*(submission(removing(one)) for one in (here, here, there))))
    outcomes = tenant.ask(removing(here, 3), removing(there, 4), removing(here), removing(there))
    assert [isinstance(one, Recorded) for one in outcomes] == [True, True, False, False]


def test_lines_that_were_cut_short_are_read_again(
    tenant: Tenant, another_process: Tenant, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "ORDINARY", Bounds(page=256, total=5))
    positions = tenant.positions(4)
    for position_id in positions:
        tenant.stock(position_id, [1, 1, 1])
    meanwhile(lambda: another_process.carry_out(removing(positions[0])))
    with capture_logs() as logs:
        accepted(tenant.ask(*(removing(position_id, 2) for position_id in positions)))
    assert "batch_taken_apart" not in {log["event"] for log in logs}
    assert [sum(tenant.layers(position_id)) for position_id in positions] == [0, 1, 1, 1]


def test_a_full_batch_takes_at_most_12_statements_even_so(
    tenant: Tenant, another_process: Tenant, meanwhile: Meanwhile, statements: list[str]
) -> None:
    here, there = tenant.positions(2)
    tenant.stock(here, [800])
    tenant.stock(there, [800])

    def remove() -> None:
        another_process.carry_out(removing(there))
        del statements[before:]

    asked = [submission(removing(chosen)) for chosen in (here, there) for _ in range(500)]
    meanwhile(remove)
    statements.clear()
    # What was sent by then is counted, what the rival sends is not.
    before = len(["BEGIN", "journal ends", "line"])
    accepted(tenant.apply(*asked))
    assert len(statements) == 12


class TestByChance:
    """A rival's operations come between: it ends as if they had come before."""

    @pytest.mark.parametrize("bounds", [loading.ORDINARY, Bounds(page=3, total=4)])
    def test_it_ends_as_if_they_had_come_before(
        self,
        database: Database,
        ledger_database: LedgerDatabase,
        meanwhile: Meanwhile,
        monkeypatch: pytest.MonkeyPatch,
        bounds: Bounds,
    ) -> None:
        monkeypatch.setattr(loading, "ORDINARY", bounds)
        chance = random.Random(SEED)
        for number in range(25):
            program = chance.randrange(1_000_000)
            here, rival, before = (Tenant(database) for _ in range(3))
            rival.tenant_id = here.tenant_id
            rivals, asked = programs(here, program)
            meanwhile(partial(self.carry_out, rival, rivals))
            between = told(here.apply(*asked))
            rivals, asked = programs(before, program)
            self.carry_out(before, rivals)
            assert between == told(before.apply(*asked)), f"seed {SEED}, number {number}"
            check_invariants(ledger_database.owner_url, here.tenant_id)

    def carry_out(self, tenant: Tenant, operations: Iterable[Operation]) -> None:
        """Carry them out, one after the other; what is closed is opened anew."""
        for operation in operations:
            (outcome,) = tenant.ask(operation)
            if isinstance(operation, ClosePosition) and isinstance(outcome, Recorded) and outcome.movements:
                [closed] = {(one.item_id, one.location_id) for one in outcome.movements}
                tenant.carry_out(adding(tenant.position(*closed), 2))
