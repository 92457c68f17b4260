"""A blocking watcher of movements, and what it has seen."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Self

import grpc

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit.clients import Failure, failure_of
from tests.harness.stock import Metadata

OPTIONS: Final = (
    # A connection of its own, as a client in a process of its own has, with little room for what isn't read yet.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.http2.bdp_probe", 0),
)


class Watcher:
    """One watch, from its first message to its end."""

    def __init__(self, address: str, metadata: Metadata, **wanted: Any) -> None:
        self._channel = grpc.insecure_channel(address, options=OPTIONS)
        stub = pb_grpc.StockLedgerStub(self._channel)
        self._call: Any = stub.WatchMovements(pb.WatchMovementsRequest(**wanted), metadata=metadata)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()
        self._channel.close()

    def __next__(self) -> pb.WatchMovementsResponse:
        message: pb.WatchMovementsResponse = next(self._call)
        return message

    def __iter__(self) -> Iterator[pb.WatchMovementsResponse]:
        return self

    def cancel(self) -> None:
        """Watch no longer."""
        self._call.cancel()

    def until(self, last_movement_id: int) -> list[pb.WatchMovementsResponse]:
        """What comes, up to the message that tells that this movement was looked at."""
        messages = []
        for message in self:
            messages.append(message)
            if message.last_movement_id >= last_movement_id:
                return messages
        raise AssertionError("a watch never ends by itself")

    def rest(self) -> tuple[list[pb.WatchMovementsResponse], Failure]:
        """What still comes until it ends, and why it does."""
        messages = []
        try:
            for message in self:
                messages.append(message)  # noqa: PERF402 - those that came before the end count
        except grpc.RpcError as error:
            return messages, failure_of(error)
        raise AssertionError("a watch never ends by itself")

    def refusal(self) -> Failure:
        """Why it ends."""
        _, failure = self.rest()
        return failure


def movements(messages: list[pb.WatchMovementsResponse]) -> list[pb.Movement]:
    """All movements of these messages, in their order."""
    return [movement for message in messages for movement in message.movements]
