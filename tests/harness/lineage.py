"""Where stocked items come from: their parents, their serial numbers, and the receipts that were taken back."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from tests.harness.journal import Journal, Movement, StockedItem
from tests.harness.kinds import MAKING


def check_parents(journal: Journal) -> None:
    """What came by a transfer has a parent, as old as itself, elsewhere; a unit that relocates is the same as before."""
    children = {}
    for out, into in _legs(journal):
        name = f"movement {into.movement_id}"
        assert out.position_id != into.position_id, f"{name} comes from where it goes"
        if into.kind == "relocated_in":
            assert into.stocked_item_id == out.stocked_item_id, f"{name} is of another unit than the one that left"
        else:
            children[into.stocked_item_id] = out.stocked_item_id
    for item in journal.stocked_items.values():
        parent_id = item.parent_stocked_item_id
        name = f"stocked item {item.stocked_item_id}"
        assert parent_id == children.get(item.stocked_item_id), f"{name} has another parent than the journal says"
        if parent_id is not None:
            _check_child(name, item, journal.stocked_items[parent_id])


def _check_child(name: str, child: StockedItem, parent: StockedItem) -> None:
    assert (child.item_id, child.lot) == (parent.item_id, parent.lot), (
        f"{name} is of another item or lot than its parent"
    )
    assert child.location_id != parent.location_id, f"{name} is at the location of its parent"
    assert child.receive_time == parent.receive_time, f"{name} is not as old as its parent"


def _legs(journal: Journal) -> Iterator[tuple[Movement, Movement]]:
    """Each movement out of a location, with the one into another."""
    for one, other in pairwise(journal.movements):
        if one.kind in ("transferred_out", "relocated_out") and one.operation_id == other.operation_id:
            yield one, other


def check_serial_numbers(journal: Journal) -> None:
    """I7: a serial number is in stock once, and is that of one unit."""
    in_stock: Counter[tuple[int, str]] = Counter()
    for item in journal.stocked_items.values():
        if item.serial_number:
            in_stock[item.item_id, item.serial_number] += item.open
            assert item.places["received"] in (0, 1), (
                f"stocked item {item.stocked_item_id} has one number for many units"
            )
    twice = [serial_number for serial_number, count in in_stock.items() if count > 1]
    assert not twice, f"serial numbers are in stock more than once: {twice}"


def check_taken_back(journal: Journal) -> None:
    """I13: what is taken back names the receipt of the same stocked item, which was greater or as great."""
    receipts: dict[int | None, Movement] = {}
    taken_back: defaultdict[int | None, Decimal] = defaultdict(Decimal)
    order_lines: dict[int | None, str] = {}
    for movement in journal.movements:
        name = f"movement {movement.movement_id}"
        if movement.kind in MAKING:
            order_lines[movement.stocked_item_id] = movement.order_line
        if movement.kind == "received":
            receipts[movement.movement_id] = movement
        elif movement.kind == "unreceived":
            receipt = receipts.get(movement.reversed_movement_id)
            assert receipt is not None, f"{name} takes back what was never received"
            assert (receipt.stocked_item_id, receipt.order_line) == (movement.stocked_item_id, movement.order_line), (
                f"{name} takes another receipt back than that of its units"
            )
            taken_back[receipt.movement_id] += movement.quantity
            assert taken_back[receipt.movement_id] <= receipt.quantity, f"{name} takes back more than was received"
    for item in journal.stocked_items.values():
        assert item.order_line == order_lines.get(item.stocked_item_id), (
            f"stocked item {item.stocked_item_id} is of another order line than what brought it"
        )
