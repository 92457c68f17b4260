"""Turns a filter of a list into SQL, over the fields that a service declares for the list once.

    ITEM_FIELDS = Fields({"item_id": integer(item.c.item_id), "sku": text(item.c.sku, blank_is_none=True)})
    wanted = read_filter(read, "filter", request.filter if request.HasField("filter") else None, ITEM_FIELDS, caller)

A filter lets a row through or does not; SQL's NULL is no third answer. So a negation is exact, and a row that has no value
for a field is let through by just those conditions that say so. What cannot be answered is refused by its path.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Numeric, and_, case, cast, collate, false, func, literal, or_, true
from sqlalchemy.types import BigInteger, Boolean, DateTime, String, Text, TypeEngine

from storekeeper.query.v1 import filter_pb2 as pb
from storekeeper_kit.caller import Caller
from storekeeper_kit.reading import Reading

DEPTH_MAX: Final = 8
CONDITIONS_MAX: Final = 1000
VALUES_MAX: Final = 1000
TEXT_CHARS_MAX: Final = 1000
INTEGER_DIGITS_MAX: Final = 15
DECIMALS_MAX: Final = 10

Expression = ColumnElement[Any]
Test = ColumnElement[bool]


class Type(StrEnum):
    """What a field's values are, as the kinds of a value in a condition are called."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    TIME = "time"


_SQL_TYPES: Final[Mapping[Type, TypeEngine[Any]]] = {
    Type.TEXT: Text(),
    Type.INTEGER: BigInteger(),
    Type.DECIMAL: Numeric(),
    Type.BOOLEAN: Boolean(),
    Type.TIME: DateTime(timezone=True),
}
_NUMBERS: Final = {Type.INTEGER, Type.DECIMAL}


@dataclass(frozen=True, slots=True)
class Field:
    """A field that conditions may name."""

    type: Type
    column: Expression
    permission: str | None = None
    """Without it, nobody may ask."""
    plain: Expression | None = None
    """The column as it is stored, where `column` is more than that: for comparisons that an index can answer."""


def text(column: Expression, *, blank_is_none: bool = False, permission: str | None = None) -> Field:
    """A text; where it is declared so, the empty one counts as no value."""
    if not blank_is_none:
        return Field(Type.TEXT, column, permission)
    return Field(Type.TEXT, func.nullif(column, "", type_=Text()), permission, plain=column)


def choice(column: Expression, names: Mapping[str, str]) -> Field:
    """A text that is stored by another name than it has in the contract: `names` tells the stored one of each."""
    return Field(Type.TEXT, case({stored: name for name, stored in names.items()}, value=column))


def integer(column: Expression) -> Field:
    """A whole number."""
    return Field(Type.INTEGER, column)


def decimal(column: Expression, *, permission: str | None = None) -> Field:
    """An exact number."""
    return Field(Type.DECIMAL, column, permission)


def boolean(column: Expression) -> Field:
    """Yes or no."""
    return Field(Type.BOOLEAN, column)


def time(column: Expression) -> Field:
    """An instant."""
    return Field(Type.TIME, column)


@dataclass(frozen=True, slots=True)
class Fields:
    """What conditions about the rows of one list may name."""

    by_name: Mapping[str, Field]
    extensions: Expression | None = None
    """A column of `storekeeper_kit.extensions`, whose contents are fields as well."""


def read_filter(read: Reading, path: str, message: pb.Filter | None, fields: Fields, caller: Caller) -> Test:
    """The filter as SQL; all that is wrong with it is noted by its path. Without a filter, every row is wanted."""
    if message is None:
        return true()
    return _Filtering(read, fields, caller).test(path, message, DEPTH_MAX, negated=False)


class _Filtering:
    """One filter as it is being read.

    Negations are carried down to the conditions. Above them only AND and OR are left, to which a condition that is
    NULL, because there is no value, is as good as one that is false.
    """

    def __init__(self, read: Reading, fields: Fields, caller: Caller) -> None:
        self._read = read
        self._fields = fields
        self._caller = caller
        self._conditions_left = CONDITIONS_MAX
        self._values_left = VALUES_MAX

    def test(self, path: str, message: pb.Filter, depth: int, *, negated: bool) -> Test:
        if not depth:
            return self._refuse(path, f"is nested deeper than {DEPTH_MAX}")
        match message.WhichOneof("kind"):
            case "all_of":
                parts = self._tests(f"{path}.all_of", message.all_of, depth, negated=negated)
                return or_(false(), *parts) if negated else and_(true(), *parts)
            case "any_of":
                parts = self._tests(f"{path}.any_of", message.any_of, depth, negated=negated)
                return and_(true(), *parts) if negated else or_(false(), *parts)
            case "negation":
                return self.test(f"{path}.negation", message.negation, depth - 1, negated=not negated)
            case "condition":
                positive, test = self._condition(f"{path}.condition", message.condition)
                return test if positive is not negated else test.is_not(true())
            case _:
                return self._refuse(path, "is required: exactly one of all_of, any_of, negation and condition")

    def _tests(self, path: str, group: pb.FilterList, depth: int, *, negated: bool) -> list[Test]:
        if not group.filters:
            # It costs as much as a condition, or a filter could have any number of them.
            self._is_within_bounds(path, values=0)
        tests = []
        for number, part in enumerate(group.filters):
            if self._conditions_left < 0:
                break
            tests.append(self.test(f"{path}.filters[{number}]", part, depth - 1, negated=negated))
        return tests

    def _condition(self, path: str, condition: pb.Condition) -> tuple[bool, Test]:
        """Whether the row is to pass the test or to fail it, and the test."""
        comparison = _COMPARISONS.get(condition.operator)
        if not self._is_within_bounds(path, values=len(condition.values)):
            return True, false()
        if comparison is None:
            return True, self._refuse(f"{path}.operator", "is required, and one of those that the contract has")
        values = [self._value(f"{path}.values[{number}]", value) for number, value in enumerate(condition.values)]
        field = self._field(f"{path}.field", condition.field, values)
        given = [value for value in values if value is not None]
        if field is None or len(given) < len(values):
            return True, false()
        problem = _misfit(field, comparison, given, ignore_case=condition.ignore_case)
        if problem:
            return True, self._refuse(path, f'{problem} "{condition.field}", which is of type {field.type}')
        column, wanted = field.column, _sql(given)
        if condition.ignore_case:
            column, wanted = _lower(column), [func.lower(value) for value in wanted]
        elif field.plain is not None and condition.operator in _EQUALITIES and all(value.value for value in given):
            # Not the empty text, then. Saying so lets partial indexes answer, which have no empty ones.
            return comparison.positive, and_(field.plain != "", comparison.test(field.plain, wanted))
        return comparison.positive, comparison.test(column, wanted)

    def _is_within_bounds(self, path: str, *, values: int) -> bool:
        self._conditions_left -= 1
        self._values_left -= values
        if self._conditions_left >= 0 and self._values_left >= 0:
            return True
        # Nothing that follows is looked at.
        self._conditions_left = -1
        self._refuse(path, f"is one too many: a filter has at most {CONDITIONS_MAX} conditions and {VALUES_MAX} values")
        return False

    def _field(self, path: str, name: str, values: "Sequence[_Value | None]") -> Field | None:
        field = self._fields.by_name.get(name)
        if field is None and self._fields.extensions is not None:
            field = _extension(self._fields.extensions, name, values)
        if field is None:
            self._refuse(path, f'names "{name[:100]}", which this list has not' if name else "is required")
            return None
        if field.permission is not None and not self._caller.may(field.permission):
            self._refuse(path, f'names "{name}", which needs the permission {field.permission}')
            return None
        return field

    def _value(self, path: str, value: pb.Value) -> "_Value | None":
        kind = value.WhichOneof("kind")
        if kind is None:
            self._refuse(path, "is required")
            return None
        content: Any = getattr(value, kind)
        if kind == "text" and ("\0" in content or len(content) > TEXT_CHARS_MAX):
            self._refuse(path, f"is longer than {TEXT_CHARS_MAX} characters, or contains the character NUL")
        elif kind == "decimal":
            content = self._read.decimal(path, content, scale=DECIMALS_MAX, integer_digits=INTEGER_DIGITS_MAX)
        elif kind == "time":
            content = self._read.timestamp(path, content)
        return None if content is None else _Value(Type(kind), content)

    def _refuse(self, path: str, description: str) -> Test:
        # What is refused costs a condition as well, so that there is an end to it.
        self._conditions_left -= 1
        self._read.violation(path, description)
        return false()


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of a condition."""

    type: Type
    value: str | int | Decimal | bool | datetime


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What an operator does."""

    test: Callable[[Expression, Sequence[Expression]], Test]
    positive: bool = True
    count: int | None = 1
    """How many values it takes; None for any number."""
    types: frozenset[Type] = frozenset(Type)


def _ordered(compare: Callable[[Expression, Expression], Test]) -> _Comparison:
    def test(column: Expression, values: Sequence[Expression]) -> Test:
        # By code points, whatever the database's own order of letters is.
        return compare(collate(column, "C") if isinstance(column.type, String) else column, values[0])

    return _Comparison(test, types=frozenset(Type) - {Type.BOOLEAN})


def _textual(test: Callable[[Expression, Expression], Test]) -> _Comparison:
    return _Comparison(lambda column, values: test(column, values[0]), types=frozenset({Type.TEXT}))


def _equals(column: Expression, values: Sequence[Expression]) -> Test:
    return column == values[0]


def _is_any_of(column: Expression, values: Sequence[Expression]) -> Test:
    return or_(false(), column.in_(values)) if values else false()


def _has_value(column: Expression, _: Sequence[Expression]) -> Test:
    return column.is_not(None)


_COMPARISONS: Final[Mapping[int, _Comparison]] = {
    pb.OPERATOR_EQUAL: _Comparison(_equals),
    pb.OPERATOR_NOT_EQUAL: _Comparison(_equals, positive=False),
    pb.OPERATOR_GREATER: _ordered(lambda column, value: column > value),
    pb.OPERATOR_GREATER_OR_EQUAL: _ordered(lambda column, value: column >= value),
    pb.OPERATOR_LESS: _ordered(lambda column, value: column < value),
    pb.OPERATOR_LESS_OR_EQUAL: _ordered(lambda column, value: column <= value),
    # Not LIKE, where some characters would stand for others.
    pb.OPERATOR_BEGINS_WITH: _textual(lambda column, value: func.starts_with(column, value, type_=Boolean())),
    pb.OPERATOR_ENDS_WITH: _textual(lambda column, value: func.right(column, func.length(value)) == value),
    pb.OPERATOR_CONTAINS: _textual(lambda column, value: func.strpos(column, value) > 0),
    pb.OPERATOR_EXISTS: _Comparison(_has_value, count=0),
    pb.OPERATOR_NOT_EXISTS: _Comparison(_has_value, positive=False, count=0),
    pb.OPERATOR_IN: _Comparison(_is_any_of, count=None),
    pb.OPERATOR_NOT_IN: _Comparison(_is_any_of, positive=False, count=None),
}
_EQUALITIES: Final = {pb.OPERATOR_EQUAL, pb.OPERATOR_NOT_EQUAL, pb.OPERATOR_IN, pb.OPERATOR_NOT_IN}


def _misfit(field: Field, comparison: _Comparison, values: Sequence[_Value], *, ignore_case: bool) -> str:
    """Why the condition can't be asked of the field, as the beginning of a sentence; empty if it can."""
    if comparison.count not in {None, len(values)}:
        return f"has {len(values)} values, where {comparison.count} would be right, for"
    if field.type not in comparison.types:
        return "has an operator that does not go with"
    if ignore_case and field.type is not Type.TEXT:
        return "ignores the case of"
    if any(value.type is not field.type and not {value.type, field.type} <= _NUMBERS for value in values):
        return "has a value that does not go with"
    return ""


def _lower(column: Expression) -> Expression:
    # The order of code points, which some columns have, knows the case of no letters but A to Z.
    return func.lower(collate(column, "default"), type_=Text())


def _sql(values: Sequence[_Value]) -> list[Expression]:
    return [literal(value.value, _SQL_TYPES[value.type]) for value in values]


def _extension(column: Expression, name: str, values: Sequence[_Value | None]) -> Field | None:
    """What a vendor knows under a key, as the type that it is compared with: content of another type is no value."""
    match = _EXTENSION.fullmatch(name)
    if match is None:
        return None
    # Step by step: a path would be text, in which a key with a comma or a brace is something else.
    node = column[match["vendor"]][match["key"]]
    kind = func.jsonb_typeof(node)
    if not values:
        return Field(Type.TEXT, case((kind != "null", node.astext)))
    first = next((value.type for value in values if value is not None), Type.TEXT)
    json_type = _JSON_TYPES.get(first)
    if json_type is None:
        # Of a type that no JSON value has: the condition is refused for its value.
        return Field(Type.TEXT, node.astext)
    return Field(first, case((kind == json_type, cast(node.astext, _SQL_TYPES[_widest(first)]))))


def _widest(type_: Type) -> Type:
    return Type.DECIMAL if type_ in _NUMBERS else type_


_JSON_TYPES: Final[Mapping[Type, str]] = {
    Type.TEXT: "string",
    Type.INTEGER: "number",
    Type.DECIMAL: "number",
    Type.BOOLEAN: "boolean",
}
_EXTENSION: Final = re.compile(r"extensions\.(?P<vendor>[a-z0-9_]{1,30})\.(?P<key>[^\x00\ud800-\udfff]{1,100})")
