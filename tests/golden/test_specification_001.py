"""Specification 001 (prepaid and postpaid deals with УТ 10.3) sentence by sentence, over real HTTP and real files on both sides.

Each test quotes what it checks. The story is samples/prepaid/two-variants: deals 1 and 2 are prepaid in full (invoices 501, 502), 3 is
postpaid, 4 is prepaid in part (invoice 504 for a part of the sum). What the story does not hold is played in tests of its own.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from etl.cli.words import people as words
from etl.commands import journal, people
from tests.support import scenario

CASE = "prepaid/two-variants"
DAY = dt.date(2026, 11, 2)
pytestmark = pytest.mark.xdist_group(CASE)


@pytest.fixture
def story() -> dict[str, scenario.View]:
    """The moments of the story, by the number their snapshot begins with."""
    return {name[:2]: view for name, view in scenario.story(CASE).items()}


def numbers(view: scenario.View, kind: str) -> list[str]:
    return [number for found, number in view.documents if found == kind]


def begun(running: scenario.Scenario) -> None:
    """2 November: the first documents are sent, loaded and seen back."""
    running.at(DAY)
    running.run()
    running.stage.session()
    running.run()


# ---- sentences ----
def test_the_mark_of_the_lead_reaches_the_order(story: dict[str, scenario.View]) -> None:
    """«Источником получения лидов для Битрикс24 является система сквозной аналитики CoMagic, через которую происходит фильтрация обращений
    (звонок, заявка на сайте, письмо в чат). Лид передается в Б24 с пометкой о способе обращения.»
    """
    orders = {number: story["06"].documents["order", number] for number in ("B24-1", "B24-2", "B24-3")}
    assert {number: order.requisites["Источник обращения"] for number, order in orders.items()} == {
        "B24-1": "CoMagic: заявка на сайте",
        "B24-2": "CoMagic: письмо в чат",
        "B24-3": "CoMagic: звонок",
    }
    assert "Источник обращения: CoMagic: звонок" in orders["B24-3"].comment


def test_two_variants_send_different_documents(story: dict[str, scenario.View]) -> None:
    """«Реализуем 2 варианта обработки лида с различными видами выгружаемых в 1С документов: Предоплатная (с частичной или полной
    предоплатой); Постоплатная (отправка наложенным платежом)» «На данный момент выполнены разделение и выгрузка двух вариантов в разные
    документы в 1С.»
    """
    assert (numbers(story["02"], "invoice"), numbers(story["02"], "order")) == (
        ["S24-501", "S24-502", "S24-504"],
        ["B24-3"],
    )


def test_prepaid_1_the_invoice_goes_to_1c(story: dict[str, scenario.View]) -> None:
    """«1. Лид обрабатывается и переводится в сделку, на основании которой делаем счет, переводим сделку в статус «Счет в 1с» → Счет на оплату
    покупателю»
    """
    invoice = story["02"].documents["invoice", "S24-501"]
    assert (
        f"{invoice.amount:.2f}",
        invoice.posted,
        invoice.manager,
        [line.name for line in invoice.lines],
    ) == ("13537.90", True, "Тихонова А. И.", ["Замок врезной", "Петля накладная", "Доставка по городу"])


def test_prepaid_2_the_invoice_becomes_paid(story: dict[str, scenario.View]) -> None:
    """«2. Счет переводится в статус «Оплачен» ← После поступления ДС на РС Исполнитель отражает оплату (предоплату) в 1С: выписка банка на
    поступление ДС»: paid up to its sum; less moves nothing and the remainder is shown.
    """
    view = story["02"]
    assert {number: row["stage"] for number, row in view.invoices.items()} == {
        "501": "Новый",
        "502": "Оплачен",
        "504": "Оплачен",
    }
    assert "S24-501: оплачено 5000.00 из 13537.90, осталось 8537.90" in view.report.text()
    assert [text for text in view.comments if "осталось 8537.90" in text], (
        "the remainder stands in the deal too"
    )
    assert view.stages()["1"] == "Счет в 1с"
    assert view.fields["1"]["Оплаченная сумма, руб."] == "5000.00|RUB"
    assert story["04"].invoices["501"]["stage"] == "Оплачен", "the rest came later"


def test_prepaid_3_the_order_is_linked_with_its_invoice(story: dict[str, scenario.View]) -> None:
    """«3. Сделка переводится в статус «В работе» → Формируется документ «Заказ покупателя» (связанный со Счетом на оплату)»"""
    view = story["06"]
    for deal, invoice in (("1", "501"), ("2", "502"), ("4", "504")):
        assert (
            view.documents["order", f"B24-{deal}"].basis == view.documents["invoice", f"S24-{invoice}"].guid
        )
    assert (
        f"{view.documents['order', 'B24-4'].amount:.2f}",
        f"{view.documents['invoice', 'S24-504'].amount:.2f}",
    ) == ("49896.70", "96.70")
    assert numbers(view, "invoice") == ["S24-501", "S24-502", "S24-504"], "no invoice is doubled"


def test_prepaid_4_the_shipment_makes_the_deal_successful(story: dict[str, scenario.View]) -> None:
    """«4. Сделка переводится в статус «Успешная». ← На основании Заказа Исполнитель либо заказывает товар у поставщика, либо отдает в
    производство, в любом случае после поступления товара на склад, Исполнитель создает документ «Реализация товаров и услуг»»
    «На стороне Б24 сейчас не работает смена статусов Сделки при изменении документов в УТ. Счета меняются.»
    """
    assert (story["03"].stages()["4"], story["04"].stages()["4"]) == ("В работе", "Успешная")
    assert story["06"].stages() == dict.fromkeys(("1", "2", "3", "4"), "Успешная")


def test_two_shipments_and_the_final_closing(story: dict[str, scenario.View]) -> None:
    """«Нужно предусмотреть вариант, когда один заказ закрывается двумя реализациями (часть заказа отправляется сразу, а часть Покупатель
    ждет), в этом случае статус «Успешная» сделка переходит только после окончательного закрытия заказа в 1с (либо реализациями на общую сумму
    заказа, либо документом «Закрытие заказов покупателей»)»
    """
    part, closed = story["04"], story["05"]
    assert (part.stages()["2"], part.stages()["3"]) == ("В работе", "В работе")
    assert part.fields["2"]["Сумма реализации"] == "4000.00|RUB"
    assert (closed.stages()["2"], closed.stages()["3"]) == ("Успешная", "Успешная")
    assert closed.fields["2"]["Номер реализации"] == "РТ-00000001, РТ-00000004"
    assert (closed.fields["3"]["Сумма реализации"], numbers(closed, "closing")) == (
        "20000.00|RUB",
        ["ЗЗ-00000001"],
    )


def test_a_postpaid_deal_needs_no_invoice(story: dict[str, scenario.View]) -> None:
    """«Постоплатный вариант … 3. Сделку переводится в статус «В работе» → Формируется документ «Заказ покупателя»» «4. Сделка переходит в
    статус «Успешная».» «Это решение неудобно для постоплатного варианта. Он не требует создания счета в Б24, и достаточно статус Сделки
    установить в разрешающий отгрузку товара клиенту. Затем эта Сделка с должна выгружаться в Заказ покупателя в УТ.»
    """
    order = story["02"].documents["order", "B24-3"]
    assert (order.basis, f"{order.amount:.2f}") == (None, "55896.70")
    assert not [row for row in story["06"].invoices.values() if str(row["parentId2"]) == "3"]
    assert story["05"].stages()["3"] == "Успешная"


def test_exchange_goes_on_after_the_invoice_is_final(story: dict[str, scenario.View]) -> None:
    """«После оплаты Заказа покупателя в УТ, дальнейший обмен с Б24 по этому документу прекращается, так как Счет в Б24 переходит в статус «F».
    Обе цепочки заканчиваются при создании в УТ документа Реализация товаров и услуг.»
    """
    assert story["04"].invoices["501"]["stage"] == "Оплачен"
    assert ("order", "B24-1") not in story["04"].documents
    assert story["06"].stages()["1"] == "Успешная"
    assert story["06"].fields["1"]["Номер реализации"] == "РТ-00000005"


def test_nothing_is_doubled_by_echoes(story: dict[str, scenario.View]) -> None:
    """1C returns what it was sent: orders, invoices and the sums of deals stay as they were."""
    last = story["07"]
    assert numbers(last, "order") == ["B24-3", "B24-2", "B24-4", "B24-1"]
    assert {deal: row["OPPORTUNITY"] for deal, row in last.deals.items()} == {
        deal: row["OPPORTUNITY"] for deal, row in story["01"].deals.items()
    }
    assert last.compositions == story["01"].compositions


# ---- what the story does not hold ----
def test_counterparties_of_1c_come_with_folder_and_code(tmp_path: Path) -> None:
    """«Не выгружены контрагенты из УТ в Б24. Поиск по названию контрагента не приемлем: один и тот же покупатель может быть в разных папках в 1С,
    по виду деятельности.»
    """
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        for folder in ("Покупатели/Опт", "Покупатели/Розница"):
            running.stage.onec.new_party("ООО «Новосёл»", inn="0000007711", kpp="000001001", folder=folder)
        running.stage.session()
        running.at(DAY)
        running.run()
        cards = [
            row
            for row in running.call("crm.company.list", select=["*", "UF_*"])
            if row["TITLE"] == "ООО «Новосёл»"
        ]
        assert sorted((row["UF_CRM_1C_FOLDER"], row["UF_CRM_1C_CODE"]) for row in cards) == [
            ("Покупатели/Опт", "000000001"),
            ("Покупатели/Розница", "000000002"),
        ]


@pytest.mark.parametrize("count", [0, 2])
def test_no_invoice_or_several_are_asked(tmp_path: Path, count: int) -> None:
    """A prepaid deal without its one open invoice sends nothing until a person has answered."""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        running.at(DAY)
        second = {"entityTypeId": 31, "fields": {"title": "Второй счёт", "parentId2": 2, "companyId": 13}}
        running.call(
            *(["crm.item.add"] if count else ["crm.item.delete"]),
            **(second if count else {"entityTypeId": 31, "id": 502}),
        )
        report = running.run()
        assert report.exit_code == 3
        assert "S24-502" not in [row["number"] for row in running.sent()]
        if count:
            assert "несколько незакрытых счетов" in words.questions(people.questions(running.stage.profile))
            people.answer(running.stage.profile, "invoice:2", "1")
        else:
            assert "нет незакрытого счёта" in report.text()
            running.call("crm.item.add", **second)
        running.run()
        sent = {row["number"] for row in running.sent() if row["operation"] == "Счет на оплату"}
        assert len(sent) == 3
        assert ("S24-502" in sent) is bool(count)


def test_an_invoice_is_made_only_where_the_profile_says_so(tmp_path: Path) -> None:
    """`orders.create_invoices`: a prepaid deal without any invoice gets one, with the rows and the buyer of the deal, once."""
    with scenario.opened(
        tmp_path, "prepaid", case=CASE, edit={"create_invoices = false": "create_invoices = true "}
    ) as running:
        running.call("crm.item.delete", entityTypeId=31, id=502)
        begun(running)
        made = [row for row in running.invoices().values() if str(row["parentId2"]) == "2"]
        assert [(row["title"], Decimal(str(row["opportunity"])), str(row["companyId"])) for row in made] == [
            ("Счёт по сделке 2", Decimal("7236.9"), "13")
        ]
        assert running.stage.onec.document(f"S24-{made[0]['id']}", "invoice").amount == Decimal("7236.90")


def test_a_payment_taken_back_clears_the_fields_and_moves_nothing_back(tmp_path: Path) -> None:
    """A refund after the deal is at work: facts follow 1C, a stage is never taken back."""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        begun(running)
        for refund in (False, True):
            running.stage.onec.pay("S24-502", Decimal("7236.90"), refund=refund)
            running.stage.session()
            running.run()
            assert running.field(2, "Оплаченная сумма, руб.") == (None if refund else "7236.90|RUB")
        assert running.invoices()["502"]["stage"] == "Оплачен"


def test_a_plan_tells_what_the_run_does(tmp_path: Path) -> None:
    """`obmen24 plan` takes the same path on copies and changes nothing; `obmen24 why deal 3` names file, document and rule."""
    with scenario.opened(tmp_path, "prepaid", case=CASE) as running:
        running.at(DAY)
        for act in (
            None,
            lambda: running.stage.onec.pay("S24-502", Decimal("7236.90")),
            lambda: running.stage.onec.ship("B24-3"),
        ):
            if act:
                act()
                running.stage.session()
            before, invoices, files = running.deals(), running.invoices(), running.outgoing()
            planned = running.run(dry=True)
            assert (running.deals(), running.invoices(), running.outgoing()) == (before, invoices, files)
            assert counted(planned) == counted(running.run())
            running.stage.session()
        running.run()
        text = words.journal(journal.why(running.stage.profile, "deal", "3"), "deal", "3")
        for expected in (
            "Заказ B24-3 для 1С",
            "orders.send_stages",
            "Поле «Номер заказа 1С»",
            "Отгрузка № РТ-00000001",
            "from_1c/documents-",
            "Стадия В работе → Успешная",
            "shipped = да",
        ):
            assert expected in text, text


def counted(report: Any) -> dict[str, int]:
    return {name: count for name, count in report.counts.items() if count and name != "files_known"}
