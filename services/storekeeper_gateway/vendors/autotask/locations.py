"""InventoryLocations: locations of the stock ledger (Autotask REST, InventoryLocations).

One of them may be the default, which only Autotask knows of. It can't be made inactive, and another one that becomes the
default takes its place.
"""

from typing import Any, Final

from storekeeper.query.v1 import filter_pb2 as query
from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb

from ...backends import Call
from ...mapping import Row
from ...messages import row_of
from .changing import changed_message, is_new, message_of
from .errors import Refused
from .fields import KEPT
from .sources import LOCATIONS

IS_DEFAULT: Final = f"{KEPT}isDefault"


async def create(call: Call, row: dict[str, Any]) -> int:
    """Create a location; one that is not to be active is made inactive right after."""
    is_active = row.pop("active")
    _check(is_default=row.get(IS_DEFAULT), is_active=is_active)
    request = pb.CreateLocationRequest(request_id=call.request_id(), location=message_of(pb.Location, row))
    created = await call.ask(call.stock_ledger.CreateLocation, request)
    if not is_active and is_new(created):
        location = pb.Location(location_id=created.location_id, active=False, etag=created.etag)
        await call.ask(call.stock_ledger.UpdateLocation, _update_request(location, ["active"]))
    # As it is now: if this is a repeat, another one may have become the default since.
    if row_of(created).get(IS_DEFAULT):
        await _let_no_other_be_default(call, created.location_id)
    return int(created.location_id)


async def update(call: Call, row: Row, changes: dict[str, Any]) -> None:
    """Change a location."""
    after = {**row, **changes}
    _check(is_default=after.get(IS_DEFAULT), is_active=after["active"])
    location, mask = changed_message(pb.Location, "location_id", row, changes)
    await call.ask(call.stock_ledger.UpdateLocation, _update_request(location, mask.paths))
    if changes.get(IS_DEFAULT):
        await _let_no_other_be_default(call, row["location_id"])


def _check(*, is_default: bool | None, is_active: bool) -> None:
    if is_default and not is_active:
        raise Refused("The default InventoryLocation must be active: isActive can't be false for it.")


async def _let_no_other_be_default(call: Call, location_id: int) -> None:
    is_default = query.Condition(field=IS_DEFAULT, operator=query.OPERATOR_EQUAL, values=[query.Value(boolean=True)])
    found = await LOCATIONS.page(call, query.Filter(condition=is_default), after=0, size=1000)
    for row in found.rows:
        if row["location_id"] != location_id:
            location, mask = changed_message(pb.Location, "location_id", row, {IS_DEFAULT: False})
            await call.ask(call.stock_ledger.UpdateLocation, _update_request(location, mask.paths))


def _update_request(location: pb.Location, paths: Any) -> pb.UpdateLocationRequest:
    request = pb.UpdateLocationRequest(location=location)
    request.update_mask.paths.extend(paths)
    return request
