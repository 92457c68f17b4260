"""R9: random programs of all changes, given to the ledger and to an oracle in plain Python: the two agree in every answer.

Half of them over gRPC, half in this process; the short form stands with the oracle, `tests/stockledger/oracle/`.
"""

from collections import Counter
from itertools import count
from typing import Final

import grpc

from tests.stockledger.oracle.backends import OverGrpc
from tests.stockledger.oracle.in_process import InProcess, ledger_in_process
from tests.stockledger.oracle.playing import NewTenant, play
from tests.torture.stage import Stage

ROUNDS: Final = 28
"""Of a program: some eight hundred steps."""
TENANTS_APART: Final = 1_000_000


def run(stage: Stage, steps: int) -> None:
    """Let them go so many steps."""
    with stage.world() as world:
        url, owner_url = world.database.service_url, world.database.owner_url
        with grpc.insecure_channel(world.ledgers[0].address) as channel, ledger_in_process(url) as ledger:
            tenants, others = count(TENANTS_APART), count(2 * TENANTS_APART)
            _play(stage, steps // 2, "steps over gRPC", lambda: OverGrpc(channel, next(tenants), owner_url))
            _play(stage, steps // 2, "steps in one process", lambda: InProcess(ledger, next(others), owner_url))


def _play(stage: Stage, steps: int, what: str, new_tenant: NewTenant) -> None:
    before = stage.counts.get(what, 0)
    for program in count(stage.seed * TENANTS_APART + len(what)):
        if stage.counts.get(what, 0) - before >= steps:
            break
        stage.count(what, play(program, ROUNDS, new_tenant, Counter()))
