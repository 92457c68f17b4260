"""A tenant that has plenty of everything, so that each call that changes something can be made and is accepted."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

from google.protobuf.field_mask_pb2 import FieldMask

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.asking import Answer, Request
from tests.harness.stock import Stock, adding, decimal

PLENTY: Final = 100_000
DEMAND: Final = "a demand"
ORDER_LINE: Final = "an order line"
SOON_MS: Final = 100


class Plenty:
    """Makes a new request for any call, which takes one unit of what there is."""

    def __init__(self, stock: Stock, settle: Callable[[Request], Answer]) -> None:
        """`settle` asks for a change of stock until it is answered."""
        self._stock = stock
        self._settle = settle
        self._here, self._there = stock.location("Main"), stock.location("Van")
        self._position = stock.position(stock.item(1), self._here)
        self._part = stock.position(stock.item(2), self._here)
        self._numbers = count(100)
        self._layer = self._add(self._position, PLENTY).stocked_item_id
        self._add(self._part, PLENTY)
        self._move_some()

    def request(self, call: str) -> Request:
        """Another one for this call."""
        request = REQUESTS[call](self)
        request.request_id = self._stock.new_request_id()
        return request

    def description(self, call: str) -> Any:
        """Another one for a call that needs no request id: asked for twice, it does the same."""
        return DESCRIPTIONS[call](self)

    def passing(self) -> Request:
        """A reservation that expires soon, for a demand that has nothing else."""
        request = pb.ReserveStockRequest(
            request_id=self._stock.new_request_id(),
            demand=f"demand {next(self._numbers)}",
            source=self.here(),
            quantity=decimal(1),
        )
        request.expire_after.FromMilliseconds(SOON_MS)
        return request

    def _move_some(self) -> None:
        """Something is in every place, for the demand and by the order line."""
        for call, units in (("ReserveStock", 9), ("PickStock", 6), ("DeliverStock", 3)):
            self._do(call, PLENTY // 10 * units)
        for call, units in (("ExpectStock", 6), ("ReceiveStock", 3)):
            self._do(call, PLENTY // 10 * units)

    def _do(self, call: str, units: int) -> None:
        request = self.request(call)
        request.quantity.CopyFrom(decimal(units))
        if call == "PickStock":
            request.reserved_only = True
        self._settle(request)

    def _add(self, position_id: int, quantity: int) -> pb.Movement:
        request = adding(self._stock.new_request_id(), position_id, quantity, unit_cost="0.3333333333")
        return self._settle(request).movements[0]

    # --- what each call is asked ---

    def here(self) -> pb.StockSource:
        return pb.StockSource(position_id=self._position)

    def addition(self) -> Request:
        return adding("", self._position, 1, unit_cost="3.5")

    def held(self, kind: Callable[..., Request], **fields: Any) -> Request:
        return kind(demand=DEMAND, source=self.here(), quantity=decimal(1), **fields)

    def ordered(self, kind: Callable[..., Request]) -> Request:
        return kind(order_line=ORDER_LINE, position_id=self._position, quantity=decimal(1))

    def extension(self) -> Request:
        return pb.ExtendReservationRequest(demand=DEMAND, position_id=self._position)

    def transfer(self) -> Request:
        return pb.TransferStockRequest(source=self.here(), to_location_id=self._there, quantity=decimal(1))

    def stocktake(self) -> Request:
        """Of a position of its own: elsewhere nobody knows how much there is."""
        position_id = self.new_position()
        self._add(position_id, 2)
        return pb.CountStockRequest(position_id=position_id, counted=decimal(1), reason="counted")

    def assembly(self) -> Request:
        component = pb.Component(source=pb.StockSource(position_id=self._part), quantity=decimal(1))
        return pb.AssembleStockRequest(components=[component], position_id=self._position, quantity=decimal(1))

    def disassembly(self) -> Request:
        part = pb.Part(position_id=self._part, quantity=decimal(1))
        return pb.DisassembleStockRequest(source=self.here(), quantity=decimal(1), parts=[part])

    def unreceiving(self) -> Request:
        return pb.UnreceiveStockRequest(
            order_line=ORDER_LINE, source=self.here(), quantity=decimal(1), lower_order=True
        )

    def revaluation(self) -> Request:
        cost = pb.UnitCost(currency_code="USD", value=decimal(next(self._numbers)))
        return pb.UpdateStockedItemRequest(
            stocked_item=pb.StockedItem(stocked_item_id=self._layer, unit_cost=cost),
            update_mask=FieldMask(paths=["unit_cost"]),
        )

    def closing(self) -> Request:
        position_id = self.new_position()
        self._add(position_id, 2)
        return pb.ClosePositionRequest(position_id=position_id)

    def opening(self) -> Request:
        return pb.OpenPositionRequest(position=pb.Position(item_id=self.new_item(), location_id=self._here))

    def creation(self) -> Request:
        return pb.CreateLocationRequest(location=pb.Location(name=f"Location {next(self._numbers)}"))

    def renaming(self) -> Any:
        location = pb.Location(location_id=self._there, name=f"Location {next(self._numbers)}")
        return pb.UpdateLocationRequest(location=location, update_mask=FieldMask(paths=["name"]))

    def refilling(self) -> Any:
        position = pb.Position(position_id=self._position, minimum=decimal(next(self._numbers)))
        return pb.UpdatePositionRequest(position=position, update_mask=FieldMask(paths=["minimum"]))

    def settings(self) -> Any:
        settings = pb.Settings(inactive_location_removal_allowed=next(self._numbers) % 2 == 0)
        return pb.UpdateSettingsRequest(
            settings=settings, update_mask=FieldMask(paths=["inactive_location_removal_allowed"])
        )

    def registration(self) -> Any:
        item = pb.Item(item_id=next(self._numbers), version=1, tracking=pb.TRACKING_NONE)
        return pb.RegisterItemRequest(item=item)

    def new_item(self) -> int:
        return self._stock.item(next(self._numbers))

    def new_position(self) -> int:
        return self._stock.position(self.new_item(), self._here)


REQUESTS: Final[Mapping[str, Callable[[Plenty], Request]]] = {
    "AddStock": Plenty.addition,
    "RemoveStock": lambda plenty: pb.RemoveStockRequest(source=plenty.here(), quantity=decimal(1)),
    "ReserveStock": lambda plenty: plenty.held(pb.ReserveStockRequest),
    "ReleaseStock": lambda plenty: plenty.held(pb.ReleaseStockRequest),
    "ExtendReservation": Plenty.extension,
    "PickStock": lambda plenty: plenty.held(pb.PickStockRequest),
    "UnpickStock": lambda plenty: plenty.held(pb.UnpickStockRequest),
    "DeliverStock": lambda plenty: plenty.held(pb.DeliverStockRequest),
    "ReturnStock": lambda plenty: plenty.held(pb.ReturnStockRequest),
    "TransferStock": Plenty.transfer,
    "CountStock": Plenty.stocktake,
    "AssembleStock": Plenty.assembly,
    "DisassembleStock": Plenty.disassembly,
    "ExpectStock": lambda plenty: plenty.ordered(pb.ExpectStockRequest),
    "CancelExpectedStock": lambda plenty: plenty.ordered(pb.CancelExpectedStockRequest),
    "ReceiveStock": lambda plenty: plenty.ordered(pb.ReceiveStockRequest),
    "UnreceiveStock": Plenty.unreceiving,
    "UpdateStockedItem": Plenty.revaluation,
    "ClosePosition": Plenty.closing,
    "OpenPosition": Plenty.opening,
    "CreateLocation": Plenty.creation,
}

DESCRIPTIONS: Final[Mapping[str, Callable[[Plenty], Any]]] = {
    "UpdateLocation": Plenty.renaming,
    "UpdatePosition": Plenty.refilling,
    "UpdateSettings": Plenty.settings,
    "RegisterItem": Plenty.registration,
    "UnregisterItem": lambda plenty: pb.UnregisterItemRequest(item_id=plenty.new_item()),
}
