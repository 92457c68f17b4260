"""Pages: as many rows as fit into a message, in their order, and a token that skips none of the others."""

from collections.abc import Sequence
from typing import Any

import pytest

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper_kit.pages import ANSWER_BYTES_MAX, Rows, fill
from storekeeper_kit.server import MESSAGE_BYTES_MAX

SMALL, HALF, WHOLE = 10, ANSWER_BYTES_MAX // 2 - 100, ANSWER_BYTES_MAX + 100


def page(sizes: Sequence[int], *, more: bool) -> Any:
    """A page of items whose descriptions have these sizes, and whose ids count them."""
    answer = pb.ListItemsResponse()
    listed = Rows(list(enumerate(sizes)), more)
    fill(
        answer,
        "items",
        listed,
        write=lambda row: pb.Item(item_id=row[0], description="x" * row[1]),
        token=lambda row: f"after {row[0]}",
    )
    return answer


@pytest.mark.parametrize(
    ("sizes", "more", "written", "token"),
    [
        pytest.param([], False, 0, "", id="nothing"),
        pytest.param([SMALL] * 3, False, 3, "", id="the last page"),
        pytest.param([SMALL] * 3, True, 3, "after 2", id="a page before others"),
        pytest.param([HALF] * 3, False, 2, "after 1", id="more than fits"),
        pytest.param([HALF, HALF], False, 2, "", id="just what fits"),
        pytest.param([WHOLE, SMALL], False, 1, "after 0", id="a row that fills a message"),
    ],
)
def test_a_page_has_what_fits_and_goes_on_after_it(sizes: list[int], more: bool, written: int, token: str) -> None:
    answer = page(sizes, more=more)
    assert [item.item_id for item in answer.items] == list(range(written))
    assert answer.next_page_token == token
    assert answer.ByteSize() <= MESSAGE_BYTES_MAX


def test_what_is_around_a_thousand_rows_has_room_as_well() -> None:
    answer = page([ANSWER_BYTES_MAX // 1000 - 6] * 1000, more=True)
    assert len(answer.items) == 1000
    assert answer.ByteSize() <= MESSAGE_BYTES_MAX
