"""Decides one operation against the stock that the operations before it have left.

`decide` returns the movements that carry the operation out, or raises the refusal; it changes nothing. Who applies the
movements (`Stock.apply`) and who writes them down is no concern of the rules.
"""

from collections.abc import Callable
from typing import Any, Final

from .decisions import adding, assembling, counting, demanding, receiving, removing, transferring, updating
from .draft import Draft
from .operations import (
    AddStock,
    AssembleStock,
    CancelExpectedStock,
    ClosePosition,
    CountStock,
    DeliverStock,
    DisassembleStock,
    ExpectStock,
    ExpireReservations,
    ExtendReservation,
    Operation,
    PickStock,
    ReceiveStock,
    ReleaseStock,
    RemoveStock,
    ReserveStock,
    ReturnStock,
    TransferStock,
    UnpickStock,
    UnreceiveStock,
    UpdateStockedItem,
)
from .state import Stock
from .stock import Movement

DECISIONS: Final[dict[type[Operation], Callable[[Any, Draft], None]]] = {
    AddStock: adding.add,
    RemoveStock: removing.remove,
    ClosePosition: removing.close,
    CountStock: counting.count,
    UpdateStockedItem: updating.update,
    ReserveStock: demanding.reserve,
    ReleaseStock: demanding.release,
    ExtendReservation: demanding.extend,
    PickStock: demanding.pick,
    UnpickStock: demanding.unpick,
    DeliverStock: demanding.deliver,
    ReturnStock: demanding.give_back,
    ExpireReservations: demanding.expire,
    TransferStock: transferring.transfer,
    AssembleStock: assembling.assemble,
    DisassembleStock: assembling.disassemble,
    ExpectStock: receiving.expect,
    CancelExpectedStock: receiving.cancel,
    ReceiveStock: receiving.receive,
    UnreceiveStock: receiving.unreceive,
}


def decide(operation: Operation, stock: Stock, *, new_id: Callable[[], int]) -> tuple[Movement, ...]:
    """The movements that carry `operation` out. `new_id` gives the id of each stocked item that it makes."""
    draft = Draft(stock, new_id)
    DECISIONS[type(operation)](operation, draft)
    return tuple(draft.movements)
