"""ChangeStock: changes as they come, answered in their order, and never more under way than a client takes."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final

import grpc
import pytest
from grpc import StatusCode

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import COSTS_VIEW, Caller
from storekeeper_kit.clients import failure_of
from storekeeper_kit.coalescer import PATIENT_MAX, WAITING_MAX, Coalescer
from storekeeper_kit.refusals import InvalidRequest
from storekeeper_stockledger.servicer import bulk, changing
from storekeeper_stockledger.servicer.bulk import STREAM_BYTES_MAX, STREAM_CHANGES_MAX
from storekeeper_stockledger.servicer.calls import CHANGE_BYTES, Call, Told
from storekeeper_stockledger.servicer.changing import Changing
from tests.harness.garbage import no_frames_left
from tests.harness.stock import TIMEOUT_S, Stock, adding, caller, removing
from tests.stockledger.dump import Dump
from tests.stockledger.servicer.refusing import bad_fields, tells_nothing_of_the_inside

MESSAGES: Final = 30


def asking(*changes: pb.StockChange) -> pb.ChangeStockRequest:
    return pb.ChangeStockRequest(changes=changes)


def addition(stock: Stock, position_id: int, quantity: int | str = 1, **fields: Any) -> pb.StockChange:
    return pb.StockChange(add=adding(stock.new_request_id(), position_id, quantity, **fields))


def removal(stock: Stock, position_id: int, quantity: int | str = 1) -> pb.StockChange:
    return pb.StockChange(remove=removing(stock.new_request_id(), quantity, position_id=position_id))


def stream(stock: Stock, requests: Iterator[pb.ChangeStockRequest] | Sequence[pb.ChangeStockRequest]) -> Any:
    """The answers to a stream of requests."""
    return stock.stub.ChangeStock(iter(requests), metadata=stock.metadata, timeout=TIMEOUT_S)


class TestAnswers:
    def test_come_in_the_order_of_the_messages_and_of_their_changes(self, stock: Stock) -> None:
        positions = stock.positions(3)
        requests = [
            asking(*(addition(stock, positions[(number + place) % 3], number + 1) for place in range(number % 4 + 1)))
            for number in range(MESSAGES)
        ]
        answers = list(stream(stock, requests))
        told = [[result.request_id for result in answer.results] for answer in answers]
        assert told == [[change.add.request_id for change in request.changes] for request in requests]
        recorded = [one.request_id for one in stock.movements()]
        assert recorded == [request_id for message in told for request_id in message]

    def test_each_change_is_for_itself_and_sees_what_the_ones_before_it_have_left(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        requests = [
            asking(addition(stock, position_id, 5), removal(stock, position_id, 6)),
            asking(removal(stock, position_id, "abc"), pb.StockChange(), removal(stock, position_id, 5)),
        ]
        answers = list(stream(stock, requests))
        refused = [[result.HasField("refusal") for result in answer.results] for answer in answers]
        assert refused == [[False, True], [True, True, False]]
        assert stock.available(position_id) == 0

    def test_come_while_the_client_still_asks(self, stock: Stock) -> None:
        """Whoever asks one after the other hears of each before the next."""
        (position_id,) = stock.positions()
        heard = threading.Semaphore()

        def one_by_one() -> Iterator[pb.ChangeStockRequest]:
            for _ in range(5):
                assert heard.acquire(timeout=TIMEOUT_S)
                yield asking(addition(stock, position_id))

        for count, answer in enumerate(stream(stock, one_by_one()), start=1):
            assert answer.results[0].movements[0].position_after.on_hand.value == str(count)
            heard.release()

    def test_a_stream_that_broke_goes_on_as_another_or_as_single_calls(self, stock: Stock, dump: Dump) -> None:
        (position_id,) = stock.positions()
        requests = [asking(addition(stock, position_id)) for _ in range(6)]
        broken = stream(stock, requests)
        assert next(broken).results[0].request_id == requests[0].changes[0].add.request_id
        broken.cancel()
        again = [answer.results[0] for answer in stream(stock, requests)]
        assert again[0].replayed
        assert stock.available(position_id) == len(requests)
        before = dump()
        for request, told in zip(requests, again, strict=True):
            alone = stock.call("AddStock", request.changes[0].add)
            assert alone.movement == told.movements[0]
        assert [one.results[0].replayed for one in stream(stock, requests)] == [True] * len(requests)
        assert dump() == before

    def test_costs_are_left_out_for_those_who_may_not_see_them(self, stock: Stock) -> None:
        (position_id,) = stock.positions()
        change = addition(stock, position_id, 1, unit_cost=7)
        (seen,) = stream(stock, [asking(change)])
        stock.metadata = caller(stock.tenant_id, "clerk", ["stock.write"])
        (unseen,) = stream(stock, [asking(change)])
        assert [one.results[0].movements[0].HasField("amount") for one in (seen, unseen)] == [True, False]

    def test_nothing_asked_is_nothing_answered(self, stock: Stock) -> None:
        assert list(stream(stock, [])) == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("bad", "fields"),
        [
            (lambda _: asking(), ["changes"]),
            (lambda _: asking(*[pb.StockChange()] * 1001), ["changes"]),
            (lambda one: asking(one, one), ["changes[1].add.request_id"]),
        ],
        ids=["nothing", "too much", "one id twice"],
    )
    def test_a_message_that_says_nothing_sensible_ends_the_stream_after_what_came_before(
        self, stock: Stock, bad: Callable[[pb.StockChange], pb.ChangeStockRequest], fields: list[str]
    ) -> None:
        (position_id,) = stock.positions()
        good = [asking(addition(stock, position_id)) for _ in range(3)]
        answers = stream(stock, [*good, bad(addition(stock, position_id)), asking(addition(stock, position_id))])
        told = [next(answers) for _ in good]
        with pytest.raises(grpc.RpcError) as error:
            next(answers)
        failure = failure_of(error.value)
        assert bad_fields(failure) == fields
        assert tells_nothing_of_the_inside(failure)
        assert all(answer.results[0].movements for answer in told)
        assert stock.available(position_id) == len(good)

    def test_a_caller_who_is_nobody_is_refused(self, stock: Stock) -> None:
        stock.metadata = (("storekeeper-tenant", "nobody"),)
        with pytest.raises(grpc.RpcError) as error:
            next(stream(stock, [asking(pb.StockChange())]))
        assert failure_of(error.value).code is StatusCode.INVALID_ARGUMENT


class Instant:
    """Stands for the worker, behind a coalescer: all that it is given is carried out when it is told so."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.futures: list[asyncio.Future[Told]] = []

    async def room_for(self, _weight: int) -> None:
        """There is always room."""

    def submit(self, _tenant_id: int, asked: Call, _deadline: float) -> asyncio.Future[Told]:
        self.calls.append(asked)
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]

    def carry_out(self) -> None:
        """All that was given so far."""
        for future in self.futures:
            if not future.done():
                future.set_result(Told(b""))


class TestFlow:
    """How much is under way at once, without a server: what is read is counted."""

    @pytest.fixture(autouse=True)
    def called_by_somebody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(changing, "bound_caller", lambda: Caller(1, "tester", frozenset({COSTS_VIEW})))

    def test_no_more_is_read_than_may_wait_for_a_client_that_takes_nothing(self) -> None:
        asyncio.run(asyncio.wait_for(self.take_nothing(), TIMEOUT_S))

    async def take_nothing(self) -> None:
        read: list[int] = []
        works = Instant()
        answers = changing_stock(works, read, messages=20, changes=1000)
        taking = asyncio.ensure_future(anext(answers))
        await self.settle()
        # One more is read than may wait: it is the one that waits for room.
        assert len(read) == STREAM_CHANGES_MAX // 1000 + 1
        assert len(works.futures) == STREAM_CHANGES_MAX // 1000
        for taken in range(1, 4):
            works.carry_out()
            await taking
            taking = asyncio.ensure_future(anext(answers))
            await self.settle()
            assert len(read) == STREAM_CHANGES_MAX // 1000 + 1 + taken
        taking.cancel()

    def test_long_requests_count_for_as_many_changes_as_would_be_as_long(self) -> None:
        asyncio.run(asyncio.wait_for(self.take_nothing_of_long_ones(), TIMEOUT_S))

    async def take_nothing_of_long_ones(self) -> None:
        read: list[int] = []
        works = Instant()
        answers = changing_stock(works, read, messages=20, changes=1, reason="x" * 1000 * CHANGE_BYTES)
        taking = asyncio.ensure_future(anext(answers))
        await self.settle()
        assert len(read) == STREAM_CHANGES_MAX // 1000 + 1
        assert {one.weight for one in works.calls} == {1000}
        taking.cancel()

    def test_streams_beside_each_other_wait_for_room_instead_of_being_refused(self) -> None:
        asyncio.run(asyncio.wait_for(self.crowd(), TIMEOUT_S))

    async def crowd(self) -> None:
        begun = asyncio.Event()

        async def carry_out(_tenant_id: int, asked: Sequence[Call], _deadline: float) -> list[Told]:
            await begun.wait()
            return [Told(b"") for _ in asked]

        works = Coalescer(carry_out, lanes=2, weight=attrgetter("weight"))
        # More than may wait at all, were each window of theirs full.
        streams = [
            changing_stock(works, [], messages=6, changes=1000) for _ in range(WAITING_MAX // STREAM_CHANGES_MAX + 2)
        ]
        taking = [asyncio.ensure_future(all_of(stream)) for stream in streams]
        await self.settle()
        # They have left room for others.
        alone = works.submit(
            1, Call("BatchChangeStock", b"", "tester", True, PATIENT_MAX), time.monotonic() + TIMEOUT_S
        )
        begun.set()
        assert await asyncio.gather(*taking) == [6] * len(streams)
        assert await alone == Told(b"")

    def test_one_that_ends_with_an_error_leaves_nothing_to_the_collector(self) -> None:
        with no_frames_left():
            asyncio.run(asyncio.wait_for(self.send_nothing(), TIMEOUT_S))

    async def send_nothing(self) -> None:
        with pytest.raises(InvalidRequest):
            await all_of(changing_stock(Instant(), [], messages=1, changes=0))

    def test_answers_that_wait_are_bounded_by_what_they_may_hold(self) -> None:
        """What a change moves shows only when it is carried out, so each message is told before how much it may tell."""
        asyncio.run(asyncio.wait_for(self.fill_the_window(), TIMEOUT_S))

    async def fill_the_window(self) -> None:
        works = Instant()
        taking = asyncio.ensure_future(anext(changing_stock(works, [], messages=8000, changes=1)))
        while len(works.futures) < STREAM_CHANGES_MAX:
            await self.settle()
        allowed = [one.bytes_max for one in works.calls]
        assert allowed[0] == STREAM_BYTES_MAX // 8
        assert allowed[-1] == STREAM_BYTES_MAX // STREAM_CHANGES_MAX
        assert sum(allowed) <= 2 * STREAM_BYTES_MAX
        taking.cancel()

    def test_those_that_have_not_begun_never_do_when_the_caller_has_gone(self) -> None:
        asyncio.run(asyncio.wait_for(self.go_away(), TIMEOUT_S))

    async def go_away(self) -> None:
        works = Instant()
        answers = changing_stock(works, [], messages=3, changes=1)
        taking = asyncio.ensure_future(anext(answers))
        await self.settle()
        taking.cancel()
        await self.settle()
        assert [future.cancelled() for future in works.futures] == [True] * 3

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    def test_what_is_greater_than_the_window_goes_through_alone(self) -> None:
        asyncio.run(asyncio.wait_for(self.pass_through(), TIMEOUT_S))

    async def pass_through(self) -> None:
        window = bulk.Window(10)
        allowed = await window.enter(25)
        waiting = asyncio.ensure_future(window.enter(1))
        await self.settle()
        assert not waiting.done()
        window.leave(25, allowed)
        await waiting


async def all_of(answers: AsyncIterator[object]) -> int:
    """How many there are."""
    return len([one async for one in answers])


def changing_stock(works: Any, read: list[int], *, messages: int, changes: int, reason: str = "") -> Any:
    """The answers to a stream of so many messages; `read` learns which of them were."""

    async def requests() -> AsyncIterator[pb.ChangeStockRequest]:
        for number in range(messages):
            read.append(number)
            yield asking(*(change(1000 * number + place, reason) for place in range(changes)))

    # One of the classes that a servicer is made of, by itself.
    make: Any = Changing
    return make(changes=works).ChangeStock(requests(), None)


def change(number: int, reason: str = "") -> pb.StockChange:
    """A change under a request id of its own."""
    return pb.StockChange(add=adding(f"00000000-0000-4000-8000-{number:012}", 1, 1, reason=reason))
