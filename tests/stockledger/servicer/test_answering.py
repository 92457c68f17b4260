"""What a worker makes of a batch of calls, over a ledger that only does what the test tells it to."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from structlog.testing import capture_logs

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import EVERYTHING, Caller
from storekeeper_kit.coalescer import Postponed
from storekeeper_kit.refusals import Unavailable
from storekeeper_stockledger.batch import Outcome, Recorded
from storekeeper_stockledger.domain.operations import AllOrNone, Submission
from storekeeper_stockledger.domain.refusals import ChangeRefused, StockedItemNotFound
from storekeeper_stockledger.servicer import bulk, calls
from storekeeper_stockledger.servicer.answering import Answering
from storekeeper_stockledger.servicer.calls import Call, Refused, Told
from tests.harness.garbage import no_frames_left
from tests.harness.stock import removing

DONE = Recorded((), datetime(2026, 1, 1, tzinfo=UTC))
TENANT = 7
CALLER = Caller(TENANT, "tester", EVERYTHING)

Apply = Callable[[Sequence[Any]], list[Outcome]]


def request(number: int) -> pb.RemoveStockRequest:
    return removing(str(UUID(int=number)), 1, position_id=1)


def one(number: int) -> Call:
    return calls.call(request(number), CALLER)


def many(*numbers: int) -> Call:
    changes = [pb.StockChange(remove=request(number)) for number in numbers]
    message = pb.BatchChangeStockRequest(changes=changes)
    return calls.call(message, CALLER, changes=len(changes), bytes_max=bulk.RESULTS_BYTES_MAX)


def answered(apply: Apply, *asked: Call, seconds: float = 10) -> tuple[list[Any], list[list[int]]]:
    """The answers, and what was applied together: the numbers of the requests."""
    batches: list[list[int]] = []

    def note(_tenant_id: int, submissions: Sequence[Submission | AllOrNone], _deadline: float) -> list[Outcome]:
        batches.append([UUID(one.request_id).int for one in submissions if isinstance(one, Submission)])
        return apply(submissions)

    nothing: Any = None
    answering = Answering(apply=note, positions=nothing, stocked_items=nothing)
    return list(answering.changes(TENANT, asked, time.monotonic() + seconds)), batches


def results(told: Any) -> list[str]:
    """Whose changes an answer tells of."""
    assert isinstance(told, Told)
    return [str(UUID(one.request_id).int) for one in pb.BatchChangeStockResponse.FromString(told.response).results]


def test_a_batch_is_applied_as_one_and_answered_in_its_order() -> None:
    answers, batches = answered(lambda asked: [DONE for _ in asked], one(1), many(2, 3), one(4))
    assert batches == [[1, 2, 3, 4]]
    assert [type(answer) for answer in answers] == [Told] * 3
    assert results(answers[1]) == ["2", "3"]


def test_what_has_no_room_is_applied_next_and_nothing_overtakes_it() -> None:
    def two_at_once(asked: Sequence[Any]) -> list[Outcome]:
        return [DONE if place < 2 else Postponed() for place, _ in enumerate(asked)]

    answers, batches = answered(two_at_once, many(1, 2, 3), one(4))
    assert batches == [[1, 2, 3, 4], [3, 4]]
    assert results(answers[0]) == ["1", "2", "3"]
    assert isinstance(answers[1], Told)


def test_calls_wait_for_their_turn_while_rivals_are_in_the_way() -> None:
    answers, batches = answered(lambda asked: [Postponed() for _ in asked], one(1), many(2, 3))
    assert batches == [[1, 2, 3]]
    assert answers == [None, None]


def test_a_message_that_has_begun_goes_on_until_its_time_is_over() -> None:
    """Half of it is carried out: it can't be asked again from the start as if it were not."""
    first = iter([True])

    def one_and_no_more(asked: Sequence[Any]) -> list[Outcome]:
        time.sleep(0.01)
        return [DONE if place == 0 and next(first, False) else Postponed() for place, _ in enumerate(asked)]

    (told, waits), batches = answered(one_and_no_more, many(1, 2), one(3), seconds=0.1)
    assert isinstance(told, Refused)
    assert told.refusal.reason == "DEADLINE_PASSED"
    assert waits is None
    assert batches[:2] == [[1, 2, 3], [2, 3]]


def test_a_message_of_which_something_is_unknown_is_unknown() -> None:
    (told,), _ = answered(lambda asked: [DONE, *[Unavailable() for _ in asked[1:]]], many(1, 2))
    assert isinstance(told, Refused)
    assert told.refusal.reason == "DATABASE_UNAVAILABLE"


def test_a_refusal_is_told_in_its_place_and_a_bug_is_logged_with_its_call() -> None:
    with capture_logs() as logged:
        (refused, bug, told), _ = answered(
            lambda _: [StockedItemNotFound(5), ZeroDivisionError("by zero"), DONE], one(1), one(2), one(3)
        )
    assert refused.refusal.reason == "STOCKED_ITEM_NOT_FOUND"
    assert bug.refusal.reason == "INTERNAL_ERROR"
    assert isinstance(told, Told)
    (line,) = [line for line in logged if line["event"] == "call_failed"]
    assert line["error_id"] == bug.refusal.metadata["errorId"]


def test_a_request_with_bad_fields_is_not_applied() -> None:
    bad = calls.call(pb.RemoveStockRequest(), CALLER)
    (refused, told), batches = answered(lambda asked: [DONE for _ in asked], bad, one(2))
    assert refused.refusal.reason == "INVALID_REQUEST"
    assert isinstance(told, Told)
    assert batches == [[2]]


def test_refusals_leave_no_request_to_the_collector() -> None:
    together = pb.BatchChangeStockRequest(changes=[pb.StockChange(remove=request(2))], all_or_none=True)
    with no_frames_left():
        told, _ = answered(
            lambda _: [StockedItemNotFound(5), ChangeRefused(0, StockedItemNotFound(5)), Unavailable()],
            one(1),
            calls.call(together, CALLER),
            many(3),
        )
    assert [refused.refusal.reason for refused in told] == [
        "STOCKED_ITEM_NOT_FOUND",
        "STOCKED_ITEM_NOT_FOUND",
        "DATABASE_UNAVAILABLE",
    ]


def test_what_is_not_found_leaves_no_request_to_the_collector() -> None:
    nothing: Any = None
    answering = Answering(apply=nothing, positions=nothing, stocked_items=lambda *_: [StockedItemNotFound(5)])
    with no_frames_left():
        (told,) = answering.stocked_items(TENANT, [calls.call(pb.GetStockedItemRequest(stocked_item_id=5), CALLER)], 0)
    assert isinstance(told, Refused)


def test_bad_fields_of_many_leave_no_request_to_the_collector() -> None:
    changes = [pb.StockChange(remove=pb.RemoveStockRequest(reason="x" * 1000)), pb.StockChange()]
    bad = calls.call(pb.BatchChangeStockRequest(changes=changes), CALLER, changes=2, bytes_max=bulk.RESULTS_BYTES_MAX)
    with no_frames_left():
        (told,), _ = answered(lambda _: [], bad)
    assert [one.refusal.code for one in pb.BatchChangeStockResponse.FromString(told.response).results] == [3, 3]
