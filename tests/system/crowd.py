"""Clients that ask without a pause while a test does something terrible to whoever answers them.

A client that doesn't know what became of a request repeats it, and writes its answer down before it asks for the next.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tests.harness.account import Account
from tests.harness.asking import Line
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.harness.stock import Stock
from tests.system.workload import Client, Workload

CLIENTS = 12
RECOVERY_TIMEOUT_S = 30.0
ANSWERS_AFTER = 20
"""More than there are clients: that many are noted only once somebody has got an answer to a new request."""


class Crowd:
    """A dozen of them, as one tenant."""

    def __init__(self, address: str, stock: Stock, seed: int) -> None:
        self._address = address
        self._stock = stock
        self._seed = seed
        self._account = Account()
        self._ended = threading.Event()
        self._asking: list[Future[None]] = []

    @contextmanager
    def asking(self) -> Iterator[None]:
        """They begin, and end with their last answers."""
        workload = Workload(self._stock)
        with ThreadPoolExecutor(CLIENTS) as threads:
            self._asking = [threads.submit(self._ask, workload, number) for number in range(CLIENTS)]
            try:
                yield
                self.wait_for_answers()
            finally:
                self._ended.set()
        for client in self._asking:
            client.result()

    def wait_for_answers(self) -> None:
        """Return when everything works again."""
        wanted = len(self._account) + ANSWERS_AFTER
        deadline = time.monotonic() + RECOVERY_TIMEOUT_S
        while len(self._account) < wanted:
            for client in self._asking:
                assert not client.done() or client.result(), "clients ask until they are told to end"
            assert time.monotonic() < deadline, "nobody gets an answer any more"
            time.sleep(0.01)

    def replayed_count(self) -> int:
        """How many got to know only when they asked again that their request had been carried out."""
        return sum(answer.replayed for answer in self._account.accepted())

    def check(self, database: LedgerDatabase) -> None:
        """Fail unless the ledger has what they were told, and nothing else."""
        assert self._account.refused_except({"INSUFFICIENT_STOCK"}) == []
        journal = check_invariants(database.owner_url, self._stock.tenant_id, self._account.oldest_first())
        self._account.check(journal)

    def _ask(self, workload: Workload, number: int) -> None:
        client = Client(workload, self._seed * CLIENTS + number)
        line = Line(self._address, self._stock.tenant_id)
        while not self._ended.is_set():
            workload.note(self._account.note(line.settle(client.request())))
        line.close()
