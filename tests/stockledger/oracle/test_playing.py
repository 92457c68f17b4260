"""Whether a ledger that lies would be found out, and how few words that takes."""

from collections import Counter
from itertools import count
from typing import Any

import pytest
from google.protobuf.message import Message

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from tests.harness.databases import LedgerDatabase
from tests.stockledger.oracle.backends import Told
from tests.stockledger.oracle.in_process import InProcess, ledger_in_process
from tests.stockledger.oracle.playing import Disagreement, NewTenant, play

PROGRAMS = 10
ROUNDS = 6


class Lying(InProcess):
    """Says of what it removes that it was worth a cent more."""

    def ask(self, method: str, request: Message) -> Told:
        told = super().ask(method, request)
        for one in _movements(told.answer):
            if one.kind == pb.MOVEMENT_KIND_REMOVED and one.HasField("amount"):
                one.amount.nanos += 10_000_000
        return told


def _movements(answer: Any) -> list[pb.Movement]:
    if isinstance(answer, pb.BatchChangeStockResponse):
        return [one for result in answer.results for one in result.movements]
    return list(getattr(answer, "movements", ()))


def play_some(new_tenant: NewTenant) -> None:
    for number in range(PROGRAMS):
        play(number, ROUNDS, new_tenant, Counter())


def test_a_ledger_that_lies_about_a_cent_is_found_out_by_a_small_program(ledger_database: LedgerDatabase) -> None:
    tenants = count(1)
    with ledger_in_process(ledger_database.service_url) as ledger, pytest.raises(Disagreement) as found:
        play_some(lambda: Lying(ledger, next(tenants), ledger_database.owner_url))
    told = str(found.value)
    assert "amount.nanos=10000000" in told
    assert told.count("Change(") <= 4, told
