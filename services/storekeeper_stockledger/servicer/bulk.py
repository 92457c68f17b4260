"""Many changes in one message: how they are read, how their results are written, how many may be under way."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import Caller
from storekeeper_kit.reading import Reading
from storekeeper_kit.refusals import InvalidRequest

from ..batch import Recorded
from ..domain.operations import Submission
from . import writing
from .operations import submissions

CHANGES_MAX: Final = 1000
"""Changes in one message. They may share a transaction, which holds the locks of them all."""

SERIAL_NUMBERS_IN_BULK_MAX: Final = 1000
"""Units with serial numbers that one change of several receives: its movements travel in their answer."""

RESULTS_BYTES_MAX: Final = 3_000_000
"""Where an answer leaves movements out, and the details of refusals, so that it fits into gRPC's 4 MiB: what is left of a
thousand results is far less than the rest."""

STREAM_CHANGES_MAX: Final = 4000
"""Changes that the messages of one stream count for whose answers are not sent yet. At this many the ledger reads no further."""

STREAM_BYTES_MAX: Final = 16_000_000
"""What the answers of one stream may hold that are not sent yet, at most twice: how many movements a change makes shows only
when it is carried out, so each message is allowed its part before. Beyond it an answer leaves movements out."""

REQUEST_ID_CHARS_MAX: Final = 100
"""Of a request id that is told again. A good one has 36."""

OMITTED: Final = "the rest is left out, because the answer would be too long: ask for this change alone"

Response = TypeVar("Response", pb.BatchChangeStockResponse, pb.ChangeStockResponse)
"""What has the results of many changes."""


def check(changes: Sequence[pb.StockChange]) -> None:
    """Raise InvalidRequest for what is wrong with the changes as a whole."""
    _checked(changes).finish()


def all_submissions(changes: Sequence[pb.StockChange], caller: Caller) -> tuple[Submission, ...]:
    """What all changes ask, which stand or fall together: so do their bad fields."""
    read = _checked(changes)
    asked = []
    for number, change in enumerate(changes):
        try:
            asked.append(_submission(change, caller))
        except InvalidRequest as invalid:
            for violation in invalid.violations:
                read.violation(path(number, change, violation.field), violation.description)
    read.finish()
    return tuple(asked)


def each_submission(changes: Sequence[pb.StockChange], caller: Caller) -> list[Submission | InvalidRequest]:
    """What each change asks, or what is wrong with it."""
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
        # With its frames it would keep the request until the collector comes.
        return invalid.with_traceback(None)


def _submission(change: pb.StockChange, caller: Caller) -> Submission:
    kind = change.WhichOneof("kind")
    read = Reading()
    if kind is None:
        read.violation("", "is required: exactly one kind of change")
        read.finish()
    request: Any = getattr(change, str(kind))
    if getattr(request, "validate_only", False):
        read.violation("validate_only", "is for single calls")
    if kind == "receive" and len(request.serial_numbers) > SERIAL_NUMBERS_IN_BULK_MAX:
        read.violation("serial_numbers", f"are more than {SERIAL_NUMBERS_IN_BULK_MAX}, which is for single calls")
    read.finish()
    return submissions.submission(request, caller)


class Window:
    """Bounds how much of a stream is under way: what counts for changes whose answers are not sent, and what those answers hold."""

    def __init__(self, weight_max: int = STREAM_CHANGES_MAX, bytes_max: int = STREAM_BYTES_MAX) -> None:
        self._weight_max = weight_max
        self._bytes_max = bytes_max
        self._weight = 0
        self._bytes = 0
        self._left = asyncio.Event()

    async def enter(self, weight: int) -> int:
        """Wait until there is room, and tell how many bytes the answer may hold.

        What is greater than all of the window goes in alone. Where little is under way an answer may hold much of what is
        left; each change has its own part of the window in any case.
        """
        while self._weight and self._weight + weight > self._weight_max:
            self._left.clear()
            await self._left.wait()
        left = self._bytes_max - self._bytes
        allowed = min(RESULTS_BYTES_MAX, max(left // 8, weight * self._bytes_max // self._weight_max))
        self._weight += weight
        self._bytes += allowed
        return allowed

    def leave(self, weight: int, allowed: int) -> None:
        """Make room: these changes are answered."""
        self._weight -= weight
        self._bytes -= allowed
        self._left.set()


class Results(Generic[Response]):
    """Writes the results of many changes into an answer, as far as they fit."""

    def __init__(self, response: Response, *, with_cost: bool, bytes_max: int) -> None:
        self.response: Response = response
        self._add = response.results.add
        self._with_cost = with_cost
        self._left = bytes_max

    def accepted(self, request_id: str, recorded: Recorded) -> None:
        """A change that was carried out, now or earlier."""
        # Each message is made in its place: copied there it would take half as long again.
        result = self._add(request_id=request_id, replayed=recorded.replayed)
        for movement in recorded.movements:
            writing.movement(movement, with_cost=self._with_cost, make=result.movements.add)
        size = result.ByteSize()
        if size > self._left:
            del result.movements[:]
            result.movements_omitted = True
            size = result.ByteSize()
        self._left -= size

    def refused(self, request_id: str, status: Status) -> None:
        """A change that was not."""
        result = self._add(request_id=request_id[:REQUEST_ID_CHARS_MAX], refusal=status)
        size = result.ByteSize()
        if size > self._left:
            result.refusal.CopyFrom(_shortened(status))
            size = result.ByteSize()
        self._left -= size


def _shortened(status: Status) -> Status:
    """A refusal as it is told where there is no room for more: its code and its reason."""
    short = Status(code=status.code, message=OMITTED)
    for detail in status.details:
        info = ErrorInfo()
        if detail.Unpack(info):
            short.details.add().Pack(ErrorInfo(reason=info.reason, domain=info.domain))
    return short
