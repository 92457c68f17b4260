"""What must hold of a ledger's stored rows at every moment, whatever was done to it.

`check_invariants` reads them in one instant and fails with the first that doesn't hold. It knows the tables and the
meaning of each kind of movement, and shares no code with the ledger. The numbers in the comments are the invariants'
names (I1 to I15).
"""

from collections import Counter

from tests.harness.balances import (
    check_closed,
    check_expectations,
    check_fold,
    check_positions,
    check_reservations,
    check_stocked_items,
)
from tests.harness.chain import batches, check_chain
from tests.harness.journal import Journal, Movement, StockedItem, read_journal
from tests.harness.kinds import (
    COSTING,
    ENDS,
    FOR_A_DEMAND,
    FOR_AN_ORDER_LINE,
    MAKING,
    OPERATIONS,
    WITHOUT_STOCKED_ITEM,
    can_be_made_of,
)
from tests.harness.lineage import check_parents, check_serial_numbers, check_taken_back
from tests.harness.order import check_order
from tests.harness.worth import check_amounts, check_conservation


def check_invariants(url: str, tenant_id: int) -> Journal:
    """Fail unless everything that is stored of a tenant agrees; return it.

    Args:
        url: The ledger's database, as a role that may read all of it.
        tenant_id: Whose stock.
    """
    journal = read_journal(url, tenant_id)
    check_journal(journal)
    return journal


def check_journal(journal: Journal) -> None:
    """The same, of a journal that was read before."""
    check_names(journal)
    check_numbers(journal)
    check_operations(journal)
    check_causes(journal)
    check_stocked_items(journal)
    check_positions(journal)
    check_closed(journal)
    check_fold(journal)
    check_reservations(journal)
    check_expectations(journal)
    check_amounts(journal)
    check_conservation(journal)
    check_times(journal)
    check_parents(journal)
    check_serial_numbers(journal)
    check_taken_back(journal)
    check_order(journal)
    check_chain(journal)


def check_names(journal: Journal) -> None:
    """Whatever is named is there."""
    for operation in journal.operations:
        assert operation.kind in OPERATIONS, f"operation {operation.operation_id} is of no kind of ours"
    for movement in journal.movements:
        name = f"movement {movement.movement_id}"
        assert movement.kind in ENDS, f"{name} is of no kind of ours"
        assert movement.position_id in journal.positions, f"{name} is at no position"
        if movement.kind in WITHOUT_STOCKED_ITEM:
            assert movement.stocked_item_id is None, f"{name} is of a stocked item, though nothing has come yet"
        else:
            assert movement.stocked_item_id in journal.stocked_items, f"{name} is of no stocked item"
    for reservation in journal.reservations:
        assert reservation.position_id in journal.positions, f"reservation {reservation.key} is at no position"
        assert reservation.stocked_item_id in journal.stocked_items, (
            f"reservation {reservation.key} is of no stocked item"
        )


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
        kinds = [line.kind for line in lines]
        assert can_be_made_of(operation.kind, kinds), f"{name}, {operation.kind}, can't be made of {kinds}"


def check_causes(journal: Journal) -> None:
    """A movement names what it is for, if its kind is for something, and nothing else."""
    for movement in journal.movements:
        name = f"movement {movement.movement_id}, {movement.kind},"
        assert bool(movement.demand) == (movement.kind in FOR_A_DEMAND), f"{name} is for demand {movement.demand!r}"
        assert bool(movement.order_line) == (movement.kind in FOR_AN_ORDER_LINE), (
            f"{name} is for order line {movement.order_line!r}"
        )
        assert (movement.reversed_movement_id is not None) == (movement.kind == "unreceived"), (
            f"{name} takes movement {movement.reversed_movement_id} back"
        )
        assert movement.unit_cost is None or movement.kind in COSTING, f"{name} gives a unit cost"


def check_times(journal: Journal) -> None:
    """Record time never runs backwards, is one for a batch, and nothing takes effect after it was recorded.

    The two times of a stocked item are those of the movement that made it.
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
        if movement.kind in MAKING and movement.stocked_item_id is not None:
            item = journal.stocked_items[movement.stocked_item_id]
            assert _made_by(item, movement), (
                f"stocked item {item.stocked_item_id} was received or made at another time than its movement says"
            )
    for operation in journal.operations:
        assert operation.effective_time <= operation.record_time, (
            f"operation {operation.operation_id} is from the future"
        )


def _made_by(item: StockedItem, movement: Movement) -> bool:
    """Whether the times of a stocked item are those of what made it. A child is as old as its parent: `check_parents`."""
    if item.create_time != movement.record_time:
        return False
    if movement.kind == "counted_in":
        # A surplus may have been counted before.
        return movement.effective_time <= item.receive_time <= movement.record_time
    return movement.kind == "transferred_in" or item.receive_time == movement.effective_time
