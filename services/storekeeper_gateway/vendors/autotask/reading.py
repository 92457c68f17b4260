"""Reads an entity's rows: one by its id, the pages of a query, their number (Autotask REST, basic query calls)."""

from typing import Any

from storekeeper_kit.json_text import dump_json

from ...bodies import read_json
from .entities import Entity
from .errors import Refused
from .exchange import Exchange
from .filters import RECORDS_MAX, Query, read_query, that_equal
from .pages import Page, link, read_page, read_search
from .sources import Source


async def get(exchange: Exchange) -> dict[str, Any]:
    """One row; null if there is none."""
    assert exchange.id is not None
    row = await _source(exchange.entity).find(exchange.call, exchange.id) if exchange.id else None
    if row is None or (exchange.parent and row[_parent_path(exchange)] != exchange.parent[1]):
        return {"item": None}
    return {"item": exchange.entity.table.write(row)}


async def query(exchange: Exchange) -> dict[str, Any]:
    """The first page of what a query asks for."""
    search = _search(exchange)
    asked = _read(exchange.entity, search)
    return await _page(exchange, asked, Page(asked.records_max), search)


async def query_next(exchange: Exchange) -> dict[str, Any]:
    """The page that a link leads to."""
    search = _search(exchange)
    asked = _read(exchange.entity, search)
    return await _page(exchange, asked, read_page(exchange.parameters.get("paging", ""), RECORDS_MAX), search)


async def count(exchange: Exchange) -> dict[str, Any]:
    """How many rows a query asks for."""
    asked = _read(exchange.entity, _search(exchange))
    found = await _source(exchange.entity).page(exchange.call, asked.filter, after=0, size=1, count=True)
    return {"queryCount": found.total}


async def children(exchange: Exchange) -> dict[str, Any]:
    """The rows below a parent."""
    assert exchange.parent is not None
    field, parent_id = exchange.parent
    # Not read from the query, which takes no id that is too big for the field: nothing is below such a parent.
    asked = Query(that_equal(_parent_path(exchange), parent_id), None, RECORDS_MAX)
    search = {"filter": [{"op": "eq", "field": field, "value": parent_id}]}
    return await _page(exchange, asked, Page(asked.records_max), search)


def _parent_path(exchange: Exchange) -> str:
    field = exchange.entity.table.named(exchange.child.parent_field)
    assert field is not None
    assert field.path is not None, "a parent is named by an id of ours"
    return field.path


def _search(exchange: Exchange) -> Any:
    """The query: the body of a POST, or what stands in the address."""
    if exchange.body.strip():
        return read_json(exchange.body)
    search = exchange.parameters.get("search")
    if search is None:
        raise Refused("There is no query: neither a body (queryModel) nor the parameter search.")
    return read_search(search)


def _read(entity: Entity, search: Any) -> Query:
    return read_query(search, entity.table, entity.name)


async def _page(exchange: Exchange, asked: Query, page: Page, search: Any) -> dict[str, Any]:
    found = await _source(exchange.entity).page(exchange.call, asked.filter, after=page.after, size=page.size)
    items = [exchange.entity.table.write(row) for row in found.rows]
    following = page.following(items[-1]["id"]) if found.more else None
    base, said = f"{exchange.base_url}/{exchange.entity.plural}/query", dump_json(search)
    can_omit = exchange.verb == "POST"
    return {
        "items": [_projected(item, asked.include) for item in items],
        "pageDetails": {
            "count": len(items),
            "requestCount": page.size,
            "prevPageUrl": link(base, page.preceding(), said, can_omit=can_omit),
            "nextPageUrl": link(base, following, said, can_omit=can_omit),
        },
    }


def _projected(item: dict[str, Any], include: frozenset[str] | None) -> dict[str, Any]:
    return item if include is None else {name: value for name, value in item.items() if name in include}


def _source(entity: Entity) -> Source:
    if entity.source is None:
        raise Refused(f"The entity {entity.name} can't be queried, nor can any of its fields.")
    return entity.source
