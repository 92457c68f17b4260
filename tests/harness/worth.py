"""What units are worth: every amount that came is there, or has left."""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.harness.journal import Journal, Movement, StockedItem
from tests.harness.kinds import COMING, COSTING, LEAVING, MAKING, ON_HAND

ZERO = Decimal(0)


def check_amounts(journal: Journal) -> None:
    """I11: what a stocked item is worth is what came less what left, to the smallest unit, and nothing once it is empty."""
    fold = _Fold()
    for movement in journal.movements:
        if movement.stocked_item_id is None:
            assert movement.amount is None, (
                f"movement {movement.movement_id} has an amount, of units that have yet to come"
            )
            assert movement.value_after is None, f"movement {movement.movement_id} leaves a value without units"
        else:
            fold.follow(movement, movement.stocked_item_id)
    for item in journal.stocked_items.values():
        name = f"stocked item {item.stocked_item_id}"
        assert fold.agrees(item), f"{name} has another value than its amounts give"
        assert (item.value is None) == (item.unit_cost is None), f"{name} has a value without a cost, or the reverse"
    for item_id, unit_cost in fold.unit_costs.items():
        assert journal.stocked_items[item_id].unit_cost == unit_cost, (
            f"stocked item {item_id} has another unit cost than the journal says"
        )


@dataclass(slots=True)
class _Fold:
    """What stocked items are worth as the journal goes by."""

    worth: dict[int, Decimal | None] = field(default_factory=dict)
    on_hand: dict[int, Decimal] = field(default_factory=dict)
    unit_costs: dict[int, Decimal | None] = field(default_factory=dict)
    """As far as the journal tells: the first release didn't record it, and of nothing on hand it changes silently."""

    def follow(self, movement: Movement, item_id: int) -> None:
        """Let units come and go with their amounts, and fail unless the movement says what is left."""
        name = f"movement {movement.movement_id}"
        before = self._before(movement, item_id)
        after = before
        if movement.kind == "revalued":
            assert movement.quantity == self.on_hand[item_id], f"{name} revalues other units than those on hand"
            assert movement.amount is not None, f"{name} revalues without an amount"
            after = (before or ZERO) + movement.amount
        elif movement.kind in COMING | LEAVING:
            sign = 1 if movement.kind in COMING else -1
            assert (before is None) == (movement.amount is None), (
                f"{name} has an amount, of units of unknown cost, or none"
            )
            after = None if before is None or movement.amount is None else before + sign * movement.amount
            assert (movement.amount or ZERO) >= ZERO, f"{name} has an amount below zero"
        else:
            assert movement.amount is None, f"{name} has an amount, though all units stay on hand"
        assert movement.value_after == after, f"{name} says another value than its amounts give"
        assert after is None or after >= ZERO, f"{name} leaves a debt"
        self._note(movement, item_id, name)

    def _before(self, movement: Movement, item_id: int) -> Decimal | None:
        """Of nothing on hand, the cost may become known without a movement."""
        if movement.kind in MAKING:
            return None if movement.amount is None else ZERO
        if movement.amount is not None and not self.on_hand[item_id]:
            return self.worth[item_id] or ZERO
        return self.worth[item_id]

    def _note(self, movement: Movement, item_id: int, name: str) -> None:
        self.worth[item_id] = movement.value_after
        self.on_hand[item_id] = sum((movement.places_after[place] or ZERO for place in ON_HAND), ZERO)
        assert self.on_hand[item_id] or not movement.value_after, f"{name} leaves no units, and still worth something"
        if not self.on_hand[item_id]:
            self.unit_costs.pop(item_id, None)
        if movement.kind in COSTING:
            # Those of the first release have an amount only.
            assert (movement.unit_cost is None) == (movement.amount is None) or (
                movement.kind == "added" and movement.unit_cost is None
            ), f"{name} has a unit cost without an amount, or the reverse"
            if movement.unit_cost is not None or movement.amount is None:
                self.unit_costs[item_id] = movement.unit_cost

    def agrees(self, item: StockedItem) -> bool:
        """Whether a stocked item is worth what the journal has left of it."""
        worth = self.worth[item.stocked_item_id]
        return item.value == worth or (worth is None and not item.open and not item.value)


def check_conservation(journal: Journal) -> None:
    """What goes elsewhere arrives there, and what is made of something is worth what it was made of."""
    for operation_id, movements in journal.movements_of().items():
        kinds = {movement.kind for movement in movements}
        if kinds <= {"transferred_out", "transferred_in", "relocated_out", "relocated_in"}:
            for out, into in zip(movements[::2], movements[1::2], strict=True):
                assert (out.quantity, out.amount, out.reference) == (into.quantity, into.amount, into.reference), (
                    f"movement {into.movement_id} brings something else than what left by movement {out.movement_id}"
                )
        elif "consumed" in kinds:
            _check_made(f"operation {operation_id}", movements)


def _check_made(name: str, movements: list[Movement]) -> None:
    consumed = [movement.amount for movement in movements if movement.kind == "consumed"]
    produced = [movement.amount for movement in movements if movement.kind == "produced"]
    assert (None in consumed) == (None in produced) == all(amount is None for amount in produced), (
        f"{name} makes something of known cost out of something of unknown cost, or the reverse"
    )
    if None not in consumed:
        came, went = sum(filter(None, produced)), sum(filter(None, consumed))
        assert came == went, f"{name} made something worth {came} out of something worth {went}"
