"""Products: items of the catalog (Autotask REST, Products)."""

from typing import Any

from storekeeper.catalog.v1 import catalog_pb2 as pb

from ...backends import Call
from ...mapping import Row
from .changing import changed_message, message_of, with_currency


async def create(call: Call, row: dict[str, Any]) -> int:
    """Create an item; one that is not to be active is created archived."""
    archived = row.pop("state") == "ARCHIVED"
    item = message_of(pb.Item, await with_currency(call, row))
    request = pb.CreateItemRequest(request_id=call.request_id(), item=item, archived=archived)
    created = await call.ask(call.catalog.CreateItem, request)
    return int(created.item_id)


async def update(call: Call, row: Row, changes: dict[str, Any]) -> None:
    """Change what an item is, then whether it is active."""
    state = changes.pop("state", None)
    etag = row["etag"]
    if changes:
        item, mask = changed_message(pb.Item, "item_id", row, await with_currency(call, changes))
        updated = await call.ask(call.catalog.UpdateItem, pb.UpdateItemRequest(item=item, update_mask=mask))
        etag = updated.etag
    if state == "ARCHIVED":
        await call.ask(call.catalog.ArchiveItem, pb.ArchiveItemRequest(item_id=row["item_id"], etag=etag))
    elif state == "ACTIVE":
        await call.ask(call.catalog.UnarchiveItem, pb.UnarchiveItemRequest(item_id=row["item_id"], etag=etag))
