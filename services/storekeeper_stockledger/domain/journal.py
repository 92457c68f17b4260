"""The journal: operations and movements as they stand recorded, and the hash chain that seals them.

A batch, or each part of a long one, is sealed by SHA-256 over the hash of the one before it, the digest of its
contents, and its last operation id, last movement id and record time (each as eight bytes, big-endian, the time in
microseconds since 1970). The hash stands on its last operation and, as the newest one, on the tenant's journal head.
The digest is SHA-256 over one JSON array a line for each operation, followed by those of its movements; what they hold,
in which order, is in `_entry_line` and `_movement_line`.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring_ascii as _text
from typing import Final

from .numbers import plain
from .places import Kind, Places
from .stock import Movement, Totals
from .values import dataclass

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedMovement:
    """A line of the journal. In a preview its ids are 0 and it has no record time."""

    movement_id: int
    operation_id: int
    request_id: str
    line: int
    kind: Kind
    stocked_item_id: int | None
    position_id: int
    item_id: int
    location_id: int
    quantity: Decimal
    amount: Decimal | None
    unit_cost: Decimal | None
    currency_code: str
    reason: str
    reference: str
    actor: str
    effective_time: datetime
    record_time: datetime | None
    stocked_item_after: Places | None
    position_after: Totals
    demand: str = ""
    order_line: str = ""
    reversed_movement_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An accepted operation with its movements, ready to be recorded."""

    request_id: str
    kind: str
    fingerprint: bytes
    actor: str
    reason: str = ""
    effective_time: datetime
    movements: tuple[Movement, ...] = ()
    draws: str = ""
    """In which order stocked items were drawn on; see `draw_orders.py`."""


def recorded_movement(
    movement: Movement,
    *,
    line: int,
    request_id: str,
    actor: str,
    reason: str,
    currency_code: str,
    movement_id: int = 0,
    operation_id: int = 0,
    record_time: datetime | None = None,
) -> RecordedMovement:
    """A movement as a line of the journal; without numbers and time, as it would be one."""
    after = movement.stocked_item
    return RecordedMovement(
        movement_id=movement_id,
        operation_id=operation_id,
        request_id=request_id,
        line=line,
        kind=movement.kind,
        stocked_item_id=after.stocked_item_id if after else None,
        position_id=movement.position_id,
        item_id=movement.item_id,
        location_id=movement.location_id,
        quantity=movement.quantity,
        amount=movement.amount,
        unit_cost=movement.unit_cost,
        currency_code=currency_code,
        reason=reason,
        reference=movement.reference,
        actor=actor,
        effective_time=movement.effective_time,
        record_time=record_time,
        stocked_item_after=after.places if after else None,
        position_after=movement.totals,
        demand=movement.demand,
        order_line=movement.order_line,
        reversed_movement_id=movement.reversed_movement_id,
    )


def digest(entries: Iterable[Entry]) -> bytes:
    """SHA-256 of the contents of a batch: every column that is not numbered under the journal head."""
    contents = sha256()
    for entry in entries:
        contents.update(_entry_line(entry).encode())
        for line, movement in enumerate(entry.movements, start=1):
            contents.update(_movement_line(line, movement).encode())
    return contents.digest()


@lru_cache(1024)
def microseconds(time: datetime) -> int:
    """Microseconds since 1970. Remembered: most of what a batch records has one time."""
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant(microseconds: int) -> datetime:
    """The time that many microseconds after the beginning of 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


# Written out, because an encoder would take as long again as all the rest of sealing.


def _entry_line(entry: Entry) -> str:
    return (
        f'["{entry.request_id}",{_text(entry.kind)},"{entry.fingerprint.hex()}",{_text(entry.actor)},'
        f"{_text(entry.reason)},{microseconds(entry.effective_time)}"
        f"{f',{_text(entry.draws)}' if entry.draws else ''}]\n"
    )


def _movement_line(line: int, movement: Movement) -> str:
    after = movement.stocked_item
    return (
        f"[{line},{_text(movement.kind)},{after.stocked_item_id if after else 'null'},{movement.position_id},"
        f'"{plain(movement.quantity)}",{_optional(movement.amount)},{_text(movement.reference)},'
        f"{microseconds(movement.effective_time)},{_all(after.places.texts) if after else _NO_PLACES},"
        f"{_optional(after.value if after else None)},{_all(movement.totals.texts)}{_about(movement)}]\n"
    )


_NO_PLACES: Final = ",".join(["null"] * 7)


def _all(numbers: Sequence[str]) -> str:
    return '"' + '","'.join(numbers) + '"'


def _about(movement: Movement) -> str:
    """Movements of the first release had none of these, and were sealed without them; as were operations without draws."""
    demand, order_line, reversed_id = movement.demand, movement.order_line, movement.reversed_movement_id
    if not (demand or order_line or reversed_id) and movement.unit_cost is None:
        return ""
    return f",{_text(demand)},{_text(order_line)},{reversed_id or 'null'},{_optional(movement.unit_cost)}"


def _optional(number: Decimal | None) -> str:
    return "null" if number is None else f'"{plain(number)}"'
