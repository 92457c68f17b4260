"""A blocking client of the catalog, for what a test sets up and looks at."""

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.catalog.v1 import catalog_pb2_grpc as pb_grpc
from storekeeper_kit.clients import Failure, failure_of
from tests.harness.stock import TIMEOUT_S, RequestIds, caller

PAGE_SIZE = 1000


class Items:
    """A tenant's items, changed and read by calls that raise what they are refused with."""

    def __init__(self, address: str, *, tenant_id: int, seed: int = 0) -> None:
        # Without retries: a test wants to see each answer.
        self.channel = grpc.insecure_channel(address)
        self.stub = pb_grpc.CatalogStub(self.channel)
        self.tenant_id = tenant_id
        self.metadata = caller(tenant_id)
        self.new_request_id = RequestIds(seed * 1_000_003 + tenant_id)

    def close(self) -> None:
        """Close the channel."""
        self.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, method: str, request: Any) -> Any:
        """Any method of the service."""
        return getattr(self.stub, method)(request, metadata=self.metadata, timeout=TIMEOUT_S)

    def refusal(self, method: str, request: Any) -> Failure:
        """What any method refuses a request with; fails when it doesn't."""
        try:
            answer = self.call(method, request)
        except grpc.RpcError as error:
            return failure_of(error)
        raise AssertionError(f"{method} was not refused, but answered {answer}")

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
