"""Many changes in one message: how they are read, how their results are written, how many may be under way."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from google.rpc.status_pb2 import Status

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import Caller
from storekeeper_kit.reading import Reading
from storekeeper_kit.refusals import InvalidRequest

from ..batch import Recorded
from ..domain.operations import Submission
from . import operations, writing

CHANGES_MAX: Final = 1000
"""Changes in one message. They may share a transaction, which holds the locks of them all."""

SERIAL_NUMBERS_MAX: Final = 1000
"""Units with serial numbers that one change of several receives: its movements travel in their answer."""

RESULTS_BYTES_MAX: Final = 3_000_000
"""Where an answer leaves movements out, so that it fits into gRPC's 4 MiB."""

Response = TypeVar("Response", pb.BatchChangeStockResponse, pb.ChangeStockResponse)
"""What has the results of many changes."""


def all_submissions(changes: Sequence[pb.StockChange], caller: Caller) -> tuple[Submission, ...]:
    """What all changes ask, which stand or fall together: so do their bad fields."""
    read = _checked(changes)
    submissions = []
    for number, change in enumerate(changes):
        try:
            submissions.append(_submission(change, caller))
        except InvalidRequest as invalid:
            for violation in invalid.violations:
                read.violation(path(number, change, violation.field), violation.description)
    read.finish()
    return tuple(submissions)


def each_submission(changes: Sequence[pb.StockChange], caller: Caller) -> list[Submission | InvalidRequest]:
    """What each change asks, or what is wrong with it."""
    _checked(changes).finish()
    return [_submission_or_violations(change, caller) for change in changes]


def request_id_of(change: pb.StockChange) -> str:
    """The request id of a change; empty when there is none."""
    kind = change.WhichOneof("kind")
    return str(getattr(change, kind).request_id) if kind else ""


def path(number: int, change: pb.StockChange, field: str = "") -> str:
    """Where a change, or a field of it, stands in the request."""
    return ".".join(filter(None, [f"changes[{number}]", change.WhichOneof("kind"), field]))


def _checked(changes: Sequence[pb.StockChange]) -> Reading:
    """Notes what is wrong with the changes as a whole."""
    read = Reading()
    if not changes:
        read.violation("changes", "is required: at least one")
    if len(changes) > CHANGES_MAX:
        read.violation("changes", f"are more than {CHANGES_MAX}")
        read.finish()
    seen: dict[str, int] = {}
    for number, change in enumerate(changes):
        request_id = request_id_of(change)
        if request_id and seen.setdefault(request_id.lower(), number) != number:
            first = seen[request_id.lower()]
            read.violation(path(number, change, "request_id"), f"is that of changes[{first}], too")
    return read


def _submission_or_violations(change: pb.StockChange, caller: Caller) -> Submission | InvalidRequest:
    try:
        return _submission(change, caller)
    except InvalidRequest as invalid:
        return invalid


def _submission(change: pb.StockChange, caller: Caller) -> Submission:
    kind = change.WhichOneof("kind")
    read = Reading()
    if kind is None:
        read.violation("", "is required: exactly one kind of change")
        read.finish()
    request: Any = getattr(change, str(kind))
    if getattr(request, "validate_only", False):
        read.violation("validate_only", "is for single calls")
    if kind == "receive" and len(request.serial_numbers) > SERIAL_NUMBERS_MAX:
        read.violation("serial_numbers", f"are more than {SERIAL_NUMBERS_MAX}, which is for single calls")
    read.finish()
    return operations.submission(request, caller)


class Results:
    """Writes the results of many changes into an answer, as far as they fit."""

    def __init__(self, response: pb.BatchChangeStockResponse | pb.ChangeStockResponse, *, with_cost: bool) -> None:
        self._add = response.results.add
        self._with_cost = with_cost
        self._size = 0

    def accepted(self, request_id: str, recorded: Recorded) -> None:
        """A change that was carried out, now or earlier."""
        # Each message is made in its place: copied there it would take half as long again.
        result = self._add(request_id=request_id, replayed=recorded.replayed)
        for movement in recorded.movements:
            writing.movement(movement, with_cost=self._with_cost, make=result.movements.add)
        size = result.ByteSize()
        if self._size + size > RESULTS_BYTES_MAX:
            del result.movements[:]
            result.movements_omitted = True
            size = result.ByteSize()
        self._size += size

    def refused(self, request_id: str, status: Status) -> None:
        """A change that was not."""
        self._add(request_id=request_id, refusal=status)


class Window:
    """Bounds how much of a stream is under way."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._inside = 0
        self._left = asyncio.Event()

    async def enter(self, count: int) -> None:
        """Wait until there is room; what is greater than all of it goes in alone."""
        while self._inside and self._inside + count > self._maximum:
            self._left.clear()
            await self._left.wait()
        self._inside += count

    def leave(self, count: int) -> None:
        """Make room."""
        self._inside -= count
        self._left.set()
