"""How far journals go: read by one statement for all who wait, at once when something was committed here."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from storekeeper_kit.refusals import Unavailable
from storekeeper_stockledger import journal_ends
from storekeeper_stockledger.journal_ends import JournalEnds

LONG_S = 60.0
TIMEOUT_S = 10.0
LOOK_INTERVAL_S = 0.001


class Journals:
    """Journals of tenants, and who asked for their ends."""

    def __init__(self, **ends: int) -> None:
        self.ends = {int(name.removeprefix("tenant_")): end for name, end in ends.items()}
        self.asked: list[list[int]] = []
        self.away = False
        self.answering = threading.Event()
        self.answering.set()

    def read(self, tenant_ids: Sequence[int]) -> Mapping[int, int]:
        """As the database does."""
        ends = {tenant_id: end for tenant_id, end in self.ends.items() if tenant_id in tenant_ids}
        self.asked.append(sorted(tenant_ids))
        self.answering.wait(TIMEOUT_S)
        if self.away:
            raise Unavailable("it is away")
        return ends


@contextmanager
def ends_of(journals: Journals) -> Iterator[JournalEnds]:
    ends = JournalEnds(journals.read)
    try:
        yield ends
    finally:
        ends.close()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, TIMEOUT_S))


async def come_true(condition: Callable[[], bool]) -> None:
    """Returns as soon as it has; a test that waits for ever ends by its time-out."""
    come = asyncio.Event()
    while not come.is_set():
        if condition():
            come.set()
        await asyncio.sleep(LOOK_INTERVAL_S)


@pytest.fixture
def _no_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read but what somebody says is new."""
    monkeypatch.setattr(journal_ends, "POLL_INTERVAL_S", LONG_S)


def test_a_reader_learns_how_far_the_journal_goes_when_it_comes() -> None:
    async def test() -> None:
        with ends_of(Journals(tenant_1=7)) as ends, ends.reader(1) as one, ends.reader(2) as other:
            assert await one.end() == 7
            assert await other.end() == 0

    run(test())


def test_what_other_processes_commit_shows_by_itself() -> None:
    async def test() -> None:
        journals = Journals(tenant_1=7)
        with ends_of(journals) as ends, ends.reader(1) as reader:
            assert await reader.end() == 7
            journals.ends[1] = 8
            assert await reader.end_unlike(7, timeout_s=LONG_S) == 8

    run(test())


@pytest.mark.usefixtures("_no_polls")
def test_what_this_process_commits_shows_at_once() -> None:
    async def test() -> None:
        journals = Journals(tenant_1=7)
        with ends_of(journals) as ends, ends.reader(1) as reader:
            assert await reader.end() == 7
            for end in (8, 9, 10):
                journals.ends[1] = end
                await asyncio.to_thread(ends.committed, 1)
                assert await reader.end_unlike(end - 1, timeout_s=LONG_S) == end

    run(test())


def test_commits_of_tenants_that_nobody_watches_are_nobody_s_business() -> None:
    async def test() -> None:
        journals = Journals(tenant_1=7)
        with ends_of(journals) as ends:
            ends.committed(1)
            with ends.reader(1) as reader:
                await reader.end()
                ends.committed(2)
        assert {tenant_id for asked in journals.asked for tenant_id in asked} == {1}

    run(test())


def test_one_statement_asks_for_all_who_wait_and_none_when_nobody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_ends, "POLL_INTERVAL_S", journal_ends.NEWS_INTERVAL_S)

    async def test() -> None:
        journals = Journals()
        with ends_of(journals) as ends:
            with ExitStack() as readers:
                for tenant_id in (1, 2, 3, 3, 3):
                    await readers.enter_context(ends.reader(tenant_id)).end()
                journals.asked.clear()
                await come_true(lambda: len(journals.asked) >= 3)
                assert journals.asked[1:3] == [[1, 2, 3]] * 2
            await come_true(lambda: ends._polling is None)
            journals.asked.clear()
            with ends.reader(4) as late:
                assert await late.end() == 0
        assert [4] in journals.asked
        assert not any(set(asked) & {1, 2, 3} for asked in journals.asked)

    run(test())


@pytest.mark.usefixtures("_no_polls")
def test_who_comes_while_an_answer_is_on_its_way_waits_for_the_next() -> None:
    """It may know of a movement that was recorded after that question."""

    async def test() -> None:
        journals = Journals(tenant_1=7)
        with ends_of(journals) as ends, ends.reader(1) as early:
            assert await early.end() == 7
            journals.answering.clear()
            ends.committed(1)
            await come_true(lambda: len(journals.asked) == 2)
            journals.ends[1] = 8
            with ends.reader(1) as late:
                journals.answering.set()
                assert await late.end() == 8

    run(test())


def test_a_reader_is_back_in_time_when_nothing_happens() -> None:
    async def test() -> None:
        with ends_of(Journals(tenant_1=7)) as ends, ends.reader(1) as reader:
            assert await reader.end() == 7
            assert await reader.end_unlike(7, timeout_s=0.05) == 7
            assert await reader.end_unlike(7, timeout_s=-1) == 7

    run(test())


def test_a_journal_that_was_restored_from_a_backup_shows_as_a_shorter_one() -> None:
    async def test() -> None:
        journals = Journals(tenant_1=7)
        with ends_of(journals) as ends, ends.reader(1) as reader:
            assert await reader.end() == 7
            journals.ends[1] = 5
            assert await reader.end_unlike(7, timeout_s=LONG_S) == 5

    run(test())


def test_everybody_hears_of_a_database_that_is_away_and_may_come_again() -> None:
    async def test() -> None:
        journals = Journals(tenant_1=7)
        with ends_of(journals) as ends:
            with ends.reader(1) as waiting:
                assert await waiting.end() == 7
                journals.away = True
                with pytest.raises(Unavailable):
                    await waiting.end_unlike(7, timeout_s=LONG_S)
                with ends.reader(2) as coming, pytest.raises(Unavailable):
                    await coming.end()
            journals.away = False
            with ends.reader(1) as again:
                assert await again.end() == 7

    run(test())
