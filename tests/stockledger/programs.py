"""Programs by chance: operations of all kinds over a few positions, alike for one seed, and what became of them."""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from storekeeper_stockledger.batch import Asked, Outcome, Recorded
from storekeeper_stockledger.domain.operations import AllOrNone, ItemAtLocation, Operation, StockOrder
from storekeeper_stockledger.domain.refusals import ChangeRefused
from tests.stockledger.tenant import Tenant, accepted, submission
from tests.stockledger.verbs import (
    adding,
    assembling,
    cancelling,
    closing,
    component,
    counting,
    delivering,
    expecting,
    picking,
    receiving,
    releasing,
    removing,
    reserving,
    returning,
    taking,
    transferring,
    unreceiving,
    updating,
)

OLDEST: Final = datetime(2020, 1, 1, tzinfo=UTC)
FRESH: Final = datetime(2099, 1, 1, tzinfo=UTC)


def programs(tenant: Tenant, seed: int) -> tuple[Sequence[Operation], Sequence[Asked]]:
    """Stock the tenant, and make operations of the rival, and what is asked beside it; alike for one seed."""
    chance = random.Random(seed)
    here, elsewhere = tenant.location(), tenant.location("Elsewhere")
    pairs = {tenant.position(tenant.item(one).item_id, here): ItemAtLocation(one, here) for one in range(1, 5)}
    positions = list(pairs)
    for position_id in positions:
        tenant.stock(position_id, [chance.randint(1, 5) for _ in range(chance.randint(0, 6))])
    accepted(tenant.ask(*(reserving(one, 1, allow_partial=True) for one in positions if sum(tenant.layers(one)))))
    layers = [one.stocked_item_id for position_id in positions for one in tenant.stocked_items(position_id)]

    def operation() -> Operation:
        where, quantity = chance.choice(positions), chance.randint(1, 4)
        order, expired = chance.choice(list(StockOrder)), chance.random() < 0.5
        kinds: list[Callable[[], Operation]] = [
            lambda: removing(where, quantity, order=order, include_expired=expired),
            lambda: removing(where, quantity, order=order, allow_partial=True),
            lambda: adding(where, quantity, receive_time=OLDEST + timedelta(days=chance.randint(0, 3000))),
            lambda: transferring(where, elsewhere, quantity),
            lambda: counting(where, quantity),
            lambda: reserving(where, quantity, order=order),
            lambda: releasing(where),
            lambda: picking(where),
            lambda: delivering(where),
            lambda: returning(where),
            lambda: closing(where),
            lambda: expecting(pairs[where], quantity),
            lambda: cancelling(where),
            lambda: receiving(pairs[where]),
            lambda: unreceiving(pairs[where]),
            lambda: removing(pairs[where], quantity, order=order),
            lambda: transferring(pairs[where], elsewhere, quantity),
            lambda: assembling(
                positions[0], 1, [component(where, quantity), component(positions[1], 1, include_expired=expired)]
            ),
        ]
        if layers:
            layer, days = chance.choice(layers), chance.randint(1, 30)
            kinds += [
                lambda: taking(layer, quantity),
                lambda: updating(layer, expire_time=FRESH + timedelta(days=days)),
                lambda: updating(layer, expire_time=OLDEST),
            ]
        return chance.choice(kinds)()

    def asked() -> Asked:
        if chance.random() < 0.3:
            return AllOrNone(tuple(submission(operation()) for _ in range(chance.randint(1, 3))))
        return submission(operation(), validate_only=chance.random() < 0.15)

    return [operation() for _ in range(chance.randint(1, 4))], [asked() for _ in range(chance.randint(1, 8))]


def told(outcomes: Iterable[Outcome]) -> Sequence[object]:
    """What became of them, without what differs from one tenant to the other."""
    return list(map(_told_of, outcomes))


def _told_of(outcome: Outcome) -> object:
    """The same of one, or of several together."""
    match outcome:
        case Recorded():
            return [(one.kind, one.quantity, one.stocked_item_after, one.position_after) for one in outcome.movements]
        case tuple():
            return told(outcome)
        case ChangeRefused(number=number, refusal=refusal):
            return (number, type(refusal))
        case _:
            return type(outcome)
