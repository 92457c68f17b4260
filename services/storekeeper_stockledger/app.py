"""Builds the stock ledger from its configuration and serves it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit import config, logs, server
from storekeeper_kit.coalescer import Coalescer
from storekeeper_kit.database import Database
from storekeeper_kit.migrations import require_current

from .batch import Asked, weight_of
from .descriptions import Descriptions
from .domain.instants import PositionAsked
from .domain.records import Position
from .domain.stock import StockedItem
from .expiring import Sweeper
from .ledger import Ledger
from .reads import Reads
from .servicer.changing import Answer
from .servicer.refusals import REFUSALS
from .servicer.stock_ledger import StockLedger
from .settings import StockLedgerSettings
from .storage.planning import BY_INDEX
from .storage.privileges import require_append_only
from .valuations import AT_ONCE, Valuations
from .watch import LANES, Watch

NAME: Final = pb.DESCRIPTOR.services_by_name["StockLedger"].full_name
PACKAGE: Final = "storekeeper_stockledger"


async def main() -> None:
    """Serve until the process is asked to stop."""
    settings = config.load(StockLedgerSettings)
    logs.configure(settings.log_format, settings.log_level)
    await serve(settings)


async def serve(settings: StockLedgerSettings) -> None:
    """Serve with these settings, then finish what is under way and let go of the database."""
    url = settings.url("database_url")
    # Each lane, each worker, each valuation and the sweep hold at most one connection at a time.
    database = Database(url, pool_size=settings.workers + AT_ONCE, application_name=PACKAGE)
    hot = Database(
        url,
        pool_size=settings.lanes + 2 * settings.read_lanes + 1,
        application_name=f"{PACKAGE} lanes",
        settings=BY_INDEX,
    )
    journals = Database(url, pool_size=LANES + 1, application_name=f"{PACKAGE} watch", settings=BY_INDEX)
    ledger, reads, hot_reads = Ledger(hot), Reads(database), Reads(hot)
    watch = Watch(journals, watchers_max=settings.watchers_max)
    changes: Coalescer[Asked, Answer] = Coalescer(
        watch.told_by(ledger.apply), lanes=settings.lanes, name="changes", weight=weight_of
    )
    positions: Coalescer[PositionAsked, Position] = Coalescer(
        hot_reads.positions, lanes=settings.read_lanes, name="positions"
    )
    stocked_items: Coalescer[int, StockedItem] = Coalescer(
        hot_reads.stocked_items_named, lanes=settings.read_lanes, name="stocked items"
    )
    workers = ThreadPoolExecutor(settings.workers, thread_name_prefix="worker")
    valuers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="valuer")
    servicer = StockLedger(
        changes=changes,
        positions=positions,
        stocked_items=stocked_items,
        descriptions=Descriptions(database),
        reads=reads,
        valuations=Valuations(database),
        watch=watch,
        workers=workers,
        valuers=valuers,
    )
    service = server.Service(
        names=(NAME,),
        register=lambda to: pb_grpc.add_StockLedgerServicer_to_server(servicer, to),
        refusals=REFUSALS,
        ready=lambda: _check(database),
        stall_timeout_s=settings.watch_stall_s,
    )
    # A thread of its own: long lists keep the workers busy, and expiries must not wait for them.
    sweeper = ThreadPoolExecutor(1, thread_name_prefix="sweeper")
    sweeping = asyncio.create_task(Sweeper(ledger, hot, sweeper).sweep_forever())
    try:
        await server.serve(service, settings)
    finally:
        sweeping.cancel()
        sweeper.shutdown(wait=False)
        await changes.close()
        await positions.close()
        await stocked_items.close()
        watch.close()
        workers.shutdown(wait=False)
        valuers.shutdown(wait=False, cancel_futures=True)
        for opened in (database, hot, journals):
            opened.close()


def _check(database: Database) -> None:
    """Whether the ledger can do its work, and is held to its promises."""
    database.probe()
    require_current(PACKAGE, database)
    require_append_only(database)
