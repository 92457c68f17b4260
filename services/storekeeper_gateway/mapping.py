"""Tables that say, field by field, what a vendor calls what we call otherwise; each is read both ways.

    read    a vendor's payload -> a row of ours
    write   a row of ours -> a vendor's payload

A payload is a plain mapping of the vendor's names, whichever text it came as: JSON, XML and SOAP are codecs of it. A row
is a plain mapping of our paths, the same ones that filters name: {"item_id": 7, "places.available": Decimal(5)}.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

Payload = Mapping[str, Any]
Row = Mapping[str, Any]


class BadPayload(Exception):
    """What is wrong with a payload: the vendor's name of each bad field, and what is the matter with it."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{name} {problem}" for name, problem in self.problems))


class FieldType(Protocol):
    """How a vendor writes a value of ours."""

    @property
    def kind(self) -> str:
        """What it is called as a value in a filter: text, integer, decimal, boolean or time."""

    @property
    def data_type(self) -> str:
        """What the vendor calls it."""

    @property
    def length(self) -> int:
        """How many characters it has at most; 0 for what is no text."""

    def read(self, value: Any) -> Any:
        """Our value for the vendor's, which is not null; a ValueError says what is wrong with it."""

    def write(self, value: Any) -> Any:
        """The vendor's value for ours, which is not None."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a picklist."""

    value: int
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a table."""

    name: str
    """The vendor's."""
    path: str | None
    """Ours. None: nothing of ours corresponds to it yet, and it is always null."""
    type: FieldType
    required: bool = False
    """Must be given when a row is created."""
    read_only: bool = False
    """Set by us; ignored when written."""
    fixed: bool = False
    """Given when a row is created, and ignored afterwards."""
    queryable: bool = True
    """Whether a filter may name it."""
    reference: str = ""
    """The vendor's entity that its value is an id of."""
    picklist: tuple[Choice, ...] = ()
    """The values that it may have."""
    is_open: bool = False
    """Whether it may have others than its picklist's as well."""
    repeats: bool = False
    """Another field says the same, and is the one that is read."""

    @property
    def is_writable(self) -> bool:
        """Whether it may change after a row was created."""
        return not (self.read_only or self.fixed)

    def write(self, value: Any) -> Any:
        """The vendor's value for ours. None for none, and for one of another type: others can keep that in its place."""
        fits = isinstance(value, _TYPES[self.type.kind]) and (type(value) is not bool or self.type.kind == "boolean")
        return self.type.write(value) if fits else None


_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "text": str,
    "integer": int,
    "decimal": (int, Decimal),
    "boolean": bool,
    "time": datetime,
}
"""What our values are, by the kind of their field."""


class Table:
    """All fields of one entity of a vendor's."""

    def __init__(self, *fields: Field) -> None:
        self.fields = fields
        # Vendors' clients are careless about letter case.
        self._by_name = {field.name.casefold(): field for field in fields}
        self._by_path = {field.path: field for field in reversed(fields) if field.path and not field.repeats}

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def named(self, name: str) -> Field | None:
        """The field of this name, in any case of letters."""
        return self._by_name.get(name.casefold())

    def at(self, path: str) -> Field | None:
        """The field that has this path."""
        return self._by_path.get(path)

    def given(self, payload: Payload) -> dict[str, Any]:
        """What the payload says of fields of this table, by their proper names; what else it says is nobody's."""
        given: dict[str, Any] = {}
        for name, value in payload.items():
            if field := self.named(name):
                if field.name in given:
                    raise BadPayload([(field.name, "is given twice, in different cases of letters")])
                given[field.name] = value
        return given

    def read(self, payload: Payload) -> dict[str, Any]:
        """The row of what the payload gives. None stands for what it clears."""
        row: dict[str, Any] = {}
        problems: list[tuple[str, str]] = []
        for name, value in self.given(payload).items():
            field = self._by_name[name.casefold()]
            if field.path is None or field.repeats:
                continue
            try:
                row[field.path] = _read(field, value)
            except ValueError as error:
                problems.append((field.name, str(error)))
        if problems:
            raise BadPayload(problems)
        return row

    def write(self, row: Row) -> dict[str, Any]:
        """The whole payload of a row; null for what it has not."""
        return {field.name: field.write(row.get(field.path) if field.path else None) for field in self.fields}


def _read(field: Field, value: Any) -> Any:
    if value is None:
        return None
    read = field.type.read(value)
    is_closed = bool(field.picklist) and not field.is_open
    if is_closed and read is not None and read not in {choice.value for choice in field.picklist}:
        raise ValueError(f"has no picklist value [{read}]")
    return read
