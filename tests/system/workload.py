"""The few positions that all clients of a test share, and what the clients have learnt of them."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.asking import Answer
from tests.harness.stock import Stock

ITEMS: Final = 3
LOCATIONS: Final = ("Main", "Van")
SCALE: Final = 2
LATEST_LAYERS: Final = 20
"""Requests name one of the latest layers: older ones are mostly empty."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A position, under both of its names."""

    position_id: int
    item_id: int
    location_id: int
    tracking: pb.Tracking.ValueType

    @property
    def is_serial(self) -> bool:
        """Whether each unit has a number of its own."""
        return self.tracking == pb.TRACKING_SERIAL


class Workload:
    """Shelves that everybody asks for, and the layers that somebody has brought there."""

    def __init__(self, stock: Stock, *, items: int = ITEMS, tracked: bool = False) -> None:
        """So many items whose units are alike; and one of lots and one of serial numbers, if they are wanted."""
        self.location_ids = [stock.location(name) for name in LOCATIONS]
        trackings = [pb.TRACKING_NONE] * items + [pb.TRACKING_LOT, pb.TRACKING_SERIAL] * tracked
        self.shelves = [
            shelf
            for item_id, tracking in enumerate(trackings, start=1)
            for shelf in self._shelves(stock, item_id, tracking)
        ]
        self._layers: defaultdict[int, list[int]] = defaultdict(list)
        self._homes: dict[int, int] = {}
        self._locations: dict[int, int] = {}

    def note(self, answer: Answer) -> None:
        """Learn of the layers that an answer tells. A preview has none to name."""
        for movement in answer.movements:
            if movement.movement_id and movement.stocked_item_id:
                self._layers[movement.item_id].append(movement.stocked_item_id)
                self._homes[movement.stocked_item_id] = movement.position_id
                self._locations[movement.position_id] = movement.location_id

    def latest(self, shelf: Shelf) -> list[int]:
        """The layers of its item that were heard of last; some are elsewhere by now."""
        return self._layers[shelf.item_id][-LATEST_LAYERS:]

    def home(self, stocked_item_id: int) -> int:
        """The position where it was heard of last."""
        return self._homes[stocked_item_id]

    def location(self, stocked_item_id: int) -> int:
        """The location where it was heard of last."""
        return self._locations[self.home(stocked_item_id)]

    def _shelves(self, stock: Stock, item_id: int, tracking: pb.Tracking.ValueType) -> list[Shelf]:
        stock.item(item_id, scale=scale_of(tracking), tracking=tracking)
        return [
            Shelf(stock.position(item_id, location_id), item_id, location_id, tracking)
            for location_id in self.location_ids
        ]


def scale_of(tracking: pb.Tracking.ValueType) -> int:
    """How many decimals the quantities of its items have."""
    return 0 if tracking == pb.TRACKING_SERIAL else SCALE
