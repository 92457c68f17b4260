"""Autotask's REST API, version 1.0: its addresses, what may be done at each, and what is answered.

An address counts in any case of letters; a slash too many, or one at the end, does no harm. Every answer is JSON. What is
wrong is a list of sentences: {"errors": ["..."]}.
"""

from collections.abc import Mapping
from typing import Any, Final

from .entities import CHILDREN, ENTITIES
from .errors import Refused, no_route, wrong_verb
from .exchange import Handler
from .metadata import all_entities, field_list, information, user_defined_fields
from .reading import children, count, get, query, query_next
from .writing import create, delete, patch, put

VERSION: Final = "v1.0"
"""As addresses have it; the list of versions says it without the letter."""

ID_DIGITS_MAX: Final = 18
"""More, and an id might be too big for 64 bits: there is nothing at such an address."""


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
                raise wrong_verb(verb)
            return verbs[verb], names
    raise no_route()


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
