"""Asks a ledger many things at once, and tells an answer from an outcome that nobody knows.

A call that lost its server, or its time, may have happened or not. Repeating it with the same request id tells.
"""

import time
from dataclasses import dataclass
from typing import Any, Final, Protocol

import grpc

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit.clients import Failure, failure_of
from tests.harness.stock import caller

TIMEOUT_S: Final = 20.0
SETTLE_TIMEOUT_S: Final = 40.0
SETTLE_INTERVAL_S: Final = 0.02
REPLAYED: Final = ("storekeeper-replayed", "true")
UNKNOWN: Final = {"", "DATABASE_UNAVAILABLE", "DEADLINE_PASSED", "OVERLOADED", "SERVER_STOPPING"}
"""Reasons that leave open what happened. The empty one is gRPC's: the server never said anything."""
OPTIONS: Final = (
    # A connection of its own for each channel, as clients in processes of their own have.
    ("grpc.use_local_subchannel_pool", 1),
    # A server that was killed is back within moments.
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # How long an attempt may take.
    ("grpc.max_reconnect_backoff_ms", 100),
)

Request = Any
"""What changes something and may be repeated: a message with a request id."""

METHODS: Final[dict[str, str]] = {
    method.input_type.name: method.name
    for method in pb.DESCRIPTOR.services_by_name["StockLedger"].methods
    if "request_id" in method.input_type.fields_by_name
    # Lists ask what a request has left; they are none.
    and not method.name.startswith("List")
}
"""The call that each request is made by, by the name of its message."""


def method_of(request: Request) -> str:
    """The call that a request is made by."""
    return METHODS[request.DESCRIPTOR.name]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request got: a response, or why not."""

    request: Request
    response: Any = None
    replayed: bool = False
    failure: Failure | None = None

    @property
    def movements(self) -> tuple[pb.Movement, ...]:
        """What it moved, as far as its response tells."""
        if hasattr(self.response, "movement"):
            return (self.response.movement,)
        return tuple(getattr(self.response, "movements", ()))

    @property
    def accepted(self) -> bool:
        """Whether it was carried out, now or earlier."""
        return self.failure is None

    @property
    def known(self) -> bool:
        """Whether it tells what happened."""
        return self.failure is None or self.failure.reason not in UNKNOWN

    @property
    def reason(self) -> str:
        """Why it was refused; empty when it was not."""
        return self.failure.reason if self.failure else ""


class Asked:
    """A request under way."""

    def __init__(self, request: Request, future: Any) -> None:
        self._request = request
        self._future = future

    def cancel(self) -> None:
        """Wait for it no longer."""
        self._future.cancel()

    def answer(self) -> Answer:
        """Wait for its answer."""
        try:
            response = self._future.result()
        except grpc.FutureCancelledError:
            return Answer(self._request, failure=Failure(grpc.StatusCode.CANCELLED, "", "", {}, ()))
        except grpc.RpcError as error:
            return Answer(self._request, failure=failure_of(error))
        return Answer(self._request, response, replayed=REPLAYED in self._future.trailing_metadata())


class Witness(Protocol):
    """Looks on while a client asks."""

    def invoke(self, request: Request) -> None:
        """It is about to ask for this."""

    def learn(self, answer: Answer) -> None:
        """It has got this."""


class Line:
    """A connection to a ledger process, in the name of a tenant."""

    def __init__(self, address: str, tenant_id: int, *, timeout_s: float = TIMEOUT_S) -> None:
        self._metadata = caller(tenant_id)
        self._timeout_s = timeout_s
        self._channel = grpc.insecure_channel(address, options=OPTIONS)
        self.stub = pb_grpc.StockLedgerStub(self._channel)

    def ask(self, request: Request, timeout_s: float | None = None) -> Asked:
        """Send a request and return at once."""
        method = getattr(self.stub, method_of(request))
        return Asked(request, method.future(request, metadata=self._metadata, timeout=timeout_s or self._timeout_s))

    def settle(self, request: Request, witness: Witness | None = None) -> Answer:
        """Repeat a request until it is known what became of it."""
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while True:
            if witness:
                witness.invoke(request)
            answer = self.ask(request).answer()
            if witness:
                witness.learn(answer)
            if answer.known:
                return answer
            assert time.monotonic() < deadline, f"nobody tells what became of {request}: {answer.failure}"
            time.sleep(SETTLE_INTERVAL_S)

    def call(self, method: str, request: Any) -> Any:
        """Any other method, blocking."""
        return getattr(self.stub, method)(request, metadata=self._metadata, timeout=TIMEOUT_S)

    def close(self) -> None:
        """Close the connection; what is under way on it is cancelled."""
        self._channel.close()
