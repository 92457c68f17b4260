"""The statement that numbers operations under the journal head, and writes them and their movements into the journal.

It also lets stocked items and positions be what their last movements say of them. There are three forms of it: for a batch,
for operations that move nothing, and for a single operation with a single movement, which most calls are that come alone.
"""

from typing import Final

from storekeeper_kit.round_trips import Statement

_NUMBER: Final = """
WITH head AS (
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
      FROM (SELECT CASE WHEN %(first)s::boolean THEN clock_timestamp() END AS now) AS clock
     WHERE head.tenant_id = %(tenant_id)s
    RETURNING head.*
)
"""

_RECORD_OPERATIONS: Final = """
, recorded AS (
    INSERT INTO operation (
        tenant_id, operation_id, request_id, kind, fingerprint, actor, reason, movement_count, last_movement_id,
        effective_time, record_time, draws, chain_hash
    )
    SELECT tenant_id, {operation_id}, {entry}.request_id, {entry}.kind, {entry}.fingerprint, {entry}.actor,
           {entry}.reason, {entry}.movement_count, {last_movement_id}, {entry}.effective_time, record_time,
           {entry}.draws, {chain_hash}
      FROM {entries}
)
"""

_RECORD_MOVEMENTS: Final = """
, moved AS (
    INSERT INTO movement (
        tenant_id, movement_id, operation_id, line, kind, stocked_item_id, position_id, quantity, amount, reference,
        effective_time, record_time, received_after, available_after, reserved_after, picked_after, delivered_after,
        transferred_after, removed_after, value_after, position_available_after, position_reserved_after,
        position_picked_after, position_on_order_after, demand, order_line, reversed_movement_id, unit_cost
    )
    SELECT tenant_id, {movement_id}, {operation_id}, {moved}.line, {moved}.kind, {moved}.stocked_item_id,
           {moved}.position_id, {moved}.quantity, {moved}.amount, {moved}.reference, {moved}.effective_time, record_time,
           {moved}.received_after, {moved}.available_after, {moved}.reserved_after, {moved}.picked_after,
           {moved}.delivered_after, {moved}.transferred_after, {moved}.removed_after, {moved}.value_after,
           {moved}.position_available_after, {moved}.position_reserved_after, {moved}.position_picked_after,
           {moved}.position_on_order_after, {moved}.demand, {moved}.order_line, {moved}.reversed_movement_id,
           {moved}.unit_cost
      FROM {movements}
), stocked_items AS (
    UPDATE stocked_item AS s
       SET received = {last}.received_after, available = {last}.available_after, reserved = {last}.reserved_after,
           picked = {last}.picked_after, delivered = {last}.delivered_after, transferred = {last}.transferred_after,
           removed = {last}.removed_after, value = {last}.value_after,
           open = {last}.available_after + {last}.reserved_after + {last}.picked_after > 0
     {of_stocked_items}
), positions AS (
    UPDATE position AS p
       SET available = {last}.position_available_after, reserved = {last}.position_reserved_after,
           picked = {last}.position_picked_after, on_order = {last}.position_on_order_after
     {of_positions}
)
"""

_NUMBERS: Final = "\nSELECT last_operation_id, last_movement_id, record_time FROM head"

_OPERATIONS_OF_A_BATCH: Final = {
    "operation_id": "last_operation_id - %(operations)s + ordinality",
    "last_movement_id": "last_movement_id - %(movements)s + sum(movement_count) OVER (ORDER BY ordinality)",
    "chain_hash": "CASE WHEN ordinality = %(operations)s THEN chain_hash END",
    "entry": "entry",
    "entries": "head, unnest(%(entries)s::journal_entry[]) WITH ORDINALITY AS entry",
}

# The limits cut nothing: they and the movements' own tenant keep the planner to looking rows up one by one, also where it
# knows nothing of a table yet.
_MOVEMENTS_OF_A_BATCH: Final = {
    "movement_id": "last_movement_id - %(movements)s + ordinality",
    "operation_id": "last_operation_id - %(operations)s + entry_number",
    "moved": "moved",
    "movements": """head, unnest(%(lines)s::journal_line[]) WITH ORDINALITY AS moved
    RETURNING *""",
    "last": "last",
    "of_stocked_items": """
      FROM (SELECT DISTINCT ON (stocked_item_id) * FROM moved ORDER BY stocked_item_id, movement_id DESC
             LIMIT %(movements)s) AS last
     WHERE s.tenant_id = last.tenant_id AND s.stocked_item_id = last.stocked_item_id
       AND NOT s.stocked_item_id = ANY(%(described)s::bigint[])""",
    "of_positions": """
      FROM (SELECT DISTINCT ON (position_id) * FROM moved ORDER BY position_id, movement_id DESC
             LIMIT %(movements)s) AS last
     WHERE p.tenant_id = last.tenant_id AND p.position_id = last.position_id""",
}

# Without sets that are joined, numbered and sorted, PostgreSQL takes a quarter less for it.
_ENTRY: Final = "((%(entries)s::journal_entry[])[1])"
_LINE: Final = "((%(lines)s::journal_line[])[1])"
_SINGLE_MOVEMENT: Final = {
    "operation_id": "last_operation_id",
    "last_movement_id": "last_movement_id",
    "movement_id": "last_movement_id",
    "chain_hash": "chain_hash",
    "entry": _ENTRY,
    "entries": "head",
    "moved": _LINE,
    "movements": "head",
    "last": _LINE,
    "of_stocked_items": f"WHERE s.tenant_id = %(tenant_id)s AND s.stocked_item_id = {_LINE}.stocked_item_id",
    "of_positions": f"WHERE p.tenant_id = %(tenant_id)s AND p.position_id = {_LINE}.position_id",
}


def _statement(*parts: str) -> Statement:
    return Statement(_NUMBER + "".join(parts) + _NUMBERS)


RECORD: Final = _statement(
    _RECORD_OPERATIONS.format(**_OPERATIONS_OF_A_BATCH), _RECORD_MOVEMENTS.format(**_MOVEMENTS_OF_A_BATCH)
)
RECORD_UNMOVED: Final = _statement(_RECORD_OPERATIONS.format(**_OPERATIONS_OF_A_BATCH))
RECORD_SINGLE: Final = _statement(
    _RECORD_OPERATIONS.format(**_SINGLE_MOVEMENT), _RECORD_MOVEMENTS.format(**_SINGLE_MOVEMENT)
)
