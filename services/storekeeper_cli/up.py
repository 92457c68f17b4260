"""``storekeeper up``: everything on one machine, until Ctrl-C."""

import asyncio
import functools
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from storekeeper_cli.folder import Folder
from storekeeper_cli.health import is_serving
from storekeeper_cli.postgres import EmbeddedPostgres, Urls
from storekeeper_cli.services import SERVICES, Service
from storekeeper_cli.supervisor import Supervisor, supervise
from storekeeper_cli.terminal import Terminal
from storekeeper_cli.welcome import print_welcome
from storekeeper_kit.config import SharedSettings, load


class UpSettings(SharedSettings):
    """What ``up`` itself can be told by variables; the services read their own."""

    model_config = SettingsConfigDict(env_prefix="STOREKEEPER_UP_")

    folder: Path = Field(default=Path(".storekeeper"), description="Where data, logs and the lock are kept.")


def up(path: Path | None, *, all_logs: bool) -> None:
    """Start everything, keep it running, and stop it in order when asked to."""
    settings = load(UpSettings)
    terminal = Terminal(all_logs=all_logs)
    given = {service: service.given_urls() for service in SERVICES}
    folder = Folder(path or settings.folder)
    with folder.locked():
        addresses = {service: service.address() for service in SERVICES}
        terminal.say(f"Starting; data and logs are kept in {folder.path}.")
        postgres = None if all(given.values()) else _prepared_postgres(folder)

        async def start_everything(supervisor: Supervisor) -> None:
            if postgres is not None:
                await _start_postgres(supervisor, postgres)
            for service, address in addresses.items():
                urls = given[service] or await _create_database(postgres, service)
                await _start_service(supervisor, service, address, urls)
            print_welcome(terminal, folder, addresses, postgres)

        asyncio.run(supervise(start_everything, logs=folder.logs, report=terminal.report, show=terminal.show))


def _prepared_postgres(folder: Folder) -> EmbeddedPostgres:
    postgres = EmbeddedPostgres(folder.postgres)
    postgres.prepare()
    return postgres


async def _start_postgres(supervisor: Supervisor, postgres: EmbeddedPostgres) -> None:
    await supervisor.start(postgres.program(), functools.partial(asyncio.to_thread, postgres.accepts))


async def _create_database(postgres: EmbeddedPostgres | None, service: Service) -> Urls:
    assert postgres is not None
    return await asyncio.to_thread(postgres.create_service_database, service.name)


async def _start_service(supervisor: Supervisor, service: Service, address: str, urls: Urls) -> None:
    await supervisor.run(service.migration(urls))
    await supervisor.start(
        service.server(address, urls.service), functools.partial(is_serving, address, service.grpc_service)
    )
