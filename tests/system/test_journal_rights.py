"""What PostgreSQL itself refuses to the role of the service, whatever our code might try."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors, sql

from tests.harness.databases import ROLE, LedgerDatabase
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock

JOURNAL = ("operation", "movement")
REFUSED = (
    "UPDATE {table} SET record_time = record_time",
    "DELETE FROM {table}",
    "DELETE FROM {table} WHERE false",
    "TRUNCATE {table}",
    "SELECT * FROM {table} FOR UPDATE",
    "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT (tenant_id, {table}_id) DO UPDATE SET effective_time = now()",
    "MERGE INTO {table} AS old USING {table} AS new ON old.tenant_id = new.tenant_id WHEN MATCHED THEN DELETE",
    "DROP TABLE {table}",
    "ALTER TABLE {table} ADD COLUMN note text",
    "ALTER TABLE {table} RENAME TO {table}_old",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} OWNER TO {role}",
    "CREATE RULE forget AS ON INSERT TO {table} DO INSTEAD NOTHING",
    "CREATE TRIGGER forget BEFORE INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "DROP INDEX {table}_pkey",
    "BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
)
REFUSED_ANYWHERE = (
    "SET ROLE {role}_owner",
    "SET SESSION AUTHORIZATION {role}_owner",
    "GRANT {role}_owner TO {role}",
    "ALTER ROLE {role} SUPERUSER",
    "ALTER ROLE {role} BYPASSRLS",
    "CREATE TABLE note (words text)",
    "CREATE SCHEMA shadow",
    "SET session_replication_role = replica",
    "DELETE FROM stocked_item",
    "DELETE FROM position",
    "DELETE FROM journal_head",
    "TRUNCATE journal_head",
    "UPDATE alembic_version SET version_num = '0'",
)


@pytest.fixture
def service(ledger_database: LedgerDatabase) -> Iterator[psycopg.Connection]:
    """A connection as the service has it."""
    with psycopg.connect(ledger_database.service_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("table", JOURNAL)
@pytest.mark.parametrize("statement", REFUSED)
def test_the_journal_can_not_be_changed(service: psycopg.Connection, table: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        service.execute(statement.format(table=table, role=ROLE).encode())


@pytest.mark.parametrize("statement", REFUSED_ANYWHERE)
def test_nor_can_rights_be_taken_or_the_rest_be_deleted(service: psycopg.Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        service.execute(statement.format(role=ROLE).encode())


@pytest.mark.parametrize("table", JOURNAL)
@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "ALL"])
def test_a_right_can_not_be_granted_to_oneself(service: psycopg.Connection, table: str, right: str) -> None:
    """PostgreSQL has an error for those who have no right at all; for us, who have two, a warning that it grants none."""
    warnings: list[str | None] = []
    service.add_notice_handler(lambda notice: warnings.append(notice.message_primary))
    service.execute(f"GRANT {right} ON {table} TO {ROLE}".encode())
    assert warnings == [f'no privileges were granted for "{table}"']
    assert _rights(service, table) == {"SELECT", "INSERT"}


@pytest.mark.parametrize("table", JOURNAL)
def test_the_journal_can_be_read_and_added_to(
    ledger: LedgerProcess, stock: Stock, service: psycopg.Connection, table: str
) -> None:
    (position_id,) = stock.positions()
    stock.add(position_id, 1)
    count = sql.SQL("SELECT count(*) FROM {} WHERE tenant_id = %s").format(sql.Identifier(table))
    assert service.execute(count, [stock.tenant_id]).fetchone() != (0,)


def _rights(connection: psycopg.Connection, table: str) -> set[str]:
    """To the table, or to any column of it."""
    query = """
        SELECT privilege_type FROM information_schema.table_privileges WHERE grantee = current_user AND table_name = %s
         UNION
        SELECT privilege_type FROM information_schema.column_privileges WHERE grantee = current_user AND table_name = %s
    """
    return {right for (right,) in connection.execute(query, [table, table])}
