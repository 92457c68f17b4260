"""Judges what clients did by what the journal says: whether one ledger, doing one thing at a time, could have answered so.

The journal gives the order. It must respect real time, have what was acknowledged and nothing that wasn't asked; the oracle,
doing the same in that order, must do all of it alike; and each refusal must be the oracle's own at some moment while its
client waited. All of it takes time in proportion to the history.
"""

import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain, groupby
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from tests.harness.account import CHANGES
from tests.harness.history import Call
from tests.harness.journal import Journal, Movement, Operation
from tests.stockledger.oracle import messages
from tests.stockledger.oracle import requests as ask
from tests.stockledger.oracle.attempt import Answer, Attempt, Overlooked
from tests.stockledger.oracle.oracle import Instant, Oracle
from tests.stockledger.oracle.refusals import Refusal
from tests.stockledger.oracle.requests import Change, Name
from tests.stockledger.oracle.rules import carry_out
from tests.stockledger.oracle.state import Movement as Foretold
from tests.stockledger.oracle.state import State
from tests.stockledger.oracle.terms import Terms
from tests.torture.translating import Names, change_of

EXPIRED: Final = "expire_reservations"


def judge(calls: Sequence[Call], journal: Journal, terms: Terms, positions: Mapping[int, tuple[int, int]]) -> int:
    """Fail unless the history could have been; returns how many moments refusals were looked for at.

    `positions` are those that were open before it began: by id, the item and the location.
    """
    done = sorted(_done(calls, journal), key=lambda one: (one.by_then, one.operation.operation_id))
    check_real_time(done)
    replay = _Replay(done, terms, positions)
    return sum(replay.check_refusal(call) for call in calls if call.reason)


@dataclass(frozen=True, slots=True)
class Done:
    """What was asked and carried out."""

    call: Call
    operation: Operation
    movements: list[Movement]
    now: datetime
    """When it was carried out, by the ledger's clock; or some moment before, since when nothing expired that it touches."""
    by_then: datetime
    """When it was carried out, or some moment after, before which nobody else did anything, and nothing expired, where it was."""


def check_real_time(done: Sequence[Done]) -> None:
    """What was answered before another was asked for stands before it in the journal."""
    in_order = sorted(done, key=lambda one: one.operation.operation_id)
    ended = _Latest([one.call.ended or NEVER for one in in_order])
    for one in done:
        number = ended.last_before(one.call.begun)
        before = in_order[number - 1].operation.operation_id if number else 0
        assert before < one.operation.operation_id, (
            f"time runs backwards: operation {before} was answered before {one.operation} was asked for"
        )


class _Latest:
    """Tells which is the last of several that happened before a time."""

    def __init__(self, times: Sequence[int]) -> None:
        ordered = sorted((time, number) for number, time in enumerate(times, start=1))
        self._times = [time for time, _ in ordered]
        self._numbers = list(accumulate((number for _, number in ordered), max, initial=0))

    def __len__(self) -> int:
        return len(self._times)

    def last_before(self, time: int) -> int:
        """Its number, from 1; 0 if there is none."""
        return self._numbers[bisect_left(self._times, time)]


def _done(calls: Sequence[Call], journal: Journal) -> Iterator[Done]:
    asked = {UUID(call.request.request_id): call for call in calls}
    movements = journal.movements_of()
    expiries = _Expiries(journal, movements)
    last: dict[int, datetime] = {}
    for _, together in groupby(journal.operations, attrgetter("transaction")):
        batch = list(together)
        lines = {operation.operation_id: movements.get(operation.operation_id, []) for operation in batch}
        unasked = [one for one in batch if one.kind in CHANGES and one.request_id not in asked]
        assert not unasked, f"something was done that nobody asked for: {unasked}"
        ours = [one for one in batch if one.kind in CHANGES]
        told = [one.effective_time for one in ours if not _says_when(asked[one.request_id].request)]
        # Whatever time it was counted at: what is found came when that was decided.
        found = [line.stocked_item_id for line in chain(*lines.values()) if line.kind == "counted_in"]
        told += [journal.stocked_items[one].receive_time for one in found if one]
        now = told[0] if told else _earliest(ours, asked, lines, last)
        last |= {line.position_id: now for one in batch for line in lines[one.operation_id]}
        for one in ours:
            moved = lines[one.operation_id]
            by_then = now if told else max(now, min(one.record_time, expiries.before_those_after(one, moved)))
            yield Done(asked[one.request_id], one, moved, now, by_then)


class _Expiries:
    """Tells when nothing had expired yet of what was recorded as expired only after an operation.

    Whatever is carried out at a position first records what has expired there.
    """

    def __init__(self, journal: Journal, movements: Mapping[int, list[Movement]]) -> None:
        recorded: defaultdict[int, list[tuple[int, datetime]]] = defaultdict(list)
        for operation in journal.operations:
            if operation.kind == EXPIRED:
                for line in movements.get(operation.operation_id, []):
                    recorded[line.position_id].append((operation.operation_id, line.effective_time))
        self._operation_ids = {at: [one for one, _ in those] for at, those in recorded.items()}
        self._soonest_from = {
            at: list(accumulate((expiry for _, expiry in reversed(those)), min))[::-1] for at, those in recorded.items()
        }

    def before_those_after(self, operation: Operation, moved: Sequence[Movement]) -> datetime:
        """The last moment before any of those that come after it, at the positions where it moved something."""
        soonest = AFTER_ALL
        for position_id in {line.position_id for line in moved} & self._operation_ids.keys():
            number = bisect_right(self._operation_ids[position_id], operation.operation_id)
            soonest = min([soonest, *self._soonest_from[position_id][number : number + 1]])
        return soonest - A_MOMENT


def _earliest(
    batch: Sequence[Operation],
    asked: Mapping[UUID, Call],
    lines: Mapping[int, list[Movement]],
    last: Mapping[int, datetime],
) -> datetime:
    """Of a batch that doesn't tell when it was carried out it is known when it was not carried out yet."""
    touched = [line for some in lines.values() for line in some]
    return max(
        [
            BEFORE_ALL,
            *(wall_time(asked[one.request_id].begun) for one in batch),
            *(last.get(line.position_id, BEFORE_ALL) for line in touched),
            *(line.effective_time for line in touched if line.kind == "released"),
        ]
    )


def _says_when(request: Any) -> bool:
    """Whether it takes effect at a time that its client named."""
    return any(
        name in request.DESCRIPTOR.fields_by_name and request.HasField(name) for name in ("receive_time", "count_time")
    )


class _Oracle(Oracle):
    """Knows what was by each position: what two ledgers do apart is recorded in another order than it is decided."""

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self.asked_about: Name | None = None
        """The position that was counted."""
        self._before = self.state
        self._after: defaultdict[Name, list[tuple[datetime, State]]] = defaultdict(list)

    def begin(self) -> None:
        """All positions are open by now."""
        self._before = self.state

    def past(self, time: datetime) -> State:
        """What was recorded there at that time or before."""
        there = self._after.get(self.asked_about or "", [])
        number = bisect_right(there, time, key=lambda one: one[0])
        return there[number - 1][1] if number else self._before

    def follow(self, answer: Answer, recorded: datetime) -> None:
        """The last change did that."""
        for position in {one.position.name for one in answer.movements}:
            self._after[position].append((recorded, self.state))


class _Replay:
    """The oracle does what the ledgers did, in their order, and remembers every state in between."""

    def __init__(self, done: Sequence[Done], terms: Terms, positions: Mapping[int, tuple[int, int]]) -> None:
        self._ended = _Latest([one.call.ended or NEVER for one in done])
        # Backwards in both, so that the first one later is the last one before.
        self._begun = _Latest([-one.call.begun for one in reversed(done)])
        self._oracle = _Oracle(terms)
        self._names = Names()
        for position_id, (item_id, location_id) in positions.items():
            location = self._names.learn_location(location_id)
            self._names.learn_position(self._oracle.open_position(item_id, location).name, position_id)
        self._states: list[tuple[datetime, State]] = [(BEFORE_ALL, self._oracle.state)]
        self._oracle.begin()
        for one in done:
            self._repeat(one)

    def _repeat(self, done: Done) -> None:
        """It must come to the same."""
        change = self._change_of(done.call)
        try:
            answer = self._oracle.apply(change, Instant(done.now, done.operation.record_time))
        except Refusal as refusal:
            raise AssertionError(f"what was done had to be refused: {done.operation}, by {refusal}") from refusal
        for foretold, movement in zip(answer.movements, done.movements, strict=False):
            if foretold.layer and movement.stocked_item_id and foretold.layer not in self._names.ids.layers:
                self._names.learn_layer(foretold.layer, movement.stocked_item_id)
            if foretold.kind == "received":
                self._names.ids.receipts[foretold.layer] = movement.movement_id
        expected = [self._as_recorded(one) for one in answer.movements]
        recorded = [_as_foretold(one) for one in done.movements]
        assert expected == recorded, (
            f"it had to come to something else: {change}, at {done.now}, to\n{expected}\nand not to\n{recorded}"
        )
        self._check_response(done.call, change, answer)
        self._oracle.follow(answer, done.operation.record_time)
        self._states.append((self._oracle.now, self._oracle.state))

    def check_refusal(self, call: Call) -> int:
        """At some moment while its client waited it had to be refused just so. Returns after how many it was found."""
        change = self._change_of(call)
        told = (call.reason, call.metadata, call.bad_fields)
        moments = 0
        for state, now in self._moments(call):
            moments += 1
            if self._refuses(change, state, now, told):
                return moments
        raise AssertionError(f"a refusal was wrong at any moment: {change} by {told}, at {moments} of them")

    def _change_of(self, call: Call) -> Change:
        change = change_of(call.request, self._names)
        if isinstance(change.request, ask.CountStock) and change.request.where:
            where = change.request.where
            self._oracle.asked_about = where if isinstance(where, str) else f"{where.item}@{where.location}"
        return change

    def _moments(self, call: Call) -> Iterator[tuple[State, datetime]]:
        begun, ended = wall_time(call.last_begun), wall_time(call.ended or 0)
        # What had been answered before is done; what was asked for later is not.
        first = self._ended.last_before(call.last_begun)
        last = len(self._begun) - self._begun.last_before(-(call.ended or 0))
        for at, state in self._states[first : last + 1]:
            now = max(begun, at)
            yield state, now
            yield from ((state, expiry) for expiry in sorted(state.expiries.values()) if now < expiry <= ended)

    def _refuses(self, change: Change, state: State, now: datetime, told: tuple[Any, ...]) -> bool:
        """Of several reasons any may be told: those that the oracle finds first are overlooked."""
        overlooked: Overlooked = frozenset()
        while True:
            attempt = Attempt(
                change.name,
                terms=self._oracle.terms,
                state=state,
                past=self._oracle.past,
                now=now,
                overlooked=overlooked,
            )
            attempt.settled()
            try:
                carry_out(attempt, change.request)
            except Refusal as refusal:
                said = messages.refused(refusal, self._names.ids)
                if (said.reason, dict(said.metadata), said.fields) == told:
                    return True
                if refusal.key in overlooked:
                    return False
                overlooked |= {refusal.key}
            else:
                return False

    def _check_response(self, call: Call, change: Change, answer: Answer) -> None:
        """What the response says beside its movements, which are those of the journal."""
        if call.response is None or isinstance(change.request, ask.UpdateStockedItem):
            return
        fields = call.response.DESCRIPTOR.fields_by_name
        lines = [call.response.movement] if "movement" in fields else getattr(call.response, "movements", ())
        expected = messages.response(change.request, answer, lines)
        assert expected == call.response, (
            f"an answer says something else: {change} had to be answered\n{expected}\nand was\n{call.response}"
        )

    def _as_recorded(self, one: Foretold) -> dict[str, object]:
        ids = self._names.ids
        return {
            "kind": one.kind,
            "stocked_item_id": ids.layers[one.layer] if one.layer else None,
            "position_id": ids.positions[one.position.name],
            "quantity": one.quantity,
            "amount": one.amount,
            "reference": one.reference,
            "demand": one.demand,
            "order_line": one.order_line,
            "reversed_movement_id": ids.receipts.get(one.reverses) if one.reverses else None,
            "effective_time": one.effective_time,
            "places": [getattr(one.places_after, name) for name in PLACES] if one.places_after else None,
            "totals": [getattr(one.totals_after, name) for name in TOTALS],
        }


def _as_foretold(one: Movement) -> dict[str, object]:
    return {
        "kind": one.kind,
        "stocked_item_id": one.stocked_item_id,
        "position_id": one.position_id,
        "quantity": one.quantity,
        "amount": one.amount,
        "reference": one.reference,
        "demand": one.demand,
        "order_line": one.order_line,
        "reversed_movement_id": one.reversed_movement_id,
        "effective_time": one.effective_time,
        "places": [one.places_after[name] for name in PLACES] if one.stocked_item_id else None,
        "totals": [one.totals_after[name] for name in TOTALS],
    }


def wall_time(monotonic_ns: int) -> datetime:
    """What this machine's clocks showed then; the database's is one of them."""
    return EPOCH + timedelta(microseconds=(monotonic_ns + _OFFSET_NS) // 1000)


BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)
AFTER_ALL: Final = datetime.max.replace(tzinfo=UTC)
A_MOMENT: Final = timedelta(microseconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NEVER: Final = 2**63
PLACES: Final = ("received", "available", "reserved", "picked", "delivered", "transferred", "removed")
TOTALS: Final = ("available", "reserved", "picked", "on_order")
_OFFSET_NS: Final = time.time_ns() - time.monotonic_ns()
