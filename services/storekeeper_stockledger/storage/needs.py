"""What the operations of a batch need of the stock: which positions are locked, and what of them is loaded.

Known from the operations alone, before anything has been read. One function for each kind of operation.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from ..domain.costs import CostMethod, UnitCost
from ..domain.decisions.drawing import Source, named_ids
from ..domain.operations import (
    AddStock,
    AssembleStock,
    CancelExpectedStock,
    ClosePosition,
    CountStock,
    DeliverStock,
    DisassembleStock,
    ExpectStock,
    ExtendReservation,
    ItemAtLocation,
    Name,
    Operation,
    PickStock,
    PositionId,
    PositionName,
    ReceiveStock,
    ReleaseStock,
    RemoveStock,
    ReserveStock,
    ReturnStock,
    StockedItemId,
    StockedItemIds,
    Submission,
    TransferStock,
    UnpickStock,
    UnreceiveStock,
    UpdateStockedItem,
)
from ..domain.shelf import Line

ALL: Final = Decimal("Infinity")
"""Units that are asked for without saying how many."""

CHILDREN: Final = 8
"""Ids that a transfer gets for the stocked items that it makes. One that needs more is decided again, alone."""


@dataclass(slots=True)
class Needs:
    """What a batch needs."""

    names: dict[Name, None] = field(default_factory=dict)
    """The positions that are locked, by any of their names, in the order in which they were asked for."""
    beside: dict[tuple[Name, int], None] = field(default_factory=dict)
    """Positions of the item of a name at another location, which may have to be opened."""
    opens: dict[ItemAtLocation, None] = field(default_factory=dict)
    """The same, where the item is known."""
    asked: dict[Line, dict[Name, Decimal]] = field(default_factory=dict)
    """Units whose stocked items must be loaded: from the beginning of this line of a position, until they cover it."""
    whole: dict[PositionName, None] = field(default_factory=dict)
    """Positions of which all available units may be asked."""
    counted: list[CountStock] = field(default_factory=list)
    """Which compare with what was on hand at a time."""
    demands: dict[tuple[Name, str], None] = field(default_factory=dict)
    """Of which all must be loaded that they hold on hand."""
    held: dict[tuple[int, str], None] = field(default_factory=dict)
    """Stocked items that are named, and the demands that hold units of them."""
    returned: dict[tuple[Name, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """Units that demands give back of what they were delivered, newest first."""
    given_back: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """All units that demands give back, those of named stocked items too."""
    order_lines: dict[tuple[Name, str], None] = field(default_factory=dict)
    brought: dict[tuple[Name, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """Units that are taken back of what order lines have brought, newest first."""
    receipts: dict[int, None] = field(default_factory=dict)
    """Stocked items that are named, of which units are taken back."""
    serial_numbers: set[str] = field(default_factory=set)
    costed: dict[Name, bool] = field(default_factory=dict)
    """Positions whose stock must tell a cost, and whether it is the average of all of it."""
    revives: bool = False
    """Whether units that are gone may come back, and their serial numbers with them."""
    new_ids: int = 0

    def ask(self, asking: Source, quantity: Decimal) -> None:
        """These units are asked of a position, or of stocked items that are named and so loaded anyway."""
        if isinstance(asking.source, ItemAtLocation | PositionId):
            line = Line(asking.order, with_expired=asking.include_expired)
            self.asked.setdefault(line, defaultdict(Decimal))[asking.source] += quantity

    def cost(self, name: Name, method: CostMethod) -> None:
        """The stock of a position tells a cost."""
        self.costed[name] = self.costed.get(name, False) or method is CostMethod.AVERAGE

    def stocked_item_ids(self) -> list[int]:
        """All stocked items that are named."""
        ids: dict[int, None] = {}
        for name in self.names:
            if isinstance(name, StockedItemId):
                ids[name.stocked_item_id] = None
            elif isinstance(name, StockedItemIds):
                ids.update(dict.fromkeys(name.stocked_item_ids))
        return list(ids)


def needs_of(submissions: Iterable[Submission]) -> Needs:
    """What all of them need."""
    needs = Needs()
    for submission in submissions:
        new_ids = needs.new_ids
        _NEEDS[type(submission.operation)](submission.operation, needs)
        if submission.validate_only:
            # What a preview would make gets no id.
            needs.new_ids = new_ids
    return needs


def _add(operation: AddStock, needs: Needs) -> None:
    needs.names[operation.target] = None
    needs.new_ids += 1
    _enter(operation.serial_number, needs)
    _cost(operation.cost, operation.target, needs)


def _enter(serial_number: str, needs: Needs) -> None:
    if serial_number:
        needs.serial_numbers.add(serial_number)


def _cost(cost: UnitCost | CostMethod | None, name: Name, needs: Needs) -> None:
    if isinstance(cost, CostMethod):
        needs.cost(name, cost)


def _draw(operation: RemoveStock | ReserveStock | TransferStock | DisassembleStock, needs: Needs) -> None:
    needs.names[operation.source] = None
    needs.ask(operation, operation.quantity)


def _close(operation: ClosePosition, needs: Needs) -> None:
    needs.names[operation.source] = needs.whole[operation.source] = None


def _count(operation: CountStock, needs: Needs) -> None:
    needs.names[operation.target] = None
    needs.cost(operation.target, CostMethod.LAST_RECEIVED)
    needs.new_ids += 1
    if isinstance(operation.target, StockedItemId):
        needs.revives = True
    else:
        needs.whole[operation.target] = None
    if operation.count_time is not None:
        needs.counted.append(operation)


def _update(operation: UpdateStockedItem, needs: Needs) -> None:
    needs.names[operation.target] = None
    _enter(operation.serial_number or "", needs)


def _reserve(operation: ReserveStock, needs: Needs) -> None:
    _draw(operation, needs)
    # All that a demand has reserved gets the same expiry.
    needs.demands[operation.source, operation.demand] = None


def _pick(operation: PickStock, needs: Needs) -> None:
    _hold(operation, needs)
    if operation.quantity is not None and not operation.reserved_only:
        needs.ask(operation, operation.quantity)


def _hold(operation: ReleaseStock | ExtendReservation | PickStock | UnpickStock | DeliverStock, needs: Needs) -> None:
    needs.names[operation.source] = None
    named = named_ids(operation.source)
    if named:
        needs.held.update(((one, operation.demand), None) for one in named)
    else:
        needs.demands[operation.source, operation.demand] = None


def _unpick(operation: UnpickStock, needs: Needs) -> None:
    _hold(operation, needs)
    if operation.keep_reserved:
        needs.demands[operation.source, operation.demand] = None


def _return(operation: ReturnStock, needs: Needs) -> None:
    needs.names[operation.source] = None
    quantity = ALL if operation.quantity is None else operation.quantity
    needs.given_back[operation.demand] += quantity
    named = named_ids(operation.source)
    if named:
        needs.held.update(((one, operation.demand), None) for one in named)
    else:
        needs.returned[operation.source, operation.demand] += quantity
    needs.revives = True


def _transfer(operation: TransferStock, needs: Needs) -> None:
    _draw(operation, needs)
    needs.new_ids += CHILDREN
    if isinstance(operation.source, ItemAtLocation):
        target = ItemAtLocation(operation.source.item_id, operation.to_location_id)
        needs.names[target] = needs.opens[target] = None
    else:
        needs.beside[operation.source, operation.to_location_id] = None


def _assemble(operation: AssembleStock, needs: Needs) -> None:
    needs.names[operation.target] = None
    needs.new_ids += 1
    _enter(operation.serial_number, needs)
    for component in operation.components:
        needs.names[component.source] = None
        needs.ask(component, component.quantity)


def _disassemble(operation: DisassembleStock, needs: Needs) -> None:
    _draw(operation, needs)
    for part in operation.parts:
        needs.names[part.target] = None
        needs.new_ids += 1
        _enter(part.serial_number, needs)


def _expect(operation: ExpectStock | CancelExpectedStock, needs: Needs) -> None:
    needs.names[operation.target] = None
    needs.order_lines[operation.target, operation.order_line] = None
    if isinstance(operation, ExpectStock) and isinstance(operation.target, ItemAtLocation):
        needs.opens[operation.target] = None


def _receive(operation: ReceiveStock, needs: Needs) -> None:
    needs.names[operation.target] = None
    needs.order_lines[operation.target, operation.order_line] = None
    needs.new_ids += len(operation.serial_numbers) or 1
    needs.serial_numbers.update(operation.serial_numbers)
    _cost(operation.cost, operation.target, needs)


def _unreceive(operation: UnreceiveStock, needs: Needs) -> None:
    needs.names[operation.source] = None
    needs.order_lines[operation.source, operation.order_line] = None
    named = named_ids(operation.source)
    if named:
        needs.receipts.update(dict.fromkeys(named))
    else:
        needs.brought[operation.source, operation.order_line] += operation.quantity


_NEEDS: Final[dict[type[Operation], Callable[[Any, Needs], None]]] = {
    AddStock: _add,
    RemoveStock: _draw,
    ClosePosition: _close,
    CountStock: _count,
    UpdateStockedItem: _update,
    ReserveStock: _reserve,
    ReleaseStock: _hold,
    ExtendReservation: _hold,
    PickStock: _pick,
    UnpickStock: _unpick,
    DeliverStock: _hold,
    ReturnStock: _return,
    TransferStock: _transfer,
    AssembleStock: _assemble,
    DisassembleStock: _disassemble,
    ExpectStock: _expect,
    CancelExpectedStock: _expect,
    ReceiveStock: _receive,
    UnreceiveStock: _unreceive,
}
