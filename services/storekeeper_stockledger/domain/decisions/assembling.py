"""Kits are made of components, and fall into parts again. What they cost goes with them, to the smallest unit."""

from collections.abc import Sequence
from decimal import Decimal

from ..costs import split, unit_cost_of
from ..draft import Draft
from ..operations import AssembleStock, Component, DisassembleStock, Part
from ..places import ZERO, Kind
from ..refusals import StockLimitExceeded
from ..shelf import Shelf
from ..stock import UNIT_COST_LIMIT, VALUE_LIMIT
from .adding import new_stocked_item
from .checks import check_enters, check_leaves, check_quantity, check_reason
from .drawing import take_available
from .entering import check_serial_number, check_tracking


def assemble(operation: AssembleStock, draft: Draft) -> None:
    """Make a kit that is worth what its components were."""
    check_reason(operation.reason, draft.settings)
    target = draft.stock.shelf(operation.target)
    check_enters(target)
    check_quantity(operation.quantity, target)
    check_tracking(operation, target)
    for number, component in enumerate(operation.components):
        _consume(component, f"components[{number}].", operation.reference, draft)
    _produce(operation, target, _cost_of(draft), operation.reference, draft)


def disassemble(operation: DisassembleStock, draft: Draft) -> None:
    """Divide what kits were worth among their parts."""
    check_reason(operation.reason, draft.settings)
    kits = Component(
        source=operation.source,
        quantity=operation.quantity,
        order=operation.order,
        include_expired=operation.include_expired,
    )
    _consume(kits, "", operation.reference, draft)
    values = _divided(_cost_of(draft), operation.parts, draft.settings.currency_code)
    for number, (part, value) in enumerate(zip(operation.parts, values, strict=True)):
        target = draft.stock.shelf(part.target)
        check_enters(target)
        check_quantity(part.quantity, target, f"parts[{number}].quantity")
        check_tracking(part, target)
        _produce(part, target, value, operation.reference, draft)


def _consume(component: Component, path: str, reference: str, draft: Draft) -> None:
    shelf = draft.stock.shelf(component.source, f"{path}source")
    check_quantity(component.quantity, shelf, f"{path}quantity")
    check_leaves(shelf, draft.settings)
    draws = take_available(draft, shelf, component, component.quantity)
    draft.draw(shelf, Kind.CONSUMED, draws, reference=reference)


def _cost_of(draft: Draft) -> Decimal | None:
    """What has been consumed was worth together; None if the cost of any of it is unknown."""
    amounts = [movement.amount for movement in draft.movements]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, ZERO) if len(known) == len(amounts) else None


def _divided(value: Decimal | None, parts: Sequence[Part], currency_code: str) -> list[Decimal | None]:
    if value is None:
        return [None] * len(parts)
    weights = [part.quantity if part.cost_share is None else part.cost_share for part in parts]
    return [*split(value, weights, currency_code)]


def _produce(made: AssembleStock | Part, target: Shelf, value: Decimal | None, reference: str, draft: Draft) -> None:
    # A unit that left for it may have had the number: what is taken apart can come back as one of its own parts.
    check_serial_number(made.serial_number, target, draft)
    unit_cost = None if value is None else unit_cost_of(value, made.quantity)
    if unit_cost is not None and unit_cost >= UNIT_COST_LIMIT:
        raise StockLimitExceeded(target.position_id, UNIT_COST_LIMIT)
    if value is not None and value >= VALUE_LIMIT:
        raise StockLimitExceeded(target.position_id, VALUE_LIMIT)
    new = new_stocked_item(
        target,
        draft.now,
        unit_cost,
        lot=made.lot,
        serial_number=made.serial_number,
        expire_time=made.expire_time,
    )
    draft.bring(target, Kind.PRODUCED, new, made.quantity, value, reference=reference)
