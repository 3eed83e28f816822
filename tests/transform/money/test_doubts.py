"""Currencies and signs of documents of money and goods, and what is said of those that do not count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.config.dialects import DIALECTS
from etl.transform.money import doubts, facts, matching
from etl.transform.money.currency import Due
from etl.transform.money.paid import paid
from etl.values.money import measure
from tests.support.documents import D, document, documents
from tests.support.rows import whole
from tests.support.statements import OUR

TARGET = "B24-5"
DOLLARS = {TARGET: Due(measure("USD", D(80)), D(100))}
_PAIRS = {"payment": ("payment", "refund"), "shipment": ("shipment", "return")}


def moved(*rows: dict[str, Any], kind: str = "payment", dues: Any = None) -> Any:
    """What the documents come to for one target, and what is said of them."""
    listed = documents(*(row | {"id": f"{row['id']}-{place}"} for place, row in enumerate(rows)))
    found = {row["id"]: TARGET for row in listed}
    if kind == "payment":
        told = facts.payment_facts(listed, found, DIALECTS["bitrix3"], (), dues)
    else:
        told = facts.shipment_facts(listed, found, (), dues)
    moving = [row for row in listed if row["kind"] in _PAIRS[kind]]
    said = [row["message"] for row in doubts.doubtful(moving, found, (), dues or {})]
    return (paid(told)[TARGET].amount if told else None), said


@pytest.mark.parametrize("kind", ["payment", "shipment"])
@pytest.mark.parametrize(
    ("sums", "amount", "doubtful"),
    [
        (((0, 100), (0, -100)), 0, 0),
        (((0, 100), (1, 100)), 0, 0),
        (((0, -100), (0, 100)), 0, 0),
        (((0, 100), (1, 40), (1, -40)), 100, 0),
        (((0, 100), (1, 40), (1, -15)), 75, 0),
        (((0, 100), (1, -40)), 100, 1),
        (((0, 100), (1, 30), (1, -40)), 70, 1),
        (((0, -100),), -100, 0),
        (((0, 100), (0, 100), (0, -100)), 100, 0),
        (((1, 100),), -100, 0),
    ],
)
def test_a_minus_takes_back_its_own_kind(
    kind: str, sums: tuple[tuple[int, int], ...], amount: int, doubtful: int
) -> None:
    rows = [document(_PAIRS[kind][which], amount=D(value)) for which, value in sums]
    total, said = moved(*rows, kind=kind)
    assert (total, len(said)) == (amount, doubtful)
    assert all("с минусом означает отмену" in message for message in said)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-300, 300)), max_size=6))
def test_no_minus_ever_adds_money(sums: list[tuple[int, int]]) -> None:
    """Whatever documents come: what counts is never more than what came in with a plus."""
    total, _ = moved(*(document(_PAIRS["payment"][which], amount=D(value)) for which, value in sums))
    received = sum(value for which, value in sums if which == 0 and value > 0)
    assert total is None or total <= received


def test_a_reversal_that_was_unposted_takes_nothing_back() -> None:
    total, _ = moved(document("payment", amount=D(100)), document("payment", amount=D(-100), posted=False))
    assert total == 100


@pytest.mark.parametrize(
    ("row", "amount"),
    [
        ({"currency": "USD", "rate": D(80)}, "100"),
        ({"currency": "USD", "rate": None}, "100"),
        ({"currency": "RUB", "rate": D(1)}, "1.25"),
        ({"currency": "RUB", "rate": None}, "1.25"),
        ({"currency": "EUR", "rate": D(96)}, "120.00"),
        ({"currency": "EUR", "rate": D(1)}, "0"),
        ({"currency": "EUR", "rate": None}, "0"),
        ({"currency": "RUB", "rate": D(80)}, "0"),
        ({"currency": None, "rate": None}, "0"),
        ({"currency": "У.Е.", "rate": None}, "0"),
    ],
)
@pytest.mark.parametrize("kind", ["payment", "shipment"])
def test_sums_count_in_the_currency_of_the_order(kind: str, row: dict[str, Any], amount: str) -> None:
    total, said = moved(document(kind, amount=D(100), **row), kind=kind, dues=DOLLARS)
    assert total == D(amount)
    assert len(said) == (1 if D(amount) == 0 else 0)
    assert all("курса в документах 1С нет" in message for message in said)


def test_a_flag_with_roubles_of_a_dollar_order_is_no_hundred_dollars() -> None:
    flag = document("order", number=TARGET, paid=True, paid_amount=D(100), currency="RUB")
    assert moved(flag, dues=DOLLARS)[0] == D("1.25")


def test_money_on_a_dollar_account_is_matched_with_no_charge_of_roubles() -> None:
    account = OUR[:5] + "840" + OUR[8:]
    one = {"number": "17", "amount": D(100), "direction": "in", "booked_on": document("payment")["date"]}
    rows = whole("receipts", one | {"account": account}, one | {"account": OUR})
    assert [matching.is_in_roubles(row) for row in rows] == [False, True]
    (said,) = matching.foreign(rows)
    assert "на 100.00 USD: счёт валютный" in said["message"]
