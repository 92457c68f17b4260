"""Writes a decided batch down: numbered under the journal head, then a fixed handful of set-based statements.

All of it travels as one round trip that ends with the commit. Nothing here waits for another transaction but the
journal head: rows of stocked items and positions are guarded by the positions' locks, and operations are inserted while
the head is held, so a request id that another process has recorded meanwhile is a unique violation at once
(`operation_request_id_key`), never a wait.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, Cursor

from storekeeper_kit.json_text import dump_json

from ..domain.journal import Entry, digest
from ..domain.stock import Shelf, StockedItem
from .arrays import binaries, numbers, texts
from .tables import PLACE_NAMES

_NUMBER = """
UPDATE journal_head AS head
   SET last_operation_id = head.last_operation_id + %(operations)s,
       last_movement_id = head.last_movement_id + %(movements)s,
       record_time = greatest(clock.now, head.record_time, %(now)s),
       chain_hash = sha256(
           head.chain_hash
           || %(digest)s
           || int8send(head.last_operation_id + %(operations)s)
           || int8send(head.last_movement_id + %(movements)s)
           || int8send((extract(epoch FROM greatest(clock.now, head.record_time, %(now)s)) * 1000000)::bigint)
       )
  FROM (SELECT clock_timestamp() AS now) AS clock
 WHERE head.tenant_id = %(tenant_id)s
RETURNING head.last_operation_id, head.last_movement_id, head.record_time
"""

_RECORD_OPERATIONS = """
INSERT INTO operation (
    tenant_id, operation_id, request_id, kind, fingerprint, actor, reason, movement_count, last_movement_id,
    effective_time, record_time, chain_hash
)
SELECT head.tenant_id, head.last_operation_id - %(operations)s + entry.number, entry.request_id, entry.kind,
       entry.fingerprint, entry.actor, entry.reason, entry.movement_count,
       head.last_movement_id - %(movements)s + sum(entry.movement_count) OVER (ORDER BY entry.number),
       entry.effective_time, head.record_time,
       CASE WHEN entry.number = %(operations)s THEN head.chain_hash END
  FROM journal_head AS head,
       unnest(
           %(request_ids)s::uuid[], %(kinds)s::text[], %(fingerprints)s::bytea[], %(actors)s::text[],
           %(reasons)s::text[], %(movement_counts)s::integer[], %(effective_times)s::timestamptz[]
       ) WITH ORDINALITY
       AS entry(request_id, kind, fingerprint, actor, reason, movement_count, effective_time, number)
 WHERE head.tenant_id = %(tenant_id)s
"""

_RECORD_MOVEMENTS = """
INSERT INTO movement (
    tenant_id, movement_id, operation_id, line, kind, stocked_item_id, position_id, quantity, amount, reference,
    effective_time, record_time, received_after, available_after, reserved_after, picked_after, delivered_after,
    transferred_after, removed_after, value_after, position_available_after, position_reserved_after,
    position_picked_after, position_on_order_after
)
SELECT head.tenant_id, head.last_movement_id - %(movements)s + moved.number,
       head.last_operation_id - %(operations)s + moved.entry_number, moved.line, moved.kind, moved.stocked_item_id,
       moved.position_id, moved.quantity, moved.amount, moved.reference, moved.effective_time, head.record_time,
       moved.received, moved.available, moved.reserved, moved.picked, moved.delivered, moved.transferred,
       moved.removed, moved.value, moved.position_available, moved.position_reserved, moved.position_picked,
       moved.position_on_order
  FROM journal_head AS head,
       unnest(
           %(entry_numbers)s::integer[], %(lines)s::integer[], %(kinds)s::text[], %(stocked_item_ids)s::bigint[],
           %(position_ids)s::bigint[], %(quantities)s::numeric[], %(amounts)s::numeric[], %(references)s::text[],
           %(effective_times)s::timestamptz[], %(received)s::numeric[], %(available)s::numeric[],
           %(reserved)s::numeric[], %(picked)s::numeric[], %(delivered)s::numeric[], %(transferred)s::numeric[],
           %(removed)s::numeric[], %(values)s::numeric[], %(position_available)s::numeric[],
           %(position_reserved)s::numeric[], %(position_picked)s::numeric[], %(position_on_order)s::numeric[]
       ) WITH ORDINALITY
       AS moved(entry_number, line, kind, stocked_item_id, position_id, quantity, amount, reference, effective_time,
                received, available, reserved, picked, delivered, transferred, removed, value, position_available,
                position_reserved, position_picked, position_on_order, number)
 WHERE head.tenant_id = %(tenant_id)s
"""

_UPDATE_STOCKED_ITEMS = """
UPDATE stocked_item AS s
   SET received = changed.received, available = changed.available, reserved = changed.reserved,
       picked = changed.picked, delivered = changed.delivered, transferred = changed.transferred,
       removed = changed.removed, open = changed.open, value = changed.value
  FROM unnest(
           %(stocked_item_ids)s::bigint[], %(received)s::numeric[], %(available)s::numeric[], %(reserved)s::numeric[],
           %(picked)s::numeric[], %(delivered)s::numeric[], %(transferred)s::numeric[], %(removed)s::numeric[],
           %(open)s::boolean[], %(values)s::numeric[]
       ) AS changed(stocked_item_id, received, available, reserved, picked, delivered, transferred, removed, open,
                    value)
 WHERE s.tenant_id = %(tenant_id)s AND s.stocked_item_id = changed.stocked_item_id
"""

_INSERT_STOCKED_ITEMS = """
INSERT INTO stocked_item (
    tenant_id, stocked_item_id, position_id, item_id, location_id, receive_time, received, available, reserved, picked,
    delivered, transferred, removed, open, unit_cost, value, lot, serial_number, extensions,
    create_time
)
SELECT head.tenant_id, added.*, head.record_time
  FROM journal_head AS head,
       unnest(
           %(stocked_item_ids)s::bigint[], %(position_ids)s::bigint[], %(item_ids)s::bigint[],
           %(location_ids)s::bigint[], %(receive_times)s::timestamptz[], %(received)s::numeric[],
           %(available)s::numeric[], %(reserved)s::numeric[], %(picked)s::numeric[], %(delivered)s::numeric[],
           %(transferred)s::numeric[], %(removed)s::numeric[], %(open)s::boolean[], %(unit_costs)s::numeric[],
           %(values)s::numeric[], %(lots)s::text[], %(serial_numbers)s::text[],
           %(extensions)s::jsonb[]
       ) AS added
 WHERE head.tenant_id = %(tenant_id)s
"""

_UPDATE_POSITIONS = """
UPDATE position AS p
   SET available = changed.available, reserved = changed.reserved, picked = changed.picked,
       on_order = changed.on_order
  FROM unnest(
           %(position_ids)s::bigint[], %(available)s::numeric[], %(reserved)s::numeric[], %(picked)s::numeric[],
           %(on_order)s::numeric[]
       ) AS changed(position_id, available, reserved, picked, on_order)
 WHERE p.tenant_id = %(tenant_id)s AND p.position_id = changed.position_id
"""


_CLOSE_POSITIONS = """
UPDATE position AS p
   SET close_time = head.record_time
  FROM journal_head AS head
 WHERE head.tenant_id = %(tenant_id)s
   AND p.tenant_id = %(tenant_id)s
   AND p.position_id = ANY(%(position_ids)s::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the journal head gave to a batch: the last ids of it, and its record time."""

    last_operation_id: int
    last_movement_id: int
    record_time: datetime


def record(
    connection: Connection[Any], tenant_id: int, entries: Sequence[Entry], shelves: Iterable[Shelf], now: datetime
) -> Numbers:
    """Write `entries` and the `shelves` that they changed, in the transaction under way, and commit it."""
    recorder = _Recorder(connection, tenant_id, entries, now)
    shelves = list(shelves)
    with connection.pipeline():
        numbered = recorder.number()
        recorder.operations()
        recorder.movements()
        recorder.stock([shelf for shelf in shelves if shelf.changed])
        recorder.close([shelf for shelf in shelves if shelf.closes])
        connection.commit()
    return Numbers(*numbered.fetchall()[0])


def number_and_record(connection: Connection[Any], tenant_id: int, entry: Entry) -> Numbers:
    """Write one entry that moves no stock, such as a location's creation, in the transaction under way."""
    recorder = _Recorder(connection, tenant_id, [entry], entry.effective_time)
    numbered = recorder.number()
    recorder.operations()
    return Numbers(*numbered.fetchall()[0])


class _Recorder:
    """Sends the statements that write a batch."""

    def __init__(self, connection: Connection[Any], tenant_id: int, entries: Sequence[Entry], now: datetime) -> None:
        self._connection = connection
        self._entries = entries
        self._now = now
        self._base = {
            "tenant_id": tenant_id,
            "operations": len(entries),
            "movements": sum(len(entry.movements) for entry in entries),
        }

    def number(self) -> Cursor[Any]:
        """Take the next numbers and extend the hash chain: the tenant's last lock, held until the commit."""
        return self._execute(_NUMBER, now=self._now, digest=digest(self._entries))

    def operations(self) -> None:
        """Append the operations."""
        entries = self._entries
        self._execute(
            _RECORD_OPERATIONS,
            request_ids=numbers(entry.request_id for entry in entries),
            kinds=texts(entry.kind for entry in entries),
            fingerprints=binaries(entry.fingerprint for entry in entries),
            actors=texts(entry.actor for entry in entries),
            reasons=texts(entry.reason for entry in entries),
            movement_counts=numbers(len(entry.movements) for entry in entries),
            effective_times=numbers(entry.effective_time for entry in entries),
        )

    def movements(self) -> None:
        """Append their movements, each with what came after it."""
        rows = [
            (number, line, movement)
            for number, entry in enumerate(self._entries, start=1)
            for line, movement in enumerate(entry.movements, start=1)
        ]
        if not rows:
            return
        moved = [movement for _, _, movement in rows]
        totals = [movement.totals for movement in moved]
        self._execute(
            _RECORD_MOVEMENTS,
            entry_numbers=numbers(number for number, _, _ in rows),
            lines=numbers(line for _, line, _ in rows),
            kinds=numbers(movement.kind for movement in moved),
            stocked_item_ids=numbers(movement.stocked_item.stocked_item_id for movement in moved),
            position_ids=numbers(movement.stocked_item.position_id for movement in moved),
            quantities=numbers(movement.quantity for movement in moved),
            amounts=numbers(movement.amount for movement in moved),
            references=texts(movement.reference for movement in moved),
            effective_times=numbers(movement.effective_time for movement in moved),
            values=numbers(movement.stocked_item.value for movement in moved),
            position_available=numbers(total.available for total in totals),
            position_reserved=numbers(total.reserved for total in totals),
            position_picked=numbers(total.picked for total in totals),
            position_on_order=numbers(total.on_order for total in totals),
            **_places([movement.stocked_item for movement in moved]),
        )

    def stock(self, shelves: Sequence[Shelf]) -> None:
        """Write what the movements made of stocked items and positions."""
        if not shelves:
            return
        changed = [item for shelf in shelves for item in shelf.changed.values()]
        added = {stocked_item_id for shelf in shelves for stocked_item_id in shelf.added}
        # What left first: a serial number may have come back since, and is in stock only once.
        self._update([item for item in changed if item.stocked_item_id not in added])
        self._insert([item for item in changed if item.stocked_item_id in added])
        self._execute(
            _UPDATE_POSITIONS,
            position_ids=numbers(shelf.position_id for shelf in shelves),
            available=numbers(shelf.totals.available for shelf in shelves),
            reserved=numbers(shelf.totals.reserved for shelf in shelves),
            picked=numbers(shelf.totals.picked for shelf in shelves),
            on_order=numbers(shelf.totals.on_order for shelf in shelves),
        )

    def close(self, shelves: Sequence[Shelf]) -> None:
        """Close these positions, after what was left at them has gone."""
        if shelves:
            self._execute(_CLOSE_POSITIONS, position_ids=numbers(shelf.position_id for shelf in shelves))

    def _insert(self, items: Sequence[StockedItem]) -> None:
        if items:
            self._execute(
                _INSERT_STOCKED_ITEMS,
                stocked_item_ids=numbers(item.stocked_item_id for item in items),
                position_ids=numbers(item.position_id for item in items),
                item_ids=numbers(item.item_id for item in items),
                location_ids=numbers(item.location_id for item in items),
                receive_times=numbers(item.receive_time for item in items),
                open=numbers(item.places.on_hand > 0 for item in items),
                unit_costs=numbers(item.unit_cost for item in items),
                values=numbers(item.value for item in items),
                lots=texts(item.lot for item in items),
                serial_numbers=texts(item.serial_number for item in items),
                extensions=texts(dump_json(item.extensions) for item in items),
                **_places(items),
            )

    def _update(self, items: Sequence[StockedItem]) -> None:
        if items:
            self._execute(
                _UPDATE_STOCKED_ITEMS,
                stocked_item_ids=numbers(item.stocked_item_id for item in items),
                open=numbers(item.places.on_hand > 0 for item in items),
                values=numbers(item.value for item in items),
                **_places(items),
            )

    def _execute(self, statement: str, **parameters: object) -> Cursor[Any]:
        return self._connection.execute(statement, self._base | parameters, prepare=True)


def _places(items: Sequence[StockedItem]) -> dict[str, str]:
    """One array for `received` and one for each place, by name."""
    return {name: numbers(getattr(item.places, name) for item in items) for name in ("received", *PLACE_NAMES)}
