"""Money in its currency."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.values import clean, money
from etl.values.money import ROUBLES, Foreign, Measure, converted, measure

D = Decimal
DOLLARS = measure("USD", D(80))
SUMS = st.decimals("0.01", "10000000", places=2)
RATES = st.decimals("0.0001", "500", places=4).filter(lambda rate: rate != 1)


def test_two_currencies_neither_compare_nor_add_up():
    dollars = Foreign(D(100), "USD")
    assert dollars != D(100) and dollars != Foreign(D(100), "EUR")
    with pytest.raises(TypeError):
        _ = dollars > D(100)  # type: ignore[operator]
    with pytest.raises(TypeError):
        _ = dollars + D(100)  # type: ignore[operator]
    with pytest.raises(TypeError):
        sum([D(1), dollars])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("currency", "rate", "known"),
    [
        (None, None, ROUBLES),
        ("RUB", D(1), ROUBLES),
        ("RUB", D("1.0000"), ROUBLES),
        ("RUB", D(82), Measure("RUB", None)),
        ("USD", D(80), Measure("USD", D(80))),
        ("USD", D("1.00"), Measure("USD", None)),
        ("USD", D(0), Measure("USD", None)),
        ("USD", D(-80), Measure("USD", None)),
        ("USD", None, Measure("USD", None)),
    ],
)
def test_a_rate_of_one_is_none(currency, rate, known):
    assert measure(currency, rate) == known


@pytest.mark.parametrize(
    ("amount", "own", "other", "expected"),
    [
        ("100", ROUBLES, DOLLARS, "1.25"),
        ("8000", ROUBLES, DOLLARS, "100.00"),
        ("100", DOLLARS, ROUBLES, "8000.00"),
        ("100", measure("EUR", D(90)), DOLLARS, "112.50"),
        ("100", measure("USD", None), ROUBLES, None),
        ("100", ROUBLES, measure("USD", D(1)), None),
        ("100", measure("USD", None), DOLLARS, "100"),
        ("-8000", ROUBLES, DOLLARS, "-100.00"),
        ("0.01", measure("KZT", D("0.16")), ROUBLES, "0.00"),
    ],
)
def test_a_sum_in_another_currency(amount, own, other, expected):
    assert converted(D(amount), own, other) == (None if expected is None else D(expected))


@given(SUMS, RATES)
def test_paid_there_and_back_in_full_is_in_full(whole, rate):
    """A kopeck of roubles is many tiyin: the sum that pays the whole must count as the whole."""
    other = measure("KZT", rate)
    paid = clean.kopecks(whole * rate)
    assert converted(paid, ROUBLES, other, whole) == whole


@pytest.mark.parametrize(
    ("number", "code"),
    [("40702810900000000123", "RUB"), ("40702840000000000001", "USD"), ("408178105", None), ("", None)],
)
def test_the_currency_of_an_account_stands_in_its_number(number, code):
    assert money.of_account(number) == code


def test_a_sum_for_people_names_its_currency():
    assert [money.shown(money.of(D(5), code)) for code in (None, "RUB", "USD")] == [
        "5.00 руб.",
        "5.00 руб.",
        "5.00 USD",
    ]
