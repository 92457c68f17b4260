"""What goes elsewhere arrives there, and what is made of something is worth what it was made of."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

from ..domain.places import Kind
from .findings import Finding, differences, missing, wrong
from .recorded import Movement, Operation

_MAKING: Final = {"assemble_stock", "disassemble_stock"}
_ARRIVALS: Final[dict[str, Kind]] = {
    Kind.TRANSFERRED_OUT: Kind.TRANSFERRED_IN,
    Kind.RELOCATED_OUT: Kind.RELOCATED_IN,
}
_LEGS: Final = 2


def conserved(operation: Operation, movements: Sequence[Movement]) -> Iterator[Finding]:
    """What an operation has lost or won on the way."""
    if operation.kind == "transfer_stock":
        for number in range(0, len(movements), _LEGS):
            yield from _arrives(*movements[number : number + _LEGS])
    elif operation.kind in _MAKING:
        yield from _is_worth(operation, movements)


def _arrives(out: Movement, into: Movement | None = None) -> Iterator[Finding]:
    if into is None:
        yield missing(("movement", out.movement_id + 1), f"movement {out.movement_id} takes units elsewhere")
        return
    columns = (
        ("kind", into.kind, _ARRIVALS.get(out.kind)),
        ("quantity", Decimal(into.quantity), Decimal(out.quantity)),
        ("amount", _sum([into.amount]), _sum([out.amount])),
    )
    yield from differences(
        ("movement", into.movement_id), columns, f"it brings what left by movement {out.movement_id}"
    )


def _is_worth(operation: Operation, movements: Sequence[Movement]) -> Iterator[Finding]:
    consumed = _sum(movement.amount for movement in movements if movement.kind == Kind.CONSUMED)
    produced = _sum(movement.amount for movement in movements if movement.kind == Kind.PRODUCED)
    if produced != consumed:
        because = "what is made of something is worth what it was made of"
        yield wrong(("operation", operation.operation_id), "what it produced", produced, consumed, because)


def _sum(amounts: Iterable[str | None]) -> Decimal | None:
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += Decimal(amount)
    return total
