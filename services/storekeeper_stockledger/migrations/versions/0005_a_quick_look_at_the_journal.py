"""How closely PostgreSQL looks at the journal to know how it is distributed: less closely than at other tables.

The journal only grows, and each tenth of growth is a reason to look again. By default that reads 30,000 rows of it, all
columns of each, which took a young and busy ledger a tenth of a processor; a tenth of them tells a planner as much as the
lists and valuations need. What changes stock asks no statistics at all (`storage/planning.py`).
"""

from alembic import op

revision = "0005"
down_revision = "0004"

LOOK_LESS_CLOSELY = """
DO $$
DECLARE
    journal_column record;
BEGIN
    FOR journal_column IN
        SELECT attrelid::regclass AS table_name, attname
          FROM pg_attribute
         WHERE attrelid IN ('operation'::regclass, 'movement'::regclass) AND attnum > 0 AND NOT attisdropped
    LOOP
        EXECUTE format(
            'ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 10', journal_column.table_name, journal_column.attname
        );
    END LOOP;
END
$$
"""


def upgrade() -> None:
    """Set it for each of their columns: a table has no such setting."""
    op.execute(LOOK_LESS_CLOSELY)
