"""What clients were told, held against what the ledger has stored.

Whatever was killed meanwhile: each acknowledged request has exactly the movements that its client was told, what was
refused left nothing, and nothing else happened.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.clients import Failure
from tests.harness.asked_order import order_asked
from tests.harness.asking import Answer
from tests.harness.journal import PLACES, TOTALS, Journal, Movement, Operation
from tests.harness.kinds import OPERATIONS
from tests.harness.stock import number

NOT_ASKED = {"create_location", "open_position", "expire_reservations"}
"""Kinds of operations that are nobody's change of stock."""
CHANGES = OPERATIONS.keys() - NOT_ASKED
UNTOLD = {"revalued"}
"""Kinds of movements that no response has."""
TOLD_MAX = 1000
"""How many movements a response has at the most."""


class Account:
    """The answers that clients got. They may write to it from many threads."""

    def __init__(self) -> None:
        self._answers: list[Answer] = []

    def __len__(self) -> int:
        return len(self._answers)

    def note(self, answer: Answer) -> Answer:
        """Remember an answer, before the client goes on."""
        assert answer.known, f"not an answer: {answer.failure}"
        if not getattr(answer.request, "validate_only", False):
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

    def check(self, journal: Journal) -> None:
        """Fail unless the journal has what clients were told, and nothing else."""
        told = self._told()
        stored = _stored(journal)
        lost = told.keys() - stored.keys()
        assert not lost, f"{len(lost)} acknowledged requests are lost: {sorted(lost)[:3]}"
        unheard = {one.request_id for one in journal.operations if one.kind in CHANGES} - told.keys()
        assert not unheard, f"{len(unheard)} operations are recorded that were never accepted: {sorted(unheard)[:3]}"
        for request_id, lines in told.items():
            assert lines == stored[request_id], f"{request_id} was told {lines}, and recorded are {stored[request_id]}"
        self._check_orders(journal)

    def _check_orders(self, journal: Journal) -> None:
        """What was asked for is recorded; whether it was done, `check_order` tells from that."""
        recorded = {operation.request_id: operation.draws for operation in journal.operations}
        for answer in self.accepted():
            order, drawn_in = order_asked(answer.request, answer.movements), recorded[UUID(answer.request.request_id)]
            assert order == drawn_in, f"{answer.request.request_id} asks for {order!r}, and is drawn in {drawn_in!r}"

    def _told(self) -> dict[UUID, list[object]]:
        told: dict[UUID, list[object]] = {}
        for answer in self.accepted():
            request_id, lines = UUID(answer.request.request_id), [_as_told(line) for line in answer.movements]
            assert told.setdefault(request_id, lines) == lines, f"{request_id} was told two different things"
        return told


def first_answers(answers: Iterable[Answer]) -> list[Answer]:
    """Those that carried something out, rather than repeat what an earlier request had done."""
    return [answer for answer in answers if answer.accepted and not answer.replayed]


def _stored(journal: Journal) -> dict[UUID, list[object]]:
    movements = journal.movements_of()
    return {
        operation.request_id: list(_lines(operation, movements.get(operation.operation_id, [])))
        for operation in journal.operations
    }


def _lines(operation: Operation, movements: list[Movement]) -> Iterable[object]:
    told = [movement for movement in movements if movement.kind not in UNTOLD]
    return map(_as_stored, told[:TOLD_MAX] if operation.kind == "receive_stock" else told)


def _as_told(movement: pb.Movement) -> object:
    after = movement.stocked_item_after if movement.HasField("stocked_item_after") else None
    return (
        movement.movement_id,
        movement.operation_id,
        movement.line,
        pb.MovementKind.Name(movement.kind).removeprefix("MOVEMENT_KIND_").lower(),
        movement.stocked_item_id or None,
        movement.position_id,
        number(movement.quantity),
        _money(movement.amount) if movement.HasField("amount") else None,
        movement.demand,
        movement.order_line,
        movement.reversed_movement_id or None,
        _time(movement.effective_time),
        _time(movement.record_time),
        {name: number(getattr(after, name)) if after else None for name in ("received", *PLACES)},
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
        movement.amount,
        movement.demand,
        movement.order_line,
        movement.reversed_movement_id,
        movement.effective_time,
        movement.record_time,
        movement.places_after,
        movement.totals_after,
    )


def _money(message: Money) -> Decimal:
    return message.units + Decimal(message.nanos).scaleb(-9)


def _time(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)
