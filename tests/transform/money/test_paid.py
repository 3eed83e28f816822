"""The law of money: the maximum over sources, the day it was covered."""

from datetime import date
from decimal import Decimal

import pytest

from etl.transform.money import paid
from tests.support.deals000 import payment
from tests.support.documents import (
    CHARGE,
    D,
    law,
    payments,
)

# ---- the law ----


def test_paid_is_the_maximum_over_sources_never_their_sum():
    assert law(
        payment(CHARGE, "1500"), payment(CHARGE, "1500", source="bank"), payment(CHARGE, "900", source="xlsx")
    )[CHARGE].amount == D(1500)
    assert law(
        payment(CHARGE, "500"), payment(CHARGE, "700", number="2"), payment(CHARGE, "1000", source="bank")
    )[CHARGE].amount == D(1200)


@pytest.mark.parametrize(
    ("amount", "full"),
    [("1500", True), ("1499.99", True), ("1499.98", False), ("1500.01", True), ("0", False)],
)
def test_full_up_to_one_kopeck(amount, full):
    assert law(payment(CHARGE, amount), due={CHARGE: 1500})[CHARGE].full is full


def test_paid_on_is_the_day_a_source_reached_the_sum():
    parts = [
        payment(CHARGE, "500", date(2026, 11, 3)),
        payment(CHARGE, "1000", date(2026, 11, 20), number="2"),
        payment(CHARGE, "100", date(2026, 12, 1), number="3"),
    ]
    assert law(*parts, due={CHARGE: 1500})[CHARGE].on == date(2026, 11, 20)
    assert law(*parts, payment(CHARGE, "1500", date(2026, 11, 18), source="bank"), due={CHARGE: 1500})[
        CHARGE
    ].on == date(2026, 11, 18)
    assert law(*parts, payment(CHARGE, "1400", date(2026, 11, 1), source="bank"), due={CHARGE: 1500})[
        CHARGE
    ].on == date(2026, 11, 20)
    assert law(*parts[:1], due={CHARGE: 1500})[CHARGE] == paid.Paid(
        D(500), True, date(2026, 11, 3), False, "1"
    )


def test_paid_again_after_a_refund_counts_from_the_second_time():
    parts = [
        payment(CHARGE, "1500", date(2026, 11, 3)),
        payment(CHARGE, "-1500", date(2026, 11, 10), number="2"),
        payment(CHARGE, "1500", date(2026, 11, 25), number="3"),
    ]
    assert law(*parts[:2], due={CHARGE: 1500})[CHARGE] == paid.Paid(D(0), True, None, False, "1")
    assert law(*parts, due={CHARGE: 1500})[CHARGE].on == date(2026, 11, 25)


def test_an_undated_payment_never_hides_a_known_day():
    assert law(
        payment(CHARGE, "500", None),
        payment(CHARGE, "1000", date(2026, 11, 5), number="2"),
        due={CHARGE: 1500},
    )[CHARGE].on == date(2026, 11, 5)
    assert law(payment(CHARGE, "1500", None), due={CHARGE: 1500})[CHARGE].on is None


def test_nothing_received_does_not_pay_a_charge_of_one_kopeck() -> None:
    """The tolerance of one kopeck must not make a charge of one kopeck paid by a payment that was taken back."""
    rows = [{"source": "1c", "id": "p1", "target": "M", "date": None, "amount": Decimal("0.00")}]
    assert not paid.settle(payments(rows), Decimal("0.01")).full
    assert paid.settle(payments([rows[0] | {"amount": Decimal("0.01")}]), Decimal("0.01")).full
