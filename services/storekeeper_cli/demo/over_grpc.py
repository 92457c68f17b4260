"""The first half: the mice over gRPC, as our own contract has it."""

import json
from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal
from typing import Final

import grpc

from storekeeper.errors.v1.error_reason_pb2 import INSUFFICIENT_STOCK, ErrorReason
from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_cli.demo.mice import QUANTITY, TENANT_ID, Mice, Removal, new_request_id
from storekeeper_cli.demo.pictures import Layer, Pictures, Titles
from storekeeper_cli.services import STOCK_LEDGER
from storekeeper_cli.welcome import tool
from storekeeper_kit.caller import TENANT_KEY
from storekeeper_kit.clients import Failure, failure_of

SHORTAGE: Final = ErrorReason.Name(INSUFFICIENT_STOCK)
TITLES: Final[Titles] = {"Stocked item": "right", "Received on": "left", "Came": "right", "Left": "right"}


def play_over_grpc(channel: grpc.Channel, name: str, pictures: Pictures) -> Mice:
    """Play it at new locations, one of which gets this name."""
    mice = Mice(channel, name)
    _remove_oldest_first(mice, name, pictures)
    _remove_from_one(Mice(channel, f"{name} / the other way"), pictures)
    return mice


def point_to_journal(mice: Mice, address: str, pictures: Pictures) -> None:
    """Show the call that reads what was recorded, for a ledger that stays."""
    request = json.dumps({"location_id": mice.location_id})
    pictures.say("What the journal has of it:")
    pictures.say_as_is(
        f"  {tool('grpcurl')} -plaintext -H '{TENANT_KEY}: {TENANT_ID}' -d '{request}' {address}"
        f" {STOCK_LEDGER.grpc_service}/ListMovements",
        "cyan",
    )


def _remove_oldest_first(mice: Mice, name: str, pictures: Pictures) -> None:
    pictures.say()
    pictures.say(f'{mice.available()} mice are at location {mice.location_id}, "{name}".')
    pictures.stock(TITLES, _layers(mice.stocked_items()))
    pictures.say(f"One call removes {QUANTITY} of them, oldest first.")
    request_id = new_request_id()
    removal = mice.remove_oldest(QUANTITY, request_id)
    pictures.stock_after(TITLES, _layers(mice.stocked_items()), removal.taken)
    pictures.say(f"Taken: {_in_turn(removal)}. Left: {mice.available()}.", "bold green")
    repeat = mice.remove_oldest(QUANTITY, request_id)
    pictures.say(
        f"The same call again, with its request id: {_in_turn(repeat)}{' from the journal' if repeat.replayed else ''}."
        f" Left: {mice.available()}."
    )


def _remove_from_one(mice: Mice, pictures: Pictures) -> None:
    second = mice.stocked_items()[1]
    quantity = int(second.places.available.value)
    pictures.say()
    pictures.say(
        f"The other way, at location {mice.location_id}: {quantity} from stocked item {second.stocked_item_id},"
        f" and {quantity} again."
    )
    pictures.say()
    pictures.say(f"  Taken: {_in_turn(mice.remove_from(second.stocked_item_id, quantity))}.")
    failure = _refusal_of(mice, second.stocked_item_id, quantity)
    requested, available = failure.metadata["requestedQuantity"], failure.metadata["availableQuantity"]
    pictures.say(f"  Refused: {failure.reason}, requested {requested}, available {available}.", "bold yellow")
    pictures.say(f"  In words: {failure.message}.")
    pictures.say()


def _refusal_of(mice: Mice, stocked_item_id: int, quantity: int) -> Failure:
    try:
        mice.remove_from(stocked_item_id, quantity)
    except grpc.RpcError as error:
        failure = failure_of(error)
        if failure.reason != SHORTAGE:
            raise
        return failure
    raise AssertionError("an empty stocked item gave mice")


def _layers(stocked_items: Sequence[pb.StockedItem]) -> list[Layer]:
    return [_layer(one) for one in stocked_items]


def _layer(one: pb.StockedItem) -> Layer:
    came, left = Decimal(one.places.received.value), Decimal(one.places.available.value)
    received_on = f"{one.receive_time.ToDatetime(tzinfo=UTC):%Y-%m-%d}"
    return Layer(one.stocked_item_id, (str(one.stocked_item_id), received_on, str(came), str(left)), came, left)


def _in_turn(removal: Removal) -> str:
    return " / ".join(str(quantity) for quantity in removal.taken.values())
