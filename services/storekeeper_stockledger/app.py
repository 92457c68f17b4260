"""Builds the stock ledger from its configuration and serves it."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit import config, logs, server
from storekeeper_kit.coalescer import Coalescer
from storekeeper_kit.database import Database
from storekeeper_kit.migrations import require_current
from storekeeper_kit.worker import Functions, Worker

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
    """Serve until the process is asked to stop. The worker is forked before there is an event loop."""
    settings = config.load(StockLedgerSettings)
    logs.configure(settings.log_format, settings.log_level)
    worker = Worker.fork(lambda: functions(worker_database(settings)), threads=_worker_threads(settings))
    return serve(settings, worker)


def functions(database: Database) -> Functions:
    """What the worker can be asked for, with a database of its own."""
    ledger, reads = Ledger(database), Reads(database)
    answering = Answering(apply=ledger.apply, positions=reads.positions, stocked_items=reads.stocked_items_named)
    return {
        "changes": answering.changes,
        "positions": answering.positions,
        "stocked_items": answering.stocked_items,
    }


def worker_database(settings: StockLedgerSettings) -> Database:
    """The worker's database: a connection for each of its threads."""
    return Database(
        settings.url("database_url"),
        pool_size=_worker_threads(settings),
        application_name=f"{PACKAGE} worker",
        settings=BY_INDEX,
    )


async def serve(settings: StockLedgerSettings, worker: Worker) -> None:
    """Serve with these settings, then finish what is under way and let go of the database."""
    await worker.connect(when_gone=partial(server.give_up, "worker_gone"))
    url = settings.url("database_url")
    # Each thread, each valuation and the sweep hold at most one connection at a time.
    database = Database(url, pool_size=settings.workers + AT_ONCE, application_name=PACKAGE)
    swept = Database(url, pool_size=1, application_name=f"{PACKAGE} sweeper", settings=BY_INDEX)
    journals = Database(url, pool_size=LANES + 1, application_name=f"{PACKAGE} watch", settings=BY_INDEX)
    reads = Reads(database)
    watch = Watch(journals, watchers_max=settings.watchers_max)
    changes = Coalescer(
        watch.told_by(asking(worker, "changes")), lanes=settings.lanes, weight=lambda call: call.changes
    )
    positions = Coalescer(asking(worker, "positions"), lanes=settings.read_lanes)
    stocked_items = Coalescer(asking(worker, "stocked_items"), lanes=settings.read_lanes)
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
        workers.shutdown(wait=False)
        valuers.shutdown(wait=False, cancel_futures=True)
        for opened in (worker, database, swept, journals):
            opened.close()


def _worker_threads(settings: StockLedgerSettings) -> int:
    """As many as there are lanes."""
    return settings.lanes + 2 * settings.read_lanes


def _check(database: Database) -> None:
    """Whether the ledger can do its work, and is held to its promises."""
    database.probe()
    require_current(PACKAGE, database)
    require_append_only(database)
