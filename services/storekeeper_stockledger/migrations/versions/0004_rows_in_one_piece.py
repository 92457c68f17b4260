"""What a row is that travels to the database as a value: a batch is one array of each, and not one for each column.

A release that needs another column of one of them makes a type of another name beside it: what the release before sends
has as many as it knows.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

TYPES = {
    "position_name": """
        position_id BIGINT,
        item_id BIGINT,
        location_id BIGINT,
        stocked_item_id BIGINT
    """,
    "journal_entry": """
        request_id UUID,
        kind TEXT,
        fingerprint BYTEA,
        actor TEXT,
        reason TEXT,
        movement_count INTEGER,
        effective_time TIMESTAMP WITH TIME ZONE,
        draws TEXT
    """,
    "journal_line": """
        entry_number INTEGER,
        line INTEGER,
        kind TEXT,
        stocked_item_id BIGINT,
        position_id BIGINT,
        quantity NUMERIC,
        amount NUMERIC,
        reference TEXT,
        effective_time TIMESTAMP WITH TIME ZONE,
        received_after NUMERIC,
        available_after NUMERIC,
        reserved_after NUMERIC,
        picked_after NUMERIC,
        delivered_after NUMERIC,
        transferred_after NUMERIC,
        removed_after NUMERIC,
        value_after NUMERIC,
        position_available_after NUMERIC,
        position_reserved_after NUMERIC,
        position_picked_after NUMERIC,
        position_on_order_after NUMERIC,
        demand TEXT,
        order_line TEXT,
        reversed_movement_id BIGINT,
        unit_cost NUMERIC
    """,
    "opened_position": """
        position_id BIGINT,
        item_id BIGINT,
        location_id BIGINT,
        available NUMERIC,
        reserved NUMERIC,
        picked NUMERIC,
        on_order NUMERIC,
        entry_number INTEGER,
        creator TEXT
    """,
    "described_stocked_item": """
        stocked_item_id BIGINT,
        position_id BIGINT,
        item_id BIGINT,
        location_id BIGINT,
        receive_time TIMESTAMP WITH TIME ZONE,
        received NUMERIC,
        available NUMERIC,
        reserved NUMERIC,
        picked NUMERIC,
        delivered NUMERIC,
        transferred NUMERIC,
        removed NUMERIC,
        open BOOLEAN,
        unit_cost NUMERIC,
        value NUMERIC,
        lot TEXT,
        serial_number TEXT,
        expire_time TIMESTAMP WITH TIME ZONE,
        parent_stocked_item_id BIGINT,
        order_line TEXT,
        invoice_number TEXT,
        extensions JSONB
    """,
    "holding": """
        position_id BIGINT,
        demand TEXT,
        stocked_item_id BIGINT,
        reserved NUMERIC,
        picked NUMERIC,
        delivered NUMERIC,
        delivered_value NUMERIC,
        open BOOLEAN,
        expire_time TIMESTAMP WITH TIME ZONE,
        addition BOOLEAN
    """,
    "order_line_state": """
        position_id BIGINT,
        order_line TEXT,
        on_order NUMERIC,
        received NUMERIC
    """,
}


def upgrade() -> None:
    """Make the types, all or none."""
    for name, columns in TYPES.items():
        op.execute(f"CREATE TYPE {name} AS ({columns})")
