"""How Autotask writes values in JSON, and what its clients send in their place.

Clients send numbers and booleans as text, and an empty text to clear a number or a date; both are taken for what is
meant (Autotask REST, "Basic query calls" and the examples of its clients).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

INT32: Final = range(-(2**31), 2**31)
INT64: Final = range(-(2**63), 2**63)
DIGITS_MAX: Final = 15
DECIMALS_MAX: Final = 10
NUMBER_CHARS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Text:
    """A string of so many characters at most; null is the empty one."""

    length: int
    data_type: str = "string"
    kind: str = "text"

    def read(self, value: Any) -> str | None:
        """A number is taken as it would be written."""
        text = str(value) if type(value) in {str, int, Decimal} else None
        if text is None or len(text) > self.length:
            raise ValueError(f"must be a string of at most {self.length} characters")
        if "\0" in text:
            raise ValueError("must not contain the character NUL")
        return text or None

    def write(self, value: str) -> str:
        """As it is."""
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number."""

    data_type: str = "integer"
    kind: str = "integer"
    length: int = 0

    def read(self, value: Any) -> Any:
        """Also as text."""
        if (number := _number(value)) is None:
            return None
        if number != number.to_integral_value() or int(number) not in self._range:
            raise ValueError(f"must be of type {self.data_type}")
        return self._ours(int(number))

    def write(self, value: Any) -> Any:
        """As it is."""
        return value

    @property
    def _range(self) -> range:
        return INT64 if self.data_type == "long" else INT32

    def _ours(self, number: int) -> Any:
        return number


@dataclass(frozen=True, slots=True)
class Units(Whole):
    """A quantity, which is whole in Autotask. Ours may have decimals: they are shown rather than hidden."""

    kind: str = "decimal"

    def write(self, value: Decimal) -> int | Decimal:
        """Without a point where there is nothing behind it."""
        return int(value) if value == value.to_integral_value() else value.normalize()

    def _ours(self, number: int) -> Decimal:
        return Decimal(number)


@dataclass(frozen=True, slots=True)
class Double:
    """A number with decimals. It is exact on the way through, whatever its type is called."""

    data_type: str = "double"
    kind: str = "decimal"
    length: int = 0

    def read(self, value: Any) -> Decimal | None:
        """Also as text."""
        if (number := _number(value)) is None:
            return None
        exponent = number.normalize().as_tuple().exponent
        assert isinstance(exponent, int), "infinities are no numbers here"
        if number.adjusted() >= DIGITS_MAX or -exponent > DECIMALS_MAX:
            raise ValueError(f"must have at most {DIGITS_MAX} digits before the point and {DECIMALS_MAX} after it")
        return number

    def write(self, value: Decimal | int) -> int | Decimal:
        """Without a point where there is nothing behind it."""
        return int(value) if value == int(value) else Decimal(value).normalize()


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""

    data_type: str = "boolean"
    kind: str = "boolean"
    length: int = 0

    def read(self, value: Any) -> Any:
        """Also as text, and as 1 or 0."""
        if value == "":
            return None
        known = _BOOLEANS.get(str(value).strip().casefold())
        if known is None:
            raise ValueError("must be true or false")
        return known

    def write(self, value: Any) -> bool:
        """As it is."""
        return bool(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Boolean):
    """A boolean that says whether a field of ours has a certain value."""

    true: str
    false: str
    kind: str = "text"

    def read(self, value: Any) -> str | None:
        """The value that is meant."""
        # Slots make a class anew, which the short form of super() would not know.
        known = Boolean.read(self, value)
        return None if known is None else (self.true if known else self.false)

    def write(self, value: str) -> bool:
        """Whether it is that value."""
        return value == self.true


@dataclass(frozen=True, slots=True)
class Moment:
    """A date with a time, in UTC. Clients leave the milliseconds, the offset or the time of day out."""

    data_type: str = "datetime"
    kind: str = "time"
    length: int = 0

    def read(self, value: Any) -> datetime | None:
        """Without an offset, it is UTC."""
        if value == "":
            return None
        if not isinstance(value, str) or not _MOMENT.fullmatch(value.strip()):
            raise ValueError("must be a date like 2024-03-01T05:00:00Z")
        try:
            moment = datetime.fromisoformat(value.strip())
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise ValueError("is no date that exists") from None

    def write(self, value: datetime) -> str:
        """With milliseconds, or all that there are."""
        precision = "microseconds" if value.microsecond % 1000 else "milliseconds"
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def _number(value: Any) -> Decimal | None:
    if value == "" or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or len(str(value)) > NUMBER_CHARS_MAX:
        raise ValueError("must be a number")
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        # Python would take more for a number, like 1_0 and the digits of other scripts.
        raise ValueError("must be a number")
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) > NUMBER_CHARS_MAX:
        raise ValueError("must be a number")
    return number


_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
_MOMENT: Final = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?( ?(Z|[+-]\d\d:?\d\d))?)?", re.IGNORECASE
)

BOOLEAN: Final = Boolean()
DATETIME: Final = Moment()
DOUBLE: Final = Double()
INTEGER: Final = Whole()
LONG: Final = Whole("long")
UNITS: Final = Units()
