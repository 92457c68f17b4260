"""``storekeeper migrate``: brings the tables of one service up to date, as the role that owns them."""

import os

from psycopg.conninfo import conninfo_to_dict

from storekeeper_cli.postgres.databases import service_name
from storekeeper_cli.problem import Problem
from storekeeper_cli.services import GrpcService
from storekeeper_kit import logs
from storekeeper_kit.config import ConfigurationError, SharedSettings, load
from storekeeper_kit.migrations import MigrationFailed, upgrade


def migrate(service: GrpcService) -> None:
    """Run the migrations that the database lacks, and grant the service's role what it may do."""
    settings = load(SharedSettings)
    logs.configure(settings.log_format, settings.log_level)
    owner_url = os.environ.get(service.variable("OWNER_DATABASE_URL"))
    if not owner_url:
        raise ConfigurationError(
            [f"{service.variable('OWNER_DATABASE_URL')} is not set: the database, as the role that owns its tables"]
        )
    try:
        upgrade(service.package, owner_url, _service_role(service))
    except MigrationFailed as error:
        raise Problem(str(error)) from None


def _service_role(service: GrpcService) -> str:
    """The role that is named, or that the service connects as if that is known here, or that ``up`` makes."""
    user = conninfo_to_dict(os.environ.get(service.variable("DATABASE_URL"), "")).get("user")
    return os.environ.get(service.variable("SERVICE_ROLE")) or str(user or service_name(service.name))
