"""Specification 001 (prepaid and postpaid deals with УТ 10.3) sentence by sentence, over real HTTP and real files on both sides.

Each test quotes what it checks. The story itself is samples/prepaid/two-variants: deals 1 and 2 are prepaid in full (invoices 501, 502),
3 is postpaid, 4 is prepaid in part (invoice 504 for a part of the sum).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from etl import people
from tests.golden import scenario

CASE = "prepaid/two-variants"
DAY = dt.date(2026, 11, 2)


def begun(running: scenario.Scenario) -> None:
    """2 November: the first documents are sent, loaded and seen back."""
    running.at(DAY)
    running.settle()


def kinds(running: scenario.Scenario, kind: str) -> list[str]:
    return [row.number for row in running.stage.onec.documents(kind)]


def test_the_mark_of_the_lead_reaches_the_order(tmp_path: Path) -> None:
    """«Источником получения лидов для Битрикс24 является система сквозной аналитики CoMagic, через которую происходит фильтрация обращений
    (звонок, заявка на сайте, письмо в чат). Лид передается в Б24 с пометкой о способе обращения.»"""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        begun(running)
        order = running.stage.onec.document("B24-3", "order")
        assert order.requisites["Источник обращения"] == "CoMagic: звонок"
        assert "Источник обращения: CoMagic: звонок" in order.comment


def test_two_variants_send_different_documents(tmp_path: Path) -> None:
    """«Реализуем 2 варианта обработки лида с различными видами выгружаемых в 1С документов: Предоплатная (с частичной или полной
    предоплатой); Постоплатная (отправка наложенным платежом)» «На данный момент выполнены разделение и выгрузка двух вариантов в разные
    документы в 1С.»"""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        begun(running)
        assert (kinds(running, "invoice"), kinds(running, "order")) == (["S24-501", "S24-502", "S24-504"], ["B24-3"])


def test_prepaid_1_the_invoice_goes_to_1c(tmp_path: Path) -> None:
    """«1. Лид обрабатывается и переводится в сделку, на основании которой делаем счет, переводим сделку в статус «Счет в 1с» → Счет на оплату
    покупателю»"""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        running.at(DAY)
        running.person(1, stage="Новая")
        running.run()
        assert "S24-501" not in [row["number"] for row in running.sent()], "a lead that is being handled sends nothing"
        running.person(1, stage="Счет в 1с")
        running.settle()
        invoice = running.stage.onec.document("S24-501", "invoice")
        assert (f"{invoice.amount:.2f}", invoice.posted, [line.name for line in invoice.lines]) == (
            "13537.90", True, ["Замок врезной", "Петля накладная", "Доставка по городу"])


def test_prepaid_2_the_invoice_becomes_paid(tmp_path: Path) -> None:
    """«2. Счет переводится в статус «Оплачен» ← После поступления ДС на РС Исполнитель отражает оплату (предоплату) в 1С: выписка банка на
    поступление ДС»: paid up to its sum; less moves nothing and the remainder is shown."""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        begun(running)
        running.stage.onec.pay("S24-501", Decimal("5000.00"))
        running.stage.onec.pay("S24-504", Decimal("96.70"))
        running.stage.session()
        report = running.run()
        stages = {number: row["stage"] for number, row in running.invoices().items()}
        assert stages == {"501": "Новый", "502": "Новый", "504": "Оплачен"}, "504 is a partial prepayment: an invoice for a part, paid in full"
        assert "осталось 8537.90" in report.text()
        comments = running.call("crm.timeline.comment.list", filter={"ENTITY_ID": 1, "ENTITY_TYPE": "deal"}, select=["COMMENT"])
        assert "оплачено 5000.00 из 13537.90, осталось 8537.90" in comments[0]["COMMENT"]
        assert running.stages()["1"] == "Счет в 1с"
        running.stage.onec.pay("S24-501", Decimal("8537.90"))
        running.settle()
        assert running.invoices()["501"]["stage"] == "Оплачен"
        assert running.field(1, "Оплаченная сумма, руб.") == "13537.90|RUB"


def test_prepaid_3_the_order_is_linked_with_its_invoice(tmp_path: Path) -> None:
    """«3. Сделка переводится в статус «В работе» → Формируется документ «Заказ покупателя» (связанный со Счетом на оплату)»"""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        begun(running)
        for number in ("S24-502", "S24-504"):
            running.stage.onec.pay(number, running.stage.onec.document(number).amount)
        running.settle()
        for deal in (2, 4):
            running.person(deal, stage="В работе")
        running.settle()
        onec = running.stage.onec
        for order, invoice in (("B24-2", "S24-502"), ("B24-4", "S24-504")):
            assert onec.document(order, "order").basis == onec.document(invoice, "invoice").guid
        assert f"{onec.document('B24-4', 'order').amount:.2f}" == "49896.70", "the order is for the whole, the invoice was for a part"
        assert kinds(running, "invoice") == ["S24-501", "S24-502", "S24-504"], "no invoice is doubled"


def test_prepaid_4_and_postpaid_4_the_shipment_makes_the_deal_successful(tmp_path: Path) -> None:
    """«4. Сделка переводится в статус «Успешная». ← На основании Заказа Исполнитель либо заказывает товар у поставщика, либо отдает в
    производство, в любом случае после поступления товара на склад, Исполнитель создает документ «Реализация товаров и услуг»»
    «На стороне Б24 сейчас не работает смена статусов Сделки при изменении документов в УТ. Счета меняются.»"""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        begun(running)
        running.stage.onec.pay("S24-502", Decimal("7236.90"))
        running.settle()
        running.person(2, stage="В работе")
        running.settle()
        for number in ("B24-2", "B24-3"):
            running.stage.onec.ship(number)
        running.settle()
        assert (running.stages()["2"], running.stages()["3"]) == ("Успешная", "Успешная")


@pytest.mark.parametrize("last", ["shipment", "closing"])
def test_two_shipments_and_the_final_closing(tmp_path: Path, last: str) -> None:
    """«Нужно предусмотреть вариант, когда один заказ закрывается двумя реализациями (часть заказа отправляется сразу, а часть Покупатель
    ждет), в этом случае статус «Успешная» сделка переходит только после окончательного закрытия заказа в 1с (либо реализациями на общую сумму
    заказа, либо документом «Закрытие заказов покупателей»)»"""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        begun(running)
        running.stage.onec.ship("B24-3", Decimal("20000.00"))
        running.settle()
        assert running.stages()["3"] == "В работе"
        assert running.field(3, "Сумма реализации") == "20000.00|RUB"
        if last == "shipment":
            running.stage.onec.ship("B24-3")
        else:
            running.stage.onec.close("B24-3")
        running.settle()
        assert running.stages()["3"] == "Успешная"
        assert running.field(3, "Номер реализации") == ("РТ-00000001, РТ-00000002" if last == "shipment" else "РТ-00000001")


def test_a_postpaid_deal_needs_no_invoice(tmp_path: Path) -> None:
    """«Постоплатный вариант … 3. Сделку переводится в статус «В работе» → Формируется документ «Заказ покупателя»» «Это решение неудобно для
    постоплатного варианта. Он не требует создания счета в Б24, и достаточно статус Сделки установить в разрешающий отгрузку товара клиенту.
    Затем эта Сделка с должна выгружаться в Заказ покупателя в УТ.»"""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        begun(running)
        order = running.stage.onec.document("B24-3", "order")
        assert (order.basis, f"{order.amount:.2f}") == (None, "55896.70")
        assert not [row for row in running.invoices().values() if str(row["parentId2"]) == "3"]
        assert not [issue for issue in running.reports[0].issues if issue["key"] == "3"]


def test_exchange_goes_on_after_the_invoice_is_final(tmp_path: Path) -> None:
    """«После оплаты Заказа покупателя в УТ, дальнейший обмен с Б24 по этому документу прекращается, так как Счет в Б24 переходит в статус «F».
    Обе цепочки заканчиваются при создании в УТ документа Реализация товаров и услуг.»"""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        begun(running)
        running.stage.onec.pay("S24-501", Decimal("13537.90"))
        running.settle()
        assert running.invoices()["501"]["stage"] == "Оплачен"
        running.person(1, stage="В работе")
        running.settle()
        running.stage.onec.ship("B24-1")
        running.settle()
        assert running.stages()["1"] == "Успешная"
        running.stage.onec.pay("S24-501", Decimal("13537.90"), refund=True)
        running.settle()
        assert running.field(1, "Оплаченная сумма, руб.") in ("", None), "facts go on even after the deal is final"


def test_counterparties_of_1c_come_with_folder_and_code(tmp_path: Path) -> None:
    """«Не выгружены контрагенты из УТ в Б24. Поиск по названию контрагента не приемлем: один и тот же покупатель может быть в разных папках в 1С,
    по виду деятельности.»"""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        for folder in ("Покупатели/Опт", "Покупатели/Розница"):
            running.stage.onec.new_party("ООО «Новосёл»", inn="0000007711", kpp="000001001", folder=folder)
        begun(running)
        cards = [row for row in running.call("crm.company.list", select=["*", "UF_*"]) if row["TITLE"] == "ООО «Новосёл»"]
        assert sorted((row["UF_CRM_1C_FOLDER"], row["UF_CRM_1C_CODE"]) for row in cards) == [
            ("Покупатели/Опт", "000000001"), ("Покупатели/Розница", "000000002")]


@pytest.mark.parametrize("count", [0, 2])
def test_no_invoice_or_several_are_asked(tmp_path: Path, count: int) -> None:
    """A prepaid deal without its one open invoice sends nothing until a person has answered."""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        running.at(DAY)
        if count:
            running.call("crm.item.add", entityTypeId=31, fields={"title": "Второй счёт", "parentId2": 2, "companyId": 13})
        else:
            running.call("crm.item.delete", entityTypeId=31, id=502)
        report = running.run()
        assert report.exit_code == 3
        assert "S24-502" not in [row["number"] for row in running.sent()]
        path = running.stage.profile.path
        if count:
            profile = running.stage.profile
            assert "несколько незакрытых счетов" in people.questions(profile)
            people.answer(profile, "invoice:2", "1")
        else:
            assert "нет незакрытого счёта" in report.text()
            running.call("crm.item.add", entityTypeId=31, fields={"title": "Счёт", "parentId2": 2, "companyId": 13})
        assert path.exists()
        running.settle()
        assert len([number for number in kinds(running, "invoice") if number != "S24-501" and number != "S24-504"]) == 1


def test_an_invoice_is_made_only_where_the_profile_says_so(tmp_path: Path) -> None:
    """`orders.create_invoices`: a prepaid deal without any invoice gets one, with the rows and the buyer of the deal, once."""
    with scenario.opened(tmp_path, "prepaid", case=CASE, edit={"create_invoices = false": "create_invoices = true "}) as running:
        running.call("crm.item.delete", entityTypeId=31, id=502)
        begun(running)
        made = [row for row in running.invoices().values() if str(row["parentId2"]) == "2"]
        assert [(row["title"], Decimal(str(row["opportunity"])), str(row["companyId"])) for row in made] == [("Счёт по сделке 2", Decimal("7236.9"), "13")]
        assert running.stage.onec.document(f"S24-{made[0]['id']}", "invoice").amount == Decimal("7236.90")


def test_a_plan_tells_what_the_run_does(tmp_path: Path) -> None:
    """`obmen24 plan` takes the same path on copies and changes nothing."""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        running.at(DAY)
        for act in (None, lambda: running.stage.onec.pay("S24-502", Decimal("7236.90")), lambda: running.stage.onec.ship("B24-3")):
            if act:
                running.settle()
                act()
                running.stage.session()
            before, invoices, files = running.deals(), running.invoices(), running.outgoing()
            planned = running.run(dry=True)
            assert (running.deals(), running.invoices(), running.outgoing()) == (before, invoices, files)
            done = running.run()
            assert counted(planned) == counted(done)


def counted(report: Any) -> dict[str, int]:
    return {name: count for name, count in report.counts.items() if count and name != "files_known"}


def test_the_journal_explains_each_step(tmp_path: Path) -> None:
    """`obmen24 why deal 3` names file, document and rule."""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        begun(running)
        running.stage.onec.ship("B24-3")
        running.settle()
        text = people.why(running.stage.profile, "deal", "3")
        for expected in ("Заказ B24-3 для 1С", "orders.send_stages", "Поле «Номер заказа 1С»", "Отгрузка № РТ-00000001", "from_1c/documents-",
                         "Стадия В работе → Успешная", "shipped = да"):
            assert expected in text, text
