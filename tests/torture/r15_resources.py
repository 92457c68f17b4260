"""R15: what a database runs on runs out: disk, connections, locks; and others are in the way all the time.

Everybody is told so in a clean way, readers too, and all works again by itself; of conflicts nobody hears at all.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from typing import Any, Final

import grpc
import psycopg

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.clients import failure_of
from tests.harness.asking import UNKNOWN, Line
from tests.system.holding import held_journal_head
from tests.system.verbs import VERBS
from tests.torture.crowd import Crowd
from tests.torture.failing import Plan
from tests.torture.small_disk import small_disk
from tests.torture.stage import Stage, World

FULL_S: Final = 2.0
HELD_S: Final = 2.5
"""Longer than the ledger waits for a lock."""
CONFLICTS: Final = 0.05
CONFLICTS_S: Final = 3.0
UNHEARD_OF: Final = 0.999


def run(stage: Stage, faults: int) -> None:
    """Let so many come and go, one kind after the other."""
    plan = stage.folder / f"plan-{stage.seed}.json"
    with ExitStack() as stack:
        world = stack.enter_context(stage.world(program=("tests.torture.failing", str(plan))))
        fill_disk = stack.enter_context(small_disk(stage, world))
        faults_by_name: dict[str, Callable[[], None]] = {
            "full disks": fill_disk,
            "floods of connections": lambda: _take_connections(world),
            "locked journals": lambda: _lock_journal(world),
            "locked tables": lambda: _lock_tables(world),
        }
        crowd = Crowd(world.addresses, world.stock, stage.seed, world.folder, verbs=VERBS)
        stack.enter_context(_reading(world))
        with crowd.asking():
            for name in islice(cycle(faults_by_name), faults):
                faults_by_name[name]()
                stage.count(name)
                stage.measure("until all were answered again, of 5 s", crowd.wait_for_answers())
            before = crowd.attempts()
            stage.count("answers that it can't be done now", before[1] - before[0])
            Plan("conflict", chance=CONFLICTS).write(plan)
            time.sleep(CONFLICTS_S * faults)
            plan.unlink()
        crowd.check(stage, world)
        calls, attempts = (after - count for after, count in zip(crowd.attempts(), before, strict=True))
        stage.count("calls among conflicts", calls)
        assert calls >= UNHEARD_OF * attempts, f"{attempts - calls} of {attempts} calls heard of a conflict"


def _take_connections(world: World) -> None:
    """There is no connection left, and the ledger has lost those that it had."""
    with ExitStack() as stack, psycopg.connect(world.database.superuser_url, autocommit=True) as superuser:
        ended = time.monotonic() + FULL_S
        while time.monotonic() < ended:
            superuser.execute(_END_CONNECTIONS)
            try:
                while True:
                    stack.enter_context(psycopg.connect(world.database.owner_url))
            except psycopg.OperationalError:
                time.sleep(0.02)


def _lock_journal(world: World) -> None:
    """Nobody can record anything for longer than the ledger waits at a time."""
    with held_journal_head(world.database, world.stock.tenant_id):
        time.sleep(HELD_S)


def _lock_tables(world: World) -> None:
    """Nobody can even read, as while somebody changes a table."""
    with psycopg.connect(world.database.superuser_url) as connection:
        connection.execute("LOCK TABLE position, location, movement IN ACCESS EXCLUSIVE MODE")
        time.sleep(HELD_S)


_END_CONNECTIONS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE usename = 'storekeeper_stockledger' AND datname = current_database()
"""


@contextmanager
def _reading(world: World) -> Iterator[None]:
    """Somebody reads all the time, and hears nothing but that it works or can't at the moment."""
    ended = threading.Event()
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(_read, world, ended)
        try:
            yield
        finally:
            ended.set()
        reading.result()


def _read(world: World, ended: threading.Event) -> None:
    line, chance = Line(world.ledgers[0].address, world.stock.tenant_id), random.Random(0)
    reads: list[tuple[str, Any]] = [
        ("GetPosition", pb.GetPositionRequest(position_id=1)),
        ("ListPositions", pb.ListPositionsRequest()),
        ("ListLocations", pb.ListLocationsRequest()),
        ("ListMovements", pb.ListMovementsRequest()),
        ("GetSettings", pb.GetSettingsRequest()),
    ]
    while not ended.is_set():
        method, request = chance.choice(reads)
        try:
            line.call(method, request)
        except grpc.RpcError as error:
            failure = failure_of(error)
            assert failure.reason in {*UNKNOWN, "POSITION_NOT_FOUND"}, f"{method} was told {failure}"
    line.close()
