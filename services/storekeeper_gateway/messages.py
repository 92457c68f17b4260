"""Messages of ours as plain rows, keyed by the paths that filters name, and back.

Decimals are `Decimal`, times aware `datetime`s, values of enums their names without the prefix, and what a vendor's API
alone knows is under `extensions.<vendor>.<key>`. A field that is absent, or a text that is empty, is None.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal as DecimalMessage

from storekeeper_kit.json_text import dump_json, load_json

EXTENSIONS: Final = "extensions"


def row_of(message: Message) -> dict[str, Any]:
    """The row that a message says."""
    return dict(_read(message, ""))


def fill(message: Message, row: Mapping[str, Any]) -> None:
    """Puts a row into an empty message; what is None stays absent."""
    extensions: dict[str, dict[str, Any]] = {}
    for path, value in row.items():
        if value is None:
            continue
        head, _, rest = path.partition(".")
        if head == EXTENSIONS:
            vendor, _, key = rest.partition(".")
            extensions.setdefault(vendor, {})[key] = value
        else:
            _put(message, path, value)
    for vendor, content in extensions.items():
        getattr(message, EXTENSIONS)[vendor] = dump_json(content)


def mask_of(paths: Iterable[str]) -> list[str]:
    """The update mask that covers these paths: whole fields, and whole vendors' extensions."""
    return sorted({".".join(path.split(".")[: 2 if path.startswith(f"{EXTENSIONS}.") else 1]) for path in paths})


def _read(message: Message, prefix: str) -> Iterator[tuple[str, Any]]:
    for field in message.DESCRIPTOR.fields:
        path = f"{prefix}{field.name}"
        value = getattr(message, field.name)
        if field.name == EXTENSIONS:
            for vendor, text in value.items():
                yield from ((f"{path}.{vendor}.{key}", part) for key, part in load_json(text).items())
        elif field.message_type is None:
            yield path, _enum_name(field.enum_type, value) if field.enum_type else (None if value == "" else value)
        elif not message.HasField(field.name):
            yield path, None
        elif isinstance(value, DecimalMessage):
            yield path, Decimal(value.value or 0)
        elif isinstance(value, Timestamp):
            yield path, value.ToDatetime(UTC)
        else:
            yield from _read(value, f"{path}.")


def _put(message: Message, path: str, value: Any) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        message = getattr(message, parent)
    field = message.DESCRIPTOR.fields_by_name[name]
    if isinstance(value, Decimal):
        getattr(message, name).value = format(value, "f")
    elif isinstance(value, datetime):
        getattr(message, name).FromDatetime(value)
    else:
        setattr(message, name, _enum_number(field.enum_type, value) if field.enum_type else value)


def _enum_name(enum: Any, number: int) -> str:
    return str(enum.values_by_number[number].name.removeprefix(_prefix(enum)))


def _enum_number(enum: Any, name: str) -> int:
    return int(enum.values_by_name[_prefix(enum) + name].number)


@cache
def _prefix(enum: Any) -> str:
    return str(enum.values_by_number[0].name).removesuffix("UNSPECIFIED")
