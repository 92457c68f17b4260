"""Operations and movements in their order: numbered without a gap, at times that never run backwards, and sealed."""

from collections.abc import Iterator
from hashlib import sha256
from json import JSONEncoder
from typing import Final

from ..domain.journal import instant
from .conservation import conserved
from .findings import Finding, Row, differences, missing, unexpected, wrong
from .recorded import (
    CAUSES,
    DIGESTED_MOVEMENT,
    DIGESTED_OPERATION,
    HEAD,
    MOVEMENTS,
    OPERATIONS,
    Head,
    Movement,
    Operation,
)
from .snapshot import Advance, Snapshot

_encode: Final = JSONEncoder(separators=(",", ":")).encode
_NUMBERED: Final = "they are numbered without a gap"
_FORWARDS: Final = "record time never runs backwards"
_RECORDED_THEN: Final = "it was recorded then, and nothing is before it happens"
_HEAD: Final = ("journal_head", ...)


def check(snapshot: Snapshot, tenant_id: int, advance: Advance) -> Iterator[Finding]:
    """What is wrong with the journal itself."""
    journal = _Journal(snapshot.rows(Movement, MOVEMENTS, tenant_id, advance))
    for operation in snapshot.rows(Operation, OPERATIONS, tenant_id):
        for finding in journal.follow(operation):
            yield finding
            # Nothing that follows has the number that it should have, or the seal.
            return
    yield from journal.end(next(snapshot.rows(Head, HEAD, tenant_id), None))


class _Journal:
    """What is known of it up to some operation."""

    def __init__(self, movements: Iterator[Movement]) -> None:
        self._movements = movements
        self._operation_id = 0
        self._movement_id = 0
        self._record_time = 0
        self._batch_begins = 1
        self._contents = sha256()
        self._sealed = b""

    def follow(self, operation: Operation) -> Iterator[Finding]:
        """What is wrong with the next operation and its movements."""
        self._operation_id += 1
        if operation.operation_id != self._operation_id:
            yield _misnumbered("operation", operation.operation_id, self._operation_id)
        yield from self._check_operation(operation)
        self._contents.update(_line(operation[DIGESTED_OPERATION : None if operation.draws else -1]))
        movements = []
        for line in range(1, operation.movement_count + 1):
            self._movement_id += 1
            movement = next(self._movements, None)
            if movement is None or movement.movement_id != self._movement_id:
                yield _misnumbered("movement", movement and movement.movement_id, self._movement_id)
                return
            yield from _check_movement(movement, operation, line)
            self._contents.update(_line(_digested(movement)))
            movements.append(movement)
        yield from conserved(operation, movements)
        if operation.chain_hash is not None:
            yield from self._check_seal(operation, operation.chain_hash)
        self._record_time = operation.record_time

    def end(self, head: Head | None) -> Iterator[Finding]:
        """What is wrong with where it ends."""
        for movement in self._movements:
            yield unexpected(
                ("movement", movement.movement_id), f"operation {self._operation_id}, the last, has none of it"
            )
        if self._batch_begins <= self._operation_id:
            yield wrong(("operation", self._operation_id), "chain_hash", None, ..., "each batch ends with its seal")
        if head is None:
            if self._operation_id:
                yield missing(_HEAD, f"the tenant has a journal, up to operation {self._operation_id}")
            return
        ends = (
            ("last_operation_id", head.last_operation_id, self._operation_id),
            ("last_movement_id", head.last_movement_id, self._movement_id),
            ("chain_hash", head.chain_hash, self._sealed),
        )
        yield from differences(_HEAD, ends, "the journal ends there")
        if head.record_time < self._record_time:
            yield _untimely(_HEAD, "record_time", head.record_time, self._record_time, _FORWARDS)

    def _check_operation(self, operation: Operation) -> Iterator[Finding]:
        name = ("operation", operation.operation_id)
        last = self._movement_id + operation.movement_count
        has = f"it has {operation.movement_count} behind movement {self._movement_id}"
        yield from differences(name, [("last_movement_id", operation.last_movement_id, last)], has)
        if operation.record_time < self._record_time:
            yield _untimely(name, "record_time", operation.record_time, self._record_time, _FORWARDS)
        if operation.operation_id > self._batch_begins and operation.record_time != self._record_time:
            unsealed = f"a batch has one, unless operation {operation.operation_id - 1} ended it and has lost its seal"
            yield _untimely(name, "record_time", operation.record_time, self._record_time, unsealed)
        if operation.effective_time > operation.record_time:
            yield _untimely(name, "effective_time", operation.effective_time, operation.record_time, _RECORDED_THEN)

    def _check_seal(self, operation: Operation, chain_hash: bytes) -> Iterator[Finding]:
        numbers = (operation.operation_id, operation.last_movement_id, operation.record_time)
        contents = self._contents.digest() + b"".join(number.to_bytes(8, "big", signed=True) for number in numbers)
        self._sealed = sha256(self._sealed + contents).digest()
        sealed = f"operation {operation.operation_id} and its movements were sealed otherwise"
        if operation.operation_id > self._batch_begins:
            batch = f"{self._batch_begins} to {operation.operation_id}"
            sealed = f"operations {batch} and their movements were sealed otherwise"
        row = ("operation", operation.operation_id)
        yield from differences(row, [("chain_hash", chain_hash, self._sealed)], sealed)
        self._contents = sha256()
        self._batch_begins = operation.operation_id + 1


def _misnumbered(table: str, number: int | None, should: int) -> Finding:
    if number is not None and number < should:
        return unexpected((table, number), f"{_NUMBERED}, from 1 on, and each number is there once")
    return missing((table, should), _NUMBERED)


def _check_movement(movement: Movement, operation: Operation, line: int) -> Iterator[Finding]:
    if movement.operation_id != operation.operation_id or movement.line != line:
        columns = (("operation_id", movement.operation_id, operation.operation_id), ("line", movement.line, line))
        has = f"operation {operation.operation_id} has {operation.movement_count} up to {operation.last_movement_id}"
        yield from differences(("movement", movement.movement_id), columns, has)
    if movement.record_time != operation.record_time:
        times = (movement.record_time, operation.record_time)
        yield _untimely(("movement", movement.movement_id), "record_time", *times, "its operation was recorded then")
    if movement.effective_time > movement.record_time:
        times = (movement.effective_time, movement.record_time)
        yield _untimely(("movement", movement.movement_id), "effective_time", *times, _RECORDED_THEN)


def _untimely(row: Row, column: str, says: int, should: int, because: str) -> Finding:
    return wrong(row, column, instant(says), instant(should), because)


def _digested(movement: Movement) -> tuple[object, ...]:
    fields = movement[DIGESTED_MOVEMENT:]
    return fields if any(cause is not None and cause != "" for cause in fields[-CAUSES:]) else fields[:-CAUSES]


def _line(fields: tuple[object, ...]) -> bytes:
    return f"{_encode(fields)}\n".encode()
