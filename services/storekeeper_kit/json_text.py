"""JSON as text: every digit of a number survives, and text that means two things at once is refused.

Numbers are integers or decimals, never floats. The standard library reads, because it tells of keys that are said twice;
msgspec writes, because it writes decimals as numbers.
"""

import json
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import msgspec

NUMBER_CHARS_MAX: Final = 64
"""As it is given, and without an exponent, as PostgreSQL gives it back. Far more than any field has."""

_INT64: Final = range(-(2**63), 2**63)


def load_json(text: str | bytes) -> Any:
    """The value that this JSON text means; a ValueError says in words fit for a client why it means none."""
    try:
        return json.loads(
            text,
            parse_float=_fraction,
            parse_int=_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_twins,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def dump_json(value: object) -> str:
    """JSON text in its shortest form; decimals are numbers."""
    return dump_json_bytes(value).decode()


def dump_json_bytes(value: object) -> bytes:
    """The same as bytes in UTF-8."""
    return _ENCODER.encode(value)


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def _fraction(text: str) -> Decimal:
    number = _decimal(text) if len(text) <= NUMBER_CHARS_MAX else None
    # The first question keeps a long number from being written out.
    if number is None or abs(number.adjusted()) > NUMBER_CHARS_MAX or len(f"{number:f}") > NUMBER_CHARS_MAX:
        raise ValueError(f"a number has more than {NUMBER_CHARS_MAX} characters")
    # 1E+3 becomes 1000, so that it is as long from the beginning as when it comes back from PostgreSQL.
    return Decimal(f"{number:f}")


def _decimal(text: str) -> Decimal | None:
    """None if the exponent is beyond all bounds."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _integer(text: str) -> int | Decimal:
    """Decimal beyond 64 bits, because that is all that integers may have on the way out."""
    number = _fraction(text)
    return int(number) if int(number) in _INT64 else number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    once = dict(pairs)
    if len(once) < len(pairs):
        (twin, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        # Half a character can't be told to anybody.
        raise ValueError(f'it says "{twin[:100].encode("utf-8", "replace").decode()}" twice')
    return once
