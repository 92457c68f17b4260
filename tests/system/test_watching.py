"""Watchers of a journal while everything around them breaks: each sees every movement once, in order, and the same ones."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
import pytest

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.clients import Failure, failure_of
from tests.harness.asking import Line
from tests.harness.databases import LedgerDatabase
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import Stock, adding
from tests.harness.watching import Watcher

KILLS = 4
WRITERS = 4
PAUSE_MAX_S = 0.2
RETRY_PAUSE_S = 0.02
ANSWER_TIMEOUT_S = 30.0
CATCH_UP_TIMEOUT_S = 30.0


class Follower:
    """Watches for ever, now here and now there, and goes on from the last message that it has written down."""

    def __init__(self, addresses: Sequence[str], stock: Stock, seed: int, *, forgetful: bool = False) -> None:
        self._addresses = addresses
        self._stock = stock
        self._chance = random.Random(seed)
        self._forgetful = forgetful
        self._ended = threading.Event()
        self._token = ""
        self._watching: Watcher | None = None
        self.movements: list[pb.Movement] = []
        self.begun = 0
        """How many watches it took."""

    def follow(self) -> None:
        """Until it is told to end."""
        while not self._ended.is_set():
            self.begun += 1
            address = self._chance.choice(self._addresses)
            with Watcher(address, self._stock.metadata, token=self._token, from_beginning=True) as self._watching:
                try:
                    self._write_down()
                except grpc.RpcError as error:
                    self._forgive(failure_of(error))

    def end(self) -> None:
        """Tell it so."""
        self._ended.set()
        if self._watching:
            self._watching.cancel()

    def _write_down(self) -> None:
        assert self._watching is not None
        for message in self._watching:
            if self._ended.is_set() or (self._forgetful and self._chance.random() < 0.2):
                # As if it had been killed before it could write this one down.
                return
            self.movements += message.movements
            self._token = message.token

    def _forgive(self, failure: Failure) -> None:
        """A ledger that is away, and nothing else."""
        if not self._ended.is_set():
            assert failure.code is grpc.StatusCode.UNAVAILABLE, failure
            time.sleep(RETRY_PAUSE_S)


class Writers:
    """They add stock without a pause, and ask again until they know that they have."""

    def __init__(self, address: str, stock: Stock) -> None:
        self._address = address
        self._stock = stock
        self._positions = stock.positions(WRITERS)
        self._ended = threading.Event()
        self._answer_counts = [0] * WRITERS
        self._threads = ThreadPoolExecutor(WRITERS)
        self._writing: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._writing = [self._threads.submit(self._write, *one) for one in enumerate(self._positions)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._threads.shutdown()
        for one in self._writing:
            one.result()

    def wait_for_answers(self) -> None:
        """Return when each of them has got one to something that it asked from now on."""
        wanted = [count + 2 for count in self._answer_counts]
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while any(count < enough for count, enough in zip(self._answer_counts, wanted, strict=True)):
            assert time.monotonic() < deadline, "nobody gets an answer any more"
            time.sleep(RETRY_PAUSE_S)

    def _write(self, number: int, position_id: int) -> None:
        line = Line(self._address, self._stock.tenant_id)
        while not self._ended.is_set():
            assert line.settle(adding(self._stock.new_request_id(), position_id, 1)).accepted
            self._answer_counts[number] += 1
        line.close()


@pytest.fixture
def ledgers(ledger: LedgerProcess, ledger_database: LedgerDatabase, tmp_path: Path) -> Iterator[list[LedgerProcess]]:
    """The module's ledger and another on the same database."""
    with LedgerProcess(ledger_database.service_url, tmp_path) as other:
        yield [ledger, other]


def test_kills_of_ledgers_and_watchers_lose_nothing_and_repeat_nothing(
    ledgers: list[LedgerProcess], stock: Stock, seed: int
) -> None:
    mortal, other = ledgers
    chance = random.Random(seed)
    followers = [
        Follower([mortal.address], stock, seed),
        Follower([other.address], stock, seed + 1),
        Follower([mortal.address, other.address], stock, seed + 2, forgetful=True),
    ]
    with following(followers):
        with Writers(mortal.address, stock) as writers:
            for _ in range(KILLS):
                writers.wait_for_answers()
                time.sleep(chance.random() * PAUSE_MAX_S)
                mortal.kill()
                mortal.launch()
            writers.wait_for_answers()
        with Stock(other.address, tenant_id=stock.tenant_id) as reader:
            recorded = reader.movements()
        wait_until_seen(recorded[-1].movement_id, followers)

    assert [movement.movement_id for movement in recorded] == list(range(1, len(recorded) + 1))
    for follower in followers:
        assert follower.movements == recorded
    assert followers[0].begun > KILLS
    assert followers[1].begun == 1


@contextmanager
def following(followers: Sequence[Follower]) -> Iterator[None]:
    """They follow inside the block."""
    with ThreadPoolExecutor(len(followers)) as threads:
        under_way = [threads.submit(follower.follow) for follower in followers]
        try:
            yield
        finally:
            for follower in followers:
                follower.end()
        for one in under_way:
            one.result()


def wait_until_seen(movement_id: int, followers: Sequence[Follower]) -> None:
    """Return when all of them have seen this movement."""
    deadline = time.monotonic() + CATCH_UP_TIMEOUT_S
    while any(not each.movements or each.movements[-1].movement_id < movement_id for each in followers):
        assert time.monotonic() < deadline, [len(follower.movements) for follower in followers]
        time.sleep(RETRY_PAUSE_S)
