"""A duration is read as protobuf defines it."""

from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.caller import Caller
from storekeeper_kit.refusals import InvalidRequest
from storekeeper_stockledger.domain.operations import ExtendReservation
from storekeeper_stockledger.servicer.operations.submissions import submission

CALLER = Caller(tenant_id=1, actor="anonymous", permissions=frozenset())


def extended(seconds: int, nanos: int) -> timedelta | None:
    """By how long a reservation is extended."""
    request = pb.ExtendReservationRequest(
        request_id="0197c2f4-0a1b-7c3d-8e5f-001122334455",
        demand="SO 7",
        position_id=1,
        expire_after=Duration(seconds=seconds, nanos=nanos),
    )
    operation = submission(request, CALLER).operation
    assert isinstance(operation, ExtendReservation)
    return operation.expire_after


def test_it_is_cut_to_microseconds() -> None:
    assert extended(5, 999_999_999) == timedelta(seconds=5, microseconds=999_999)


@pytest.mark.parametrize(
    ("seconds", "nanos"), [(5, -1), (5, -999_999_999), (0, 1_000_000_000), (0, 2**31 - 1), (1, -(2**31))]
)
def test_nanos_of_another_sign_or_of_more_than_a_second_are_none(seconds: int, nanos: int) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        extended(seconds, nanos)
    assert [violation.field for violation in refusal.value.violations] == ["expire_after"]
