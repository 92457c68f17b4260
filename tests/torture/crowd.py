"""Clients that ask without a pause while a test does something terrible to whoever answers them.

A client that doesn't know what became of a request repeats it, and writes its answer down before it asks for the next.
"""

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from tests.harness.account import Account
from tests.harness.asking import TIMEOUT_S, Answer, Line, Request, method_of
from tests.harness.history import Diary, read_history
from tests.harness.invariants import check_invariants
from tests.harness.journal import Journal
from tests.harness.stock import Stock
from tests.system.verbs import BY_HAND, REFUSALS, Client, is_about_a_race
from tests.system.workload import Workload
from tests.torture.judging import judge
from tests.torture.stage import Stage, World
from tests.torture.translating import terms_of

CLIENTS = 12
RECOVERY_TIMEOUT_S = 30.0
ANSWERS_AFTER = 8
"""Beside one for each client: that many are noted only once somebody has got an answer to a new request."""


class Crowd:
    """So many of them, as one tenant. They ask the ledgers at these addresses, each one of them."""

    def __init__(
        self,
        addresses: Sequence[str],
        stock: Stock,
        seed: int,
        folder: Path,
        *,
        clients: int = CLIENTS,
        verbs: Collection[str] = BY_HAND,
        timeout_s: float = TIMEOUT_S,
        items: int = 3,
    ) -> None:
        """Their diaries go into a folder of their own in this one."""
        self._addresses = addresses
        self._stock = stock
        self._seed = seed
        self._diaries = Path(mkdtemp(prefix="diaries-", dir=folder))
        self._clients = clients
        self._verbs = verbs
        self._timeout_s = timeout_s
        self._items = items
        self._account = Account()
        self._ended = threading.Event()
        self._asking: list[Future[None]] = []
        self._workload: Workload | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """They begin, and end with their last answers."""
        workload = self._workload = Workload(self._stock, items=self._items, tracked=self._verbs != BY_HAND)
        with ThreadPoolExecutor(self._clients) as threads:
            self._asking = [threads.submit(self._ask, workload, number) for number in range(self._clients)]
            try:
                yield
                self.wait_for_answers()
            finally:
                self._ended.set()
        for client in self._asking:
            client.result()

    def wait_for_answers(self) -> float:
        """Return when everything works again; tells after how many seconds."""
        begun, wanted = time.monotonic(), len(self._account) + self._clients + ANSWERS_AFTER
        while len(self._account) < wanted:
            self.check_asking()
            assert time.monotonic() < begun + RECOVERY_TIMEOUT_S, "nobody gets an answer any more"
            time.sleep(0.01)
        return time.monotonic() - begun

    def check_asking(self) -> None:
        """Fail if one of them has given up."""
        for client in self._asking:
            assert not client.done() or client.result(), "clients ask until they are told to end"

    def answered_count(self) -> int:
        """How many requests were answered."""
        return len(self._account)

    def attempts(self) -> tuple[int, int]:
        """How many requests were asked until somebody knew what became of them, and how often in all."""
        known = [call.attempts for call in read_history(self._diaries) if call.ended]
        return len(known), sum(known)

    def accepted_count(self, call: str) -> int:
        """How many requests for this call were carried out."""
        return sum(method_of(answer.request) == call for answer in self._account.accepted())

    def replayed_count(self) -> int:
        """How many got to know only when they asked again that their request had been carried out."""
        return sum(answer.replayed for answer in self._account.accepted())

    def settle(self, request: Request) -> Answer:
        """Ask for one thing more, after all of them have ended."""
        line = Line(self._addresses[0], self._stock.tenant_id)
        with Diary(self._diaries / "more.diary") as diary:
            answer = self._account.note(line.settle(request, diary))
        line.close()
        return answer

    def check(self, stage: Stage, world: World) -> None:
        """Fail unless the ledgers have what they were told, and nothing else, and one ledger could have told them so."""
        world.check_logs()
        strange = [failure for failure in self._account.refused_except(REFUSALS) if not is_about_a_race(failure)]
        assert not strange, f"{len(strange)} requests were refused as none can be: {strange[:3]}"
        journal = check_invariants(world.database.owner_url, self._stock.tenant_id)
        self._account.check(journal)
        self._judge(stage, journal)

    def _judge(self, stage: Stage, journal: Journal) -> None:
        calls = read_history(self._diaries)
        assert self._workload, "they have asked"
        positions = {shelf.position_id: (shelf.item_id, shelf.location_id) for shelf in self._workload.shelves}
        judge(calls, journal, terms_of(self._workload), positions)
        stage.count("calls judged", len(calls))

    def _ask(self, workload: Workload, number: int) -> None:
        client = Client(workload, self._seed * self._clients + number, self._verbs)
        line = Line(self._addresses[number % len(self._addresses)], self._stock.tenant_id, timeout_s=self._timeout_s)
        with Diary(self._diaries / f"{number}.diary") as diary:
            while not self._ended.is_set():
                answer = line.settle(client.request(), diary)
                workload.note(self._account.note(answer))
        line.close()
