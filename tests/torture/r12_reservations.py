"""R12: no reservation leaks, whether it is confirmed, given back or left to expire, and whoever is killed meanwhile."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import psycopg

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.stock import Stock, decimal, number
from tests.torture.crowd import Crowd
from tests.torture.stage import Stage, World

LEDGERS: Final = 2
VERBS: Final = (
    "AddStock",
    "ReserveStock",
    "ReleaseStock",
    "ExtendReservation",
    "PickStock",
    "UnpickStock",
    "DeliverStock",
    "ReturnStock",
)
PAUSE_MAX_S: Final = 0.5
RESERVED: Final = 3
SOON_MS: Final = 150
SWEPT_TIMEOUT_S: Final = 20.0
"""A busy machine is no defect; how long it took is told."""


def run(stage: Stage, kills: int) -> None:
    """Kill a ledger so often while clients reserve, then give everything back; and look at as many that expire."""
    chance = stage.chance()
    with stage.world(LEDGERS) as world:
        crowd = Crowd(world.addresses, world.stock, stage.seed, world.folder, verbs=VERBS)
        with crowd.asking():
            for _ in range(kills):
                time.sleep(chance.random() * PAUSE_MAX_S)
                ledger = chance.choice(world.ledgers)
                ledger.kill()
                ledger.launch()
                stage.count("kills")
                crowd.wait_for_answers()
        stage.count("reservations", crowd.accepted_count("ReserveStock"))
        _drain(crowd, world)
        crowd.check(stage, world)
        for _ in range(kills):
            _expire(stage, world)
            stage.count("expiries looked at")


def _drain(crowd: Crowd, world: World) -> None:
    """Give back what does not expire; then nothing may be reserved, for whoever asks and in every row."""
    for held in list(_held(world.stock)):
        if not held.HasField("expire_time"):
            crowd.settle(
                pb.ReleaseStockRequest(
                    request_id=world.stock.new_request_id(),
                    demand=held.demand,
                    source=pb.StockSource(stocked_item_id=held.stocked_item_id),
                )
            )
    _wait_for_the_sweep(world)
    left = list(_held(world.stock))
    assert not left, f"{len(left)} reservations are left: {left[:3]}"


def _held(stock: Stock) -> Iterator[pb.Reservation]:
    request = pb.ListReservationsRequest(page_size=1000)
    while True:
        page = stock.call("ListReservations", request)
        yield from (one for one in page.reservations if number(one.reserved))
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _wait_for_the_sweep(world: World) -> None:
    give_up = time.monotonic() + SWEPT_TIMEOUT_S
    while _left(world):
        assert time.monotonic() < give_up, "what has expired is still reserved"
        time.sleep(0.02)


def _left(world: World) -> bool:
    with psycopg.connect(world.database.owner_url) as connection:
        return bool(connection.execute(_LEFT).fetchall())


def _expire(stage: Stage, world: World) -> None:
    """Everybody sees it from that instant on, and not before; and the journal has it soon."""
    stock = world.stock
    position_id = stock.positions(location=f"Location {stock.new_request_id()}")[0]
    stock.add(position_id, RESERVED)
    request = pb.ReserveStockRequest(
        request_id=stock.new_request_id(),
        demand="a passing one",
        source=pb.StockSource(position_id=position_id),
        quantity=decimal(RESERVED),
    )
    request.expire_after.FromMilliseconds(SOON_MS)
    expiry = stock.call("ReserveStock", request).expire_time.ToDatetime(tzinfo=UTC)
    while True:
        begun = datetime.now(UTC)
        available = stock.available(position_id)
        ended = datetime.now(UTC)
        assert available or begun < expiry, f"an expiry is not seen: it was at {expiry}, and a read begun at {begun}"
        assert not available or ended >= expiry, f"an expiry is seen too early: at {ended}, and it is at {expiry}"
        if available:
            break
    _wait_for_the_sweep(world)
    stage.measure("from an expiry to its record, of 2 s", (datetime.now(UTC) - expiry).total_seconds())


_LEFT: Final = "SELECT FROM reservation WHERE reserved > 0 UNION ALL SELECT FROM position WHERE reserved > 0"
