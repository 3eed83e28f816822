from dataclasses import asdict
from datetime import date
from decimal import Decimal

import pytest

from etl import tables
from etl.config.ends import Organisation
from etl.config.profile import Orders
from etl.transform import documents
from etl.transform.orders import documents as order_documents
from etl.values import keys
from etl.values.organisations import own_organisation
from tests.support.deals000 import EXEMPT, OWN, bill, deal, deals, register, settings
from tests.support.rows import whole

D = Decimal
PORTAL = "video"
TODAY = date(2026, 11, 5)


def charged(extended=True, plan=None, **changes):
    made = documents.charge_documents(
        (plan or bill(deals())).charges,
        portal=PORTAL,
        settings=settings(**changes),
        organisations=[OWN, EXEMPT],
        extended=extended,
    )
    return {name: tables.records(frame) for name, frame in made.items()}


# ---- charges ----


def test_a_charge_is_an_order_with_its_invoice():
    made = charged()
    order, invoice = made["documents"]
    assert (
        order["kind"],
        order["number"],
        order["date"],
        order["amount"],
        order["posted"],
        order["cancelled"],
    ) == ("order", "M261110003F", date(2026, 11, 1), D("1500.00"), True, False)
    assert order["id"] == keys.document_id(PORTAL, "order", "M261110003F")
    assert (
        order["organisation"],
        order["manager"],
        order["deal"],
        order["currency"],
        order["vat_included"],
        order["vat_amount"],
    ) == ("ООО «Око»", "Менеджерова Мария", "123", "RUB", True, D("270.49"))
    assert (invoice["kind"], invoice["number"], invoice["basis"], invoice["basis_number"]) == (
        "invoice",
        "M261110003F",
        order["id"],
        "M261110003F",
    )
    assert invoice["id"] != order["id"] and order["basis"] is None
    assert [line["document"] for line in made["lines"]] == [order["id"], invoice["id"]]
    assert {
        (line["price"], line["quantity"], line["amount"], line["vat_rate"], line["vat_amount"])
        for line in made["lines"]
    } == {(D("1500.00"), D(1), D("1500.00"), D(22), D("270.49"))}


def test_the_values_of_the_specification_are_requisites_and_in_the_comment():
    plan = bill(deals(deal(terminated_on=date(2026, 11, 15))))
    order = charged(plan=plan)["documents"][0]
    assert order["requisites"] == {
        "ФИО плательщика": "Плательщиков Пётр 123-й",
        "Адрес объекта": "г. Тула, ул. Мира, 123",
        "Номер договора": "ВН-123",
        "Дата договора": "2026-09-10",
        "Сумма платежа": "1500.00",
        "Дата расторжения": "2026-11-15",
        "Период": "2026-11",
        "Ключ": "M261110003F",
        "Организация ИНН": "7707083893",
    }
    assert order["comment"] == (
        "ФИО плательщика: Плательщиков Пётр 123-й; Адрес объекта: г. Тула, ул. Мира, 123; "
        "Договор № ВН-123 от 10.09.2026; Сумма платежа: 1500.00; Дата расторжения: 15.11.2026"
    )


def test_the_payer_goes_under_a_name_of_its_own():
    (party, _) = charged()["parties"]
    assert (party["name"], party["full_name"], party["kind"], party["inn"], party["role"]) == (
        "Плательщиков Пётр 123-й (дог. № ВН-123)",
        "Плательщиков Пётр 123-й",
        "person",
        None,
        "Покупатель",
    )
    firm = charged(plan=bill(deals(deal(payer="ООО «Луч»", payer_inn="7707083893"))))["parties"][0]
    assert (firm["kind"], firm["name"], firm["inn"]) == ("legal", "ООО «Луч»", "7707083893")


def test_stock_1c_gets_the_order_alone_and_no_posting():
    (order,) = charged(extended=False)["documents"]
    assert order["kind"] == "order" and order["posted"] is None
    assert len(charged(invoice=False)["documents"]) == 1


def test_a_charge_amended_to_nothing_is_cancelled_and_never_negative():
    first = register(bill(deals()))
    made = charged(plan=bill(deals(deal(terminated_on=date(2026, 10, 1))), first))
    assert {(row["cancelled"], row["posted"], row["amount"]) for row in made["documents"]} == {
        (True, False, D(0))
    }
    assert made["documents"][0]["id"] == charged()["documents"][0]["id"], "the same document"
    assert made["documents"][0]["requisites"]["Дата расторжения"] == "2026-10-01"


def test_the_service_is_one_product_whatever_the_month():
    named = {"service": "Видеонаблюдение за {month}"}
    lines = [
        charged(plan=bill(deals(), month=month, **named), **named)["lines"][0]
        for month in ("2026-10", "2026-11")
    ]
    assert lines[0]["product"] == lines[1]["product"] and lines[0]["name"] != lines[1]["name"]


def test_without_vat_and_with_the_same_bytes():
    plan = bill(deals(deal(organisation=EXEMPT.name)))
    line = charged(plan=plan)["lines"][0]
    assert (line["vat_rate"], line["vat_exempt"], line["vat_amount"]) == (None, True, None)
    assert charged(plan=plan) == charged(plan=plan)


def test_what_is_made_fits_the_declared_tables():
    plan = bill(deals())
    made = documents.charge_documents(
        plan.charges, portal=PORTAL, settings=settings(), organisations=[OWN], extended=True
    )
    undone = documents.act_documents(
        tables.frame("accruals", [accrual("A1-123", "500.01"), accrual("R1-123", "-500.01")]),
        portal=PORTAL,
        organisations=[OWN],
    )
    sold = {name: tables.frame(name, rows) for name, rows in send(invoices=[INVOICE]).items()}
    for name in ("documents", "lines", "parties"):
        assert tables.check(name, tables.concat(name, [made[name], undone[name], sold[name]]))[1].empty


# ---- acts ----


def accrual(number, amount, **changes):
    return {
        "deal": "123",
        "part": "first",
        "number": number,
        "date": TODAY,
        "manager": "7",
        "manager_name": "Менеджерова Мария",
        "organisation": OWN.name,
        "agreed": D("1000.01"),
        "amount": D(amount),
        "contract_number": "ВН-123",
        "contract_date": date(2026, 9, 10),
        "paid_on": date(2026, 11, 2),
        "paid_amount": D(1500),
        "basis": "Сделка № 123, договор № ВН-123 от 10.09.2026",
        "service": "Вознаграждение, часть 1 из 2",
    } | changes


def acts(*rows):
    made = documents.act_documents(tables.frame("accruals", rows), portal=PORTAL, organisations=[OWN, EXEMPT])
    return {name: tables.records(frame) for name, frame in made.items()}


def test_an_act_names_the_manager_and_the_ground():
    made = acts(accrual("A1-123", "500.01"))
    (act,), (line,), (party,) = made["documents"], made["lines"], made["parties"]
    assert (
        act["kind"],
        act["number"],
        act["amount"],
        act["posted"],
        act["organisation"],
        act["comment"],
    ) == ("act", "A1-123", D("500.01"), True, "ООО «Око»", "Сделка № 123, договор № ВН-123 от 10.09.2026")
    assert (
        act["requisites"]["Дата оплаты клиентом"] == "2026-11-02"
        and act["requisites"]["Сумма оплаты"] == "1500.00"
    )
    assert (line["amount"], line["vat_exempt"]) == (D("500.01"), True)
    assert (party["name"], party["role"]) == ("Менеджерова Мария", "Продавец")


def test_a_reversal_is_a_return_on_the_act_with_a_positive_sum():
    undone = acts(accrual("R12123", "-500.01", part="reversal-first"))["documents"][0]
    assert (undone["kind"], undone["number"], undone["amount"], undone["basis_number"]) == (
        "return",
        "R12123",
        D("500.01"),
        "A12123",
    )
    assert undone["basis"] == keys.document_id(PORTAL, "act", "A12123")
    assert undone["comment"].startswith("Возврат по акту A12123: Сделка № 123")


# ---- orders and invoices of deals ----

ORDERS = {
    "send_stages": ("Заказ в работе",),
    "invoice_stages": ("Счет в 1с",),
    "variant_field": "Вид оплаты",
    "prepaid_values": ("Предоплата",),
    "managers": {"Иванова М. И.": "maria@example.ru"},
}
COMPANY = {"id": "company-1", "kind": "legal", "name": "ООО «Склад»", "inn": "7736050003"}
CONTACT = {
    "id": "contact-1",
    "last_name": "Петров",
    "first_name": "Пётр",
    "phones": ("+74951234567",),
    "emails": ("p@example.ru",),
}


def order_deal(number=5, **changes):
    return {
        "id": str(number),
        "title": "Кабель",
        "stage": "Заказ в работе",
        "party": "company-1",
        "contact": "contact-1",
        "currency": "RUB",
        "manager": "maria@example.ru",
        "manager_name": "Мария",
        "organisation": "7707083893",
        "lead_source": "Звонок",
        "fields": {},
    } | changes


def line(document="B24-5", position=10, **changes):
    return {
        "document": document,
        "position": position,
        "product": "p-1",
        "name": "Кабель",
        "kind": "goods",
        "quantity": D(3),
        "unit": "м",
        "unit_code": "006",
        "price": D("33.335"),
        "vat_rate": D(22),
        "vat_exempt": False,
        "vat_amount": D("18.03"),
        "vat_included": True,
        "amount": D("100.01"),
    } | changes


def send(
    *rows,
    lines=None,
    parties=(COMPANY,),
    contacts=(CONTACT,),
    invoices=(),
    dates=None,
    born=None,
    extended=True,
    **changes,
):
    sources = order_documents.Sources(
        deals=whole("deals", *(rows or [order_deal()])),
        lines=whole("lines", *([line()] if lines is None else lines)),
        parties=whole("parties", *parties),
        contacts=whole("contacts", *contacts),
        invoices=whole("documents", *invoices),
    )
    made = order_documents.deal_documents(
        sources,
        portal=PORTAL,
        settings=Orders(**ORDERS | changes),
        organisations=[OWN, EXEMPT],
        today=TODAY,
        dates=dates or {},
        born=born or {},
        extended=extended,
    )
    return asdict(made)


def test_sums_of_the_portal_hold_the_vat_whatever_a_row_says():
    sent = send(lines=[line(vat_included=False), line(position=20, vat_included=True)])
    assert sent["documents"][0]["vat_included"] is True
    assert {row["vat_included"] for row in sent["lines"]} == {True}


def test_an_order_of_a_deal():
    made = send()
    (order,), (row,), (party,) = made["documents"], made["lines"], made["parties"]
    assert (order["kind"], order["number"], order["date"], order["amount"], order["vat_amount"]) == (
        "order",
        "B24-5",
        TODAY,
        D("100.01"),
        D("18.03"),
    )
    assert (order["organisation"], order["manager"], order["comment"]) == (
        "ООО «Око»",
        "Иванова М. И.",
        "Сделка № 5 «Кабель»; Источник обращения: Звонок",
    )
    assert order["requisites"] == {
        "Организация ИНН": "7707083893",
        "Источник обращения": "Звонок",
        "Контактное лицо": "Петров Пётр",
        "Телефон контактного лица": "+74951234567",
        "E-mail контактного лица": "p@example.ru",
    }
    assert (row["document"], row["position"], row["amount"]) == (order["id"], 1, D("100.01"))
    assert (party["id"], party["document"], party["role"]) == ("company-1", order["id"], "Покупатель")
    assert made["issues"] == []


def test_only_trigger_stages_send_but_what_was_sent_stays_in_exchange():
    assert send(order_deal(stage="Поступил заказ"))["documents"] == []
    later = send(order_deal(stage="Отгружен"), dates={"B24-5": date(2026, 10, 1)})["documents"]
    assert [row["date"] for row in later] == [date(2026, 10, 1)]


INVOICE = {"id": "7", "kind": "invoice", "deal": "5", "status": "Счет в 1с"}


def test_a_postpaid_invoice_is_based_on_its_order():
    order, invoice = send(invoices=[INVOICE])["documents"]
    assert (order["kind"], order["basis"]) == ("order", None)
    assert (invoice["number"], invoice["basis"], invoice["basis_number"], invoice["amount"]) == (
        "S24-7",
        order["id"],
        "B24-5",
        D("100.01"),
    )


def test_a_prepaid_order_is_based_on_its_invoice():
    prepaid = {"fields": {"Вид оплаты": "Предоплата"}}
    (invoice,) = send(order_deal(stage="Счет в 1с", **prepaid), invoices=[INVOICE])["documents"]
    assert (invoice["kind"], invoice["basis"]) == ("invoice", None)
    first, order = send(order_deal(**prepaid), invoices=[INVOICE])["documents"]
    assert (first["id"], order["kind"], order["basis"], order["basis_number"]) == (
        invoice["id"],
        "order",
        invoice["id"],
        "S24-7",
    )


def test_an_invoice_may_have_rows_of_its_own():
    made = send(
        lines=[line(), line("S24-7", amount=None, quantity=D(2), price=D("10.255"))], invoices=[INVOICE]
    )
    assert [row["amount"] for row in made["documents"]] == [D("100.01"), D("20.51")]


def test_invoices_go_under_the_extended_contract_only():
    assert [row["kind"] for row in send(invoices=[INVOICE], extended=False)["documents"]] == ["order"]


def test_the_composition_is_sent_as_given_in_order():
    made = send(lines=[line(position=20, name="Второй", product=None), line(position=10, name="Первый")])[
        "lines"
    ]
    assert [(row["position"], row["name"]) for row in made] == [(1, "Первый"), (2, "Второй")]
    assert made[1]["product"] == keys.document_id(PORTAL, "product", "второй")
    assert send(rows=False, lines=[])["issues"][0]["message"].startswith("У сделки нет ни товаров, ни суммы")
    assert send(order_deal(amount=D(500)), rows=False)["documents"][0]["amount"] == D(500)


def test_a_person_buys_when_there_is_no_company():
    (party,) = send(order_deal(party=None))["parties"]
    assert (party["kind"], party["name"], party["phones"]) == ("person", "Петров Пётр", ("+74951234567",))


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({"party": None, "contact": None}, {}, "нет клиента"),
        ({}, {"lines": []}, "нет товаров"),
        ({"organisation": "ООО «Чужая»"}, {}, "не описана в профиле"),
    ],
)
def test_what_cannot_go_is_an_issue_and_its_neighbours_go(change, options, said):
    rows = [order_deal(**change), order_deal(6)]
    made = send(*rows, **{"lines": [line(), line("B24-6")]} | ({"lines": [line("B24-6")]} if options else {}))
    assert [row["number"] for row in made["documents"]] == ["B24-6"]
    assert [(row["key"], row["severity"]) for row in made["issues"]] == [("B24-5", "reject")]
    assert said in made["issues"][0]["message"]
    assert {row["document"] for row in (*made["lines"], *made["parties"])} == {made["documents"][0]["id"]}


def test_a_number_that_does_not_fit_is_an_issue():
    made = send(order_deal(12345678), order_deal())
    assert [row["number"] for row in made["documents"]] == ["B24-5"]
    assert "длиннее 11 знаков" in made["issues"][0]["message"]


def test_two_parties_of_one_name_are_not_sent_to_stock_1c():
    twin = COMPANY | {"id": "company-2", "name": 'ооо "склад"', "inn": "7707083893"}
    rows, lines = [order_deal(), order_deal(6, party="company-2")], [line(), line("B24-6")]
    stock = send(*rows, lines=lines, parties=[COMPANY, twin], extended=False)
    assert (
        stock["documents"] == []
        and stock["lines"] == []
        and [row["key"] for row in stock["issues"]] == ["B24-5", "B24-6"]
    )
    assert len(send(*rows, lines=lines, parties=[COMPANY, twin])["documents"]) == 2, (
        "the extended contract matches by Ид"
    )


def test_a_deal_born_in_1c_goes_back_only_under_its_own_id():
    born = order_deal(origin="guid-1", stage="Отгружен")
    assert send(born)["documents"] == [] and send(born | {"stage": "Заказ в работе"})["documents"] == []
    known = {"5": order_documents.Born("guid-1", "УТ-15", date(2026, 9, 1))}
    (order,) = send(born, born=known)["documents"]
    assert (order["id"], order["number"], order["date"]) == ("guid-1", "УТ-15", date(2026, 9, 1))
    assert send(born, born=known, extended=False)["documents"] == []


def test_of_several_organisations_none_is_the_default():
    several = [Organisation(name="А"), Organisation(name="Б", inn="7707083893")]
    assert own_organisation(None, several) is own_organisation(" ", several) is None
    assert own_organisation(None, several[:1]) == several[0]
    assert own_organisation("7707083893", several) == own_organisation("б", several) == several[1]
    assert own_organisation("В", several[:1]) is None
    made = send(order_deal(organisation=None))
    assert (
        made["documents"] == [] and "Не указано, от какой нашей организации" in made["issues"][0]["message"]
    )
