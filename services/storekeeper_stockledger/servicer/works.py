"""What one call asks for while it is carried out: a single change, many together, or many each for itself."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import Caller
from storekeeper_kit.refusals import DeadlineExceeded, InvalidRequest, Overloaded, Unavailable, status_of

from ..batch import Asked, Outcome, Recorded
from ..domain.operations import AllOrNone, Submission
from ..domain.refusals import ChangeRefused
from . import answers, bulk
from .calls import Refused, Told
from .operations import submissions

UNKNOWN: Final = (Unavailable, DeadlineExceeded, Overloaded)
"""These leave open what became of a change."""

ANSWER_BYTES_MAX: Final = 4_000_000
"""What the answer to one change may hold, so that it fits into gRPC's 4 MiB. Only a transfer of hundreds of stocked items, for a
long reason, is longer: that stands in each of its movements."""


class Work(Protocol):
    """A call that is being carried out."""

    asked: Sequence[Asked]
    waits: bool
    """Nothing that it asks is decided yet."""

    def take(self, outcome: Outcome) -> None:
        """What became of the next thing that it asks."""

    def answer(self) -> Told:
        """What it is answered, when all that it asks is decided. Raises what it is refused for."""


class Single:
    """One change."""

    def __init__(self, request: Any, caller: Caller, write: answers.Write[Any]) -> None:
        self.asked: Sequence[Asked] = (submissions.submission(request, caller),)
        self.waits = True
        self._request = request
        self._caller = caller
        self._write = write
        self._outcome: Outcome | None = None

    def take(self, outcome: Outcome) -> None:
        """What became of it."""
        self.waits = False
        self._outcome = outcome

    def answer(self) -> Told:
        """Tell it, or raise the refusal."""
        if isinstance(self._outcome, Exception):
            raise self._outcome
        assert isinstance(self._outcome, Recorded), "one submission has one outcome"
        response = self._write(self._outcome, self._request, self._caller)
        return Told(_fitting(response), self._outcome.replayed)


class Together:
    """Many changes, all or none."""

    def __init__(
        self, changes: Sequence[pb.StockChange], caller: Caller, results: bulk.Results[pb.BatchChangeStockResponse]
    ) -> None:
        self._submissions = bulk.all_submissions(changes, caller)
        self.asked: Sequence[Asked] = (AllOrNone(self._submissions),)
        self.waits = True
        self._changes = changes
        self._results = results
        self._outcome: Outcome | None = None

    def take(self, outcome: Outcome) -> None:
        """What became of it."""
        self.waits = False
        self._outcome = outcome

    def answer(self) -> Told:
        """Tell it, or raise the refusal."""
        if isinstance(self._outcome, ChangeRefused):
            self._outcome.path = bulk.path(self._outcome.number, self._changes[self._outcome.number])
        if isinstance(self._outcome, Exception):
            raise self._outcome
        assert isinstance(self._outcome, tuple), "several submissions have several outcomes"
        for submission, one in zip(self._submissions, self._outcome, strict=True):
            self._results.accepted(submission.request_id, one)
        return Told(self._results.response.SerializeToString())


class Each:
    """Many changes, each for itself. What became of one is written at once, and nothing else of it is kept."""

    def __init__(
        self,
        changes: Sequence[pb.StockChange],
        caller: Caller,
        results: "bulk.Results[Any]",
        refused: Callable[[Exception], Refused],
    ) -> None:
        readings = bulk.each_submission(changes, caller)
        self.asked: Sequence[Asked] = [one for one in readings if isinstance(one, Submission)]
        self.waits = bool(self.asked)
        self._left = deque(zip(changes, readings, strict=True))
        self._results = results
        self._refused = refused
        self._unknown: Exception | None = None

    def take(self, outcome: Outcome) -> None:
        """What became of it."""
        self.waits = False
        self._tell_of_invalid()
        change, _ = self._left.popleft()
        if isinstance(outcome, Recorded):
            self._results.accepted(bulk.request_id_of(change), outcome)
        elif isinstance(outcome, UNKNOWN):
            self._unknown = self._unknown or outcome
        else:
            assert isinstance(outcome, Exception), "one submission has one outcome"
            self._refuse(change, outcome)

    def answer(self) -> Told:
        """Tell it, or raise the refusal."""
        self._tell_of_invalid()
        if self._unknown:
            # Nobody knows of those after it either: repeating the message tells.
            raise self._unknown
        return Told(self._results.response.SerializeToString())

    def _tell_of_invalid(self) -> None:
        while self._left and isinstance(invalid := self._left[0][1], InvalidRequest):
            change, _ = self._left.popleft()
            self._refuse(change, invalid)

    def _refuse(self, change: pb.StockChange, error: Exception) -> None:
        self._results.refused(bulk.request_id_of(change), status_of(self._refused(error).refusal))


def _fitting(response: Any) -> bytes:
    """The answer to one change, with the reason in its first movement only if there is no room for more."""
    written: bytes = response.SerializeToString()
    if len(written) > ANSWER_BYTES_MAX:
        for movement in response.movements[1:]:
            movement.ClearField("reason")
        written = response.SerializeToString()
    return written
