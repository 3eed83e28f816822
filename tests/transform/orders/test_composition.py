"""Lines of 1C and product rows of the portal: sums to the kopeck, discounts, VAT."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from etl.transform.orders import composition
from etl.transform.orders.composition import Position
from etl.transform.orders.lines import split, wrong_totals
from etl.transform.orders.prices import held_prices, net_lines, priced_by_1c
from tests.support.rows import column, columns, whole

HEAD = {"id": "d1", "kind": "order", "number": "УТ-1", "amount": D("100.00"), "vat_included": True}


def documents(**values: Any) -> list[Any]:
    return whole("documents", HEAD | values)


def line(position: int = 1, **values: Any) -> dict[str, Any]:
    return {
        "document": "d1",
        "position": position,
        "product": "g1",
        "name": "Болт",
        "quantity": D(3),
        "amount": D("100.00"),
        **values,
    }


def lines(*rows: dict[str, Any]) -> list[Any]:
    return whole("lines", *rows)


def rows(*given: dict[str, Any], **head: Any) -> list[tuple[D, D]]:
    made, issues = composition.portal_rows(documents(**head), lines(*given), {"g1": "10"})
    assert issues == []
    return [(row["quantity"], row["price"]) for row in made]


def test_seed_002_deal_sum_is_the_invoice_sum() -> None:
    """«в поле “Сумма сделки” помещается сумма выставленного счета»: a sum that does not divide becomes a split row."""
    assert rows(line(quantity=D(3), amount=D("100.00"))) == [(D(2), D("33.33")), (D(1), D("33.34"))]
    assert rows(line(quantity=D(4), amount=D("100.00"))) == [(D(4), D("25.00"))]


@pytest.mark.parametrize(
    ("quantity", "amount", "expected"),
    [
        ("1", "0.01", [("1", "0.01")]),
        ("0.333", "10.00", [("0.333", "30.03")]),
        ("7", "0.05", [("2", "0.00"), ("5", "0.01")]),
        ("1.5", "100.00", [("1", "66.67"), ("0.5", "66.66")]),
        ("2.5", "100.01", [("1", "40.00"), ("1", "40.01"), ("0.5", "40.00")]),
        ("3", "0.00", [("3", "0.00")]),
        ("1000.001", "999.99", [("2", "0.99"), ("998", "1.00"), ("0.001", "10.00")]),
    ],
)
def test_split(quantity: str, amount: str, expected: list[tuple[str, str]]) -> None:
    made = split(D(quantity), D(amount))
    assert made == [(D(units), D(price)) for units, price in expected]


@pytest.mark.parametrize(("quantity", "amount"), [("0", "1"), ("-1", "1"), ("1", "-1"), ("0.00001", "1")])
def test_what_the_portal_cannot_hold_stops_its_document_only(quantity: str, amount: str) -> None:
    heads = whole("documents", HEAD, HEAD | {"id": "d2"})
    made, issues = composition.portal_rows(
        heads,
        lines(line(1), line(2, quantity=D(quantity), amount=D(amount)), line(1) | {"document": "d2"}),
        {},
    )
    assert set(column(made, "document")) == {"d2"}
    assert ["Исправьте строку в 1С" in row["message"] for row in issues] == [True]


def test_price_has_vat_and_discount_inside() -> None:
    assert rows(line(quantity=D(2), price=D("60"), discount=D("20"), amount=D("100"))) == [(D(2), D("50.00"))]
    assert rows(
        line(quantity=D(2), amount=D("120"), discount=D("20"), requisites={"СкидкаУчтенаВСумме": "false"})
    ) == [(D(2), D("50.00"))]
    assert rows(
        line(quantity=D(2), amount=D("100"), vat_rate=D(22), vat_amount=D("22"), vat_included=False)
    ) == [(D(2), D("61.00"))]
    assert rows(line(quantity=D(2), amount=D("100"), vat_rate=D(22)), vat_included=False) == [
        (D(2), D("61.00"))
    ]
    assert rows(line(quantity=D(2), amount=None, price=D("50"))) == [(D(2), D("50.00"))]


def test_exempt_is_not_zero_percent() -> None:
    made, _ = composition.portal_rows(
        documents(),
        lines(line(1, vat_exempt=True), line(2, vat_rate=D(0)), line(3, vat_rate=D(20))),
        {"g1": "10"},
    )
    assert column(made, "vat_rate")[::2] == [None, D(0), D(20)]
    assert column(made, "vat_amount")[0] is None
    assert column(made, "vat_amount")[2] == D("0.00")
    forms = composition.positions(lines(line(1), line(2, vat_rate=D(0))), {"g1": "g1"}, {})["d1"]
    assert [form.vat_rate for form in forms] == [None, D(0)]


def test_both_sides_have_one_form() -> None:
    given = lines(
        line(1, quantity=D(3), amount=D("100.00")),
        line(2, product="g2", name="Гайка", quantity=D(1), amount=D("5")),
    )
    made, _ = composition.portal_rows(documents(), given, {"g1": "10"})
    theirs = composition.positions(given, {"g1": "g1"}, {"d1": True})
    assert composition.positions(made, {"10": "g1"}) == theirs
    assert theirs["d1"] == (
        Position("g1", D(3), D("100.00"), None),
        Position("название: гайка", D(1), D("5.00"), None),
    )
    assert column(made, "product") == ["10", "10", None]


def test_portal_flag_of_tax_shown_inside_does_not_change_sums() -> None:
    row = line(quantity=D(2), price=D("50"), amount=D("100.00"), vat_rate=D(22), vat_included=False)
    assert composition.positions(lines(row), {})["d1"][0].amount == D("100.00")
    assert net_lines(lines(row), {"g1": "x"})[0]["vat_included"] is True


def test_seed_003_discounts_of_the_portal_go_as_net_prices() -> None:
    """«[как решается вопрос со скидками? Которые есть у клиентов в 1с, а выставляем счет через б24]»: default owner is the portal."""
    given = line(quantity=D(2), price=D("45"), discount=D("10"), amount=D("90.00"), vat_rate=D(20))
    sent = net_lines(lines(given), {"g1": "guid"})
    assert [
        (row["product"], row["price"], row["discount"], row["amount"], row["vat_amount"]) for row in sent
    ] == [("guid", D("45"), None, D("90.00"), D("15.00"))]


def test_seed_003_discounts_of_1c_need_the_buyers_price_type_or_percent() -> None:
    prices = whole("prices", {"product": "g1", "price_type": "opt", "price": D("80.00")})
    types = whole("price_types", {"id": "opt", "name": "Оптовая"})
    given = lines(
        *(line(quantity=D(2), price=D("100")) | {"document": name} for name in ("d1", "d2", "d3", "d4", "d5"))
    )
    buyers = {
        "d1": {"Вид цен": "оптовая"},
        "d2": {"Процент скидки": "12,5"},
        "d3": {},
        "d4": {"Вид цен": "Дилер"},
        "d5": {"Процент скидки": "много"},
    }
    made, issues = priced_by_1c(given, buyers, prices, types, {})
    assert columns(made, ["document", "price", "amount"]) == [
        ["d1", D("80.00"), D("160.00")],
        ["d2", D("87.50"), D("175.00")],
        ["d3", D("100"), D("200.00")],
    ]
    assert column(issues, "key") == ["d4", "d5"]


def test_a_document_whose_lines_do_not_add_up_is_stopped_with_both_computations() -> None:
    heads = documents(amount=D("120.00"))
    body = lines(line(1, quantity=D(2), price=D("60"), discount=D("20"), amount=D("100")))
    (problem,) = column(wrong_totals(heads, body), "message")
    assert "сумма 120,00, а строки дают 100,00" in problem
    assert "2,00 × 60,00 − скидка 20,00 = 100,00, в строке 100,00" in problem
    assert wrong_totals(documents(amount=D("100.01")), lines(line())) == []
    assert wrong_totals(documents(amount=None), lines(line())) == []
    assert wrong_totals(documents(), lines()) == []


def test_a_price_that_came_from_1c_is_not_discounted_twice() -> None:
    """The deal shows what 1C made of it: 2 × 90.00 is the price after the percent, a new price of a person is
    before it.
    """
    held = held_prices(lines(line(quantity=D(2), amount=D("180.00"))), {"d1": True})
    buyers = {"d1": {"Процент скидки": "10"}}
    given = lines(
        line(1, quantity=D(5), price=D("90.00"), amount=D("450.00")),
        line(2, quantity=D(1), price=D("100.00"), amount=D("100.00")),
        line(3, quantity=D(1), product="g2", price=D("90.00"), amount=D("90.00")),
    )
    priced, issues = priced_by_1c(given, buyers, [], [], held)
    assert issues == []
    assert column(priced, "price") == [D("90.00"), D("90.00"), D("81.00")]
    assert held_prices(
        lines(line(quantity=D(2), amount=D("100"), vat_rate=D(22), vat_amount=D("22"))), {"d1": False}
    ) == {"d1": {"g1": {D("61.00")}}}


def test_an_emptied_document_empties_the_deal_and_a_silent_one_does_not() -> None:
    order = {"deal": "7", "deleted": False, "cancelled": False}
    (emptied,), body = composition.deal_lines(documents(**order, amount=D(0)), [])
    assert (emptied["id"], emptied["amount"], body) == ("7", D(0), [])
    for amount in (D("100.00"), None):
        assert composition.deal_lines(documents(**order, amount=amount), []) == ([], [])
    bill = documents(**order, amount=D(0), kind="invoice", id="i1")
    assert composition.deal_lines(bill, []) == ([], [])
    (head,), body = composition.deal_lines([*documents(**order), *bill], lines(line()))
    assert (head["amount"], len(body)) == (D("100.00"), 1), "an emptied invoice does not empty the order"
    told, silent = {"7": ()}, {}
    held = {"7": (Position("g1", D(2), D("100.00"), None),)}
    assert [row["after"] for row in composition.row_changes(held, told, {"7"})] == [()]
    assert composition.row_changes(held, silent, {"7"}) == []
