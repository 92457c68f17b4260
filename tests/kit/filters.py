"""What filters mean, in plain Python, one row and one condition at a time: the slow twin of their SQL."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal as DecimalMessage

from storekeeper.query.v1 import filter_pb2 as pb

Row = Mapping[str, Any]
"""The value of each field; None where there is none."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

NEGATIONS: Final = {
    pb.OPERATOR_NOT_EQUAL: pb.OPERATOR_EQUAL,
    pb.OPERATOR_NOT_EXISTS: pb.OPERATOR_EXISTS,
    pb.OPERATOR_NOT_IN: pb.OPERATOR_IN,
}
TESTS: Final[Mapping[int, Callable[[Any, list[Any]], bool]]] = {
    pb.OPERATOR_EQUAL: lambda field, values: field == values[0],
    pb.OPERATOR_GREATER: lambda field, values: field > values[0],
    pb.OPERATOR_GREATER_OR_EQUAL: lambda field, values: field >= values[0],
    pb.OPERATOR_LESS: lambda field, values: field < values[0],
    pb.OPERATOR_LESS_OR_EQUAL: lambda field, values: field <= values[0],
    pb.OPERATOR_BEGINS_WITH: lambda field, values: field.startswith(values[0]),
    pb.OPERATOR_ENDS_WITH: lambda field, values: field.endswith(values[0]),
    pb.OPERATOR_CONTAINS: lambda field, values: values[0] in field,
    pb.OPERATOR_EXISTS: lambda field, values: True,
    pb.OPERATOR_IN: lambda field, values: field in values,
}

ORDERED: Final = (
    pb.OPERATOR_GREATER,
    pb.OPERATOR_GREATER_OR_EQUAL,
    pb.OPERATOR_LESS,
    pb.OPERATOR_LESS_OR_EQUAL,
)
TEXTUAL: Final = (pb.OPERATOR_BEGINS_WITH, pb.OPERATOR_ENDS_WITH, pb.OPERATOR_CONTAINS)
OPERATORS: Final = tuple(number for number in pb.Operator.values() if number != pb.OPERATOR_UNSPECIFIED)


def holds(wanted: pb.Filter, row: Row) -> bool:
    """Whether a row passes a filter."""
    match wanted.WhichOneof("kind"):
        case "all_of":
            return all(holds(part, row) for part in wanted.all_of.filters)
        case "any_of":
            return any(holds(part, row) for part in wanted.any_of.filters)
        case "negation":
            return not holds(wanted.negation, row)
        case _:
            return _condition_holds(wanted.condition, row)


def _condition_holds(condition: pb.Condition, row: Row) -> bool:
    if condition.operator in NEGATIONS:
        positive = pb.Condition()
        positive.CopyFrom(condition)
        positive.operator = NEGATIONS[condition.operator]
        return not _condition_holds(positive, row)
    values = [read_value(value) for value in condition.values]
    field = _field(condition.field, row, values)
    if field is None:
        return False
    if condition.ignore_case and values:
        field, values = lowered(field), [lowered(value) for value in values]
    return TESTS[condition.operator](field, values)


def _field(name: str, row: Row, values: list[Any]) -> Any:
    """The value of a field; what only a vendor knows is none when it is compared with what is of another type."""
    if not name.startswith("extensions."):
        return row[name]
    _, vendor, key = name.split(".", 2)
    content = row["extensions"].get(vendor, {}).get(key)
    return content if not values or _json_type(content) is _json_type(values[0]) else None


def _json_type(value: Any) -> type:
    return Decimal if type(value) in {int, Decimal} else type(value)


def lowered(text: str) -> str:
    """Small letters, each for itself: no letter becomes two, or depends on its neighbours."""
    return "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)


# --- messages -----------------------------------------------------------------------------------------------------


def condition(field: str, operator: int, *values: Any, ignore_case: bool = False) -> pb.Filter:
    """A comparison."""
    return pb.Filter(
        condition=pb.Condition(
            field=field,
            operator=pb.Operator.ValueType(operator),
            values=[write_value(value) for value in values],
            ignore_case=ignore_case,
        )
    )


def all_of(*parts: pb.Filter) -> pb.Filter:
    """All of these."""
    return pb.Filter(all_of=pb.FilterList(filters=parts))


def any_of(*parts: pb.Filter) -> pb.Filter:
    """At least one of these."""
    return pb.Filter(any_of=pb.FilterList(filters=parts))


def negation(part: pb.Filter) -> pb.Filter:
    """Not this one."""
    return pb.Filter(negation=part)


def write_value(value: Any) -> pb.Value:
    """A value as the wire has it."""
    match value:
        case bool():
            return pb.Value(boolean=value)
        case int():
            return pb.Value(integer=value)
        case Decimal():
            return pb.Value(decimal=DecimalMessage(value=str(value)))
        case datetime():
            moment = Timestamp()
            moment.FromDatetime(value)
            return pb.Value(time=moment)
        case _:
            return pb.Value(text=value)


def read_value(value: pb.Value) -> Any:
    """A value as Python has it."""
    match value.WhichOneof("kind"):
        case "decimal":
            return Decimal(value.decimal.value or 0)
        case "time":
            return EPOCH + timedelta(seconds=value.time.seconds, microseconds=value.time.nanos // 1000)
        case kind:
            assert kind is not None
            return getattr(value, kind)
