"""R3: at every point of every call that changes something a ledger dies, breaks, loses its database, or stalls.

The client asks until it is answered. Whether the answer is a first one or a repeat tells on which side of the commit it
happened; and in the end the journal has each request once.
"""

import time
from itertools import cycle, islice, product
from typing import Final

from storekeeper_kit.failpoints import Point
from tests.harness.account import Account
from tests.harness.asking import UNKNOWN, Answer, Line, Request
from tests.harness.invariants import check_invariants
from tests.torture.failing import Plan
from tests.torture.plenty import REQUESTS, Plenty
from tests.torture.stage import PreparedLedger, Stage

ACTIONS: Final = ("crash", "defect", "loss", "stall")
CREATIONS: Final = ("OpenPosition", "CreateLocation")
OF_A_CREATION: Final = (Point.TRANSACTION_COMMITTING, Point.TRANSACTION_COMMITTED)
OF_A_BATCH: Final = (
    Point.BATCH_BEGUN,
    Point.BATCH_LOADED,
    Point.BATCH_DECIDED,
    Point.JOURNAL_WRITTEN,
    Point.STOCK_WRITTEN,
    Point.BATCH_COMMITTED,
)
AFTER_THE_COMMIT: Final = (Point.TRANSACTION_COMMITTED, Point.BATCH_COMMITTED)
TRIALS: Final = [
    (action, point, call)
    for call in REQUESTS
    for action, point in product(ACTIONS, OF_A_CREATION if call in CREATIONS else OF_A_BATCH)
]
PATIENCE_S: Final = 20.0
A_DEFECT: Final = "INTERNAL_ERROR"


def run(stage: Stage, trials: int) -> None:
    """Try so many, in any order; each once before one is tried again."""
    order = list(TRIALS)
    stage.chance().shuffle(order)
    plan = stage.folder / "plan.json"
    with stage.world(program=("tests.torture.failing", str(plan))) as world:
        account, (ledger,) = Account(), world.ledgers
        line = Line(ledger.address, world.stock.tenant_id)
        plenty = Plenty(world.stock, lambda request: account.note(line.settle(request)))
        for action, point, call in islice(cycle(order), trials):
            request = plenty.request(call)
            Plan(action, point).write(plan)
            answer = account.note(_persist(ledger, line, request))
            assert not plan.exists(), f"{call} never came to the point {point}"
            repeated = point in AFTER_THE_COMMIT and action != "stall"
            assert answer.replayed == repeated, f"{call}, {action} at the point {point}: replayed is {answer.replayed}"
            stage.count({"crash": "crashes"}.get(action, f"{action}s"))
        line.close()
        account.check(check_invariants(world.database.owner_url, world.stock.tenant_id))
    covered = len(set(islice(cycle(order), trials)))
    stage.remarks.append(f"{covered:,} of {len(TRIALS):,} combinations of call, point and action")


def _persist(ledger: PreparedLedger, line: Line, request: Request) -> Answer:
    """Ask until it is carried out, and start the ledger again when it has died."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = line.ask(request).answer()
        if answer.accepted:
            return answer
        assert answer.reason in {*UNKNOWN, A_DEFECT}, f"{request} was refused: {answer.failure}"
        assert time.monotonic() < deadline, f"{request} is never carried out: {answer.failure}"
        if not ledger.is_running:
            ledger.kill()
            ledger.launch()
