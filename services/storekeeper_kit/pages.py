"""Pages of lists: what was read for one, and as much of it in an answer as fits into a message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from google.protobuf.message import Message

from storekeeper_kit.server import MESSAGE_BYTES_MAX

ANSWER_BYTES_MAX: Final = MESSAGE_BYTES_MAX - 64 * 1024
"""What rows may take of a message, which has to hold what is around them, too."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """One page of a list, whether another one follows, and how many rows all pages have if they were counted."""

    rows: Sequence[T]
    more: bool
    total: int = 0


def fill(answer: Any, field: str, listed: Rows[T], *, write: Callable[[T], Message], token: Callable[[T], str]) -> None:
    """Write into this field of an answer as many rows as fit, at least one; and the token of what follows the last one."""
    written, room = getattr(answer, field), ANSWER_BYTES_MAX
    for row in listed.rows:
        message = write(row)
        room -= message.ByteSize()
        if written and room < 0:
            break
        written.append(message)
    if listed.more or len(written) < len(listed.rows):
        answer.next_page_token = token(listed.rows[len(written) - 1])
