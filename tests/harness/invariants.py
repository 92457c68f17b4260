"""What must hold of a ledger's stored rows at every moment, whatever was done to it.

`check_invariants` reads them in one instant and fails with the first that doesn't hold. It knows the tables and the
meaning of each kind of movement, and shares no code with the ledger. The numbers in the comments are the invariants'
names (I1 to I15).
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf
from uuid import UUID

from tests.harness.chain import batches, check_chain
from tests.harness.journal import PLACES, TOTALS, Journal, Movement, StockedItem, read_journal

ZERO = Decimal(0)
ENDS = {"added": (None, "available"), "removed": ("available", "removed")}
"""From which place to which; None is the outside."""
ADDING = ("added",)
"""Kinds that make a stocked item."""
OPERATION_LINES = {
    "add_stock": ("added", 1, 1),
    "remove_stock": ("removed", 1, inf),
    "close_position": ("removed", 0, inf),
    "create_location": (None, 0, 0),
    "open_position": (None, 0, 0),
}
"""What movements an operation of each kind has, how many at the least and at the most."""


def check_invariants(url: str, tenant_id: int, oldest_first: Collection[str] = ()) -> Journal:
    """Fail unless everything that is stored of a tenant agrees; return it.

    Args:
        url: The ledger's database, as a role that may read all of it.
        tenant_id: Whose stock.
        oldest_first: Request ids of removals that named no stocked item: they must have drawn on the oldest.
    """
    journal = read_journal(url, tenant_id)
    check_journal(journal, oldest_first)
    return journal


def check_journal(journal: Journal, oldest_first: Collection[str] = ()) -> None:
    """The same, of a journal that was read before."""
    check_names(journal)
    check_numbers(journal)
    check_operations(journal)
    check_stocked_items(journal)
    check_positions(journal)
    check_closed(journal)
    check_fold(journal)
    check_amounts(journal)
    check_times(journal)
    check_order(journal, {UUID(request_id) for request_id in oldest_first})
    check_chain(journal)


def check_names(journal: Journal) -> None:
    """Whatever is named is there."""
    for operation in journal.operations:
        assert operation.kind in OPERATION_LINES, f"operation {operation.operation_id} is of no kind of ours"
    for movement in journal.movements:
        assert movement.kind in ENDS, f"movement {movement.movement_id} is of no kind of ours"
        assert movement.stocked_item_id in journal.stocked_items, (
            f"movement {movement.movement_id} is of no stocked item"
        )
        assert movement.position_id in journal.positions, f"movement {movement.movement_id} is at no position"


def check_numbers(journal: Journal) -> None:
    """Operations and movements are numbered from 1 to what the journal head says, without a gap, in the same order."""
    head = journal.head
    operation_ids = [operation.operation_id for operation in journal.operations]
    movement_ids = [movement.movement_id for movement in journal.movements]
    assert operation_ids == list(range(1, head.last_operation_id + 1)), "operation ids have a gap, or end elsewhere"
    assert movement_ids == list(range(1, head.last_movement_id + 1)), "movement ids have a gap, or end elsewhere"
    of_operations = [(movement.operation_id, movement.line) for movement in journal.movements]
    assert of_operations == sorted(of_operations), "movements are in another order than their operations"


def check_operations(journal: Journal) -> None:
    """I9: one operation for a request, with exactly the movements that it says it has."""
    repeated = [key for key, times in Counter(o.request_id for o in journal.operations).items() if times > 1]
    assert not repeated, f"recorded twice: {repeated}"
    movements = journal.movements_of()
    last_movement_id = 0
    for operation in journal.operations:
        lines = movements.get(operation.operation_id, [])
        name = f"operation {operation.operation_id}"
        last_movement_id += len(lines)
        assert operation.movement_count == len(lines), f"{name} has {len(lines)} movements, and says otherwise"
        assert operation.last_movement_id == last_movement_id, f"{name} names another last movement"
        assert [line.line for line in lines] == list(range(1, len(lines) + 1)), f"{name} has a gap in its lines"
        kind, fewest, most = OPERATION_LINES[operation.kind]
        assert {line.kind for line in lines} <= {kind}, f"{name} has movements of a foreign kind"
        assert fewest <= len(lines) <= most, f"{name} can't have {len(lines)} movements"


def check_stocked_items(journal: Journal) -> None:
    """I1, I2: the units of a stocked item are in its places, none of which owes any."""
    for item in journal.stocked_items.values():
        name = f"stocked item {item.stocked_item_id}"
        assert all(units >= ZERO for units in item.places.values()), f"{name} has less than nothing somewhere"
        assert sum(item.places[place] for place in PLACES) == item.places["received"], f"{name} has lost or won units"
        assert item.open == any(item.places[place] for place in ("available", "reserved", "picked")), (
            f"{name} is open and empty, or closed and on hand"
        )
        position = journal.positions[item.position_id]
        assert (item.item_id, item.location_id) == (position.item_id, position.location_id), (
            f"{name} is of another item or location than its position"
        )


def check_positions(journal: Journal) -> None:
    """I3: the totals of a position are the sums of its stocked items."""
    sums: Counter[tuple[int, str]] = Counter()
    for item in journal.stocked_items.values():
        for place in ("available", "reserved", "picked"):
            sums[item.position_id, place] += item.places[place]  # type: ignore[assignment]
    for position in journal.positions.values():
        for place in ("available", "reserved", "picked"):
            assert position.totals[place] == sums[position.position_id, place], (
                f"position {position.position_id} has other totals than its stocked items"
            )


def check_closed(journal: Journal) -> None:
    """Each closed position was closed by one operation, and has nothing since; an item has one open at a location."""
    closed = {one.position_id: one.close_time for one in journal.positions.values() if one.close_time}
    closings = [operation.record_time for operation in journal.operations if operation.kind == "close_position"]
    assert sorted(closed.values()) == closings, "positions were closed at other times than the journal says"
    for movement in journal.movements:
        closed_at = closed.get(movement.position_id)
        assert closed_at is None or movement.record_time <= closed_at, (
            f"movement {movement.movement_id} is at a position that was closed before"
        )
    for position_id in closed:
        assert not any(journal.positions[position_id].totals.values()), f"position {position_id} is closed, not empty"
    open_pairs = Counter((one.item_id, one.location_id) for one in journal.positions.values() if not one.close_time)
    assert all(count == 1 for count in open_pairs.values()), "an item has two open positions at a location"


def check_fold(journal: Journal) -> None:
    """I5, I6: from nothing, movement by movement, come the balances that stand on each, and those of today."""
    items: dict[int, dict[str, Decimal]] = {}
    positions = {position_id: dict.fromkeys(TOTALS, ZERO) for position_id in journal.positions}
    for movement in journal.movements:
        name = f"movement {movement.movement_id}"
        places, totals = _folded(movement, items, positions)
        assert movement.places_after == places, f"{name} says other places than the fold of the journal"
        assert movement.totals_after == totals, f"{name} says other totals than the fold of the journal"
        assert movement.position_id == journal.stocked_items[movement.stocked_item_id].position_id, (
            f"{name} is at another position than its stocked item"
        )
    assert items == {item.stocked_item_id: item.places for item in journal.stocked_items.values()}, (
        "stocked items are not as the journal has left them"
    )
    for position in journal.positions.values():
        assert positions[position.position_id] == position.totals, (
            f"position {position.position_id} is not as the journal has left it"
        )


def _folded(
    movement: Movement, items: dict[int, dict[str, Decimal]], positions: dict[int, dict[str, Decimal]]
) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Move the units, and return the places of the stocked item and the totals of the position."""
    origin, target = ENDS[movement.kind]
    if movement.kind in ADDING:
        assert movement.stocked_item_id not in items, f"movement {movement.movement_id} adds what is there already"
        items[movement.stocked_item_id] = dict.fromkeys(("received", *PLACES), ZERO)
    assert movement.stocked_item_id in items, f"movement {movement.movement_id} moves what was never added"
    places, totals = items[movement.stocked_item_id], positions[movement.position_id]
    for place, quantity in ((origin, -movement.quantity), (target, movement.quantity)):
        if place is not None:
            places[place] += quantity
            assert places[place] >= ZERO, f"movement {movement.movement_id} takes more from {place} than there is"
        if place in totals:
            totals[place] += quantity
    if origin is None:
        places["received"] += movement.quantity
    return places, totals


def check_amounts(journal: Journal) -> None:
    """I11: what a stocked item is worth is what came less what left, to the smallest unit, and nothing once it is empty."""
    worth: dict[int, Decimal | None] = {}
    for movement in journal.movements:
        item_id, name = movement.stocked_item_id, f"movement {movement.movement_id}"
        before = ZERO if movement.kind in ADDING else worth[item_id]
        sign = 1 if movement.kind in ADDING else -1
        known = before is not None and movement.amount is not None
        assert known or movement.amount is None, f"{name} has an amount, of units of unknown cost"
        after = before + sign * movement.amount if before is not None and movement.amount is not None else None
        assert movement.value_after == after, f"{name} says another value than its amounts give"
        assert after is None or after >= ZERO, f"{name} leaves a debt"
        worth[item_id] = after
    for item in journal.stocked_items.values():
        name = f"stocked item {item.stocked_item_id}"
        assert item.value == worth[item.stocked_item_id], f"{name} has another value than its amounts give"
        assert (item.value is None) == (item.unit_cost is None), f"{name} has a value without a cost, or the reverse"
        assert item.open or not item.value, f"{name} is empty and still worth something"


def check_times(journal: Journal) -> None:
    """Record time never runs backwards, is one for a batch, and nothing takes effect after it was recorded.

    The two times of a stocked item are those of the movement that added it.
    """
    times = [operation.record_time for operation in journal.operations]
    assert times == sorted(times), "record time runs backwards"
    assert not times or times[-1] <= journal.head.record_time, "the journal head is older than the journal"
    for batch in batches(journal.operations):
        assert len({operation.record_time for operation in batch}) == 1, (
            f"the batch up to operation {batch[-1].operation_id} has two record times"
        )
    recorded = {operation.operation_id: operation.record_time for operation in journal.operations}
    for movement in journal.movements:
        assert movement.record_time == recorded[movement.operation_id], (
            f"movement {movement.movement_id} was recorded at another time than its operation"
        )
        assert movement.effective_time <= movement.record_time, f"movement {movement.movement_id} is from the future"
        item = journal.stocked_items[movement.stocked_item_id]
        assert movement.kind not in ADDING or (item.receive_time, item.create_time) == (
            movement.effective_time,
            movement.record_time,
        ), f"stocked item {item.stocked_item_id} was received or made at another time than its movement says"
    for operation in journal.operations:
        assert operation.effective_time <= operation.record_time, (
            f"operation {operation.operation_id} is from the future"
        )


def check_order(journal: Journal, oldest_first: Collection[UUID]) -> None:
    """I10: at each oldest-first draw, closings among them, no older stocked item of the position had units available.

    Layers join the line in the order of the journal, so one that came later is no witness against a draw before it.
    """
    drawn = {
        operation.operation_id
        for operation in journal.operations
        if operation.kind == "close_position"
        or (operation.kind == "remove_stock" and operation.request_id in oldest_first)
    }
    line = _Line(journal.stocked_items)
    for movement in journal.movements:
        if movement.operation_id in drawn:
            older = line.oldest(movement.position_id)
            assert older.stocked_item_id == movement.stocked_item_id, (
                f"movement {movement.movement_id} drew on stocked item {movement.stocked_item_id}, "
                f"though the older {older.stocked_item_id} had units available"
            )
        line.move(movement)


@dataclass(slots=True)
class _Line:
    """What was available at each position as the journal goes by."""

    items: dict[int, StockedItem]
    available: dict[int, dict[int, Decimal]] = field(default_factory=dict)
    """By position and stocked item; only what is there."""

    def oldest(self, position_id: int) -> StockedItem:
        return min((self.items[item_id] for item_id in self.available.get(position_id, ())), key=lambda item: item.age)

    def move(self, movement: Movement) -> None:
        line = self.available.setdefault(movement.position_id, {})
        left = movement.places_after["available"]
        if left:
            line[movement.stocked_item_id] = left
        else:
            line.pop(movement.stocked_item_id, None)
