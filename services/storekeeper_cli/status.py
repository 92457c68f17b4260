"""``storekeeper status``: which services serve, and which items the stock ledger does not know as the catalog has them."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

import grpc
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.catalog.v1.catalog_pb2_grpc import CatalogStub
from storekeeper.query.v1 import filter_pb2 as query
from storekeeper_cli.problem import Problem
from storekeeper_cli.services import CATALOG, SERVICES, Service
from storekeeper_kit.caller import EVERYTHING, Caller
from storekeeper_kit.clients import blocking_channel, failure_of

ITEMS_SHOWN_MAX: Final = 50
PLAIN_WIDTH: Final = 160
STATES: Final[Mapping[int, Text]] = {
    pb.REGISTRATION_STATE_REFUSED: Text("refused", "bold red"),
    pb.REGISTRATION_STATE_PENDING: Text("not confirmed yet", "yellow"),
}


def status(tenant_id: int) -> bool:
    """Show it; whether all services serve."""
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, emoji=False, markup=False, width=PLAIN_WIDTH)
    serving = asyncio.run(_serving())
    console.print(_services(serving))
    console.print()
    if serving[CATALOG]:
        _show_registrations(console, tenant_id)
    else:
        console.print("What is not registered with the stock ledger is unknown while the catalog does not serve.")
    return all(serving.values())


async def _serving() -> dict[Service, bool]:
    answers = await asyncio.gather(*(service.serves(service.configured_address()) for service in SERVICES))
    return dict(zip(SERVICES, answers, strict=True))


def _services(serving: Mapping[Service, bool]) -> Table:
    table = _table("Service", "Address", "State")
    for service, serves in serving.items():
        state = Text("serves", "green") if serves else Text("does not serve", "bold red")
        table.add_row(service.title, service.configured_address(), state)
    return table


def _show_registrations(console: Console, tenant_id: int) -> None:
    found = _unregistered(tenant_id)
    if not found.items:
        console.print(f"The stock ledger knows every item of tenant {tenant_id} as the catalog has it.", style="green")
        return
    console.print(_items(found.items))
    if found.total_size > len(found.items):
        console.print(f"... and {found.total_size - len(found.items)} more.")


def _items(items: Iterable[pb.Item]) -> Table:
    table = _table("Item", "Sku", "Registration", "Reason")
    for item in items:
        told = item.registration
        reason = f"{told.reason}: {told.message}" if told.reason else ""
        table.add_row(str(item.item_id), item.sku, STATES[told.state], reason)
    return table


def _unregistered(tenant_id: int) -> pb.ListItemsResponse:
    """The items that the stock ledger refused, or has not confirmed yet."""
    states = query.Condition(
        field="registration.state",
        operator=query.OPERATOR_IN,
        values=[query.Value(text="REFUSED"), query.Value(text="PENDING")],
    )
    request = pb.ListItemsRequest(
        page_size=ITEMS_SHOWN_MAX, filter=query.Filter(condition=states), with_total_size=True
    )
    caller = Caller(tenant_id, "storekeeper status", EVERYTHING)
    try:
        with blocking_channel(CATALOG.configured_address()) as channel:
            return CatalogStub(channel).ListItems(request, metadata=caller.metadata())
    except grpc.RpcError as error:
        failure = failure_of(error)
        raise Problem(f"The catalog does not tell: {failure.reason or failure.code.name}: {failure.message}") from None


def _table(*titles: str) -> Table:
    return Table(*titles, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
