"""Autotask's REST API, version 1.0: its addresses, what may be done at each, and what is answered.

An address counts in any case of letters; a slash too many, or one at the end, does no harm. Every answer is JSON. What is
wrong is a list of sentences: {"errors": ["..."]}.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request

from storekeeper_kit.json_text import dump_json

from ...backends import Call
from ...bodies import read_json
from . import writing
from .entities import CHILDREN, ENTITIES, Child, Entity
from .errors import NO_ROUTE, Refused, WrongVerb
from .filters import RECORDS_MAX, Query, read_query
from .metadata import entity_information, field_information
from .pages import Page, link, read_page, read_search
from .sources import Source

VERSION: Final = "v1.0"
"""As addresses have it; the list of versions says it without the letter."""

ID_DIGITS_MAX: Final = 18
"""More, and an id might be too big for 64 bits: there is nothing at such an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request at one address."""

    request: Request
    body: bytes
    call: Call
    base_url: str
    """The address that everything of this API begins with, without a slash at its end."""
    names: Mapping[str, str]
    """What the address says in place of the names in its pattern."""

    @property
    def entity(self) -> Entity:
        """The entity that is asked for: the child, where there is one."""
        return self.child.entity if "child" in self.names else ENTITIES[self.names["entity"]]

    @property
    def child(self) -> Child:
        """The entity below the parent."""
        return CHILDREN[self.names["entity"], self.names["child"]]

    @property
    def id(self) -> int | None:
        """The id of the row, if the address has one."""
        return int(self.names["id"]) if "id" in self.names else None

    @property
    def parent(self) -> tuple[str, int] | None:
        """The field that names the parent, and the parent that the address names."""
        return (self.child.parent_field, int(self.names["parent"])) if "child" in self.names else None

    def parameter(self, name: str) -> str | None:
        """What the query of the address says, in whatever case of letters."""
        found = (value for key, value in self.request.query_params.multi_items() if key.casefold() == name)
        return next(found, None)


Handler = Callable[[Exchange], Awaitable[dict[str, Any]]]


# --- what needs no credentials ------------------------------------------------------------------------------------


def version_information() -> dict[str, Any]:
    """Which versions of the API there are."""
    return {"apiVersions": [VERSION[1:]]}


def zone_information(base_url: str, user: str | None) -> dict[str, Any]:
    """Where the API of a user is: here, whoever it is."""
    if not user:
        raise Refused("The zone could not be determined: the parameter user is missing.")
    web_url = base_url.rpartition("/")[0]
    return {"zoneName": "Storekeeper", "url": f"{base_url}/", "webUrl": f"{web_url}/", "ci": 1}


# --- reading ------------------------------------------------------------------------------------------------------


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
    asked = read_query(search, exchange.entity.table, exchange.entity.name)
    return await _page(exchange, asked, Page(asked.records_max), dump_json(search))


async def query_next(exchange: Exchange) -> dict[str, Any]:
    """The page that a link leads to."""
    search = _search(exchange)
    asked = read_query(search, exchange.entity.table, exchange.entity.name)
    page = read_page(exchange.parameter("paging") or "", RECORDS_MAX)
    return await _page(exchange, asked, page, dump_json(search))


async def count(exchange: Exchange) -> dict[str, Any]:
    """How many rows a query asks for."""
    asked = read_query(_search(exchange), exchange.entity.table, exchange.entity.name)
    found = await _source(exchange.entity).page(exchange.call, asked.filter, after=0, size=1, count=True)
    return {"queryCount": found.total}


async def children(exchange: Exchange) -> dict[str, Any]:
    """The rows below a parent."""
    assert exchange.parent is not None
    field, parent_id = exchange.parent
    search = {"filter": [{"op": "eq", "field": field, "value": parent_id}]}
    asked = read_query(search, exchange.entity.table, exchange.entity.name)
    return await _page(exchange, asked, Page(asked.records_max), dump_json(search))


def _parent_path(exchange: Exchange) -> str:
    field = exchange.entity.table.named(exchange.child.parent_field)
    assert field is not None
    assert field.path is not None, "a parent is named by an id of ours"
    return field.path


def _search(exchange: Exchange) -> Any:
    """The query: the body of a POST, or what stands in the address."""
    if exchange.body.strip():
        return read_json(exchange.body)
    search = exchange.parameter("search")
    if search is None:
        raise Refused("There is no query: neither a body (queryModel) nor the parameter search.")
    return read_search(search)


async def _page(exchange: Exchange, asked: Query, page: Page, search: str) -> dict[str, Any]:
    found = await _source(exchange.entity).page(exchange.call, asked.filter, after=page.after, size=page.size)
    items = [exchange.entity.table.write(row) for row in found.rows]
    following = page.following(items[-1]["id"]) if found.more else None
    base = f"{exchange.base_url}/{VERSION.upper()}/{exchange.entity.plural}/query"
    can_omit = exchange.request.method == "POST"
    return {
        "items": [_projected(item, asked.include) for item in items],
        "pageDetails": {
            "count": len(items),
            "requestCount": page.size,
            "prevPageUrl": link(base, page.preceding(), search, can_omit=can_omit),
            "nextPageUrl": link(base, following, search, can_omit=can_omit),
        },
    }


def _projected(item: dict[str, Any], include: frozenset[str] | None) -> dict[str, Any]:
    return item if include is None else {name: value for name, value in item.items() if name in include}


def _source(entity: Entity) -> Source:
    if entity.source is None:
        raise Refused(f"The entity {entity.name} can't be queried, nor can any of its fields.")
    return entity.source


# --- writing ------------------------------------------------------------------------------------------------------


async def create(exchange: Exchange) -> dict[str, Any]:
    """Create a row."""
    payload = _payload(exchange)
    impersonated = exchange.request.headers.get(writing.IMPERSONATION)
    return {"itemId": await writing.create(exchange.call, exchange.entity, payload, exchange.parent, impersonated)}


async def patch(exchange: Exchange) -> dict[str, Any]:
    """Change what a row's payload gives."""
    return {"itemId": await writing.update(exchange.call, exchange.entity, _payload(exchange), exchange.id)}


async def put(exchange: Exchange) -> dict[str, Any]:
    """Change a row to what its payload gives, and clear what it leaves out."""
    payload = writing.completed(exchange.entity.table, _payload(exchange))
    return {"itemId": await writing.update(exchange.call, exchange.entity, payload, exchange.id)}


async def delete(exchange: Exchange) -> dict[str, Any]:
    """Delete a row."""
    assert exchange.id is not None
    return {"itemId": await writing.delete(exchange.call, exchange.entity, exchange.id)}


def _payload(exchange: Exchange) -> dict[str, Any]:
    payload = read_json(exchange.body)
    if not isinstance(payload, dict):
        raise Refused(f"The body must be one {exchange.entity.name}, as a JSON object.")
    return payload


# --- about the entities -------------------------------------------------------------------------------------------


async def all_entities(_exchange: Exchange) -> dict[str, Any]:
    """What can be done with each entity."""
    return {"entityDescriptions": [{"info": entity_information(entity)} for entity in ENTITIES.values()]}


async def information(exchange: Exchange) -> dict[str, Any]:
    """What can be done with an entity."""
    return {"info": entity_information(exchange.entity)}


async def field_list(exchange: Exchange) -> dict[str, Any]:
    """The fields of an entity."""
    return {"fields": [field_information(field) for field in exchange.entity.table]}


async def user_defined_fields(_exchange: Exchange) -> dict[str, Any]:
    """The fields that a tenant has added to an entity: none can be, so far."""
    return {"fields": []}


# --- addresses ----------------------------------------------------------------------------------------------------

# Below the version. The first that fits is taken.
ROUTES: Final[Mapping[tuple[str, ...], Mapping[str, Handler]]] = {
    ("entityinformation",): {"GET": all_entities},
    ("{entity}",): {"POST": create, "PATCH": patch, "PUT": put},
    ("{entity}", "query"): {"GET": query, "POST": query},
    ("{entity}", "query", "count"): {"GET": count, "POST": count},
    ("{entity}", "query", "next"): {"GET": query_next, "POST": query_next},
    ("{entity}", "entityinformation"): {"GET": information},
    ("{entity}", "entityinformation", "fields"): {"GET": field_list},
    ("{entity}", "entityinformation", "userdefinedfields"): {"GET": user_defined_fields},
    ("{entity}", "{id}"): {"GET": get, "PATCH": patch, "PUT": put, "DELETE": delete},
    ("{entity}", "{parent}", "{child}"): {"GET": children, "POST": create},
    ("{entity}", "{parent}", "{child}", "entityinformation"): {"GET": information},
    ("{entity}", "{parent}", "{child}", "entityinformation", "fields"): {"GET": field_list},
    ("{entity}", "{parent}", "{child}", "entityinformation", "userdefinedfields"): {"GET": user_defined_fields},
    ("{entity}", "{parent}", "{child}", "{id}"): {"GET": get},
}


def route(verb: str, segments: tuple[str, ...]) -> tuple[Handler, dict[str, str]]:
    """What to do at an address below the version, and what it names. `segments` are in lower case."""
    for pattern, verbs in ROUTES.items():
        names = _match(pattern, segments)
        if names is not None:
            if verb not in verbs or not _allows(verbs[verb], names):
                raise WrongVerb
            return verbs[verb], names
    raise Refused("There is nothing at this address.", status=NO_ROUTE)


def _match(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    """What the address says in place of the pattern's names; None if it does not fit."""
    if len(pattern) != len(segments):
        return None
    names = {part.strip("{}"): segment for part, segment in zip(pattern, segments, strict=True) if part[0] == "{"}
    fits = all(part == segment for part, segment in zip(pattern, segments, strict=True) if part[0] != "{")
    return names if fits and all(_names_something(name, names) for name in names) else None


def _names_something(name: str, names: Mapping[str, str]) -> bool:
    match name:
        case "entity":
            return names[name] in ENTITIES
        case "child":
            return (names["entity"], names[name]) in CHILDREN
        case _:
            return names[name].isascii() and names[name].isdecimal() and len(names[name]) <= ID_DIGITS_MAX


def _allows(handler: Handler, names: Mapping[str, str]) -> bool:
    """Whether what an address names can be done with the entity there."""
    child = CHILDREN.get((names["entity"], names["child"])) if "child" in names else None
    entity = child.entity if child else ENTITIES.get(names.get("entity", ""))
    if entity is None:
        return True
    possible: dict[Handler, bool] = {
        create: entity.create is not None,
        patch: entity.update is not None,
        put: entity.update is not None,
        delete: entity.delete is not None,
        children: entity.source is not None,
    }
    return possible.get(handler, True)
