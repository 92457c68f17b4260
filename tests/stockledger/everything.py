"""A tenant with plenty of everything, where each change of stock can be asked for again and again."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Final

from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.items import Tracking
from storekeeper_stockledger.domain.operations import OPERATION_KINDS, ItemAtLocation, Operation
from tests.stockledger.tenant import Tenant
from tests.stockledger.verbs import (
    adding,
    assembling,
    cancelling,
    closing,
    component,
    counting,
    delivering,
    disassembling,
    expecting,
    extending,
    part,
    picking,
    receiving,
    releasing,
    removing,
    reserving,
    returning,
    transferring,
    unpicking,
    unreceiving,
    updating,
)

OF_THE_LEDGER_ITSELF: Final = {"expire_reservations"}
"""What nobody asks for."""

VERBS: Final = sorted(set(OPERATION_KINDS.values()) - OF_THE_LEDGER_ITSELF)

LAYERS, UNITS = 5, 200
CLOSABLE: Final = 10
"""Positions that can be closed, each only once."""
DAY: Final = timedelta(days=1)


def usd(value: int | str) -> UnitCost:
    """What a unit cost."""
    return UnitCost("USD", Decimal(value))


class Everything:
    """Goods in layers, some of them held for a demand and some brought by an order line; kits; units with serial numbers."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self._numbers = count(1)
        main, self.elsewhere = tenant.location("Main"), tenant.location("Elsewhere")
        goods_id, kit_id, unit_id = (tenant.item(1).item_id, tenant.item(2).item_id, 3)
        tenant.item(unit_id, tracking=Tracking.SERIAL)
        self.goods, self.kits = tenant.position(goods_id, main), tenant.position(kit_id, main)
        self.units = tenant.position(unit_id, main)
        self.unopened = ItemAtLocation(kit_id, self.elsewhere)
        self.closable = [tenant.position(tenant.item(100 + number).item_id, main) for number in range(CLOSABLE)]
        tenant.bring(*(adding(self.goods, UNITS, cost=usd(number)) for number in range(1, LAYERS + 1)))
        (self.kit,) = tenant.bring(adding(self.kits, UNITS, cost=usd("7.77")))
        tenant.bring(*(adding(one, 1, cost=usd(1)) for one in self.closable))
        self._hold()
        self._order()

    def _hold(self) -> None:
        """Units of the goods in each place that is a demand's."""
        carry_out = self.tenant.carry_out
        carry_out(picking(self.goods, 2 * UNITS))
        carry_out(delivering(self.goods, UNITS))
        carry_out(reserving(self.goods, UNITS, expire_after=DAY))

    def _order(self) -> None:
        """Units of the goods that an order line has on order, and that it has brought."""
        self.tenant.carry_out(expecting(self.goods, 2 * UNITS))
        self.tenant.carry_out(receiving(self.goods, UNITS, cost=usd(2)))

    def ask(self, verb: str) -> Operation:
        """Something that can be carried out, by the name of its kind."""
        return self._asking()[verb]()

    def _asking(self) -> dict[str, Callable[[], Operation]]:
        goods, kits = self.goods, self.kits
        return {
            "add_stock": lambda: adding(goods, cost=usd(3)),
            "remove_stock": lambda: removing(goods),
            "close_position": lambda: closing(self.closable.pop()),
            "count_stock": lambda: counting(kits, 10 * UNITS + next(self._numbers)),
            "update_stocked_item": lambda: updating(self.kit, unit_cost=usd(next(self._numbers))),
            "reserve_stock": lambda: reserving(goods, expire_after=DAY),
            "release_stock": lambda: releasing(goods, 1),
            "extend_reservation": lambda: extending(goods, expire_after=2 * DAY),
            "pick_stock": lambda: picking(goods, 1),
            "unpick_stock": lambda: unpicking(goods, 1, keep_reserved=True),
            "deliver_stock": lambda: delivering(goods, 1),
            "return_stock": lambda: returning(goods, 1),
            "transfer_stock": lambda: transferring(goods, self.elsewhere, 1),
            "assemble_stock": lambda: assembling(kits, 1, [component(goods, 2)]),
            "disassemble_stock": lambda: disassembling(kits, 1, [part(goods, 3), part(kits, 1)]),
            "expect_stock": lambda: expecting(goods, 1),
            "cancel_expected_stock": lambda: cancelling(goods, 1),
            "receive_stock": lambda: receiving(goods, 1, cost=usd(3)),
            "unreceive_stock": lambda: unreceiving(goods, 1, lower_order=True),
        }
