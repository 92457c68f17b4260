"""Many clients, one position: the case that oldest-first removal is made or broken by."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.account import Account, first_answers
from tests.harness.asking import Line
from tests.harness.databases import LedgerDatabase
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import LedgerProcess
from tests.harness.stock import OLDEST, RequestIds, Stock, adding, number, removing

CLIENTS = 64
LAYERS = (Decimal(700), Decimal("0.5"), Decimal(1200), Decimal("600.25"))


def test_64_clients_empty_four_layers_and_every_request_is_sent_twice_at_once(
    ledger_database: LedgerDatabase, ledger: LedgerProcess, stock: Stock, seed: int
) -> None:
    (position_id,) = stock.positions(scale=2)
    account = Account()
    setter = Line(ledger.address, stock.tenant_id)
    for year, quantity in enumerate(LAYERS, start=2019):
        received = OLDEST.replace(year=year)
        account.note(setter.settle(adding(stock.new_request_id(), position_id, quantity, received)))

    def empty(client: int) -> None:
        """Take a few units at a time, then the last ones bit by bit, until nothing is left."""
        chance = random.Random(seed * CLIENTS + client)
        new_request_id = RequestIds(seed * CLIENTS + client)
        line = Line(ledger.address, stock.tenant_id)
        for size in _sizes(chance):
            while _take_twice(line, account, removing(new_request_id(), size, position_id=position_id)):
                pass
        line.close()

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(empty, range(CLIENTS)))

    assert account.reasons().keys() == {"INSUFFICIENT_STOCK"}
    moved = [movement for answer in first_answers(account.accepted()) for movement in answer.movements]
    assert sum(number(movement.quantity) for movement in moved) == 2 * sum(LAYERS)
    assert stock.layers(position_id) == [0, 0, 0, 0]
    account.check(check_invariants(ledger_database.owner_url, stock.tenant_id))


def _sizes(chance: random.Random) -> Iterator[Decimal]:
    yield Decimal(chance.randrange(1, 500)) / 100
    yield Decimal("0.25")
    yield Decimal("0.01")


def _take_twice(line: Line, account: Account, request: pb.RemoveStockRequest) -> bool:
    """Send the same request twice at once; whether it was carried out."""
    twins = [account.note(asked.answer()) for asked in [line.ask(request), line.ask(request)]]
    accepted = [twin for twin in twins if twin.accepted]
    # Nothing is ever added here: what was refused once is refused again.
    assert len(accepted) in {0, 2}
    assert len(first_answers(twins)) == len(accepted) / 2
    return bool(accepted)
