-- The items that the measurements draw on, registered already: so the outbox has nothing for them.

INSERT INTO item (
    tenant_id, sku, name, description, type, tracking, quantity_scale, state, unit_cost, currency_code, extensions,
    version, request_id, fingerprint, create_time, update_time
)
SELECT %(tenant_id)s, 'SKU-' || number, 'Item ' || number, '', 'inventory', 'none', 0, 'active', 9.5, 'USD',
       '{"autotask": {"productBillingCodeID": 7}}', 1, gen_random_uuid(), sha256(int8send(number)), now(), now()
  FROM generate_series(1, %(items)s::bigint) AS number
