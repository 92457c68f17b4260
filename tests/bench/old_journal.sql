-- A journal of years: so many movements, taken in turn from one layer of each item. Numbers, totals and what came after
-- each movement agree with each other; only the seals are missing. It stands in a database that nobody verifies.

INSERT INTO location (tenant_id, name, active, operation_id, revision, create_time)
VALUES (%(tenant_id)s, 'Old', true, 1, 1, '2019-01-01Z');

INSERT INTO item (tenant_id, item_id, version, tracking, quantity_scale)
SELECT %(tenant_id)s, number, 1, 'none', 0
  FROM generate_series(1, %(items)s + 2) AS number;

INSERT INTO position (
    tenant_id, item_id, location_id, bin, reference_number, operation_id, revision, create_time, available
)
SELECT %(tenant_id)s, number, location_id, '', '', 1 + number, 1, '2019-01-01Z',
       CASE WHEN number <= %(items)s THEN %(quantity)s - %(movements)s / %(items)s + 1 ELSE 0 END
  FROM location, generate_series(1, %(items)s + 2) AS number
 WHERE tenant_id = %(tenant_id)s
 ORDER BY number;

INSERT INTO stocked_item (
    tenant_id, position_id, item_id, location_id, receive_time, received, available, removed, open, lot, serial_number,
    create_time
)
SELECT tenant_id, position_id, item_id, location_id, '2019-01-01Z', %(quantity)s, available, %(quantity)s - available,
       true, '', '', create_time
  FROM position
 WHERE tenant_id = %(tenant_id)s AND item_id <= %(items)s
 ORDER BY item_id;

-- A thousand movements to an operation, after those that opened the positions.
INSERT INTO operation (
    tenant_id, operation_id, request_id, kind, fingerprint, actor, reason, movement_count, last_movement_id,
    effective_time, record_time
)
SELECT %(tenant_id)s, number, gen_random_uuid(), CASE WHEN count > 0 THEN 'remove_stock' ELSE 'open_position' END,
       sha256(int8send(number)), 'bench', '', count, last, time, time
  FROM generate_series(1, %(items)s + 3 + %(movements)s / 1000) AS number,
       LATERAL (SELECT greatest(number - %(items)s - 3, 0) * 1000 AS last) AS movements,
       LATERAL (SELECT least(last, 1000) AS count, '2019-01-01Z'::timestamptz + last * interval '1 second' AS time) AS facts;

INSERT INTO movement (
    tenant_id, movement_id, operation_id, line, kind, stocked_item_id, position_id, quantity, reference, effective_time,
    record_time, received_after, available_after, reserved_after, picked_after, delivered_after, transferred_after,
    removed_after, position_available_after, position_reserved_after, position_picked_after, position_on_order_after
)
SELECT tenant_id, number, %(items)s + 4 + (number - 1) / 1000, 1 + (number - 1) %% 1000,
       CASE round WHEN 0 THEN 'added' ELSE 'removed' END, stocked_item_id, position_id,
       CASE round WHEN 0 THEN %(quantity)s ELSE 1 END, '', time, time, %(quantity)s, %(quantity)s - round, 0, 0, 0, 0, round,
       %(quantity)s - round, 0, 0, 0
  FROM generate_series(0, %(movements)s / %(items)s - 1) AS round
 CROSS JOIN stocked_item
 CROSS JOIN LATERAL (SELECT round * %(items)s + item_id AS number) AS numbered
 CROSS JOIN LATERAL (SELECT '2019-01-01Z'::timestamptz + (number + 999) / 1000 * interval '1000 seconds' AS time) AS clock
 WHERE tenant_id = %(tenant_id)s
 ORDER BY number;

INSERT INTO journal_head (tenant_id, last_operation_id, last_movement_id, record_time, chain_hash)
SELECT tenant_id, max(operation_id), max(last_movement_id), max(record_time), sha256('')
  FROM operation
 WHERE tenant_id = %(tenant_id)s
 GROUP BY tenant_id;
