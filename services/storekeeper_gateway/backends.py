"""The services behind the gateway, as one request calls them: for its caller, within its deadline."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc.aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from storekeeper.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from storekeeper.stockledger.v1 import stock_ledger_pb2, stock_ledger_pb2_grpc
from storekeeper_kit import clients
from storekeeper_kit.caller import Caller
from storekeeper_kit.request_ids import new_request_id

HEALTH_TIMEOUT_S: Final = 2.0
CATALOG: Final = catalog_pb2.DESCRIPTOR.services_by_name["Catalog"].full_name
STOCK_LEDGER: Final = stock_ledger_pb2.DESCRIPTOR.services_by_name["StockLedger"].full_name

NAMESPACE: Final = uuid.UUID("6c1f3e0e-6d0b-5a52-9d5c-7f3ab1f0a5c4")
"""What intents are derived in. It never changes, or a repeat would no longer be known as one."""

T = TypeVar("T")


class Backends:
    """Connections to the services, for as long as the gateway runs."""

    def __init__(self, *, catalog_target: str, stockledger_target: str, timeout_s: float) -> None:
        self._channels = {
            CATALOG: clients.channel(catalog_target, timeout_s=timeout_s),
            STOCK_LEDGER: clients.channel(stockledger_target, timeout_s=timeout_s),
        }
        self.catalog = catalog_pb2_grpc.CatalogStub(self._channels[CATALOG])
        self.stock_ledger = stock_ledger_pb2_grpc.StockLedgerStub(self._channels[STOCK_LEDGER])

    async def unready(self) -> list[str]:
        """The services that do not serve now."""
        return [name for name, channel in self._channels.items() if not await _is_serving(name, channel)]

    async def close(self) -> None:
        """Close the connections."""
        for channel in self._channels.values():
            await channel.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request of a vendor's client on its way through the gateway."""

    backends: Backends
    caller: Caller
    deadline: float
    """As `time.monotonic()` counts."""
    intent: uuid.UUID | None
    """Its request id, where its client has named it so that it can repeat it; else that is new."""

    @property
    def catalog(self) -> Any:
        """What the catalog can be asked."""
        return self.backends.catalog

    @property
    def stock_ledger(self) -> Any:
        """What the stock ledger can be asked."""
        return self.backends.stock_ledger

    async def ask(self, method: Callable[..., Any], request: Any) -> Any:
        """The service's answer; a refusal is raised as gRPC's error."""
        remaining_s = max(self.deadline - time.monotonic(), 0.0)
        return await method(request, metadata=self.caller.metadata(), timeout=remaining_s)

    def request_id(self) -> str:
        """The id of the one change that the request makes which needs one: whatever it is, as a key stands for one only."""
        return new_request_id() if self.intent is None else str(self.intent)


def intent_of(caller: Caller, vendor: str, idempotency_key: str) -> uuid.UUID:
    """The intent that a client names by a key: its own, not that of another user or of another vendor's client."""
    return uuid.uuid5(NAMESPACE, "\n".join((vendor, str(caller.tenant_id), caller.actor, idempotency_key)))


async def _is_serving(name: str, channel: grpc.aio.Channel) -> bool:
    try:
        answer = await HealthStub(channel).Check(HealthCheckRequest(service=name), timeout=HEALTH_TIMEOUT_S)
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == HealthCheckResponse.SERVING)
