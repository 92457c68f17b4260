"""Fills a ledger with what the measurements draw on."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import grpc
import psycopg
import uvloop
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc

TENANT_ID: Final = 1
ITEMS: Final = 10_000
"""Items 1 to 10,000 are drawn on uniformly."""
HOT_ITEM: Final = ITEMS + 1
"""The item that every call of a hot measurement draws on."""
LAYERS: Final = 2
HOT_LAYERS: Final = 4
LAYER_QUANTITY: Final = 100_000_000
"""More than any run removes: nothing is refused, and nearly every removal draws on one layer."""
OLDEST: Final = datetime(2019, 1, 1, tzinfo=UTC)
IN_FLIGHT: Final = 256

POSITIONS: Final = Path(__file__).with_name("positions.sql")
CATALOG_ITEMS: Final = Path(__file__).with_name("catalog_items.sql")


def load(target: str, owner_url: str) -> int:
    """Stock all items at one new location of the ledger at `target`, and return the location's id."""
    return uvloop.run(_load(target, owner_url))


def load_catalog(owner_url: str) -> None:
    """Let the catalog know the items that are drawn on, as if they had been created one by one."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(CATALOG_ITEMS.read_text(), {"tenant_id": TENANT_ID, "items": HOT_ITEM})


async def _load(target: str, owner_url: str) -> int:
    async with grpc.aio.insecure_channel(target) as channel:
        ledger = pb_grpc.StockLedgerStub(channel)
        location = await ledger.CreateLocation(
            pb.CreateLocationRequest(request_id=_request_id(), location=pb.Location(name="Bench"))
        )
        _open_positions(owner_url, location.location_id)
        await _ask_all(ledger.AddStock, _additions(location.location_id))
    return location.location_id


def _open_positions(owner_url: str, location_id: int) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            POSITIONS.read_text(), {"tenant_id": TENANT_ID, "items": HOT_ITEM, "location_id": location_id}
        )
        # As autovacuum would within a minute: until then PostgreSQL knows nothing of these tables.
        connection.execute("ANALYZE")


async def _ask_all(method: Callable[[Any], Awaitable[object]], requests: Iterable[object]) -> None:
    """Ask all of it, many at once: each asker takes the next request when its last one is answered."""
    rest = iter(requests)

    async def ask() -> None:
        for request in rest:
            await method(request)

    await asyncio.gather(*(ask() for _ in range(IN_FLIGHT)))


def _additions(location_id: int) -> Iterator[pb.AddStockRequest]:
    for layer in range(HOT_LAYERS):
        receive_time = Timestamp()
        receive_time.FromDatetime(OLDEST + timedelta(days=layer))
        for item_id in range(1 if layer < LAYERS else HOT_ITEM, HOT_ITEM + 1):
            yield pb.AddStockRequest(
                request_id=_request_id(),
                item_at_location=pb.ItemAtLocation(item_id=item_id, location_id=location_id),
                quantity=Decimal(value=str(LAYER_QUANTITY)),
                receive_time=receive_time,
            )


def _request_id() -> str:
    return str(uuid.uuid4())
