"""R3: at every point of every call that changes something a ledger dies, breaks, loses its database, or stalls.

The client asks until it is answered. Whether the answer is a first one or a repeat tells on which side of the commit it
happened, unless it was while that was on its way; and in the end the journal has each request once. The sweep of expired reservations has nobody who asks again.
"""

import time
from collections.abc import Callable
from itertools import cycle, islice, product
from pathlib import Path
from typing import Any, Final

import grpc
import psycopg

from storekeeper_kit.clients import failure_of
from storekeeper_kit.failpoints import Point
from tests.cli.processes import wait_for
from tests.harness.account import Account
from tests.harness.asking import UNKNOWN, Answer, Line, Request
from tests.harness.bulk import ask_in_a_batch, ask_in_a_stream
from tests.harness.invariants import check_invariants
from tests.harness.ledger_process import SERVING
from tests.torture.failing import Plan
from tests.torture.plenty import DESCRIPTIONS, REQUESTS, Plenty
from tests.torture.stage import Stage, World

ACTIONS: Final = {"crash": "crashes", "defect": "defects", "loss": "lost connections", "stall": "stalls"}
CREATIONS: Final = ("OpenPosition", "CreateLocation")
IN_BULK: Final[dict[str, Callable[[Line, list[Request]], list[Answer]]]] = {
    "BatchChangeStock": lambda line, requests: ask_in_a_batch(line, requests, all_or_none=True),
    "ChangeStock": ask_in_a_stream,
}
A_SWEEP: Final = "the sweep"

OF_A_TRANSACTION: Final = (Point.TRANSACTION_COMMITTING, Point.TRANSACTION_COMMITTED)
OF_WRITING: Final = (Point.BATCH_DECIDED, Point.BATCH_SENT, Point.BATCH_COMMITTED)
OF_A_BATCH: Final = (Point.BATCH_BEGUN, Point.BATCH_LOADED, *OF_WRITING)
OF_A_SWEEP: Final = (Point.EXPIRY_FOUND, *OF_WRITING, Point.EXPIRY_SETTLED)
AFTER_THE_COMMIT: Final = (Point.TRANSACTION_COMMITTED, Point.BATCH_COMMITTED)
POINTS: Final = {
    **dict.fromkeys([*REQUESTS, *IN_BULK], OF_A_BATCH),
    **dict.fromkeys([*CREATIONS, *DESCRIPTIONS], OF_A_TRANSACTION),
    A_SWEEP: OF_A_SWEEP,
}
TRIALS: Final = [(call, point, action) for call, points in POINTS.items() for point, action in product(points, ACTIONS)]
PATIENCE_S: Final = 20.0
PAUSE_S: Final = 0.02
A_DEFECT: Final = "INTERNAL_ERROR"


def run(stage: Stage, count: int) -> None:
    """Try so many, in any order; each once before one is tried again."""
    order = list(TRIALS)
    stage.chance().shuffle(order)
    trials = list(islice(cycle(order), count))
    plan = stage.folder / "plan.json"
    with stage.world(program=("tests.torture.failing", str(plan))) as world:
        trying = _Trying(world, plan)
        for call, point, action in trials:
            trying.one(call, Plan(action, point))
            stage.count(ACTIONS[action])
        trying.line.close()
        trying.account.check(check_invariants(world.database.owner_url, world.stock.tenant_id))
    stage.remarks.append(f"{len(set(trials)):,} of {len(TRIALS):,} combinations of call, point and action")


class _Trying:
    """One client of a ledger that fails as it is told to."""

    def __init__(self, world: World, plan: Path) -> None:
        self.account = Account()
        self.line = Line(world.ledgers[0].address, world.stock.tenant_id)
        self._world = world
        self._ledger = world.ledgers[0]
        self._plan = plan
        self._plenty = Plenty(world.stock, lambda request: self.account.note(self.line.settle(request)))

    def one(self, call: str, plan: Plan) -> None:
        """Let the plan come true while the call is carried out."""
        if call == A_SWEEP:
            self._sweep(plan)
        elif call in DESCRIPTIONS:
            self._describe(call, plan)
        else:
            self._change(call, plan)

    def _change(self, call: str, plan: Plan) -> None:
        request = self._plenty.request("RemoveStock" if call in IN_BULK else call)
        plan.write(self._plan)
        ask = IN_BULK.get(call)
        answer = self.account.note(
            self._persist(lambda: ask(self.line, [request])[0] if ask else self.line.ask(request).answer())
        )
        self._check_failed(call, plan)
        if plan.point != Point.BATCH_SENT or plan.action == "stall":
            repeated = plan.point in AFTER_THE_COMMIT and plan.action != "stall"
            assert answer.replayed == repeated, f"{call}, {plan}: replayed is {answer.replayed}"

    def _describe(self, call: str, plan: Plan) -> None:
        """Asked for once more, it is as it was; only its etag tells how often it was asked for."""
        request = self._plenty.description(call)
        plan.write(self._plan)
        first = self._persist(lambda: self._called(call, request))
        self._check_failed(call, plan)
        again = self._called(call, request)
        for response in (first.response, again.response):
            if hasattr(response, "etag"):
                response.etag = ""
        assert first.response == again.response, f"{call}, {plan}: {first.response}, and then {again.response}"

    def _sweep(self, plan: Plan) -> None:
        request = self._plenty.passing()
        self.account.note(self.line.settle(request))
        plan.write(self._plan)
        wait_for(lambda: not self._plan.exists())
        wait_for(lambda: plan.action != "crash" or not self._ledger.is_running)
        self._revive()
        wait_for(lambda: self._is_settled(request.demand))
        # It may have been settled before the ledger died.
        self._ledger.wait_until(SERVING)

    def _persist(self, ask: Callable[[], Answer]) -> Answer:
        """Ask until it is carried out, and start the ledger again when it has died."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = ask()
            if answer.accepted:
                return answer
            assert answer.reason in {*UNKNOWN, A_DEFECT}, f"{answer.request} was refused: {answer.failure}"
            assert time.monotonic() < deadline, f"{answer.request} is never carried out: {answer.failure}"
            self._revive()
            time.sleep(PAUSE_S)

    def _called(self, call: str, request: Any) -> Answer:
        try:
            return Answer(request, self.line.call(call, request))
        except grpc.RpcError as error:
            return Answer(request, failure=failure_of(error))

    def _revive(self) -> None:
        if not self._ledger.is_running:
            self._ledger.kill()
            self._ledger.launch()

    def _check_failed(self, call: str, plan: Plan) -> None:
        assert not self._plan.exists(), f"{call} never came to the point {plan.point}"

    def _is_settled(self, demand: str) -> bool:
        with psycopg.connect(self._world.database.owner_url) as connection:
            held = connection.execute("SELECT reserved FROM reservation WHERE demand = %s", [demand]).fetchall()
        return held == [(0,)]
