"""The demo from its first line to its last."""

import json
from datetime import datetime

import grpc

from storekeeper.errors.v1.error_reason_pb2 import INSUFFICIENT_STOCK, ErrorReason
from storekeeper_cli.demo.mice import TENANT_ID, Mice, Removal, new_request_id
from storekeeper_cli.demo.pictures import Pictures
from storekeeper_cli.demo.stage import Stage, running_stage, temporary_stage
from storekeeper_cli.problem import Problem
from storekeeper_cli.services import STOCK_LEDGER
from storekeeper_cli.welcome import tool
from storekeeper_kit.caller import TENANT_KEY
from storekeeper_kit.clients import Failure, blocking_channel, failure_of
from storekeeper_kit.config import SharedSettings, load

QUANTITY = 20
SHORTAGE = ErrorReason.Name(INSUFFICIENT_STOCK)


def demo() -> None:
    """Play it on the ledger that runs, or else on one that is started for it."""
    load(SharedSettings)
    pictures = Pictures()
    stage = running_stage()
    if stage is not None:
        pictures.say(f"Played on the ledger at {stage.addresses[STOCK_LEDGER]}, in a tenant of its own ({TENANT_ID}).")
        _play(stage, pictures)
        return
    pictures.say(f"No stock ledger serves at {STOCK_LEDGER.configured_address()}: one is started for the demo ...")
    with temporary_stage() as stage:
        _play(stage, pictures)
    pictures.say("That ledger is gone again with all its data. `storekeeper up` starts one to keep.")


def _play(stage: Stage, pictures: Pictures) -> None:
    try:
        with blocking_channel(stage.addresses[STOCK_LEDGER]) as channel:
            _play_on(channel, stage, pictures)
    except grpc.RpcError as error:
        failure = failure_of(error)
        reason = failure.reason or failure.code.name
        raise Problem(
            f"The ledger at {stage.addresses[STOCK_LEDGER]} ended the demo: {reason}: {failure.message}"
        ) from None


def _play_on(channel: grpc.Channel, stage: Stage, pictures: Pictures) -> None:
    name = f"Demo {datetime.now().astimezone():%Y-%m-%d %H:%M} / {new_request_id()[:8]}"
    mice = Mice(channel, name)
    _remove_oldest_first(mice, name, pictures)
    _remove_from_one(Mice(channel, f"{name} / the other way"), pictures)
    if stage.stays:
        _point_to_journal(mice, stage, pictures)


def _remove_oldest_first(mice: Mice, name: str, pictures: Pictures) -> None:
    pictures.say()
    pictures.say(f'{mice.available()} mice are at location {mice.location_id}, "{name}".')
    pictures.stock(mice.stocked_items())
    pictures.say(f"One call removes {QUANTITY} of them, oldest first.")
    request_id = new_request_id()
    removal = mice.remove_oldest(QUANTITY, request_id)
    pictures.stock_after(mice.stocked_items(), removal.taken)
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


def _point_to_journal(mice: Mice, stage: Stage, pictures: Pictures) -> None:
    request = json.dumps({"location_id": mice.location_id})
    pictures.say("What the journal has of it:")
    pictures.say_as_is(
        f"  {tool('grpcurl')} -plaintext -H '{TENANT_KEY}: {TENANT_ID}' -d '{request}' {stage.addresses[STOCK_LEDGER]}"
        f" {STOCK_LEDGER.grpc_service}/ListMovements",
        "cyan",
    )


def _in_turn(removal: Removal) -> str:
    return " / ".join(str(quantity) for quantity in removal.taken.values())
