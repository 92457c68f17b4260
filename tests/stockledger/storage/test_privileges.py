"""The journal is append-only for the role of the service, and the service sees to it that it is."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors, sql

from storekeeper_kit.database import Database
from storekeeper_stockledger.storage.privileges import RoleTooPowerful, require_append_only
from storekeeper_stockledger.storage.tables import metadata
from tests.harness.databases import ROLE, LedgerDatabase

JOURNAL = ("operation", "movement")


@pytest.fixture
def service(ledger_database: LedgerDatabase) -> Iterator[psycopg.Connection]:
    """A connection as the service's role, for one transaction."""
    with psycopg.connect(ledger_database.service_url) as connection:
        yield connection
        connection.rollback()


@pytest.mark.parametrize("table", JOURNAL)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET tenant_id = tenant_id",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "SELECT FROM {} FOR UPDATE",
        "GRANT UPDATE ON {} TO " + ROLE,
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "ALTER TABLE {} OWNER TO " + ROLE,
        "DROP TABLE {}",
    ],
)
def test_what_is_recorded_can_be_neither_changed_nor_opened_to_change(
    service: psycopg.Connection, table: str, statement: str
) -> None:
    if statement.startswith("GRANT"):
        # Not an error for PostgreSQL, if the role has any right to the table: it warns, and grants nothing.
        service.execute(sql.SQL(statement).format(sql.Identifier(table)))
        service.execute("SAVEPOINT granted")
        statement = "UPDATE {} SET tenant_id = tenant_id"
    with pytest.raises(errors.InsufficientPrivilege):
        service.execute(sql.SQL(statement).format(sql.Identifier(table)))


@pytest.mark.parametrize("table", sorted(set(metadata.tables) - set(JOURNAL)))
def test_nothing_else_can_be_deleted_either(service: psycopg.Connection, table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        service.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


def test_the_service_can_make_no_tables(service: psycopg.Connection) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        service.execute("CREATE TABLE journal_of_my_own (x int)")


def test_the_service_is_ready_as_its_own_role(database: Database) -> None:
    require_append_only(database)


def test_a_service_that_could_rewrite_the_journal_is_not_ready(ledger_database: LedgerDatabase) -> None:
    owner = Database(ledger_database.owner_url)
    with pytest.raises(RoleTooPowerful, match="DELETE on movement"):
        require_append_only(owner)
    owner.close()


@pytest.mark.parametrize("privilege", ["UPDATE", "DELETE", "TRUNCATE"])
def test_a_single_right_too_many_is_noticed(
    database: Database, ledger_database: LedgerDatabase, privilege: str
) -> None:
    with psycopg.connect(ledger_database.owner_url, autocommit=True) as owner:
        owner.execute(f"GRANT {privilege} ON movement TO {ROLE}")
        with pytest.raises(RoleTooPowerful, match=f"{privilege} on movement"):
            require_append_only(database)
        owner.execute(f"REVOKE {privilege} ON movement FROM {ROLE}")
    require_append_only(database)
