-- The fixed baseline: oldest-first removal as one PL/pgSQL function that does no more than it must.
--
-- It locks nothing but the layers that it takes from, oldest first, and each commit stands for itself. Against the
-- ledger it leaves out: the position's totals, numbers without gaps in the order of commits, the hash chain, costs, the
-- caller, validation of what was asked, and the network between a client and a service.

CREATE TABLE layer (
    tenant_id bigint NOT NULL,
    layer_id bigint GENERATED ALWAYS AS IDENTITY,
    item_id bigint NOT NULL,
    location_id bigint NOT NULL,
    receive_time timestamptz NOT NULL,
    received numeric(18, 6) NOT NULL,
    available numeric(18, 6) NOT NULL,
    removed numeric(18, 6) NOT NULL DEFAULT 0,
    open boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant_id, layer_id),
    CHECK (available >= 0 AND removed >= 0 AND received = available + removed AND open = (available > 0))
) WITH (fillfactor = 80);

CREATE INDEX ON layer (tenant_id, item_id, location_id, receive_time, layer_id) WHERE open;

CREATE TABLE operation (
    tenant_id bigint NOT NULL,
    request_id uuid NOT NULL,
    item_id bigint NOT NULL,
    location_id bigint NOT NULL,
    quantity numeric(18, 6) NOT NULL,
    record_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, request_id)
);

CREATE TABLE movement (
    tenant_id bigint NOT NULL,
    movement_id bigint GENERATED ALWAYS AS IDENTITY,
    request_id uuid NOT NULL,
    layer_id bigint NOT NULL,
    quantity numeric(18, 6) NOT NULL,
    received_after numeric(18, 6) NOT NULL,
    available_after numeric(18, 6) NOT NULL,
    removed_after numeric(18, 6) NOT NULL,
    PRIMARY KEY (tenant_id, movement_id)
);

CREATE FUNCTION remove_stock(
    _tenant_id bigint, _request_id uuid, _item_id bigint, _location_id bigint, _quantity numeric
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    missing numeric := _quantity;
    oldest layer;
    moved bigint := 0;
BEGIN
    INSERT INTO operation (tenant_id, request_id, item_id, location_id, quantity)
    VALUES (_tenant_id, _request_id, _item_id, _location_id, _quantity)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        IF NOT EXISTS (
            SELECT FROM operation
             WHERE tenant_id = _tenant_id AND request_id = _request_id
               AND item_id = _item_id AND location_id = _location_id AND quantity = _quantity
        ) THEN
            RAISE EXCEPTION 'request id reused';
        END IF;
        RETURN 0;
    END IF;
    WHILE missing > 0 LOOP
        -- One at a time: a loop over a query would lock the layers that it reads ahead.
        SELECT * INTO oldest
          FROM layer
         WHERE tenant_id = _tenant_id AND item_id = _item_id AND location_id = _location_id AND open
         ORDER BY receive_time, layer_id
         LIMIT 1
           FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'insufficient stock';
        END IF;
        WITH changed AS (
            UPDATE layer
               SET available = available - least(available, missing),
                   removed = removed + least(available, missing),
                   open = available > missing
             WHERE tenant_id = _tenant_id AND layer_id = oldest.layer_id
            RETURNING *
        )
        INSERT INTO movement (
            tenant_id, request_id, layer_id, quantity, received_after, available_after, removed_after
        )
        SELECT tenant_id, _request_id, layer_id, least(oldest.available, missing), received, available, removed
          FROM changed;
        missing := missing - least(oldest.available, missing);
        moved := moved + 1;
    END LOOP;
    RETURN moved;
END
$$;
