"""Portals of the order specifications: 001 (`prepaid`), 002/004 (`leads`), 003 (`twoway`).

All in them is invented.

Each is a small trade: our organisations, buyers, goods, deals on the stages that the specification names.
What the other side does during a rehearsal is in `plays`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from etl.sandbox.portal.seeds.defaults import DEFAULTS
from etl.sandbox.scene import people
from etl.sandbox.scene.cards import (
    Record,
    Seed,
    Stages,
    add,
    contact,
    goods,
    invoice_pipeline,
    manager,
    requisite_link,
    stage_records,
    user_field,
)

GOODS = (
    ("Дверь входная «Кедр»", "24900.00"),
    ("Замок врезной", "3150.50"),
    ("Петля накладная", "412.30"),
    ("Доставка по городу", "1500.00"),
    ("Плинтус, м", "96.70"),
)
PREPAID_STAGES: Stages = (
    ("NEW", "Новая", None),
    ("INVOICE", "Счет в 1с", None),
    ("EXECUTING", "В работе", None),
    ("WON", "Успешная", "S"),
    ("LOSE", "Провалена", "F"),
)
LEADS_STAGES: Stages = (
    ("NEW", "Заявка получена, подготовка счета", None),
    ("PREPARATION", "Счет отправлен, ожидание оплаты", None),
    ("EXECUTING", "Отгрузка, без оплаты", None),
    ("FINAL_INVOICE", "Оплата получена", None),
    ("WON", "Сделка успешна", "S"),
    ("LOSE", "Отказ", "F"),
)
TWOWAY_STAGES: Stages = (
    ("NEW", "поступил заказ", None),
    ("EXECUTING", "Заказ в работе", None),
    ("INVOICED", "Счет выставлен", None),
    ("SHIPPED", "Отгружен", None),
    ("PAID", "Счет оплачен", None),
    ("WON", "Отгружен и оплачен", "S"),
    ("LOSE", "Отказ", "F"),
)
#: marks of CoMagic on a lead: how the client turned to us
SOURCES: Stages = (
    ("COMAGIC_CALL", "CoMagic: звонок", None),
    ("COMAGIC_FORM", "CoMagic: заявка на сайте", None),
    ("COMAGIC_CHAT", "CoMagic: письмо в чат", None),
)
ORDER_FIELDS = (
    ("UF_CRM_ORDER_NUMBER", "string", "Номер заказа 1С"),
    ("UF_CRM_ORDER_DATE", "date", "Дата заказа 1С"),
    ("UF_CRM_ORDER_STATUS", "string", "Статус заказа 1С"),
    ("UF_CRM_ORDER_AMOUNT", "money", "Сумма заказа 1С"),
    ("UF_CRM_ORDER_COMMENT", "string", "Комментарий заказа 1С"),
    ("UF_CRM_ORGANISATION", "string", "Наша организация"),
    ("UF_CRM_INVOICE_NUMBER", "string", "Номер счета"),
    ("UF_CRM_INVOICE_DATE", "date", "Дата счета"),
    ("UF_CRM_PAID_ON", "date", "Дата оплаты"),
    ("UF_CRM_PAID_AMOUNT", "money", "Оплаченная сумма, руб."),
    ("UF_CRM_SHIPPED_ON", "date", "Дата реализации"),
    ("UF_CRM_SHIPPED_NUMBER", "string", "Номер реализации"),
    ("UF_CRM_SHIPPED_AMOUNT", "money", "Сумма реализации"),
    ("UF_CRM_SHIPPED_ENTITY", "string", "Юр. лицо реализации"),
)
VARIANTS = ("Предоплата", "Постоплата")
PLACE_FIELDS = (("UF_CRM_1C_FOLDER", "string", "Папка 1С"), ("UF_CRM_1C_CODE", "string", "Код 1С"))
FIRST_BUYER = 11


def prepaid(today: date, deals: int = 18) -> Seed:
    """Specification 001: leads of CoMagic with and without prepayment.

    Every other prepaid deal has its invoice already.
    """
    portal = _trade(PREPAID_STAGES, ("Тёплый порог",), buyers=8)
    portal["userfields"].append(_variant_field())
    portal["invoices"] = []
    for number in range(1, deals + 1):
        postpaid = number % 3 == 0
        stage = "EXECUTING" if postpaid else "INVOICE"
        if number % 9 == 0:
            stage = "NEW"
        source, _, _ = SOURCES[number % 3]
        _deal(portal, number, stage, today, UF_CRM_VARIANT=2 if postpaid else 1, SOURCE_ID=source)
        if stage == "INVOICE":
            _invoice(portal, number, part=number % 4 == 0, today=today)
    return portal


def _variant_field() -> Record:
    """How a deal is worked: with prepayment or without."""
    field = user_field(90, "CRM_DEAL", "UF_CRM_VARIANT", "enumeration", "Вариант обработки")
    field["LIST"] = [
        {"ID": number, "VALUE": name, "SORT": number * 10} for number, name in enumerate(VARIANTS, 1)
    ]
    return field


def leads(today: date, buyers: int = 4) -> Seed:
    """Specification 002/004: an almost empty portal; deals come from 1C. `today` decides nothing here."""
    portal = _trade(LEADS_STAGES, ("Торговый ряд",), buyers=buyers)
    del portal["products"], portal["prices"]
    return portal


def twoway(today: date, deals: int = 12, buyers: int = 6) -> Seed:
    """Specification 003: two organisations of ours, deals being edited («поступил заказ») and at work."""
    portal = _trade(TWOWAY_STAGES, ("Северный склад", "Южный склад"), buyers=buyers, vat="22")
    for number in range(1, deals + 1):
        stage = "NEW" if number % 4 == 0 else "EXECUTING"
        _deal(portal, number, stage, today, vat="22", own=1 + number % 2)
    return portal


def _trade(stages: Stages, own: tuple[str, ...], *, buyers: int, vat: str | None = None) -> Seed:
    """Users, one pipeline, our organisations, buyers with a contact person each, goods."""
    portal: Seed = {
        "users": people.users(),
        "categories": [_pipeline(), invoice_pipeline()],
        "statuses": _statuses(stages),
        "userfields": _user_fields(),
        **_goods(vat),
        "deals": [],
        "productrows": [],
        "requisite_links": [],
        "contacts": [],
    }
    for number, name in enumerate(own, 1):
        add(portal, people.company_records(number, "ООО", name, own=True))
    for number in range(FIRST_BUYER, FIRST_BUYER + buyers):
        form, name = people.company(number)
        add(portal, people.company_records(number, form, name, manager=manager(number)))
        portal["contacts"].append(contact(number, number))
    return portal


def _user_fields() -> list[Record]:
    """Of deals what 1C tells about orders, of companies where 1C keeps them."""
    fields: list[Record] = []
    for number, field in enumerate(ORDER_FIELDS, 1):
        fields.append(user_field(number, "CRM_DEAL", *field))
    for number, field in enumerate(PLACE_FIELDS, 51):
        fields.append(user_field(number, "CRM_COMPANY", *field))
    return fields


def _goods(vat: str | None) -> dict[str, list[Record]]:
    """Goods counted in pieces, with 22 % or without VAT."""
    records = goods(GOODS)
    for product in records["products"]:
        product["measure"] = 9
        product["vatId"] = 9 if vat else 1
    return records


def _pipeline() -> Record:
    """The one pipeline of deals."""
    return {"id": 0, "name": "Продажи", "sort": 100, "entityTypeId": 2, "isDefault": "Y"}


def _statuses(stages: Stages) -> list[Record]:
    """The dictionaries of a fresh portal with our stages and sources in place of the usual ones."""
    own = ("DEAL_STAGE", "SOURCE")
    kept = [row for row in DEFAULTS["statuses"] if row["ENTITY_ID"] not in own]
    sources = (("CALL", "Звонок", None), *SOURCES)
    return [*kept, *stage_records("DEAL_STAGE", stages), *stage_records("SOURCE", sources)]


def _deal(
    portal: Seed, number: int, stage: str, today: date, *, vat: str | None = None, own: int = 1, **fields: Any
) -> None:
    """A deal with two or three rows; its sum follows them."""
    buyer = FIRST_BUYER + number % len(portal["contacts"])
    begun = today - timedelta(days=number % 20 + 1)
    stamp = f"{begun.isoformat()}T10:{number % 60:02d}:00+03:00"
    deal = {
        "ID": number,
        "CATEGORY_ID": 0,
        "STAGE_ID": stage,
        "TITLE": f"Поставка дверей № {number}",
        "CURRENCY_ID": "RUB",
        "COMPANY_ID": buyer,
        "CONTACT_ID": buyer,
        "ASSIGNED_BY_ID": manager(number),
        "DATE_CREATE": stamp,
        "DATE_MODIFY": stamp,
        **fields,
    }
    portal["deals"].append(deal)
    portal["requisite_links"].append(requisite_link(number, own))
    for place in range(2 + number % 2):
        product = 1 + (number + place) % len(GOODS)
        quantity = str(1 + (number + place) % 4)
        _add_row(portal["productrows"], ("D", number), product, quantity, vat)


def _add_row(
    rows: list[Record], owner: tuple[str, int], product: int, quantity: str, vat: str | None
) -> None:
    """One of the goods in a deal or an invoice, VAT in its price."""
    kind, owner_id = owner
    name, price = GOODS[product - 1]
    number = len(rows) + 1
    row = {
        "ID": number,
        "OWNER_TYPE": kind,
        "OWNER_ID": owner_id,
        "PRODUCT_ID": product,
        "PRODUCT_NAME": name,
        "PRICE": price,
        "QUANTITY": quantity,
        "TAX_RATE": vat,
        "TAX_INCLUDED": "Y" if vat else "N",
        "MEASURE_CODE": 796,
        "MEASURE_NAME": "шт",
        "SORT": 10 * number,
    }
    rows.append(row)


def _invoice(portal: Seed, deal: int, *, part: bool, today: date) -> None:
    """A smart invoice made in the deal: for the whole, or for a part of the sum (a partial prepayment)."""
    owner = next(row for row in portal["deals"] if row["ID"] == deal)
    number = 500 + deal
    invoice = {
        "ID": number,
        "TITLE": f"Счёт {number}",
        "ACCOUNT_NUMBER": str(number),
        "CATEGORY_ID": 5,
        "STAGE_ID": "DT31_5:N",
        "PARENT_ID_2": deal,
        "COMPANY_ID": owner["COMPANY_ID"],
        "MYCOMPANY_ID": 1,
        "CURRENCY_ID": "RUB",
        "BEGINDATE": today.isoformat(),
        "ASSIGNED_BY_ID": owner["ASSIGNED_BY_ID"],
    }
    portal["invoices"].append(invoice)
    rows = portal["productrows"]
    billed = [row for row in rows if row["OWNER_TYPE"] == "D" and row["OWNER_ID"] == deal]
    if part:
        billed = billed[:1]
    for row in billed:
        _add_row(rows, ("SI", number), row["PRODUCT_ID"], row["QUANTITY"], None)
