"""A tenant with something of everything, and requests written as text that call its things by name."""

from string import Template
from typing import Any, Final

from google.protobuf import text_format
from google.protobuf.message_factory import GetMessageClass

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.stock import OLDEST, Stock, decimal, units_of

SERVICE: Final = pb.DESCRIPTOR.services_by_name["StockLedger"]
METHODS: Final = [method.name for method in SERVICE.methods]

NAMES: Final[dict[str, Any]] = {
    # Items.
    "WHOLE": 1,
    "FINE": 2,
    "SERIAL": 3,
    "LOT": 4,
    "UNPLACED": 5,
    "ARCHIVED": 6,
    "COSTED": 7,
    "GOODS": 8,
    "KIT": 9,
    # What nothing has.
    "NOWHERE": 99_999_999,
    "ID": '"0197c2f4-0a1b-7c3d-8e5f-001122334455"',
}
"""`$NAME` in the text of a request, the same in every world; what differs is an attribute: `$whole`."""

STREAMING: Final = {"ChangeStock", "WatchMovements"}
"""Methods whose requests or answers are streams: they have tests of their own."""

CHANGES: Final = {
    "AddStock": "position_id: $whole quantity { value: '1' }",
    "RemoveStock": "source { position_id: $whole } quantity { value: '1' }",
    "ClosePosition": "position_id: $whole",
    "CountStock": "position_id: $kit counted { value: '50' } reason: 'stocktake'",
    "UpdateStockedItem": "stocked_item { stocked_item_id: $oldest } update_mask { paths: 'expire_time' }",
    "ReserveStock": "demand: 'SO 7' source { position_id: $goods } quantity { value: '1' }",
    "ReleaseStock": "demand: 'SO 7' source { position_id: $goods } quantity { value: '1' }",
    "ExtendReservation": "demand: 'SO 7' position_id: $goods expire_after { seconds: 86400 }",
    "PickStock": "demand: 'SO 7' source { position_id: $goods } quantity { value: '1' }",
    "UnpickStock": "demand: 'SO 7' source { position_id: $goods } quantity { value: '1' } keep_reserved: true",
    "DeliverStock": "demand: 'SO 7' source { position_id: $goods } quantity { value: '1' }",
    "ReturnStock": "demand: 'SO 7' source { position_id: $goods } quantity { value: '1' }",
    "TransferStock": "source { position_id: $goods } to_location_id: $elsewhere quantity { value: '1' }",
    "AssembleStock": "components { source { position_id: $goods } quantity { value: '1' } }"
    " position_id: $kit quantity { value: '1' }",
    "DisassembleStock": "source { position_id: $kit } quantity { value: '1' }"
    " parts { position_id: $goods quantity { value: '1' } }",
    "ExpectStock": "order_line: 'PO 7-1' position_id: $goods quantity { value: '1' }",
    "CancelExpectedStock": "order_line: 'PO 7-1' position_id: $goods quantity { value: '1' }",
    "ReceiveStock": "order_line: 'PO 7-1' position_id: $goods quantity { value: '1' }",
    "UnreceiveStock": "order_line: 'PO 7-1' source { position_id: $goods } quantity { value: '1' }",
}
"""Good requests for each change of stock, but for their request ids."""

TAKES_REQUEST_ID: Final = {
    "CreateLocation": "location { name: 'New' }",
    "OpenPosition": "position { item_id: $UNPLACED location_id: $main }",
    **CHANGES,
}
"""The same, and what else takes one."""


class World:
    """Items counted in whole units, in thousandths, by serial number and by lot, and what is stocked of them."""

    def __init__(self, stock: Stock) -> None:
        self.stock = stock
        self.tenant_id = stock.tenant_id
        self.do("RegisterItem", "item { item_id: $WHOLE version: 5 tracking: TRACKING_NONE }")
        self.do("RegisterItem", "item { item_id: $FINE version: 1 tracking: TRACKING_NONE quantity_scale: 3 }")
        self.do("RegisterItem", "item { item_id: $SERIAL version: 1 tracking: TRACKING_SERIAL }")
        self.do("RegisterItem", "item { item_id: $LOT version: 1 tracking: TRACKING_LOT }")
        for name in ("UNPLACED", "ARCHIVED"):
            self.do("RegisterItem", f"item {{ item_id: ${name} version: 1 tracking: TRACKING_NONE }}")
        self.main, self.closed = stock.location("Main"), stock.location("Closed")
        self.whole, self.fine, self.serial, self.lot, self.archived = (
            stock.position(NAMES[name], self.main) for name in ("WHOLE", "FINE", "SERIAL", "LOT", "ARCHIVED")
        )
        self.whole_closed = stock.position(NAMES["WHOLE"], self.closed)
        self.oldest = stock.add(self.whole, 5, OLDEST, unit_cost="2.50", reference="PO 7").stocked_item_id
        self.newest = stock.add(self.whole, 10, unit_cost=3).stocked_item_id
        self.of_unknown_cost = stock.add(self.fine, "1.5").stocked_item_id
        self.serial_unit = stock.add(self.serial, 1, serial_number="A1", unit_cost=9).stocked_item_id
        stock.add(self.lot, 4, lot="L1", unit_cost=1)
        stock.add(self.whole_closed, 2)
        self.used = f'"{stock.add(self.fine, "0.5").request_id}"'
        self.promise()
        self.last_movement = stock.movements()[-1].movement_id
        self.fresh, self.new_location, self.new_position = "", 0, 0
        """A request id, a location and a position there, for tests that need other ones for each request."""
        self.do("RegisterItem", "item { item_id: $ARCHIVED version: 2 tracking: TRACKING_NONE archived: true }")
        self.do("UpdateLocation", "location { location_id: $closed } update_mask { paths: 'active' }")

    def promise(self) -> None:
        """Let three demands have a unit each of the lot, and three order lines bring one each."""
        for number in (1, 2, 3):
            self.do(
                "ReserveStock",
                f"request_id: '{self.stock.new_request_id()}' demand: 'SO {number}' source {{ position_id: $lot }}"
                f" quantity {{ value: '1' }} expire_after {{ seconds: 86400 }}",
            )
            self.do(
                "ExpectStock",
                f"request_id: '{self.stock.new_request_id()}' order_line: 'PO {number}' position_id: $lot"
                " quantity { value: '1' }",
            )

    def hold(self) -> None:
        """Have goods, too, of which a demand has 100 units in each place and an order line brings 200, and kits.

        So that each of `CHANGES` can be asked for.
        """
        stock = self.stock
        self.elsewhere = stock.location("Elsewhere")
        self.goods, self.kit = (stock.position(stock.item(NAMES[name]), self.main) for name in ("GOODS", "KIT"))
        stock.add(self.kit, 100, unit_cost=11)
        stock.add(self.goods, 1000, unit_cost=4)
        there: dict[str, Any] = {"demand": "SO 7", "source": pb.StockSource(position_id=self.goods)}
        stock.change("PickStock", 200, **there)
        stock.change("DeliverStock", 100, **there)
        stock.change("ReserveStock", 100, **there)
        brought: dict[str, Any] = {"order_line": "PO 7-1", "position_id": self.goods}
        stock.change("ExpectStock", 200, **brought)
        cost = pb.UnitCost(currency_code="USD", value=decimal(5))
        self.received = stock.change("ReceiveStock", 100, unit_cost=cost, **brought).stocked_item_ids[0]
        self.serial_held = stock.add(self.serial, 1, serial_number="A2").stocked_item_id
        stock.change("ReserveStock", 1, demand="SO 9", source=units_of(self.serial_held))
        self.last_movement = stock.movements()[-1].movement_id

    def do(self, method: str, text: str) -> Any:
        """Call a method, which must not refuse."""
        return self.stock.call(method, self.request(method, text))

    def request(self, method: str, text: str) -> Any:
        """The request that the text says."""
        message = GetMessageClass(SERVICE.methods_by_name[method].input_type)()
        return text_format.Parse(self.told(text), message)

    def told(self, text: str) -> str:
        """The text, with the names of this world's things in it."""
        return Template(text).substitute(NAMES | vars(self))
