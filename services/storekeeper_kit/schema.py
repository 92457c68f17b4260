"""Tells whether a service's database has its package's schema: all scripts in the package's folder `migrations/versions`.

Their file names begin with their revisions, numbers of four digits, so that a service that is to serve needn't load
what only those who migrate need (`migrations.py`).
"""

from functools import lru_cache
from importlib import resources

import sqlalchemy
from sqlalchemy import Connection

from storekeeper_kit.database import Database

VERSION_TABLE = "alembic_version"
"""Holds the revision that a database has; alembic writes it."""


class SchemaOutdated(Exception):
    """The database is older than the code that is to use it."""


def require_current(package: str, database: Database) -> None:
    """Raises SchemaOutdated unless the database has all migrations of the package; part of a readiness check.

    A database that is newer than the code passes: while a new release replaces an old one, both are at work.
    """
    with database.probing() as connection:
        found = version(connection)
    known = revisions(package)
    if found is None or found in known[:-1]:
        raise SchemaOutdated(f"the database has schema {found}, and this release needs {known[-1]}: migrate it")


def version(connection: Connection) -> str | None:
    """The newest migration that the database has; None when it has never been migrated."""
    if connection.scalar(_VERSION_TABLE_EXISTS) is None:
        return None
    return connection.scalars(_VERSION).one_or_none()


@lru_cache
def revisions(package: str) -> tuple[str, ...]:
    """Those of the package's migrations, from the first to the newest."""
    scripts = resources.files(package).joinpath("migrations", "versions").iterdir()
    return tuple(sorted(script.name.partition("_")[0] for script in scripts if script.name.endswith(".py")))


_VERSION_TABLE_EXISTS = sqlalchemy.select(sqlalchemy.func.to_regclass(VERSION_TABLE))
_VERSION: sqlalchemy.Select[str] = sqlalchemy.select(sqlalchemy.column("version_num")).select_from(
    sqlalchemy.table(VERSION_TABLE)
)
