"""The journal's rows as its digest has them (see `domain/journal.py`): numbers written plainly, times in microseconds."""

from typing import Final, NamedTuple

DIGESTED_OPERATION: Final = 5
"""From this column of an operation on, all are in its digest."""

DIGESTED_MOVEMENT: Final = 3
"""The same of a movement."""

CAUSES: Final = 4
"""How many of a movement's last columns are there only if one of them is set."""


class Operation(NamedTuple):
    """An operation."""

    operation_id: int
    movement_count: int
    last_movement_id: int
    record_time: int
    chain_hash: bytes | None
    request_id: str
    kind: str
    fingerprint: str
    actor: str
    reason: str
    effective_time: int
    draws: str
    """In its digest only if it is told."""


class Movement(NamedTuple):
    """A movement."""

    movement_id: int
    operation_id: int
    record_time: int
    line: int
    kind: str
    stocked_item_id: int | None
    position_id: int
    quantity: str
    amount: str | None
    reference: str
    effective_time: int
    received_after: str | None
    available_after: str | None
    reserved_after: str | None
    picked_after: str | None
    delivered_after: str | None
    transferred_after: str | None
    removed_after: str | None
    value_after: str | None
    position_available_after: str
    position_reserved_after: str
    position_picked_after: str
    position_on_order_after: str
    demand: str
    order_line: str
    reversed_movement_id: int | None
    unit_cost: str | None


class Head(NamedTuple):
    """Where the journal ends."""

    last_operation_id: int
    last_movement_id: int
    record_time: int
    chain_hash: bytes


OPERATIONS: Final = """
SELECT operation_id, movement_count, last_movement_id, (extract(epoch FROM record_time) * 1000000)::bigint, chain_hash,
       request_id::text, kind, encode(fingerprint, 'hex'), actor, reason,
       (extract(epoch FROM effective_time) * 1000000)::bigint, draws
  FROM operation
 WHERE tenant_id = %s
 ORDER BY operation_id
"""

MOVEMENTS: Final = """
SELECT movement_id, operation_id, (extract(epoch FROM record_time) * 1000000)::bigint, line, kind, stocked_item_id,
       position_id, trim_scale(quantity)::text, trim_scale(amount)::text, reference,
       (extract(epoch FROM effective_time) * 1000000)::bigint, trim_scale(received_after)::text,
       trim_scale(available_after)::text, trim_scale(reserved_after)::text, trim_scale(picked_after)::text,
       trim_scale(delivered_after)::text, trim_scale(transferred_after)::text, trim_scale(removed_after)::text,
       trim_scale(value_after)::text, trim_scale(position_available_after)::text,
       trim_scale(position_reserved_after)::text, trim_scale(position_picked_after)::text,
       trim_scale(position_on_order_after)::text, demand, order_line, reversed_movement_id,
       trim_scale(unit_cost)::text
  FROM movement
 WHERE tenant_id = %s
 ORDER BY movement_id
"""

HEAD: Final = """
SELECT last_operation_id, last_movement_id, (extract(epoch FROM record_time) * 1000000)::bigint, chain_hash
  FROM journal_head
 WHERE tenant_id = %s
"""
