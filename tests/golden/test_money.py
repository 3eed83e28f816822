"""What others' inputs showed of money, over real HTTP and real files: currencies, reversals, sums typed by hand.

Stories are played on the cases of specifications 002/004 (`leads`) and 003 (`twoway`).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.support import scenario

LEADS, TWOWAY = "leads/orders-of-1c", "twoway/both-sides"
DAY = dt.date(2026, 11, 2)
BILLED, PAID = "Счет отправлен, ожидание оплаты", "Оплата получена"
DOLLARS = {"currency": "USD", "rate": "80"}
LOCK = {"name": "Замок врезной", "product": 2, "price": "100", "quantity": "1", "vat": "22"}
pytestmark = pytest.mark.xdist_group(LEADS)


def told(running: scenario.Scenario) -> str:
    """1C exchanges, we run; what the account says."""
    running.stage.session()
    return running.run().text()


def ordered(running: scenario.Scenario, price: str = "100", **values: Any) -> tuple[str, str]:
    """An order made in 1C with its invoice, seen by the portal: its number and its deal."""
    running.at(DAY)
    before = running.deals().keys()
    order = running.stage.onec.new_order(
        "ООО «Причал»", [{"name": "Замок", "quantity": "1", "price": price}], **values
    )
    running.stage.onec.new_invoice(order.number)
    told(running)
    (deal,) = running.deals().keys() - before
    return order.number, deal


def paid(running: scenario.Scenario, number: str, amount: str, **values: Any) -> str:
    """A payment upon the order, with what a person wrote in it; what the account says."""
    payment = running.stage.onec.pay(number, Decimal(amount))
    if values:
        running.stage.onec.edit_document(payment.number, **values)
    return told(running)


def shown(running: scenario.Scenario, deal: str) -> tuple[str, Any]:
    """Stage and paid sum as a person sees them."""
    return running.stages()[deal], running.field(deal, "Оплаченная сумма, руб.") or None


# ---- one currency ----
def test_sums_of_a_dollar_order_are_dollars_on_the_portal(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, deal = ordered(running, **DOLLARS)
        row = running.deals()[deal]
        assert (row["CURRENCY_ID"], row["OPPORTUNITY"]) == ("USD", "100.00")
        assert running.field(deal, "Сумма заказа 1С") == "100.00|USD"
        paid(running, number, "100")
        assert shown(running, deal) == (PAID, "100.00|USD")
        assert running.run().quiet, "what is written in dollars is read as dollars"


@pytest.mark.parametrize(
    ("amount", "stage", "counted"), [("100", BILLED, "1.25|USD"), ("8000", PAID, "100.00|USD")]
)
def test_roubles_pay_dollars_by_the_rate_of_the_order(
    tmp_path: Path, amount: str, stage: str, counted: str
) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, deal = ordered(running, **DOLLARS)
        paid(running, number, amount, currency="руб", rate="1")
        assert shown(running, deal) == (stage, counted)


def test_dollars_pay_roubles_by_the_rate_of_the_payment(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, deal = ordered(running, "8500")
        paid(running, number, "100", currency="USD", rate="85")
        assert shown(running, deal) == (PAID, "8500.00|RUB")


@pytest.mark.parametrize("rate", ["1", "0"])
def test_without_a_rate_nothing_moves_and_it_is_said(tmp_path: Path, rate: str) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, deal = ordered(running)
        said = paid(running, number, "100", currency="USD", rate=rate)
        assert shown(running, deal) == (BILLED, None)
        assert "на 100.00 USD" in said and "курса в документах 1С нет" in said
        payment = running.stage.onec.payments[-1]
        running.stage.onec.edit_document(payment.number, rate="80")
        told(running)
        assert shown(running, deal)[1] == "8000.00|RUB", "with a rate it counts"


def test_an_order_and_its_payment_without_rates_are_one_currency(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, deal = ordered(running, currency="USD", rate="1")
        paid(running, number, "100")
        assert shown(running, deal) == (PAID, "100.00|USD")


def test_roubles_of_an_invoice_count_for_its_dollar_order(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        _, deal = ordered(running, **DOLLARS)
        invoice = running.stage.onec.invoices[-1]
        running.stage.onec.edit_document(
            invoice.number,
            currency="руб",
            rate="1",
            lines=[{"name": "Замок", "quantity": "1", "price": "8000"}],
        )
        said = told(running)
        assert f"в валюте RUB, а сделка {deal} в валюте USD" in said
        assert running.deals()[deal]["OPPORTUNITY"] == "100.00", "roubles never pass for dollars"
        running.stage.onec.pay(invoice.number, Decimal(8000))
        told(running)
        assert shown(running, deal) == (PAID, "100.00|USD")


def test_a_shipment_in_roubles_ships_its_worth_of_a_dollar_order(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, deal = ordered(running, **DOLLARS)
        shipment = running.stage.onec.ship(number, Decimal(100))
        running.stage.onec.edit_document(shipment.number, currency="руб", rate="1")
        told(running)
        assert running.field(deal, "Сумма реализации") == "1.25|USD"


def test_a_plan_shows_foreign_sums_and_writes_nothing(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, deal = ordered(running, **DOLLARS)
        running.stage.onec.pay(number, Decimal(100))
        running.stage.session()
        assert "100.00 USD" in [row["after"] for row in running.run(dry=True).changes]
        assert shown(running, deal) == (BILLED, None)


# ---- a minus is a reversal ----
def test_a_charge_paid_and_reversed_moves_no_contract(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "video", case="video/three-months") as running:
        running.at(dt.date(2026, 11, 1))
        running.run()
        told(running)
        charge = running.charge("101 2026-11")
        running.stage.onec.pay(charge, Decimal(1500))
        running.stage.onec.pay(charge, Decimal(-1500))
        told(running)
        assert running.stages()["101"] == "Договор подтвержден"
        running.stage.onec.pay(charge, Decimal(-200))
        assert f"за документ {charge} возвращено больше, чем оплачено: -200.00" in told(running)


def test_a_payment_made_and_reversed_is_nothing(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, deal = ordered(running)
        running.stage.onec.pay(number, Decimal(100))
        paid(running, number, "-100")
        assert shown(running, deal) == (BILLED, None)
        paid(running, number, "100")
        assert shown(running, deal) == (PAID, "100.00|RUB")


def test_more_given_back_than_paid_is_said(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, deal = ordered(running)
        said = paid(running, number, "-100")
        assert shown(running, deal) == (BILLED, None)
        assert f"за сделку {deal} возвращено больше, чем оплачено: -100.00" in said


def test_a_shipment_reversed_is_not_shipped(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "leads", case=LEADS) as running:
        number, deal = ordered(running)
        running.stage.onec.ship(number)
        running.stage.onec.ship(number, Decimal(-100))
        told(running)
        assert running.stages()[deal] == BILLED


# ---- a sum typed by hand ----
def typed(running: scenario.Scenario, amount: str, **fields: Any) -> None:
    """A deal at work with a row of 100 and another sum."""
    running.at(DAY)
    running.person(4, rows=[LOCK])
    running.call(
        "crm.item.update",
        entityTypeId=2,
        id=4,
        fields={"opportunity": amount, "isManualOpportunity": "Y", **fields},
    )
    running.person(4, stage="Заказ в работе")


def documents(running: scenario.Scenario, number: str) -> list[Any]:
    """The documents with this number that went to 1C last, as XML."""
    files = sorted((running.folder / "archive").rglob("sent-*.xml"))
    found = [row for path in files for row in etree.parse(str(path)).iter("{*}Документ")]
    return [row for row in found if row.findtext("{*}Номер") == number]


def test_a_sum_typed_by_hand_is_held_with_both_sums(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=TWOWAY) as running:
        typed(running, "500")
        said = running.run().text()
        assert "сумма 500.00 руб. введена вручную, а строки дают 100.00 руб." in said
        assert not documents(running, "B24-4") and documents(running, "B24-1")
        running.call("crm.item.update", entityTypeId=2, id=4, fields={"isManualOpportunity": "N"})
        assert "введена вручную" not in running.run().text()
        assert documents(running, "B24-4")[-1].findtext("{*}Сумма") == "100.00"


def test_a_sum_typed_by_hand_goes_as_one_line_where_the_profile_says_so(tmp_path: Path) -> None:
    with scenario.opened(
        tmp_path, "twoway", case=TWOWAY, edit={'typed_sum = "hold"': 'typed_sum = "line"'}
    ) as running:
        typed(running, "500")
        running.run()
        running.settle()
        order = running.stage.onec.document("B24-4", "order")
        assert [(line.name, line.amount, line.vat) for line in order.lines] == [
            ("Товары и услуги по договорённости", Decimal(500), "22")
        ]
        assert running.composition(4) == [("Замок врезной", 1, 100)], "the deal keeps its rows"
        assert running.deals()["4"]["OPPORTUNITY"] == "500.00"


# ---- a deal in another currency ----
def test_a_dollar_deal_goes_with_the_portal_s_rate(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=TWOWAY) as running:
        typed(running, "100", currencyId="USD")
        running.run()
        sent = documents(running, "B24-4")[-1]
        assert [sent.findtext(f"{{*}}{name}") for name in ("Валюта", "Курс", "Сумма")] == [
            "USD",
            "80",
            "100.00",
        ]
        running.settle()
        assert running.stage.onec.document("B24-4", "order").rate == "80"


def test_a_deal_whose_currency_has_no_rate_is_held(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=TWOWAY) as running:
        running.call("crm.currency.add", fields={"CURRENCY": "EUR", "AMOUNT": "1.0000"})
        typed(running, "100", currencyId="EUR")
        said = running.run().text()
        assert "На портале нет курса валюты EUR к рублю" in said
        assert not documents(running, "B24-4") and documents(running, "B24-1")


def test_an_order_whose_deal_changed_its_currency_is_said(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=TWOWAY) as running:
        typed(running, "100")
        running.run()
        running.settle()
        running.call("crm.item.update", entityTypeId=2, id=4, fields={"currencyId": "USD"})
        running.stage.onec.edit_order("B24-4", comment="уточнение")
        said = told(running)
        assert "в валюте RUB, а сделка 4 в валюте USD" in said
        assert running.composition(4) == [("Замок врезной", 1, 100)]


def test_an_invoice_goes_in_its_own_currency_and_is_paid_in_it(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "prepaid", case="prepaid/two-variants") as running:
        running.at(DAY)
        for kind, number in ((2, 2), (31, 502)):
            running.call("crm.item.update", entityTypeId=kind, id=number, fields={"currencyId": "USD"})
        running.run()
        sent = documents(running, "S24-502")[-1]
        assert (sent.findtext("{*}Валюта"), sent.findtext("{*}Курс")) == ("USD", "80")
        told(running)
        invoice = running.stage.onec.document("S24-502", "invoice")
        said = paid(running, "S24-502", str(invoice.amount), currency="руб", rate="1")
        assert running.invoices()["502"]["stage"] != "Оплачен"
        assert f"оплачено {invoice.amount / 80:.2f} из {invoice.amount:.2f}" in said
        rest = invoice.amount * 79
        paid(running, "S24-502", str(rest), currency="руб", rate="1")
        assert running.invoices()["502"]["stage"] == "Оплачен"


def test_an_invoice_in_another_currency_than_the_rows_it_takes_is_held(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "prepaid", case="prepaid/two-variants") as running:
        running.at(DAY)
        running.call("crm.item.productrow.set", ownerType="SI", ownerId=502, productRows=[])
        running.call("crm.item.update", entityTypeId=31, id=502, fields={"currencyId": "USD"})
        said = running.run().text()
        assert "Счёт в валюте USD, а товары есть только в сделке, в валюте RUB" in said
        assert not documents(running, "S24-502") and documents(running, "S24-501")


def test_an_edit_goes_with_the_rate_of_its_day(tmp_path: Path) -> None:
    with scenario.opened(tmp_path, "twoway", case=TWOWAY) as running:
        typed(running, "100", currencyId="USD")
        running.run()
        running.settle()
        running.call("crm.currency.update", id="USD", fields={"AMOUNT": "8150.0000", "AMOUNT_CNT": "100"})
        assert running.run().quiet, "a rate of the portal is no edit of the deal"
        running.call("crm.item.update", entityTypeId=2, id=4, fields={"isManualOpportunity": "N"})
        running.person(4, rows=[LOCK | {"quantity": "3"}])
        running.run()
        sent = documents(running, "B24-4")[-1]
        assert (sent.findtext("{*}Курс"), sent.findtext("{*}Сумма")) == ("81.5", "300.00")
