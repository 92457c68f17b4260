"""What can't be carried out is refused with its code, its reason and its metadata, and changes nothing."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from grpc import StatusCode

from tests.catalog.dump import Dump
from tests.catalog.servicer.refusing import refusal
from tests.catalog.servicer.world import World

CATALOGUE: Final = Path(__file__).parents[3] / "protos/storekeeper/errors/v1/error_reason.proto"

CODES: Final = {
    "ITEM_NOT_FOUND": StatusCode.NOT_FOUND,
    "SKU_TAKEN": StatusCode.ALREADY_EXISTS,
    "REQUEST_ID_REUSED": StatusCode.ALREADY_EXISTS,
    "ITEM_HAS_STOCK": StatusCode.FAILED_PRECONDITION,
    "ETAG_MISMATCH": StatusCode.ABORTED,
}
"""All but SERVICE_UNAVAILABLE, which tests provoke that take the ledger away."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that is refused, and with what."""

    method: str
    text: str
    reason: str
    metadata: dict[str, str]

    def __str__(self) -> str:
        return f"{self.method} {self.text}"


def refused(method: str, text: str, reason: str, **metadata: str) -> Refused:
    """A request that is refused for this reason, with these metadata."""
    return Refused(method, text, reason, metadata)


REFUSED: Final = [
    # --- what is not there ---
    refused("GetItem", "item_id: $NOWHERE", "ITEM_NOT_FOUND", itemId="$NOWHERE"),
    refused("GetItem", "item_id: 9223372036854775807", "ITEM_NOT_FOUND", itemId="9223372036854775807"),
    refused("GetItem", "sku: 'm-1'", "ITEM_NOT_FOUND", sku="m-1"),
    refused("BatchGetItems", "item_ids: [$mouse, $NOWHERE]", "ITEM_NOT_FOUND", itemId="$NOWHERE"),
    refused(
        "UpdateItem",
        "item { item_id: $NOWHERE } update_mask { paths: 'sku' }",
        "ITEM_NOT_FOUND",
        itemId="$NOWHERE",
    ),
    refused("ArchiveItem", "item_id: $NOWHERE", "ITEM_NOT_FOUND", itemId="$NOWHERE"),
    refused("UnarchiveItem", "item_id: $NOWHERE", "ITEM_NOT_FOUND", itemId="$NOWHERE"),
    # --- what is there already ---
    refused("CreateItem", "request_id: $ID item { name: 'x' sku: 'M-1' }", "SKU_TAKEN", sku="M-1", itemId="$mouse"),
    refused(
        "UpdateItem",
        "item { item_id: $cable sku: 'M-1' } update_mask { paths: 'sku' }",
        "SKU_TAKEN",
        sku="M-1",
        itemId="$mouse",
    ),
    refused("CreateItem", "request_id: $used item { name: 'x' }", "REQUEST_ID_REUSED", requestId="$used"),
    # --- against the rules ---
    *(
        refused(
            "UpdateItem",
            f"item {{ item_id: $mouse {item} }} update_mask {{ {mask} }}",
            "ITEM_HAS_STOCK",
            itemId="$mouse",
        )
        for item, mask in (
            ("tracking: TRACKING_LOT", "paths: 'tracking'"),
            ("quantity_scale: 1", "paths: 'quantity_scale'"),
            ("quantity_scale: 1 name: 'x'", "paths: 'quantity_scale' paths: 'name'"),
        )
    ),
    # --- changed since it was read ---
    refused(
        "UpdateItem",
        "item { item_id: $mouse etag: '99' name: 'x' } update_mask { paths: 'name' }",
        "ETAG_MISMATCH",
        resource="item",
        id="$mouse",
    ),
    refused("ArchiveItem", "item_id: $mouse etag: '99'", "ETAG_MISMATCH", resource="item", id="$mouse"),
    refused("UnarchiveItem", "item_id: $keyboard etag: '1'", "ETAG_MISMATCH", resource="item", id="$keyboard"),
]


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_what_cannot_be_carried_out_is_refused_with_its_reason(world: World, dump: Dump, case: Refused) -> None:
    failure = refusal(world, dump, case.method, case.text)
    assert (failure.code, failure.reason) == (CODES[case.reason], case.reason)
    assert failure.metadata == {key: world.told(value).strip('"') for key, value in case.metadata.items()}
    assert failure.violations == ()


def test_every_reason_is_provoked() -> None:
    assert {case.reason for case in REFUSED} == CODES.keys()


@pytest.mark.parametrize("reason", CODES)
def test_a_reason_comes_with_the_code_and_the_metadata_that_the_catalogue_says(reason: str) -> None:
    (comment,) = re.findall(rf"((?:  // .*\n)+)  {reason} = ", CATALOGUE.read_text(encoding="utf-8"))
    assert comment.strip().startswith(f"// {CODES[reason].name}. ")
    said = comment.partition("Metadata:")[2]
    assert [case for case in REFUSED if case.reason == reason and not all(key in said for key in case.metadata)] == []
