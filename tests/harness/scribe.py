"""Writes journals by hand: of all kinds of movements, consistent, sealed, and as fast as a database takes them.

Whatever checks a journal can be tried on them, without a ledger, and on millions of movements. The scribe knows no rule
of stock: it writes down what it is told to, with the balances, amounts and hashes that come of it. It shares no code
with the ledger.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from tests.harness.books import ZERO, Books, Layer, Site, Units, amount_of, cents, follow_amount, hold, move
from tests.harness.copying import Tables
from tests.harness.journal import PLACES
from tests.harness.kinds import COSTING, USUAL_ORDERS

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
BETWEEN_BATCHES: Final = timedelta(milliseconds=20)
RECEIVED_THEN: Final = {"added", "received"}
"""Kinds that took effect when their stocked item was received."""

_encode: Callable[[object], str] = json.JSONEncoder(separators=(",", ":")).encode


class Moved(NamedTuple):
    """What came of a movement."""

    movement_id: int
    amount: Decimal | None


class Scribe:
    """Writes one tenant's journal. It is there once it is finished."""

    def __init__(self, connection: psycopg.Connection, tenant_id: int, *, begin: datetime) -> None:
        self.now = begin
        """The record time of what is written next."""
        self.movement_id = 0
        """The last one."""
        self.books = Books()
        self._tables = Tables(connection, tenant_id)
        self._tenant_id = tenant_id
        self._operation_id = 0
        self._operation: tuple[object, ...] = ()
        self._line = 0
        self._contents = sha256()
        self._sealed = b""
        self._sealed_at = begin

    # --- what stock is kept of ---

    def item(self, item_id: int, *, tracking: str = "none", scale: int = 0) -> int:
        """Register an item."""
        self._tables.add("item", item_id, 1, tracking, scale)
        return item_id

    def location(self, location_id: int) -> int:
        """Create a location."""
        self.operation("create_location")
        self._tables.add("location", location_id, f"Location {location_id}", True, self._operation_id, 1, self.now)
        return location_id

    def site(self, item_id: int, location_id: int) -> Site:
        """Open a position."""
        self.operation("open_position")
        self.books.sites.append(Site(len(self.books.sites) + 1, item_id, location_id, self._operation_id, self.now))
        return self.books.sites[-1]

    def layer(self, site: Site, **described: object) -> Layer:
        """A new stocked item, described by the fields of `Layer`. A movement has to bring its units."""
        described = {"receive_time": self.now} | described
        layer = Layer(stocked_item_id=len(self.books.layers) + 1, site=site, create_time=self.now, **described)  # type: ignore[arg-type]
        self.books.layers.append(layer)
        return layer

    # --- what happens to it ---

    def operation(self, kind: str, *, actor: str = "scribe", reason: str = "", draws: str | None = None) -> UUID:
        """Begin an operation, and return its request id: what moves from now on is part of it, in its usual order or another."""
        self._end_operation()
        draws = USUAL_ORDERS.get(kind, "") if draws is None else draws
        self._operation_id += 1
        self._line = 0
        request_id = UUID(int=self._tenant_id << 64 | self._operation_id, version=4)
        fingerprint = sha256(request_id.bytes).digest()
        self._operation = (self._operation_id, request_id, kind, fingerprint, actor, reason, self.now, draws)
        told = (str(request_id), kind, fingerprint.hex(), actor, reason, _microseconds(self.now))
        self._write_down(*told, *([draws] if draws else []))
        return request_id

    def move(
        self,
        kind: str,
        layer: Layer,
        quantity: Units,
        *,
        demand: str = "",
        order_line: str = "",
        amount: Decimal | None = None,
        reverses: int | None = None,
        effective_time: datetime | None = None,
    ) -> Moved:
        """Move units of a stocked item. An amount is needed only where it doesn't follow from what is known."""
        site = layer.site
        holding = self.books.holding(layer, demand) if demand else None
        amount = amount_of(kind, layer, quantity, holding) if amount is None else amount
        follow_amount(kind, layer, amount)
        move(layer.places, kind, quantity)
        if holding is not None:
            hold(holding, kind, quantity, amount)
        self.books.count(site, kind, quantity, order_line)
        self._record(
            (kind, layer.stocked_item_id, site.position_id, quantity, amount),
            effective_time or (layer.receive_time if kind in RECEIVED_THEN else self.now),
            (sum(layer.places.values()), *layer.places.values(), layer.value, *site.totals.values()),
            (demand, order_line, reverses, layer.unit_cost if kind in COSTING else None),
        )
        return Moved(self.movement_id, amount)

    def expect(self, kind: str, site: Site, order_line: str, quantity: Units) -> None:
        """Expect units of an order line, or no longer."""
        self.books.count(site, kind, quantity, order_line)
        without_stocked_item = (None,) * (1 + len(PLACES) + 1)
        self._record(
            (kind, None, site.position_id, quantity, None),
            self.now,
            (*without_stocked_item, *site.totals.values()),
            ("", order_line, None, None),
        )

    def transfer(self, layer: Layer, to: Site, quantity: Units) -> Layer:
        """Take units elsewhere, where they are a child, as old as its parent."""
        out = self.move("transferred_out", layer, quantity)
        inherited = {name: getattr(layer, name) for name in ("receive_time", "unit_cost", "lot", "expire_time")}
        child = self.layer(to, parent=layer, **inherited)
        self.move("transferred_in", child, quantity, amount=out.amount)
        return child

    def relocate(self, layer: Layer, to: Site) -> None:
        """Take a unit with a serial number elsewhere."""
        out = self.move("relocated_out", layer, 1)
        layer.site = to
        self.move("relocated_in", layer, 1, amount=out.amount)

    def revalue(self, layer: Layer, unit_cost: Decimal) -> None:
        """Let the units on hand cost something else."""
        layer.unit_cost = unit_cost
        self.move("revalued", layer, layer.on_hand, amount=cents(unit_cost * layer.on_hand) - (layer.value or ZERO))

    def expire(self, site: Site, demand: str, expire_time: datetime | None) -> None:
        """Let what a demand has reserved at a position expire."""
        for holding in self.books.holdings[site.position_id, demand].values():
            holding.expire_time = expire_time

    def close(self, site: Site) -> None:
        """Close a position, by the operation under way."""
        site.close_time = self.now

    def seal(self) -> None:
        """End the batch: what was recorded since the last one shares a record time and a hash."""
        numbers = (self._operation_id, self.movement_id, _microseconds(self.now))
        batch = self._contents.digest() + b"".join(number.to_bytes(8, "big") for number in numbers)
        self._sealed = sha256(self._sealed + batch).digest()
        self._end_operation(self._sealed)
        self._contents = sha256()
        self._sealed_at = self.now
        self.now += BETWEEN_BATCHES

    def finish(self) -> None:
        """Write the rest: stock as it is now, and where the journal ends."""
        if self._operation:
            self.seal()
        self.books.write(self._tables)
        self._tables.add("journal_head", self._operation_id, self.movement_id, self._sealed_at, self._sealed)
        self._tables.flush()

    # --- how it is recorded ---

    def _record(
        self,
        moved: tuple[str, int | None, int, Units, Decimal | None],
        effective_time: datetime,
        after: tuple[Units | None, ...],
        causes: tuple[str, str, int | None, Decimal | None],
    ) -> None:
        """One more line of the operation under way."""
        self.movement_id += 1
        self._line += 1
        kind, stocked_item_id, position_id, quantity, amount = moved
        self._tables.add(
            "movement",
            *(self.movement_id, self._operation_id, self._line, self.now, *moved, "", effective_time),
            *(*after, *causes),
        )
        demand, order_line, reverses, unit_cost = causes
        caused = bool(demand or order_line or reverses) or unit_cost is not None
        self._write_down(
            *(self._line, kind, stocked_item_id, position_id, _plain(quantity), _plain(amount), ""),
            *(_microseconds(effective_time), *map(_plain, after)),
            *((demand, order_line, reverses, _plain(unit_cost)) if caused else ()),
        )

    def _write_down(self, *fields: object) -> None:
        self._contents.update(f"{_encode(fields)}\n".encode())

    def _end_operation(self, chain_hash: bytes | None = None) -> None:
        if self._operation:
            self._tables.add("operation", *self._operation, self._line, self.movement_id, self.now, chain_hash)
        self._operation = ()


def _plain(number: Units | None) -> str | None:
    """Without an exponent and without trailing zeros."""
    if number is None or isinstance(number, int):
        return None if number is None else str(number)
    return f"{number.normalize():f}" if number else "0"


def _microseconds(time: datetime) -> int:
    since = time - EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
