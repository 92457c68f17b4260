"""What clients ask of a few positions that they share, drawn from a seed."""

import random
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from tests.harness.asking import Answer, Request
from tests.harness.stock import OLDEST, RequestIds, Stock, adding, removing

ITEMS = 3
LOCATIONS = ("Main", "Van")
SCALE = 2
AGE_DAYS_MAX = 2000
LATEST_LAYERS = 20
"""Removals name one of the latest layers: older ones are mostly empty."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A position, under both of its names."""

    position_id: int
    item_id: int
    location_id: int


class Workload:
    """Shelves that everybody asks for, and the layers that somebody has added there."""

    def __init__(self, stock: Stock) -> None:
        items = [stock.item(item_id, scale=SCALE) for item_id in range(1, ITEMS + 1)]
        self.location_ids = [stock.location(name) for name in LOCATIONS]
        self.shelves = [
            Shelf(stock.position(item_id, location_id), item_id, location_id)
            for item_id in items
            for location_id in self.location_ids
        ]
        self._layers: list[int] = []

    def note(self, answer: Answer) -> None:
        """Learn of the layers that an answer tells. A preview has none to name."""
        if not answer.request.validate_only:
            self._layers += [movement.stocked_item_id for movement in answer.movements]


class Client:
    """One of those who ask."""

    def __init__(self, workload: Workload, seed: int) -> None:
        self.chance = random.Random(seed)
        self.new_request_id = RequestIds(seed)
        self._workload = workload

    def request(self, request_id: str = "") -> Request:
        """Add or remove some units somewhere. More is asked for than comes, so that stock runs out again and again."""
        request_id = request_id or self.new_request_id()
        if self.chance.random() < 0.4:
            return self._addition(request_id)
        return self._removal(request_id)

    def _addition(self, request_id: str) -> Request:
        shelf = self.chance.choice(self._workload.shelves)
        # Every other one comes late, into the middle of the line.
        back_dated = OLDEST + timedelta(days=self.chance.randrange(AGE_DAYS_MAX))
        return adding(
            request_id,
            shelf.position_id,
            self._quantity(),
            back_dated if self.chance.random() < 0.5 else None,
            unit_cost=self.chance.choice([None, "0.3333333333", "7.05"]),
            reason="stock comes",
        )

    def _removal(self, request_id: str) -> Request:
        shelf = self.chance.choice(self._workload.shelves)
        quantity, reason = self._quantity(), "stock goes"
        layers = self._workload._layers[-LATEST_LAYERS:]
        kind = self.chance.choice(("position", "pair", "layer") if layers else ("position",))
        if kind == "layer":
            return removing(request_id, quantity, stocked_item_id=self.chance.choice(layers), reason=reason)
        if kind == "pair":
            pair = (shelf.item_id, shelf.location_id)
            return removing(request_id, quantity, item_at_location=pair, reason=reason)
        return removing(request_id, quantity, position_id=shelf.position_id, reason=reason)

    def _quantity(self) -> Decimal:
        return Decimal(self.chance.randrange(1, 1000)) / 100
