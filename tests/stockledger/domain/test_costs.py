"""Amounts: rounded half-even to the currency's minor unit, and summing to the unit whatever is taken in which order."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.costs import Costing, CostMethod, amount_of, share_of
from tests.stockledger.domain.shelves import DAY, NOW

# Decimals of the minor unit.
CURRENCIES = {"JPY": 0, "USD": 2, "KWD": 3, "CLF": 4}

quantities = st.decimals("0.000001", "999999999999", places=6)
unit_costs = st.decimals("0", "999999", places=10)


@pytest.mark.parametrize(
    ("currency_code", "unit_cost", "amount"),
    [
        ("USD", "0.005", "0.00"),
        ("USD", "0.015", "0.02"),
        ("USD", "0.025", "0.02"),
        ("USD", "0.0250000001", "0.03"),
        ("JPY", "0.5", "0"),
        ("JPY", "1.5", "2"),
        ("JPY", "2.5", "2"),
        ("KWD", "0.0005", "0.000"),
        ("KWD", "0.0015", "0.002"),
        ("KWD", "0.0025", "0.002"),
        ("CLF", "0.00015", "0.0002"),
        ("XYZ", "0.125", "0.12"),
    ],
)
def test_an_amount_is_half_even_to_the_minor_unit_of_its_currency(
    currency_code: str, unit_cost: str, amount: str
) -> None:
    assert str(amount_of(Decimal(1), Decimal(unit_cost), currency_code)) == amount


def test_the_widest_product_is_rounded_once_and_not_before() -> None:
    most = Decimal("999999999999.999999"), Decimal("999999999999.9999999999")
    assert str(amount_of(*most, "USD")) == "999999999999999998999900.00"


def test_the_last_unit_takes_what_is_left() -> None:
    value = Decimal("10.00")
    first = share_of(value, taken=Decimal(1), on_hand=Decimal(3), currency_code="USD")
    second = share_of(value - first, taken=Decimal(1), on_hand=Decimal(2), currency_code="USD")
    third = share_of(value - first - second, taken=Decimal(1), on_hand=Decimal(1), currency_code="USD")
    assert [str(amount) for amount in (first, second, third)] == ["3.33", "3.34", "3.33"]


@given(st.data(), st.sampled_from(sorted(CURRENCIES)), quantities, unit_costs)
def test_whatever_is_taken_in_whichever_portions_sums_to_what_came(
    data: st.DataObject, currency_code: str, received: Decimal, unit_cost: Decimal
) -> None:
    value = left = amount_of(received, unit_cost, currency_code)
    on_hand = received
    amounts = []
    for _ in range(data.draw(st.integers(0, 8))):
        taken = data.draw(st.decimals("0.000001", on_hand, places=6))
        amounts.append(share_of(left, taken=taken, on_hand=on_hand, currency_code=currency_code))
        left, on_hand = left - amounts[-1], on_hand - taken
        if not on_hand:
            break
    else:
        amounts.append(share_of(left, taken=on_hand, on_hand=on_hand, currency_code=currency_code))
        left -= amounts[-1]
    assert left == 0
    assert sum(amounts) == value
    assert all(amount >= 0 for amount in amounts)
    assert all(amount == round(amount, CURRENCIES[currency_code]) for amount in amounts)


@given(quantities, unit_costs, st.decimals(0, 1, places=6))
def test_a_share_is_never_more_than_half_a_minor_unit_off(
    on_hand: Decimal, unit_cost: Decimal, portion: Decimal
) -> None:
    value = amount_of(on_hand, unit_cost, "USD")
    taken = (on_hand * portion).quantize(Decimal("0.000001"))
    share = share_of(value, taken=taken, on_hand=on_hand, currency_code="USD")
    # In whole numbers, because a quotient need not have an end: |share - value * taken / on_hand| <= 0.005.
    assert abs(share * on_hand - value * taken) <= Decimal("0.005") * on_hand


class TestTheCostOfTheNextUnits:
    def test_average_is_value_by_units(self) -> None:
        costing = Costing(Decimal(3), Decimal(10), Decimal(9), (NOW, 1))
        assert costing.unit_cost(CostMethod.AVERAGE) == Decimal("3.3333333333")

    def test_average_falls_back_to_the_last_cost_when_nothing_is_on_hand(self) -> None:
        costing = Costing(Decimal(0), Decimal(0), Decimal(9), (NOW, 1))
        assert costing.unit_cost(CostMethod.AVERAGE) == Decimal(9)

    def test_last_received_is_the_newest_unit_cost(self) -> None:
        costing = Costing(Decimal(3), Decimal(10), Decimal(9), (NOW, 1))
        assert costing.unit_cost(CostMethod.LAST_RECEIVED) == Decimal(9)

    @pytest.mark.parametrize("method", CostMethod)
    def test_without_a_unit_of_known_cost_there_is_none(self, method: CostMethod) -> None:
        assert Costing().unit_cost(method) is None

    def test_units_that_come_count_for_the_average(self) -> None:
        costing = Costing(Decimal(1), Decimal(10), Decimal(10), (NOW - DAY, 1))
        costing = costing.came(Decimal(1), Decimal(20), Decimal(20), (NOW, 2))
        assert costing.unit_cost(CostMethod.AVERAGE) == Decimal(15)
        assert costing.unit_cost(CostMethod.LAST_RECEIVED) == Decimal(20)

    def test_units_that_come_back_dated_are_not_the_last_received(self) -> None:
        costing = Costing(Decimal(1), Decimal(10), Decimal(10), (NOW, 1))
        costing = costing.came(Decimal(1), Decimal(20), Decimal(20), (NOW - DAY, 2))
        assert costing.unit_cost(CostMethod.LAST_RECEIVED) == Decimal(10)

    def test_units_that_leave_take_their_value_out_of_the_average(self) -> None:
        costing = Costing(Decimal(2), Decimal(30), Decimal(20), (NOW, 1)).left(Decimal(1), Decimal(10))
        assert costing.unit_cost(CostMethod.AVERAGE) == Decimal(20)
