"""A short journal with every kind of movement in it, for whatever checks journals."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.harness.books import Layer
from tests.harness.kinds import NAMED_ONES, USUAL_ORDERS
from tests.harness.scribe import Scribe

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
EXPIRY = datetime(2099, 1, 1, tzinfo=UTC)
COST = Decimal("1.005")


class Story:
    """Units of items 1 (alike), 2 (a kit of it) and 3 (with serial numbers) come and go at locations 1 and 2."""

    def __init__(self, scribe: Scribe) -> None:
        self.scribe = scribe
        for item_id, tracking in ((1, "none"), (2, "none"), (3, "serial")):
            scribe.item(item_id, tracking=tracking)
        shop, van = scribe.location(1), scribe.location(2)
        self.shop, self.van = scribe.site(1, shop), scribe.site(1, van)
        self.kits = scribe.site(2, shop)
        self.unit_shop, self.unit_van = scribe.site(3, shop), scribe.site(3, van)
        scribe.seal()

    def tell(self) -> None:
        """Write all of it down."""
        old, new = self._additions()
        self._demands(old, new)
        self._order()
        self._elsewhere(old)
        self._by_hand(old, new)
        self.scribe.finish()

    def _begin(self, kind: str, *, usual: bool = False) -> None:
        self.scribe.operation(kind, draws=None if usual or kind not in USUAL_ORDERS else NAMED_ONES)

    def _additions(self) -> tuple[Layer, Layer]:
        """Movements 1 to 3."""
        move, layer = self.scribe.move, self.scribe.layer
        self._begin("add_stock")
        old = layer(self.shop, receive_time=BEGIN - timedelta(days=2), unit_cost=COST)
        move("added", old, 10)
        self._begin("add_stock")
        new = layer(self.shop, receive_time=BEGIN - timedelta(days=1), unit_cost=Decimal(2))
        move("added", new, 10)
        self._begin("add_stock")
        # Older than both, but not to be used any more.
        expired = layer(self.shop, receive_time=BEGIN - timedelta(days=3), expire_time=BEGIN)
        move("added", expired, 1)
        self.scribe.seal()
        return old, new

    def _demands(self, old: Layer, new: Layer) -> None:
        """Movements 4 to 18."""
        move = self.scribe.move
        self._begin("reserve_stock", usual=True)
        move("reserved", old, 6, demand="A")
        self._begin("reserve_stock", usual=True)
        move("reserved", old, 4, demand="B")
        move("reserved", new, 2, demand="B")
        self.scribe.expire(self.shop, "B", EXPIRY)
        self._begin("pick_stock", usual=True)
        move("picked_reserved", old, 6, demand="A")
        move("picked", new, 2, demand="A")
        self.scribe.seal()
        self._begin("unpick_stock", usual=True)
        move("unpicked", new, 1, demand="A")
        self._begin("unpick_stock", usual=True)
        move("unpicked_reserved", new, 1, demand="A")
        self._begin("deliver_stock", usual=True)
        move("delivered", old, 5, demand="A")
        for quantity in (2, 3):
            self._begin("return_stock", usual=True)
            move("returned", old, quantity, demand="A")
        self._begin("deliver_stock", usual=True)
        move("delivered", old, 1, demand="A")
        self._begin("release_stock", usual=True)
        move("released", new, 1, demand="B")
        self._begin("release_stock")
        move("released", old, 1, demand="B")
        self._begin("reserve_stock")
        move("reserved", new, 1, demand="C")
        self._begin("expire_reservations")
        move("released", new, 1, demand="C")
        self._begin("extend_reservation")
        self.scribe.seal()

    def _order(self) -> None:
        """Movements 19 to 25."""
        scribe = self.scribe
        self._begin("expect_stock")
        scribe.expect("expected", self.shop, "PO-1", 10)
        self._begin("cancel_expected_stock")
        scribe.expect("expectation_cancelled", self.shop, "PO-1", 1)
        brought = []
        for quantity in (4, 3):
            self._begin("receive_stock")
            layer = scribe.layer(self.shop, order_line="PO-1", unit_cost=Decimal(3))
            brought.append((layer, scribe.move("received", layer, quantity, order_line="PO-1").movement_id))
            scribe.seal()
        self._begin("unreceive_stock", usual=True)
        for (layer, receipt), quantity in zip(reversed(brought), (3, 1), strict=True):
            scribe.move("unreceived", layer, quantity, order_line="PO-1", reverses=receipt)
        scribe.expect("expectation_cancelled", self.shop, "PO-1", 2)
        scribe.seal()

    def _elsewhere(self, old: Layer) -> None:
        """Movements 26 to 31."""
        self._begin("transfer_stock", usual=True)
        self.scribe.transfer(old, self.van, 5)
        units = [self.scribe.layer(self.unit_shop, serial_number=name, unit_cost=Decimal(9)) for name in ("S1", "S2")]
        for unit in units:
            self._begin("add_stock")
            self.scribe.move("added", unit, 1)
        self._begin("transfer_stock")
        self.scribe.relocate(units[1], self.unit_van)
        self.scribe.seal()

    def _by_hand(self, old: Layer, new: Layer) -> None:
        """Movements 32 to 40."""
        scribe = self.scribe
        self._begin("count_stock", usual=True)
        scribe.move("counted_in", scribe.layer(self.van, unit_cost=Decimal(2)), 1, effective_time=BEGIN)
        self._begin("assemble_stock", usual=True)
        amounts = [scribe.move("consumed", layer, 1).amount for layer in (old, new)]
        worth = sum(filter(None, amounts), Decimal(0))
        kit = scribe.layer(self.kits, unit_cost=worth)
        scribe.move("produced", kit, 1, amount=worth)
        self._begin("disassemble_stock")
        scribe.move("consumed", kit, 1)
        part = scribe.layer(self.van, unit_cost=worth / 2)
        scribe.move("produced", part, 2, amount=worth)
        self._begin("update_stocked_item")
        scribe.revalue(part, Decimal("1.25"))
        scribe.seal()
        self._begin("count_stock")
        scribe.move("counted_out", new, 1)
        self._begin("remove_stock", usual=True)
        scribe.move("removed", new, 3)
        self._begin("close_position")
        scribe.close(self.kits)
        scribe.seal()
