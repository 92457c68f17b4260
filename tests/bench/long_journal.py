"""Writes a journal of millions of movements of all kinds, with right hashes, for what is slow only then.

    python -m tests.bench.long_journal URL --movements 5000000      as the owner of a migrated database

The same seed writes the same journal, but for its times. A million movements take about a minute of processor time here,
and another of PostgreSQL's; the stock that they leave is kept in memory until the end.
"""

import argparse
import random
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import psycopg

from tests.harness.books import Layer, Site
from tests.harness.kinds import NAMED_ONES
from tests.harness.scribe import Scribe

SHOP: Final = 1
VAN: Final = 2
BATCH: Final = 20
"""Operations that share a seal."""
LAYERS_MIN: Final = 3
SPAN: Final = timedelta(days=30)
"""How long ago it begins."""
HOT_SHARE: Final = 0.2
"""How often the first item in a hundred is taken."""


@dataclass(slots=True, eq=False)
class Stocked:
    """An item with what lies of it at the shop, and what is on its way."""

    shop: Site
    van: Site
    layers: deque[Layer] = field(default_factory=deque)
    """Those with units available, oldest first."""
    reserved: deque[tuple[str, Layer, int]] = field(default_factory=deque)
    picked: deque[tuple[str, Layer, int]] = field(default_factory=deque)
    delivered: deque[tuple[str, Layer, int]] = field(default_factory=deque)


class LongJournal:
    """One tenant's."""

    def __init__(
        self, connection: psycopg.Connection, *, tenant_id: int = 1, movements: int, items: int = 10_000, seed: int = 0
    ) -> None:
        begin = datetime.now(UTC) - SPAN
        self._scribe = Scribe(connection, tenant_id, begin=begin)
        self._movements = movements
        self._chance = random.Random(seed)
        for location_id in (SHOP, VAN):
            self._scribe.location(location_id)
        self._stocked = [self._open(item_id) for item_id in range(1, items + 1)]
        self._kinds = list(WEIGHTS)
        self._weights = list(WEIGHTS.values())
        self._operations = 0

    def write(self) -> None:
        """Write all of it."""
        scribe = self._scribe
        while scribe.movement_id < self._movements:
            stocked = self._any()
            if len(stocked.layers) < LAYERS_MIN:
                self._receive(stocked)
            else:
                [kind] = self._chance.choices(self._kinds, self._weights)
                kind(self, stocked)
            self._operations += 1
            if not self._operations % BATCH:
                scribe.seal()
        scribe.finish()

    def _open(self, item_id: int) -> Stocked:
        self._scribe.item(item_id)
        self._scribe.seal()
        return Stocked(self._scribe.site(item_id, SHOP), self._scribe.site(item_id, VAN))

    def _any(self) -> Stocked:
        hot = self._chance.random() < HOT_SHARE
        return self._stocked[self._chance.randrange(max(1, len(self._stocked) // 100) if hot else len(self._stocked))]

    # --- what happens ---

    def _receive(self, stocked: Stocked) -> None:
        """Units come in: by hand or for an order, at a known cost or not."""
        scribe, quantity = self._scribe, self._chance.randint(20, 60)
        by_hand = self._chance.random() < 0.5
        order_line = "" if by_hand else f"PO-{self._operations}"
        known = self._chance.random() < 0.9
        unit_cost = Decimal(self._chance.randint(1, 100_000)) / 1000 if known else None
        if not by_hand:
            scribe.operation("expect_stock")
            scribe.expect("expected", stocked.shop, order_line, quantity)
        scribe.operation("add_stock" if by_hand else "receive_stock")
        layer = scribe.layer(stocked.shop, unit_cost=unit_cost, order_line=order_line)
        receipt = scribe.move("added" if by_hand else "received", layer, quantity, order_line=order_line).movement_id
        stocked.layers.append(layer)
        if not by_hand and self._chance.random() < 0.2:
            scribe.operation("unreceive_stock")
            scribe.move("unreceived", layer, 1, order_line=order_line, reverses=receipt)
            scribe.expect("expectation_cancelled", stocked.shop, order_line, 1)

    def _remove(self, stocked: Stocked) -> None:
        self._scribe.operation("remove_stock")
        for layer, quantity in self._draw(stocked, self._chance.randint(1, 12)):
            self._scribe.move("removed", layer, quantity)

    def _reserve(self, stocked: Stocked) -> None:
        demand = f"SO-{self._operations}"
        self._scribe.operation("reserve_stock")
        for layer, quantity in self._draw(stocked, self._chance.randint(1, 8)):
            self._scribe.move("reserved", layer, quantity, demand=demand)
            stocked.reserved.append((demand, layer, quantity))

    def _go_on(self, stocked: Stocked) -> None:
        """The oldest demands get what they wait for: their units are delivered, picked, or come back."""
        scribe = self._scribe
        if stocked.delivered and self._chance.random() < 0.2:
            demand, layer, quantity = stocked.delivered.popleft()
            scribe.operation("return_stock", draws=NAMED_ONES)
            scribe.move("returned", layer, quantity, demand=demand)
            self._put_back(stocked, layer)
        elif stocked.picked:
            demand, layer, quantity = stocked.picked.popleft()
            scribe.operation("deliver_stock", draws=NAMED_ONES)
            scribe.move("delivered", layer, quantity, demand=demand)
            stocked.delivered.append((demand, layer, quantity))
            if len(stocked.delivered) > LAYERS_MIN:
                stocked.delivered.popleft()
        elif stocked.reserved:
            demand, layer, quantity = stocked.reserved.popleft()
            released = self._chance.random() < 0.2
            scribe.operation("release_stock" if released else "pick_stock", draws=NAMED_ONES)
            scribe.move("released" if released else "picked_reserved", layer, quantity, demand=demand)
            if released:
                self._put_back(stocked, layer)
            else:
                stocked.picked.append((demand, layer, quantity))
        else:
            self._reserve(stocked)

    def _transfer(self, stocked: Stocked) -> None:
        self._scribe.operation("transfer_stock")
        for layer, quantity in self._draw(stocked, self._chance.randint(1, 6)):
            self._scribe.transfer(layer, stocked.van, quantity)

    def _count(self, stocked: Stocked) -> None:
        self._scribe.operation("count_stock", reason="stocktake")
        for layer, quantity in self._draw(stocked, 1):
            self._scribe.move("counted_out", layer, quantity)

    def _revalue(self, stocked: Stocked) -> None:
        self._scribe.operation("update_stocked_item")
        self._scribe.revalue(stocked.layers[0], Decimal(self._chance.randint(1, 100_000)) / 1000)

    # --- in what order ---

    def _draw(self, stocked: Stocked, quantity: int) -> Iterator[tuple[Layer, int]]:
        """The oldest units, as far as there are any."""
        while quantity and stocked.layers:
            layer = stocked.layers[0]
            taken = min(quantity, int(layer.available))
            quantity -= taken
            if taken == layer.available:
                stocked.layers.popleft()
            yield layer, taken

    def _put_back(self, stocked: Stocked, layer: Layer) -> None:
        if layer not in stocked.layers:
            insort(stocked.layers, layer, key=lambda one: one.stocked_item_id)


WEIGHTS: Final[dict[Callable[[LongJournal, Stocked], None], int]] = {
    LongJournal._receive: 5,
    LongJournal._remove: 30,
    LongJournal._reserve: 15,
    LongJournal._go_on: 36,
    LongJournal._transfer: 8,
    LongJournal._count: 4,
    LongJournal._revalue: 2,
}
"""How often each thing happens, in relation to the others."""


def main() -> None:
    """Write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.long_journal")
    parser.add_argument("url", help="a migrated database, as the role that owns it")
    parser.add_argument("--tenant", type=int, default=1, help="whose journal (1)")
    parser.add_argument("--movements", type=int, default=1_000_000, help="how many (1,000,000)")
    parser.add_argument("--items", type=int, default=10_000, help="of how many items (10,000)")
    parser.add_argument("--seed", type=int, default=0, help="what everything is drawn from (0)")
    given = parser.parse_args()
    with psycopg.connect(given.url) as connection:
        LongJournal(
            connection, tenant_id=given.tenant, movements=given.movements, items=given.items, seed=given.seed
        ).write()
    with psycopg.connect(given.url, autocommit=True) as connection:
        # Whoever reads now would else plan by what was there before.
        connection.execute("VACUUM (ANALYZE)")


if __name__ == "__main__":
    main()
