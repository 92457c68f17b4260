-- Two positions that differ in how many layers they have: emptied ones, all older, and open ones. No movement tells of
-- them: they stand in a database that nobody verifies.

INSERT INTO stocked_item (
    tenant_id, position_id, item_id, location_id, receive_time, received, available, removed, open, lot, serial_number,
    create_time
)
SELECT tenant_id, position_id, item_id, location_id, '2019-01-01Z'::timestamptz + number * interval '1 minute',
       %(quantity)s, CASE WHEN number > emptied THEN %(quantity)s ELSE 0 END,
       CASE WHEN number > emptied THEN 0 ELSE %(quantity)s END, number > emptied, '', '', create_time
  FROM position
  JOIN (VALUES (%(deep_item)s, %(emptied)s, %(open)s), (%(shallow_item)s, 0, %(few)s)) AS wanted(item_id, emptied, open)
 USING (item_id),
       LATERAL generate_series(1, emptied + wanted.open) AS number
 WHERE tenant_id = %(tenant_id)s
 ORDER BY item_id, number;

UPDATE position AS p
   SET available = layers.available
  FROM (SELECT position_id, sum(available) AS available
          FROM stocked_item
         WHERE tenant_id = %(tenant_id)s AND item_id IN (%(deep_item)s, %(shallow_item)s)
         GROUP BY position_id) AS layers
 WHERE p.tenant_id = %(tenant_id)s AND p.position_id = layers.position_id;
