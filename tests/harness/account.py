"""What clients were told, held against what the ledger has stored.

Whatever was killed meanwhile: each acknowledged request has exactly the movements that its client was told, what was
refused left nothing, and nothing else happened.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.clients import Failure
from tests.harness.asking import Answer
from tests.harness.journal import PLACES, TOTALS, Journal, Movement
from tests.harness.stock import number

KINDS = {pb.MOVEMENT_KIND_ADDED: "added", pb.MOVEMENT_KIND_REMOVED: "removed"}
CHANGES = ("add_stock", "remove_stock", "close_position")


class Account:
    """The answers that clients got. They may write to it from many threads."""

    def __init__(self) -> None:
        self._answers: list[Answer] = []

    def __len__(self) -> int:
        return len(self._answers)

    def note(self, answer: Answer) -> Answer:
        """Remember an answer, before the client goes on."""
        assert answer.known, f"not an answer: {answer.failure}"
        if not answer.request.validate_only:
            self._answers.append(answer)
        return answer

    def accepted(self) -> list[Answer]:
        """Those that were carried out, first answers and repeated ones."""
        return [answer for answer in self._answers if answer.accepted]

    def reasons(self) -> Counter[str]:
        """How often something was refused, by reason."""
        return Counter(answer.reason for answer in self._answers if not answer.accepted)

    def refused_except(self, reasons: Collection[str]) -> list[Failure]:
        """What was refused for another reason than these."""
        failures = [answer.failure for answer in self._answers if answer.failure is not None]
        return [failure for failure in failures if failure.reason not in reasons]

    def oldest_first(self) -> set[str]:
        """The requests that removed from a position, without naming a stocked item."""
        return {answer.request.request_id for answer in self.accepted() if _is_oldest_first(answer)}

    def check(self, journal: Journal) -> None:
        """Fail unless the journal has what clients were told, and nothing else."""
        told = self._told()
        stored = _stored(journal)
        lost = told.keys() - stored.keys()
        assert not lost, f"{len(lost)} acknowledged requests are lost: {sorted(lost)[:3]}"
        unheard = stored.keys() - told.keys()
        assert not unheard, f"{len(unheard)} operations are recorded that were never accepted: {sorted(unheard)[:3]}"
        for request_id, lines in told.items():
            assert lines == stored[request_id], f"{request_id} was told {lines}, and recorded are {stored[request_id]}"

    def _told(self) -> dict[UUID, list[object]]:
        told: dict[UUID, list[object]] = {}
        for answer in self.accepted():
            request_id, lines = UUID(answer.request.request_id), [_as_told(line) for line in answer.movements]
            assert told.setdefault(request_id, lines) == lines, f"{request_id} was told two different things"
        return told


def first_answers(answers: Iterable[Answer]) -> list[Answer]:
    """Those that carried something out, rather than repeat what an earlier request had done."""
    return [answer for answer in answers if answer.accepted and not answer.replayed]


def _is_oldest_first(answer: Answer) -> bool:
    return isinstance(answer.request, pb.RemoveStockRequest) and answer.request.source.stocked_item_id == 0


def _stored(journal: Journal) -> dict[UUID, list[object]]:
    movements = journal.movements_of()
    return {
        operation.request_id: [_as_stored(movement) for movement in movements[operation.operation_id]]
        for operation in journal.operations
        if operation.kind in CHANGES
    }


def _as_told(movement: pb.Movement) -> object:
    return (
        movement.movement_id,
        movement.operation_id,
        movement.line,
        KINDS[movement.kind],
        movement.stocked_item_id,
        movement.position_id,
        number(movement.quantity),
        _time(movement.effective_time),
        _time(movement.record_time),
        {name: number(getattr(movement.stocked_item_after, name)) for name in ("received", *PLACES)},
        {name: number(getattr(movement.position_after, name)) for name in TOTALS},
    )


def _as_stored(movement: Movement) -> object:
    return (
        movement.movement_id,
        movement.operation_id,
        movement.line,
        movement.kind,
        movement.stocked_item_id,
        movement.position_id,
        movement.quantity,
        movement.effective_time,
        movement.record_time,
        movement.places_after,
        movement.totals_after,
    )


def _time(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)
