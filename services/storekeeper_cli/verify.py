"""``storekeeper verify``: has the stock ledger check its database, be it one that is named or the one of ``up``."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from storekeeper_cli.folder import Folder
from storekeeper_cli.postgres import EmbeddedPostgres
from storekeeper_cli.services import STOCK_LEDGER
from storekeeper_cli.up import UpSettings
from storekeeper_kit.config import ConfigurationError, load


def verify(tenant_id: int | None, url: str | None, path: Path | None) -> NoReturn:
    """Become the program that checks it."""
    variable = STOCK_LEDGER.variable("DATABASE_URL")
    # By the environment, where no list of processes shows the password.
    environment = os.environ | {variable: url or os.environ.get(variable) or _url_of_ours(path)}
    arguments = [] if tenant_id is None else [f"--tenant={tenant_id}"]
    # -P: what lies in the current folder is not imported.
    program = [sys.executable, "-P", "-m", f"{STOCK_LEDGER.package}.verify", *arguments]
    os.execve(sys.executable, program, environment)


def _url_of_ours(path: Path | None) -> str:
    """The database in the folder of ``up``, which has to be running."""
    folder = Folder(path or load(UpSettings).folder)
    postgres = EmbeddedPostgres(folder.postgres)
    if not postgres.exists():
        raise ConfigurationError(
            [f"{STOCK_LEDGER.variable('DATABASE_URL')} is not set, and {folder.path} has no database of ours"]
        )
    if not postgres.accepts():
        raise ConfigurationError([f"The PostgreSQL in {folder.path} is not running: storekeeper up starts it"])
    return postgres.service_url(STOCK_LEDGER.name)
