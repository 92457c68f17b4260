"""What is asked again is told as it was recorded, and no more of it at once than a batch may hold."""

from decimal import Decimal

from storekeeper_kit.coalescer import Postponed
from storekeeper_stockledger.batch import Recorded
from storekeeper_stockledger.domain.costs import UnitCost
from storekeeper_stockledger.domain.draws import DRAWS_MAX
from tests.stockledger.tenant import Tenant, accepted, deadline, submission
from tests.stockledger.verbs import adding, removing, updating


def test_a_cost_that_was_unknown_stays_so_in_the_answer_that_is_repeated(tenant: Tenant) -> None:
    (position,) = tenant.positions()
    asked = submission(adding(position, 3))
    (first,) = accepted(tenant.apply(asked))
    stocked_item = first.movements[0].stocked_item_id
    assert stocked_item is not None
    tenant.carry_out(updating(stocked_item, unit_cost=UnitCost("USD", Decimal(5))))
    (again,) = accepted(tenant.apply(asked))
    assert again.replayed
    assert again.movements == first.movements


def test_movements_of_repeats_fill_a_batch_as_new_ones_do(tenant: Tenant) -> None:
    (position,) = tenant.positions()
    tenant.stock(position, [1] * DRAWS_MAX)
    tenant.stock(position, [1] * DRAWS_MAX)
    asked = [submission(removing(position, DRAWS_MAX)) for _ in range(2)]
    accepted(tenant.apply(*asked))
    first, second = tenant.ledger.apply(tenant.tenant_id, asked, deadline())
    assert isinstance(first, Recorded)
    assert first.replayed
    assert isinstance(second, Postponed)
