"""Random programs of all changes of stock, given to the ledger and to the oracle: the two agree in every answer.

They agree in what is done and in why not, in each movement with its amount and all that came after it, in repeats and
previews, and, when a program has ended, in everything that can be read, as it is and as it was. The invariants are
checked on what is stored.
"""

from collections import Counter
from itertools import count
from typing import Final

import grpc
import pytest

from tests.harness.databases import LedgerDatabase
from tests.harness.ledger_process import LedgerProcess
from tests.stockledger.oracle.backends import OverGrpc
from tests.stockledger.oracle.in_process import InProcess, ledger_in_process
from tests.stockledger.oracle.match import Seen
from tests.stockledger.oracle.playing import NewTenant, play

STEPS: Final = 10_000
"""Of each of the two tests, at the least."""
STEPS_MAX: Final = 3 * STEPS
"""Until then it goes on for what is rare; clocks and ids differ from run to run, so it may take longer in one."""
TIMEOUT_S: Final = 300
ROUNDS: Final = 28
"""Of a program: some eight hundred steps."""

DRAWN: Final = {"INSUFFICIENT_STOCK", "SERIAL_UNIT_REQUIRED", "LOCATION_INACTIVE"}
BROUGHT: Final = {"LOCATION_INACTIVE", "SERIAL_NUMBER_IN_STOCK", "TRACKING_VIOLATED"}
REACHED: Final[dict[str, set[str]]] = {
    "AddStock": BROUGHT
    | {
        "POSITION_NOT_FOUND",
        "ITEM_NOT_FOUND",
        "LOCATION_NOT_FOUND",
        "ITEM_ARCHIVED",
        "COST_UNKNOWN",
        "CURRENCY_MISMATCH",
    }
    | {"REASON_REQUIRED", "INVOICE_NUMBER_REQUIRED", "STOCK_LIMIT_EXCEEDED", "INVALID_REQUEST", "REQUEST_ID_REUSED"}
    | {"previewed", "replayed"},
    "RemoveStock": DRAWN | {"STOCKED_ITEM_NOT_FOUND", "REASON_REQUIRED", "INVALID_REQUEST", "previewed", "replayed"},
    "ReserveStock": DRAWN | {"STOCKED_ITEM_NOT_FOUND", "INVALID_REQUEST", "previewed", "replayed"},
    "ReleaseStock": {"DEMAND_EXCEEDED", "replayed"},
    "ExtendReservation": {"DEMAND_EXCEEDED"},
    "PickStock": DRAWN | {"DEMAND_EXCEEDED", "replayed"},
    "UnpickStock": {"DEMAND_EXCEEDED", "replayed"},
    "DeliverStock": {"DEMAND_EXCEEDED", "POSITION_NOT_FOUND"},
    "ReturnStock": {"DEMAND_EXCEEDED", "LOCATION_INACTIVE", "SERIAL_NUMBER_IN_STOCK"},
    "TransferStock": DRAWN | {"LOCATION_NOT_FOUND", "ITEM_ARCHIVED", "INVALID_REQUEST", "previewed", "replayed"},
    "CountStock": {"COUNT_BELOW_COMMITTED", "SERIAL_UNIT_REQUIRED", "TRACKING_VIOLATED", "INVALID_REQUEST", "replayed"},
    "AssembleStock": DRAWN | BROUGHT | {"REASON_REQUIRED"},
    "DisassembleStock": DRAWN | BROUGHT | {"REASON_REQUIRED", "replayed"},
    "ExpectStock": {"ITEM_NOT_FOUND", "LOCATION_NOT_FOUND", "LOCATION_INACTIVE", "ITEM_ARCHIVED", "replayed"},
    "CancelExpectedStock": {"EXPECTATION_EXCEEDED", "replayed"},
    "ReceiveStock": BROUGHT | {"EXPECTATION_EXCEEDED", "INVOICE_NUMBER_REQUIRED", "COST_UNKNOWN", "replayed"},
    "UnreceiveStock": {"RECEIPT_EXCEEDED", "SERIAL_UNIT_REQUIRED", "REASON_REQUIRED", "replayed"},
    "UpdateStockedItem": {
        "STOCKED_ITEM_NOT_FOUND",
        "STOCKED_ITEM_IN_USE",
        "SERIAL_NUMBER_IN_STOCK",
        "TRACKING_VIOLATED",
    }
    | {"CURRENCY_MISMATCH", "REASON_REQUIRED", "replayed"},
    "ClosePosition": {"POSITION_IN_USE", "POSITION_NOT_FOUND"},
}
"""What each kind of change comes to, beside being done; programs that never get there would prove little."""


@pytest.fixture
def first_program(request: pytest.FixtureRequest) -> int:
    """The same programs in every run, unless another number to begin with is given."""
    return request.config.getoption("--seed") or 0


@pytest.mark.timeout(TIMEOUT_S)
def test_they_agree_in_one_process(ledger_database: LedgerDatabase, first_program: int) -> None:
    with ledger_in_process(ledger_database.service_url) as ledger:
        tenants = count(1)
        agree(first_program, lambda: InProcess(ledger, next(tenants), ledger_database.owner_url))


@pytest.mark.timeout(TIMEOUT_S)
def test_they_agree_over_grpc(ledger_database: LedgerDatabase, ledger: LedgerProcess, first_program: int) -> None:
    with grpc.insecure_channel(ledger.address) as channel:
        tenants = count(1_000_000)
        agree(first_program + 1_000, lambda: OverGrpc(channel, next(tenants), ledger_database.owner_url))


def agree(first_program: int, new_tenant: NewTenant) -> None:
    """Play as many programs as it takes."""
    seen: Seen = Counter()
    steps, programs = 0, count(first_program)
    while steps < STEPS or (_never_reached(seen) and steps < STEPS_MAX):
        steps += play(next(programs), ROUNDS, new_tenant, seen)
    print(f"{steps} steps")
    assert not _never_reached(seen)


def _never_reached(seen: Seen) -> list[tuple[str, str]]:
    return [
        (change, outcome)
        for change, outcomes in REACHED.items()
        for outcome in sorted(outcomes | {"done"})
        if not seen[change, outcome]
    ]
