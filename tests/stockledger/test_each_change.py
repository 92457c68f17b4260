"""What holds for every change of stock: repeats, previews, together or not at all, and what it costs in statements."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from storekeeper_kit.database import Database
from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain.journal import RecordedMovement
from storekeeper_stockledger.domain.refusals import ChangeRefused, InsufficientStock, RequestIdReused
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.stockledger.dump import Dump
from tests.stockledger.everything import VERBS, Everything
from tests.stockledger.tenant import Tenant, accepted, submission
from tests.stockledger.verbs import removing

STATEMENTS_MAX = 12
EVER = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def everything(database: Database, ledger_database: LedgerDatabase) -> Iterator[Everything]:
    """One tenant for all tests: there is plenty of everything."""
    everything = Everything(Tenant(database))
    yield everything
    check_invariants(ledger_database.owner_url, everything.tenant.tenant_id)


def test_every_kind_of_change_is_asked_for(everything: Everything) -> None:
    assert sorted(everything._asking()) == VERBS


@pytest.mark.parametrize("verb", VERBS)
class TestEachChange:
    def test_is_previewed_carried_out_once_and_known_for_ever(
        self, everything: Everything, dump: Dump, verb: str
    ) -> None:
        asked = submission(everything.ask(verb))
        before = dump()
        (previewed,) = accepted(everything.tenant.apply(replace(asked, validate_only=True)))
        assert dump() == before
        (first,) = accepted(everything.tenant.apply(asked))
        after = dump()
        (again,) = accepted(everything.tenant.apply(asked))
        assert [one.replayed for one in (previewed, first, again)] == [False, False, True]
        assert again == replace(first, replayed=True)
        assert dump() == after
        assert told(previewed) == told(first)

    def test_is_refused_under_a_request_id_that_was_used_for_something_else(
        self, everything: Everything, dump: Dump, verb: str
    ) -> None:
        asked = submission(everything.ask(verb))
        accepted(everything.tenant.apply(asked))
        before = dump()
        others = [replace(asked.operation, reason="another"), removing(everything.goods, 7)]
        outcomes = everything.tenant.apply(*(submission(other, under=asked.request_id) for other in others))
        assert [type(outcome) for outcome in outcomes] == [RequestIdReused] * 2
        assert dump() == before

    def test_happens_together_with_others_or_not_at_all(self, everything: Everything, dump: Dump, verb: str) -> None:
        before = dump()
        asked = [everything.ask(verb), everything.ask("remove_stock"), removing(everything.goods, 10**9)]
        refused = everything.tenant.apply_together(*asked)
        assert isinstance(refused, ChangeRefused)
        assert (refused.number, type(refused.refusal)) == (2, InsufficientStock)
        assert dump() == before
        carried_out = everything.tenant.apply_together(*asked[:2])
        assert isinstance(carried_out, tuple)
        assert [type(one) for one in carried_out] == [Recorded] * 2

    def test_takes_a_handful_of_statements_however_many_there_are(
        self, everything: Everything, statements: list[str], verb: str
    ) -> None:
        counts = []
        for lines in (2, 4 if verb == "close_position" else 60):
            asked = [submission(everything.ask(verb)) for _ in range(lines)]
            statements.clear()
            accepted(everything.tenant.apply(*asked))
            counts.append(len(statements))
        assert counts[0] == counts[1] <= STATEMENTS_MAX


def told(recorded: Recorded) -> list[RecordedMovement]:
    """What a preview tells as it is then recorded: all but the ids of what is new, and times."""
    known: dict[str, Any] = {
        "movement_id": 0,
        "operation_id": 0,
        "stocked_item_id": 0,
        "position_id": 0,
        "record_time": None,
    }
    return [replace(one, effective_time=EVER, **known) for one in recorded.movements]
