"""What stock is promised to and expected by, what expires, where it came from, and what a tenant lets happen to it.

The release before goes on serving meanwhile. Each step commits by itself and can be repeated: columns come with a
constant default, which rewrites no row, and the indexes are built while everybody reads.
"""

from alembic import context, op

revision = "0003"
down_revision = "0002"

STEPS = (
    # Their rows change all the time and stay the same to a planner. Where autovacuum looks every second, as in a database of
    # `storekeeper up`, reading them anew for each tenth that changed cost a busy ledger a twelfth of what it could do.
    "ALTER TABLE position SET (autovacuum_analyze_scale_factor = 2)",
    "ALTER TABLE stocked_item SET (autovacuum_analyze_scale_factor = 2)",
    "ALTER TABLE journal_head SET (autovacuum_analyze_threshold = 100000)",
    """
    ALTER TABLE settings
        ADD COLUMN IF NOT EXISTS invoice_number_required BOOLEAN DEFAULT false NOT NULL,
        ADD COLUMN IF NOT EXISTS inactive_location_removal_allowed BOOLEAN DEFAULT false NOT NULL
    """,
    """
    ALTER TABLE item
        ADD COLUMN IF NOT EXISTS standard_cost NUMERIC(22, 10),
        ADD COLUMN IF NOT EXISTS forgotten BOOLEAN DEFAULT false NOT NULL
    """,
    """
    ALTER TABLE position
        ADD COLUMN IF NOT EXISTS next_expiry TIMESTAMP WITH TIME ZONE
    """,
    """
    ALTER TABLE stocked_item
        ADD COLUMN IF NOT EXISTS expire_time TIMESTAMP WITH TIME ZONE,
        ADD COLUMN IF NOT EXISTS parent_stocked_item_id BIGINT,
        ADD COLUMN IF NOT EXISTS order_line TEXT DEFAULT '' NOT NULL,
        ADD COLUMN IF NOT EXISTS invoice_number TEXT DEFAULT '' NOT NULL,
        ADD COLUMN IF NOT EXISTS expiry_operation_id BIGINT,
        DROP CONSTRAINT IF EXISTS stocked_item_serial_check,
        ADD CONSTRAINT stocked_item_serial_check CHECK (serial_number = '' OR received IN (0, 1)) NOT VALID
    """,
    "ALTER TABLE stocked_item VALIDATE CONSTRAINT stocked_item_serial_check",
    """
    ALTER TABLE operation
        ADD COLUMN IF NOT EXISTS draws TEXT DEFAULT '' NOT NULL
    """,
    """
    ALTER TABLE movement
        ADD COLUMN IF NOT EXISTS demand TEXT DEFAULT '' NOT NULL,
        ADD COLUMN IF NOT EXISTS order_line TEXT DEFAULT '' NOT NULL,
        ADD COLUMN IF NOT EXISTS reversed_movement_id BIGINT,
        ADD COLUMN IF NOT EXISTS unit_cost NUMERIC(22, 10),
        ALTER COLUMN stocked_item_id DROP NOT NULL,
        ALTER COLUMN received_after DROP NOT NULL,
        ALTER COLUMN available_after DROP NOT NULL,
        ALTER COLUMN reserved_after DROP NOT NULL,
        ALTER COLUMN picked_after DROP NOT NULL,
        ALTER COLUMN delivered_after DROP NOT NULL,
        ALTER COLUMN transferred_after DROP NOT NULL,
        ALTER COLUMN removed_after DROP NOT NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS reservation (
        tenant_id BIGINT NOT NULL,
        position_id BIGINT NOT NULL,
        demand TEXT NOT NULL,
        stocked_item_id BIGINT NOT NULL,
        reserved NUMERIC(18, 6) DEFAULT 0 NOT NULL,
        picked NUMERIC(18, 6) DEFAULT 0 NOT NULL,
        delivered NUMERIC(18, 6) DEFAULT 0 NOT NULL,
        delivered_value NUMERIC(22, 4),
        open BOOLEAN NOT NULL,
        expire_time TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (tenant_id, position_id, demand, stocked_item_id),
        FOREIGN KEY (tenant_id, stocked_item_id) REFERENCES stocked_item (tenant_id, stocked_item_id),
        CONSTRAINT reservation_places_check CHECK (reserved >= 0 AND picked >= 0 AND delivered >= 0),
        CONSTRAINT reservation_open_check CHECK (open = (reserved + picked > 0)),
        CONSTRAINT reservation_value_check CHECK (delivered_value >= 0 AND (delivered > 0 OR delivered_value = 0)),
        CONSTRAINT reservation_expiry_check CHECK (reserved > 0 OR expire_time IS NULL)
    ) WITH (fillfactor = 80)
    """,
    """
    CREATE INDEX IF NOT EXISTS reservation_demand_index
        ON reservation (tenant_id, demand, position_id, stocked_item_id)
    """,
    """
    CREATE INDEX IF NOT EXISTS reservation_stocked_item_index
        ON reservation (tenant_id, stocked_item_id)
    """,
    """
    CREATE INDEX IF NOT EXISTS reservation_open_index
        ON reservation (tenant_id, position_id, demand)
        WHERE open
    """,
    """
    CREATE INDEX IF NOT EXISTS reservation_expiry_index
        ON reservation (tenant_id, position_id, expire_time)
        WHERE expire_time IS NOT NULL
    """,
    """
    CREATE TABLE IF NOT EXISTS expectation (
        tenant_id BIGINT NOT NULL,
        position_id BIGINT NOT NULL,
        order_line TEXT NOT NULL,
        on_order NUMERIC(18, 6) DEFAULT 0 NOT NULL,
        received NUMERIC(18, 6) DEFAULT 0 NOT NULL,
        PRIMARY KEY (tenant_id, position_id, order_line),
        FOREIGN KEY (tenant_id, position_id) REFERENCES position (tenant_id, position_id),
        CONSTRAINT expectation_units_check CHECK (on_order >= 0 AND received >= 0)
    ) WITH (fillfactor = 80)
    """,
    """
    CREATE INDEX IF NOT EXISTS expectation_order_line_index
        ON expectation (tenant_id, order_line, position_id)
    """,
    """
    CREATE INDEX IF NOT EXISTS position_expiry_index
        ON position (tenant_id, next_expiry)
        WHERE next_expiry IS NOT NULL
    """,
    """
    CREATE INDEX IF NOT EXISTS stocked_item_expiry_index
        ON stocked_item (tenant_id, position_id, expire_time, receive_time, stocked_item_id)
        WHERE open AND expire_time IS NOT NULL
    """,
    """
    CREATE INDEX IF NOT EXISTS stocked_item_order_line_index
        ON stocked_item (tenant_id, position_id, order_line, receive_time, stocked_item_id)
        WHERE open AND order_line <> ''
    """,
    # What expires is available again from that instant on, whether or not somebody has written it down: by the time that
    # writers go by, which never runs behind the newest record, even if the clock is turned back.
    """
    CREATE OR REPLACE VIEW position_now AS
    SELECT p.tenant_id, p.position_id, p.item_id, p.location_id, p.bin, p.reference_number, p.minimum, p.maximum,
           p.available + coalesce(expired.units, 0) AS available, p.reserved - coalesce(expired.units, 0) AS reserved,
           p.picked, p.on_order, p.operation_id, p.revision, p.create_time, p.extensions, p.creator, p.close_time
      FROM position p
      LEFT JOIN LATERAL (
           SELECT sum(r.reserved) AS units
             FROM journal_head head
             JOIN reservation r
               ON r.tenant_id = head.tenant_id AND r.expire_time <= greatest(now(), head.record_time)
            WHERE p.next_expiry IS NOT NULL
              AND p.next_expiry <= greatest(now(), head.record_time)
              AND head.tenant_id = p.tenant_id
              AND r.position_id = p.position_id
           ) AS expired ON true
    """,
    """
    CREATE OR REPLACE VIEW stocked_item_now AS
    SELECT s.tenant_id, s.stocked_item_id, s.position_id, s.item_id, s.location_id, s.receive_time, s.received,
           s.available + coalesce(expired.units, 0) AS available, s.reserved - coalesce(expired.units, 0) AS reserved,
           s.picked, s.delivered, s.transferred, s.removed, s.open, s.unit_cost, s.value, s.lot, s.serial_number,
           s.create_time, s.extensions, s.expire_time, s.parent_stocked_item_id, s.order_line, s.invoice_number
      FROM stocked_item s
      LEFT JOIN LATERAL (
           SELECT sum(r.reserved) AS units
             FROM journal_head head
             JOIN reservation r
               ON r.tenant_id = head.tenant_id AND r.expire_time <= greatest(now(), head.record_time)
            WHERE s.reserved > 0
              AND head.tenant_id = s.tenant_id
              AND r.stocked_item_id = s.stocked_item_id
           ) AS expired ON true
    """,
    """
    CREATE OR REPLACE VIEW reservation_now AS
    SELECT r.tenant_id, r.position_id, r.demand, r.stocked_item_id, p.item_id, p.location_id,
           CASE WHEN r.expire_time <= clock.now THEN 0 ELSE r.reserved END AS reserved, r.picked, r.delivered,
           CASE WHEN r.expire_time <= clock.now THEN NULL ELSE r.expire_time END AS expire_time,
           r.open AND (r.picked > 0 OR r.expire_time IS NULL OR r.expire_time > clock.now) AS open
      FROM reservation r
      JOIN position p ON p.tenant_id = r.tenant_id AND p.position_id = r.position_id
      JOIN (SELECT tenant_id, greatest(now(), record_time) AS now FROM journal_head) AS clock
        ON clock.tenant_id = r.tenant_id
    """,
)

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON reservation, expectation TO {role};
GRANT SELECT ON position_now, stocked_item_now, reservation_now TO {role};
"""


def upgrade() -> None:
    """Add the columns, tables and views, and grant the service role its rights."""
    role = op.get_bind().dialect.identifier_preparer.quote(context.config.attributes["service_role"])
    with op.get_context().autocommit_block():
        for step in STEPS:
            op.execute(step)
        op.execute(GRANTS.format(role=role))
