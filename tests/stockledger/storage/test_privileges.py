"""The service refuses to be ready as a role that could rewrite the journal."""

import psycopg
import pytest

from storekeeper_kit.database import Database
from storekeeper_stockledger.storage.privileges import RoleTooPowerful, require_append_only
from tests.harness.databases import ROLE, LedgerDatabase


def test_the_service_is_ready_as_its_own_role(database: Database) -> None:
    require_append_only(database)


def test_it_is_not_ready_as_the_owner(ledger_database: LedgerDatabase) -> None:
    owner = Database(ledger_database.owner_url)
    with pytest.raises(RoleTooPowerful, match="DELETE on movement"):
        require_append_only(owner)
    owner.close()


@pytest.mark.parametrize("table", ["operation", "movement"])
@pytest.mark.parametrize("privilege", ["UPDATE", "DELETE", "TRUNCATE"])
def test_a_single_right_too_many_is_noticed(
    database: Database, ledger_database: LedgerDatabase, table: str, privilege: str
) -> None:
    with psycopg.connect(ledger_database.owner_url) as owner:
        owner.execute(f"GRANT {privilege} ON {table} TO {ROLE}".encode())
        owner.commit()
        with pytest.raises(RoleTooPowerful, match=f"{privilege} on {table}"):
            require_append_only(database)
        owner.execute(f"REVOKE {privilege} ON {table} FROM {ROLE}".encode())
    require_append_only(database)
