"""The demo from its first line to its last."""

from datetime import datetime

import grpc

from storekeeper_cli.demo.mice import TENANT_ID, new_request_id
from storekeeper_cli.demo.over_grpc import play_over_grpc, point_to_journal
from storekeeper_cli.demo.over_rest import play_over_rest, point_to_gateway
from storekeeper_cli.demo.pictures import Pictures
from storekeeper_cli.demo.stage import Stage, running_stage, temporary_stage
from storekeeper_cli.problem import Problem
from storekeeper_cli.services import GATEWAY, STOCK_LEDGER
from storekeeper_kit.clients import blocking_channel, failure_of
from storekeeper_kit.config import SharedSettings, load


def demo() -> None:
    """Play it on the services that run, or else on some that are started for it."""
    load(SharedSettings)
    pictures = Pictures()
    stage = running_stage()
    if stage is not None:
        address = stage.addresses[STOCK_LEDGER]
        pictures.say(f"Played on the stock ledger at {address}, in a tenant of its own ({TENANT_ID}).")
        _play(stage, pictures)
        return
    address = STOCK_LEDGER.configured_address()
    pictures.say(f"No stock ledger serves at {address}: everything is started for the demo ...")
    with temporary_stage() as stage:
        _play(stage, pictures)
    pictures.say()
    pictures.say("All of that is gone again, with its data. `make run` starts what stays.")


def _play(stage: Stage, pictures: Pictures) -> None:
    address = stage.addresses[STOCK_LEDGER]
    try:
        with blocking_channel(address) as channel:
            _play_on(channel, stage, pictures)
    except grpc.RpcError as error:
        failure = failure_of(error)
        reason = failure.reason or failure.code.name
        raise Problem(f"The ledger at {address} ended the demo: {reason}: {failure.message}") from None


def _play_on(channel: grpc.Channel, stage: Stage, pictures: Pictures) -> None:
    name = f"Demo {datetime.now().astimezone():%Y-%m-%d %H:%M} / {new_request_id()[:8]}"
    mice = play_over_grpc(channel, name, pictures)
    if stage.stays:
        point_to_journal(mice, stage.addresses[STOCK_LEDGER], pictures)
    if GATEWAY in stage.addresses:
        _play_over_rest(channel, stage, f"{name} / REST", pictures)
    else:
        pictures.say()
        pictures.say(f"No gateway serves at {GATEWAY.configured_address()}, so this was not shown over REST.")


def _play_over_rest(channel: grpc.Channel, stage: Stage, name: str, pictures: Pictures) -> None:
    gateway = stage.addresses[GATEWAY]
    product_id = play_over_rest(channel, gateway, name, pictures)
    if stage.stays:
        pictures.say()
        point_to_gateway(product_id, gateway, pictures)
