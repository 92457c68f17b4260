"""Fills databases with what the measurements draw on."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

import grpc
import psycopg
import uvloop
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from storekeeper_kit.caller import TENANT_KEY
from storekeeper_kit.request_ids import new_request_id

TENANT_ID: Final = 1
ITEMS: Final = 10_000
"""Items 1 to 10,000 are drawn on uniformly."""
HOT_ITEM: Final = ITEMS + 1
"""The item that every call of a hot measurement draws on."""
SERIAL_ITEM: Final = ITEMS + 2
"""The item whose units have serial numbers."""
LAYERS: Final = 2
HOT_LAYERS: Final = 4
LAYER_QUANTITY: Final = 100_000_000
"""More than any run removes: nothing is refused, and nearly every removal draws on one layer."""
ORDER_LINE: Final = "PO-1"
"""What is received is on order under this name."""
OLDEST: Final = datetime(2019, 1, 1, tzinfo=UTC)
CHANGES: Final = 500
AT_ONCE: Final = 4

OLD_ITEMS: Final = 10_000
OLD_MOVEMENTS: Final = 5_000_000
"""Of these items in the old journal: each has had 500."""
DEEP_ITEM, SHALLOW_ITEM = OLD_ITEMS + 1, OLD_ITEMS + 2
EMPTIED_LAYERS: Final = 1_000_000
OPEN_LAYERS: Final = 100_000
"""Of the deep item. The shallow one has as many as the hot one."""
OLD_QUANTITY: Final = 1_000_000
"""Units of each layer there."""

SQL: Final = Path(__file__).parent


def load(target: str, owner_url: str, *, tenant_id: int = TENANT_ID) -> tuple[int, int]:
    """Stock all items at one new location of the ledger at `target`, and open positions at another: returns both."""
    return uvloop.run(_load(target, owner_url, tenant_id))


def load_catalog(owner_url: str) -> None:
    """Let the catalog know the items that are drawn on, as if they had been created one by one."""
    with psycopg.connect(owner_url) as connection:
        connection.execute((SQL / "catalog_items.sql").read_text(), {"tenant_id": TENANT_ID, "items": HOT_ITEM})


def load_old(owner_url: str) -> tuple[int, int]:
    """Write what only years would bring: a long journal, and a position of very many layers. Returns where it is."""
    facts = {
        "tenant_id": TENANT_ID,
        "items": OLD_ITEMS,
        "movements": OLD_MOVEMENTS,
        "deep_item": DEEP_ITEM,
        "shallow_item": SHALLOW_ITEM,
        "emptied": EMPTIED_LAYERS,
        "open": OPEN_LAYERS,
        "few": HOT_LAYERS,
        "quantity": OLD_QUANTITY,
    }
    # Its cursors put the facts in by themselves, since PostgreSQL takes several statements only without any.
    with psycopg.connect(owner_url, cursor_factory=psycopg.ClientCursor) as connection:
        for script in ("old_journal.sql", "old_layers.sql"):
            connection.execute((SQL / script).read_text(), facts)
        [location_id] = connection.execute("SELECT max(location_id) FROM location").fetchone() or (0,)
    return location_id, location_id


async def _load(target: str, owner_url: str, tenant_id: int) -> tuple[int, int]:
    metadata = ((TENANT_KEY, str(tenant_id)),)
    async with grpc.aio.insecure_channel(target) as channel:
        ledger = pb_grpc.StockLedgerStub(channel)
        locations = [
            (
                await ledger.CreateLocation(
                    pb.CreateLocationRequest(request_id=new_request_id(), location=pb.Location(name=name)),
                    metadata=metadata,
                )
            ).location_id
            for name in ("Bench", "Shelf")
        ]
        serial = pb.Item(item_id=SERIAL_ITEM, version=1, tracking=pb.TRACKING_SERIAL)
        await ledger.RegisterItem(pb.RegisterItemRequest(item=serial), metadata=metadata)
        for location_id in locations:
            _open_positions(owner_url, tenant_id, location_id)
        rest = _changes(locations[0])
        await asyncio.gather(*(_change(ledger, rest, metadata) for _ in range(AT_ONCE)))
    here, there = locations
    return here, there


def _open_positions(owner_url: str, tenant_id: int, location_id: int) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            (SQL / "positions.sql").read_text(),
            {"tenant_id": tenant_id, "items": HOT_ITEM, "location_id": location_id},
        )
        # As autovacuum would within a minute: until then PostgreSQL knows nothing of these tables.
        connection.execute("ANALYZE item, position, operation")


async def _change(
    ledger: "pb_grpc.StockLedgerAsyncStub",
    rest: Iterator[pb.StockChange],
    metadata: tuple[tuple[str, str], ...],
) -> None:
    """Take the next changes as soon as the last ones are answered."""
    while changes := list(islice(rest, CHANGES)):
        answer = await ledger.BatchChangeStock(pb.BatchChangeStockRequest(changes=changes), metadata=metadata)
        refusal = next((result.refusal for result in answer.results if result.HasField("refusal")), None)
        assert refusal is None, refusal


def _changes(location_id: int) -> Iterator[pb.StockChange]:
    quantity = Decimal(value=str(LAYER_QUANTITY))
    for layer in range(HOT_LAYERS):
        receive_time = Timestamp()
        receive_time.FromDatetime(OLDEST + timedelta(days=layer))
        for item_id in range(1 if layer < LAYERS else HOT_ITEM, HOT_ITEM + 1):
            yield pb.StockChange(
                add=pb.AddStockRequest(
                    request_id=new_request_id(),
                    item_at_location=pb.ItemAtLocation(item_id=item_id, location_id=location_id),
                    quantity=quantity,
                    receive_time=receive_time,
                )
            )
    for item_id in range(1, SERIAL_ITEM + 1):
        yield pb.StockChange(
            expect=pb.ExpectStockRequest(
                request_id=new_request_id(),
                order_line=ORDER_LINE,
                item_at_location=pb.ItemAtLocation(item_id=item_id, location_id=location_id),
                quantity=quantity,
            )
        )
