"""Facts of orders (specifications 001, 002/004, 003)."""

from datetime import date

import pytest

from etl.transform.orders import facts
from tests.support.deals000 import payment
from tests.support.documents import (
    CHARGE,
    D,
    document,
    shipped,
)
from tests.support.documents import payments as told_of
from tests.support.rows import whole

# ---- orders ----


def orders(*rows, payments=(), goods=(), statuses=None, trust="facts"):
    return facts.order_facts(
        whole("documents", *rows),
        told_of(payments),
        told_of(goods),
        statuses,
        trust,
    )


SENT = document("order", id="o", number="B24-5", amount=D(1000))


def test_partial_and_full_payment_of_an_order():
    part = orders(SENT, payments=[payment("B24-5", "400")])["5"]
    assert (part["ordered"], part["invoiced"], part["prepaid"], part["paid"], part["paid_amount"]) == (
        True,
        False,
        True,
        False,
        D(400),
    )
    whole = orders(
        SENT, payments=[payment("B24-5", "400"), payment("B24-5", "600", date(2026, 11, 20), number="2")]
    )["5"]
    assert (whole["paid"], whole["paid_on"]) == (True, date(2026, 11, 20))


def test_money_on_the_invoice_is_money_of_the_order_and_flags_are_not_added():
    invoice = document("invoice", id="i", number="S24-7", deal="5", amount=D(1000))
    known = orders(
        SENT,
        invoice,
        payments=[
            payment("B24-5", "400"),
            payment("S24-7", "600", number="2"),
            payment("S24-7", "1000", source="1c-flag"),
            payment("B24-5", "1000", source="1c-flag"),
        ],
    )["5"]
    assert (known["invoiced"], known["paid_amount"], known["amount"]) == (True, D(1000), D(1000))


def test_an_invoice_before_its_order():
    known = orders(
        document("invoice", id="i", number="S24-7", deal="5"), payments=[payment("S24-7", "1500")]
    )["5"]
    assert (known["ordered"], known["invoiced"], known["paid"]) == (False, True, True)


def test_one_order_closed_by_two_shipments():
    first = document("shipment", id="s1", basis="o", amount=D(300), number_1c="Р-1", date=date(2026, 11, 3))
    rest = document("shipment", id="s2", basis="o", amount=D(700), number_1c="Р-2", date=date(2026, 11, 9))
    half = orders(SENT, goods=shipped(SENT, first))["5"]
    assert (half["shipped"], half["shipped_amount"], half["shipped_number"]) == (False, D(300), "Р-1")
    done = orders(SENT, goods=shipped(SENT, first, rest))["5"]
    assert (done["shipped"], done["shipped_amount"], done["shipped_number"], done["shipped_on"]) == (
        True,
        D(1000),
        "Р-1, Р-2",
        date(2026, 11, 9),
    )
    back = document("return", id="s3", basis="o", amount=D(700))
    assert orders(SENT, goods=shipped(SENT, first, rest, back))["5"]["shipped"] is False


def test_a_closing_document_finishes_a_part_shipment():
    first = document("shipment", id="s1", basis="o", amount=D(300))
    closing = document("closing", id="c", basis="o", amount=None)
    known = orders(SENT, goods=shipped(SENT, first, closing))["5"]
    assert (known["shipped"], known["closed"], known["shipped_amount"]) == (True, True, D(300))
    assert orders(SENT, goods=shipped(SENT, first, closing | {"deleted": True}))["5"]["closed"] is False
    assert orders(SENT, goods=shipped(SENT | {"closed": True}))["5"]["closed"] is True
    recorded = shipped(SENT, closing)
    assert shipped(SENT, recorded=recorded) == [], (
        "an order file without the closing document does not take it back (onec §1.6)"
    )


def test_the_shipped_flag_means_the_whole_order_until_withdrawn():
    rows = shipped(SENT | {"shipped": True, "shipped_on": date(2026, 11, 9), "shipped_number": "Р-9"})
    known = orders(SENT, goods=rows)["5"]
    assert (known["shipped"], known["shipped_on"], known["shipped_number"]) == (
        True,
        date(2026, 11, 9),
        "Р-9",
    )
    assert [row["amount"] for row in shipped(SENT, recorded=rows)] == [0]


def test_a_status_proves_what_the_profile_says_but_not_against_money():
    statuses = {"Готов к отгрузке": "paid", "Готов к закрытию": "shipped, paid", "Закрыт": "closed"}
    assert orders(SENT | {"status": "готов к отгрузке"}, statuses=statuses)["5"]["paid"] is True
    ready = orders(SENT | {"status": "Готов к закрытию"}, statuses=statuses)["5"]
    assert (ready["paid"], ready["shipped"], ready["closed"]) == (True, True, False)
    assert (
        orders(SENT | {"status": "Готов к отгрузке"}, payments=[payment("B24-5", "10")], statuses=statuses)[
            "5"
        ]["paid"]
        is False
    )
    assert orders(SENT | {"status": "Закрыт"}, statuses=statuses)["5"]["closed"] is True
    assert orders(SENT | {"status": "Неизвестный"}, statuses=statuses)["5"]["status"] == "Неизвестный"


@pytest.mark.parametrize(
    ("said", "paid"),
    [
        ({}, True),
        ({"paid": False}, False),
        ({"paid_amount": D(0)}, False),
        ({"paid": False, "paid_amount": D(0)}, False),
        ({"paid": True, "paid_amount": D(0)}, True),
    ],
)
def test_a_flag_of_nothing_and_a_sum_of_nothing_are_one_denial(said, paid):
    """«Оплачен» = false and «Сумма оплаты» = 0 say the same against «Готов к отгрузке»; so does a part of the sum."""
    statuses = {"Готов к отгрузке": "paid"}
    row = SENT | {"status": "Готов к отгрузке", **said}
    assert orders(row, statuses=statuses)["5"]["paid"] is paid
    assert orders(row, statuses=statuses, trust="status")["5"]["paid"] is True


def test_a_trusted_status_proves_what_it_says_against_smaller_sums_but_not_of_an_empty_order():
    """«При смене статуса заказа … на “Оплачен”» (002): an invoice of 56101 paid in full for an order of 59251.50."""
    statuses, part = {"Оплачен": "paid"}, [payment("B24-5", "600")]
    row = SENT | {"status": "Оплачен"}
    assert orders(row, payments=part, statuses=statuses)["5"]["paid"] is False
    trusted = orders(row, payments=part, statuses=statuses, trust="status")["5"]
    assert (trusted["paid"], trusted["paid_amount"]) == (True, D(600))
    assert orders(row | {"amount": D(0)}, statuses=statuses, trust="status")["5"]["paid"] is False
    assert (
        orders(row | {"status": "Новый"}, payments=part, statuses=statuses, trust="status")["5"]["paid"]
        is False
    )


def test_a_deleted_order_is_no_order():
    assert orders(SENT | {"deleted": True})["5"]["ordered"] is False


def test_charges_and_strangers_are_no_orders_of_deals():
    assert orders(document("order", number=CHARGE), document("order", id="z", number="УТ-1")) == {}
