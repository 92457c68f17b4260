"""R5: a storm of duplicates: at once, a second later, after restarts, an hour and a year later, and under another's id.

Of whatever has one request id at most one is carried out; each repeat gets the bytes that the first one got; and what is
asked under the id of something else is refused, always.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import ndiff
from typing import Any, Final

import psycopg

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.account import Account, first_answers
from tests.harness.asking import Answer, Line
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.system.verbs import VERBS, Client
from tests.system.workload import Workload
from tests.torture.stage import Stage, World

CLIENTS: Final = 16
LEDGERS: Final = 2
COPIES_MAX: Final = 5
A_MOMENT_S: Final = 1.0
KEPT: Final = 200
"""Requests that each client asks again in the end, when the journal has come an hour further, and then a year."""
AT_ONCE: Final = 500
"""Repeats in flight in the end: fewer than a ledger accepts."""
LATER: Final = (timedelta(hours=1), timedelta(days=365))


def run(stage: Stage, duplicates: int) -> None:
    """Ask so many times for what was asked already."""
    with stage.world(LEDGERS) as world:
        workload, account = Workload(world.stock, tracked=True), Account()
        storm = _Storm(world, workload, account, left=duplicates)
        with ThreadPoolExecutor(CLIENTS) as threads:
            storms = [threads.submit(storm.rage, stage.seed * CLIENTS + number) for number in range(CLIENTS)]
        kept = [answer for one in storms for answer in one.result()]
        for ledger in world.ledgers:
            ledger.restart()
        for later in LATER:
            _pass_time(world.database, world.stock.tenant_id, later)
            storm.repeat(kept)
            stage.count(f"repeats {later.days} days and {later.seconds // 3600} hours later", len(kept))
        stage.count("duplicates", storm.duplicates)
        stage.count("others under the same id, refused", storm.refused)
        stage.count("requests carried out", len({answer.request.request_id for answer in account.accepted()}))
        account.check(check_invariants(world.database.owner_url, world.stock.tenant_id))


@dataclass(slots=True)
class _Storm:
    """What all of its clients share."""

    world: World
    workload: Workload
    account: Account
    left: int
    duplicates: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rage(self, seed: int) -> list[Answer]:
        """One client asks until the storm is over; returns the last that were accepted."""
        client = Client(self.workload, seed, VERBS)
        lines = self._lines()
        recent: deque[tuple[float, Answer]] = deque()
        kept: deque[Answer] = deque(maxlen=KEPT)
        while self.duplicates < self.left:
            accepted = self._at_once(client, lines)
            if accepted:
                recent.append((time.monotonic(), accepted))
                kept.append(accepted)
                self._other_contents(client, lines, accepted)
            while recent and recent[0][0] + A_MOMENT_S < time.monotonic():
                self._again(client.chance.choice(lines), recent.popleft()[1])
        for line in lines:
            line.close()
        return list(kept)

    def repeat(self, answers: Sequence[Answer]) -> None:
        """Each is asked once more, and answered as it was."""
        line = self._lines()[0]
        for begin in range(0, len(answers), AT_ONCE):
            portion = answers[begin : begin + AT_ONCE]
            asked = [line.ask(answer.request) for answer in portion]
            for answer, one in zip(portion, asked, strict=True):
                self._check_repeat(answer, one.answer())
        line.close()

    def _at_once(self, client: Client, lines: Sequence[Line]) -> Answer | None:
        """The same request several times; the answer that carried it out, if one did."""
        request = client.request()
        copies = client.chance.randint(1, COPIES_MAX)
        asked = [client.chance.choice(lines).ask(request) for _ in range(copies)]
        answers = [self.account.note(one.answer()) for one in asked]
        self._count(duplicates=copies - 1)
        accepted = [answer for answer in answers if answer.accepted]
        if not accepted:
            return None
        first, *others = first_answers(accepted)
        assert not others, f"a request was carried out more than once: {first.request}"
        for answer in accepted:
            _check_same(first, answer)
        self.workload.note(first)
        return first

    def _again(self, line: Line, before: Answer) -> None:
        self._check_repeat(before, line.ask(before.request).answer())
        self._count(duplicates=1)

    def _other_contents(self, client: Client, lines: Sequence[Line], accepted: Answer) -> None:
        other = client.request(accepted.request.request_id)
        if other == accepted.request:
            return
        answer = client.chance.choice(lines).ask(other).answer()
        assert answer.reason == "REQUEST_ID_REUSED", f"another under a used id was not refused: {answer}, {accepted}"
        self._count(refused=1)

    def _check_repeat(self, before: Answer, answer: Answer) -> None:
        assert answer.accepted, f"a repeat was refused: {answer.request}, by {answer.failure}"
        assert answer.replayed, f"a repeat was carried out again: {answer.request}, to {answer.response}"
        _check_same(before, answer)

    def _count(self, *, duplicates: int = 0, refused: int = 0) -> None:
        with self._lock:
            self.duplicates += duplicates
            self.refused += refused

    def _lines(self) -> list[Line]:
        return [Line(address, self.world.stock.tenant_id) for address in self.world.addresses]


def _check_same(first: Answer, repeat: Answer) -> None:
    """Byte for byte; but a stocked item is told as it is."""
    if isinstance(first.response, pb.StockedItem):
        return
    assert _bytes(first.response) == _bytes(repeat.response), (
        f"a repeat was answered otherwise: {first.request}, the lines with a minus first:\n{_difference(first, repeat)}"
    )


def _difference(first: Answer, repeat: Answer) -> str:
    return "\n".join(ndiff(str(first.response).splitlines(), str(repeat.response).splitlines()))


def _bytes(response: Any) -> bytes:
    return bytes(response.SerializeToString(deterministic=True))


def _pass_time(database: LedgerDatabase, tenant_id: int, later: timedelta) -> None:
    """Let the journal's clock, which never runs backwards, be so much further."""
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(
            "UPDATE journal_head SET record_time = record_time + %s WHERE tenant_id = %s", [later, tenant_id]
        )
