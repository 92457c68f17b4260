"""``storekeeper up``: everything on one machine, until Ctrl-C."""

import asyncio
import functools
from collections.abc import Coroutine, Iterable
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from storekeeper_cli.folder import Folder
from storekeeper_cli.postgres import EmbeddedPostgres, Urls
from storekeeper_cli.services import SERVICES, WITH_DATABASE, Service
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
    given = {service: service.given_urls() for service in WITH_DATABASE}
    folder = Folder(path or settings.folder)
    with folder.locked():
        addresses = {service: service.address() for service in SERVICES}
        terminal.say(f"Starting; data and logs are kept in {folder.path}.")
        postgres = None if all(given.values()) else _prepared_postgres(folder)

        async def start_everything(supervisor: Supervisor) -> None:
            if postgres is not None:
                await _start_postgres(supervisor, postgres)
            urls: dict[Service, Urls] = {
                service: url or await _create_database(postgres, service) for service, url in given.items()
            }
            await _together(supervisor.run(service.migration(urls[service])) for service in WITH_DATABASE)
            await _together(
                supervisor.start(
                    service.server(addresses, urls.get(service)),
                    functools.partial(service.serves, addresses[service]),
                )
                for service in SERVICES
            )
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


async def _together(steps: Iterable[Coroutine[object, object, None]]) -> None:
    """Take these steps side by side: each begins in its turn, and none waits for another. A failure ends them all."""
    tasks = [asyncio.create_task(step) for step in steps]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
