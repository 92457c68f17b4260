"""Draws the parts of requests from a seed: which shelf, how many units, for whom."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.stock import OLDEST, RequestIds, decimal, timestamp
from tests.system.workload import Shelf, Workload

AGE_DAYS_MAX: Final = 2000
HOT_SHARE: Final = 0.2
"""How many requests are about the first item, however many others there are."""
NAMES: Final = 2
"""Demands and order lines are few, so that most requests meet one that has something."""
SERIAL_NUMBERS: Final = 60
EXPIRY_MAX_MS: Final = 2000
PROMPT: Final = timedelta(milliseconds=100)
UNIT_COSTS: Final = ("0.3333333333", "7.05", "12")
ORDERS: Final = (
    pb.STOCK_ORDER_UNSPECIFIED,
    pb.STOCK_ORDER_UNSPECIFIED,
    pb.STOCK_ORDER_NEWEST_FIRST,
    pb.STOCK_ORDER_FIRST_EXPIRED_FIRST,
)


class Draws:
    """What one client draws; the same for the same seed, as far as it has learnt the same."""

    def __init__(self, workload: Workload, seed: int) -> None:
        self.chance = random.Random(seed)
        self.new_request_id = RequestIds(seed)
        self.workload = workload

    def often(self, share: float) -> bool:
        """True as often as this."""
        return self.chance.random() < share

    # --- which units ---

    def shelf(self) -> Shelf:
        """Any."""
        hot = len(self.workload.location_ids)
        return self.chance.choice(self.workload.shelves[:hot] if self.often(HOT_SHARE) else self.workload.shelves)

    def loose(self) -> Shelf:
        """One whose units are alike."""
        return self.chance.choice([one for one in self.workload.shelves if one.tracking == pb.TRACKING_NONE])

    def elsewhere(self, shelf: Shelf, source: pb.StockSource) -> int:
        """Another location than that of the shelf, or of the layers that the source names."""
        named = [*source.stocked_items.stocked_item_ids, source.stocked_item_id][0]
        here = self.workload.location(named) if named else shelf.location_id
        return next(one for one in self.workload.location_ids if one != here)

    def target(self, shelf: Shelf) -> dict[str, Any]:
        """The shelf, under one of its names."""
        if self.often(0.5):
            return {"position_id": shelf.position_id}
        return {"item_at_location": pb.ItemAtLocation(item_id=shelf.item_id, location_id=shelf.location_id)}

    def source(self, shelf: Shelf, *, ordered: bool = True) -> pb.StockSource:
        """The shelf, or layers of its item; in any order, unless what a demand holds has an order of its own."""
        layers = self.workload.latest(shelf)
        if layers and self.often(1 if shelf.is_serial and ordered else 0.3):
            return self._layers(layers, shelf)
        source = pb.StockSource(**self.target(shelf))
        if ordered:
            source.order = self.chance.choice(ORDERS)
            source.include_expired = self.often(0.2)
        return source

    def layer(self, shelf: Shelf) -> int:
        """One of the latest layers of its item; one that there can't be when none is known."""
        return self.chance.choice(self.workload.latest(shelf) or [2**62])

    def quantity(self, shelf: Shelf) -> Decimal:
        """Some units."""
        return Decimal(1) if shelf.is_serial else Decimal(self.chance.randrange(1, 1000)) / 100

    def _layers(self, layers: list[int], shelf: Shelf) -> pb.StockSource:
        if shelf.is_serial or self.often(0.7):
            return pb.StockSource(stocked_item_id=self.chance.choice(layers))
        # Of one position: a layer whose units are not numbered stays where it is.
        here = [one for one in dict.fromkeys(layers) if self.workload.home(one) == self.workload.home(layers[-1])]
        named = self.chance.sample(here, k=min(len(here), self.chance.randint(1, 4)))
        return pb.StockSource(stocked_items=pb.StockedItems(stocked_item_ids=named))

    # --- what is said of them ---

    def demand(self) -> str:
        """Whom units are for."""
        return f"D{self.chance.randrange(NAMES)}"

    def order_line(self) -> str:
        """What brings units."""
        return f"L{self.chance.randrange(NAMES)}"

    def back_dated(self) -> dict[str, Any]:
        """Every other one comes late, into the middle of the line."""
        come = OLDEST + timedelta(days=self.chance.randrange(AGE_DAYS_MAX))
        return {"receive_time": timestamp(come)} if self.often(0.5) else {}

    def cost(self) -> dict[str, Any]:
        """A unit cost, or none."""
        return {"unit_cost": unit_cost(self.chance.choice(UNIT_COSTS))} if self.often(0.7) else {}

    def lot(self, shelf: Shelf) -> dict[str, Any]:
        """What is known of units that come in lots: some are expired when they come, and most never will be."""
        if shelf.tracking != pb.TRACKING_LOT:
            return {}
        expiry = {"expire_time": timestamp(self.chance.choice((OLDEST, FAR)))} if self.often(0.4) else {}
        return {"lot": f"lot {self.chance.randrange(NAMES)}", **expiry}

    def serial_number(self, shelf: Shelf) -> dict[str, Any]:
        """A serial number, if the shelf has such units."""
        return {"serial_number": f"S{self.chance.randrange(SERIAL_NUMBERS)}"} if shelf.is_serial else {}

    def expiry(self) -> dict[str, Any]:
        """After how long a reservation expires, if it does: soon."""
        if self.often(0.6):
            return {}
        duration = Duration()
        duration.FromMilliseconds(self.chance.randrange(1, EXPIRY_MAX_MS))
        return {"expire_after": duration}

    def some(self, shelf: Shelf) -> dict[str, Any]:
        """So many units, or all that there are."""
        return {"quantity": decimal(self.quantity(shelf))} if self.often(0.6) else {}

    def a_moment_ago(self) -> dict[str, Any]:
        """When stock was counted, if that is said."""
        return {"count_time": timestamp(datetime.now(UTC) - PROMPT)} if self.often(0.2) else {}


FAR: Final = datetime(2090, 1, 1, tzinfo=UTC)


def unit_cost(value: str) -> pb.UnitCost:
    """What a unit cost."""
    return pb.UnitCost(currency_code="USD", value=decimal(value))
