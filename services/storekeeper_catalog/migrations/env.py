"""Lets alembic run this package's migrations as the kit says: under a lock, as the owner of the database."""

from storekeeper_kit.migrations import run_migrations

run_migrations()
