"""Specifications 001, 002/004 and 003, sentence by sentence, on the pure functions between documents and deals."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest

from etl import tables
from etl.config import dialects
from etl.config.ends import Organisation
from etl.config.profile import Orders, Rule
from etl.transform import cards, stages
from etl.transform.money import facts, targets
from etl.transform.money.paid import paid
from etl.transform.orders import composition, doubts, owners, prices, sending
from etl.transform.orders import documents as order_documents
from etl.transform.orders import invoices as smart
from etl.transform.orders import told as telling
from etl.transform.orders.born import new_deals
from etl.transform.orders.facts import order_facts
from etl.transform.orders.ours import organisation
from etl.transform.orders.owners import attached
from etl.transform.orders.told import Told
from etl.values import keys
from tests.support.rows import column, columns, whole

PORTAL, DAY = "demo", date(2026, 11, 2)
OWN = (Organisation(name="ООО Наш Дом", inn="7707083893"), Organisation(name="ИП Своя", inn="500100732259"))


def doc(identifier: str, kind: str = "order", number: str | None = None, **values: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "kind": kind,
        "number": number or identifier,
        "date": DAY,
        "organisation": OWN[0].name,
        **values,
    }


def docs(*rows: dict[str, Any]) -> list[Any]:
    return whole("documents", *rows)


def deal(identifier: str = "5", stage: str = "Заказ в работе", **values: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "title": "Забор",
        "stage": stage,
        "party": "company_1",
        "amount": D("100.00"),
        "manager": "7",
        "manager_name": "Петров Пётр",
        "organisation": OWN[0].name,
        "fields": {},
        **values,
    }


def deals(*rows: dict[str, Any]) -> list[Any]:
    return whole("deals", *(rows or (deal(),)))


def line(document: str, amount: str = "100.00", **values: Any) -> dict[str, Any]:
    return {
        "document": document,
        "position": 1,
        "product": "g1",
        "name": "Болт",
        "quantity": D(2),
        "price": D(amount) / 2,
        "amount": D(amount),
        **values,
    }


def lines(*rows: dict[str, Any]) -> list[Any]:
    return whole("lines", *rows)


class From1C:
    """What the documents of one file mean for the deals, computed the way the flow does."""

    def __init__(
        self,
        *rows: dict[str, Any],
        settings: Orders | None = None,
        links: dict[str, str] | None = None,
        dialect: str = "bitrix3",
        invoices: dict[str, str] | None = None,
        known: tuple[str, ...] = ("B24-5",),
    ) -> None:
        self.settings, self.documents = settings or Orders(), docs(*rows)
        invoices = invoices or {}
        self.found, _ = targets.targets(
            self.documents,
            portal=PORTAL,
            known={*known, *(keys.invoice(one) for one in invoices), *(links or {})},
        )
        self.roles = owners.belongings(self.documents, self.found, links=links or {}, invoices=invoices)
        self.content = attached(self.documents, self.roles)
        with_deals = docs(
            *(
                row | {"deal": self.roles[row["id"]].deal}
                for row in self.documents
                if self.roles[row["id"]].deal
            )
        )
        self.payments = facts.payment_facts(self.documents, self.found, dialects.DIALECTS[dialect])
        self.goods = facts.shipment_facts(self.documents, self.found)
        self.facts = order_facts(
            with_deals, self.payments, self.goods, self.settings.statuses, self.settings.trust
        )

    def told(self) -> Told:
        return telling.told(self.content, self.facts, self.settings, OWN)

    def moves(
        self, rules: list[Rule], stage: str, derived: str | None = None, **values: Any
    ) -> list[tuple[str, str]]:
        changes, _ = stages.moves(
            self.facts,
            rules,
            deals(deal(stage=stage, **values)),
            {"5": derived} if derived else {},
        )
        return [(row["action"], row["after"]) for row in changes]


def rule(to: str, when: dict[str, Any], *from_: str, notify: str | None = None) -> Rule:
    return Rule.model_validate({"to": to, "when": when, "from": from_, "notify": notify})


# ==== 002 / 004: УТ 10.3 leads ====

STAGE_NEW, STAGE_SENT, STAGE_PAID, STAGE_SHIPPED = (
    "Заявка получена, подготовка счета",
    "Счет отправлен, ожидание оплаты",
    "Счет оплачен",
    "Отгрузка, без оплаты",
)
RULES_002 = [
    rule(STAGE_SENT, {"invoiced": True}, STAGE_NEW),
    rule(STAGE_SHIPPED, {"shipped": True, "paid": False}, STAGE_NEW, STAGE_SENT),
    rule(
        STAGE_PAID,
        {"paid": True},
        STAGE_NEW,
        STAGE_SENT,
        STAGE_SHIPPED,
        notify="Клиент оплатил сделку {deal}: {amount} руб.",
    ),
]
LEADS = Orders(
    create_deals=True,
    first_stage=STAGE_NEW,
    managers={"Петрова Анна": "anna@example.test"},
    fields={
        "order_number": "Номер заказа",
        "order_date": "Дата заказа",
        "order_status": "Статус заказа",
        "order_amount": "Сумма заказа",
        "order_comment": "Комментарий",
        "organisation": "Организация",
        "invoice_number": "Номер счета",
        "invoice_date": "Дата счета",
        "paid_on": "Дата оплаты",
        "paid_amount": "Оплачено",
        "shipped_on": "Дата реализации",
        "shipped_number": "Номер реализации",
        "shipped_amount": "Сумма реализации",
        "shipped_organisation": "Юр. лицо",
    },
)


def test_002_a_new_contractor_becomes_company_and_contact() -> None:
    """«При заведении нового контрагента в 1С: Предприятие в Битрикс24 должна создаваться карточки “Компания” и “Контакт”, соответствующие контрагенту из 1С.»"""
    parties = [
        {"id": "g1", "kind": "legal", "name": "ООО Ромашка"},
        {"id": "g2", "kind": "person", "name": "Иванов Иван Иванович"},
    ]
    contacts = [{"id": "c1", "party": "g1", "last_name": "Сидоров", "first_name": "Олег"}]
    made = cards.cards(parties, contacts)
    assert [(card.origin, card.contact, card.owner) for card in made] == [
        ("g1", False, None),
        ("c1", True, "g1"),
        ("g2", True, None),
    ]
    assert (made[2].values["last_name"], made[2].values["first_name"], made[2].values["middle_name"]) == (
        "Иванов",
        "Иван",
        "Иванович",
    )


def test_002_company_fields() -> None:
    """«Наименование компании, Телефон, E-mail, Город, Реквизиты (Сокращенное наименование организации, полное наименование организации, ИНН, КПП, юридические адрес, фактический адрес …)»"""
    full = {
        "id": "g1",
        "kind": "legal",
        "name": "ООО Ромашка",
        "full_name": "Общество с ограниченной ответственностью «Ромашка»",
        "inn": "7707083893",
        "kpp": "770701001",
        "phones": ("+74950000000",),
        "emails": ("a@example.test",),
        "city": "Москва",
        "legal_address": "Москва, 1",
        "actual_address": "Москва, 2",
    }
    (card,) = cards.cards([full], [])
    assert card.values == {name: value for name, value in full.items() if name != "id"}


def test_002_only_what_1c_has() -> None:
    """«Данная информация синхронизируется только при наличии указанных данных в 1С»"""
    (card,) = cards.cards(
        [{"id": "g1", "kind": "legal", "name": "ООО Ромашка"}],
        [],
    )
    assert card.values == {"kind": "legal", "name": "ООО Ромашка"}


def test_002_contact_fields() -> None:
    """«Синхронизируемая информация для сущности “Контакт”: ФИО, Телефон, E-mail, Город»"""
    contact = {
        "id": "c1",
        "party": "g1",
        "last_name": "Сидоров",
        "first_name": "Олег",
        "middle_name": "Ильич",
        "phones": ("+79160000000",),
        "emails": ("o@example.test",),
        "city": "Тверь",
    }
    _, card = cards.cards(
        [{"id": "g1", "kind": "legal", "name": "ООО Ромашка"}],
        [contact],
    )
    assert card.values == {name: value for name, value in contact.items() if name not in ("id", "party")}


def test_002_sole_trader_is_a_company_and_its_own_contact() -> None:
    """«Контрагент с форма юридического лица “Индивидуальный предприниматель” из 1С:Предприятие синхронизируется с сущностью “Компании” в Битрикс24.»"""
    company, contact = cards.cards(
        [{"id": "g1", "kind": "sole_trader", "name": "ИП Иванов Иван Иванович", "deleted": False}],
        [],
    )
    assert (company.contact, company.values["name"]) == (False, "ИП Иванов Иван Иванович")
    assert (contact.origin, contact.owner, contact.values["last_name"]) == ("g1#contact", "g1", "Иванов")
    assert (
        cards.cards(
            [{"id": "g1", "kind": "legal", "deleted": True}],
            [],
        )
        == []
    )


def test_002_products_with_sale_and_purchasing_price() -> None:
    """«должна передаваться следующая информация: Наименование товара, Цена продажи, Закупочная стоимость»"""
    types = {
        "s": {"name": "Розничная", "purchasing": False},
        "p": {"name": "Закупочная", "purchasing": True},
        "o": {"name": "Опт", "purchasing": False},
    }
    sale, bought, wholesale, foreign = (
        {"product": "g1", "price_type": kind, "price": price, "currency": currency, "purchasing": None}
        for kind, price, currency in (
            ("s", D("100.00"), "RUB"),
            ("p", D("70.00"), None),
            ("o", D("90.00"), "RUB"),
            ("s", D("1.10"), "USD"),
        )
    )

    def found(*rows: Any, purchasing: bool = False, wanted: str | None = None) -> list[str]:
        return sorted(prices.of_kind(rows, types, purchasing=purchasing, wanted=wanted))

    assert found(sale, bought) == ["s"]
    assert found(sale, bought, purchasing=True) == ["p"]
    assert found(sale, bought, wholesale) == ["o", "s"]
    assert found(sale, bought, wholesale, wanted="розничная") == ["s"]
    assert found(sale, bought, wholesale, wanted="o") == ["o"]
    assert [prices.in_roubles(row) for row in (sale, bought, foreign)] == [True, True, False]


def test_002_an_order_made_in_1c_becomes_a_deal_with_goods_and_buyer() -> None:
    """«При создании заказа покупателя в 1С, в CRM Битрикс24 создается Сделка в Битрикс24 на стадии “Заявка получена, подготовка счета”. При это в карточку сделки подгружается список выбранной номенклатуры и Контрагент.»"""
    seen = From1C(
        doc("g-order", number="УТ-7", amount=D("100.00"), party="buyer", manager="Петрова Анна"),
        settings=LEADS,
    )
    made, issues = new_deals(
        seen.documents, seen.roles, {"buyer": "company_1"}, LEADS, OWN, originator="obmen24"
    )
    (new,) = made
    assert issues == []
    assert (new["stage"], new["party"], new["origin"], new["originator"]) == (
        STAGE_NEW,
        "company_1",
        "g-order",
        "obmen24",
    )
    assert (new["title"], new["amount"], new["manager"], new["organisation"]) == (
        "Заказ УТ-7 от 02.11.2026",
        D("100.00"),
        "anna@example.test",
        OWN[0].name,
    )
    assert new["fields"]["Номер заказа"] == "УТ-7"
    linked = From1C(doc("g-order", number="УТ-7", amount=D("100.00")), settings=LEADS, links={"g-order": "5"})
    heads, body = composition.deal_lines(linked.content, lines(line("g-order")))
    rows, _ = composition.portal_rows(heads, body, {"g1": "10"})
    assert columns(rows, ["document", "product", "quantity", "price"]) == [["5", "10", D(2), D("50.00")]]
    assert new_deals(linked.documents, linked.roles, {}, LEADS, OWN, originator="obmen24")[0] == []


def test_002_no_deal_without_its_buyer_nor_from_a_deleted_order_nor_where_not_asked() -> None:
    seen = From1C(
        doc("g1", party="nobody"),
        doc("g2", deleted=True),
        doc("g3", cancelled=True),
        doc(keys.charge("3", "2026-11", 1)),
        settings=LEADS,
    )
    made, issues = new_deals(seen.documents, seen.roles, {}, LEADS, OWN, originator="obmen24")
    assert made == []
    assert column(issues, "key") == ["g1"]
    assert (
        new_deals(seen.documents, seen.roles, {"nobody": "company_1"}, Orders(), OWN, originator="obmen24")[0]
        == []
    )


def test_002_an_invoice_moves_the_deal_and_fills_its_number_date_goods_and_sum() -> None:
    """«При выставлении счета из 1С Сделка в Битрикс24 меняет свою стадию на “Счет отправлен, ожидание оплаты”, в карточку Сделки автоматически вносится номер, дата выставленного счета, номенклатура и в поле “Сумма сделки” помещается сумма выставленного счета.»"""
    seen = From1C(
        doc("g-order", amount=D("120.00")),
        doc("g-inv", "invoice", "УТ-15", basis="g-order", date=date(2026, 11, 3), amount=D("100.00")),
        settings=LEADS,
        links={"g-order": "5"},
    )
    assert seen.moves(RULES_002, STAGE_NEW) == [("stage", STAGE_SENT)]
    told = seen.told()
    assert (told["5"]["invoice_number"], told["5"]["invoice_date"], told["5"]["invoice_amount"]) == (
        "УТ-15",
        date(2026, 11, 3),
        D("100.00"),
    )
    heads, body = composition.deal_lines(
        seen.content, lines(line("g-order", "120.00"), line("g-inv", "100.00", quantity=D(3)))
    )
    rows, _ = composition.portal_rows(heads, body, {})
    assert sum(column(rows, "amount")) == D("100.00") == heads[0]["amount"]
    changes = telling.amount_changes(told, deals(deal(amount=D("1"))), with_rows=())
    assert columns(changes, ["field", "after"]) == [["opportunity", D("100.00")]]
    assert telling.amount_changes(told, deals(deal(amount=D("1"))), with_rows={"5"}) == []
    assert telling.amount_changes(told, deals(deal(amount=D("100.00"))), with_rows=()) == []


def test_002_the_deal_holds_the_information_of_the_order() -> None:
    """«В сделке должна содержаться информация из заказа в 1С.»"""
    seen = From1C(
        doc(
            "g-order",
            number="УТ-7",
            date_1c=date(2026, 11, 4),
            amount=D("120.00"),
            status="К выполнению",
            comment="Срочно",
        ),
        settings=LEADS,
        links={"g-order": "5"},
    )
    changes = telling.field_changes(
        seen.told(), deals(deal(fields={"Номер заказа": "УТ-7", "Дата заказа": "2026-11-01"})), LEADS.fields
    )
    assert {row["field"]: row["after"] for row in changes} == {
        "Дата заказа": date(2026, 11, 4),
        "Статус заказа": "К выполнению",
        "Сумма заказа": D("120.00"),
        "Комментарий": "Срочно",
        "Организация": OWN[0].name,
    }
    assert all(row["reason"].startswith("из 1С: ") for row in changes)
    assert tables.check("changes", tables.frame("changes", changes))[1].empty
    shown = {row["field"]: row["after"] for row in changes} | {
        "Номер заказа": "УТ-7",
        "Дата заказа": "04.11.2026",
        "Сумма заказа": "120.00",
    }
    assert telling.field_changes(seen.told(), deals(deal(fields=shown)), LEADS.fields) == []


def test_002_a_paid_order_moves_the_deal_with_date_and_sum() -> None:
    """«При смене статуса заказа клиента в 1С:Предприятие на “Оплачен” соответствующая сделка в Битрикс24 переходит в стадию воронки продаж “Счет оплачен,”. В карточку сделки в Битрикс24 заносится следующая информация: дата оплаты, оплаченная сумма, руб.»"""
    order = doc("g-order", amount=D("100.00"), status="Оплачен")
    pay = doc("p1", "payment", basis="g-order", amount=D("100.00"), paid_on=date(2026, 11, 5))
    seen = From1C(order, pay, settings=LEADS, links={"g-order": "5"})
    assert seen.moves(RULES_002, STAGE_SENT, derived=STAGE_SENT)[0] == ("stage", STAGE_PAID)
    assert (seen.told()["5"]["paid_on"], seen.told()["5"]["paid_amount"]) == (date(2026, 11, 5), D("100.00"))
    by_status = From1C(
        order, settings=LEADS.model_copy(update={"statuses": {"оплачен": "paid"}}), links={"g-order": "5"}
    )
    assert by_status.moves(RULES_002, STAGE_SENT, derived=STAGE_SENT)[0] == ("stage", STAGE_PAID)
    assert not {"paid_on", "paid_amount"} & by_status.told()["5"].keys()


def test_002_shipped_without_payment_leaves_payment_fields_empty() -> None:
    """«Если по сделке совершили отгрузку и оплата не поступила, то в битрикс24 стадия сделки меняется на “Отгрузка, без оплаты” . И поля с оплатой в Битрикс24 заполняются только когда оплата фиксируется в 1С.»"""
    seen = From1C(
        doc("g-order", amount=D("100.00")),
        doc("s1", "shipment", basis="g-order", amount=D("100.00")),
        settings=LEADS,
        links={"g-order": "5"},
    )
    assert seen.moves(RULES_002, STAGE_SENT, derived=STAGE_SENT) == [("stage", STAGE_SHIPPED)]
    assert not {"paid_on", "paid_amount"} & seen.told()["5"].keys()
    weak = From1C(doc("B24-5", amount=D("100.00"), paid=True, paid_on=DAY), settings=LEADS, dialect="ut103")
    assert not {"paid_on", "paid_amount"} & weak.told()["5"].keys()


def test_002_a_payment_taken_back_clears_its_fields() -> None:
    seen = From1C(
        doc("g-order", amount=D("100.00")),
        doc("p1", "payment", basis="g-order", amount=D("100.00"), deleted=True),
        settings=LEADS,
        links={"g-order": "5"},
    )
    changes = telling.field_changes(
        seen.told(),
        deals(deal(fields={"Дата оплаты": DAY, "Оплачено": D("100.00")})),
        {"paid_on": "Дата оплаты", "paid_amount": "Оплачено"},
    )
    assert columns(changes, ["field", "after"]) == [["Дата оплаты", None], ["Оплачено", None]]


def test_002_shipments_fill_date_number_sum_and_legal_entity() -> None:
    """«При создании реализации в 1С, в Битрикс24 в полях карточки “Сделки” фиксируется следующая информация по реализации: Дата формирования, Номер реализации, Сумма по реализации, Юр.Лицо»"""
    seen = From1C(
        doc("g-order", amount=D("100.00")),
        doc("s1", "shipment", "Р-1", basis="g-order", amount=D("60.00"), date=date(2026, 11, 6)),
        doc(
            "s2",
            "shipment",
            "Р-2",
            basis="g-order",
            amount=D("40.00"),
            date=date(2026, 11, 9),
            organisation=OWN[1].name,
        ),
        settings=LEADS,
        links={"g-order": "5"},
    )
    told = seen.told()["5"]
    assert (told["shipped_number"], told["shipped_on"], told["shipped_amount"]) == (
        "Р-1, Р-2",
        date(2026, 11, 9),
        D("100.00"),
    )
    assert told["shipped_organisation"] == f"{OWN[0].name}, {OWN[1].name}"


def test_002_the_responsible_is_told_once_of_the_payment() -> None:
    """«При смене в сущности “Сделки” стадии в воронке продаж на “Оплата получена” сотруднику с ролью “Ответственный” в Битрикс24 автоматически ставится приходит уведомление, что клиент оплатил.»"""
    seen = From1C(
        doc("g-order", amount=D("100.00")),
        doc("p1", "payment", basis="g-order", amount=D("100.00")),
        settings=LEADS,
        links={"g-order": "5"},
    )
    assert seen.moves(RULES_002, STAGE_SENT, derived=STAGE_SENT)[1] == (
        "notify",
        "Клиент оплатил сделку Забор: 100,00 руб.",
    )
    assert seen.moves(RULES_002, STAGE_PAID, derived=STAGE_PAID) == []
    assert seen.moves(RULES_002, STAGE_SENT, derived=STAGE_PAID) == []


@pytest.mark.parametrize("fact", list(telling.FIELDS))
def test_every_field_name_of_the_profile_has_a_meaning(fact: str) -> None:
    assert telling.FIELDS[fact]


def test_a_deal_of_several_invoices_takes_the_composition_of_its_order() -> None:
    rows = (
        doc("g-order", amount=D("100.00"), deal="5"),
        doc("i1", "invoice", amount=D("30.00"), deal="5"),
        doc("i2", "invoice", amount=D("70.00"), deal="5"),
    )
    heads, body = composition.deal_lines(
        docs(*rows), lines(line("g-order"), line("i1", "30.00"), line("i2", "70.00"))
    )
    assert (column(heads, "amount"), column(body, "amount")) == ([D("100.00")], [D("100.00")])
    heads, body = composition.deal_lines(docs(*rows[1:]), lines(line("i1", "30.00"), line("i2", "70.00")))
    assert (column(heads, "amount"), column(body, "position")) == ([D("100.00")], [1, 2])
    assert composition.deal_lines(docs(rows[0]), lines())[0] == []


def test_documents_that_yield_facts_only_never_fill_a_deal() -> None:
    """DESIGN §5: a document whose number decodes to a charge, act or invoice yields facts only."""
    charge = keys.charge("5", "2026-11", 1)
    seen = From1C(
        doc("c1", number=charge, amount=D("1500.00")),
        doc("i1", "invoice", "S24-9", amount=D("900.00")),
        settings=LEADS,
        known=(charge,),
        invoices={"9": "5"},
    )
    assert seen.content == []
    assert composition.deal_lines(seen.content, lines(line("c1"), line("i1")))[0] == []


# ==== 003: both ways with УТ 11 ====

BOTH = Orders(
    send_stages=("Заказ в работе",),
    create_deals=True,
    first_stage="Заказ в работе",
    managers={"Петров П.": "petr@example.test"},
    statuses={
        "Ожидается оплата (после отгрузки)": "shipped",
        "Готов к отгрузке": "paid",
        "Готов к закрытию": "shipped, paid",
    },
)
RULES_003 = [
    rule("Отгружен", {"shipped": True, "paid": False}, "Заказ в работе", "Счет выставлен"),
    rule("Счет оплачен", {"paid": True, "shipped": False}, "Заказ в работе", "Счет выставлен"),
    rule(
        "Отгружен и оплачен",
        {"paid": True, "shipped": True},
        "Заказ в работе",
        "Счет выставлен",
        "Отгружен",
        "Счет оплачен",
    ),
]


def outgoing(
    *rows: dict[str, Any],
    settings: Orders = BOTH,
    extended: bool = False,
    invoices: list[Any] | None = None,
    sent: dict[str, date] | None = None,
    born: dict[str, order_documents.Born] | None = None,
    body: list[Any] | None = None,
) -> order_documents.DealDocuments:
    parties = whole(
        "parties", {"id": "company_1", "kind": "legal", "name": "ООО Ромашка", "inn": "7707083893"}
    )
    contacts = whole(
        "contacts",
        {"id": "contact_2", "last_name": "Сидоров", "first_name": "Олег", "phones": ("+79160000000",)},
    )
    body = lines(*(line(keys.order(row["id"])) for row in rows)) if body is None else body
    sources = order_documents.Sources(
        deals(*rows), body, parties, contacts, docs() if invoices is None else invoices
    )
    return order_documents.deal_documents(
        sources,
        portal=PORTAL,
        settings=settings,
        organisations=OWN,
        today=DAY,
        dates=sent or {},
        born=born or {},
        extended=extended,
    )


def test_003_the_first_stage_never_reaches_1c() -> None:
    """«Стадия «поступил заказ» никак не влияет на 1с, сюда помещаются сделки требующие корректировки и редактирования.»"""
    assert outgoing(deal(stage="поступил заказ")).documents == []


def test_003_a_deal_moved_to_work_makes_an_order() -> None:
    """«Стадия «Заказ в работе»(1), при перемещении сделки в эту стадию в 1с создается заказ.»"""
    (order,) = outgoing(deal()).documents
    assert (order["kind"], order["number"], order["deal"], order["amount"]) == (
        "order",
        "B24-5",
        "5",
        D("100.00"),
    )


def test_003_the_invoice_stage_is_the_managers_and_never_undone() -> None:
    """«Стадия «Счет выставлен» сюда перемещается сделка вручную менеджером, после того как будет выставлен счет в б24.»"""
    seen = From1C(doc("B24-5", amount=D("100.00"), status="К выполнению"), settings=BOTH)
    assert seen.moves(RULES_003, "Счет выставлен") == []
    assert not [one for one in RULES_003 if one.to == "Счет выставлен"]


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("Ожидается оплата (после отгрузки)", "Отгружен"),
        ("Готов к отгрузке", "Счет оплачен"),
        ("Готов к закрытию", "Отгружен и оплачен"),
    ],
)
def test_003_states_of_1c_move_the_deal(status: str, stage: str) -> None:
    """«Стадия «Отгружен»(2), сюда перемещается сделка автоматически, если в 1С заказ будет в статусе «Ожидается оплата (полсе отгрузки)» (После совершения отгрузки, без оплаты)»
    «Стадия «Счет оплачен»(3), сюда перемещается сделка автоматически, если в 1С заказ будет в статусе «Готов к отгрузке» (После оплаты, без отгрузки)»
    «Стадия «Отгружен и оплачен»(4), сюда перемещается сделка автоматически, если в 1С заказ будет в статусе «Готов к закрытию»»
    """
    seen = From1C(doc("B24-5", amount=D("100.00"), status=status), settings=BOTH)
    assert seen.moves(RULES_003, "Счет выставлен") == [("stage", stage)]
    assert seen.moves(RULES_003, "поступил заказ") == []


def test_003_ready_to_ship_is_not_paid_where_money_is_counted() -> None:
    """onec §1.5: «Готов к отгрузке» without a prepayment plan is unpaid: facts win over the name of the state."""
    seen = From1C(
        doc("B24-5", amount=D("100.00"), status="Готов к отгрузке"),
        doc("p", "payment", basis_number="B24-5", amount=D("10.00")),
        settings=BOTH,
    )
    assert seen.moves(RULES_003, "Счет выставлен") == []


def test_003_a_status_against_the_facts_is_shown() -> None:
    """A flag of 1C that says «not paid» wins over «Готов к отгрузке»; so does a deletion mark over everything, and both are shown."""
    denied = From1C(
        doc("B24-5", amount=D("100.00"), status="Готов к отгрузке", paid=False, deal="5"), settings=BOTH
    )
    assert denied.moves(RULES_003, "Счет выставлен") == []
    issues = doubts.doubtful(denied.documents, denied.facts, BOTH)
    assert columns(issues, ["key", "field", "value"]) == [["5", "status", "Готов к отгрузке"]]
    proven = From1C(doc("B24-5", amount=D("100.00"), status="Готов к отгрузке", deal="5"), settings=BOTH)
    assert doubts.doubtful(proven.documents, proven.facts, BOTH) == []
    given_up = From1C(
        doc("B24-5", number_1c="УТ-7", amount=D("100.00"), deleted=True, deal="5"), settings=BOTH
    )
    assert (
        "Заказ УТ-7 в 1С помечен на удаление"
        in doubts.doubtful(given_up.documents, given_up.facts, BOTH)[0]["message"]
    )


def test_money_of_a_deal_is_told_before_its_order_exists() -> None:
    """A prepaid deal has only its invoice in 1C: the payment is known all the same."""
    seen = From1C(
        doc("i9", "invoice", "S24-9"),
        doc("p1", "payment", basis="i9", amount=D("30.0"), paid_on=DAY),
        settings=TWO,
        invoices={"9": "5"},
    )
    assert seen.told() == {"5": {"paid_on": DAY, "paid_amount": D("30.00")}}
    assert str(seen.told()["5"]["paid_amount"]) == "30.00", "sums are told in kopecks"


def test_003_the_order_carries_company_contact_manager_organisation_goods_and_deal() -> None:
    """«Компания и контакт (Сами справочники и при создании заказа по сделке из б24)» «Ответственный менеджер у заказов» «с какой нашей организацией ведется сделка» «Товары (…)» «Информация о сделке»"""
    made = outgoing(deal(contact="contact_2", organisation=OWN[1].name))
    (order,), (buyer,), (row,) = (made.documents, made.parties, made.lines)
    assert (buyer["name"], buyer["inn"], buyer["role"]) == ("ООО Ромашка", "7707083893", "Покупатель")
    assert order["requisites"]["Контактное лицо"] == "Сидоров Олег"
    assert (order["manager"], order["organisation"], order["requisites"]["Организация ИНН"]) == (
        "Петров Пётр",
        OWN[1].name,
        OWN[1].inn,
    )
    assert (row["name"], row["quantity"], row["amount"]) == ("Болт", D(2), D("100.00"))
    assert "Забор" in order["comment"]


def test_003_edits_of_the_composition_go_both_ways_as_one_value() -> None:
    """«также и редактирование состава товаров переносится в 1с» «также и редактирование состава товаров переносится в б24»"""
    ours = composition.positions(lines(line("5") | {"product": "10"}), {"10": "g1"})
    seen = From1C(doc("B24-5", amount=D("150.00")), settings=BOTH)
    heads, body = composition.deal_lines(seen.content, lines(line("B24-5", "150.00", quantity=D(3))))
    theirs = composition.positions(body, {"g1": "g1"}, {row["id"]: row["vat_included"] for row in heads})
    (change,) = composition.row_changes(ours, theirs, {"5"})
    assert (change["action"], change["before"], change["after"]) == ("rows", ours["5"], theirs["5"])
    assert composition.row_changes(theirs, theirs, {"5"}) == []
    assert composition.row_changes(ours, {}, {"5"}) == []
    assert composition.row_changes(ours, theirs, set()) == []
    first, second = (
        outgoing(deal()),
        outgoing(deal(), body=lines(line("B24-5", "150.00", quantity=D(3))), sent={"B24-5": DAY}),
    )
    assert column(first.documents, "id") == column(second.documents, "id")
    assert column(second.documents, "amount") == [D("150.00")]


def test_003_orders_born_in_1c_become_deals_that_start_in_work() -> None:
    """«Заказы, созданные в 1с, также создаются в виде сделок в б24. И также проходят все этапы, только начинают с «Заказ в работе».»"""
    seen = From1C(doc("g-order", number="УТ-7", party="buyer"), settings=BOTH)
    made, _ = new_deals(seen.documents, seen.roles, {"buyer": "contact_2"}, BOTH, OWN, originator="obmen24")
    assert columns(made, ["stage", "party", "contact"]) == [["Заказ в работе", "contact_2", "contact_2"]]
    linked = From1C(
        doc("g-order", amount=D("100.00"), status="Готов к закрытию"), settings=BOTH, links={"g-order": "5"}
    )
    assert linked.moves(RULES_003, "Заказ в работе", origin="g-order") == [("stage", "Отгружен и оплачен")]


def test_003_a_deal_born_in_1c_never_goes_back_as_a_second_order() -> None:
    born = deal(origin="g-order", originator="obmen24")
    assert outgoing(born).documents == []
    assert outgoing(born, born={"5": order_documents.Born("g-order", "УТ-7", DAY)}).documents == []
    (order,) = outgoing(
        born, extended=True, born={"5": order_documents.Born("g-order", "УТ-7", DAY)}
    ).documents
    assert (order["id"], order["number"]) == ("g-order", "УТ-7")


def test_003_an_edit_that_1c_would_not_take_is_shown() -> None:
    changes = whole(
        "changes",
        {"side": "1c", "entity": "deal", "key": "5", "field": "rows", "after": "x"},
        {"side": "1c", "entity": "deal", "key": "6", "field": "rows", "after": "y"},
        {"side": "portal", "entity": "deal", "key": "5", "field": "stage", "after": "z"},
    )
    kept, issues = sending.accepted_edits(changes, {"5": "g-order"}, extended=False)
    assert column(kept, "key") == ["6", "5"]
    assert [row["message"].startswith("1С не примет правку сделки 5") for row in issues] == [True]
    assert len(sending.accepted_edits(changes, {"5": "g-order"}, extended=True)[0]) == 3
    assert column(sending.accepted_edits(changes, {}, extended=False, referred={"6"})[1], "key") == ["6"]


def test_003_the_number_of_the_order_comes_back() -> None:
    """«Информация о заказе (номер)» «Цены на товар»"""
    seen = From1C(doc("B24-5", number_1c="УТ-000077", amount=D("80.00")), settings=BOTH)
    assert seen.told()["5"]["order_number"] == "УТ-000077"
    assert "order_number" not in From1C(doc("B24-5"), settings=BOTH).told()["5"]
    heads, body = composition.deal_lines(seen.content, lines(line("B24-5", "80.00")))
    assert column(composition.portal_rows(heads, body, {})[0], "price") == [D("40.00")]


def test_003_manager_and_organisation_of_1c_come_to_the_deal() -> None:
    """«Ответственный менеджер у заказов» «С какой нашей организацией ведется сделка»"""
    seen = From1C(
        doc(
            "B24-5",
            manager="петров п.",
            organisation="Другое название",
            requisites={"Организация ИНН": OWN[1].inn},
        ),
        settings=BOTH,
    )
    assert (seen.told()["5"]["manager"], seen.told()["5"]["organisation"]) == (
        "petr@example.test",
        OWN[1].name,
    )
    assert doubts.unmapped(seen.documents, BOTH, OWN) == []
    strange = docs(
        doc("d1", manager="Кто-то", organisation="Чужая"),
        doc("d2", manager="Кто-то", organisation=OWN[0].name),
        doc("d3", manager="a@example.test"),
    )
    assert column(doubts.unmapped(strange, BOTH, OWN), "value") == ["Кто-то", "Чужая"]
    assert (
        organisation({"requisites": {"Организация ИНН": "7736050003"}, "organisation": OWN[0].name}, OWN)
        is None
    )
    assert organisation({"requisites": None, "organisation": None}, OWN) is None


# ==== 001: prepaid and postpaid with УТ 10.3 ====

TWO = Orders(
    send_stages=("В работе",),
    invoice_stages=("Счет в 1с",),
    variant_field="Оплата",
    prepaid_values=("Предоплата",),
    invoice_paid_stage="Оплачен",
)
DONE = [rule("Успешная", {"shipped": True}, "В работе")]


def invoice(identifier: str, stage: str = "Новый", amount: str = "100.00") -> dict[str, Any]:
    return {"id": identifier, "kind": "invoice", "deal": "5", "status": stage, "amount": D(amount)}


def prepaid(stage: str, **values: Any) -> dict[str, Any]:
    return deal(stage=stage, fields={"Оплата": "Предоплата"}, **values)


def chosen(
    one: dict[str, Any], *invoices: dict[str, Any], sent: tuple[str, ...] = (), settings: Orders = TWO
) -> smart.Choice:
    return smart.choose_invoices(
        deals(one), docs(*invoices), settings, final={"Оплачен", "Не оплачен"}, sent=sent
    )


def test_001_the_lead_mark_travels_to_the_order() -> None:
    """«Лид передается в Б24 с пометкой о способе обращения.»"""
    (order,) = outgoing(deal(stage="В работе", lead_source="Звонок"), settings=TWO).documents
    assert order["requisites"]["Источник обращения"] == "Звонок"
    assert "Источник обращения: Звонок" in order["comment"]


def test_001_prepaid_step_1_the_invoice_goes_to_1c() -> None:
    """«Лид обрабатывается и переводится в сделку, на основании которой делаем счет, переводим сделку в статус «Счет в 1с» → Счет на оплату покупателю»"""
    choice = chosen(prepaid("Счет в 1с"), invoice("9"), invoice("8", "Не оплачен"))
    assert choice.issues == []
    made = outgoing(prepaid("Счет в 1с"), settings=TWO, extended=True, invoices=choice.invoices).documents
    assert columns(made, ["kind", "number"]) == [["invoice", "S24-9"]]
    assert chosen(prepaid("Новая"), invoice("9")).invoices == []


def test_001_prepaid_step_2_a_paid_invoice_moves() -> None:
    """«Счет переводится в статус «Оплачен» ← После поступления ДС на РС Исполнитель отражает оплату (предоплату) в 1С: выписка банка на поступление ДС»"""

    def moved(*amounts: str, stage: str = "Новый") -> tuple[list[Any], list[Any]]:
        seen = From1C(
            doc("i9", "invoice", "S24-9"),
            *(doc(f"p{number}", "payment", basis="i9", amount=D(one)) for number, one in enumerate(amounts)),
            invoices={"9": "5"},
        )
        return smart.invoice_moves(
            docs(invoice("9", stage)),
            paid(seen.payments, {"S24-9": D("100.00")}),
            TWO,
            final={"Оплачен"},
        )

    changes, issues = moved("40.00", "60.00")
    assert columns(changes, ["entity", "key", "action", "after"]) == [["invoice", "9", "stage", "Оплачен"]]
    assert issues == []
    changes, issues = moved("40.00")
    assert changes == []
    assert "оплачено 40.00 из 100.00, осталось 60.00" in issues[0]["message"]
    assert all(part == [] for part in moved())
    assert all(part == [] for part in moved("100.00", stage="Оплачен"))


def test_001_a_partial_prepayment_is_an_invoice_for_part_of_the_sum() -> None:
    """«Предоплатная (с частичной или полной предоплатой)»: the invoice's own sum decides, not the deal's."""
    seen = From1C(
        doc("i9", "invoice", "S24-9"),
        doc("p1", "payment", basis="i9", amount=D("30.00")),
        invoices={"9": "5"},
    )
    changes, _ = smart.invoice_moves(
        docs(invoice("9", amount="30.00")), paid(seen.payments, {"S24-9": D("30.00")}), TWO, final=()
    )
    assert column(changes, "after") == ["Оплачен"]


def test_001_prepaid_step_3_the_order_is_linked_to_its_invoice() -> None:
    """«Сделка переводится в статус «В работе» → Формируется документ «Заказ покупателя» (связанный со Счетом на оплату)»"""
    choice = chosen(prepaid("В работе"), invoice("9", "Оплачен"), invoice("10"), sent=("S24-9",))
    made = outgoing(
        prepaid("В работе"), settings=TWO, extended=True, invoices=choice.invoices, sent={"S24-9": DAY}
    ).documents
    assert [(row["kind"], row["number"], row["basis_number"]) for row in made] == [
        ("invoice", "S24-9", None),
        ("order", "B24-5", "S24-9"),
    ]
    assert made[1]["basis"] == made[0]["id"]


def test_001_a_prepaid_deal_that_skipped_the_invoice_stage_sends_both() -> None:
    """Moved straight to «В работе»: the invoice goes with the order that is linked to it."""
    choice = chosen(prepaid("В работе"), invoice("9"))
    made = outgoing(prepaid("В работе"), settings=TWO, extended=True, invoices=choice.invoices).documents
    assert columns(made, ["number", "basis_number", "posted"]) == [
        ["S24-9", None, True],
        ["B24-5", "S24-9", True],
    ]


@pytest.mark.parametrize("given", [[], [invoice("9"), invoice("10")], [invoice("9", "Оплачен")]])
def test_001_no_invoice_or_several_are_a_question(given: list[dict[str, Any]]) -> None:
    choice = chosen(prepaid("Счет в 1с"), *given)
    assert (choice.invoices == [], choice.held, len(choice.issues)) == (True, {"5"}, 1)
    assert column(choice.issues, "severity") == ["ask"]


def test_001_an_invoice_is_created_only_where_the_profile_says_so() -> None:
    making = TWO.model_copy(update={"create_invoices": True})
    assert chosen(prepaid("Счет в 1с"), settings=making).create == ("5",)
    assert chosen(prepaid("Счет в 1с"), invoice("9", "Оплачен"), settings=making).create == ()
    assert chosen(prepaid("Счет в 1с")).create == ()


def test_001_postpaid_order_needs_no_invoice() -> None:
    """«Это решение неудобно для постоплатного варианта. Он не требует создания счета в Б24 … Затем эта Сделка с должна выгружаться в Заказ покупателя в УТ.»"""
    postpaid = deal(stage="В работе", fields={"Оплата": "Наложенный платёж"})
    choice = chosen(postpaid, invoice("9"))
    assert (choice.invoices == [], choice.held, choice.issues == []) == (True, frozenset(), True)
    (order,) = outgoing(postpaid, settings=TWO, extended=True, invoices=choice.invoices).documents
    assert (order["kind"], order["basis"]) == ("order", None)


def test_001_the_variant_may_be_the_pipeline() -> None:
    by_pipeline = TWO.model_copy(update={"variant_field": None})
    assert smart.is_prepaid(deal(category="Предоплата"), by_pipeline)
    assert not smart.is_prepaid(deal(category="Постоплата"), by_pipeline)


@pytest.mark.parametrize(
    ("shipments", "closing", "moved"),
    [(["60.00"], False, False), (["60.00", "40.00"], False, True), (["60.00"], True, True)],
)
def test_001_successful_only_after_the_order_is_finally_closed(
    shipments: list[str], closing: bool, moved: bool
) -> None:
    """«Нужно предусмотреть вариант, когда один заказ закрывается двумя реализациями …, в этом случае статус «Успешная» сделка переходит только после окончательного закрытия заказа в 1с (либо реализациями на общую сумму заказа, либо документом «Закрытие заказов покупателей»)»
    «На стороне Б24 сейчас не работает смена статусов Сделки при изменении документов в УТ.»
    """
    parts = [doc(f"s{number}", "shipment", basis="o5", amount=D(one)) for number, one in enumerate(shipments)]
    seen = From1C(
        doc("o5", number="B24-5", amount=D("100.00")),
        *parts,
        *([doc("z", "closing", basis="o5")] if closing else []),
        settings=TWO,
    )
    assert seen.moves(DONE, "В работе") == ([("stage", "Успешная")] if moved else [])


def test_001_exchange_goes_on_after_the_invoice_is_final() -> None:
    """«После оплаты Заказа покупателя в УТ, дальнейший обмен с Б24 по этому документу прекращается, так как Счет в Б24 переходит в статус «F». Обе цепочки заканчиваются при создании в УТ документа Реализация товаров и услуг.»"""
    choice = chosen(prepaid("Успешная"), invoice("9", "Оплачен"), sent=("S24-9",))
    assert column(choice.invoices, "id") == ["9"]
    made = outgoing(
        prepaid("Успешная"),
        settings=TWO,
        extended=True,
        invoices=choice.invoices,
        sent={"S24-9": DAY, "B24-5": DAY},
    ).documents
    assert column(made, "number") == ["S24-9", "B24-5"]
    seen = From1C(
        doc("o5", number="B24-5", amount=D("100.00")),
        doc("s", "shipment", basis="o5", amount=D("100.00")),
        settings=TWO,
    )
    assert seen.moves(DONE, "В работе") == [("stage", "Успешная")]


def test_001_parties_of_1c_are_loaded_with_code_and_folder() -> None:
    """«Не выгружены контрагенты из УТ в Б24. Поиск по названию контрагента не приемлем: один и тот же покупатель может быть в разных папках в 1С, по виду деятельности.»"""
    made = cards.cards(
        [
            {"id": "g1", "kind": "legal", "name": "ООО Ромашка", "folder_path": "Опт", "code": "001"},
            {"id": "g2", "kind": "legal", "name": "ООО Ромашка", "folder_path": "Розница", "code": "002"},
        ],
        [],
    )
    assert [(card.values["folder_path"], card.values["code"]) for card in made] == [
        ("Опт", "001"),
        ("Розница", "002"),
    ]
