"""Pages: however a client asks for them, it gets each record once, in ascending order, while others are being added.

What is promised: every record that was there when the first page was asked for comes exactly once. One that is added
meanwhile comes once or, if its id has been passed by when it is committed, not at all; the next query has it.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from threading import Event, Semaphore, Thread
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest

from storekeeper_gateway.vendors.autotask.pages import EARLIER_MAX
from tests.gateway.client import ALL, PRODUCT, Autotask, answer_of
from tests.harness.databases import ServiceDatabase
from tests.harness.gateway_process import GatewayProcess
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import OLDEST, TIMEOUT_S, Stock

RECORDS: Final = 10_000
PAGE: Final = 500
QUERY: Final = "/ATServicesRest/V1.0/Products/query"
SEARCH: Final = {"filter": [ALL], "includeFields": ["id", "name"]}

COPY_PRODUCT: Final = """
INSERT INTO item (tenant_id, sku, name, description, type, tracking, quantity_scale, state, unit_cost, currency_code,
                  extensions, version, request_id, fingerprint, create_time, update_time)
SELECT tenant_id, sku, name || ' ' || n, description, type, tracking, quantity_scale, state, unit_cost, currency_code,
       extensions, version, gen_random_uuid(), fingerprint, create_time, update_time
  FROM item, generate_series(1, %(count)s) n
 WHERE tenant_id = %(tenant_id)s AND item_id = %(item_id)s
RETURNING item_id
"""
"""As if the product had been created so many times more."""

Pages = Iterator[list[dict[str, Any]]]


@pytest.fixture(scope="module")
def warehouse(
    gateway: GatewayProcess, ledger: LedgerProcess, catalog_database: ServiceDatabase
) -> Iterator[tuple[Autotask, set[int]]]:
    """A tenant with many products, and their ids."""
    with Stock(ledger.address) as stock, Autotask(gateway.address, tenant_id=stock.tenant_id) as shop:
        with psycopg.connect(catalog_database.owner_url) as connection:
            first = shop.product(name="Mouse")
            copies = copy(connection, shop, first, RECORDS - 1)
        yield shop, {first, *copies}


def copy(connection: psycopg.Connection[Any], shop: Autotask, product_id: int, count: int) -> list[int]:
    """The ids of so many copies of a product."""
    rows = connection.execute(
        COPY_PRODUCT, {"tenant_id": shop.tenant_id, "item_id": product_id, "count": count}
    ).fetchall()
    return [item_id for (item_id,) in rows]


# --- how clients page ---------------------------------------------------------------------------------------------


def ask(shop: Autotask, verb: str, url: str, body: Any = None) -> dict[str, Any]:
    answer = answer_of(shop.http.request(verb, url, json=body))
    assert answer.status == 200, answer
    payload: dict[str, Any] = answer.payload
    return payload


def in_address(search: Any) -> str:
    return f"{QUERY}?search={quote(json.dumps(search))}"


def by_links(shop: Autotask, first: dict[str, Any], follow: Callable[[str], dict[str, Any]]) -> Pages:
    payload = first
    while True:
        yield payload["items"]
        url = payload["pageDetails"]["nextPageUrl"]
        if url is None:
            return
        payload = follow(url)


def by_links_with_get(shop: Autotask) -> Pages:
    return by_links(shop, ask(shop, "GET", in_address(SEARCH)), lambda url: ask(shop, "GET", url))


def by_links_with_post_and_body(shop: Autotask) -> Pages:
    return by_links(shop, ask(shop, "POST", QUERY, SEARCH), lambda url: ask(shop, "POST", url, SEARCH))


def by_links_with_post_without_body(shop: Autotask) -> Pages:
    return by_links(shop, ask(shop, "POST", QUERY, SEARCH), lambda url: ask(shop, "POST", url))


def by_last_id(shop: Autotask) -> Pages:
    last = 0
    while True:
        later = {**SEARCH, "filter": [{"op": "gt", "field": "id", "value": last}]}
        items = ask(shop, "POST", QUERY, later)["items"]
        yield items
        if len(items) < PAGE:
            return
        last = items[-1]["id"]


@contextmanager
def others_adding(shop: Autotask) -> Iterator[Callable[[], None]]:
    """Somebody else adds products as fast as they can. Yields a function that waits until they have added another."""
    stop, added = Event(), Semaphore(0)

    def add() -> None:
        with Autotask(shop.http.base_url.netloc.decode(), tenant_id=shop.tenant_id) as other:
            while not stop.is_set():
                other.create("Products", {**PRODUCT, "name": "Added meanwhile"})
                added.release()

    def wait() -> None:
        assert added.acquire(timeout=TIMEOUT_S)

    thread = Thread(target=add)
    thread.start()
    try:
        yield wait
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    "pages", [by_links_with_get, by_links_with_post_and_body, by_links_with_post_without_body, by_last_id]
)
def test_each_of_many_records_comes_once_while_others_are_added(
    warehouse: tuple[Autotask, set[int]], pages: Callable[[Autotask], Pages]
) -> None:
    shop, existing = warehouse
    seen: list[int] = []
    with others_adding(shop) as wait_for_another:
        for items in pages(shop):
            seen += [item["id"] for item in items]
            wait_for_another()
    assert len(existing) == RECORDS
    assert existing <= set(seen)
    assert all(earlier < later for earlier, later in pairwise(seen))


def test_a_record_that_is_committed_late_comes_with_the_next_query(
    autotask: Autotask, catalog_database: ServiceDatabase
) -> None:
    """Ids are given out before they are committed, so that a lower one may appear after a higher one."""
    first = autotask.product()
    with psycopg.connect(catalog_database.owner_url) as connection:
        (late,) = copy(connection, autotask, first, 1)
        second, third = autotask.product(), autotask.product()
        payload = ask(autotask, "POST", QUERY, {**SEARCH, "maxRecords": 2})
        assert ids(payload) == [first, second]
    assert ids(ask(autotask, "POST", payload["pageDetails"]["nextPageUrl"])) == [third]
    assert first < late < second
    assert ids(ask(autotask, "POST", QUERY, SEARCH)) == [first, late, second, third]


# --- links --------------------------------------------------------------------------------------------------------


def ids(payload: dict[str, Any]) -> list[int]:
    return [item["id"] for item in payload["items"]]


@pytest.fixture(scope="module")
def twenty(
    gateway: GatewayProcess, ledger: LedgerProcess, catalog_database: ServiceDatabase
) -> Iterator[tuple[Autotask, list[int]]]:
    """A tenant with twenty products, and their ids."""
    with Stock(ledger.address) as stock, Autotask(gateway.address, tenant_id=stock.tenant_id) as shop:
        with psycopg.connect(catalog_database.owner_url) as connection:
            first = shop.product(name="Mouse")
            copies = copy(connection, shop, first, 19)
        yield shop, [first, *copies]


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_links_lead_forth_and_back(twenty: tuple[Autotask, list[int]], verb: str) -> None:
    shop, all_ids = twenty
    search = {"filter": [ALL], "MaxRecords": 7}
    payload = ask(shop, "GET", in_address(search)) if verb == "GET" else ask(shop, "POST", QUERY, search)
    expected = [all_ids[:7], all_ids[7:14], all_ids[14:]]
    for page in expected:
        assert ids(payload) == page
        details = payload["pageDetails"]
        assert (details["count"], details["requestCount"]) == (len(page), 7)
        forth = details["nextPageUrl"]
        payload = ask(shop, verb, forth) if forth else payload
    assert payload["pageDetails"]["nextPageUrl"] is None
    for page in reversed(expected[:-1]):
        payload = ask(shop, verb, payload["pageDetails"]["prevPageUrl"])
        assert ids(payload) == page
    assert payload["pageDetails"]["prevPageUrl"] is None
    assert ids(ask(shop, verb, payload["pageDetails"]["nextPageUrl"])) == expected[1]


@pytest.mark.parametrize(("size", "pages"), [(1, 20), (10, 2), (19, 2), (20, 1), (21, 1), (500, 1)])
def test_the_last_page_is_known_by_having_no_link(twenty: tuple[Autotask, list[int]], size: int, pages: int) -> None:
    shop, all_ids = twenty
    first = ask(shop, "POST", QUERY, {**SEARCH, "maxRecords": size})
    read = list(by_links(shop, first, lambda url: ask(shop, "POST", url)))
    assert len(read) == pages
    assert [item["id"] for items in read for item in items] == all_ids


def test_a_query_that_finds_nothing_has_one_empty_page(twenty: tuple[Autotask, list[int]]) -> None:
    payload = ask(twenty[0], "POST", QUERY, {"filter": [{"op": "eq", "field": "id", "value": 0}]})
    details = {"count": 0, "requestCount": 500, "prevPageUrl": None, "nextPageUrl": None}
    assert payload == {"items": [], "pageDetails": details}


def test_a_link_keeps_filter_and_projection(twenty: tuple[Autotask, list[int]]) -> None:
    shop, all_ids = twenty
    search = {"filter": [{"op": "in", "field": "id", "value": all_ids[::2]}], "includeFields": ["sku"], "maxRecords": 9}
    first = ask(shop, "GET", in_address(search))
    assert ask(shop, "GET", first["pageDetails"]["nextPageUrl"])["items"] == [{"id": all_ids[18], "sku": None}]


def test_a_link_may_be_followed_with_the_other_verb(twenty: tuple[Autotask, list[int]]) -> None:
    shop, all_ids = twenty
    search = {**SEARCH, "maxRecords": 15}
    posted, got = ask(shop, "POST", QUERY, search), ask(shop, "GET", in_address(search))
    assert ids(ask(shop, "GET", posted["pageDetails"]["nextPageUrl"])) == all_ids[15:]
    assert ids(ask(shop, "POST", got["pageDetails"]["nextPageUrl"])) == all_ids[15:]


def test_a_link_begins_with_the_address_that_was_asked(twenty: tuple[Autotask, list[int]]) -> None:
    shop, _ = twenty
    url = urlsplit(ask(shop, "POST", QUERY, {**SEARCH, "maxRecords": 15})["pageDetails"]["nextPageUrl"])
    assert f"{url.scheme}://{url.netloc}" == str(shop.http.base_url).rstrip("/")
    assert url.path == f"{QUERY}/next"
    assert json.loads(parse_qs(url.query)["paging"][0])["pageSize"] == 15


def long_search(all_ids: list[int]) -> dict[str, Any]:
    """A query that is too long for an address."""
    return {"filter": [{"op": "in", "field": "id", "value": [*all_ids, *range(10**9, 10**9 + 300)]}], "maxRecords": 15}


def test_a_long_filter_is_sent_again_with_the_link(twenty: tuple[Autotask, list[int]]) -> None:
    shop, all_ids = twenty
    search = long_search(all_ids)
    url = ask(shop, "POST", QUERY, search)["pageDetails"]["nextPageUrl"]
    assert len(url) < 1000
    assert ids(ask(shop, "POST", url, search)) == all_ids[15:]
    refused = answer_of(shop.http.post(url))
    assert refused.status == 500
    assert "queryModel" in refused.payload["errors"][0]


def test_a_get_whose_filter_is_long_has_links_that_say_it_all(twenty: tuple[Autotask, list[int]]) -> None:
    shop, all_ids = twenty
    url = ask(shop, "GET", in_address(long_search(all_ids)))["pageDetails"]["nextPageUrl"]
    assert ids(ask(shop, "GET", url)) == all_ids[15:]


@pytest.mark.parametrize(
    "paging",
    [
        "",
        "x",
        "7",
        "null",
        "[]",
        "[7]",
        '"text"',
        "{}",
        '{"pageSize":7}',
        '{"pageSize":7,"previousIds":[],"nextIds":[]}',
        '{"pageSize":7,"previousIds":[],"nextIds":5}',
        '{"pageSize":7,"previousIds":5,"nextIds":[5]}',
        '{"pageSize":7,"previousIds":["5"],"nextIds":[5]}',
        '{"pageSize":7,"previousIds":[],"nextIds":["5"]}',
        '{"pageSize":7,"previousIds":[],"nextIds":[5.5]}',
        '{"pageSize":7,"previousIds":[],"nextIds":[true]}',
        '{"pageSize":7,"previousIds":[],"nextIds":[-2]}',
        '{"pageSize":7,"previousIds":[],"nextIds":[9223372036854775808]}',
        '{"pageSize":0,"previousIds":[],"nextIds":[5]}',
        '{"pageSize":-7,"previousIds":[],"nextIds":[5]}',
        '{"pageSize":501,"previousIds":[],"nextIds":[5]}',
        '{"pageSize":"7","previousIds":[],"nextIds":[5]}',
        '{"pageSize":7,"previousIds":[' + ",".join(["1"] * 51) + '],"nextIds":[5]}',
        '{"pageSize":7,"pageSize":7,"previousIds":[],"nextIds":[5]}',
        "[" * 5000,
    ],
)
@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_link_that_was_tampered_with_is_refused(autotask: Autotask, verb: str, paging: str) -> None:
    url = f"Products/query/next?paging={quote(paging)}&search={quote(json.dumps(SEARCH))}"
    assert autotask.refusal(verb, url) == "The parameter paging is not from a link of ours."


def test_a_link_without_its_parameter_is_refused(autotask: Autotask) -> None:
    assert "paging" in autotask.refusal("POST", "Products/query/next", SEARCH)


def test_a_link_to_another_place_shows_own_records_only(autotask: Autotask, twenty: tuple[Autotask, list[int]]) -> None:
    url = ask(twenty[0], "POST", QUERY, {**SEARCH, "maxRecords": 15})["pageDetails"]["nextPageUrl"]
    assert ask(autotask, "POST", url)["items"] == []


def test_links_lead_back_by_fifty_pages(autotask: Autotask, catalog_database: ServiceDatabase) -> None:
    with psycopg.connect(catalog_database.owner_url) as connection:
        first = autotask.product()
        all_ids = [first, *copy(connection, autotask, first, 54)]
    payload = ask(autotask, "POST", QUERY, {**SEARCH, "maxRecords": 1})
    while payload["pageDetails"]["nextPageUrl"]:
        payload = ask(autotask, "POST", payload["pageDetails"]["nextPageUrl"])
    back = []
    while payload["pageDetails"]["prevPageUrl"]:
        payload = ask(autotask, "POST", payload["pageDetails"]["prevPageUrl"])
        back += ids(payload)
    assert back == all_ids[-2 : -2 - EARLIER_MAX : -1]


def test_stocked_items_come_by_id_however_old_they_are(autotask: Autotask, stock: Stock) -> None:
    position_id = autotask.position()
    ages = [OLDEST + timedelta(days=days) for days in (5, 1, 4, 2, 3)]
    all_ids = [stock.add(position_id, 1, age, unit_cost=1).stocked_item_id for age in ages]
    first = autotask.done("POST", "InventoryStockedItems/query", {"filter": [ALL], "maxRecords": 2})
    read = by_links(autotask, first, lambda url: ask(autotask, "POST", url))
    assert [item["id"] for items in read for item in items] == all_ids


def test_a_page_is_full_also_when_its_records_fill_several_answers_of_a_service(
    autotask: Autotask, catalog_database: ServiceDatabase
) -> None:
    with psycopg.connect(catalog_database.owner_url) as connection:
        first = autotask.product(description="\N{MOUSE}" * 8000)
        copy(connection, autotask, first, 299)
    payload = autotask.done("POST", "Products/query", {**SEARCH, "maxRecords": 290})
    assert payload["pageDetails"]["count"] == 290
    assert len(autotask.done("POST", "Products/query", SEARCH)["items"]) == 300
