"""InventoryLocations: locations of the stock ledger (Autotask REST, InventoryLocations).

One of them may be the default, which only Autotask knows of. It can't be made inactive, and another one that becomes the
default takes its place.
"""

from collections.abc import Sequence
from typing import Any, Final

import grpc

from storekeeper.query.v1 import filter_pb2 as query
from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.clients import failure_of

from ...backends import Call
from ...mapping import Row
from ...messages import row_of
from .changing import changed_message, message_of
from .errors import Refused
from .fields import KEPT
from .sources import LOCATIONS

IS_DEFAULT: Final = f"{KEPT}isDefault"

ROUNDS: Final = 10
"""How often a location looks whether it is the only default by now: twice, unless others become it at the same time."""


async def create(call: Call, row: dict[str, Any]) -> int:
    """Create a location."""
    is_active = row.pop("active")
    _check(is_default=row.get(IS_DEFAULT), is_active=is_active)
    location = message_of(pb.Location, row)
    request = pb.CreateLocationRequest(request_id=call.request_id(), location=location, inactive=not is_active)
    created = await call.ask(call.stock_ledger.CreateLocation, request)
    # As it is now: if this is a repeat, another one may have become the default since.
    if row_of(created).get(IS_DEFAULT):
        await _be_the_only_default(call, created.location_id)
    return int(created.location_id)


async def update(call: Call, row: Row, changes: dict[str, Any]) -> None:
    """Change a location."""
    after = {**row, **changes}
    _check(is_default=after.get(IS_DEFAULT), is_active=after["active"])
    await _change(call, row, changes)
    if changes.get(IS_DEFAULT):
        await _be_the_only_default(call, row["location_id"])


def _check(*, is_default: bool | None, is_active: bool) -> None:
    if is_default and not is_active:
        raise Refused("The default InventoryLocation must be active: isActive can't be false for it.")


async def _be_the_only_default(call: Call, location_id: int) -> None:
    """Let no other one be the default beside this one, which has just become it.

    Of two that become it at once, each may take its place from the other. So each looks again: if none is left, both try
    anew, and then both let the greater id win. The last one to take a place always looks after that; so one is left.
    """
    is_contested = False
    for _ in range(ROUNDS):
        defaults = {row["location_id"]: row for row in await _defaults(call)}
        if not defaults:
            is_contested = True
            await _become_default_again(call, location_id)
        elif location_id not in defaults or len(defaults) == 1:
            break
        else:
            winner = max(defaults) if is_contested else location_id
            for row in (row for other_id, row in defaults.items() if other_id != winner):
                await _set_default(call, row, is_default=False)


async def _defaults(call: Call) -> Sequence[Row]:
    is_default = query.Condition(field=IS_DEFAULT, operator=query.OPERATOR_EQUAL, values=[query.Value(boolean=True)])
    found = await LOCATIONS.page(call, query.Filter(condition=is_default), after=0, size=1000)
    return found.rows


async def _become_default_again(call: Call, location_id: int) -> None:
    row = await LOCATIONS.find(call, location_id)
    # Somebody may have made it inactive, now that it is no default.
    if row is not None and row["active"]:
        await _set_default(call, row, is_default=True)


async def _set_default(call: Call, row: Row, *, is_default: bool) -> None:
    """Say whether a location is the default, unless somebody has changed it since: then the next round looks at it anew."""
    try:
        await _change(call, row, {IS_DEFAULT: is_default})
    except grpc.aio.AioRpcError as error:
        if failure_of(error).reason != "ETAG_MISMATCH":
            raise


async def _change(call: Call, row: Row, changes: dict[str, Any]) -> None:
    location, mask = changed_message(pb.Location, "location_id", row, changes)
    await call.ask(call.stock_ledger.UpdateLocation, pb.UpdateLocationRequest(location=location, update_mask=mask))
