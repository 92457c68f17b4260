"""Archived items, what only one vendor knows, who opened a position, and positions that are closed.

The release before goes on serving meanwhile, and finds its pairs of item and location through the index of items. It
doesn't know of closed positions; a check keeps it from adding to one. Each step commits by itself and can be repeated:
columns come with a constant default, which rewrites no row, the indexes are built while everybody reads, and nobody
waits for more than one of the steps.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

STEPS = (
    """
    ALTER TABLE item
        ADD COLUMN IF NOT EXISTS archived BOOLEAN DEFAULT false NOT NULL
    """,
    """
    ALTER TABLE location
        ADD COLUMN IF NOT EXISTS extensions JSONB DEFAULT '{}' NOT NULL
    """,
    """
    ALTER TABLE position
        ADD COLUMN IF NOT EXISTS extensions JSONB DEFAULT '{}' NOT NULL,
        ADD COLUMN IF NOT EXISTS creator TEXT DEFAULT '' NOT NULL,
        ADD COLUMN IF NOT EXISTS close_time TIMESTAMP WITH TIME ZONE,
        DROP CONSTRAINT IF EXISTS position_closed_check,
        ADD CONSTRAINT position_closed_check
            CHECK (close_time IS NULL OR available + reserved + picked + on_order = 0) NOT VALID
    """,
    """
    ALTER TABLE stocked_item
        ADD COLUMN IF NOT EXISTS extensions JSONB DEFAULT '{}' NOT NULL
    """,
    "ALTER TABLE position VALIDATE CONSTRAINT position_closed_check",
    """
    CREATE UNIQUE INDEX IF NOT EXISTS position_open_key
        ON position (tenant_id, item_id, location_id)
        WHERE close_time IS NULL
    """,
    """
    CREATE INDEX IF NOT EXISTS position_item_index
        ON position (tenant_id, item_id, position_id)
    """,
    # Last, so that no moment lets an item have two positions at a location.
    "ALTER TABLE position DROP CONSTRAINT IF EXISTS position_item_location_key",
)


def upgrade() -> None:
    """Add the columns, and let an item have one open position at a location, rather than one at all."""
    with op.get_context().autocommit_block():
        for step in STEPS:
            op.execute(step)
