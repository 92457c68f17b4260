"""What Autotask's filters mean, in plain Python, over the records that a query without conditions answers with."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from tests.kit.filters import lowered

Record = Mapping[str, Any]
Condition = dict[str, Any]

TESTS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda field, value: field == value,
    "gt": lambda field, value: field > value,
    "gte": lambda field, value: field >= value,
    "lt": lambda field, value: field < value,
    "lte": lambda field, value: field <= value,
    "beginsWith": lambda field, value: field.startswith(value),
    "endsWith": lambda field, value: field.endswith(value),
    "contains": lambda field, value: value in field,
}
NEGATIONS: Final = {"noteq": "eq", "notIn": "in", "notExist": "exist"}

NULLABLE: Final = ("eq", "noteq")
ORDERED: Final = ("gt", "gte", "lt", "lte")
TEXTUAL: Final = ("beginsWith", "endsWith", "contains")
LISTS: Final = ("in", "notIn")
VALUELESS: Final = ("exist", "notExist")


def operators_of(data_type: str) -> tuple[str, ...]:
    """The operators that go with fields of this type."""
    ordered = () if data_type == "boolean" else ORDERED
    return (*NULLABLE, *LISTS, *VALUELESS, *ordered, *(TEXTUAL if data_type == "string" else ()))


def passes(condition: Condition, record: Record, data_types: Mapping[str, str]) -> bool:
    """Whether a record passes a condition or a group of them."""
    match condition["op"]:
        case "and":
            return all(passes(part, record, data_types) for part in condition["items"])
        case "or":
            return any(passes(part, record, data_types) for part in condition["items"])
        case op if op in NEGATIONS:
            return not passes({**condition, "op": NEGATIONS[op]}, record, data_types)
        case _:
            return _passes(condition, record, data_types)


def found(conditions: Sequence[Condition], records: Sequence[Record], data_types: Mapping[str, str]) -> list[int]:
    """The ids of the records that pass all conditions."""
    passed = (record for record in records if all(passes(part, record, data_types) for part in conditions))
    return [record["id"] for record in passed]


def _passes(condition: Condition, record: Record, data_types: Mapping[str, str]) -> bool:
    data_type = data_types[condition["field"]]
    field = meaning(record[condition["field"]], data_type)
    match condition["op"]:
        case "exist":
            return field is not None
        case "in":
            return field in [meaning(value, data_type) for value in condition["value"]]
        case op:
            value = meaning(condition["value"], data_type)
            if field is None or value is None:
                return field is value
            return TESTS[op](field, value)


def meaning(value: Any, data_type: str) -> Any:
    """What a value of JSON stands for, so that what means the same is equal."""
    if value is None:
        return None
    match data_type:
        case "string":
            return lowered(value)
        case "datetime":
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        case "boolean":
            return value
        case _:
            return Decimal(value)
