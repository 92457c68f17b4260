"""Builds the stock ledger from its configuration and serves it."""

import asyncio
import math
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import attrgetter
from typing import Any, Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit import config, logs, server
from storekeeper_kit.coalescer import Coalescer
from storekeeper_kit.database import Database
from storekeeper_kit.schema import require_current
from storekeeper_kit.workers import Functions, Workers

from .descriptions import Descriptions
from .expiring import Sweeper
from .ledger import Ledger
from .reads import Reads
from .servicer.answering import Answering
from .servicer.calls import asking
from .servicer.refusals import REFUSALS
from .servicer.stock_ledger import StockLedger
from .settings import StockLedgerSettings
from .storage.planning import BY_INDEX
from .storage.privileges import require_append_only
from .valuations import AT_ONCE, Valuations
from .watch import LANES, Watch

NAME: Final = pb.DESCRIPTOR.services_by_name["StockLedger"].full_name
PACKAGE: Final = "storekeeper_stockledger"


def main() -> Coroutine[Any, Any, None]:
    """Serve until the process is asked to stop. Its workers are forked before there is an event loop."""
    settings = config.load(StockLedgerSettings)
    logs.configure(settings.log_format, settings.log_level)
    settings.url("database_url")  # What is misconfigured is told once.
    workers = Workers.fork(
        lambda: functions(worker_database(settings)), processes=settings.lanes, threads=_worker_threads(settings)
    )
    return serve(settings, workers)


def functions(database: Database) -> Functions:
    """What a worker can be asked for, with a database of its own."""
    ledger, reads = Ledger(database), Reads(database)
    answering = Answering(apply=ledger.apply, positions=reads.positions, stocked_items=reads.stocked_items_named)
    return {
        "changes": answering.changes,
        "positions": answering.positions,
        "stocked_items": answering.stocked_items,
    }


def worker_database(settings: StockLedgerSettings) -> Database:
    """A worker's database. A thread has a connection for round trips; one of the pool reads repeats and stocked items."""
    return Database(
        settings.url("database_url"),
        pool_size=_worker_threads(settings),
        application_name=f"{PACKAGE} worker",
        settings=BY_INDEX,
    )


async def serve(settings: StockLedgerSettings, workers: Workers) -> None:
    """Serve with these settings, then finish what is under way and let go of the database."""
    await workers.connect(when_gone=partial(server.give_up, "worker_gone"))
    url = settings.url("database_url")
    # Each thread, each valuation and the sweep hold at most one connection at a time.
    database = Database(url, pool_size=settings.workers + AT_ONCE, application_name=PACKAGE)
    swept = Database(url, pool_size=1, application_name=f"{PACKAGE} sweeper", settings=BY_INDEX)
    journals = Database(url, pool_size=LANES + 1, application_name=f"{PACKAGE} watch", settings=BY_INDEX)
    reads = Reads(database)
    watch = Watch(journals, watchers_max=settings.watchers_max)
    changes = Coalescer(
        watch.told_by(asking(workers, "changes")),
        lanes=settings.lanes,
        weight=attrgetter("weight"),
        # The messages of a stream do; calls beside each other are in no order but their transactions'.
        in_order=lambda call: call.method == "ChangeStock",
    )
    positions, stocked_items = (
        Coalescer(
            asking(workers, what), lanes=settings.read_lanes, weight=attrgetter("weight"), in_order=lambda _: False
        )
        for what in ("positions", "stocked_items")
    )
    threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="worker")
    valuers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="valuer")
    servicer = StockLedger(
        changes=changes,
        positions=positions,
        stocked_items=stocked_items,
        descriptions=Descriptions(database),
        reads=reads,
        valuations=Valuations(database),
        watch=watch,
        workers=threads,
        valuers=valuers,
    )
    service = server.Service(
        names=(NAME,),
        register=lambda to: pb_grpc.add_StockLedgerServicer_to_server(servicer, to),
        refusals=REFUSALS,
        ready=lambda: _check(database),
        stall_timeout_s=settings.watch_stall_s,
    )
    # A thread of its own: long lists keep the others busy, and expiries must not wait for them.
    sweeper = ThreadPoolExecutor(1, thread_name_prefix="sweeper")
    sweeping = asyncio.create_task(Sweeper(Ledger(swept), swept, sweeper).sweep_forever())
    try:
        await server.serve(service, settings)
    finally:
        sweeping.cancel()
        sweeper.shutdown(wait=False)
        await changes.close()
        await positions.close()
        await stocked_items.close()
        watch.close()
        threads.shutdown(wait=False)
        valuers.shutdown(wait=False, cancel_futures=True)
        for opened in (workers, database, swept, journals):
            opened.close()


def _worker_threads(settings: StockLedgerSettings) -> int:
    """Of one worker: together they have one for each lane of changes and of both kinds of reads."""
    return 1 + math.ceil(2 * settings.read_lanes / settings.lanes)


def _check(database: Database) -> None:
    """Whether the ledger can do its work, and is held to its promises."""
    database.probe()
    require_current(PACKAGE, database)
    require_append_only(database)
