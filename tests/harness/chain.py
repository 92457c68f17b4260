"""Checks the hash chain of a journal from its rows alone, sharing no code with the ledger that wrote it.

A batch ends with an operation that has a hash, which is SHA-256 of

    the hash of the batch before it (nothing for the first)
    SHA-256 of its contents: for each operation, and then each of its movements, a JSON array and a line feed
    its last operation id, last movement id and record time in microseconds since 1970: big-endian, eight bytes each
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

from tests.harness.journal import PLACES, TOTALS, Journal, Movement, Operation

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_chain(journal: Journal) -> None:
    """Every batch hashes to what it was sealed with, and the last one to what stands on the journal head."""
    movements = journal.movements_of()
    sealed = b""
    for batch in batches(journal.operations):
        last = batch[-1]
        contents = "".join(_lines(batch, movements))
        numbers = (last.operation_id, last.last_movement_id, _microseconds(last.record_time))
        sealed = sha256(
            sealed + sha256(contents.encode()).digest() + b"".join(number.to_bytes(8, "big") for number in numbers)
        ).digest()
        assert last.chain_hash == sealed, f"the chain breaks in the batch that ends with operation {last.operation_id}"
    assert journal.head.chain_hash == sealed, "the journal head has another hash than the last batch"


def batches(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    """The operations that were sealed together."""
    batch: list[Operation] = []
    for operation in operations:
        batch.append(operation)
        if operation.chain_hash is not None:
            yield batch
            batch = []
    assert not batch, f"operation {batch[0].operation_id} is in no batch that was sealed"


def _lines(batch: list[Operation], movements: dict[int, list[Movement]]) -> Iterator[str]:
    for operation in batch:
        yield _line(
            str(operation.request_id),
            operation.kind,
            operation.fingerprint.hex(),
            operation.actor,
            operation.reason,
            _microseconds(operation.effective_time),
            # Left out where nothing is told: so that the journals of earlier releases still verify.
            *([operation.draws] if operation.draws else []),
        )
        for movement in movements.get(operation.operation_id, ()):
            yield _line(
                movement.line,
                movement.kind,
                movement.stocked_item_id,
                movement.position_id,
                _plain(movement.quantity),
                _plain(movement.amount),
                movement.reference,
                _microseconds(movement.effective_time),
                *(_plain(movement.places_after[name]) for name in ("received", *PLACES)),
                _plain(movement.value_after),
                *(_plain(movement.totals_after[name]) for name in TOTALS),
                *_causes(movement),
            )


def _causes(movement: Movement) -> tuple[object, ...]:
    """What the first release didn't know of; left out where there is none of it, so that its journals still verify."""
    causes = (movement.demand, movement.order_line, movement.reversed_movement_id, _plain(movement.unit_cost))
    return causes if any(cause not in ("", None) for cause in causes) else ()


def _line(*fields: object) -> str:
    return json.dumps(fields, separators=(",", ":")) + "\n"


def _plain(number: Decimal | None) -> str | None:
    """Without an exponent and without trailing zeros."""
    if number is None:
        return None
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _microseconds(time: datetime) -> int:
    since = time - EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
