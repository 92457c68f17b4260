-- Registers all items, and opens a position for each at one location as one batch of the journal: numbered under the
-- tenant's head and sealed by its hash chain, as the ledger would have done it. Ten thousand calls would take minutes.
-- Items that are registered already get a position at one more location.

WITH opened AS MATERIALIZED (
    SELECT number, gen_random_uuid() AS request_id, sha256(int8send(number)) AS fingerprint
      FROM generate_series(1, %(items)s::bigint) AS number
), registered AS (
    INSERT INTO item (tenant_id, item_id, version, tracking, quantity_scale)
    SELECT %(tenant_id)s, number, 1, 'none', 0
      FROM opened
        ON CONFLICT DO NOTHING
), clock AS MATERIALIZED (
    SELECT now, int8send((extract(epoch FROM now) * 1000000)::bigint) AS microseconds
      FROM (SELECT clock_timestamp() AS now) AS read
), contents AS (
    SELECT sha256(convert_to(string_agg(
               format('["%%s","open_position","%%s","bench","",%%s]', request_id, encode(fingerprint, 'hex'),
                      (extract(epoch FROM now) * 1000000)::bigint) || E'\n',
               '' ORDER BY number
           ), 'UTF8')) AS digest
      FROM opened, clock
), head AS (
    UPDATE journal_head AS head
       SET last_operation_id = last_operation_id + %(items)s,
           record_time = now,
           chain_hash = sha256(
               chain_hash || digest || int8send(last_operation_id + %(items)s) || int8send(last_movement_id)
               || microseconds
           )
      FROM contents, clock
     WHERE head.tenant_id = %(tenant_id)s
    RETURNING last_operation_id - %(items)s AS before, last_movement_id, record_time, chain_hash
), recorded AS (
    INSERT INTO operation (
        tenant_id, operation_id, request_id, kind, fingerprint, actor, reason, movement_count, last_movement_id,
        effective_time, record_time, chain_hash
    )
    SELECT %(tenant_id)s, before + number, request_id, 'open_position', fingerprint, 'bench', '', 0, last_movement_id,
           record_time, record_time, CASE WHEN number = %(items)s THEN chain_hash END
      FROM opened, head
)
INSERT INTO position (
    tenant_id, item_id, location_id, bin, reference_number, operation_id, revision, create_time
)
SELECT %(tenant_id)s, number, %(location_id)s, '', '', before + number, 1, record_time
  FROM opened, head
