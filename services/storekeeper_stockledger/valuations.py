"""Values stock as it was at an instant of the journal, in many short statements: whatever is moved meanwhile, they agree."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import Connection

from storekeeper_kit.database import Database
from storekeeper_kit.pages import Rows
from storekeeper_kit.refusals import DeadlineExceeded

from .domain.instants import AsOf, Instant
from .domain.items import Settings
from .domain.places import ZERO, Kind
from .domain.refusals import StockLimitExceeded
from .domain.stock import VALUE_LIMIT
from .domain.valuation import MATTERING, Average, Lifo, Line, Method, Stock, Worth, at_standard_cost, replay
from .storage import describing, tables, valuation
from .storage.instants import find_instant, last_instant
from .storage.valuation import Holding, ValuationFilter

AT_ONCE: Final = 2
"""Valuations at once in a process: one may take as long as its caller waits, and nothing else is to wait for it."""

HOLDINGS_MAX: Final = 1000
"""Positions that are valued at a time, where all of them are."""

NOTHING: Final = Worth()


@dataclass(frozen=True, slots=True)
class Valuation:
    """What the units of a position are worth."""

    holding: Holding
    worth: Worth
    currency_code: str

    @property
    def position_id(self) -> int:
        """What valuations are ordered by."""
        return self.holding.position_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Valued:
    """One page of valuations, what all pages are worth if that was asked for, and at which instant."""

    rows: Rows[Valuation]
    total: Decimal | None
    currency_code: str
    movement_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuationAsked:
    """How to value what, and which page of it."""

    method: Method
    wanted: ValuationFilter
    as_of: AsOf | None
    after: int
    size: int
    with_total: bool


class Valuations:
    """Values stock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def value(self, tenant_id: int, asked: ValuationAsked, *, deadline: float) -> Valued:
        """One page of valuations, by position."""
        with self._database.read() as connection:
            as_of, row = asked.as_of, describing.find_row(connection, tables.settings, tenant_id)
            settings = describing.read_settings(row)[0] if row else Settings()
            instant = find_instant(connection, tenant_id, as_of) if as_of else last_instant(connection, tenant_id)
            valuing = _Valuing(connection, tenant_id, asked, instant, settings.currency_code, deadline)
            # One more than the page holds tells whether another page follows.
            valuations = valuing.page(asked.after, asked.size + 1)
            return Valued(
                rows=Rows(valuations[: asked.size], more=len(valuations) > asked.size),
                total=valuing.total() if asked.with_total else None,
                currency_code=settings.currency_code,
                movement_id=instant.movement_id,
            )


@dataclass(frozen=True, slots=True)
class _Valuing:
    """One request for a valuation."""

    connection: Connection
    tenant_id: int
    asked: ValuationAsked
    instant: Instant
    currency_code: str
    deadline: float

    def page(self, after: int, size: int) -> list[Valuation]:
        """So many valuations after a position."""
        self._check_time()
        holdings = valuation.holdings(
            self.connection, self.tenant_id, self.instant, self.asked.wanted, after=after, size=size
        )
        worths = self._worths(holdings)
        valuations = []
        for holding in holdings:
            worth = worths[holding.position_id]
            _check_amount(holding.position_id, worth.value)
            valuations.append(Valuation(holding, worth, self.currency_code))
        return valuations

    def total(self) -> Decimal:
        """What all pages are worth."""
        total, after = ZERO, 0
        while True:
            valuations = self.page(after, HOLDINGS_MAX)
            for one in valuations:
                total += one.worth.value
                _check_amount(one.position_id, total)
            if len(valuations) < HOLDINGS_MAX:
                return total
            after = valuations[-1].position_id

    def _worths(self, holdings: Sequence[Holding]) -> Mapping[int, Worth]:
        match self.asked.method:
            case Method.FIFO:
                ids = [one.position_id for one in holdings]
                return valuation.worth_of_layers(self.connection, self.tenant_id, self.instant, ids)
            case Method.STANDARD:
                return {
                    one.position_id: at_standard_cost(one.on_hand, one.standard_cost, self.currency_code)
                    for one in holdings
                }
            case Method.LIFO:
                return {one.position_id: self._replayed(one.position_id, Lifo(self.currency_code)) for one in holdings}
            case Method.AVERAGE:
                return {
                    one.position_id: self._replayed(one.position_id, Average(self.currency_code)) for one in holdings
                }

    def _replayed(self, position_id: int, stock: Stock) -> Worth:
        returned = {line.delivery for line in self._lines(position_id, {Kind.RETURNED})}
        return replay(self._lines(position_id, MATTERING), stock, returned, self.currency_code)

    def _lines(self, position_id: int, kinds: Collection[Kind]) -> Iterator[Line]:
        after: int | None = 0
        while after is not None:
            self._check_time()
            read = valuation.lines_of(
                self.connection, self.tenant_id, self.instant, position_id, kinds=kinds, after=after
            )
            yield from read.lines
            after = read.after

    def _check_time(self) -> None:
        if time.monotonic() >= self.deadline:
            raise DeadlineExceeded


def _check_amount(position_id: int, value: Decimal) -> None:
    if value >= VALUE_LIMIT:
        raise StockLimitExceeded(position_id, VALUE_LIMIT)
