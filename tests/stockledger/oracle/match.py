"""One program, given to a ledger and to the oracle: whatever the two say differently is a mistake of one of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial, singledispatchmethod
from typing import Any, TypeVar
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc import status_pb2

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.stockledger.oracle import messages
from tests.stockledger.oracle import requests as ask
from tests.stockledger.oracle.attempt import Answer, Overlooked
from tests.stockledger.oracle.backends import Backend, Told
from tests.stockledger.oracle.chance import ITEMS, LOCATIONS, OPENED
from tests.stockledger.oracle.looking import Looking
from tests.stockledger.oracle.messages import Ids, Mismatch, Refused, datetime_of, same
from tests.stockledger.oracle.oracle import BEFORE_ALL, Instant, Oracle
from tests.stockledger.oracle.program import Activate, Archive, Batch, Call, Look, Open, Preview, Round, Settle, shown
from tests.stockledger.oracle.refusals import Refusal
from tests.stockledger.oracle.requests import Change, Name
from tests.stockledger.oracle.terms import Item, Terms

T = TypeVar("T")
Seen = Counter[tuple[str, str]]
"""How often each kind of change came to what: a reason, `done`, `replayed` or `previewed`."""


class Match:
    """A tenant that has nothing yet, on both sides."""

    def __init__(self, backend: Backend, seen: Seen) -> None:
        self.oracle = Oracle(Terms(items=dict(ITEMS), active=dict.fromkeys(LOCATIONS, True)))
        self.steps = 0
        self.effective: set[Name] = set()
        """Changes that were carried out."""
        self._backend = backend
        self._seen = seen
        self._ids = Ids(salt=str(uuid4()))
        self._looking = Looking(self.oracle, self._ids, backend)
        self._versions = Counter[int]()
        self._last = pb.Movement()
        """Of those that were told."""
        self._begin()

    def _begin(self) -> None:
        for item_id, item in ITEMS.items():
            self._register(item_id, item)
        for name in LOCATIONS:
            location = pb.Location(name=name)
            created = self._done("CreateLocation", pb.CreateLocationRequest(request_id=_new_id(), location=location))
            self._ids.locations[name] = created.location_id
        for at in OPENED:
            self.play(Open(at.item, at.location))

    @singledispatchmethod
    def play(self, one: Round) -> None:
        """Play a round; fails if the two differ."""
        raise NotImplementedError(one)

    # --- changes of stock ---

    @play.register
    def _(self, one: Call) -> None:
        change, floor = self._resolved(one.change), _clock()
        told = self._backend.ask(_method(change), messages.request(change, self._ids))
        if told.status:
            self._refused([change], told.status, partial(self.oracle.apply, change, Instant(floor)))
            return
        lines = self._lines(change, told)
        answer = self._accepted([change], lambda: self.oracle.apply(change, self._instant(change, lines, floor, told)))
        expected = self._followed(change, answer, lines, replayed=told.replayed)
        if isinstance(change.request, ask.UpdateStockedItem):
            self._looking.compare_stocked_item(change.request.stocked_item, told.answer)
        else:
            same(messages.response(change.request, answer, expected), told.answer, shown(change))

    def _lines(self, change: Change, told: Told) -> list[pb.Movement]:
        """The movements of a call, one kind of which tells them only to those who ask."""
        if isinstance(change.request, ask.UpdateStockedItem):
            request = pb.ListMovementsRequest(request_id=self._ids.request(change.name))
            return list(self._done("ListMovements", request).movements)
        return _movements(told)

    @play.register
    def _(self, one: Preview) -> None:
        change, floor = self._resolved(one.change), _clock()
        told = self._backend.ask(_method(change), messages.request(change, self._ids, validate_only=True))
        if told.status:
            self._refused([change], told.status, partial(self.oracle.preview, change, floor))
            return
        lines = _movements(told)
        now = self._instant(change, lines, floor, told).now
        answer = self._accepted([change], lambda: self.oracle.preview(change, now))
        expected = self._expected(change, answer, lines, preview=True)
        same(
            messages.response(change.request, answer, expected, preview=True),
            told.answer,
            f"preview of {shown(change)}",
        )
        self._note(change, "previewed")

    @play.register
    def _(self, one: Batch) -> None:
        changes, floor = [self._resolved(change) for change in one.changes], _clock()
        asked = [messages.stock_change(change, self._ids) for change in changes]
        if one.streamed:
            for change, result in zip(changes, self._streamed(asked, one.streamed), strict=True):
                self._each_done(change, result, floor)
            return
        told = self._backend.ask(
            "BatchChangeStock", pb.BatchChangeStockRequest(changes=asked, all_or_none=one.all_or_none)
        )
        if told.status:
            assert one.all_or_none, f"a batch was refused: {messages.refusal_told(told.status)}"
            at = [Instant(floor)] * len(changes)
            self._refused(changes, told.status, partial(self.oracle.apply_all, changes, at))
            return
        results = list(told.answer.results)
        assert len(results) == len(changes), f"{len(results)} results of {len(changes)} changes"
        if one.all_or_none:
            self._all_done(changes, results, floor)
        else:
            for change, result in zip(changes, results, strict=True):
                self._each_done(change, result, floor)

    def _streamed(self, asked: Sequence[pb.StockChange], count: int) -> list[pb.StockChangeResult]:
        """What became of changes that were sent so many in a message."""
        starts = range(0, len(asked), count)
        requests = [pb.ChangeStockRequest(changes=asked[start : start + count]) for start in starts]
        responses = self._backend.stream("ChangeStock", requests)
        assert [len(one.results) for one in responses] == [len(one.changes) for one in requests]
        return [result for one in responses for result in one.results]

    def _all_done(self, changes: Sequence[Change], results: Sequence[pb.StockChangeResult], floor: datetime) -> None:
        at = [self._instant(*pair, floor) for pair in zip(changes, map(_movements_of, results), strict=True)]
        # They share a transaction, and so its time.
        now = max(one.now for one in at)
        answers = self._accepted(
            changes, lambda: self.oracle.apply_all(changes, [Instant(now, one.recorded) for one in at])
        )
        for change, answer, result in zip(changes, answers, results, strict=True):
            self._compare(change, answer, result)

    def _each_done(self, change: Change, result: pb.StockChangeResult, floor: datetime) -> None:
        if result.HasField("refusal"):
            self._refused([change], result.refusal, partial(self.oracle.apply, change, Instant(floor)))
            return
        at = self._instant(change, _movements_of(result), floor)
        self._compare(change, self._accepted([change], lambda: self.oracle.apply(change, at)), result)

    def _compare(self, change: Change, answer: Answer, result: pb.StockChangeResult) -> None:
        expected = self._followed(change, answer, _movements_of(result), replayed=result.replayed)
        request_id = self._ids.request(change.name)
        message = pb.StockChangeResult(request_id=request_id, movements=expected, replayed=answer.replayed)
        same(message, result, shown(change))

    # --- what changes of stock depend on ---

    @play.register
    def _(self, one: Settle) -> None:
        setattr(self.oracle.terms, one.setting, one.value)
        settings, mask = pb.Settings(**{one.setting: one.value}), FieldMask(paths=[one.setting])  # type: ignore[arg-type]
        self._done("UpdateSettings", pb.UpdateSettingsRequest(settings=settings, update_mask=mask))
        self.steps += 1

    @play.register
    def _(self, one: Activate) -> None:
        self.oracle.terms.active[one.location] = one.active
        location = pb.Location(location_id=self._ids.location(one.location), active=one.active)
        mask = FieldMask(paths=["active"])
        self._done("UpdateLocation", pb.UpdateLocationRequest(location=location, update_mask=mask))
        self.steps += 1

    @play.register
    def _(self, one: Archive) -> None:
        item = self.oracle.terms.items[one.item]
        archived = Item(item.tracking, item.scale, one.archived, item.standard_cost)
        self.oracle.terms.items[one.item] = archived
        self._register(one.item, archived)
        self.steps += 1

    def _register(self, item_id: int, item: Item) -> None:
        self._versions[item_id] += 1
        self._done("RegisterItem", messages.registration(item_id, item, self._versions[item_id]))

    @play.register
    def _(self, one: Open) -> None:
        terms = self.oracle.terms
        there = self.oracle.state.open_position(one.item, one.location)
        if there or not terms.active[one.location] or terms.items[one.item].archived:
            return
        position = pb.Position(item_id=one.item, location_id=self._ids.location(one.location))
        opened = self._done("OpenPosition", pb.OpenPositionRequest(request_id=_new_id(), position=position))
        self._ids.positions[self.oracle.open_position(one.item, one.location).name] = opened.position_id
        self.steps += 1

    @play.register
    def _(self, _: Look) -> None:
        self.steps += self._looking.compare_all(_clock())
        self._backend.check()

    # --- both sides ---

    def _resolved(self, change: Change) -> Change:
        return Change(change.name, self.oracle.resolved(change.request))

    def _instant(
        self, change: Change, lines: Sequence[pb.Movement], floor: datetime, told: Told | None = None
    ) -> Instant:
        """When a change was carried out and recorded, as far as the ledger tells; else not before it was asked for."""
        request = change.request
        recorded = datetime_of(lines[0].record_time) if lines else BEFORE_ALL
        if isinstance(request, ask.ExtendReservation) and told and request.expire_after:
            return Instant(datetime_of(told.answer.expire_time) - request.expire_after, recorded)
        if not lines or getattr(request, "receive_time", None):
            return Instant(floor, recorded)
        if isinstance(request, ask.CountStock) and request.counted_at:
            return Instant(self._counted_in(lines[0]) or floor, recorded)
        return Instant(datetime_of(lines[0].effective_time), recorded)

    def _counted_in(self, line: pb.Movement) -> datetime | None:
        """When a stocktake's surplus was recorded, which its movement tells from when it was counted."""
        if line.kind != pb.MOVEMENT_KIND_COUNTED_IN or not line.stocked_item_id:
            return None
        request = pb.GetStockedItemRequest(stocked_item_id=line.stocked_item_id)
        return datetime_of(self._done("GetStockedItem", request).receive_time)

    def _done(self, method: str, request: Any) -> Any:
        """The answer to what can't be refused."""
        told = self._backend.ask(method, request)
        assert told.status is None, f"{method} was refused: {told.status}"
        return told.answer

    def _accepted(self, changes: Sequence[Change], answer: Callable[[], T]) -> T:
        """The oracle's answer to what the ledger did."""
        try:
            return answer()
        except Refusal as refusal:
            text = f"{_said(changes)}\n--- the oracle refuses: {refusal}\n--- the ledger did it"
            raise Mismatch(text, refusal.reason, *refusal.fields) from refusal

    def _refused(self, changes: Sequence[Change], status: status_pb2.Status, answer: Callable[[Overlooked], T]) -> None:
        """The oracle refuses what the ledger refused, in the same words.

        Of several reasons the contract leaves open which is told: the oracle overlooks those that it finds first.
        """
        told, overlooked = messages.refusal_told(status), Overlooked()
        refused = changes[int(told.metadata.get("changeIndex", 0))]
        found: list[Refused] = []
        while told not in found:
            refusal = _refusal(partial(answer, overlooked))
            if refusal is None or refusal.key in overlooked:
                text = f"{_said(changes)}\n--- the oracle refuses: {found or 'no'}\n--- the ledger: {told}"
                raise Mismatch(text, _method(refused), told.key, *(one.key for one in found))
            found.append(messages.refused(refusal, self._ids))
            overlooked |= {refusal.key}
        self._note(refused, told.reason)

    def _followed(
        self, change: Change, answer: Answer, lines: Sequence[pb.Movement], *, replayed: bool
    ) -> list[pb.Movement]:
        """The movements as they must be told. New ones go on where the journal ended, one by one and at one time."""
        assert replayed == answer.replayed, f"{shown(change)} was{'' if replayed else ' not'} replayed"
        self._note(change, "replayed" if replayed else "done")
        self.effective.add(change.name)
        if lines and not replayed:
            first, last = lines[0], self._last
            assert first.movement_id > last.movement_id
            assert first.operation_id > last.operation_id
            assert first.record_time.ToNanoseconds() >= last.record_time.ToNanoseconds()
            for one, line in zip(answer.movements, lines, strict=False):
                self._ids.learn(one, line)
            self._last = lines[-1]
        for number, line in enumerate(lines):
            assert (line.line, line.movement_id) == (number + 1, lines[0].movement_id + number)
            assert (line.operation_id, line.record_time) == (lines[0].operation_id, lines[0].record_time)
            assert line.request_id == self._ids.request(change.name)
        return self._expected(change, answer, lines)

    def _expected(
        self, change: Change, answer: Answer, lines: Sequence[pb.Movement], *, preview: bool = False
    ) -> list[pb.Movement]:
        if len(lines) != len(answer.movements):
            ours = [(one.kind, one.layer, str(one.quantity)) for one in answer.movements]
            theirs = [(pb.MovementKind.Name(one.kind), one.stocked_item_id, one.quantity.value) for one in lines]
            text = f"{shown(change)}\n--- the oracle: {ours}\n--- the ledger: {theirs}"
            raise Mismatch(text, _method(change), "lines")
        return [
            messages.movement(one, line, self._ids, preview=preview)
            for one, line in zip(answer.movements, lines, strict=True)
        ]

    def _note(self, change: Change, outcome: str) -> None:
        self._seen[type(change.request).__name__, outcome] += 1
        self.steps += 1


def _refusal(answer: Callable[[], object]) -> Refusal | None:
    try:
        answer()
    except Refusal as refusal:
        return refusal
    return None


def _said(changes: Sequence[Change]) -> str:
    return "\n".join(map(shown, changes))


def _method(change: Change) -> str:
    return type(change.request).__name__


def _movements(told: Told) -> list[pb.Movement]:
    """The movements of an answer, be it one, several or none."""
    fields = told.answer.DESCRIPTOR.fields_by_name
    if "movements" in fields:
        return list(told.answer.movements)
    return [told.answer.movement] if "movement" in fields else []


def _movements_of(result: pb.StockChangeResult) -> list[pb.Movement]:
    return list(result.movements)


def _clock() -> datetime:
    """The ledger's database is on this machine: what it is asked now, it does later by its clock, too."""
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid4())
