"""Queries in Autotask's JSON: the filter, the projection and the size of a page (Autotask REST, advanced query features).

    {"filter": [{"op": "eq", "field": "isActive", "value": true}], "includeFields": ["id"], "maxRecords": 50}

Names of keys, operators and fields count in any case of letters, and so does text that is compared.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from storekeeper.query.v1 import filter_pb2 as pb

from ...mapping import Field, Table
from .errors import Refused
from .types import Flag

RECORDS_MAX: Final = 500
CONDITIONS_MAX: Final = 500
# The services take 8 levels and 1,000 values. A page, and a list of values with null among them, need some of their own.
DEPTH_MAX: Final = 5
VALUES_MAX: Final = 900
TEXT_CHARS_MAX: Final = 1000

OPERATORS: Final[Mapping[str, int]] = {
    "eq": pb.OPERATOR_EQUAL,
    "noteq": pb.OPERATOR_NOT_EQUAL,
    "gt": pb.OPERATOR_GREATER,
    "gte": pb.OPERATOR_GREATER_OR_EQUAL,
    "lt": pb.OPERATOR_LESS,
    "lte": pb.OPERATOR_LESS_OR_EQUAL,
    "beginswith": pb.OPERATOR_BEGINS_WITH,
    "endswith": pb.OPERATOR_ENDS_WITH,
    "contains": pb.OPERATOR_CONTAINS,
    "exist": pb.OPERATOR_EXISTS,
    "notexist": pb.OPERATOR_NOT_EXISTS,
    "in": pb.OPERATOR_IN,
    "notin": pb.OPERATOR_NOT_IN,
    # No operators of Autotask's, but sent by some clients.
    "ne": pb.OPERATOR_NOT_EQUAL,
    "isnull": pb.OPERATOR_NOT_EXISTS,
    "isnotnull": pb.OPERATOR_EXISTS,
}
GROUPS: Final = ("and", "or")

_ORDERED: Final = {pb.OPERATOR_GREATER, pb.OPERATOR_GREATER_OR_EQUAL, pb.OPERATOR_LESS, pb.OPERATOR_LESS_OR_EQUAL}
_TEXTUAL: Final = {pb.OPERATOR_BEGINS_WITH, pb.OPERATOR_ENDS_WITH, pb.OPERATOR_CONTAINS}
_VALUELESS: Final = {pb.OPERATOR_EXISTS, pb.OPERATOR_NOT_EXISTS}
_LISTS: Final = {pb.OPERATOR_IN, pb.OPERATOR_NOT_IN}
_NULLABLE: Final = {pb.OPERATOR_EQUAL, pb.OPERATOR_NOT_EQUAL, *_LISTS}
_NEGATIVE: Final = {pb.OPERATOR_NOT_EQUAL, pb.OPERATOR_NOT_EXISTS, pb.OPERATOR_NOT_IN}

EVERYTHING: Final = pb.Filter(all_of=pb.FilterList())
NOTHING: Final = pb.Filter(any_of=pb.FilterList())


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for."""

    filter: pb.Filter
    include: frozenset[str] | None
    """The fields that are wanted besides the id; None: all."""
    records_max: int


def read_query(payload: Any, table: Table, entity: str) -> Query:
    """The query that the payload is, of an entity with this table."""
    if not isinstance(payload, Mapping):
        raise Refused("The query must be a JSON object with a filter.")
    asked = _folded(payload)
    if "filter" not in asked:
        raise Refused("The query has no filter.")
    return Query(
        _Reader(table, entity).filter(asked["filter"]),
        _include(asked.get("includefields"), table, entity),
        _records_max(asked.get("maxrecords")),
    )


def that_equal(path: str, row_id: int) -> pb.Filter:
    """The rows in which this path of ours names the row of this id."""
    return _condition(path, pb.OPERATOR_EQUAL, [pb.Value(integer=row_id)])


def _folded(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is said, by keys in lower case."""
    folded = {key.casefold(): value for key, value in said.items()}
    if len(folded) < len(said):
        raise Refused("The query says a key twice, in different cases of letters.")
    return folded


def _include(names: Any, table: Table, entity: str) -> frozenset[str] | None:
    if names is None or names == []:
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Refused("includeFields must be a list of names of fields.")
    return frozenset({"id", *(_field(name, table, entity).name for name in names)})


def _records_max(value: Any) -> int:
    if value is None:
        return RECORDS_MAX
    text = str(value)
    if isinstance(value, bool) or not (_RECORDS.fullmatch(text) and 1 <= int(text) <= RECORDS_MAX):
        raise Refused(f"maxRecords must be a number from 1 to {RECORDS_MAX}.")
    return int(text)


_RECORDS: Final = re.compile("[0-9]{1,9}")


def _field(name: str, table: Table, entity: str) -> Field:
    field = table.named(name)
    if field is None:
        raise Refused(f"The field {name[:100]} was not found in the entity {entity}.")
    return field


class _Reader:
    """One filter as it is being read."""

    def __init__(self, table: Table, entity: str) -> None:
        self._table = table
        self._entity = entity
        self._conditions_left = CONDITIONS_MAX
        self._values_left = VALUES_MAX

    def filter(self, parts: Any) -> pb.Filter:
        """The filter of a query, whose parts must all hold."""
        return pb.Filter(all_of=self._list([parts] if isinstance(parts, Mapping) else parts, "filter", DEPTH_MAX))

    def _list(self, parts: Any, name: str, depth: int) -> pb.FilterList:
        if not isinstance(parts, list):
            raise Refused(f"The {name} must be a list of conditions.")
        if not depth:
            raise Refused(f"The filter is nested deeper than {DEPTH_MAX}.")
        return pb.FilterList(filters=[self._part(part, depth) for part in parts])

    def _part(self, part: Any, depth: int) -> pb.Filter:
        if not isinstance(part, Mapping):
            raise Refused("Each condition of a filter must be a JSON object.")
        said = _folded(part)
        op = str(said.get("op", "")).casefold()
        if op in GROUPS:
            group = self._list(said.get("items"), f"items of the group [{op}]", depth - 1)
            return pb.Filter(all_of=group) if op == "and" else pb.Filter(any_of=group)
        return self._condition(op, said)

    def _condition(self, op: str, said: Mapping[str, Any]) -> pb.Filter:
        self._conditions_left -= 1
        if self._conditions_left < 0:
            raise Refused(f"The query must have {CONDITIONS_MAX} or fewer OR conditions.")
        operator = OPERATORS.get(op)
        if operator is None:
            raise Refused(f"The operator [{op[:50]}] is none of {', '.join((*OPERATORS, *GROUPS))}.")
        if _is_true(said.get("udf")):
            name = str(said.get("field"))[:100]
            raise Refused(f"The user-defined field {name} was not found in the entity {self._entity}.")
        field = _field(str(said.get("field", "")), self._table, self._entity)
        if not field.queryable:
            raise Refused(f"The field {field.name} of the entity {self._entity} can't be queried.")
        _check_operator(op, operator, field)
        values = _values(field, operator, said)
        self._values_left -= len(values)
        if self._values_left < 0:
            raise Refused(f"The query must have {VALUES_MAX} or fewer values.")
        return _compared(field, operator, values)


def _is_true(value: Any) -> bool:
    return str(value).casefold() == "true"


def _check_operator(op: str, operator: int, field: Field) -> None:
    is_boolean = field.type.data_type == "boolean"
    if (is_boolean and operator in _ORDERED) or (field.type.data_type != "string" and operator in _TEXTUAL):
        raise Refused(f"The operator [{op}] does not go with the field {field.name} of type {field.type.data_type}.")


def _values(field: Field, operator: int, said: Mapping[str, Any]) -> list[Any]:
    """What the condition compares with, as we write it; None stands for null."""
    if operator in _VALUELESS:
        return []
    # Some clients drop a value that is false or zero.
    given = said["value"] if "value" in said else _FALSY.get(field.type.data_type)
    if given is None and "value" not in said:
        raise Refused(f"The condition on the field {field.name} has no value.")
    if (operator in _LISTS) is not isinstance(given, list):
        what = "a list of values" if operator in _LISTS else "one value"
        raise Refused(f"The condition on the field {field.name} must have {what}.")
    try:
        values = [value if value is None else field.type.read(value) for value in _as_list(given)]
    except ValueError as error:
        raise Refused(f"The value in the condition on the field {field.name} {error}.") from None
    if None in values and operator not in _NULLABLE:
        raise Refused(f"The condition on the field {field.name} has no value.")
    if any(isinstance(value, str) and len(value) > TEXT_CHARS_MAX for value in values):
        raise Refused(f"The condition on the field {field.name} has more than {TEXT_CHARS_MAX} characters.")
    return values


def _as_list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


_FALSY: Final = {"boolean": False, "integer": 0, "long": 0, "double": 0}


def _compared(field: Field, operator: int, values: list[Any]) -> pb.Filter:
    if field.path is None:
        # It is always null.
        return EVERYTHING if (operator in _NEGATIVE) is (None not in values) else NOTHING
    if isinstance(field.type, Flag) and operator not in _VALUELESS:
        return _flag(field.path, field.type, operator, values)
    if None in values:
        return _with_null(field, operator, values)
    wanted = [_value(field.type.kind, value) for value in values]
    return _condition(field.path, operator, wanted, ignore_case=field.type.kind == "text")


def _with_null(field: Field, operator: int, values: list[Any]) -> pb.Filter:
    """A comparison with null asks whether there is a value."""
    is_negative = operator in _NEGATIVE
    null = _compared(field, pb.OPERATOR_EXISTS if is_negative else pb.OPERATOR_NOT_EXISTS, [])
    rest = [value for value in values if value is not None]
    if not rest:
        return null
    both = pb.FilterList(filters=[null, _compared(field, pb.OPERATOR_NOT_IN if is_negative else pb.OPERATOR_IN, rest)])
    return pb.Filter(all_of=both) if is_negative else pb.Filter(any_of=both)


def _flag(path: str, flag: Flag, operator: int, values: list[Any]) -> pb.Filter:
    """Whether the flag is up, or down: what is neither `true` nor `false` counts as down, and nothing as null."""
    named = {value == flag.true for value in values if value is not None}
    wanted = {True, False} - named if operator in _NEGATIVE else named
    if len(wanted) != 1:
        return EVERYTHING if wanted else NOTHING
    return _condition(path, pb.OPERATOR_EQUAL if True in wanted else pb.OPERATOR_NOT_EQUAL, [pb.Value(text=flag.true)])


def _condition(path: str, operator: int, values: list[pb.Value], *, ignore_case: bool = False) -> pb.Filter:
    return pb.Filter(
        condition=pb.Condition(
            field=path, operator=pb.Operator.ValueType(operator), values=values, ignore_case=ignore_case
        )
    )


def _value(kind: str, value: Any) -> pb.Value:
    message = pb.Value()
    if isinstance(value, Decimal):
        message.decimal.value = format(value, "f")
    elif isinstance(value, datetime):
        message.time.FromDatetime(value)
    else:
        setattr(message, kind, value)
    return message
