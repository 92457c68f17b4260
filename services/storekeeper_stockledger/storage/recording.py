"""Writes a decided batch down: numbered under the journal head, by a handful of set-based statements.

It travels as one round trip that ends with the commit. One statement numbers and writes the journal, and lets stocked
items and positions be what their last movements say of them (`journaling.py`); the others write what only some
operations change. Of a long batch parts of the journal are sent ahead, each sealed by itself, so that PostgreSQL
writes while the rest is decided. Nothing here waits for another transaction but the journal head: rows of stocked
items and positions are guarded by the positions' locks, and operations are inserted while the head is held, so a
request id that another process has recorded meanwhile is a unique violation at once (`operation_request_id_key`),
never a wait.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.pq import TransactionStatus

from storekeeper_kit.failpoints import Point
from storekeeper_kit.round_trips import COMMIT, Result, RoundTrip, Statement

from ..domain.journal import Entry, digest
from ..domain.state import Stock
from ..domain.stock import StockedItem
from . import journaling
from .arrays import numbers
from .rows import rows
from .written import described_row, entry_row, expected_row, held_row, line_row, opened_row

_INSERT_POSITIONS = Statement("""
INSERT INTO position (
    tenant_id, position_id, item_id, location_id, bin, reference_number, available, reserved, picked, on_order,
    operation_id, revision, create_time, creator
)
SELECT head.tenant_id, opened.position_id, opened.item_id, opened.location_id, '', '', opened.available, opened.reserved,
       opened.picked, opened.on_order, head.last_operation_id - %(operations)s + opened.entry_number, 1,
       head.record_time, opened.creator
  FROM journal_head AS head, unnest(%(positions)s::opened_position[]) AS opened
 WHERE head.tenant_id = %(tenant_id)s
""")

_INSERT_STOCKED_ITEMS = Statement("""
INSERT INTO stocked_item (
    tenant_id, stocked_item_id, position_id, item_id, location_id, receive_time, received, available, reserved, picked,
    delivered, transferred, removed, open, unit_cost, value, lot, serial_number, expire_time, parent_stocked_item_id,
    order_line, invoice_number, extensions, create_time, expiry_operation_id
)
SELECT head.tenant_id, added.*, head.record_time,
       CASE WHEN added.stocked_item_id = ANY(%(described)s::bigint[]) THEN head.last_operation_id END
  FROM journal_head AS head, unnest(%(stocked_items)s::described_stocked_item[]) AS added
 WHERE head.tenant_id = %(tenant_id)s
""")

# Serial numbers may go round: none is in stock twice while they do.
_FREE_SERIAL_NUMBERS = Statement("""
UPDATE stocked_item
   SET serial_number = ''
 WHERE tenant_id = %(tenant_id)s AND stocked_item_id = ANY(%(stocked_item_ids)s::bigint[]) AND open
""")

_DESCRIBE_STOCKED_ITEMS = Statement("""
UPDATE stocked_item AS s
   SET position_id = changed.position_id, location_id = changed.location_id, received = changed.received,
       available = changed.available, reserved = changed.reserved, picked = changed.picked,
       delivered = changed.delivered, transferred = changed.transferred, removed = changed.removed, open = changed.open,
       unit_cost = changed.unit_cost, value = changed.value, serial_number = changed.serial_number,
       expire_time = changed.expire_time, extensions = changed.extensions,
       expiry_operation_id = CASE
                             WHEN s.expire_time IS DISTINCT FROM changed.expire_time
                             THEN head.last_operation_id
                             ELSE s.expiry_operation_id
                              END
  FROM journal_head AS head, unnest(%(stocked_items)s::described_stocked_item[]) AS changed
 WHERE head.tenant_id = %(tenant_id)s
   AND s.tenant_id = %(tenant_id)s
   AND s.stocked_item_id = changed.stocked_item_id
""")

# What was delivered before is not always read: then what is added to it is given.
_PUT_RESERVATIONS = Statement("""
INSERT INTO reservation (
    tenant_id, position_id, demand, stocked_item_id, reserved, picked, delivered, delivered_value, open, expire_time
)
SELECT %(tenant_id)s::bigint, held.position_id, held.demand, held.stocked_item_id, held.reserved, held.picked,
       held.delivered + coalesce(before.delivered, 0),
       held.delivered_value + CASE WHEN before.delivered > 0 THEN before.delivered_value ELSE 0 END,
       held.open, held.expire_time
  FROM unnest(%(holdings)s::holding[]) AS held
  LEFT JOIN reservation AS before
    ON before.tenant_id = %(tenant_id)s
   AND before.position_id = held.position_id
   AND before.demand = held.demand
   AND before.stocked_item_id = CASE WHEN held.addition THEN held.stocked_item_id END
    ON CONFLICT (tenant_id, position_id, demand, stocked_item_id) DO UPDATE
   SET reserved = excluded.reserved, picked = excluded.picked, delivered = excluded.delivered,
       delivered_value = excluded.delivered_value, open = excluded.open, expire_time = excluded.expire_time
""")

_PUT_NEXT_EXPIRIES = Statement("""
UPDATE position AS p
   SET next_expiry = due.time
  FROM (SELECT changed.position_id, min(r.expire_time) AS time
          FROM unnest(%(position_ids)s::bigint[]) AS changed(position_id)
          LEFT JOIN reservation r
            ON r.tenant_id = %(tenant_id)s
           AND r.position_id = changed.position_id
           AND r.expire_time IS NOT NULL
         GROUP BY changed.position_id) AS due
 WHERE p.tenant_id = %(tenant_id)s
   AND p.position_id = due.position_id
   AND p.next_expiry IS DISTINCT FROM due.time
""")

_PUT_EXPECTATIONS = Statement("""
INSERT INTO expectation (tenant_id, position_id, order_line, on_order, received)
SELECT %(tenant_id)s::bigint, expected.*
  FROM unnest(%(order_lines)s::order_line_state[]) AS expected
    ON CONFLICT (tenant_id, position_id, order_line) DO UPDATE
   SET on_order = excluded.on_order, received = excluded.received
""")

_CLOSE_POSITIONS = Statement("""
UPDATE position AS p
   SET close_time = head.record_time
  FROM journal_head AS head
 WHERE head.tenant_id = %(tenant_id)s
   AND p.tenant_id = %(tenant_id)s
   AND p.position_id = ANY(%(position_ids)s::bigint[])
""")


PART: Final = 334
"""So many operations of a long batch are sent ahead together: a full one is written in three parts, with two statements more."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the journal head gave to a batch: the last ids of it, and its record time."""

    last_operation_id: int
    last_movement_id: int
    record_time: datetime


class Recording:
    """How a batch is written, in the transaction under way."""

    def __init__(self, connection: Connection[Any], tenant_id: int) -> None:
        _require_transaction(connection)
        self._trip = RoundTrip(connection, when_sent=Point.BATCH_SENT)
        self._recorder = _Recorder(self._trip, tenant_id)
        self._written = 0
        """How many entries are in the journal, or on their way there."""
        self._numbered: Result

    def go_ahead(self, entries: Sequence[Entry], stock: Stock) -> None:
        """Send ahead what the journal gets of what is decided so far, if that is a part's worth."""
        if len(entries) - self._written >= PART:
            self._write(entries, stock)
            self._trip.send_ahead()

    def finish(self, entries: Sequence[Entry], stock: Stock) -> Numbers:
        """Write the rest of the journal, and the stock as all of the entries leave it, and commit."""
        with self._trip:
            if len(entries) > self._written:
                self._write(entries, stock)
            self._recorder.stock(stock, entries)
            self._trip.execute(COMMIT)
        return Numbers(*self._numbered.rows()[0])

    def _write(self, entries: Sequence[Entry], stock: Stock) -> None:
        self._numbered = self._recorder.journal(
            entries[self._written :], stock.now, first=not self._written, described=stock.changes.described
        )
        self._written = len(entries)


def number_and_record(connection: Connection[Any], tenant_id: int, entry: Entry) -> Numbers:
    """Write one entry that moves no stock, such as a location's creation, in the transaction under way."""
    _require_transaction(connection)
    with RoundTrip(connection, prepares=False) as trip:
        numbered = _Recorder(trip, tenant_id).journal([entry], entry.effective_time)
    return Numbers(*numbered.rows()[0])


def _require_transaction(connection: Connection[Any]) -> None:
    """Without one each round trip would be a transaction by itself."""
    assert connection.info.transaction_status is TransactionStatus.INTRANS, "there is a transaction under way"


class _Recorder:
    """Sends the statements that write a batch."""

    def __init__(self, trip: RoundTrip, tenant_id: int) -> None:
        self._trip = trip
        self._tenant_id = tenant_id

    def journal(
        self, entries: Sequence[Entry], now: datetime, *, first: bool = True, described: Collection[int] = ()
    ) -> Result:
        """Take the next numbers, extend the hash chain (the tenant's last lock, held until the commit), and write.

        What is not the `first` of a transaction has the record time of the first. Stocked items that are `described` are
        left to their own statement.
        """
        movements = sum(len(entry.movements) for entry in entries)
        head = {
            "operations": len(entries),
            "movements": movements,
            "first": first,
            "now": now,
            "digest": digest(entries),
            "entries": rows(map(entry_row, entries)),
        }
        if not movements:
            return self._execute(journaling.RECORD_UNMOVED, **head)
        is_single = movements == len(entries) == 1 and not described
        record = journaling.RECORD_SINGLE if is_single else journaling.RECORD
        return self._execute(record, **head, lines=_lines(entries), described=numbers(described))

    def stock(self, stock: Stock, entries: Sequence[Entry]) -> None:
        """Write what the statement of the journal doesn't: what is new, described anew, held, expected, closed.

        `entries` are all that the transaction records.
        """
        changes = stock.changes
        self._open(stock, entries)
        described = [changes.stocked_items[one] for one in sorted(changes.described - changes.added)]
        if changes.numbered:
            self._execute(_FREE_SERIAL_NUMBERS, stocked_item_ids=numbers(one.stocked_item_id for one in described))
        # What left is written by now: a serial number may have come back since, and is in stock only once.
        self._describe(described)
        self._insert([changes.stocked_items[one] for one in sorted(changes.added)], changes.added & changes.described)
        self._hold(stock)
        self._expect(stock)
        if changes.closed:
            self._execute(_CLOSE_POSITIONS, position_ids=numbers(changes.closed))

    def _open(self, stock: Stock, entries: Sequence[Entry]) -> None:
        opened = stock.changes.opened
        if not opened:
            return
        positions = rows(
            opened_row(stock.shelves[position_id], number, entries[number - 1].actor)
            for position_id, number in opened.items()
        )
        self._execute(_INSERT_POSITIONS, operations=len(entries), positions=positions)

    def _insert(self, stocked_items: Sequence[StockedItem], described: Collection[int]) -> None:
        if stocked_items:
            self._execute(
                _INSERT_STOCKED_ITEMS,
                stocked_items=rows(map(described_row, stocked_items)),
                described=numbers(described),
            )

    def _describe(self, stocked_items: Sequence[StockedItem]) -> None:
        if stocked_items:
            self._execute(_DESCRIBE_STOCKED_ITEMS, stocked_items=rows(map(described_row, stocked_items)))

    def _hold(self, stock: Stock) -> None:
        changed = sorted(stock.changes.holdings)
        if not changed:
            return
        holdings = rows(
            held_row(position_id, demand, one, stock.shelves[position_id].holdings[demand][one])
            for position_id, demand, one in changed
        )
        self._execute(_PUT_RESERVATIONS, holdings=holdings)
        self._execute(_PUT_NEXT_EXPIRIES, position_ids=numbers(sorted({position_id for position_id, _, _ in changed})))

    def _expect(self, stock: Stock) -> None:
        changed = sorted(stock.changes.expectations)
        if not changed:
            return
        order_lines = rows(
            expected_row(position_id, order_line, stock.shelves[position_id].expectations[order_line])
            for position_id, order_line in changed
        )
        self._execute(_PUT_EXPECTATIONS, order_lines=order_lines)

    def _execute(self, statement: Statement, **parameters: object) -> Result:
        return self._trip.execute(statement, tenant_id=self._tenant_id, **parameters)


def _lines(entries: Sequence[Entry]) -> str:
    """The movements of all entries, in their order."""
    return rows(
        line_row(number, line, movement)
        for number, entry in enumerate(entries, 1)
        for line, movement in enumerate(entry.movements, 1)
    )
