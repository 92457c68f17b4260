"""Page tokens: each is good for the query it came from, and for nothing else."""

import base64
import json
import string

import pytest
from google.protobuf.message import Message
from hypothesis import assume, given
from hypothesis import strategies as st

from storekeeper.catalog.v1 import catalog_pb2 as catalog_pb
from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit import paging
from storekeeper_kit.paging import Keys, Query, issue, read
from storekeeper_kit.reading import Reading
from storekeeper_kit.refusals import InvalidRequest

QUERY = Query.of(pb.ListPositionsRequest(item_id=7), 1, (int,))
TOKEN = issue(QUERY, (42,))

keys = st.tuples(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(codec="utf-8", exclude_characters="\0")))


def goes_on_after(token: str, query: Query) -> Keys | None:
    reading = Reading()
    after = read(reading, "page_token", token, query)
    reading.finish()
    return after


def is_refused(token: str, query: Query) -> bool:
    with pytest.raises(InvalidRequest) as error:
        goes_on_after(token, query)
    (violation,) = error.value.violations
    return (violation.field, violation.description) == ("page_token", "is not a page token of this query")


def test_without_a_token_a_list_begins_at_its_first_row() -> None:
    assert goes_on_after("", QUERY) is None


@given(keys)
def test_a_token_goes_on_after_the_row_it_was_issued_for(after: tuple[int, str]) -> None:
    query = Query.of(pb.ListPositionsRequest(item_id=7), 1, (int, str))
    assert goes_on_after(issue(query, after), query) == after


@pytest.mark.parametrize("character", ["a", '"', "\n", "ж", "語", "😀"])
def test_a_list_goes_on_after_the_longest_name_of_any_letters(character: str) -> None:
    query, after = Query.of(catalog_pb.ListItemsRequest(order_by="name"), 1, (str, int)), (character * 1000, 2**63 - 1)
    assert goes_on_after(issue(query, after), query) == after


@pytest.mark.parametrize("key", ["\0", "\ud800"])
def test_a_forged_token_with_what_no_row_can_hold_is_refused(key: str) -> None:
    query = Query.of(pb.ListPositionsRequest(item_id=7), 1, (str,))
    keys = json.dumps([key], separators=(",", ":")).encode()
    forged = base64.urlsafe_b64encode(paging._digest(query, keys) + keys).decode().rstrip("=")
    assert is_refused(forged, query)


def test_the_page_size_may_change_from_page_to_page() -> None:
    assert goes_on_after(TOKEN, Query.of(pb.ListPositionsRequest(item_id=7, page_size=3, page_token=TOKEN), 1, (int,)))


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(Query.of(pb.ListPositionsRequest(item_id=8), 1, (int,)), id="another filter"),
        pytest.param(Query.of(pb.ListPositionsRequest(), 1, (int,)), id="a filter less"),
        pytest.param(Query.of(pb.ListPositionsRequest(item_id=7, location_id=1), 1, (int,)), id="a filter more"),
        pytest.param(Query.of(pb.ListStockedItemsRequest(), 1, (int,)), id="another list"),
        pytest.param(Query.of(pb.ListPositionsRequest(item_id=7), 2, (int,)), id="another tenant"),
        pytest.param(Query.of(pb.ListPositionsRequest(item_id=7), 1, (str,)), id="other sort keys"),
        pytest.param(Query.of(pb.ListPositionsRequest(item_id=7), 1, (int, int)), id="more sort keys"),
    ],
)
def test_a_token_of_another_query_is_refused(query: Query) -> None:
    assert is_refused(TOKEN, query)


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(string.ascii_letters + string.digits + "-_=+/é"))
def test_a_token_with_one_character_changed_is_refused(place: int, character: str) -> None:
    assume(TOKEN[place] != character)
    assert is_refused(TOKEN[:place] + character + TOKEN[place + 1 :], QUERY)


@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    assume(text)
    assert is_refused(text, QUERY)


@pytest.mark.parametrize("token", [TOKEN[:-1], TOKEN + "A", TOKEN + "=", TOKEN * 2, "A" * 1_000_000, "[" * 5999])
def test_a_token_that_is_cut_or_prolonged_is_refused(token: str) -> None:
    assert is_refused(token, QUERY)


def test_a_token_is_safe_in_a_url() -> None:
    assert set(TOKEN) <= set(string.ascii_letters + string.digits + "-_")


def messages() -> list[Message]:
    """One of each request for a list."""
    return [
        pb.ListLocationsRequest(),
        pb.ListPositionsRequest(),
        pb.ListStockedItemsRequest(),
        pb.ListMovementsRequest(),
    ]


@pytest.mark.parametrize("request_of_a_list", messages(), ids=lambda message: message.DESCRIPTOR.name)
def test_every_list_of_ours_can_be_paged(request_of_a_list: Message) -> None:
    query = Query.of(request_of_a_list, 1, (int,))
    assert goes_on_after(issue(query, (5,)), query) == (5,)
