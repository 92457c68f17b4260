"""Asks for many changes at once, by a batch or a stream, and tells of each what a call of its own would be told."""

from collections.abc import Sequence
from typing import Final

import grpc
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.clients import Failure, failure_of
from storekeeper_kit.refusals import Violation
from tests.harness.asking import Answer, Line, Request

CHANGES: Final[dict[str, str]] = {
    field.message_type.name: field.name
    for field in pb.StockChange.DESCRIPTOR.oneofs_by_name["kind"].fields
    if field.message_type
}
"""The field that has each kind of change, by the name of its message."""


def ask_in_a_batch(line: Line, requests: Sequence[Request], *, all_or_none: bool = False) -> list[Answer]:
    """All in one message; if all or none are wanted, a refusal of one is the answer to each."""
    batch = pb.BatchChangeStockRequest(changes=map(_change, requests), all_or_none=all_or_none)
    try:
        response = line.call("BatchChangeStock", batch)
    except grpc.RpcError as error:
        return [Answer(request, failure=failure_of(error)) for request in requests]
    return [_answer(request, result) for request, result in zip(requests, response.results, strict=True)]


def ask_in_a_stream(line: Line, requests: Sequence[Request], *, together: int = 1) -> list[Answer]:
    """One after the other, so many in a message. What a stream that breaks left unanswered nobody knows."""
    messages = (
        pb.ChangeStockRequest(changes=map(_change, requests[first : first + together]))
        for first in range(0, len(requests), together)
    )
    results: list[pb.StockChangeResult] = []
    broken: Failure | None = None
    try:
        for response in line.call("ChangeStock", messages):
            results += response.results
    except grpc.RpcError as error:
        broken = failure_of(error)
    assert broken or len(results) == len(requests), f"{len(requests)} changes got {len(results)} results"
    answers = [_answer(request, result) for request, result in zip(requests, results, strict=False)]
    return answers + [Answer(request, failure=broken) for request in requests[len(results) :]]


def _change(request: Request) -> pb.StockChange:
    return pb.StockChange(**{CHANGES[request.DESCRIPTOR.name]: request})


def _answer(request: Request, result: pb.StockChangeResult) -> Answer:
    assert result.request_id == request.request_id, "results come in the order of the changes"
    return Answer(request, result, result.replayed, _failure(result.refusal) if result.HasField("refusal") else None)


def _failure(status: Status) -> Failure:
    info, bad_request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        # Each unpacks only what is of its own type.
        detail.Unpack(info)
        detail.Unpack(bad_request)
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    violations = tuple(Violation(one.field, one.description) for one in bad_request.field_violations)
    return Failure(code, info.reason, status.message, dict(info.metadata), violations)
