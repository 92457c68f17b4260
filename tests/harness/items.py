"""A blocking client of the catalog, for what a test sets up and looks at."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.catalog.v1 import catalog_pb2_grpc as pb_grpc
from tests.harness.stock import Client

PAGE_SIZE = 1000


class Items(Client):
    """A tenant's items, to be changed and read."""

    stub: pb_grpc.CatalogStub

    def __init__(self, address: str, *, tenant_id: int, seed: int = 0) -> None:
        super().__init__(address, pb_grpc.CatalogStub, tenant_id=tenant_id, seed=seed)

    # --- changing them ---

    def creation(self, name: str = "Item", **fields: Any) -> pb.CreateItemRequest:
        """A request to create an item, under a new request id."""
        return pb.CreateItemRequest(request_id=self.new_request_id(), item=pb.Item(name=name, **fields))

    def create(self, name: str = "Item", **fields: Any) -> pb.Item:
        """Create an item."""
        return self._item("CreateItem", self.creation(name, **fields))

    def update(self, item_id: int, *, etag: str = "", mask: Iterable[str] = (), **fields: Any) -> pb.Item:
        """Change these fields of an item, and those of the mask."""
        return self._item("UpdateItem", updating(item_id, etag=etag, mask=mask, **fields))

    def archive(self, item_id: int, *, etag: str = "") -> pb.Item:
        """Archive an item."""
        return self._item("ArchiveItem", pb.ArchiveItemRequest(item_id=item_id, etag=etag))

    def unarchive(self, item_id: int, *, etag: str = "") -> pb.Item:
        """Bring an item back."""
        return self._item("UnarchiveItem", pb.UnarchiveItemRequest(item_id=item_id, etag=etag))

    # --- looking at them ---

    def get(self, item_id: int) -> pb.Item:
        """An item."""
        return self._item("GetItem", pb.GetItemRequest(item_id=item_id))

    def all(self, **wanted: Any) -> list[pb.Item]:
        """All items of a list, in its order."""
        found: list[pb.Item] = []
        request = pb.ListItemsRequest(page_size=PAGE_SIZE, **wanted)
        while True:
            page = self.call("ListItems", request)
            found += page.items
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def _item(self, method: str, request: Any) -> pb.Item:
        item: pb.Item = self.call(method, request)
        return item


def updating(item_id: int, *, etag: str = "", mask: Iterable[str] = (), **fields: Any) -> pb.UpdateItemRequest:
    """A request to change these fields of an item, and those of the mask."""
    return pb.UpdateItemRequest(
        item=pb.Item(item_id=item_id, etag=etag, **fields), update_mask=FieldMask(paths=[*fields, *mask])
    )
