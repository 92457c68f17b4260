"""Reads a request's fields and gathers everything that is wrong with them, so that a client learns all of it at once.

    read = Reading()
    position_id = read.identifier("position_id", request.position_id)
    quantity = read.positive_quantity("quantity", request.quantity if request.HasField("quantity") else None)
    read.finish()   # raises InvalidRequest, with every violation

Each reader returns a value of the right type whatever it finds; after a violation it is a harmless one that never gets
past ``finish``.
"""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Protocol

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal as DecimalMessage

from storekeeper_kit.refusals import InvalidRequest, Violation

QUANTITY_SCALE_MAX = 6
INTEGER_DIGITS_MAX = 12
# A number of this many characters is a mistake or an attack, whatever its value.
DECIMAL_CHARS_MAX = 64
PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 1000
# More is not reported: nobody reads it, and it has to fit into a status.
VIOLATIONS_MAX = 100


class EnumType(Protocol):
    """What a generated enum tells about itself."""

    def values(self) -> Sequence[int]:
        """The numbers of its values."""


class Reading:
    """One request as it is being read."""

    __slots__ = ("_violations",)

    def __init__(self) -> None:
        self._violations: list[Violation] = []

    def violation(self, path: str, description: str) -> None:
        """Notes that the field at this path is bad; the description goes on from the field's name."""
        if len(self._violations) < VIOLATIONS_MAX:
            self._violations.append(Violation(path, description))

    def finish(self) -> None:
        """Raises InvalidRequest if anything was wrong."""
        if self._violations:
            raise InvalidRequest(self._violations)

    def identifier(self, path: str, value: int) -> int:
        """An id that must be given: 1 or more."""
        if value < 1:
            self.violation(path, "is required" if value == 0 else "is not a positive number")
        return value

    def optional_identifier(self, path: str, value: int) -> int | None:
        """An id that may be left out, as a filter's may: 0 is none."""
        if value < 0:
            self.violation(path, "is not a positive number")
        return value or None

    def request_id(self, path: str, value: str) -> str:
        """A UUID of any version in its canonical form, in either case; lower case comes back. The nil UUID names nothing."""
        if not _UUID.fullmatch(value):
            self.violation(path, "is not a UUID like 0197c2f4-0a1b-7c3d-8e5f-001122334455" if value else "is required")
        elif value == _NIL:
            self.violation(path, "is the nil UUID, which names nothing")
        return value.lower()

    def text(self, path: str, value: str, *, max_length: int, required: bool = False) -> str:
        """Text without control characters other than line feed and tab."""
        if required and not value.strip():
            self.violation(path, "is required")
        if len(value) > max_length:
            self.violation(path, f"is longer than {max_length} characters")
        if _CONTROL_CHARACTER.search(value):
            self.violation(path, "contains a control character")
        return value

    def decimal(
        self,
        path: str,
        message: DecimalMessage | None,
        *,
        scale: int = QUANTITY_SCALE_MAX,
        integer_digits: int = INTEGER_DIGITS_MAX,
        above: Decimal | None = None,
        minimum: Decimal | None = None,
    ) -> Decimal:
        """A decimal that must be given, without trailing zeros or an exponent, so that equal numbers look equal.

        Args:
            path: The field's path.
            message: The field, or None when it is absent.
            scale: How many decimals it may have; zeros at the end don't count.
            integer_digits: How many digits it may have before the point.
            above: What it must be greater than.
            minimum: What it must be at least.
        """
        if message is None:
            self.violation(path, "is required")
            return Decimal()
        number = _decimal(message.value)
        if number is None:
            self.violation(path, "is not a decimal number")
            return Decimal()
        value, exponent = number
        if problem := _too_long(value, exponent, scale, integer_digits) or _out_of_bounds(value, above, minimum):
            self.violation(path, problem)
            return Decimal()
        # 1E+3 becomes 1000; done last, when it is known not to be a very long number.
        return value.quantize(Decimal(1)) if exponent > 0 else value

    def positive_quantity(
        self, path: str, message: DecimalMessage | None, *, scale: int = QUANTITY_SCALE_MAX
    ) -> Decimal:
        """A quantity that must be given and be greater than zero."""
        return self.decimal(path, message, scale=scale, above=Decimal())

    def timestamp(self, path: str, message: Timestamp | None) -> datetime | None:
        """An instant in UTC, cut to microseconds; None when it is absent."""
        if message is None:
            return None
        if not (_SECONDS_MIN <= message.seconds <= _SECONDS_MAX and 0 <= message.nanos <= _NANOS_MAX):
            self.violation(path, "is not an instant of the years 1 to 9999")
            return None
        return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)

    def choice(self, path: str, value: int, enum: EnumType, *, required: bool = True) -> int:
        """A known value of an enum; 0 is the unspecified one."""
        if value == 0 and required:
            self.violation(path, "is required")
        elif value not in enum.values():
            self.violation(path, f"is {value}, which stands for nothing")
        return value

    def mask(self, path: str, message: FieldMask, fields: Collection[str]) -> frozenset[str]:
        """Which fields an update changes: at least one, all of them among those that can be changed."""
        if not message.paths:
            self.violation(path, "is required")
        for name in message.paths:
            if name not in fields:
                self.violation(path, f'names "{name[:100]}", which is none of {", ".join(sorted(fields))}')
        return frozenset(message.paths)

    def etag(self, path: str, value: str) -> int | None:
        """The version of a resource that an etag stands for; None when it is absent."""
        if not value:
            return None
        if not _VERSION.fullmatch(value):
            self.violation(path, "is not an etag of this resource")
            return None
        return int(value)

    def page_size(
        self, path: str, value: int, *, default: int = PAGE_SIZE_DEFAULT, maximum: int = PAGE_SIZE_MAX
    ) -> int:
        """How many rows a page may have: 0 means the default, and more than the maximum means the maximum."""
        if value < 0:
            self.violation(path, "is negative")
        return min(value, maximum) if value > 0 else default


def etag(version: int) -> str:
    """The etag of this version of a resource."""
    return str(version)


def _decimal(text: str) -> tuple[Decimal, int] | None:
    """The number that google.type.Decimal means by this text, and its exponent. The empty text means zero.

    There are no zeros at the end of its decimals.
    """
    if not text:
        return _ZERO, 0
    found = _DECIMAL.fullmatch(text) if len(text) <= DECIMAL_CHARS_MAX else None
    if not found:
        return None
    # A negative zero is zero.
    if found.lastindex is None:
        return Decimal(text) or _ZERO, 0
    value = Decimal(text).normalize(_EXACT) or _ZERO
    return value, _exponent(value)


def _too_long(value: Decimal, exponent: int, scale: int, integer_digits: int) -> str:
    """Which digits the number has too many of, or the empty text."""
    if value.adjusted() >= integer_digits:
        return f"has more than {integer_digits} digits before the point"
    if -exponent > scale:
        return f"has more than {scale} decimals" if scale else "is not a whole number"
    return ""


def _out_of_bounds(value: Decimal, above: Decimal | None, minimum: Decimal | None) -> str:
    """The first bound that the number breaks, or the empty text."""
    if above is not None and value <= above:
        return f"is not greater than {above}"
    if minimum is not None and value < minimum:
        return f"is less than {minimum}"
    return ""


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "the grammar has neither infinity nor NaN"
    return exponent


_UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NIL = "00000000-0000-0000-0000-000000000000"
# Digits alone match no group of it.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(\.[0-9]*)?|(\.[0-9]+))([eE][+-]?[0-9]{1,9})?")
_ZERO = Decimal()
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_VERSION = re.compile("[0-9]{1,18}")
# Rounds nothing that the grammar and the bound on its length let through.
_EXACT = Context(prec=DECIMAL_CHARS_MAX, Emax=MAX_EMAX, Emin=MIN_EMIN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_MIN = int((datetime(1, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
_SECONDS_MAX = int((datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH).total_seconds())
_NANOS_MAX = 999_999_999
