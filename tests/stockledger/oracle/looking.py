"""Everything that can be read, compared with what the oracle has."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.stockledger.oracle import messages
from tests.stockledger.oracle.backends import Backend
from tests.stockledger.oracle.messages import Ids, datetime_of, same
from tests.stockledger.oracle.oracle import BEFORE_ALL, Oracle
from tests.stockledger.oracle.requests import Name
from tests.stockledger.oracle.state import ZERO, State, Totals
from tests.stockledger.oracle.valuing import METHODS, valued

PAGE_SIZE: Final = 1000
INSTANTS: Final = 2
"""Of the past, about as many as are looked at."""
OTHER_METHODS: Final = ("LIFO", "AVERAGE")
"""Of valuation: of these only the units are compared. They have a slow twin of their own."""
NOTHING: Final = messages.totals(Totals(ZERO, ZERO, ZERO, ZERO))


class Looking:
    """Reads a ledger through the calls of its contract."""

    def __init__(self, oracle: Oracle, ids: Ids, backend: Backend) -> None:
        self._oracle = oracle
        self._ids = ids
        self._backend = backend
        self._lines: list[pb.Movement] = []
        """The journal, as it was told when it was looked at last."""
        self._now = BEFORE_ALL
        self._open: set[int] = set()
        """Positions that are open by then."""

    def compare_all(self, now: datetime) -> int:
        """Compare what there is; returns how many calls that took."""
        self._now = now
        state = self._oracle.as_it_is(now)
        self._open = {self._ids.position(one.name) for one in state.positions.values() if not one.closed}
        checks = (
            self._positions,
            self._stocked_items,
            self._reservations,
            self._expectations,
            self._journal,
            self._valuations,
            self._as_of,
        )
        for check in checks:
            check(state)
        return len(checks)

    def compare_stocked_item(self, name: Name, told: pb.StockedItem) -> None:
        """One stocked item."""
        self._same_stocked_item(self._oracle.state, name, told)

    def _positions(self, state: State) -> None:
        told = self._listed("ListPositions", pb.ListPositionsRequest(), "positions")
        there = [one for one in state.positions.values() if not one.closed]
        assert [one.position_id for one in told] == sorted(self._ids.position(one.name) for one in there)
        totals = {self._ids.position(one.name): messages.totals(state.totals(one.name)) for one in there}
        for one in told:
            same(totals[one.position_id], one.totals, f"totals of position {one.position_id}")
            by_id = self._backend.ask("GetPosition", pb.GetPositionRequest(position_id=one.position_id))
            same(one, by_id.answer, "the same position by its id")
            pair = pb.ItemAtLocation(item_id=one.item_id, location_id=one.location_id)
            by_pair = self._backend.ask("GetPosition", pb.GetPositionRequest(item_at_location=pair))
            same(one, by_pair.answer, "the same position by its item and location")

    def _stocked_items(self, state: State) -> None:
        told = self._listed("ListStockedItems", pb.ListStockedItemsRequest(), "stocked_items")
        layers = sorted(state.layers.values(), key=lambda one: one.age)
        assert [one.stocked_item_id for one in told] == [self._ids.layer(one.name) for one in layers]
        for layer, one in zip(layers, told, strict=True):
            self._same_stocked_item(state, layer.name, one)

    def _same_stocked_item(self, state: State, name: Name, told: pb.StockedItem) -> None:
        layer = state.layers[name]
        position = state.positions[layer.position]
        same(messages.stocked_item(layer, position, told, self._ids), told, f"stocked item {name}")

    def _reservations(self, state: State) -> None:
        expected = [
            messages.reservation(key, one, state.expiries.get((key[0], key[1])), self._ids, state.positions[key[0]])
            for key, one in state.holdings.items()
        ]
        expected.sort(key=lambda one: (one.position_id, one.demand, one.stocked_item_id))
        self._same_rows("ListReservations", pb.ListReservationsRequest(include_closed=True), "reservations", expected)
        current = [one for one in expected if _any(one.reserved, one.picked)]
        self._same_rows("ListReservations", pb.ListReservationsRequest(), "reservations", current)
        for demand in {one.demand for one in current}:
            request = pb.ListReservationsRequest(demand=demand)
            self._same_rows("ListReservations", request, "reservations", [x for x in current if x.demand == demand])

    def _expectations(self, state: State) -> None:
        expected = [
            messages.expectation(order_line, one, self._ids, state.positions[position])
            for (position, order_line), one in state.expectations.items()
        ]
        expected.sort(key=lambda one: (one.position_id, one.order_line))
        self._same_rows("ListExpectations", pb.ListExpectationsRequest(include_closed=True), "expectations", expected)
        current = [one for one in expected if _any(one.on_order)]
        self._same_rows("ListExpectations", pb.ListExpectationsRequest(), "expectations", current)
        for line in {one.order_line for one in current}:
            request = pb.ListExpectationsRequest(order_line=line)
            self._same_rows("ListExpectations", request, "expectations", [x for x in current if x.order_line == line])

    def _journal(self, _: State) -> None:
        """All movements are those that were told, and releases of what has expired, which may come later."""
        told = self._listed("ListMovements", pb.ListMovementsRequest(), "movements")
        assert [one.movement_id for one in told] == list(range(1, len(told) + 1)), "movement ids have a gap"
        self._lines = told
        ours = [one for one in told if one.actor == messages.ACTOR]
        assert len(ours) == len(self._oracle.journal), f"{len(ours)} movements of {len(self._oracle.journal)}"
        for expected, one in zip(self._oracle.journal, ours, strict=True):
            same(messages.movement(expected, one, self._ids), one, f"movement {one.movement_id}")
        due = Counter(messages.expiry(one, self._ids) for one in self._oracle.expired_by(self._now))
        released = Counter(messages.expiry_told(one) for one in told if one.actor == messages.SWEEPER)
        assert len(ours) + released.total() == len(told), "movements in the name of nobody"
        assert released <= due, f"released without having expired: {released - due}"

    def _valuations(self, state: State) -> None:
        """What stock is worth: now, and as it was when some change was recorded."""
        instants = self._instants()
        for method in METHODS:
            self._same_valuations(pb.GetValuationRequest(), state, method)
            for one in instants:
                request = pb.GetValuationRequest(as_of=pb.AsOf(record_time=one.record_time))
                self._same_valuations(request, self._oracle.past(datetime_of(one.record_time)), method)
        for method in OTHER_METHODS:
            request = pb.GetValuationRequest(
                method=pb.ValuationMethod.Value(f"VALUATION_METHOD_{method}"), page_size=PAGE_SIZE
            )
            told = self._backend.ask("GetValuation", request).answer.valuations
            on_hand = {
                self._ids.position(name): worth.on_hand
                for name, worth in valued(self._oracle.terms, state, "FIFO").items()
            }
            assert {one.position_id: Decimal(one.on_hand.value) for one in told} == on_hand

    def _same_valuations(self, request: pb.GetValuationRequest, state: State, method: str) -> None:
        request.method = pb.ValuationMethod.Value(f"VALUATION_METHOD_{method}")
        request.with_total = True
        request.page_size = PAGE_SIZE
        told = self._backend.ask("GetValuation", request).answer
        worth = valued(self._oracle.terms, state, method)
        expected = [messages.valuation(state.positions[name], one, self._ids) for name, one in worth.items()]
        expected.sort(key=lambda one: one.position_id)
        total = messages.money(sum((one.value for one in worth.values()), ZERO))
        whole = pb.GetValuationResponse(valuations=expected, total=total, movement_id=told.movement_id)
        same(whole, told, f"GetValuation {request}")

    def _as_of(self, _: State) -> None:
        """Totals as they were right after some movements, which the movements themselves tell."""
        for instant in self._instants():
            last_recorded = [one for one in self._lines if one.record_time == instant.record_time][-1]
            by_id = pb.AsOf(movement_id=instant.movement_id)
            by_time = pb.AsOf(record_time=instant.record_time)
            for last, as_of in ((instant, by_id), (last_recorded, by_time)):
                before = [one for one in self._lines if one.movement_id <= last.movement_id]
                self._same_totals({one.position_id: one.position_after for one in before}, as_of)

    def _same_totals(self, totals: Mapping[int, pb.Totals], as_of: pb.AsOf) -> None:
        for position_id, expected in totals.items():
            told = self._backend.ask("GetPosition", pb.GetPositionRequest(position_id=position_id, as_of=as_of))
            if told.status is None or position_id in self._open:
                assert told.status is None, f"position {position_id} is not found as of {as_of}"
                same(expected, told.answer.totals, f"totals of position {position_id} as of {as_of}")
        listed = self._listed("ListPositions", pb.ListPositionsRequest(as_of=as_of), "positions")
        there = {one.position_id: one.totals for one in listed}
        assert totals.keys() & self._open <= there.keys(), f"positions {there.keys()} as of {as_of}"
        for position_id, told in there.items():
            same(totals.get(position_id, NOTHING), told, f"totals of position {position_id} as of {as_of}")

    def _instants(self) -> list[pb.Movement]:
        """Some of the movements, far apart."""
        return self._lines[:: max(len(self._lines) // INSTANTS, 1)]

    def _same_rows(self, method: str, request: Any, field: str, expected: Sequence[Any]) -> None:
        told = self._listed(method, request, field)
        assert len(told) == len(expected), f"{method}\n--- the oracle: {expected}\n--- the ledger: {told}"
        for one, row in zip(expected, told, strict=True):
            same(one, row, method)

    def _listed(self, method: str, request: Any, field: str) -> list[Any]:
        rows: list[Any] = []
        request.page_size = PAGE_SIZE
        while True:
            told = self._backend.ask(method, request)
            assert told.status is None, f"{method} was refused: {told.status}"
            rows += getattr(told.answer, field)
            if not told.answer.next_page_token:
                return rows
            request.page_token = told.answer.next_page_token


def _any(*quantities: Any) -> bool:
    return any(Decimal(one.value) for one in quantities)
