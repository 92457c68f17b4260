"""Builds the catalog from its configuration and serves it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.catalog.v1 import catalog_pb2_grpc as pb_grpc
from storekeeper_kit import clients, config, logs, server
from storekeeper_kit.coalescer import Coalescer, Threads
from storekeeper_kit.database import Database
from storekeeper_kit.schema import require_current

from .catalog import Catalog
from .domain.item import Item
from .registering import Pace, Registrar
from .servicer.catalog import CatalogService
from .servicer.refusals import REFUSALS
from .servicer.stock_ledger import StockLedgerClient
from .settings import CatalogSettings

NAME: Final = pb.DESCRIPTOR.services_by_name["Catalog"].full_name
PACKAGE: Final = "storekeeper_catalog"


async def main() -> None:
    """Serve until the process is asked to stop."""
    settings = config.load(CatalogSettings)
    logs.configure(settings.log_format, settings.log_level)
    await serve(settings)


async def serve(settings: CatalogSettings) -> None:
    """Serve with these settings, then finish what is under way and let go of the database."""
    # Each worker and each lane holds at most one connection at a time.
    pool_size = settings.workers + settings.read_lanes
    database = Database(settings.url("database_url"), pool_size=pool_size, application_name=PACKAGE)
    catalog = Catalog(database)
    reading = Threads(catalog.items_named, count=settings.read_lanes, name="items")
    items: Coalescer[int, Item] = Coalescer(reading, lanes=settings.read_lanes)
    workers = ThreadPoolExecutor(settings.workers, thread_name_prefix="worker")
    channel = clients.channel(settings.stockledger_target)
    registrar = Registrar(StockLedgerClient(channel), database, workers, _pace(settings))
    servicer = CatalogService(catalog=catalog, items=items, registrar=registrar, workers=workers)
    service = server.Service(
        names=(NAME,),
        register=lambda to: pb_grpc.add_CatalogServicer_to_server(servicer, to),
        refusals=REFUSALS,
        ready=lambda: _check(database),
    )
    sweeping = asyncio.create_task(registrar.sweep_forever())
    try:
        await server.serve(service, settings)
    finally:
        sweeping.cancel()
        await registrar.close()
        await items.close()
        reading.close()
        await channel.close()
        workers.shutdown(wait=False)
        database.close()


def _pace(settings: CatalogSettings) -> Pace:
    return Pace(
        wait_s=settings.registration_wait_s,
        interval_s=settings.sweep_interval_s,
        batch_max=settings.sweep_batch_max,
        retry_delay_max_s=settings.retry_delay_max_s,
    )


def _check(database: Database) -> None:
    """Whether the catalog can do its work. It can while the stock ledger is away: what is to be told then waits."""
    database.probe()
    require_current(PACKAGE, database)
