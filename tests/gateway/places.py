"""Takes units where Autotask's calls don't: reserved, picked, delivered, transferred or on order."""

from dataclasses import dataclass
from typing import Any, Final

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.stock import Stock, units_of

ELSEWHERE: Final = "Elsewhere"
"""Where units are transferred to."""

STEPS: Final = {"reserved": ("ReserveStock",), "picked": ("PickStock",), "delivered": ("PickStock", "DeliverStock")}
"""The calls that take units there for a demand."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Takes a tenant's units elsewhere."""

    stock: Stock

    def take(self, stocked_item_id: int, place: str, quantity: int) -> None:
        """Take available units of a stocked item to this place."""
        fields: dict[str, Any] = {"source": units_of(stocked_item_id), "quantity": quantity}
        match place:
            case "removed":
                self.stock.change("RemoveStock", **fields)
            case "transferred":
                self.stock.change("TransferStock", to_location_id=self._elsewhere(), **fields)
            case _:
                for step in STEPS[place]:
                    self.stock.change(step, demand=place, **fields)

    def order(self, position_id: int, quantity: int) -> None:
        """Expect units at a position."""
        self.stock.change("ExpectStock", quantity, order_line="PO 1-1", position_id=position_id)

    def _elsewhere(self) -> int:
        locations = self.stock.call("ListLocations", pb.ListLocationsRequest()).locations
        known = [location.location_id for location in locations if location.name == ELSEWHERE]
        return known[0] if known else self.stock.location(ELSEWHERE)
