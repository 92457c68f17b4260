"""Messages of ours as plain rows, keyed by the paths that filters name, and back.

Decimals are `Decimal`, times aware `datetime`s, values of enums their names without the prefix, and what a vendor's API
alone knows is under `extensions.<vendor>.<key>`. A field that is absent, or a text that is empty, is None.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
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


Reader = Callable[[Message], Iterable[tuple[str, Any]]]


def _read(message: Message, prefix: str) -> Iterator[tuple[str, Any]]:
    for reader in _readers(message.DESCRIPTOR, prefix):
        yield from reader(message)


@cache
def _readers(descriptor: Any, prefix: str) -> tuple[Reader, ...]:
    """How each field of a message type is read: found out once, because descriptors are slow to ask."""
    return tuple(_reader(field, field.name, f"{prefix}{field.name}") for field in descriptor.fields)


def _reader(field: Any, name: str, path: str) -> Reader:
    if name == EXTENSIONS:
        return lambda message: _kept(path, getattr(message, name))
    if field.enum_type:
        names = {value.number: value.name.removeprefix(_prefix(field.enum_type)) for value in field.enum_type.values}
        return lambda message: ((path, names[getattr(message, name)]),)
    if field.message_type is None:
        return lambda message: ((path, None if (value := getattr(message, name)) == "" else value),)
    read = _PARTS.get(field.message_type.full_name)
    if read is not None:
        return lambda message: ((path, read(getattr(message, name)) if message.HasField(name) else None),)
    return lambda message: _read(getattr(message, name), f"{path}.") if message.HasField(name) else ((path, None),)


def _kept(path: str, extensions: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for vendor, text in extensions.items():
        yield from ((f"{path}.{vendor}.{key}", part) for key, part in load_json(text).items())


_PARTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    DecimalMessage.DESCRIPTOR.full_name: lambda message: Decimal(message.value or 0),
    Timestamp.DESCRIPTOR.full_name: lambda message: message.ToDatetime(UTC),
}
"""Messages that stand for one value."""


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


def _enum_number(enum: Any, name: str) -> int:
    return int(enum.values_by_name[_prefix(enum) + name].number)


@cache
def _prefix(enum: Any) -> str:
    return str(enum.values_by_number[0].name).removesuffix("UNSPECIFIED")
