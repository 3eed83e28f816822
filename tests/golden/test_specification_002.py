"""Specifications 002 and 004 (one text in two layouts: orders of УТ 10.3 become deals) sentence by sentence, end to end.

The story is samples/leads/orders-of-1c: three orders made in 1C. What it does not hold is played in tests of its own.
"""

from __future__ import annotations

import datetime as dt
import random
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from etl.cli.words import check as words
from etl.commands import check, people
from etl.sandbox.onec.records import Account
from tests.support import scenario

CASE = "leads/orders-of-1c"
DAY = dt.date(2026, 11, 2)
NEW, SENT, SHIPPED, PAID = (
    "Заявка получена, подготовка счета",
    "Счет отправлен, ожидание оплаты",
    "Отгрузка, без оплаты",
    "Оплата получена",
)
pytestmark = pytest.mark.xdist_group(CASE)


@pytest.fixture
def story() -> dict[str, scenario.View]:
    return {name[:2]: view for name, view in scenario.story(CASE).items()}


def ordered(
    running: scenario.Scenario, *lines: dict[str, Any], party: Any = "ООО «Причал»", **values: Any
) -> str:
    """An order made in 1C, seen by the portal; its number."""
    running.at(DAY)
    number = running.stage.onec.new_order(
        party, lines or [{"name": "Замок врезной", "quantity": "2", "price": "3150.50"}], **values
    ).number
    running.stage.session()
    running.run()
    return number


def told(running: scenario.Scenario) -> None:
    running.stage.session()
    running.run()


# ---- directories ----
def test_a_new_counterparty_becomes_company_and_contact(tmp_path: Path) -> None:
    """«При заведении нового контрагента в 1С: Предприятие в Битрикс24 должна создаваться карточки “Компания” и “Контакт”, соответствующие
    контрагенту из 1С.» «Наименование компании, Телефон, E-mail, Город, Реквизиты (Сокращенное наименование организации, полное наименование
    организации, ИНН, КПП, юридические адрес, фактический адрес Банковские реквизиты: наименование банка, БИК, расчетный счет, Корр. счет, валюта
    счета)» «ФИО, Телефон, E-mail, Город» «Данная информация синхронизируется только при наличии указанных данных в 1С» «Контрагент с форма
    юридического лица “Индивидуальный предприниматель” из 1С:Предприятие синхронизируется с сущностью “Компании” в Битрикс24.»
    """
    with scenario.opened(tmp_path, "leads", case=CASE) as running:
        account = Account(
            "40702810900000000123", "АО «Вымышленный банк»", "049999901", "30101810000000000901"
        )
        running.stage.onec.new_party(
            "ООО «Причал»",
            full_name="Общество с ограниченной ответственностью «Причал»",
            inn="0000004205",
            kpp="000001001",
            phones=["+70005550101"],
            emails=["prichal@example.ru"],
            city="Новореченск",
            legal_address="ул. Речная, д. 1",
            actual_address="ул. Речная, д. 2",
            accounts=[account],
            contacts={"7d6f4c1e-52b1-5b0e-9f0e-0c1b24000077": "Лосева Полина Денисовна"},
        )
        running.stage.onec.new_party(
            "ИП Карпов Олег Фёдорович",
            kind="sole_trader",
            full_name="ИП Карпов Олег Фёдорович",
            inn="000000420539",
        )
        running.stage.onec.new_party(
            "Мохова Инна Егоровна",
            kind="person",
            full_name="Мохова Инна Егоровна",
            phones=["+70005550103"],
            emails=["mohova@example.ru"],
        )
        running.at(DAY)
        told(running)
        whole = running.stage.portal.dump()
        reached = {
            (kind, row["ID"]): row
            for kind in ("company", "contact")
            for row in running.call(f"crm.{kind}.list", select=["ID", "PHONE", "EMAIL"])
        }
    companies = {row["TITLE"]: row for row in whole["companies"]}
    firm = companies["ООО «Причал»"]
    assert "ИП Карпов Олег Фёдорович" in companies
    requisite = next(
        row for row in whole["requisites"] if (row["ENTITY_TYPE_ID"], row["ENTITY_ID"]) == (4, firm["ID"])
    )
    assert (
        requisite["RQ_COMPANY_NAME"],
        requisite["RQ_COMPANY_FULL_NAME"],
        requisite["RQ_INN"],
        requisite["RQ_KPP"],
    ) == ("ООО «Причал»", "Общество с ограниченной ответственностью «Причал»", "0000004205", "000001001")
    bank = next(row for row in whole["bankdetails"] if row["ENTITY_ID"] == requisite["ID"])
    assert (bank["RQ_BANK_NAME"], bank["RQ_BIK"], bank["RQ_ACC_NUM"], bank["RQ_COR_ACC_NUM"]) == (
        "АО «Вымышленный банк»",
        "049999901",
        "40702810900000000123",
        "30101810000000000901",
    )
    assert "Новореченск" in {
        row.get("CITY") for row in whole["addresses"] if str(row["ENTITY_ID"]) == str(requisite["ID"])
    }
    places = {
        row["TYPE_ID"]: row["ADDRESS_1"]
        for row in whole["addresses"]
        if str(row["ENTITY_ID"]) == str(requisite["ID"])
    }
    assert {6: "ул. Речная, д. 1", 1: "ул. Речная, д. 2"}.items() <= places.items()
    told_firm = reached["company", str(firm["ID"])]
    assert (told_firm["PHONE"][0]["VALUE"], told_firm["EMAIL"][0]["VALUE"]) == (
        "+70005550101",
        "prichal@example.ru",
    )
    contacts = {row["LAST_NAME"]: row for row in whole["contacts"]}
    assert (contacts["Лосева"]["NAME"], contacts["Лосева"]["COMPANY_ID"]) == ("Полина", firm["ID"])
    told_person = reached["contact", str(contacts["Мохова"]["ID"])]
    assert (told_person["PHONE"][0]["VALUE"], told_person["EMAIL"][0]["VALUE"]) == (
        "+70005550103",
        "mohova@example.ru",
    )
    assert contacts["Карпов"]["COMPANY_ID"] == companies["ИП Карпов Олег Фёдорович"]["ID"], (
        "an ИП is a company and its own contact"
    )


def test_products_with_sale_and_purchasing_price(story: dict[str, scenario.View]) -> None:
    """«При синхронизации справочника “Номенклатура” в 1С:Предприятие и разделом “Товары” в Битрикс24 должна передаваться следующая информация:
    Наименование товара, Цена продажи, Закупочная стоимость»
    """
    whole = story["01"].dump
    products = {row["name"]: row for row in whole["products"]}
    prices = {row["productId"]: Decimal(str(row["price"])) for row in whole["prices"]}
    assert {
        name: (prices[row["id"]], Decimal(str(row["purchasingPrice"]))) for name, row in products.items()
    } == {
        "Дверь входная «Кедр»": (Decimal("24900.00"), Decimal("16300.00")),
        "Замок врезной": (Decimal("3150.50"), Decimal("2210.00")),
    }


# ---- orders ----
def test_an_order_of_1c_is_shown_as_a_deal(story: dict[str, scenario.View]) -> None:
    """«Отображать в Битрикс24 заказ при создании его в 1С.» «При создании заказа покупателя в 1С, в CRM Битрикс24 создается Сделка в Битрикс24 на
    стадии “Заявка получена, подготовка счета”. При это в карточку сделки подгружается список выбранной номенклатуры и Контрагент.»
    """
    view = story["01"]
    assert set(view.stages().values()) == {NEW}
    assert view.compositions["1"] == [
        ("Дверь входная «Кедр»", Decimal(2), Decimal(24900)),
        ("Замок врезной", Decimal(2), Decimal("3150.5")),
        ("Замок врезной", Decimal(1), Decimal("3150.51")),
    ], "9451,51 / 3 does not divide: a split row keeps the kopeck"
    names = {row["ID"]: row["TITLE"] for row in view.dump["companies"]}
    buyers = [names.get(int(row["COMPANY_ID"] or 0)) for row in view.deals.values()]
    assert buyers == ["ООО «Причал»", "ИП Карпов Олег Фёдорович", None]
    assert view.deals["3"]["CONTACT_ID"], "a person is a contact"
    assert [row["ASSIGNED_BY_ID"] for row in view.deals.values()] == ["3", "4", "5"], (
        "the responsible of 1C by the table of managers"
    )


def test_the_deal_holds_the_information_of_the_order(story: dict[str, scenario.View]) -> None:
    """«В сделке должна содержаться информация из заказа в 1С.»"""
    fields = story["01"].fields["1"]
    assert [
        fields[name] if "Дата" not in name else fields[name][:10]
        for name in (
            "Номер заказа 1С",
            "Дата заказа 1С",
            "Статус заказа 1С",
            "Сумма заказа 1С",
            "Комментарий заказа 1С",
            "Наша организация",
        )
    ] == [
        "ЗК-00000001",
        "2026-11-02",
        "Ожидается предоплата (до отгрузки)",
        "59251.51|RUB",
        "Доставка до двери",
        "ООО «Торговый ряд»",
    ]


def test_an_invoice_moves_the_deal_and_its_sum_is_the_sum_of_the_deal(
    tmp_path: Path, story: dict[str, scenario.View]
) -> None:
    """«При выставлении счета из 1С Сделка в Битрикс24 меняет свою стадию на “Счет отправлен, ожидание оплаты”, в карточку Сделки автоматически
    вносится номер, дата выставленного счета, номенклатура и в поле “Сумма сделки” помещается сумма выставленного счета.»
    """
    view = story["02"]
    assert set(view.stages().values()) == {SENT}
    assert (view.fields["1"]["Номер счета"], view.fields["1"]["Дата счета"][:10]) == (
        "СЧ-00000001",
        "2026-11-03",
    )
    with scenario.opened(tmp_path, "leads", case=CASE) as running:
        number = ordered(running, {"name": "Замок врезной", "quantity": "3", "price": "3150.50"})
        running.call(
            "crm.item.update",
            entityTypeId=2,
            id=1,
            fields={"isManualOpportunity": "Y", "opportunity": "1.00"},
        )
        running.stage.onec.new_invoice(number, Decimal("7000.01"))
        told(running)
        rows = running.composition(1)
        assert sum(
            (quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP) for _, quantity, price in rows
        ) == Decimal("7000.01")
        assert running.deals()["1"]["OPPORTUNITY"] == "7000.01", (
            "to the kopeck, even where a person had typed another sum"
        )
        assert running.run().quiet


def test_a_payment_is_shown_as_soon_as_1c_has_it(story: dict[str, scenario.View]) -> None:
    """«Отображать оплату клиента в Битрикс24, как только она зафиксировалась в 1С.» «При смене статуса заказа клиента в 1С:Предприятие на “Оплачен”
    соответствующая сделка в Битрикс24 переходит в стадию воронки продаж “Счет оплачен,”. В карточку сделки в Битрикс24 заносится следующая
    информация: дата оплаты, оплаченная сумма, руб.»
    """
    view = story["03"]
    assert view.stages()["1"] == PAID
    assert (view.fields["1"]["Дата оплаты"][:10], view.fields["1"]["Оплаченная сумма, руб."]) == (
        "2026-11-05",
        "59251.51|RUB",
    )


def test_the_status_paid_alone_moves_the_deal_without_inventing_a_payment(tmp_path: Path) -> None:
    """«При смене статуса заказа клиента в 1С:Предприятие на “Оплачен”…»: where 1C counts nothing the status proves it, and the fields of payment
    stay empty; where 1C says «Оплачен = false» the facts win for who trusts them, and the doubt is shown.
    """
    facts = {'trust = "status"': 'trust = "facts" '}
    with scenario.opened(tmp_path, "leads", case=CASE, edit=facts) as running:
        number = ordered(running)
        running.stage.onec.edit_order(number, status="Оплачен")
        running.stage.session()
        report = running.run()
        assert running.stages()["1"] == NEW
        assert "означает «оплачено», но документы 1С этого не подтверждают" in report.text()
        running.stage.onec.edit_order(number, comment="ещё раз")
        running.stage.session()
        (path,) = (running.folder / "from_1c").glob("documents-*.xml")
        text = path.read_text(encoding="utf-8-sig")
        start = text.index("<Наименование>Оплачен</Наименование>")
        cut = (
            text.rindex("<ЗначениеРеквизита>", 0, start),
            text.index("</ЗначениеРеквизита>", start) + len("</ЗначениеРеквизита>"),
        )
        path.write_text("\ufeff" + text[: cut[0]] + text[cut[1] :], encoding="utf-8")
        running.run()
        assert running.stages()["1"] == PAID
        assert running.field(1, "Дата оплаты") in (None, "")


def test_the_status_paid_moves_the_deal_though_its_invoice_is_smaller(tmp_path: Path) -> None:
    """«При смене статуса заказа клиента в 1С:Предприятие на “Оплачен”…»: an invoice for a part of the order is paid in full and 1C calls the order
    paid; the responsible is told what came, not what was ordered.
    """
    with scenario.opened(tmp_path, "leads", case=CASE) as running:
        number = ordered(running)
        amount = running.stage.onec.document(number, "order").amount
        invoice = running.stage.onec.new_invoice(number, amount - Decimal("100.00"))
        running.stage.onec.pay(invoice.number, amount - Decimal("100.00"))
        running.stage.onec.edit_order(number, status="Оплачен")
        running.stage.session()
        running.run()
        assert running.stages()["1"] == PAID
        paid = f"{amount - Decimal('100.00'):.2f}"
        assert str(running.field(1, "Оплаченная сумма, руб.")).partition("|")[0] == paid
        (said,) = [
            row["MESSAGE"]
            for row in running.stage.portal.dump()["notifications"]
            if "оплатил" in row["MESSAGE"]
        ]
        assert paid.replace(".", ",") in said


def test_shipped_without_payment(story: dict[str, scenario.View]) -> None:
    """«Если по сделке совершили отгрузку и оплата не поступила, то в битрикс24 стадия сделки меняется на “Отгрузка, без оплаты”. И поля с оплатой в
    Битрикс24 заполняются только когда оплата фиксируется в 1С.»
    """
    view = story["03"]
    assert (view.stages()["2"], view.stages()["3"]) == (SHIPPED, SHIPPED), "a part is a shipment too"
    assert not view.fields["3"]["Дата оплаты"]
    assert not view.fields["3"]["Оплаченная сумма, руб."]
    later = story["04"]
    assert (later.stages()["3"], later.fields["3"]["Оплаченная сумма, руб."]) == (PAID, "24900.00|RUB")


def test_shipments_fill_their_fields(story: dict[str, scenario.View]) -> None:
    """«При создании реализации в 1С, в Битрикс24 в полях карточки “Сделки” фиксируется следующая информация по реализации: Дата формирования, Номер
    реализации, Сумма по реализации, Юр.Лицо»
    """
    names = ("Дата реализации", "Номер реализации", "Сумма реализации", "Юр. лицо реализации")

    def shown(view: scenario.View) -> list[str]:
        return [str(view.fields["2"][name]).partition("T")[0] for name in names]

    assert shown(story["03"]) == ["2026-11-05", "РТ-00000001", "10000.00|RUB", "ООО «Торговый ряд»"]
    assert shown(story["04"]) == [
        "2026-11-09",
        "РТ-00000001, РТ-00000004",
        "22000.00|RUB",
        "ООО «Торговый ряд»",
    ], "joined, latest, added"


def test_the_responsible_is_told_once(story: dict[str, scenario.View]) -> None:
    """«При смене в сущности “Сделки” стадии в воронке продаж на “Оплата получена” сотруднику с ролью “Ответственный” в Битрикс24 автоматически
    ставится приходит уведомление, что клиент оплатил.»
    """
    assert story["03"].notices == [("3", "Клиент оплатил: Заказ ЗК-00000001 от 02.11.2026, 59251,51 руб.")]
    assert story["05"].notices == [
        *story["03"].notices,
        ("5", "Клиент оплатил: Заказ ЗК-00000003 от 02.11.2026, 24900,00 руб."),
    ]


def test_the_release_of_1c_is_advised(tmp_path: Path) -> None:
    """«Рекомендуется обновить конфигурацию Управление Торговлей 10.3 до версии 10.3.52.2, так как конфигурация устаревшая, есть риск поломок
    интеграции.» «1С: Управление торговлей 10.3 (10.3.19.4)»
    """
    with scenario.opened(
        tmp_path, "leads", case=CASE, edit={'release = "10.3.52.2"': 'release = "10.3.19.4"'}
    ) as running:
        text = words.text(check.check(running.stage.profile))
    assert "Релиз 1С 10.3.19.4: рекомендуется обновить до 10.3.52.2" in text


def test_what_stock_1c_cannot_tell_is_said_in_plain_words(tmp_path: Path) -> None:
    """Without the extended contract УТ 10.3 tells neither orders born in it, nor invoices, nor contractors: `check` names each and the way out."""
    with scenario.opened(
        tmp_path, "leads", case=CASE, edit={"extended = true ": "extended = false"}
    ) as running:
        text = words.text(check.check(running.stage.profile))
    for expected in (
        "orders.create_deals",
        "«счета на оплату»",
        "справочник контрагентов",
        "расширенным договором",
    ):
        assert expected in text, text


# ---- order, repetition and delay of files ----
def test_a_file_in_any_order_gives_the_same_deals(tmp_path: Path) -> None:
    """Files of 1C shuffled, repeated and late end where those in order end; nothing is created twice."""
    with scenario.opened(make(tmp_path, "office"), "leads", case=CASE) as office:
        files = history(office)
    ends = []
    for name, order in (("calm", list(range(len(files)))), ("rough", shuffled(len(files)))):
        with scenario.opened(make(tmp_path, name), "leads", case=CASE) as running:
            running.at(dt.date(2026, 11, 20))
            for count, place in enumerate(order):
                (running.folder / "from_1c").mkdir(parents=True, exist_ok=True)
                (running.folder / "from_1c" / f"{count:02d}-{files[place][0]}").write_bytes(files[place][1])
                if count % 3 == 2:
                    running.run()
            running.run()
            assert running.run().quiet
            ends.append(
                sorted(
                    (
                        row["TITLE"],
                        row["stage"],
                        row["OPPORTUNITY"],
                        running.composition(deal),
                        row["UF_CRM_SHIPPED_NUMBER"],
                        row["UF_CRM_PAID_AMOUNT"],
                        row["UF_CRM_INVOICE_NUMBER"],
                    )
                    for deal, row in running.deals().items()
                )
            )
    assert ends[0] == ends[1]
    assert len(ends[0]) == 2


def history(office: scenario.Scenario) -> list[tuple[str, bytes]]:
    """What 1C wrote in a fortnight, session by session; the portal sees nothing of it here."""
    onec, files = office.stage.onec, []
    acts = [
        lambda: [
            onec.new_order(name, [{"name": "Замок врезной", "quantity": "3", "amount": amount}])
            for name, amount in (("ООО «Причал»", "9451.51"), ("ООО «Маяк»", "500.00"))
        ],
        lambda: [onec.new_invoice("ЗК-00000001"), onec.new_invoice("ЗК-00000002")],
        lambda: [onec.ship("ЗК-00000001", Decimal("4000.00")), onec.pay("ЗК-00000002", Decimal("500.00"))],
        lambda: [onec.ship("ЗК-00000001"), onec.pay("ЗК-00000001", Decimal("9451.51"))],
    ]
    for day, act in enumerate(acts):
        office.at(dt.date(2026, 11, 2 + 3 * day))
        act()
        office.stage.session()
        files += [
            (path.name, path.read_bytes()) for path in sorted((office.folder / "from_1c").glob("*.xml"))
        ]
        for path in (office.folder / "from_1c").glob("*.xml"):
            path.unlink()
    return files


def shuffled(count: int) -> list[int]:
    dice = random.Random(20021122)
    order = [*range(count), *dice.sample(range(count), count // 2)]
    dice.shuffle(order)
    return order


def make(tmp_path: Path, name: str) -> Path:
    (tmp_path / name).mkdir()
    return tmp_path / name


def test_contradicting_sums_stop_the_document(tmp_path: Path) -> None:
    """A document whose lines do not add up to its sum (by more than 0.01) changes no deal; both computations are shown."""
    with scenario.opened(tmp_path, "leads", case=CASE) as running:
        number = ordered(running)
        running.stage.onec.edit_document(number, amount=Decimal("6400.00"))
        running.stage.session()
        report = running.run()
        assert running.deals()["1"]["OPPORTUNITY"] == "6301.00"
        assert "сумма 6400,00, а строки дают 6301,00" in report.text()


def test_an_order_waits_for_its_buyer(tmp_path: Path) -> None:
    """A buyer that may be one of several cards is a question; the order waits with its invoice and payment and loses nothing."""
    with scenario.opened(tmp_path, "leads", case=CASE) as running:
        buyer = running.stage.onec.new_party("ООО «Похожий»", inn="0000000113", kpp="001101001")
        number = ordered(running, party=buyer)
        assert running.deals() == {}
        running.stage.onec.pay(number, Decimal("6301.00"))
        running.stage.session()
        assert running.run().exit_code == 3
        people.answer(running.stage.profile, f"record:{buyer.guid}", "1")
        running.run()
        running.run()
        (deal,) = running.deals().values()
        assert (deal["stage"], deal["UF_CRM_PAID_AMOUNT"], str(deal["COMPANY_ID"])) == (
            PAID,
            "6301.00|RUB",
            "11",
        )


def test_a_deal_that_a_person_removed_stays_away(tmp_path: Path) -> None:
    """Deletion by a person is not undone: the order of 1C is not made into a deal again."""
    with scenario.opened(tmp_path, "leads", case=CASE) as running:
        number = ordered(running)
        running.call("crm.deal.delete", id=1)
        running.stage.onec.edit_order(number, comment="срочно")
        told(running)
        assert running.deals() == {}


def test_a_plan_shows_the_deals_that_the_run_makes(tmp_path: Path) -> None:
    """`obmen24 plan` counts the same companies, deals, rows, fields and moves that `run` then makes, and makes none of them."""
    with scenario.opened(tmp_path, "leads", case=CASE) as running:
        running.at(DAY)
        number = running.stage.onec.new_order(
            "ООО «Причал»", [{"name": "Замок врезной", "quantity": "2", "price": "3150.50"}]
        ).number
        running.stage.onec.pay(number, Decimal("6301.00"))
        running.stage.session()
        planned = running.run(dry=True)
        assert running.deals() == {}
        done = running.run()
        shown = ("created", "composed", "fields", "moved", "notified", "payments")
        assert {name: planned.counts[name] for name in shown} == {name: done.counts[name] for name in shown}
        assert running.stages() == {"1": PAID}
