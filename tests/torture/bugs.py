"""Bugs to plant into a ledger before it serves, to see that the figures find them.

Each is one function of the ledger that does something else: it gets the right one first, and then what that is given.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

from storekeeper_kit import database
from storekeeper_kit.round_trips import Statement
from storekeeper_stockledger import batch, expiring, ledger, watch
from storekeeper_stockledger.domain import draft, holdings, shelf, state
from storekeeper_stockledger.domain.decisions import demanding, drawing
from storekeeper_stockledger.domain.operations import StockOrder
from storekeeper_stockledger.domain.places import ZERO, Kind
from storekeeper_stockledger.servicer.operations import submissions
from storekeeper_stockledger.storage import journaling, lines, locking, recording, single

SELDOM: Final = 0.05
A_MOMENT: Final = timedelta(milliseconds=400)

Right = Callable[..., Any]


# --- which units --------------------------------------------------------------------------------------------------


def newest_first(ids_in_line: Right, self: Any, order: StockOrder, **about: Any) -> Any:
    ids = []
    with suppress(shelf.NotLoaded):  # What is known covers all that is asked.
        for one in ids_in_line(self, order, **about):
            ids.append(one)  # noqa: PERF402 - what came before the line ends is kept
    return reversed(ids) if order is StockOrder.OLDEST_FIRST else ids


def read_expired_ones() -> None:
    def read(statements: dict[Any, Any]) -> None:
        statements.update({line: statements[line._replace(with_expired=True)] for line in statements})

    read(lines.LINES_IN)
    read(single.READ_LINE)


def expired_ones_too(_usable: Right, draft: Any, at: Any, ids: Any, _source: Any) -> Any:
    return (draft.stocked_item(at, one) for one in ids)


def what_there_is(take_available: Right, *asked: Any, **_: Any) -> Any:
    return take_available(*asked, allow_partial=True)


def as_new(bring: Right, self: Any, at: Any, kind: Kind, stocked_item: Any, *rest: Any, **about: Any) -> None:
    if kind is Kind.TRANSFERRED_IN:
        stocked_item = replace(stocked_item, receive_time=self.now)
    bring(self, at, kind, stocked_item, *rest, **about)


def worth_nothing(amount_of_return: Right, *asked: Any) -> Any:
    return None if amount_of_return(*asked) is None else ZERO


def still_held(after: Right, self: Any, movement: Any) -> Any:
    return self if movement.kind is Kind.RELEASED else after(self, movement)


def a_moment_late(expire_at: Right, self: Any, at: Any, demand: str, expire_time: Any) -> None:
    expire_at(self, at, demand, expire_time and expire_time + A_MOMENT)


# --- repeats ------------------------------------------------------------------------------------------------------


def once_more(repeated: Right, self: Any, submission: Any) -> Any:
    return repeated(self, submission) and self._fresh(replace(submission, request_id=str(uuid4())))


def all_alike(submission: Right, *asked: Any) -> Any:
    return replace(submission(*asked), fingerprint=bytes(32))


def backwards(movements_of: Right, *asked: Any) -> Any:
    return {operation_id: movements[::-1] for operation_id, movements in movements_of(*asked).items()}


# --- writing ------------------------------------------------------------------------------------------------------


def without_the_last(lines: Right, entries: Any) -> Any:
    *others, last = entries
    return lines([*others, replace(last, movements=last.movements[:-1])] if len(last.movements) > 1 else entries)


def mixed_up(line_row: Right, entry_number: int, line: int, movement: Any) -> Any:
    after = movement.stocked_item
    if after is not None:
        mixed = replace(after.places, reserved=after.places.picked, picked=after.places.reserved)
        movement = replace(movement, stocked_item=replace(after, places=mixed))
    return line_row(entry_number, line, movement)


def without_reasons(digest: Right, entries: Any) -> Any:
    return digest([replace(entry, reason="") for entry in entries])


def rolled_back(stock: Right, self: Any, *changed: Any) -> None:
    stock(self, *changed)
    if random.random() < SELDOM:
        self._trip.execute(Statement("ROLLBACK"))


def not_durable(engine: Right, url: str, session: Any, *rest: Any) -> Any:
    return engine(url, session | {"synchronous_commit": "off"}, *rest)


# --- afterwards ---------------------------------------------------------------------------------------------------


def nothing(_right: Right, *_: Any) -> None:
    """As if it had not been called."""


def all_but_some(movements_between: Right, *asked: Any, **options: Any) -> Any:
    found = movements_between(*asked, **options)
    return found[1:] if random.random() < SELDOM else found


# --- planting -----------------------------------------------------------------------------------------------------


def instead(owner: Any, name: str, wrong: Callable[..., Any]) -> Callable[[], None]:
    """Plants this function in the place of the one of that name."""
    right = getattr(owner, name)

    def called(*arguments: Any, **options: Any) -> Any:
        return wrong(right, *arguments, **options)

    return partial(setattr, owner, name, called)


def both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    """Plants what takes two changes."""

    def plant() -> None:
        first()
        second()

    return plant


def rewritten(owner: Any, names: tuple[str, ...], words: str, others: str) -> Callable[[], None]:
    """Plants other words into statements."""

    def plant() -> None:
        for name in names:
            statement = getattr(owner, name)
            assert words in statement.sql, f"{name} has other words by now"
            setattr(owner, name, type(statement)(statement.sql.replace(words, others)))

    return plant


@dataclass(frozen=True, slots=True)
class Bug:
    """One mistake, and the figure that must find it."""

    what: str
    plant: Callable[[], None]
    figure: str
    size: int
    """How much of the figure is taken, several times over."""


LOCKS_OF_MANY: Final = ("_LOCK_POSITIONS",)
LOCKS: Final = (*LOCKS_OF_MANY, "_LOCK_POSITION")
RECORDS: Final = ("RECORD", "RECORD_UNMOVED", "RECORD_SINGLE")
NEVER_BACKWARDS: Final = "record_time = greatest(clock.now, head.record_time, %(now)s)"

BUGS: Final = (
    Bug("newest first for oldest first", instead(shelf.Shelf, "ids_in_line", newest_first), "R7", 300),
    Bug("the fingerprint is ignored", instead(submissions, "submission", all_alike), "R5", 200),
    Bug("a reservation expires late", instead(state.Stock, "_expire_at", a_moment_late), "R12", 2),
    Bug("a request id is forgotten", instead(batch.Batch, "_repeated", once_more), "R5", 200),
    Bug("reserves what there is", instead(demanding, "take_available", what_there_is), "R7", 300),
    Bug("expired lots are used", both(read_expired_ones, instead(drawing, "_usable", expired_ones_too)), "R7", 2000),
    Bug("a release leaves the reservation", instead(holdings.Holding, "after", still_held), "R7", 1000),
    Bug("a return restores no value", instead(demanding, "_amount_of_return", worth_nothing), "R7", 2000),
    Bug("a transfer loses the age", instead(draft.Draft, "bring", as_new), "R7", 500),
    Bug("no lock on positions", rewritten(locking, LOCKS, "FOR NO KEY UPDATE", ""), "R7", 1000),
    Bug(
        "locks in no order",
        rewritten(
            locking, LOCKS_OF_MANY, "ORDER BY p.position_id", "ORDER BY hashint8(p.position_id + pg_backend_pid())"
        ),
        "R6",
        20,
    ),
    Bug("a repeat is told backwards", instead(ledger, "movements_of", backwards), "R5", 600),
    Bug("a movement is lost", instead(recording, "_lines", without_the_last), "R7", 300),
    Bug("after-columns are mixed up", instead(recording, "line_row", mixed_up), "R7", 500),
    Bug("the chain leaves reasons out", instead(recording, "digest", without_reasons), "R7", 200),
    Bug(
        "record time runs backwards",
        rewritten(journaling, RECORDS, NEVER_BACKWARDS, "record_time = clock.now - random() * interval '50 ms'"),
        "R7",
        500,
    ),
    Bug("a commit is forgotten", instead(recording._Recorder, "stock", rolled_back), "R7", 500),
    Bug("answers before it is durable", instead(database, "_engine", not_durable), "R2", 9),
    Bug("the sweep is forgotten", instead(expiring.Sweeper, "sweep", nothing), "R12", 2),
    Bug("a watch skips a movement", instead(watch, "movements_between", all_but_some), "R13", 2),
)
"""Those that are found soonest come first."""
