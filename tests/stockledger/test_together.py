"""Changes that are carried out together or not at all, on a real database."""

from typing import Any, Final

import pytest

from storekeeper_kit.coalescer import Postponed
from storekeeper_kit.database import Database
from storekeeper_stockledger import batch
from storekeeper_stockledger.batch import Asked, Recorded
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.operations import AllOrNone, Operation
from storekeeper_stockledger.domain.refusals import (
    BadField,
    ChangeRefused,
    InsufficientStock,
    RequestIdReused,
    SerialNumberInStock,
)
from tests.stockledger.dump import Dump
from tests.stockledger.tenant import Tenant, accepted, deadline, drawn, submission
from tests.stockledger.verbs import (
    adding,
    expecting,
    picking,
    receiving,
    removing,
    reserving,
    taking,
    transferring,
    unreceiving,
)

MANY: Final = 1000


def refusal_of(outcome: Any) -> tuple[int, type[Exception]]:
    """Which of the changes was refused, and why."""
    assert isinstance(outcome, ChangeRefused), repr(outcome)
    return outcome.number, type(outcome.refusal)


class TestAllOfThem:
    def test_each_sees_what_the_ones_before_it_have_left(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        elsewhere = tenant.location("Elsewhere")
        outcome = tenant.apply_together(
            adding(position_id, 5), reserving(position_id, 2), removing(position_id, 1), picking(position_id),
            transferring(position_id, elsewhere, 2),
        )  # fmt: skip
        assert isinstance(outcome, tuple)
        assert [len(one.movements) for one in outcome] == [1, 1, 1, 1, 2]
        numbers = [movement.movement_id for one in outcome for movement in one.movements]
        assert numbers == list(range(1, 7))

    def test_a_thousand_are_one_batch(self, tenant: Tenant, statements: list[str]) -> None:
        positions = tenant.positions(4)
        changes: list[Operation] = []
        for number in range(MANY // 2):
            position_id = positions[number % 4]
            changes += [adding(position_id, 2), removing(position_id, 1)]
        statements.clear()
        assert isinstance(tenant.apply_together(*changes), tuple)
        assert len(statements) <= 13
        assert [sum(tenant.layers(one)) for one in positions] == [MANY // 8] * 4

    def test_they_may_draw_on_more_than_a_page_between_them(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        ids = tenant.stock(position_id, [1] * 900)
        outcome = tenant.apply_together(*[removing(position_id, 300)] * 3)
        assert isinstance(outcome, tuple)
        assert [one for recorded in outcome for one, _ in drawn(recorded)] == ids

    def test_repeats_of_all_and_of_some_are_answered_as_they_were(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        asked = AllOrNone(tuple(submission(adding(position_id, units)) for units in (1, 2, 3)))
        (first,) = tenant.ledger.apply(tenant.tenant_id, [asked], deadline())
        before = dump()
        (again,) = tenant.ledger.apply(tenant.tenant_id, [asked], deadline())
        assert isinstance(first, tuple)
        assert isinstance(again, tuple)
        assert [one.movements for one in again] == [one.movements for one in first]
        assert [one.replayed for one in (*first, *again)] == [False] * 3 + [True] * 3
        (alone,) = accepted(tenant.apply(asked.submissions[1]))
        assert alone.movements == first[1].movements
        assert dump() == before
        more = AllOrNone((asked.submissions[0], submission(adding(position_id, 4))))
        (mixed,) = tenant.ledger.apply(tenant.tenant_id, [more], deadline())
        assert isinstance(mixed, tuple)
        assert [one.replayed for one in mixed] == [True, False]


class TestNoneOfThem:
    @pytest.mark.parametrize("number", [0, 1, 4])
    def test_the_first_refusal_is_that_of_all_and_nothing_is_left(
        self, tenant: Tenant, dump: Dump, number: int
    ) -> None:
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [5])
        before = dump()
        changes: list[Operation] = [adding(position_id, 1) for _ in range(4)]
        changes.insert(number, removing(position_id, 6 + number))
        changes.append(removing(position_id, 100))
        assert refusal_of(tenant.apply_together(*changes)) == (number, InsufficientStock)
        assert dump() == before

    def test_the_others_of_the_batch_are_carried_out(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        together = AllOrNone((submission(adding(position_id, 9)), submission(removing(position_id, 100))))
        asked: list[Asked] = [submission(adding(position_id, 1)), together, submission(removing(position_id, 1))]
        first, refused, last = tenant.ledger.apply(tenant.tenant_id, asked, deadline())
        assert refusal_of(refused) == (1, InsufficientStock)
        accepted([first, last])
        assert tenant.layers(position_id) == [0]

    def test_their_request_ids_are_free_again(self, tenant: Tenant) -> None:
        (position_id,) = tenant.positions()
        addition = submission(adding(position_id, 9))
        together = AllOrNone((addition, submission(removing(position_id, 100))))
        _, recorded = tenant.ledger.apply(tenant.tenant_id, [together, addition], deadline())
        assert isinstance(recorded, Recorded)
        assert not recorded.replayed

    def test_one_whose_id_was_used_for_something_else(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions()
        used = submission(adding(position_id, 1))
        tenant.apply(used)
        before = dump()
        reused = submission(adding(position_id, 2), under=used.request_id)
        asked = AllOrNone((submission(adding(position_id, 3)), reused))
        (outcome,) = tenant.ledger.apply(tenant.tenant_id, [asked], deadline())
        assert refusal_of(outcome) == (1, RequestIdReused)
        assert dump() == before

    def test_a_serial_number_that_two_of_them_bring(self, tenant: Tenant, dump: Dump) -> None:
        (position_id,) = tenant.positions(tracking=Tracking.SERIAL)
        before = dump()
        twice = [adding(position_id, serial_number="A1")] * 2
        assert refusal_of(tenant.apply_together(*twice)) == (1, SerialNumberInStock)
        assert dump() == before

    def test_more_movements_than_they_may_make_together(
        self, tenant: Tenant, dump: Dump, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batch, "TOGETHER_MAX", 3)
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 4)
        before = dump()
        outcome = tenant.apply_together(removing(position_id, 2), removing(position_id, 2))
        assert isinstance(outcome, BadField)
        assert outcome.field == "changes"
        assert dump() == before
        assert isinstance(tenant.apply_together(removing(position_id, 2), removing(position_id, 1)), tuple)

    def test_more_movements_than_are_told_together_also_when_each_was_carried_out_by_itself(
        self, tenant: Tenant, dump: Dump, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(batch, "TOGETHER_MAX", 3)
        (position_id,) = tenant.positions()
        tenant.stock(position_id, [1] * 4)
        removals = [submission(removing(position_id, 2)) for _ in range(2)]
        first = accepted(tenant.apply(*removals))
        before = dump()
        (outcome,) = tenant.ledger.apply(tenant.tenant_id, [AllOrNone(tuple(removals))], deadline())
        assert isinstance(outcome, BadField)
        assert outcome.field == "changes"
        again = accepted(tenant.apply(*removals))
        assert [one.movements for one in again] == [one.movements for one in first]
        assert dump() == before

    def test_one_that_takes_back_what_another_brings(self, tenant: Tenant, dump: Dump) -> None:
        """What is taken back names the receipt, which has no number before it is recorded."""
        (position_id,) = tenant.positions()
        before = dump()
        outcome = tenant.apply_together(expecting(position_id), receiving(position_id), unreceiving(position_id))
        assert isinstance(outcome, BadField)
        assert outcome.field == "changes"
        assert dump() == before


def test_what_there_is_no_room_for_waits_for_another_batch(tenant: Tenant, database: Database) -> None:
    (position_id,) = tenant.positions()
    tenant.stock(position_id, [1] * 2000)
    wide = submission(removing(position_id, 999))
    together = AllOrNone(tuple(submission(removing(position_id, 500)) for _ in range(2)))
    first, second = tenant.ledger.apply(tenant.tenant_id, [wide, together], deadline())
    assert isinstance(first, Recorded)
    assert isinstance(second, Postponed)
    (second,) = tenant.ledger.apply(tenant.tenant_id, [together], deadline())
    assert isinstance(second, tuple)


def test_named_units_and_lines_are_told_apart(tenant: Tenant) -> None:
    (position_id,) = tenant.positions()
    first, second = tenant.stock(position_id, [2, 2])
    outcome = tenant.apply_together(taking(second, 2), removing(position_id, 2))
    assert isinstance(outcome, tuple)
    assert [drawn(one) for one in outcome] == [[(second, 2)], [(first, 2)]]
