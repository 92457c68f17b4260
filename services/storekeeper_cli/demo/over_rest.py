"""The second half: the same mice over REST, as software that was written for Autotask has it."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import grpc

from storekeeper.stockledger.v1.stock_ledger_pb2_grpc import StockLedgerStub
from storekeeper_cli.demo.autotask import HEADERS, ROOT, Answer, post
from storekeeper_cli.demo.mice import QUANTITY, REASON, lay_deliveries
from storekeeper_cli.demo.pictures import Layer, Pictures, Titles
from storekeeper_cli.problem import Problem

STOCKED_ITEMS: Final = "InventoryStockedItems/query"
# The fields of a stocked item that are shown, of the thirty that each answer has.
TITLES: Final[Titles] = {"id": "right", "createDateTime": "left", "removedUnits": "right", "onHandUnits": "right"}


def play_over_rest(channel: grpc.Channel, gateway: str, name: str, pictures: Pictures) -> int:
    """Play it with a new product, whose id is told, at a new location, which gets this name."""
    pictures.say()
    pictures.say("The same mice over REST, as a client of Autotask's sees them:", "bold")
    pictures.say(f"http://{gateway}{ROOT}")
    pictures.say()
    client = Client(gateway, pictures)
    product_id, position_id = _create(client, name)
    lay_deliveries(StockLedgerStub(channel), position_id)
    pictures.say()
    pictures.say("Over gRPC come the four deliveries, because InventoryStockedItemsAdd takes no date. Now there are:")
    pictures.say()
    before = client.stocked_items(product_id)
    pictures.stock(TITLES, before)
    pictures.say(f"{QUANTITY} are removed from the product, oldest first; then more than there are:")
    pictures.say()
    _remove(client, position_id)
    pictures.say()
    after = client.stocked_items(product_id)
    taken = {was.stocked_item_id: was.left - now.left for was, now in zip(before, after, strict=True)}
    pictures.stock_after(TITLES, after, taken)
    in_turn = " / ".join(str(quantity) for quantity in taken.values() if quantity)
    pictures.say(f"Taken: {in_turn}. Left: {sum(layer.left for layer in after)}.", "bold green")
    return product_id


def point_to_gateway(product_id: int, gateway: str, pictures: Pictures) -> None:
    """Show the line that asks for what is left, for a gateway that stays."""
    headers = " ".join(f"-H '{name}: {value}'" for name, value in HEADERS.items())
    pictures.say("Ask for it yourself:")
    pictures.say_as_is(
        f"  curl http://{gateway}{ROOT}/{STOCKED_ITEMS} {headers} -d '{json.dumps(_all_of(product_id))}'", "cyan"
    )


class Client:
    """A client of Autotask's, which shows what it asks and what it is told."""

    def __init__(self, gateway: str, pictures: Pictures) -> None:
        self._gateway = gateway
        self._pictures = pictures

    def create(self, path: str, body: Mapping[str, Any]) -> int:
        """The id of what was created."""
        return int(self._done(self.ask(path, body))["itemId"])

    def ask(self, path: str, body: Mapping[str, Any]) -> Answer:
        """What is answered."""
        answer = self._post(path, body)
        self._pictures.answer(answer.status, answer.text, is_good=answer.is_good)
        return answer

    def stocked_items(self, product_id: int) -> list[Layer]:
        """What there is of a product, in the order in which it came."""
        items = self._done(self._post(STOCKED_ITEMS, _all_of(product_id)))["items"]
        return [_layer(item) for item in items]

    def _post(self, path: str, body: Mapping[str, Any]) -> Answer:
        text = json.dumps(body)
        self._pictures.request(path, text)
        return post(self._gateway, path, text)

    def _done(self, answer: Answer) -> Mapping[str, Any]:
        if not answer.is_good:
            raise Problem(f"The gateway at {self._gateway} ended the demo: {answer.text}")
        return answer.content


def _all_of(product_id: int) -> dict[str, Any]:
    return {"filter": [{"op": "eq", "field": "productID", "value": product_id}]}


def _create(client: Client, name: str) -> tuple[int, int]:
    """A product, a location, and the one at the other; the ids of the first and the last."""
    product_id = client.create(
        "Products", {"name": "HP Mouse", "isActive": True, "isSerialized": False, "productBillingCodeID": 1}
    )
    location_id = client.create("InventoryLocations", {"locationName": name, "isActive": True})
    position = {"quantityMinimum": 0, "quantityMaximum": 100}
    position_id = client.create(
        "InventoryProducts", {"productID": product_id, "inventoryLocationID": location_id, **position}
    )
    return product_id, position_id


def _remove(client: Client, position_id: int) -> None:
    """What is there, and one more than is left then."""
    for quantity in (QUANTITY, QUANTITY + 1):
        client.ask(
            "InventoryStockedItemsRemove",
            {"inventoryProductID": position_id, "quantityBeingRemoved": quantity, "reasonForUpdate": REASON},
        )


def _layer(item: Mapping[str, Any]) -> Layer:
    left, removed = Decimal(item["onHandUnits"]), Decimal(item["removedUnits"])
    # Of the time, the day will do.
    cells = (str(item["id"]), item["createDateTime"][:10], str(removed), str(left))
    return Layer(item["id"], cells, came=left + removed, left=left)
