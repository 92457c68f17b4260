"""The rules of stock: what each change does, and why not.

Where several things are the matter, the contract leaves open which is told: `Attempt.refuse` goes on if that is overlooked.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from tests.stockledger.oracle import money
from tests.stockledger.oracle import requests as ask
from tests.stockledger.oracle.attempt import Answer, Attempt, Draws, first_of, total, units_in
from tests.stockledger.oracle.refusals import (
    AMOUNT_LIMIT,
    UNITS_LIMIT,
    Refusal,
    bad_field,
    insufficient,
    too_much_demanded,
)
from tests.stockledger.oracle.requests import At, Source
from tests.stockledger.oracle.state import ZERO, Expectation, Layer, Position


def carry_out(attempt: Attempt, request: ask.Request) -> Answer:
    """Do what is asked, or raise the Refusal."""
    attempt.noted = {"reason": request.reason, "reference": getattr(request, "reference", "")}
    RULES[type(request)](attempt, request)
    return attempt.finished()


def misread_times(request: ask.Request, now: datetime) -> list[str]:
    """Fields with times that have not come yet."""
    names = ("receive_time", "count_time")
    return [name for name in names if (time := getattr(request, name, None)) and time > now]


# --- coming and going ---------------------------------------------------------------------------------------------


def add(attempt: Attempt, asked: ask.AddStock) -> None:
    attempt.check_invoice_number(asked.invoice_number)
    attempt.check_reason(asked)
    position = attempt.position(asked.where)
    attempt.check_quantity(position.item, asked.quantity)
    attempt.check_intake(position.location, position.item)
    attempt.check_tracking(position.item, asked.quantity, asked.lot, asked.serial_number)
    attempt.answer.unit_cost = unit_cost = attempt.cost(position, asked.cost)
    attempt.check_limit(position, asked.quantity)
    attempt.arrive(
        "added", position, asked.quantity, unit_cost, **_described(asked) | {"serial_number": asked.serial_number}
    )


def _described(asked: ask.AddStock | ask.ReceiveStock) -> dict[str, Any]:
    """What is kept of units that come in."""
    described = {name: getattr(asked, name) for name in ("lot", "expire_time", "invoice_number")}
    return described if asked.receive_time is None else described | {"receive_time": asked.receive_time}


def remove(attempt: Attempt, asked: ask.RemoveStock) -> None:
    attempt.check_reason(asked)
    _, draws = attempt.draw(asked.source, asked.quantity, partial=asked.allow_partial)
    attempt.move_all("removed", draws)


def close(attempt: Attempt, asked: ask.ClosePosition) -> None:
    position = attempt.position(asked.position)
    totals = attempt.state.totals(position.name)
    if totals.reserved or totals.picked or totals.on_order:
        attempt.refuse(Refusal("POSITION_IN_USE", positionId=position.name))
    if totals.available:
        attempt.check_reason(asked)
        attempt.check_outlet(position)
    attempt.move_all("removed", units_in("available", attempt.state.line(position.name)))
    attempt.state.positions[position.name] = replace(position, closed=True)


# --- demands ------------------------------------------------------------------------------------------------------


def reserve(attempt: Attempt, asked: ask.ReserveStock) -> None:
    position, draws = attempt.draw(asked.source, asked.quantity, partial=asked.allow_partial)
    attempt.move_all("reserved", draws, demand=asked.demand)
    attempt.expire(position, asked.demand, asked.expire_after)


def release(attempt: Attempt, asked: ask.ReleaseStock) -> None:
    _, draws = attempt.draw_held("reserved", asked, newest_first=True)
    attempt.move_all("released", draws, demand=asked.demand)


def extend(attempt: Attempt, asked: ask.ExtendReservation) -> None:
    position = attempt.position(asked.where)
    if not any(attempt.state.held(position.name, asked.demand, "reserved")):
        attempt.refuse(too_much_demanded(asked.demand, None, ZERO, position))
    attempt.expire(position, asked.demand, asked.expire_after)


def pick(attempt: Attempt, asked: ask.PickStock) -> None:
    """First what the demand has reserved, then what is available."""
    position, held = attempt.held("reserved", asked.source, asked.demand, newest_first=False)
    attempt.check_quantity(position.item, asked.quantity)
    reserved = total(held)
    free = _free_to_pick(attempt, asked, position, reserved)
    there = reserved + total(free)
    wanted = there if asked.quantity is None else asked.quantity
    if asked.allow_partial:
        wanted = min(wanted, there)
    if not wanted or wanted > there:
        attempt.refuse(_too_much_picked(asked, position, there))
    attempt.check_named(asked.source, position, whole=wanted == reserved)
    attempt.move_all("picked_reserved", first_of(held, wanted), demand=asked.demand)
    attempt.move_all("picked", first_of(free, max(wanted - reserved, ZERO)), demand=asked.demand)


def _free_to_pick(attempt: Attempt, asked: ask.PickStock, position: Position, reserved: Decimal) -> Draws:
    """What may be picked beside what the demand has reserved."""
    if asked.reserved_only or asked.quantity is None or asked.quantity <= reserved:
        return []
    attempt.check_outlet(position)
    attempt.check_named(asked.source, position)
    return attempt.usable(asked.source, attempt.line(asked.source)[1])


def _too_much_picked(asked: ask.PickStock, position: Position, there: Decimal) -> Refusal:
    if asked.reserved_only or asked.quantity is None:
        return too_much_demanded(asked.demand, asked.quantity, there, position)
    return insufficient(asked.source, position, asked.quantity, there)


def unpick(attempt: Attempt, asked: ask.UnpickStock) -> None:
    _, draws = attempt.draw_held("picked", asked, newest_first=True)
    attempt.move_all("unpicked_reserved" if asked.keep_reserved else "unpicked", draws, demand=asked.demand)


def deliver(attempt: Attempt, asked: ask.DeliverStock) -> None:
    _, draws = attempt.draw_held("picked", asked, newest_first=False)
    attempt.move_all("delivered", draws, demand=asked.demand)


def give_back(attempt: Attempt, asked: ask.ReturnStock) -> None:
    position, draws = attempt.draw_held("delivered", asked, newest_first=True)
    if position.closed:
        raise Refusal("POSITION_NOT_FOUND", positionId=position.name)
    attempt.check_active(position.location)
    attempt.check_limit(position, total(draws))
    for layer, units in draws:
        attempt.check_serial_number(layer.item, layer.serial_number)
        amount = _returned_amount(attempt, asked.demand, layer, units)
        attempt.move("returned", units, layer, demand=asked.demand, amount=amount)


def _returned_amount(attempt: Attempt, demand: str, layer: Layer, units: Decimal) -> Decimal | None:
    """The share of what the units that the demand has were worth when they left."""
    holding = attempt.state.holdings[layer.position, demand, layer.name]
    if holding.delivered_value is not None:
        return money.share(holding.delivered_value, units, holding.delivered)
    return None if layer.unit_cost is None else money.product(units, layer.unit_cost)


# --- places and counts --------------------------------------------------------------------------------------------


def transfer(attempt: Attempt, asked: ask.TransferStock) -> None:
    origin, _ = attempt.line(asked.source)
    if asked.to_location not in attempt.terms.active:
        raise Refusal("LOCATION_NOT_FOUND", locationId=asked.to_location)
    if origin.location == asked.to_location:
        attempt.refuse(bad_field("to_location_id"))
    attempt.check_quantity(origin.item, asked.quantity)
    attempt.check_intake(asked.to_location, origin.item)
    _, draws = attempt.draw(asked.source, asked.quantity, partial=asked.allow_partial, for_good=False)
    target = attempt.position(At(origin.item, asked.to_location), opening=True)
    attempt.check_limit(target, total(draws))
    for layer, units in draws:
        (_relocate if layer.serial_number else _send)(attempt, layer, units, target)


def _send(attempt: Attempt, layer: Layer, units: Decimal, target: Position) -> None:
    """Age and cost travel, with all that is known of the units."""
    out = attempt.move("transferred_out", units, layer)
    names = ("receive_time", "lot", "expire_time", "invoice_number")
    described = {name: getattr(layer, name) for name in names}
    child = attempt.new_layer(target, layer.unit_cost, parent=layer.name, **described)
    attempt.move("transferred_in", units, child, amount=out.amount)


def _relocate(attempt: Attempt, layer: Layer, units: Decimal, target: Position) -> None:
    """The unit stays what it is."""
    out = attempt.move("relocated_out", units, layer)
    there = replace(attempt.state.layers[layer.name], position=target.name)
    attempt.state.layers[layer.name] = there
    attempt.move("relocated_in", units, there, amount=out.amount)


def count(attempt: Attempt, asked: ask.CountStock) -> None:
    source = Source(named=(asked.stocked_item,)) if asked.stocked_item else Source(asked.where)
    position, line = attempt.line(source)
    attempt.check_quantity(position.item, asked.counted, "counted")
    if position.closed:
        raise Refusal("POSITION_NOT_FOUND", positionId=position.name)
    attempt.check_named(source, position)
    if attempt.terms.items[position.item].tracking == "serial" and asked.counted > 1:
        attempt.violates_tracking(position.item)
    attempt.noted["effective_time"] = asked.counted_at or attempt.now
    attempt.answer.difference = difference = asked.counted - _books(attempt, asked, position)
    if difference < 0:
        _count_out(attempt, asked, position, line)
    elif difference > 0:
        _count_in(attempt, asked, position, line)


def _books(attempt: Attempt, asked: ask.CountStock, position: Position) -> Decimal:
    """Units that were on hand when they were counted."""
    then = attempt.past(asked.counted_at) if asked.counted_at else attempt.state
    if not asked.stocked_item:
        return then.on_hand(position.name)
    return then.layers[asked.stocked_item].places.on_hand if asked.stocked_item in then.layers else ZERO


def _count_out(attempt: Attempt, asked: ask.CountStock, position: Position, line: Sequence[Layer]) -> None:
    assert attempt.answer.difference is not None
    available = units_in("available", line)
    if total(available) < -attempt.answer.difference:
        exceeded = Refusal(
            "COUNT_BELOW_COMMITTED",
            countedQuantity=asked.counted,
            committedQuantity=sum((one.places.reserved + one.places.picked for one in line), ZERO),
            positionId=position.name,
        )
        attempt.refuse(exceeded)
    attempt.move_all("counted_out", first_of(available, -attempt.answer.difference))


def _count_in(attempt: Attempt, asked: ask.CountStock, position: Position, line: Sequence[Layer]) -> None:
    assert attempt.answer.difference is not None
    described: dict[str, Any] = {}
    if asked.stocked_item:
        (like,) = line
        described = {"lot": like.lot, "serial_number": like.serial_number, "expire_time": like.expire_time}
    elif attempt.terms.items[position.item].tracking == "lot":
        attempt.violates_tracking(position.item)
    attempt.check_limit(position, attempt.answer.difference)
    unit_cost = attempt.last_received(position)
    attempt.arrive("counted_in", position, attempt.answer.difference, unit_cost, **described)


# --- kits ---------------------------------------------------------------------------------------------------------


def assemble(attempt: Attempt, asked: ask.AssembleStock) -> None:
    attempt.check_reason(asked)
    position = attempt.position(asked.where)
    attempt.check_quantity(position.item, asked.quantity)
    attempt.check_intake(position.location, position.item)
    attempt.check_tracking(position.item, asked.quantity, asked.lot, asked.serial_number)
    for number, component in enumerate(asked.components):
        with attempt.overlooking():
            _, draws = attempt.draw(component.source, component.quantity, path=f"components[{number}].")
            attempt.move_all("consumed", draws)
    _produce(attempt, position, asked, _consumed(attempt))


def disassemble(attempt: Attempt, asked: ask.DisassembleStock) -> None:
    attempt.check_reason(asked)
    for number, part in enumerate(asked.parts):
        with attempt.overlooking():
            position = attempt.position(part.where)
            attempt.check_quantity(position.item, part.quantity, f"parts[{number}].quantity")
            attempt.check_intake(position.location, position.item)
            attempt.check_tracking(position.item, part.quantity, part.lot, part.serial_number)
    with attempt.overlooking():
        _, draws = attempt.draw(asked.source, asked.quantity)
        attempt.move_all("consumed", draws)
    for part, amount in zip(asked.parts, _divided(attempt, asked), strict=True):
        _produce(attempt, attempt.position(part.where), part, amount)


def _divided(attempt: Attempt, asked: ask.DisassembleStock) -> Sequence[Decimal | None]:
    """What the parts are worth."""
    worth = _consumed(attempt)
    if worth is None:
        return [None] * len(asked.parts)
    return money.divided(worth, [part.quantity if part.cost_share is None else part.cost_share for part in asked.parts])


def _consumed(attempt: Attempt) -> Decimal | None:
    """What the units that left were worth, if that is known of all of them."""
    amounts = [movement.amount for movement in attempt.movements]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, ZERO) if len(known) == len(amounts) else None


def _produce(attempt: Attempt, position: Position, asked: ask.AssembleStock | ask.Part, amount: Decimal | None) -> None:
    attempt.check_limit(position, asked.quantity)
    unit_cost = None if amount is None else money.quotient(amount, asked.quantity)
    described = {name: getattr(asked, name) for name in ("lot", "serial_number", "expire_time")}
    attempt.arrive("produced", position, asked.quantity, unit_cost, amount=amount, **described)


# --- orders -------------------------------------------------------------------------------------------------------


def expect(attempt: Attempt, asked: ask.ExpectStock) -> None:
    position = attempt.position(asked.where, opening=True)
    attempt.check_quantity(position.item, asked.quantity)
    attempt.check_intake(position.location, position.item)
    attempt.check_on_order(position, asked.quantity)
    attempt.note_order("expected", position, asked.quantity, asked.order_line)


def cancel_expected(attempt: Attempt, asked: ask.CancelExpectedStock) -> None:
    position = attempt.position(asked.where)
    attempt.check_quantity(position.item, asked.quantity)
    on_order = _expectation(attempt, position, asked).on_order
    quantity = on_order if asked.quantity is None else asked.quantity
    attempt.note_order("expectation_cancelled", position, quantity, asked.order_line)


def receive(attempt: Attempt, asked: ask.ReceiveStock) -> None:
    attempt.check_invoice_number(asked.invoice_number)
    position = attempt.position(asked.where)
    attempt.check_quantity(position.item, asked.quantity)
    attempt.check_intake(position.location, position.item)
    numbers = asked.serial_numbers or ("",)
    each = Decimal(1) if asked.serial_numbers else asked.quantity
    for number in numbers:
        attempt.check_tracking(position.item, each, asked.lot, number)
    attempt.answer.unit_cost = unit_cost = attempt.cost(position, asked.cost)
    line = _expectation(attempt, position, asked)
    attempt.check_limit(position, asked.quantity)
    attempt.check_below(UNITS_LIMIT, line.received + asked.quantity, position)
    described = _described(asked) | {"order_line": asked.order_line, "received_at": position.name}
    for number in numbers:
        attempt.arrive("received", position, each, unit_cost, **described | {"serial_number": number})


def _expectation(
    attempt: Attempt, position: Position, asked: ask.CancelExpectedStock | ask.ReceiveStock
) -> Expectation:
    """What the order line has on order there, which has to be as much as is asked for, and something."""
    line = attempt.state.expectations.get((position.name, asked.order_line), Expectation())
    if not line.on_order or (asked.quantity or ZERO) > line.on_order:
        requested = {} if asked.quantity is None else {"requestedQuantity": asked.quantity}
        exceeded = Refusal(
            "EXPECTATION_EXCEEDED",
            orderLine=asked.order_line,
            onOrderQuantity=line.on_order,
            positionId=position.name,
            **requested,
        )
        attempt.refuse(exceeded)
    return line


def unreceive(attempt: Attempt, asked: ask.UnreceiveStock) -> None:
    attempt.check_reason(asked)
    position, line = attempt.line(asked.source)
    attempt.check_quantity(position.item, asked.quantity)
    attempt.check_named(asked.source, position)
    newest_first = sorted(line, key=lambda one: one.age, reverse=True)
    own = [one for one in newest_first if (one.order_line, one.received_at) == (asked.order_line, position.name)]
    reversible = units_in("available", own)
    if total(reversible) < asked.quantity:
        exceeded = Refusal(
            "RECEIPT_EXCEEDED",
            orderLine=asked.order_line,
            requestedQuantity=asked.quantity,
            reversibleQuantity=total(reversible),
            positionId=position.name,
        )
        attempt.refuse(exceeded)
    attempt.check_on_order(position, asked.quantity)
    for layer, units in first_of(reversible, asked.quantity):
        attempt.move("unreceived", units, layer, order_line=asked.order_line, reverses=layer.name)
    if asked.lower_order:
        attempt.note_order("expectation_cancelled", position, asked.quantity, asked.order_line)


# --- what is known of a stocked item ------------------------------------------------------------------------------


def update(attempt: Attempt, asked: ask.UpdateStockedItem) -> None:
    attempt.check_reason(asked)
    layer = attempt.layer(asked.stocked_item)
    if asked.unit_cost is not None:
        attempt.check_currency(asked.unit_cost)
    if "serial_number" in asked.mask:
        layer = _renumbered(attempt, layer, asked.serial_number)
    if "expire_time" in asked.mask:
        layer = replace(layer, expire_time=asked.expire_time)
    attempt.state.layers[layer.name] = layer
    if asked.unit_cost is not None:
        _revalue(attempt, layer, asked.unit_cost.value)


def _renumbered(attempt: Attempt, layer: Layer, serial_number: str) -> Layer:
    if attempt.terms.items[layer.item].tracking != "serial":
        attempt.violates_tracking(layer.item)
    if not layer.places.available:
        attempt.refuse(Refusal("STOCKED_ITEM_IN_USE", stockedItemId=layer.name))
    if serial_number != layer.serial_number:
        attempt.check_serial_number(layer.item, serial_number)
    return replace(layer, serial_number=serial_number)


def _revalue(attempt: Attempt, layer: Layer, unit_cost: Decimal) -> None:
    """Units on hand are worth what they would be if they came at this cost."""
    if unit_cost == layer.unit_cost:
        return
    on_hand = layer.places.on_hand
    value = money.product(on_hand, unit_cost)
    attempt.check_below(AMOUNT_LIMIT, value, attempt.state.positions[layer.position])
    attempt.state.layers[layer.name] = revalued = replace(layer, unit_cost=unit_cost, value=value)
    if on_hand:
        attempt.write("revalued", on_hand, layer.position, revalued, amount=value - (layer.value or ZERO))


RULES: Final[dict[type[ask.Request], Callable[[Attempt, Any], None]]] = {
    ask.AddStock: add,
    ask.RemoveStock: remove,
    ask.ClosePosition: close,
    ask.ReserveStock: reserve,
    ask.ReleaseStock: release,
    ask.ExtendReservation: extend,
    ask.PickStock: pick,
    ask.UnpickStock: unpick,
    ask.DeliverStock: deliver,
    ask.ReturnStock: give_back,
    ask.TransferStock: transfer,
    ask.CountStock: count,
    ask.AssembleStock: assemble,
    ask.DisassembleStock: disassemble,
    ask.ExpectStock: expect,
    ask.CancelExpectedStock: cancel_expected,
    ask.ReceiveStock: receive,
    ask.UnreceiveStock: unreceive,
    ask.UpdateStockedItem: update,
}
