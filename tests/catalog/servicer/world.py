"""A tenant with something of everything, and requests written as text that call its things by name."""

from string import Template
from typing import Any, Final

from google.protobuf import text_format
from google.protobuf.message_factory import GetMessageClass

from storekeeper.catalog.v1 import catalog_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2 as stockledger_pb
from tests.harness.items import Items
from tests.harness.stock import Stock, decimal

SERVICE: Final = pb.DESCRIPTOR.services_by_name["Catalog"]
METHODS: Final = [method.name for method in SERVICE.methods]

NAMES: Final[dict[str, Any]] = {
    # What nothing has.
    "NOWHERE": 99_999_999,
    "ID": '"0197c2f4-0a1b-7c3d-8e5f-001122334455"',
}
"""`$NAME` in the text of a request, the same in every world; what differs is an attribute: `$mouse`."""


class World:
    """A mouse that has been stocked, a cable by the metre, an archived keyboard, a service; and who else is there."""

    def __init__(self, items: Items, stock: Stock) -> None:
        self.items = items
        self.stock = stock
        self.used = ""
        self.fresh = ""
        """A request id, for tests that need another one for each request."""
        creation = items.creation(
            "Mouse",
            sku="M-1",
            description="It squeaks.",
            unit_cost=stockledger_pb.UnitCost(currency_code="USD", value=decimal("2.50")),
            extensions={"autotask": '{"vendorID": 7, "active": true}'},
        )
        self.mouse = items.call("CreateItem", creation).item_id
        self.used = f'"{creation.request_id}"'
        self.cable = items.create("Cable", sku="C-1", quantity_scale=3).item_id
        self.keyboard = items.create("Keyboard", sku="K-1", tracking=stockledger_pb.TRACKING_SERIAL).item_id
        self.service = items.create("Repair", type=pb.ITEM_TYPE_SERVICE).item_id
        self.unstocked = items.create("Hub", sku="H-1").item_id
        items.archive(self.keyboard)
        stock.add(stock.position(self.mouse, stock.location("Main")), 5)

    def do(self, method: str, text: str) -> Any:
        """Call a method, which must not refuse."""
        return self.items.call(method, self.request(method, text))

    def request(self, method: str, text: str) -> Any:
        """The request that the text says."""
        message = GetMessageClass(SERVICE.methods_by_name[method].input_type)()
        return text_format.Parse(self.told(text), message)

    def told(self, text: str) -> str:
        """The text, with the names of this world's things in it."""
        return Template(text).substitute(NAMES | vars(self))
