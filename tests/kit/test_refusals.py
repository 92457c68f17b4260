"""From an exception to the status that a client reads."""

import uuid
from collections.abc import Mapping
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from storekeeper.errors.v1 import error_reason_pb2
from storekeeper_kit.refusals import (
    KIT_REFUSALS,
    DeadlineExceeded,
    InvalidRequest,
    Overloaded,
    Refusal,
    Table,
    Unavailable,
    Violation,
    internal_error,
    refusal_for,
    status_of,
)

# gRPC's clients take 8 KiB of trailers; base64 makes four bytes of three; other trailers need some room too.
REASONS = frozenset(error_reason_pb2.ErrorReason.keys())
ANY_ID = uuid.UUID(int=1)
STATUS_BYTES_MAX = 8192 * 3 // 4 - 500


class TooFew(Exception):
    """A refusal of some service."""


class FarTooFew(TooFew):
    """A special case of it, without an entry of its own."""


TABLE: Table = {TooFew: lambda _: Refusal(grpc.StatusCode.FAILED_PRECONDITION, "INSUFFICIENT_STOCK", "too few")}


def unpacked(status: status_pb2.Status) -> tuple[error_details_pb2.ErrorInfo, error_details_pb2.BadRequest]:
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
    return info, bad_request


def test_a_service_s_exception_has_the_refusal_of_its_table() -> None:
    refusal = refusal_for(TooFew(), TABLE)

    assert refusal is not None
    assert refusal.reason == "INSUFFICIENT_STOCK"


def test_an_exception_without_an_entry_has_the_refusal_of_its_base() -> None:
    assert refusal_for(FarTooFew(), TABLE) == refusal_for(TooFew(), TABLE)


def test_a_service_s_table_goes_before_the_kit_s() -> None:
    own = Refusal(grpc.StatusCode.UNAVAILABLE, "OVERLOADED", "ours")

    assert refusal_for(Unavailable(), {Unavailable: lambda _: own}) == own


def test_an_unknown_exception_has_no_refusal() -> None:
    assert refusal_for(ValueError(), TABLE) is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRequest([Violation("quantity", "is required")]), grpc.StatusCode.INVALID_ARGUMENT),
        (Unavailable("connection to 10.0.0.1 refused"), grpc.StatusCode.UNAVAILABLE),
        (DeadlineExceeded("canceling statement"), grpc.StatusCode.DEADLINE_EXCEEDED),
        (Overloaded("too many"), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_the_kit_s_own_refusals_are_in_the_catalogue_and_keep_the_driver_s_words(
    error: Exception, code: grpc.StatusCode
) -> None:
    assert type(error) in KIT_REFUSALS
    refusal = refusal_for(error, {})

    assert refusal is not None
    assert refusal.code is code
    assert refusal.reason in REASONS
    assert isinstance(error, InvalidRequest) or str(error) not in refusal.message


def test_a_bug_s_refusal_is_in_the_catalogue() -> None:
    assert internal_error(ANY_ID).reason in REASONS


def test_a_status_carries_the_reason_its_domain_and_its_metadata() -> None:
    status = status_of(Refusal(grpc.StatusCode.NOT_FOUND, "ITEM_NOT_FOUND", "no item 7", {"itemId": "7"}))
    info, _ = unpacked(status)

    assert (status.code, status.message) == (5, "no item 7")
    assert (info.reason, info.domain, dict(info.metadata)) == ("ITEM_NOT_FOUND", "storekeeper", {"itemId": "7"})


def test_a_status_carries_every_bad_field() -> None:
    violations = (Violation("quantity", "is required"), Violation("item_id", "is negative"))
    _, bad_request = unpacked(
        status_of(Refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "", {}, violations))
    )

    assert [(bad.field, bad.description) for bad in bad_request.field_violations] == [
        ("quantity", "is required"),
        ("item_id", "is negative"),
    ]


@pytest.mark.parametrize(
    ("metadata", "violations"),
    [
        ({}, tuple(Violation(f"lines[{line}].quantity", "is not a decimal number") for line in range(1000))),
        ({}, tuple(Violation("é" * 5000, "é" * 5000) for _ in range(1000))),
        ({"serialNumber": "é" * 100_000}, ()),
    ],
)
def test_whatever_a_client_sent_the_status_fits_into_the_trailers(
    metadata: Mapping[str, str], violations: tuple[Violation, ...]
) -> None:
    refusal = Refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "é" * 100_000, metadata, violations)

    assert status_of(refusal).ByteSize() < STATUS_BYTES_MAX


def test_a_refusal_of_many_fields_shows_the_first_ones() -> None:
    violations = tuple(Violation(f"lines[{line}].quantity", "is not a decimal number") for line in range(1000))
    _, bad_request = unpacked(status_of(Refusal(grpc.StatusCode.INVALID_ARGUMENT, "", "", {}, violations)))

    shown: list[Any] = list(bad_request.field_violations)
    assert len(shown) > 20
    assert shown[0].field == "lines[0].quantity"
