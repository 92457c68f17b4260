"""Brings a service's database up to its package's schema; whether it is, `schema.py` tells.

The scripts are alembic's, in the package's folder `migrations`; they run as the owner of the database and grant the
service role what it may do. Whoever migrates holds an advisory lock meanwhile, so that any number of replicas may try at
once: one does it, the others wait and find it done.
"""

import zlib

import alembic.command
import alembic.config
import alembic.context
import alembic.util
import sqlalchemy
import structlog
from sqlalchemy import Connection, exc
from sqlalchemy.pool import NullPool

from storekeeper_kit.database import CONNECT_TIMEOUT_S, sqlalchemy_url
from storekeeper_kit.schema import VERSION_TABLE, version

# One key is enough: advisory locks are kept for each database by itself.
LOCK_KEY = zlib.crc32(b"storekeeper migrations")
LOCK_TIMEOUT_S = 60

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class MigrationFailed(Exception):
    """The database can't be brought up to date; the text says why in one line, without a password."""


def upgrade(package: str, owner_url: str, service_role: str) -> None:
    """Runs what the database lacks of the package's migrations.

    Args:
        package: The package whose folder `migrations` holds them.
        owner_url: The database, as the role that owns it.
        service_role: The role that the scripts grant the service's rights to.
    """
    engine = sqlalchemy.create_engine(
        sqlalchemy_url(owner_url), poolclass=NullPool, connect_args={"connect_timeout": CONNECT_TIMEOUT_S}
    )
    try:
        with engine.connect() as connection:
            _check_roles(connection, service_role)
            _lock(connection)
            _upgrade(package, connection, service_role)
    except exc.DBAPIError as error:
        raise MigrationFailed(f"{package}: {str(error.orig).strip().splitlines()[0]}") from error
    except alembic.util.CommandError as error:
        raise MigrationFailed(f"{package}: {error}") from error


def run_migrations() -> None:
    """All that a package's env.py does: runs the scripts on the connection that `upgrade` has locked."""
    context = alembic.context
    connection = context.config.attributes["connection"]
    # Each script commits by itself, so that one that builds an index concurrently has only itself to repeat.
    context.configure(connection=connection, version_table=VERSION_TABLE, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def _upgrade(package: str, connection: Connection, service_role: str) -> None:
    before = version(connection)
    # Alembic takes an open transaction for a wish to have all scripts in it.
    connection.rollback()
    config = _config(package)
    config.attributes.update(connection=connection, service_role=service_role)
    alembic.command.upgrade(config, "head")
    role = connection.dialect.identifier_preparer.quote(service_role)
    # Readiness asks for the version.
    connection.execute(sqlalchemy.text(f"GRANT SELECT ON {VERSION_TABLE} TO {role}"))
    connection.commit()
    log.info("database_migrated", package=package, before=before, after=version(connection))


def _check_roles(connection: Connection, service_role: str) -> None:
    """An owner can grant itself anything back, and a superuser is bound by nothing: the service must be neither."""
    bound = connection.execute(_ROLE, {"role": service_role}).scalar_one_or_none()
    if bound is None:
        raise MigrationFailed(f'the role "{service_role}", which the service uses, does not exist')
    if not bound:
        raise MigrationFailed(
            f'the role "{service_role}" is a superuser or the owner: the service needs a role of its own'
        )
    connection.rollback()


_ROLE = sqlalchemy.text(
    "SELECT NOT rolsuper AND NOT pg_has_role(oid, current_user::regrole, 'MEMBER') FROM pg_roles WHERE rolname = :role"
)


def _lock(connection: Connection) -> None:
    """Taken for the session, so that it outlasts the scripts' commits and ends with the connection, however that ends."""
    connection.execute(sqlalchemy.text(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'"))
    connection.execute(sqlalchemy.select(sqlalchemy.func.pg_advisory_lock(LOCK_KEY)))
    connection.commit()


def _config(package: str) -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.set_main_option("path_separator", "os")
    return config
