"""Filters: the SQL that they become lets the same rows through as plain Python does, and what can't be asked is refused.

The rows are few and their values are often equal, so that most conditions hold for some and not for others.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations
from typing import Any, Final

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.decimal_pb2 import Decimal as DecimalMessage
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    func,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from storekeeper.query.v1 import filter_pb2 as pb
from storekeeper_cli.postgres import EmbeddedPostgres
from storekeeper_kit import querying
from storekeeper_kit.caller import COSTS_VIEW, Caller
from storekeeper_kit.database import Database
from storekeeper_kit.querying import CONDITIONS_MAX, DEPTH_MAX, TEXT_CHARS_MAX, VALUES_MAX, Fields, Type, read_filter
from storekeeper_kit.reading import Reading
from storekeeper_kit.refusals import InvalidRequest
from tests.kit.filters import OPERATORS, ORDERED, TEXTUAL, all_of, any_of, condition, holds, negation, write_value

ROWS: Final = 150
FILLED: Final = 20_000

ROW: Final = Table(
    "some_row",
    MetaData(),
    Column("row_id", BigInteger, primary_key=True),
    Column("title", Text, nullable=False),
    # This collation knows the case of A to Z only.
    Column("code", Text(collation="C"), nullable=False),
    Column("note", Text),
    Column("state", Text, nullable=False),
    Column("number", BigInteger),
    Column("digit", SmallInteger, nullable=False),
    Column("amount", Numeric),
    Column("flag", Boolean),
    Column("moment", DateTime(timezone=True)),
    Column("extensions", JSONB, nullable=False),
)
STATES: Final = {"ACTIVE": "on", "ARCHIVED": "off", "Zombie": "away"}
"""What is stored for what the contract says."""

FIELDS: Final = Fields(
    {
        "row_id": querying.integer(ROW.c.row_id),
        "title": querying.text(ROW.c.title),
        "code": querying.text(ROW.c.code, blank_is_none=True),
        "note": querying.text(ROW.c.note),
        "state": querying.choice(ROW.c.state, STATES),
        "number": querying.integer(ROW.c.number),
        "digit": querying.integer(ROW.c.digit),
        "cost.amount": querying.decimal(ROW.c.amount, permission=COSTS_VIEW),
        "flag": querying.boolean(ROW.c.flag),
        "moment": querying.time(ROW.c.moment),
    },
    extensions=ROW.c.extensions,
)

# Among them: what LIKE takes for something else, letters whose order differs from language to language, such as have no
# small form of one letter, and such as UTF-16 would put in another order.
TEXTS: Final = (
    *("", "a", "A", "b", "B", "ab", "aB", "a_b", "a%b", "axb", "%", "_", "\\", "'", '"', "NULL", " a", "a ", "a\nb"),
    *(
        "ä",
        "Ä",
        "z",
        "Zürich",
        "zÜRICH",
        "ß",
        "ẞ",
        "Σς",
        "ΣΣ",
        "Д",
        "д",
        "倉庫",
        "\uffff",
        "\U00010000",
        "🐭",
        "10",
        "9",
    ),
)
INTEGERS: Final = (0, 1, -1, 2, 9, 10, 2**31, 2**63 - 1, -(2**63))
DECIMALS: Final = tuple(map(Decimal, "0 1 -1 1.5 1.50 2 10 0.0000000001 999999999999999.9999999999".split()))
TIMES: Final = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2024, 3, 1, 5, 0, 0, 1, tzinfo=UTC),
    datetime(2024, 3, 1, 5, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)
KEYS: Final = ("k", "other", "a.b", "a, b", "}", '"', "null", " x ", "0", "\\", "ключ", "$[%s]")
"""Of an extension: each is one key, whatever it means in a path."""
CONTENTS: Final = (
    "a",
    "A",
    "",
    "10",
    "true",
    10,
    Decimal("10.0"),
    Decimal("1.5"),
    -3,
    True,
    False,
    None,
    ["a"],
    {"k": "a"},
)

VALUES: Final[dict[Type, tuple[Any, ...]]] = {
    Type.TEXT: (*TEXTS, *STATES),
    Type.INTEGER: INTEGERS,
    Type.DECIMAL: DECIMALS,
    Type.BOOLEAN: (True, False),
    Type.TIME: TIMES,
}
ANYBODY: Final = Caller(1, "tester", frozenset({"*"}))
EXTENSION_FIELDS: Final = tuple(f"extensions.vendor_1.{key}" for key in KEYS)


def some_row(chance: random.Random, row_id: int) -> dict[str, Any]:
    """A row as its fields show it."""
    return {
        "row_id": row_id,
        "title": chance.choice(TEXTS),
        "code": chance.choice(TEXTS) or None,
        "note": chance.choice((None, *TEXTS)),
        "state": chance.choice(list(STATES)),
        "number": chance.choice((None, *INTEGERS)),
        "digit": chance.randrange(10),
        "cost.amount": chance.choice((None, *DECIMALS)),
        "flag": chance.choice((None, True, False)),
        "moment": chance.choice((None, *TIMES)),
        "extensions": some_extensions(chance),
    }


def some_extensions(chance: random.Random) -> dict[str, dict[str, Any]]:
    vendors = [vendor for vendor in ("vendor_1", "vendor_2") if chance.random() < 0.8]
    return {vendor: {key: chance.choice(CONTENTS) for key in KEYS if chance.random() < 0.7} for vendor in vendors}


def stored(row: dict[str, Any]) -> dict[str, Any]:
    """The same row as it is stored."""
    columns = {name: value for name, value in row.items() if name != "cost.amount"}
    return {**columns, "code": row["code"] or "", "state": STATES[row["state"]], "amount": row["cost.amount"]}


_chance: Final = random.Random(20240301)
ROWS_SHOWN: Final = [some_row(_chance, row_id) for row_id in range(1, ROWS + 1)]


@pytest.fixture(scope="module")
def database(postgres: EmbeddedPostgres) -> Iterator[Database]:
    """Connections to a database with the rows."""
    urls = postgres.create_service_database("kit", database="kit_querying")
    owner = Database(urls.owner)
    with owner.begin() as connection:
        ROW.create(connection)
        connection.execute(insert(ROW), [stored(row) for row in ROWS_SHOWN])
    yield owner
    owner.close()
    postgres.drop_database("kit_querying")


def sql_of(wanted: pb.Filter, caller: Caller = ANYBODY, fields: Fields = FIELDS) -> ColumnElement[bool]:
    read = Reading()
    test = read_filter(read, "filter", wanted, fields, caller)
    read.finish()
    return test


def found(database: Database, wanted: pb.Filter) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(select(ROW.c.row_id).where(sql_of(wanted)).order_by(ROW.c.row_id)))


def expected(wanted: pb.Filter) -> list[int]:
    return [row["row_id"] for row in ROWS_SHOWN if holds(wanted, row)]


# --- against the twin ---------------------------------------------------------------------------------------------


def operators_of(type_: Type) -> list[int]:
    """All that go with fields of this type."""
    without = {*(TEXTUAL if type_ is not Type.TEXT else ()), *(ORDERED if type_ is Type.BOOLEAN else ())}
    return [operator for operator in OPERATORS if operator not in without]


def values_of(operator: int, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """What a condition with this operator may compare with."""
    match operator:
        case pb.OPERATOR_EXISTS | pb.OPERATOR_NOT_EXISTS:
            return [()]
        case pb.OPERATOR_IN | pb.OPERATOR_NOT_IN:
            return [(), values, *combinations(values[:6], 2)]
        case _:
            return [(value,) for value in values]


def conditions_on(field: str, type_: Type, values: tuple[Any, ...]) -> list[pb.Filter]:
    """Every operator with every value, whether case counts or not."""
    return [
        condition(field, operator, *given, ignore_case=ignore_case)
        for operator in operators_of(type_)
        for given in values_of(operator, values)
        for ignore_case in ((False, True) if type_ is Type.TEXT else (False,))
    ]


@pytest.mark.parametrize("name", FIELDS.by_name)
def test_every_operator_lets_the_same_rows_through_as_in_plain_python(database: Database, name: str) -> None:
    type_ = FIELDS.by_name[name].type
    for wanted in conditions_on(name, type_, VALUES[type_]):
        assert found(database, wanted) == expected(wanted), wanted


@pytest.mark.parametrize("name", ["number", "digit", "cost.amount"])
def test_integers_and_decimals_compare_with_each_other(database: Database, name: str) -> None:
    type_, other = FIELDS.by_name[name].type, {Type.INTEGER: DECIMALS, Type.DECIMAL: INTEGERS}
    for wanted in conditions_on(name, type_, other[type_]):
        assert found(database, wanted) == expected(wanted), wanted


@pytest.mark.parametrize("type_", [type_ for type_ in Type if type_ is not Type.TIME])
def test_an_extension_is_compared_as_what_its_content_is(database: Database, type_: Type) -> None:
    for key in ("k", "a, b"):
        for wanted in conditions_on(f"extensions.vendor_1.{key}", type_, VALUES[type_]):
            assert found(database, wanted) == expected(wanted), wanted


@pytest.mark.parametrize("name", EXTENSION_FIELDS)
def test_every_key_of_an_extension_can_be_asked_for(database: Database, name: str) -> None:
    for wanted in (condition(name, pb.OPERATOR_EXISTS), condition(name, pb.OPERATOR_EQUAL, "a")):
        assert found(database, wanted) == expected(wanted) != []


def test_a_key_that_nobody_has_has_no_value(database: Database) -> None:
    assert found(database, condition("extensions.nobody.key", pb.OPERATOR_EXISTS)) == []
    assert len(found(database, condition("extensions.nobody.key", pb.OPERATOR_NOT_EQUAL, 1))) == ROWS


@st.composite
def conditions(draw: st.DrawFn) -> pb.Filter:
    """Any condition that can be answered."""
    name = draw(st.sampled_from((*FIELDS.by_name, *EXTENSION_FIELDS)))
    field = FIELDS.by_name.get(name)
    type_ = field.type if field else draw(st.sampled_from([kind for kind in Type if kind is not Type.TIME]))
    operator = draw(st.sampled_from(operators_of(type_)))
    given = draw(st.sampled_from(values_of(operator, VALUES[type_])))
    ignore_case = type_ is Type.TEXT and (bool(given) or field is not None) and draw(st.booleans())
    return condition(name, operator, *given, ignore_case=ignore_case)


def groups(parts: st.SearchStrategy[pb.Filter]) -> st.SearchStrategy[pb.Filter]:
    """Any group of these, an empty one too, or the negation of one."""
    several = st.lists(parts, max_size=4)
    return st.one_of(
        several.map(lambda them: all_of(*them)), several.map(lambda them: any_of(*them)), parts.map(negation)
    )


def depth_of(wanted: pb.Filter) -> int:
    match wanted.WhichOneof("kind"):
        case "all_of" | "any_of" as kind:
            return 1 + max(map(depth_of, getattr(wanted, kind).filters), default=0)
        case "negation":
            return 1 + depth_of(wanted.negation)
        case _:
            return 1


filters: Final = st.recursive(conditions(), groups, max_leaves=12).filter(lambda wanted: depth_of(wanted) <= DEPTH_MAX)


@settings(max_examples=400)
@given(wanted=filters)
def test_nested_filters_let_the_same_rows_through_as_in_plain_python(database: Database, wanted: pb.Filter) -> None:
    assert found(database, wanted) == expected(wanted)


@settings(max_examples=100)
@given(wanted=filters)
def test_a_negation_is_exact(database: Database, wanted: pb.Filter) -> None:
    if depth_of(wanted) < DEPTH_MAX:
        passed = set(found(database, wanted))
        assert set(found(database, negation(wanted))) == {row["row_id"] for row in ROWS_SHOWN} - passed


@pytest.mark.parametrize("name", ["title", "note", "state", "extensions.v.k"])
@pytest.mark.parametrize("ignore_case", [False, True])
def test_text_has_the_order_of_code_points_whatever_the_databases_own_is(
    database: Database, name: str, ignore_case: bool
) -> None:
    test = sql_of(condition(name, pb.OPERATOR_LESS, "a", ignore_case=ignore_case))
    with database.read() as connection:
        assert 'COLLATE "C") <' in str(test.compile(dialect=connection.dialect))


def test_without_a_filter_every_row_is_wanted(database: Database) -> None:
    with database.read() as connection:
        wanted = read_filter(Reading(), "filter", None, FIELDS, ANYBODY)
        assert connection.scalar(select(func.count()).select_from(ROW).where(wanted)) == ROWS


def test_an_empty_group_of_all_holds_and_one_of_any_does_not(database: Database) -> None:
    assert len(found(database, all_of())) == ROWS
    assert found(database, any_of()) == []
    assert found(database, negation(all_of())) == []


# --- how it is found ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled(database: Database) -> Table:
    """A table with so many rows that nobody would look through all of them for one."""
    table = Table("filled", MetaData(), Column("row_id", BigInteger, primary_key=True), Column("number", Integer))
    with database.begin() as connection:
        table.create(connection)
        connection.execute(insert(table), [{"row_id": number, "number": number} for number in range(1, FILLED + 1)])
        connection.exec_driver_sql("CREATE INDEX ON filled (number)")
        connection.exec_driver_sql("ANALYZE filled")
    return table


@pytest.mark.parametrize("name", ["row_id", "number"])
@pytest.mark.parametrize(
    ("operator", "values"),
    [
        (pb.OPERATOR_EQUAL, (7,)),
        (pb.OPERATOR_IN, (7, 8, 9)),
        (pb.OPERATOR_GREATER, (FILLED - 9,)),
        (pb.OPERATOR_LESS_OR_EQUAL, (9,)),
    ],
    ids=str,
)
def test_an_indexed_number_is_found_by_its_index(
    database: Database, filled: Table, name: str, operator: int, values: tuple[int, ...]
) -> None:
    fields = Fields({column.name: querying.integer(column) for column in filled.c})
    wanted = all_of(all_of(condition(name, operator, *values)), condition("row_id", pb.OPERATOR_GREATER, 0))
    statement = select(filled.c.row_id).where(sql_of(wanted, fields=fields)).order_by(filled.c.row_id).limit(500)
    with database.read() as connection:
        sql = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {sql}").scalars())
    assert "Index Cond" in plan
    assert "Seq Scan" not in plan


# --- what is refused ----------------------------------------------------------------------------------------------


def refusals(wanted: pb.Filter, caller: Caller = ANYBODY, fields: Fields = FIELDS) -> dict[str, str]:
    """What is wrong with a filter, by path."""
    with pytest.raises(InvalidRequest) as error:
        sql_of(wanted, caller, fields)
    return {bad.field: bad.description for bad in error.value.violations}


def nested(levels: int) -> pb.Filter:
    """A condition below so many others that it is on this level."""
    wanted = condition("digit", pb.OPERATOR_EQUAL, 1)
    for level in range(levels - 1):
        wanted = negation(wanted) if level % 2 else any_of(wanted)
    return wanted


def of_values(count: int) -> pb.Filter:
    return condition("digit", pb.OPERATOR_IN, *range(count))


class TestRefusals:
    @pytest.mark.parametrize("name", ["nothing", "Title", "title ", "extensions", "extensions.vendor_1", "row_id\0"])
    def test_of_an_unknown_field_name_it(self, name: str) -> None:
        told = refusals(all_of(condition("digit", pb.OPERATOR_EQUAL, 1), condition(name, pb.OPERATOR_EQUAL, 1)))
        assert told == {"filter.all_of.filters[1].condition.field": f'names "{name}", which this list has not'}

    @pytest.mark.parametrize(
        "name", ["extensions.Vendor.k", f"extensions.{'v' * 31}.k", "extensions.v.", "extensions.v.\0"]
    )
    def test_of_an_extension_go_by_how_vendors_and_keys_are_named(self, name: str) -> None:
        assert list(refusals(condition(name, pb.OPERATOR_EXISTS))) == ["filter.condition.field"]

    def test_of_an_extension_where_the_list_has_none(self) -> None:
        told = refusals(condition("extensions.v.k", pb.OPERATOR_EXISTS), fields=Fields(FIELDS.by_name))
        assert told == {"filter.condition.field": 'names "extensions.v.k", which this list has not'}

    def test_of_a_long_name_are_short(self) -> None:
        assert len(refusals(condition("x" * 1_000_000, pb.OPERATOR_EXISTS))["filter.condition.field"]) < 200

    def test_ask_for_a_field(self) -> None:
        assert refusals(condition("", pb.OPERATOR_EQUAL, 1)) == {"filter.condition.field": "is required"}

    @pytest.mark.parametrize("operator", [pb.OPERATOR_UNSPECIFIED, 14, 99, -1])
    def test_ask_for_an_operator_that_there_is(self, operator: int) -> None:
        assert list(refusals(condition("digit", operator, 1))) == ["filter.condition.operator"]

    @pytest.mark.parametrize(
        "wanted",
        [
            *(condition(name, operator, VALUES[FIELDS.by_name[name].type][0])
              for name in ("digit", "cost.amount", "moment", "flag") for operator in TEXTUAL),
            *(condition("flag", operator, True) for operator in ORDERED),
            *(condition("extensions.v.k", operator, 1) for operator in TEXTUAL),
            *(condition("extensions.v.k", operator, True) for operator in ORDERED),
        ],
        ids=str,
    )  # fmt: skip
    def test_of_an_operator_that_does_not_go_with_the_type(self, wanted: pb.Filter) -> None:
        told = refusals(wanted)["filter.condition"]
        assert told.startswith(f'has an operator that does not go with "{wanted.condition.field}", which is of type ')

    @pytest.mark.parametrize("name", FIELDS.by_name)
    def test_of_a_value_of_another_type(self, name: str) -> None:
        type_ = FIELDS.by_name[name].type
        fitting = {Type.INTEGER, Type.DECIMAL} if type_ in {Type.INTEGER, Type.DECIMAL} else {type_}
        for other in set(Type) - fitting:
            told = refusals(condition(name, pb.OPERATOR_EQUAL, VALUES[other][0]))
            assert told == {"filter.condition": f'has a value that does not go with "{name}", which is of type {type_}'}

    def test_of_a_time_for_what_only_a_vendor_knows(self) -> None:
        told = refusals(condition("extensions.v.k", pb.OPERATOR_GREATER, TIMES[0]))
        assert "does not go with" in told["filter.condition"]

    def test_of_values_of_several_types(self) -> None:
        told = refusals(condition("extensions.v.k", pb.OPERATOR_IN, 1, "a"))
        assert told["filter.condition"].startswith("has a value that does not go with")

    @pytest.mark.parametrize("count", [0, 2])
    def test_of_a_comparison_with_any_but_one_value(self, count: int) -> None:
        for operator in set(OPERATORS) - {
            pb.OPERATOR_IN,
            pb.OPERATOR_NOT_IN,
            pb.OPERATOR_EXISTS,
            pb.OPERATOR_NOT_EXISTS,
        }:
            told = refusals(condition("title", operator, *["a"] * count))
            assert told["filter.condition"].startswith(f"has {count} values, where 1 would be right")

    @pytest.mark.parametrize("operator", [pb.OPERATOR_EXISTS, pb.OPERATOR_NOT_EXISTS])
    def test_of_a_question_for_existence_with_a_value(self, operator: int) -> None:
        told = refusals(condition("title", operator, "a"))
        assert told["filter.condition"].startswith("has 1 values, where 0 would be right")

    @pytest.mark.parametrize("name", ["digit", "cost.amount", "moment", "flag"])
    def test_of_case_that_is_ignored_where_there_is_none(self, name: str) -> None:
        value = VALUES[FIELDS.by_name[name].type][0]
        told = refusals(condition(name, pb.OPERATOR_EQUAL, value, ignore_case=True))
        assert told["filter.condition"].startswith("ignores the case of")

    def test_of_a_field_that_the_caller_may_not_see(self) -> None:
        told = refusals(condition("cost.amount", pb.OPERATOR_EXISTS), Caller(1, "tester", frozenset({"stock.view"})))
        assert told == {"filter.condition.field": f'names "cost.amount", which needs the permission {COSTS_VIEW}'}

    def test_of_a_filter_that_demands_nothing(self) -> None:
        assert list(refusals(pb.Filter())) == ["filter"]
        assert list(refusals(all_of(pb.Filter()))) == ["filter.all_of.filters[0]"]
        assert list(refusals(negation(pb.Filter()))) == ["filter.negation"]

    def test_of_values_tell_which(self) -> None:
        good, unset = write_value("a"), pb.Value()
        zero, long = pb.Value(text="a\0"), pb.Value(text="x" * (TEXT_CHARS_MAX + 1))
        given = pb.Condition(field="title", operator=pb.OPERATOR_IN, values=[good, unset, zero, long])
        paths = [f"filter.condition.values[{number}]" for number in (1, 2, 3)]
        assert list(refusals(pb.Filter(condition=given))) == paths

    @pytest.mark.parametrize("number", ["NaN", "1e16", "0.00000000001", "1,5"])
    def test_of_numbers_that_are_none_or_too_long(self, number: str) -> None:
        value = pb.Value(decimal=DecimalMessage(value=number))
        given = pb.Condition(field="cost.amount", operator=pb.OPERATOR_EQUAL, values=[value])
        assert list(refusals(pb.Filter(condition=given))) == ["filter.condition.values[0]"]

    def test_of_times_that_there_are_not(self) -> None:
        value = pb.Value(time=Timestamp(seconds=2**60))
        given = pb.Condition(field="moment", operator=pb.OPERATOR_EQUAL, values=[value])
        assert list(refusals(pb.Filter(condition=given))) == ["filter.condition.values[0]"]

    def test_tell_all_that_is_wrong_at_once(self) -> None:
        told = refusals(
            any_of(condition("nothing", pb.OPERATOR_EXISTS), negation(condition("digit", pb.OPERATOR_EQUAL)))
        )
        assert list(told) == ["filter.any_of.filters[0].condition.field", "filter.any_of.filters[1].negation.condition"]


class TestBounds:
    def test_text_of_the_greatest_length_is_compared(self, database: Database) -> None:
        assert found(database, condition("title", pb.OPERATOR_EQUAL, "x" * TEXT_CHARS_MAX)) == []

    def test_so_deep_and_no_deeper(self, database: Database) -> None:
        assert found(database, nested(DEPTH_MAX)) == expected(nested(DEPTH_MAX)) != []
        (told,) = refusals(nested(DEPTH_MAX + 1)).values()
        assert told == f"is nested deeper than {DEPTH_MAX}"

    def test_so_many_conditions_and_no_more(self, database: Database) -> None:
        one = condition("digit", pb.OPERATOR_EQUAL, 1)
        assert found(database, any_of(*[one] * CONDITIONS_MAX)) == expected(one)
        (told,) = refusals(any_of(*[one] * CONDITIONS_MAX, one)).items()
        assert told[0] == f"filter.any_of.filters[{CONDITIONS_MAX}].condition"
        assert told[1].startswith("is one too many")

    def test_so_many_values_in_all_and_no_more(self, database: Database) -> None:
        assert found(database, of_values(VALUES_MAX)) == expected(of_values(VALUES_MAX)) != []
        assert refusals(of_values(VALUES_MAX + 1))["filter.condition"].startswith("is one too many")
        told = refusals(all_of(of_values(VALUES_MAX), condition("digit", pb.OPERATOR_EQUAL, 1)))
        assert list(told) == ["filter.all_of.filters[1].condition"]

    def test_so_many_empty_groups_and_no_more(self, database: Database) -> None:
        assert len(found(database, all_of(*[all_of()] * CONDITIONS_MAX))) == ROWS
        assert list(refusals(all_of(*[all_of()] * (CONDITIONS_MAX + 1)))) == [
            f"filter.all_of.filters[{CONDITIONS_MAX}].all_of"
        ]

    @pytest.mark.parametrize(
        "wanted",
        [
            pytest.param(all_of(*[all_of()] * 300_000), id="empty groups"),
            pytest.param(all_of(*[pb.Filter()] * 300_000), id="nothing, often"),
            pytest.param(any_of(*[condition("nothing", pb.OPERATOR_EXISTS)] * 100_000), id="unknown fields"),
            pytest.param(any_of(*[condition("digit", pb.OPERATOR_EQUAL, 1)] * 100_000), id="conditions"),
            pytest.param(of_values(300_000), id="values"),
            pytest.param(nested(50), id="depth"),
        ],
    )
    def test_a_huge_filter_is_refused_without_being_read_whole(
        self, wanted: pb.Filter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks = 0

        def test(filtering: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal looks
            looks += 1
            return look(filtering, *args, **kwargs)

        look = querying._Filtering.test
        monkeypatch.setattr(querying._Filtering, "test", test)
        for levels_above in range(DEPTH_MAX + 1):
            assert refusals(below(levels_above, wanted))
        assert looks <= 2 * CONDITIONS_MAX * (DEPTH_MAX + 1)


def below(levels: int, wanted: pb.Filter) -> pb.Filter:
    """The filter so far below."""
    for _ in range(levels):
        wanted = negation(wanted)
    return wanted
