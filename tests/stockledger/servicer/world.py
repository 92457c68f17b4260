"""A tenant with something of everything, and requests written as text that call its things by name."""

from string import Template
from typing import Any, Final

from google.protobuf import text_format
from google.protobuf.message_factory import GetMessageClass

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.stock import OLDEST, Stock

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
    # What nothing has.
    "NOWHERE": 99_999_999,
    "ID": '"0197c2f4-0a1b-7c3d-8e5f-001122334455"',
}
"""`$NAME` in the text of a request, the same in every world; what differs is an attribute: `$whole`."""

TAKES_REQUEST_ID: Final = {
    "AddStock": "position_id: $whole quantity { value: '1' }",
    "RemoveStock": "source { position_id: $whole } quantity { value: '1' }",
    "CreateLocation": "location { name: 'New' }",
    "OpenPosition": "position { item_id: $UNPLACED location_id: $main }",
    "ClosePosition": "position_id: $whole",
}
"""Good requests, but for their request ids."""


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
