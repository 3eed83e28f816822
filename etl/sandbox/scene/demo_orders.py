"""Portals of the order specifications: 001 (`prepaid`), 002/004 (`leads`), 003 (`twoway`). Everything in them is invented.

Each is a small trade: our organisations, buyers, goods, deals on the stages that the specification names. What the other side does
during a rehearsal is in `plays_orders`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from etl.sandbox.portal.seed import DEFAULTS
from etl.sandbox.scene import demo_people as people

Record = dict[str, Any]
Seed = dict[str, Any]
Stages = tuple[tuple[str, str, str | None], ...]

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
SOURCES = (
    ("COMAGIC_CALL", "CoMagic: звонок"),
    ("COMAGIC_FORM", "CoMagic: заявка на сайте"),
    ("COMAGIC_CHAT", "CoMagic: письмо в чат"),
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


def prepaid(today: date, deals: int = 18) -> Seed:
    """Specification 001: leads of CoMagic with and without prepayment; every other prepaid deal has its invoice already."""
    portal = _trade(PREPAID_STAGES, ("Тёплый порог",), buyers=8)
    portal["userfields"] += [
        _user_field(90, "CRM_DEAL", "UF_CRM_VARIANT", "enumeration", "Вариант обработки")
        | {
            "LIST": [
                {"ID": number, "VALUE": name, "SORT": number * 10} for number, name in enumerate(VARIANTS, 1)
            ]
        }
    ]
    portal["invoices"] = []
    for number in range(1, deals + 1):
        variant = 1 if number % 3 else 2
        stage = "NEW" if number % 9 == 0 else "EXECUTING" if variant == 2 else "INVOICE"
        _deal(portal, number, stage, today, UF_CRM_VARIANT=variant, SOURCE_ID=SOURCES[number % 3][0])
        if variant == 1 and stage == "INVOICE":
            _invoice(portal, number, part=number % 4 == 0, today=today)
    return portal


def leads(today: date, buyers: int = 4) -> Seed:
    """Specification 002/004: an almost empty portal; deals come from 1C. `today` decides nothing here."""
    portal = _trade(LEADS_STAGES, ("Торговый ряд",), buyers=buyers)
    return {name: rows for name, rows in portal.items() if name not in ("products", "prices")} | {
        "deals": [],
        "productrows": [],
    }


def twoway(today: date, deals: int = 12, buyers: int = 6) -> Seed:
    """Specification 003: two organisations of ours, deals being edited («поступил заказ») and at work."""
    portal = _trade(TWOWAY_STAGES, ("Северный склад", "Южный склад"), buyers=buyers, vat="22")
    for number in range(1, deals + 1):
        _deal(portal, number, "NEW" if number % 4 == 0 else "EXECUTING", today, vat="22", own=1 + number % 2)
    return portal


# ---- parts ----
def _trade(stages: Stages, own: tuple[str, ...], *, buyers: int, vat: str | None = None) -> Seed:
    """Users, one pipeline, our organisations, buyers with a contact person each, goods."""
    portal: Seed = {
        "users": people.users(),
        "categories": _pipeline(),
        "statuses": _statuses(stages),
        "userfields": [
            _user_field(number, "CRM_DEAL", *field) for number, field in enumerate(ORDER_FIELDS, 1)
        ]
        + [_user_field(50 + number, "CRM_COMPANY", *field) for number, field in enumerate(PLACE_FIELDS, 1)],
        "products": [
            {"id": number, "name": name, "measure": 9, "vatId": 9 if vat else 1}
            for number, (name, _) in enumerate(GOODS, 1)
        ],
        "prices": [
            {"id": number, "productId": number, "catalogGroupId": 1, "price": price, "currency": "RUB"}
            for number, (_, price) in enumerate(GOODS, 1)
        ],
        "deals": [],
        "productrows": [],
        "requisite_links": [],
        "contacts": [],
    }
    for number, name in enumerate(own, 1):
        _add(portal, people.company_records(number, "ООО", name, own=True))
    for number in range(11, 11 + buyers):
        _add(portal, people.company_records(number, *people.company(number), manager=3 + number % 5))
        portal["contacts"].append(_contact(number))
    return portal


def _add(portal: Seed, rows: dict[str, list[Record]]) -> None:
    for name, part in rows.items():
        portal.setdefault(name, []).extend(part)


def _user_field(number: int, entity: str, name: str, kind: str, caption: str) -> Record:
    labels = {
        label: {"ru": caption} for label in ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL")
    }
    return {
        "ID": number,
        "ENTITY_ID": entity,
        "FIELD_NAME": name,
        "USER_TYPE_ID": kind,
        "SORT": number * 10,
        **labels,
    }


def _pipeline() -> list[Record]:
    invoices = next(row for row in DEFAULTS["categories"] if row["entityTypeId"] == 31)
    return [{"id": 0, "name": "Продажи", "sort": 100, "entityTypeId": 2, "isDefault": "Y"}, invoices]


def _statuses(stages: Stages) -> list[Record]:
    kept = [row for row in DEFAULTS["statuses"] if row["ENTITY_ID"] not in ("DEAL_STAGE", "SOURCE")]
    kept += [
        {
            "ENTITY_ID": "DEAL_STAGE",
            "STATUS_ID": code,
            "NAME": name,
            "SORT": 10 * number,
            "SEMANTICS": meaning,
        }
        for number, (code, name, meaning) in enumerate(stages, 1)
    ]
    return kept + [
        {"ENTITY_ID": "SOURCE", "STATUS_ID": code, "NAME": name, "SORT": 10 * number, "SEMANTICS": None}
        for number, (code, name) in enumerate((("CALL", "Звонок"), *SOURCES), 1)
    ]


def _contact(number: int) -> Record:
    last, first, middle = people.split_name(people.person(number))
    return {
        "ID": number,
        "LAST_NAME": last,
        "NAME": first,
        "SECOND_NAME": middle,
        "COMPANY_ID": number,
        "ASSIGNED_BY_ID": 3 + number % 5,
        "PHONE": [people.phone(5_000_000 + number)],
        "EMAIL": [f"person{number}@example.ru"],
    }


def _deal(
    portal: Seed, number: int, stage: str, today: date, *, vat: str | None = None, own: int = 1, **fields: Any
) -> None:
    """A deal with two or three rows; its sum follows them."""
    buyer = 11 + number % len(portal["contacts"])
    begun = f"{(today - timedelta(days=number % 20 + 1)).isoformat()}T10:{number % 60:02d}:00+03:00"
    portal["deals"].append(
        {
            "ID": number,
            "CATEGORY_ID": 0,
            "STAGE_ID": stage,
            "TITLE": f"Поставка дверей № {number}",
            "CURRENCY_ID": "RUB",
            "COMPANY_ID": buyer,
            "CONTACT_ID": buyer,
            "ASSIGNED_BY_ID": 3 + number % 5,
            "DATE_CREATE": begun,
            "DATE_MODIFY": begun,
            **fields,
        }
    )
    portal["requisite_links"].append(
        {
            "ENTITY_TYPE_ID": 2,
            "ENTITY_ID": number,
            "REQUISITE_ID": 0,
            "BANK_DETAIL_ID": 0,
            "MC_REQUISITE_ID": own,
            "MC_BANK_DETAIL_ID": own,
        }
    )
    for place in range(2 + number % 2):
        product = 1 + (number + place) % len(GOODS)
        _row(portal, "D", number, product, str(1 + (number + place) % 4), vat=vat)


def _row(
    portal: Seed,
    owner: str,
    number: int,
    product: int,
    quantity: str,
    *,
    price: str | None = None,
    vat: str | None = None,
) -> None:
    name, listed = GOODS[product - 1]
    portal["productrows"].append(
        {
            "ID": len(portal["productrows"]) + 1,
            "OWNER_TYPE": owner,
            "OWNER_ID": number,
            "PRODUCT_ID": product,
            "PRODUCT_NAME": name,
            "PRICE": price or listed,
            "QUANTITY": quantity,
            "TAX_RATE": vat,
            "TAX_INCLUDED": "Y" if vat else "N",
            "MEASURE_CODE": 796,
            "MEASURE_NAME": "шт",
            "SORT": 10 * (len(portal["productrows"]) + 1),
        }
    )


def _invoice(portal: Seed, deal: int, *, part: bool, today: date) -> None:
    """A smart invoice made in the deal: for the whole, or for a part of the sum (a partial prepayment)."""
    owner = next(row for row in portal["deals"] if row["ID"] == deal)
    number = 500 + deal
    portal["invoices"].append(
        {
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
    )
    rows = [row for row in portal["productrows"] if (row["OWNER_TYPE"], row["OWNER_ID"]) == ("D", deal)]
    for row in rows[:1] if part else rows:
        _row(portal, "SI", number, row["PRODUCT_ID"], row["QUANTITY"])
