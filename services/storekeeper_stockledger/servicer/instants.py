"""Reads instants of the journal."""

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper_kit.reading import Reading

from ..domain.instants import AfterMovement, AsOf, RecordedBy


def read_as_of(
    read: Reading, request: pb.GetPositionRequest | pb.ListPositionsRequest | pb.GetValuationRequest
) -> AsOf | None:
    """The instant that a request is about; None for now. Whether it lies ahead of the journal is the ledger's to judge."""
    if not request.HasField("as_of"):
        return None
    match request.as_of.WhichOneof("kind"):
        case "movement_id":
            if request.as_of.movement_id < 0:
                read.violation("as_of.movement_id", "is negative")
            return AfterMovement(request.as_of.movement_id)
        case "record_time":
            time = read.timestamp("as_of.record_time", request.as_of.record_time)
            return RecordedBy(time) if time else None
        case _:
            read.violation("as_of", "is required to have exactly one of movement_id and record_time")
            return None
