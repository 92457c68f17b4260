"""Two ways to ask a ledger, with the same messages: over gRPC, and in the process of the test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_status import rpc_status

from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from tests.harness.invariants import check_invariants
from tests.harness.stock import caller

TIMEOUT_S = 30.0
REPLAYED = ("storekeeper-replayed", "true")


@dataclass(frozen=True, slots=True)
class Told:
    """What a call came to: an answer, or why not."""

    answer: Any = None
    status: status_pb2.Status | None = None
    replayed: bool = False


class Backend(Protocol):
    """A ledger, asked for one tenant."""

    def ask(self, method: str, request: Message) -> Told:
        """Call a method."""

    def stream(self, method: str, requests: Sequence[Message]) -> list[Any]:
        """Call a method that takes and gives streams."""

    def check(self) -> None:
        """Fail unless all invariants hold of what is stored."""


class OverGrpc:
    """A ledger in a process of its own."""

    def __init__(self, channel: grpc.Channel, tenant_id: int, owner_url: str) -> None:
        self._stub = pb_grpc.StockLedgerStub(channel)
        self._metadata = caller(tenant_id)
        self._tenant_id = tenant_id
        self._owner_url = owner_url

    def check(self) -> None:
        """Fail unless all invariants hold of what is stored."""
        check_invariants(self._owner_url, self._tenant_id)

    def ask(self, method: str, request: Message) -> Told:
        """Call a method of it."""
        try:
            answer, call = getattr(self._stub, method).with_call(request, metadata=self._metadata, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            status = rpc_status.from_call(cast("grpc.Call", error))
            if status is None:
                raise
            return Told(status=status)
        return Told(answer, replayed=REPLAYED in call.trailing_metadata())

    def stream(self, method: str, requests: Sequence[Message]) -> list[Any]:
        """Call a method that takes and gives streams."""
        return list(getattr(self._stub, method)(iter(requests), metadata=self._metadata, timeout=TIMEOUT_S))
