"""What a payload does to an entity's rows: creates, changes, deletes one (Autotask REST, basic create and update calls).

Only what differs is changed: so an update that says nothing new changes nothing, and one that says a part leaves the rest
to others who change it at the same time.
"""

from collections.abc import Iterable
from typing import Any, Final

import grpc

from storekeeper_kit.clients import failure_of

from ...backends import Call
from ...bodies import read_json
from ...mapping import Field, Payload, Row, Table
from .entities import Entity
from .errors import Refused, missing
from .exchange import Exchange
from .parents import with_parent
from .types import LONG

IMPERSONATOR: Final = "impersonatorCreatorResourceID"
"""The field that says for whom a row was created."""

ATTEMPTS: Final = 10
"""An update that somebody else gets ahead of is made anew, on what they left."""


async def create(exchange: Exchange) -> dict[str, Any]:
    """Create a row."""
    payload = _payload(exchange)
    row_id = await create_row(exchange.call, exchange.entity, payload, exchange.parent, exchange.impersonated)
    return {"itemId": row_id}


async def patch(exchange: Exchange) -> dict[str, Any]:
    """Change what a row's payload gives."""
    return {"itemId": await update_row(exchange.call, exchange.entity, _payload(exchange), exchange.id)}


async def put(exchange: Exchange) -> dict[str, Any]:
    """Change a row to what its payload gives, and clear what it leaves out."""
    payload = _completed(exchange.entity.table, _payload(exchange))
    return {"itemId": await update_row(exchange.call, exchange.entity, payload, exchange.id)}


async def delete(exchange: Exchange) -> dict[str, Any]:
    """Delete a row."""
    assert exchange.id is not None
    assert exchange.entity.delete is not None
    await exchange.entity.delete(exchange.call, exchange.id)
    return {"itemId": exchange.id}


async def create_row(
    call: Call, entity: Entity, payload: Payload, parent: tuple[str, int] | None, impersonated: str | None
) -> int:
    """Create a row, and tell its id."""
    assert entity.create is not None
    table = entity.table
    given = {name: value for name, value in table.given(payload).items() if not _named(table, name).read_only}
    if impersonated is not None and table.named(IMPERSONATOR):
        given[IMPERSONATOR] = impersonated
    row = {path: value for path, value in table.read(given).items() if value is not None}
    if parent is not None:
        row = with_parent(row, _named(table, parent[0]), parent[1])
    by_address = parent[0] if parent else None
    _require(one for one in table if one.required and one.name != by_address and row.get(str(one.path)) is None)
    return await entity.create(call, row)


async def update_row(call: Call, entity: Entity, payload: Payload, address_id: int | None) -> int:
    """Change the row that the payload or the address names, and tell its id."""
    assert entity.source is not None
    assert entity.update is not None
    row_id = _id(payload, address_id)
    wanted = _wanted(entity.table, payload)
    for attempts_left in reversed(range(ATTEMPTS)):
        row = await entity.source.find(call, row_id) if row_id > 0 else None
        if row is None:
            raise Refused(f"No matching records found for the id [{row_id}] of the entity {entity.name}.")
        changes = {path: value for path, value in wanted.items() if _differs(entity.table, path, row, value)}
        try:
            if changes:
                await entity.update(call, row, changes)
            break
        except grpc.aio.AioRpcError as error:
            if not attempts_left or failure_of(error).reason != "ETAG_MISMATCH":
                raise
    return row_id


def _payload(exchange: Exchange) -> dict[str, Any]:
    payload = read_json(exchange.body)
    if not isinstance(payload, dict):
        raise Refused(f"The body must be one {exchange.entity.name}, as a JSON object.")
    return payload


def _completed(table: Table, payload: Payload) -> dict[str, Any]:
    """The payload of a full update, which clears each field that it leaves out."""
    return {**{field.name: None for field in table if field.is_writable}, **_unfolded(table, payload)}


def _unfolded(table: Table, payload: Payload) -> dict[str, Any]:
    rest = {name: value for name, value in payload.items() if table.named(name) is None}
    return rest | table.given(payload)


def _wanted(table: Table, payload: Payload) -> dict[str, Any]:
    """The new values of what may be changed; what may not is ignored."""
    given = {name: value for name, value in table.given(payload).items() if _named(table, name).is_writable}
    values = table.read(given)
    _require(field for field in map(table.named, given) if field and field.required and values[str(field.path)] is None)
    return values


def _id(payload: Payload, address_id: int | None) -> int:
    said = next((value for name, value in payload.items() if name.casefold() == "id"), None)
    try:
        row_id: int | None = None if said is None else LONG.read(said)
    except ValueError as error:
        raise Refused(f"The field id {error}.") from None
    if row_id is None and address_id is None:
        raise missing(["id"])
    if None not in {row_id, address_id} and row_id != address_id:
        raise Refused(f"The id [{row_id}] is not the one in the address, [{address_id}].")
    return row_id if row_id is not None else int(address_id or 0)


def _differs(table: Table, path: str, row: Row, value: Any) -> bool:
    """Whether the vendor could tell the difference. What can't be said in its words is left as it is."""
    field = table.at(path)
    assert field is not None
    return bool(field.write(row.get(path)) != field.write(value))


def _named(table: Table, name: str) -> Field:
    field = table.named(name)
    assert field is not None
    return field


def _require(absent: Iterable[Field]) -> None:
    if names := [field.name for field in absent]:
        raise missing(names)
