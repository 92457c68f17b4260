"""Holds the service to what the journal promises: its own role can't change what is recorded."""

from sqlalchemy import text

from storekeeper_kit.database import Database

_FORBIDDEN = text(
    """
    SELECT string_agg(privilege || ' on ' || name, ', ')
      FROM unnest(ARRAY['operation', 'movement']) AS name,
           unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
     WHERE CASE privilege
               WHEN 'UPDATE' THEN has_any_column_privilege(name, privilege)
               ELSE has_table_privilege(name, privilege)
           END
    """
)


class RoleTooPowerful(Exception):
    """The service runs as a role that could rewrite the journal."""


def require_append_only(database: Database) -> None:
    """Raises RoleTooPowerful unless the journal is append-only for the role of the service."""
    with database.probing() as connection:
        forbidden = connection.scalar(_FORBIDDEN)
    if forbidden:
        raise RoleTooPowerful(f"the role of the service has {forbidden}: give it a role of its own, and migrate")
