"""R6: everything at once for a long time: all calls, singly and in bulk, and reads, while every second somebody looks."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.asking import Answer, Line
from tests.harness.bulk import ask_in_a_batch, ask_in_a_stream
from tests.harness.invariants import check_invariants
from tests.harness.journal import Journal
from tests.harness.stock import timestamp
from tests.system.verbs import REFUSALS, VERBS, Client, is_about_a_race
from tests.system.workload import Workload
from tests.torture.snapshots import check_snapshot
from tests.torture.stage import Stage, World

CLIENTS: Final = 64
A_MOMENT: Final = timedelta(milliseconds=50)
"""How long ago it is that clients ask about."""
LEDGERS: Final = 2
ITEMS: Final = 100
LOOK_INTERVAL_S: Final = 1.0
BULK_MAX: Final = 20
WARM: Final = 0.2
"""After this part of the time memory and latencies are what later ones are compared with."""


def run(stage: Stage, seconds: int) -> None:
    """Ask for so long."""
    with stage.world(LEDGERS) as world:
        workload = Workload(world.stock, items=min(ITEMS, seconds), tracked=True)
        # So that its positions were open a moment ago, when clients ask.
        time.sleep(A_MOMENT.total_seconds())
        soak = _Soak(world, workload, ends=time.monotonic() + seconds)
        with ThreadPoolExecutor(CLIENTS + 1) as threads:
            tasks = [threads.submit(soak.ask, stage.seed * CLIENTS + number) for number in range(CLIENTS)]
            tasks.append(threads.submit(soak.look))
            wait(tasks, return_when=FIRST_EXCEPTION)
            soak.ends = 0.0
        for task in tasks:
            task.result()
        world.check_logs()
        soak.check(check_invariants(world.database.owner_url, world.stock.tenant_id))
        assert not _deadlocks(world), "PostgreSQL had to break deadlocks up"
        soak.tell(stage)


@dataclass(slots=True)
class _Soak:
    """What all clients share."""

    world: World
    workload: Workload
    ends: float
    _begun: float = field(default_factory=time.monotonic)
    _told: dict[UUID, int] = field(default_factory=dict)
    """How many movements each accepted request was said to have; too many of them to remember more."""
    _took: list[tuple[float, float]] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _memory: list[int] = field(default_factory=list)

    def ask(self, seed: int) -> None:
        """One client."""
        client = Client(self.workload, seed, VERBS)
        address = self.world.addresses[seed % LEDGERS]
        line = Line(address, self.world.stock.tenant_id)
        ways: list[Callable[[Client, Line], None]] = [self._change, self._change_many, self._read, self._preview]
        while time.monotonic() < self.ends:
            (way,) = client.chance.choices(ways, weights=(70, 5, 20, 5))
            way(client, line)
        line.close()

    def look(self) -> None:
        """Every second, at all rows of one instant."""
        with psycopg.connect(self.world.database.owner_url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while time.monotonic() < self.ends:
                check_snapshot(connection)
                self._counts["looks at all rows"] += 1
                self._memory.append(max(sum(map(_resident_kb, ledger.process_ids)) for ledger in self.world.ledgers))
                time.sleep(LOOK_INTERVAL_S)

    def check(self, journal: Journal) -> None:
        """What clients were told is there, and nothing else."""
        stored = {one.request_id: one.movement_count for one in journal.operations if one.kind not in NOBODYS}
        assert self._told.keys() == stored.keys(), "acknowledged requests are lost, or others are recorded"
        short = [name for name, count in self._told.items() if count > stored[name]]
        assert not short, f"requests have fewer movements than was said: {short[:3]}"
        self._counts["movements"] = len(journal.movements)

    def tell(self, stage: Stage) -> None:
        """How much it was, and how the end compares with the beginning."""
        for what, count in self._counts.items():
            stage.count(what, count)
        warm = self._begun + (time.monotonic() - self._begun) * WARM
        early = sorted(took for at, took in self._took if at < warm)
        late = sorted(took for at, took in self._took if at >= warm)
        stage.remarks.append(f"p99 {_p99_ms(early):.0f} ms at first, {_p99_ms(late):.0f} ms then")
        first, last = self._memory[int(len(self._memory) * WARM)], self._memory[-1]
        stage.remarks.append(f"a ledger's memory {first // 1024} MB at first, {last // 1024} MB in the end")

    def _change(self, client: Client, line: Line) -> None:
        begun = time.monotonic()
        self._note([line.settle(client.request())])
        self._took.append((begun, time.monotonic() - begun))

    def _change_many(self, client: Client, line: Line) -> None:
        requests = [client.request() for _ in range(client.chance.randint(2, BULK_MAX))]
        ask = client.chance.choice((ask_in_a_batch, ask_in_a_stream))
        self._note([answer if answer.known else line.settle(answer.request) for answer in ask(line, requests)])

    def _read(self, client: Client, line: Line) -> None:
        request = client.chance.choice(READS)(client)
        line.call(request.DESCRIPTOR.name.removesuffix("Request"), request)
        self._counts["reads"] += 1

    def _preview(self, client: Client, line: Line) -> None:
        request = client.request()
        if "validate_only" in request.DESCRIPTOR.fields_by_name:
            request.validate_only = True
            answer = line.settle(request)
            assert answer.accepted or answer.reason in REFUSALS or is_about_a_race(answer.failure), f"{answer}"
            self._counts["previews"] += 1

    def _note(self, answers: list[Answer]) -> None:
        for answer in answers:
            if answer.accepted:
                self._told[UUID(answer.request.request_id)] = len(answer.movements)
                self.workload.note(answer)
            else:
                assert answer.reason in REFUSALS or is_about_a_race(answer.failure), f"{answer}"
        self._counts["changes asked for"] += len(answers)


READS: Final[tuple[Callable[[Client], Any], ...]] = (
    lambda draw: pb.GetPositionRequest(position_id=draw.shelf().position_id),
    lambda draw: pb.GetPositionRequest(
        position_id=draw.shelf().position_id, as_of=pb.AsOf(record_time=timestamp(datetime.now(UTC) - A_MOMENT))
    ),
    lambda draw: pb.ListPositionsRequest(item_id=draw.shelf().item_id),
    lambda draw: pb.ListStockedItemsRequest(position_id=draw.shelf().position_id, on_hand_only=draw.often(0.5)),
    lambda draw: pb.ListMovementsRequest(position_id=draw.shelf().position_id),
    lambda draw: pb.ListReservationsRequest(demand=draw.demand()),
    lambda draw: pb.ListExpectationsRequest(order_line=draw.order_line()),
    lambda draw: pb.GetValuationRequest(method=pb.VALUATION_METHOD_AVERAGE, item_id=draw.shelf().item_id),
    lambda draw: pb.GetSettingsRequest(),
)
NOBODYS: Final = {"create_location", "open_position", "expire_reservations"}
"""Kinds of operations that no client of the soak has asked for."""


def _p99_ms(ordered: Sequence[float]) -> float:
    return ordered[len(ordered) * 99 // 100] * 1000 if ordered else 0.0


def _resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def _deadlocks(world: World) -> int:
    """How many PostgreSQL had to break up; clients would not have noticed."""
    with psycopg.connect(world.database.superuser_url) as connection:
        row = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = %s", [world.database.name]
        ).fetchone()
    assert row is not None
    return int(row[0])
