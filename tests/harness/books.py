"""Stock as the scribe keeps it: positions and stocked items, and what becomes of them as units move."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from tests.harness.copying import Tables
from tests.harness.journal import PLACES, TOTALS
from tests.harness.kinds import COMING, ENDS, LEAVING, MAKING

ZERO: Final = Decimal(0)
CENT: Final = Decimal("0.01")
HELD: Final = ("reserved", "picked", "delivered")

Units = int | Decimal
"""Decimals are written without trailing zeros."""


@dataclass(slots=True, eq=False)
class Site:
    """A position."""

    position_id: int
    item_id: int
    location_id: int
    operation_id: int
    create_time: datetime
    close_time: datetime | None = None
    next_expiry: datetime | None = None
    totals: dict[str, Units] = field(default_factory=lambda: dict.fromkeys(TOTALS, 0))


@dataclass(slots=True, eq=False, kw_only=True)
class Layer:
    """A stocked item."""

    stocked_item_id: int
    site: Site
    create_time: datetime
    receive_time: datetime
    unit_cost: Decimal | None = None
    parent: "Layer | None" = None
    order_line: str = ""
    lot: str = ""
    serial_number: str = ""
    expire_time: datetime | None = None
    value: Decimal | None = None
    places: dict[str, Units] = field(default_factory=lambda: dict.fromkeys(PLACES, 0))

    @property
    def on_hand(self) -> Units:
        """Units that are there."""
        return self.places["available"] + self.places["reserved"] + self.places["picked"]

    @property
    def available(self) -> Units:
        """Units that are free."""
        return self.places["available"]


@dataclass(slots=True, eq=False)
class Holding:
    """What a demand holds of a stocked item."""

    layer: Layer
    units: dict[str, Units] = field(default_factory=lambda: dict.fromkeys(HELD, 0))
    delivered_value: Decimal | None = ZERO
    expire_time: datetime | None = None


class Books:
    """All of it, of one tenant."""

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.layers: list[Layer] = []
        self.holdings: defaultdict[tuple[int, str], dict[int, Holding]] = defaultdict(dict)
        """By position and demand, and then by stocked item."""
        self.expected: defaultdict[tuple[int, str], dict[str, Units]] = defaultdict(_nothing_expected)
        """What is on order and was brought, by position and order line."""

    def holding(self, layer: Layer, demand: str) -> Holding:
        """What a demand holds of a stocked item."""
        return self.holdings[layer.site.position_id, demand].setdefault(layer.stocked_item_id, Holding(layer))

    def count(self, site: Site, kind: str, quantity: Units, order_line: str) -> None:
        """Let a position's totals follow, and what an order line brings there."""
        move(site.totals, kind, quantity)
        if order_line:
            expected = self.expected[site.position_id, order_line]
            move(expected, kind, quantity)
            expected["received"] += {"received": quantity, "unreceived": -quantity}.get(kind, 0)

    def write(self, tables: Tables) -> None:
        """Write everything as it is now."""
        tables.add("settings", False, "USD", 1)
        self._find_expiries()
        for site in self.sites:
            _write_site(tables, site)
        for layer in self.layers:
            _write_layer(tables, layer)
        for (position_id, demand), held in self.holdings.items():
            for holding in held.values():
                _write_holding(tables, position_id, demand, holding)
        for (position_id, order_line), expected in self.expected.items():
            tables.add("expectation", position_id, order_line, *expected.values())

    def _find_expiries(self) -> None:
        for (position_id, _), held in self.holdings.items():
            site = self.sites[position_id - 1]
            times = [
                holding.expire_time for holding in held.values() if holding.expire_time and holding.units["reserved"]
            ]
            site.next_expiry = min(filter(None, [site.next_expiry, *times]), default=None)


def _nothing_expected() -> dict[str, Units]:
    return {"on_order": 0, "received": 0}


def _write_holding(tables: Tables, position_id: int, demand: str, holding: Holding) -> None:
    reserved, picked, delivered = holding.units.values()
    tables.add(
        "reservation",
        *(position_id, demand, holding.layer.stocked_item_id, reserved, picked, delivered, holding.delivered_value),
        *(reserved + picked > 0, holding.expire_time if reserved else None),
    )


def _write_site(tables: Tables, site: Site) -> None:
    tables.add(
        "position",
        *(site.position_id, site.item_id, site.location_id, "", "", site.operation_id, 1, site.create_time),
        *(site.close_time, site.next_expiry, *site.totals.values()),
    )


def _write_layer(tables: Tables, layer: Layer) -> None:
    site, parent = layer.site, layer.parent
    tables.add(
        "stocked_item",
        *(layer.stocked_item_id, site.position_id, site.item_id, site.location_id, layer.receive_time),
        *(sum(layer.places.values()), *layer.places.values(), layer.on_hand > 0, layer.unit_cost, layer.value),
        *(layer.lot, layer.serial_number, layer.create_time, layer.expire_time),
        *(parent.stocked_item_id if parent else None, layer.order_line),
    )


def move(units: dict[str, Units], kind: str, quantity: Units) -> None:
    """Move units between those of the kind's two places that are counted here."""
    origin, target = ENDS[kind]
    if origin in units:
        units[origin] -= quantity
    if target in units:
        units[target] += quantity


def amount_of(kind: str, layer: Layer, quantity: Units, holding: Holding | None) -> Decimal | None:
    """What units are worth that come or leave: before they do, and unless it follows from something else."""
    if kind not in COMING | LEAVING or layer.unit_cost is None:
        return None
    if kind == "returned" and holding is not None and holding.delivered_value is not None:
        return share(holding.delivered_value, quantity, holding.units["delivered"])
    if kind in LEAVING:
        return share(layer.value, quantity, layer.on_hand)
    return cents(layer.unit_cost * quantity)


def follow_amount(kind: str, layer: Layer, amount: Decimal | None) -> None:
    """Let a stocked item be worth more, or less."""
    if layer.value is None and amount is not None and (kind in MAKING or kind == "revalued"):
        layer.value = ZERO
    if layer.value is not None and amount is not None:
        layer.value += -amount if kind in LEAVING else amount


def hold(holding: Holding, kind: str, quantity: Units, amount: Decimal | None) -> None:
    """Let a demand hold more, or less."""
    move(holding.units, kind, quantity)
    if kind in ("delivered", "returned"):
        known = holding.delivered_value is not None and amount is not None
        if not holding.units["delivered"]:
            holding.delivered_value = ZERO
        elif not known:
            holding.delivered_value = None
        else:
            holding.delivered_value += amount if kind == "delivered" else -amount  # type: ignore[operator]


def share(value: Decimal | None, quantity: Units, units: Units) -> Decimal | None:
    """What some units of all are worth; the last ones take what is left."""
    if value is None or quantity == units:
        return value
    return cents(value * quantity / units)


def cents(amount: Decimal) -> Decimal:
    """Rounded to the smallest unit."""
    return amount.quantize(CENT, ROUND_HALF_EVEN)
