"""All that changes stock: how often clients ask for each verb, and with what."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.clients import Failure
from tests.harness.asking import Request
from tests.harness.stock import OLDEST, decimal, timestamp
from tests.system.draws import Draws, unit_cost
from tests.system.workload import Workload


def add(draw: Draws) -> Request:
    shelf = draw.shelf()
    return pb.AddStockRequest(
        quantity=decimal(draw.quantity(shelf)),
        reference="a lorry",
        **draw.target(shelf),
        **draw.back_dated(),
        **draw.cost(),
        **draw.lot(shelf),
        **draw.serial_number(shelf),
    )


def remove(draw: Draws) -> Request:
    shelf = draw.shelf()
    return pb.RemoveStockRequest(
        source=draw.source(shelf), quantity=decimal(draw.quantity(shelf)), allow_partial=draw.often(0.1)
    )


def reserve(draw: Draws) -> Request:
    shelf = draw.shelf()
    return pb.ReserveStockRequest(
        demand=draw.demand(),
        source=draw.source(shelf),
        quantity=decimal(draw.quantity(shelf)),
        allow_partial=draw.often(0.2),
        **draw.expiry(),
    )


def release(draw: Draws) -> Request:
    shelf = draw.shelf()
    return pb.ReleaseStockRequest(demand=draw.demand(), source=draw.source(shelf, ordered=False), **draw.some(shelf))


def extend(draw: Draws) -> Request:
    return pb.ExtendReservationRequest(demand=draw.demand(), **draw.target(draw.shelf()), **draw.expiry())


def pick(draw: Draws) -> Request:
    shelf = draw.shelf()
    return pb.PickStockRequest(
        demand=draw.demand(),
        source=draw.source(shelf),
        reserved_only=draw.often(0.3),
        allow_partial=draw.often(0.2),
        **draw.some(shelf),
    )


def unpick(draw: Draws) -> Request:
    shelf = draw.shelf()
    return pb.UnpickStockRequest(
        demand=draw.demand(),
        source=draw.source(shelf, ordered=False),
        keep_reserved=draw.often(0.5),
        **draw.some(shelf),
    )


def deliver(draw: Draws) -> Request:
    shelf = draw.shelf()
    return pb.DeliverStockRequest(demand=draw.demand(), source=draw.source(shelf, ordered=False), **draw.some(shelf))


def give_back(draw: Draws) -> Request:
    shelf = draw.shelf()
    return pb.ReturnStockRequest(demand=draw.demand(), source=draw.source(shelf, ordered=False), **draw.some(shelf))


def transfer(draw: Draws) -> Request:
    shelf = draw.shelf()
    source = draw.source(shelf)
    return pb.TransferStockRequest(
        source=source,
        to_location_id=draw.elsewhere(shelf, source),
        quantity=decimal(draw.quantity(shelf)),
        allow_partial=draw.often(0.2),
        reference="a van",
    )


def count(draw: Draws) -> Request:
    shelf = draw.shelf()
    if shelf.tracking != pb.TRACKING_NONE:
        counted = draw.chance.randrange(2)
        return pb.CountStockRequest(stocked_item_id=draw.layer(shelf), counted=decimal(counted))
    counted = draw.chance.randrange(30)
    return pb.CountStockRequest(counted=decimal(counted), **draw.target(shelf), **draw.a_moment_ago())


def assemble(draw: Draws) -> Request:
    kit, parts = draw.loose(), [draw.loose() for _ in range(draw.chance.randint(1, 3))]
    return pb.AssembleStockRequest(
        components=[pb.Component(source=draw.source(part), quantity=decimal(draw.quantity(part))) for part in parts],
        quantity=decimal(draw.quantity(kit)),
        **draw.target(kit),
    )


def disassemble(draw: Draws) -> Request:
    kit, parts = draw.loose(), [draw.loose() for _ in range(draw.chance.randint(1, 3))]
    shared = draw.often(0.5)
    return pb.DisassembleStockRequest(
        source=draw.source(kit),
        quantity=decimal(draw.quantity(kit)),
        parts=[
            pb.Part(
                quantity=decimal(draw.quantity(part)),
                cost_share=decimal(draw.chance.randrange(1, 10)) if shared else None,
                **draw.target(part),
            )
            for part in parts
        ],
    )


def expect(draw: Draws) -> Request:
    shelf = draw.shelf()
    return pb.ExpectStockRequest(
        order_line=draw.order_line(), quantity=decimal(draw.quantity(shelf)), **draw.target(shelf)
    )


def cancel_expected(draw: Draws) -> Request:
    shelf = draw.shelf()
    return pb.CancelExpectedStockRequest(order_line=draw.order_line(), **draw.target(shelf), **draw.some(shelf))


def receive(draw: Draws) -> Request:
    shelf = draw.shelf()
    numbers = draw.serial_number(shelf).values()
    return pb.ReceiveStockRequest(
        order_line=draw.order_line(),
        quantity=decimal(draw.quantity(shelf)),
        serial_numbers=numbers,
        reference="a receipt",
        invoice_number="an invoice",
        **draw.target(shelf),
        **draw.back_dated(),
        **draw.cost(),
        **draw.lot(shelf),
    )


def unreceive(draw: Draws) -> Request:
    shelf = draw.shelf()
    layers = draw.workload.latest(shelf)
    named = layers and draw.often(1 if shelf.is_serial else 0.3)
    source = {"stocked_item_id": draw.layer(shelf)} if named else draw.target(shelf)
    return pb.UnreceiveStockRequest(
        order_line=draw.order_line(),
        source=pb.StockSource(**source),
        quantity=decimal(draw.quantity(shelf)),
        lower_order=draw.often(0.3),
    )


def update_stocked_item(draw: Draws) -> Request:
    shelf = draw.shelf()
    told: dict[str, Any] = {"unit_cost": unit_cost("3.5")}
    if shelf.is_serial and draw.often(0.5):
        told = draw.serial_number(shelf)
    elif draw.often(0.3):
        # Not the other way: units that were passed over while they had expired would seem to have been forgotten.
        told = {"expire_time": timestamp(OLDEST)}
    return pb.UpdateStockedItemRequest(
        stocked_item=pb.StockedItem(stocked_item_id=draw.layer(shelf), **told), update_mask=FieldMask(paths=list(told))
    )


@dataclass(frozen=True, slots=True)
class Verb:
    """How one kind of request is drawn, and how often beside the others."""

    draw: Callable[[Draws], Request]
    weight: int


VERBS: Final = {
    "AddStock": Verb(add, 20),
    "RemoveStock": Verb(remove, 18),
    "ReserveStock": Verb(reserve, 10),
    "ReleaseStock": Verb(release, 4),
    "ExtendReservation": Verb(extend, 2),
    "PickStock": Verb(pick, 9),
    "UnpickStock": Verb(unpick, 3),
    "DeliverStock": Verb(deliver, 6),
    "ReturnStock": Verb(give_back, 3),
    "TransferStock": Verb(transfer, 7),
    "CountStock": Verb(count, 2),
    "AssembleStock": Verb(assemble, 2),
    "DisassembleStock": Verb(disassemble, 2),
    "ExpectStock": Verb(expect, 6),
    "CancelExpectedStock": Verb(cancel_expected, 2),
    "ReceiveStock": Verb(receive, 8),
    "UnreceiveStock": Verb(unreceive, 3),
    "UpdateStockedItem": Verb(update_stocked_item, 2),
}
BY_HAND: Final = ("AddStock", "RemoveStock")
REFUSALS: Final = {
    "COUNT_BELOW_COMMITTED",
    "DEMAND_EXCEEDED",
    "EXPECTATION_EXCEEDED",
    "INSUFFICIENT_STOCK",
    "RECEIPT_EXCEEDED",
    "SERIAL_NUMBER_IN_STOCK",
    "SERIAL_UNIT_REQUIRED",
    "STOCKED_ITEM_IN_USE",
    "STOCKED_ITEM_NOT_FOUND",
    "TRACKING_VIOLATED",
}
"""Why these requests may be refused, whatever happens to the ledger."""


def is_about_a_race(failure: Failure | None) -> bool:
    """A unit with a serial number may have gone already where somebody wants it to go."""
    if failure is None or not failure.violations:
        return False
    return all(violation.field == "to_location_id" for violation in failure.violations)


class Client(Draws):
    """One of those who ask."""

    def __init__(self, workload: Workload, seed: int, verbs: Iterable[str] = BY_HAND) -> None:
        super().__init__(workload, seed)
        self._verbs = [VERBS[verb] for verb in verbs]
        self._weights = [verb.weight for verb in self._verbs]

    def request(self, request_id: str = "") -> Request:
        """Ask for something somewhere. More is asked for than comes, so that stock runs out again and again."""
        (verb,) = self.chance.choices(self._verbs, self._weights)
        request = verb.draw(self)
        request.request_id = request_id or self.new_request_id()
        if "reason" in request.DESCRIPTOR.fields_by_name:
            request.reason = f"stock goes by {request.DESCRIPTOR.name}"
        return request
