"""Items and numbers."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storekeeper_stockledger.domain.numbers import plain
from tests.stockledger.domain.shelves import item


@pytest.mark.parametrize(
    ("scale", "quantity", "measured"),
    [
        (0, "1", True),
        (0, "1E+3", True),
        (0, "0.1", False),
        (2, "0.01", True),
        (2, "0.001", False),
        (6, "0.000001", True),
        (6, "0.0000001", False),
    ],
)
def test_an_item_is_counted_with_as_many_decimals_as_its_scale(scale: int, quantity: str, measured: bool) -> None:
    assert item(scale=scale).measures(Decimal(quantity)) is measured


@pytest.mark.parametrize(
    ("written", "told"),
    [("1.500", "1.5"), ("1E+3", "1000"), ("0E-6", "0"), ("-0.10", "-0.1"), ("1E-10", "0.0000000001")],
)
def test_numbers_are_told_without_exponents_and_trailing_zeros(written: str, told: str) -> None:
    assert plain(Decimal(written)) == told


@given(st.decimals(Decimal(-(10**18)), Decimal(10**18), places=10))
def test_a_told_number_is_the_number(number: Decimal) -> None:
    assert Decimal(plain(number)) == number
