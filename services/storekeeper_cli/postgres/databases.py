"""A database for each service, and the two roles that share it.

The owner role makes and changes tables: migrations use it, and nothing else. The service role owns nothing and may only
connect; what else it may do is granted, table by table, by the migrations.
"""

from dataclasses import dataclass

import psycopg
from psycopg import sql

NAME_PREFIX = "storekeeper_"
OWNER_SUFFIX = "_owner"


@dataclass(frozen=True, slots=True)
class Urls:
    """How to connect to a service's database: as the service itself, and as the owner of its tables."""

    service: str
    owner: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role to log in with."""

    name: str
    password: str


def service_name(service: str) -> str:
    """The name of a service's database, and of the role that the service runs as."""
    return NAME_PREFIX + service


def owner_name(service: str) -> str:
    """The name of the role that owns a service's tables."""
    return NAME_PREFIX + service + OWNER_SUFFIX


def create_role(connection: psycopg.Connection, role: Role) -> None:
    """Create the role unless it exists. It may log in, and nothing else."""
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role.name]).fetchone():
        return
    # Hashed here, so that the password itself can show up in no log.
    secret = connection.pgconn.encrypt_password(role.password.encode(), role.name.encode(), b"scram-sha-256")
    _run(
        connection,
        "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}",
        sql.Identifier(role.name),
        sql.Literal(secret.decode()),
    )


def create_database(connection: psycopg.Connection, name: str, *, owner: str, user: str, template: str | None) -> None:
    """Create the database unless it exists, closed to everybody but its owner and its user."""
    database = sql.Identifier(name)
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        like = sql.Identifier(template or "template1")
        _run(connection, "CREATE DATABASE {} OWNER {} TEMPLATE {}", database, sql.Identifier(owner), like)
    # Said at every start: a start may have been killed after the line above.
    _run(connection, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
    _run(connection, "GRANT CONNECT ON DATABASE {} TO {}", database, sql.Identifier(user))


def drop_database(connection: psycopg.Connection, name: str) -> None:
    """Drop the database, whoever is connected to it."""
    _run(connection, "DROP DATABASE IF EXISTS {} WITH (FORCE)", sql.Identifier(name))


def _run(connection: psycopg.Connection, statement: str, *names: sql.Composable) -> None:
    connection.execute(sql.SQL(statement).format(*names))
