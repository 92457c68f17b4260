"""One who watches a tenant's movements: `python -m tests.torture.watching ADDRESS TENANT FILE [KIND ...]`.

It writes what it has seen into FILE, durable before it takes more, and goes on from there whenever it is started. A line is a
JSON array: the token, how late it was (seconds), and the movements: id, kind, stocked item, quantity.
"""

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc

from storekeeper.stockledger.v1 import stock_ledger_pb2 as pb
from storekeeper.stockledger.v1 import stock_ledger_pb2_grpc as pb_grpc
from tests.harness.asking import OPTIONS
from tests.harness.stock import caller

PAUSE_S = 0.05

Seen = list[Any]


def main(address: str, tenant_id: int, file: Path, kinds: list[str]) -> None:
    """Watch for ever."""
    seen = read(file)
    token = seen[-1][0] if seen else ""
    _write(file, seen)
    stub = pb_grpc.StockLedgerStub(grpc.insecure_channel(address, options=OPTIONS))
    with file.open("ab") as out:
        while True:
            request = pb.WatchMovementsRequest(token=token, from_beginning=True, kinds=kinds)  # type: ignore[arg-type]
            if token:
                request.from_beginning = False
            try:
                for response in stub.WatchMovements(request, metadata=caller(tenant_id)):
                    out.write(_line(response))
                    out.flush()
                    os.fdatasync(out.fileno())
                    token = response.token
            except grpc.RpcError:
                # The server is gone, and will be back.
                time.sleep(PAUSE_S)


def read(file: Path) -> list[Seen]:
    """What was seen; a line that was being written when somebody died was not."""
    lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


def _write(file: Path, seen: list[Seen]) -> None:
    draft = file.with_suffix(".draft")
    draft.write_text("".join(json.dumps(line) + "\n" for line in seen))
    draft.rename(file)


def _line(response: pb.WatchMovementsResponse) -> bytes:
    late = 0.0
    if response.movements:
        recorded = response.movements[-1].record_time.ToDatetime(tzinfo=UTC)
        late = (datetime.now(UTC) - recorded).total_seconds()
    movements = [
        (one.movement_id, pb.MovementKind.Name(one.kind), one.stocked_item_id, one.quantity.value)
        for one in response.movements
    ]
    return json.dumps([response.token, late, movements]).encode() + b"\n"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
