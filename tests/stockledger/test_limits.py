"""What can't be recorded is refused as such, wherever the numbers grow beyond it."""

from decimal import Decimal

import pytest

from storekeeper_stockledger.batch import Outcome
from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.refusals import StockLimitExceeded
from storekeeper_stockledger.domain.stock import QUANTITY_LIMIT, VALUE_LIMIT
from tests.stockledger.tenant import Tenant
from tests.stockledger.verbs import delivering, expecting, picking, receiving, removing, returning, updating

DEAREST = UnitCost("USD", Decimal(999_999_999_999))
MANY = 900_000


@pytest.fixture
def position(tenant: Tenant) -> int:
    (position,) = tenant.positions()
    return position


def told(refused: Outcome) -> tuple[int, Decimal]:
    assert isinstance(refused, StockLimitExceeded), repr(refused)
    return refused.position_id, refused.limit


def test_what_comes_back_may_be_worth_too_much_beside_what_is_there(tenant: Tenant, position: int) -> None:
    (stocked_item,) = tenant.stock(position, [2 * MANY])
    tenant.carry_out(picking(position, MANY))
    tenant.carry_out(updating(stocked_item, unit_cost=UnitCost("USD", DEAREST.value / 2)))
    tenant.carry_out(delivering(position))
    tenant.carry_out(updating(stocked_item, unit_cost=DEAREST))
    (refused,) = tenant.ask(returning(position))
    assert told(refused) == (position, VALUE_LIMIT)


def test_what_was_delivered_at_two_costs_may_be_worth_too_much(tenant: Tenant, position: int) -> None:
    (stocked_item,) = tenant.stock(position, [2 * MANY])
    tenant.carry_out(picking(position, 2 * MANY))
    tenant.carry_out(updating(stocked_item, unit_cost=UnitCost("USD", DEAREST.value / 2)))
    tenant.carry_out(delivering(position, MANY))
    tenant.carry_out(updating(stocked_item, unit_cost=DEAREST))
    (refused,) = tenant.ask(delivering(position))
    assert told(refused) == (position, VALUE_LIMIT)


def test_an_order_line_may_have_brought_too_much(tenant: Tenant, position: int) -> None:
    most = QUANTITY_LIMIT - 1
    tenant.ask(expecting(position, most), receiving(position, most), removing(position, most), expecting(position, 1))
    (refused,) = tenant.ask(receiving(position, 1))
    assert told(refused) == (position, QUANTITY_LIMIT)
