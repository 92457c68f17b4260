"""What PostgreSQL itself can compare: sums, and rows that name each other.

Each statement answers with the first row that is wrong, as `Finding` has it, or with none.
"""

from collections.abc import Iterator
from typing import Final, LiteralString

from .findings import Finding
from .snapshot import Snapshot


def first_finding(snapshot: Snapshot, tenant_id: int, statement: LiteralString) -> Iterator[Finding]:
    """The first row that a statement finds wrong."""
    found = snapshot.first(statement, tenant_id)
    if found is not None:
        yield Finding(*found)


TIMES: Final = """
WITH told AS (
    SELECT 1 AS rank, format('operation %%s', operation_id) AS row, operation_id AS id, time.*
      FROM operation
     CROSS JOIN LATERAL (VALUES ('effective_time', effective_time), ('record_time', record_time)) AS time(name, says)
     WHERE tenant_id = %(tenant_id)s
     UNION ALL
    SELECT 2, format('movement %%s', movement_id), movement_id, time.*
      FROM movement
     CROSS JOIN LATERAL (VALUES ('effective_time', effective_time), ('record_time', record_time)) AS time(name, says)
     WHERE tenant_id = %(tenant_id)s
     UNION ALL
    SELECT 3, format('stocked_item %%s', stocked_item_id), stocked_item_id, time.*
      FROM stocked_item
     CROSS JOIN LATERAL (
           VALUES ('receive_time', receive_time), ('create_time', create_time), ('expire_time', expire_time)
           ) AS time(name, says)
     WHERE tenant_id = %(tenant_id)s
     UNION ALL
    SELECT 4, format('position %%s', position_id), position_id, time.*
      FROM position
     CROSS JOIN LATERAL (
           VALUES ('create_time', create_time), ('close_time', close_time), ('next_expiry', next_expiry)
           ) AS time(name, says)
     WHERE tenant_id = %(tenant_id)s
     UNION ALL
    SELECT 5, format('reservation (%%s, %%L, %%s)', position_id, demand, stocked_item_id), position_id, 'expire_time', expire_time
      FROM reservation
     WHERE tenant_id = %(tenant_id)s
     UNION ALL
    SELECT 6, 'journal_head', 0, 'record_time', record_time
      FROM journal_head
     WHERE tenant_id = %(tenant_id)s
)
SELECT row, format(': %%s is %%s, should be another', name, says), 'no such time is ever recorded'
  FROM told
 WHERE NOT (says >= '0001-01-01Z' AND says < '10000-01-01Z')
 ORDER BY rank, id
 LIMIT 1
"""
"""A time is one that a client can read. Nothing else can be checked where there is another."""

NAMES: Final = """
SELECT format('movement %%s', m.movement_id),
       format(
           ': %%s is %%s, should be another',
           CASE WHEN p.position_id IS NULL THEN 'position_id' ELSE 'stocked_item_id' END,
           CASE WHEN p.position_id IS NULL THEN m.position_id ELSE m.stocked_item_id END
       ),
       'there is none such'
  FROM movement m
  LEFT JOIN position p ON p.tenant_id = m.tenant_id AND p.position_id = m.position_id
  LEFT JOIN stocked_item s ON s.tenant_id = m.tenant_id AND s.stocked_item_id = m.stocked_item_id
 WHERE m.tenant_id = %(tenant_id)s
   AND (p.position_id IS NULL OR (m.stocked_item_id IS NOT NULL AND s.stocked_item_id IS NULL))
 ORDER BY m.movement_id
 LIMIT 1
"""
"""A movement is at a position and, unless units are only expected, of a stocked item."""

TOTALS: Final = """
WITH lies AS (
    SELECT position_id, sum(available) AS available, sum(reserved) AS reserved, sum(picked) AS picked
      FROM stocked_item
     WHERE tenant_id = %(tenant_id)s
     GROUP BY position_id
), comes AS (
    SELECT position_id, sum(on_order) AS on_order
      FROM expectation
     WHERE tenant_id = %(tenant_id)s
     GROUP BY position_id
)
SELECT format('position %%s', p.position_id),
       format(': %%s is %%s, should be %%s', total.name, trim_scale(total.says), trim_scale(total.should)),
       'its stocked items and expectations have so many together'
  FROM position p
  LEFT JOIN lies ON lies.position_id = p.position_id
  LEFT JOIN comes ON comes.position_id = p.position_id
 CROSS JOIN LATERAL (
       VALUES ('available', p.available, coalesce(lies.available, 0)),
              ('reserved', p.reserved, coalesce(lies.reserved, 0)),
              ('picked', p.picked, coalesce(lies.picked, 0)),
              ('on_order', p.on_order, coalesce(comes.on_order, 0))
       ) AS total(name, says, should)
 WHERE p.tenant_id = %(tenant_id)s AND total.says <> total.should
 ORDER BY p.position_id
 LIMIT 1
"""
"""I3: the totals of a position are the sums of its stocked items, and of what order lines have on order."""

HELD: Final = """
WITH held AS (
    SELECT stocked_item_id, sum(reserved) AS reserved, sum(picked) AS picked
      FROM reservation
     WHERE tenant_id = %(tenant_id)s
     GROUP BY stocked_item_id
)
SELECT format('stocked_item %%s', s.stocked_item_id),
       format(': %%s is %%s, should be %%s', place.name, trim_scale(place.says), trim_scale(place.should)),
       'so much is held by demands'
  FROM stocked_item s
  LEFT JOIN held ON held.stocked_item_id = s.stocked_item_id
 CROSS JOIN LATERAL (
       VALUES ('reserved', s.reserved, coalesce(held.reserved, 0)), ('picked', s.picked, coalesce(held.picked, 0))
       ) AS place(name, says, should)
 WHERE s.tenant_id = %(tenant_id)s AND place.says <> place.should
 ORDER BY s.stocked_item_id
 LIMIT 1
"""
"""I4: what demands hold of a stocked item is what is reserved and picked of it."""

EXPIRIES: Final = """
SELECT format('reservation (%%s, %%L)', position_id, demand),
       format(
           ': expire_time is %%s, should be %%s',
           CASE WHEN count(*) = count(expire_time) THEN max(expire_time)::text ELSE 'nothing' END,
           min(expire_time)
       ),
       'what a demand has reserved at a position expires at one time'
  FROM reservation
 WHERE tenant_id = %(tenant_id)s AND reserved > 0
 GROUP BY position_id, demand
HAVING min(expire_time) <> max(expire_time) OR count(expire_time) NOT IN (0, count(*))
 ORDER BY position_id, demand
 LIMIT 1
"""
"""What a demand has reserved at a position expires at one time."""

NEXT_EXPIRY: Final = """
WITH expires AS (
    SELECT position_id, min(expire_time) AS first
      FROM reservation
     WHERE tenant_id = %(tenant_id)s AND expire_time IS NOT NULL
     GROUP BY position_id
)
SELECT format('position %%s', p.position_id),
       format(
           ': next_expiry is %%s, should be %%s',
           coalesce(p.next_expiry::text, 'nothing'),
           coalesce(expires.first::text, 'nothing')
       ),
       'so the first of its reservations expires'
  FROM position p
  LEFT JOIN expires USING (position_id)
 WHERE p.tenant_id = %(tenant_id)s AND p.next_expiry IS DISTINCT FROM expires.first
 ORDER BY p.position_id
 LIMIT 1
"""
"""A position knows when the first of its reservations expires."""

ORDER_LINES: Final = """
WITH noted AS (
    SELECT e.order_line, p.item_id, sum(e.received) AS received
      FROM expectation e
      JOIN position p ON p.tenant_id = e.tenant_id AND p.position_id = e.position_id
     WHERE e.tenant_id = %(tenant_id)s
     GROUP BY e.order_line, p.item_id
), brought AS (
    SELECT order_line, item_id, sum(received) AS received
      FROM stocked_item
     WHERE tenant_id = %(tenant_id)s AND order_line <> ''
     GROUP BY order_line, item_id
)
SELECT format('expectation %%L of item %%s', order_line, item_id),
       format(
           ': received is %%s, should be %%s',
           coalesce(trim_scale(noted.received)::text, 'nothing'),
           coalesce(trim_scale(brought.received)::text, 'nothing')
       ),
       'its stocked items have so many units'
  FROM noted
  FULL JOIN brought USING (order_line, item_id)
 WHERE coalesce(noted.received, 0) <> coalesce(brought.received, 0)
 ORDER BY order_line, item_id
 LIMIT 1
"""
"""I12: what an order line has brought is what its stocked items have, wherever they have gone since."""

SERIAL_NUMBERS: Final = """
SELECT format('stocked_item %%s', max(stocked_item_id)),
       format(': serial_number is %%L, should be another', serial_number),
       format('stocked item %%s has it, and is in stock', min(stocked_item_id))
  FROM stocked_item
 WHERE tenant_id = %(tenant_id)s AND open AND serial_number <> ''
 GROUP BY item_id, serial_number
HAVING count(*) > 1
 ORDER BY max(stocked_item_id)
 LIMIT 1
"""
"""I7: a serial number is in stock once."""

REQUEST_IDS: Final = """
SELECT format('operation %%s', max(operation_id)),
       format(': request_id is %%s, should be another', request_id),
       format('operation %%s has it', min(operation_id))
  FROM operation
 WHERE tenant_id = %(tenant_id)s
 GROUP BY request_id
HAVING count(*) > 1
 ORDER BY max(operation_id)
 LIMIT 1
"""
"""I9: a request has one operation."""

TAKEN_BACK: Final = """
SELECT format('movement %%s', back.movement_id),
       format(
           ': reversed_movement_id is %%s, should be another', coalesce(back.reversed_movement_id::text, 'nothing')
       ),
       'it takes back as many units as the receipt of its stocked item brought, or fewer'
  FROM (
       SELECT *, sum(quantity) OVER (PARTITION BY reversed_movement_id ORDER BY movement_id) AS taken_back
         FROM movement
        WHERE tenant_id = %(tenant_id)s AND kind = 'unreceived'
       ) AS back
  LEFT JOIN movement receipt
    ON receipt.tenant_id = back.tenant_id
   AND receipt.movement_id = back.reversed_movement_id
   AND receipt.kind = 'received'
   AND receipt.stocked_item_id = back.stocked_item_id
   AND receipt.order_line = back.order_line
 WHERE receipt.movement_id IS NULL OR back.taken_back > receipt.quantity
 ORDER BY back.movement_id
 LIMIT 1
"""
"""I13: what is taken back names the receipt of the same stocked item, which was greater or as great."""

PARENTS: Final = """
WITH handed_down AS (
    SELECT arrival.stocked_item_id, departure.stocked_item_id AS parent_stocked_item_id
      FROM movement arrival
      LEFT JOIN movement departure
        ON departure.tenant_id = arrival.tenant_id
       AND departure.movement_id = arrival.movement_id - 1
       AND departure.kind = 'transferred_out'
     WHERE arrival.tenant_id = %(tenant_id)s AND arrival.kind = 'transferred_in'
)
SELECT format('stocked_item %%s', child.stocked_item_id),
       format(
           ': %%s is %%s, should be %%s', wrong.name, coalesce(wrong.says, 'nothing'), coalesce(wrong.should, 'nothing')
       ),
       wrong.because
  FROM stocked_item child
  LEFT JOIN handed_down USING (stocked_item_id)
  LEFT JOIN stocked_item parent
    ON parent.tenant_id = child.tenant_id AND parent.stocked_item_id = child.parent_stocked_item_id
 CROSS JOIN LATERAL (
       VALUES (1, 'parent_stocked_item_id', child.parent_stocked_item_id::text,
               handed_down.parent_stocked_item_id::text, 'so its units were transferred'),
              (2, 'item_id', child.item_id::text, coalesce(parent.item_id, child.item_id)::text, 'so its parent has'),
              (3, 'lot', quote_literal(child.lot), quote_literal(coalesce(parent.lot, child.lot)), 'so its parent has'),
              (4, 'receive_time', child.receive_time::text, coalesce(parent.receive_time, child.receive_time)::text,
               'so its parent has'),
              (5, 'location_id', child.location_id::text,
               CASE WHEN child.location_id = parent.location_id THEN 'another' ELSE child.location_id::text END,
               'its parent is there')
       ) AS wrong(rank, name, says, should, because)
 WHERE child.tenant_id = %(tenant_id)s AND wrong.says IS DISTINCT FROM wrong.should
 ORDER BY child.stocked_item_id, wrong.rank
 LIMIT 1
"""
"""What came by a transfer has a parent elsewhere, as old as itself."""

WHEREABOUTS: Final = """
SELECT format('stocked_item %%s', s.stocked_item_id),
       format(': item_id, location_id are (%%s, %%s), should be (%%s, %%s)', s.item_id, s.location_id, p.item_id, p.location_id),
       format('position %%s has them', p.position_id)
  FROM stocked_item s
  JOIN position p ON p.tenant_id = s.tenant_id AND p.position_id = s.position_id
 WHERE s.tenant_id = %(tenant_id)s AND (s.item_id, s.location_id) <> (p.item_id, p.location_id)
 ORDER BY s.stocked_item_id
 LIMIT 1
"""
"""A stocked item is of the item and at the location of its position."""

OPEN_POSITIONS: Final = """
SELECT format('position %%s', max(position_id)), ' should not be there',
       format('position %%s is open, of the same item at the same location', min(position_id))
  FROM position
 WHERE tenant_id = %(tenant_id)s AND close_time IS NULL
 GROUP BY item_id, location_id
HAVING count(*) > 1
 ORDER BY max(position_id)
 LIMIT 1
"""
"""An item has one open position at a location."""

CLOSINGS: Final = """
WITH closed AS (
    SELECT close_time AS time, count(*) AS positions, min(position_id) AS position_id
      FROM position
     WHERE tenant_id = %(tenant_id)s AND close_time IS NOT NULL
     GROUP BY close_time
), recorded AS (
    SELECT record_time AS time, count(*) AS positions, min(operation_id) AS operation_id
      FROM operation
     WHERE tenant_id = %(tenant_id)s AND kind = 'close_position'
     GROUP BY record_time
)
SELECT coalesce('operation ' || operation_id, 'position ' || position_id),
       format(
           ': %%s positions were closed at %%s, should be %%s', coalesce(closed.positions, 0), time,
           coalesce(recorded.positions, 0)
       ),
       'each was closed by one operation'
  FROM closed
  FULL JOIN recorded USING (time)
 WHERE closed.positions IS DISTINCT FROM recorded.positions
 ORDER BY time
 LIMIT 1
"""
"""Each closed position was closed by one operation."""
