"""Sums of deals, invoices and orders: typed by hand, in other currencies, with a minus."""

from __future__ import annotations

from typing import Any

import pytest

from etl.config.profile import Orders
from etl.transform.money.paid import Paid
from etl.transform.orders import born, doubts, facts, invoices, prices, told, totals
from etl.transform.orders.owners import Belonging
from etl.values.money import ROUBLES, Foreign, Measure, measure
from tests.support.deals000 import payment
from tests.support.documents import D, document
from tests.support.documents import payments as told_of
from tests.support.rows import whole

HELD, ONE_LINE = Orders(), Orders(typed_sum="line")
ROW = {"document": "5", "position": 1, "amount": D(100), "vat_rate": D(22), "kind": "goods"}


def deal(**values: Any) -> dict[str, Any]:
    return {"id": "5", "amount": D(100), "currency": "RUB", **values}


def added(
    one: dict[str, Any], *rows: dict[str, Any], bills: Any = (), bill_rows: Any = (), settings: Orders = HELD
) -> totals.Rows:
    return totals.added_up(
        whole("deals", one),
        whole("documents", *bills),
        whole("lines", *rows),
        whole("lines", *bill_rows),
        settings,
    )


# ---- typed by hand ----
@pytest.mark.parametrize(
    ("amount", "is_held"),
    [
        ("100", False),
        ("100.01", False),
        ("100.02", True),
        ("99.98", True),
        ("0", True),
        ("500", True),
        (None, False),
    ],
)
def test_a_sum_that_is_not_that_of_the_rows_is_held(amount: str | None, is_held: bool) -> None:
    found = added(deal(amount=None if amount is None else D(amount)), ROW)
    assert found.held == ({"5"} if is_held else set())
    assert [row["message"].count("100.00 руб.") for row in found.issues] == ([1] if is_held else [])


def test_a_deal_without_rows_has_its_sum_alone() -> None:
    assert not added(deal(amount=D(500))).held
    assert not added(deal(amount=D(500)), ROW, settings=Orders(rows=False)).held


def test_both_sums_are_said_in_the_currency_of_the_deal() -> None:
    (said,) = added(deal(amount=D(500), currency="USD"), ROW).issues
    assert "сумма 500.00 USD введена вручную, а строки дают 100.00 USD" in said["message"]


@pytest.mark.parametrize(
    ("bill", "rows", "is_held"),
    [
        ({"amount": D(100)}, (), False),
        ({"amount": D(50)}, (), True),
        ({"amount": D(0)}, (), False),
        ({"amount": None}, (), False),
        ({"amount": D(50)}, ({**ROW, "document": "7", "amount": D(50)},), False),
        ({"amount": D(80)}, ({**ROW, "document": "7", "amount": D(50)},), True),
    ],
)
def test_an_invoice_of_another_sum_than_its_rows_is_held(
    bill: dict[str, Any], rows: tuple[dict[str, Any], ...], is_held: bool
) -> None:
    bills = [document("invoice", id="7", deal="5", **bill)]
    assert added(deal(), ROW, bills=bills, bill_rows=rows).held == ({"5"} if is_held else set())


def test_the_typed_sum_goes_as_one_line_with_the_vat_of_the_rows() -> None:
    found = added(deal(amount=D(500)), ROW, {**ROW, "position": 2}, settings=ONE_LINE)
    (line,) = found.deals
    assert (line["name"], line["quantity"], line["amount"], line["vat_rate"]) == (
        ONE_LINE.typed_sum_line,
        1,
        D(500),
        D(22),
    )
    assert line["vat_amount"] == D("90.16") and not found.held


@pytest.mark.parametrize(
    ("amount", "rows"),
    [
        (D(500), (ROW, {**ROW, "position": 2, "vat_rate": D(10)})),
        (D(500), (ROW, {**ROW, "position": 2, "vat_rate": None, "vat_exempt": True})),
        (D(0), (ROW,)),
        (D(-5), (ROW,)),
    ],
)
def test_what_makes_no_line_is_held_and_said(amount: Any, rows: Any) -> None:
    found = added(deal(amount=amount), *rows, settings=ONE_LINE)
    assert found.held == {"5"} and "Одной строкой она не уходит" in found.issues[0]["message"]


def test_a_sum_that_fits_keeps_its_rows_whatever_the_profile_says() -> None:
    assert [line["amount"] for line in added(deal(), ROW, settings=ONE_LINE).deals] == [D(100)]


# ---- currencies ----
def test_documents_of_a_deal_add_up_in_the_currency_of_its_order() -> None:
    rows = whole(
        "documents",
        document("order", id="o", number="B24-5", amount=D(100), currency="USD", rate=D(80)),
        document("invoice", id="i", number="S24-7", deal="5", amount=D(8000), currency="RUB"),
    )
    dues = facts.dues(rows, {"B24-5": "5", "S24-7": "5", "B24-9": "9"}, {"9": "EUR"})
    assert dues["S24-7"].measure == dues["o"].measure == measure("USD", D(80))
    assert (dues["S24-7"].amount, dues["B24-9"].measure) == (D(100), Measure("EUR", None))
    known = facts.order_facts(rows, told_of([payment("S24-7", "40"), payment("B24-5", "60")]), ())["5"]
    assert (known["currency"], known["amount"], known["paid"]) == ("USD", D(100), True)


def test_orders_in_two_currencies_without_a_rate_are_never_paid_in_full() -> None:
    rows = whole(
        "documents",
        document("order", id="a", number="B24-5", amount=D(100), currency="USD"),
        document("order", id="b", number="x", deal="5", amount=D(100), currency="RUB"),
    )
    assert facts.order_facts(rows, told_of([payment("B24-5", "1000")]), ())["5"]["paid"] is False


def test_fields_name_the_currency_and_numbers_take_roubles_only() -> None:
    row = document("order", id="o", number="B24-5", deal="5", amount=D(100), currency="USD")
    values = told.told(whole("documents", row), {"5": {"currency": "USD", "paid_amount": D(5)}}, HELD, ())
    assert (values["5"]["order_amount"], values["5"]["paid_amount"]) == (
        Foreign(D("100.00"), "USD"),
        Foreign(D("5.00"), "USD"),
    )
    deals = whole("deals", deal(fields={"Сумма": D("100.00")}))
    (change,) = told.field_changes(values, deals, {"order_amount": "Сумма"})
    assert change["after"] == Foreign(D("100.00"), "USD")
    assert told.field_changes(values, deals, {"order_amount": "Сумма"}, {"Сумма"}) == []
    (said,) = told.unfit(values, {"order_amount": "Сумма"}, {"Сумма"})
    assert "100.00 USD в сделку 5 не записана" in said["message"]


@pytest.mark.parametrize(
    ("currency", "amount", "changes"),
    [("USD", "100", 0), ("USD", "90", 1), ("RUB", "90", 0), (None, "90", 0)],
)
def test_the_sum_of_a_deal_follows_in_its_own_currency_only(
    currency: str | None, amount: str, changes: int
) -> None:
    values = {"5": {"order_amount": Foreign(D(100), "USD")}}
    deals = whole("deals", deal(currency=currency, amount=D(amount)))
    assert len(told.amount_changes(values, deals, ())) == changes


def test_a_document_in_another_currency_than_its_deal_is_said() -> None:
    rows = whole("documents", document("order", deal="5", currency="USD"), document("payment", deal="5"))
    assert (
        "в валюте USD, а сделка 5 в валюте RUB"
        in doubts.in_another_currency(rows, {"5": "RUB"})[0]["message"]
    )
    assert doubts.in_another_currency(rows, {"5": "USD"}) == doubts.in_another_currency(rows, {}) == []


@pytest.mark.parametrize(
    ("currency", "due", "moves", "said"),
    [
        ("USD", measure("USD", D(80)), 1, None),
        ("RUB", measure("USD", D(80)), 1, None),
        ("RUB", measure("USD", None), 0, "курса для пересчёта нет"),
        ("USD", ROUBLES, 0, "курса для пересчёта нет"),
        ("RUB", ROUBLES, 0, "оплачено 100.00 из 8000.00"),
    ],
)
def test_a_smart_invoice_is_paid_in_its_own_currency(
    currency: str, due: Measure, moves: int, said: str | None
) -> None:
    amount = D(100) if currency == "USD" else D(8000)
    row = whole("documents", document("invoice", id="7", status="Новый", amount=amount, currency=currency))
    got = {"S24-7": Paid(D(100), True, None, False)}
    settings = Orders(invoice_paid_stage="Оплачен")
    dues = {"S24-7": facts.Due(due)}
    changes, issues = invoices.invoice_moves(row, got, settings, final=(), dues=dues)
    assert len(changes) == moves
    assert [said in issue["message"] for issue in issues if said] == ([True] if said else [])


@pytest.mark.parametrize(
    ("code", "rates", "rows", "known"),
    [
        (None, {}, None, ROUBLES),
        ("RUB", {}, "RUB", ROUBLES),
        ("USD", {"USD": D(80)}, None, measure("USD", D(80))),
        ("USD", {}, None, "нет курса валюты USD"),
        ("USD", {"USD": D(1)}, None, "нет курса валюты USD"),
        ("RUB", {}, "USD", "Счёт в валюте RUB, а товары есть только в сделке, в валюте USD"),
    ],
)
def test_a_document_goes_with_a_rate_or_not_at_all(code: Any, rates: Any, rows: Any, known: Any) -> None:
    if isinstance(known, str):
        with pytest.raises(ValueError, match=known):
            prices.currency(code, rates, rows)
    else:
        assert prices.currency(code, rates, rows) == known


def test_rouble_prices_of_1c_price_no_document_of_dollars() -> None:
    lines = whole("lines", {"document": "B24-5", "product": "g", "quantity": D(1), "vat_rate": None})
    known = whole("prices", {"product": "g", "price_type": "t", "price": D(90)})
    types = whole("price_types", {"id": "t", "name": "Опт"})
    buyers = {"B24-5": {prices.PRICE_TYPE: "Опт"}}
    assert prices.priced_by_1c(lines, buyers, known, types, {})[0][0]["amount"] == D(90)
    kept, issues = prices.priced_by_1c(lines, buyers, known, types, {}, foreign={"B24-5"})
    assert not kept and "нет цены вида «Опт» в валюте документа" in issues[0]["message"]


# ---- orders with a minus ----
def test_an_order_reversed_leaves_nothing_to_pay_and_tells_no_fields() -> None:
    rows = whole(
        "documents",
        document("order", id="a", number="B24-5", deal="5", amount=D(100)),
        document("order", id="b", number="x", deal="5", amount=D(-100)),
    )
    known = facts.order_facts(rows, told_of([payment("B24-5", "100")]), ())["5"]
    assert (known["amount"], known["paid"]) == (0, False)
    assert told.of_order(rows, HELD, ())["order_amount"] == D(100)


def test_an_order_with_a_minus_makes_no_deal() -> None:
    rows = whole("documents", document("order", id="a", number="x", amount=D(-100), party="p"))
    made, issues = born.new_deals(
        rows,
        {"a": Belonging(None, "born")},
        {"p": "company_1"},
        Orders(create_deals=True),
        (),
        originator="obmen24",
    )
    assert not made and "с минусом" in issues[0]["message"]
