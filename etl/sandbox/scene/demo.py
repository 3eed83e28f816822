"""Portals to play with: one of any size, and the video-surveillance portal of specification 000.

Both depend on their arguments only, so the same call gives the same portal.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from etl.sandbox.portal.methods.rows import price_row
from etl.sandbox.portal.seeds.defaults import DEFAULTS
from etl.sandbox.scene import demo_people as people

Record = dict[str, Any]
Seed = dict[str, Any]
OWN = 1  # id of the portal's own company and of its requisites

PRODUCTS = (
    ("Камера видеонаблюдения уличная", "4870.50"),
    ("Видеорегистратор на 8 каналов", "12990.00"),
    ("Монтаж камеры", "2500.00"),
    ("Кабель витая пара, м", "38.40"),
    ("Блок питания 12 В", "1115.99"),
)
VIDEO_STAGES = (
    ("C1:NEW", "Новая", None),
    ("C1:AGREEMENT", "Договор на согласовании", None),
    ("C1:CONFIRMED", "Договор подтвержден", None),
    ("C1:CLIENT_PAID_1", "1-ая оплата клиента", None),
    ("C1:MANAGER_PAID_1", "1-ая оплата менеджеру", None),
    ("C1:CLIENT_PAID_2", "2-ая оплата клиента", None),
    ("C1:WON", "2-ая оплата менеджеру", "S"),
    ("C1:LOSE", "Договор расторгнут", "F"),
)
MOUNTING_STAGES = (
    ("C2:NEW", "Заявка", None),
    ("C2:PREPARATION", "Выезд замерщика", None),
    ("C2:EXECUTING", "Монтаж", None),
    ("C2:WON", "Объект сдан", "S"),
    ("C2:LOSE", "Отказ", "F"),
)
SALES_STAGES = (
    "NEW",
    "PREPARATION",
    "PREPAYMENT_INVOICE",
    "EXECUTING",
    "FINAL_INVOICE",
    "WON",
    "LOSE",
    "APOLOGY",
)
VIDEO_FIELDS = (
    ("UF_CRM_PAYER", "string", "ФИО плательщика"),
    ("UF_CRM_OBJECT_ADDRESS", "string", "Адрес объекта"),
    ("UF_CRM_CONTRACT_NUMBER", "string", "Номер договора"),
    ("UF_CRM_CONTRACT_DATE", "date", "Дата договора"),
    ("UF_CRM_MONTHLY_FEE", "money", "Ежемесячный платеж"),
    ("UF_CRM_TERMINATED_ON", "date", "Дата расторжения"),
    ("UF_CRM_COMMISSION", "money", "Вознаграждение менеджера"),
    ("UF_CRM_PAID_ON", "date", "Дата последней оплаты"),
    ("UF_CRM_PAID_TOTAL", "money", "Оплачено всего"),
)
FEES = ("900.00", "1200.00", "1500.00", "1750.50", "2100.00", "3333.33", "4990.99")


def user_fields(fields: tuple[tuple[str, str, str], ...]) -> list[Record]:
    """User fields of deals with one Russian caption everywhere."""
    return [
        {"ID": n, "ENTITY_ID": "CRM_DEAL", "FIELD_NAME": name, "USER_TYPE_ID": kind, "SORT": n * 10,
         **{label: {"ru": caption} for label in ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL")}}
        for n, (name, kind, caption) in enumerate(fields, 1)
    ]  # fmt: skip


def product_records() -> dict[str, list[Record]]:
    goods = [{"id": n, "name": name, "xmlId": f"demo-{n}"} for n, (name, _) in enumerate(PRODUCTS, 1)]
    prices = [
        {"id": n, "productId": n, "catalogGroupId": 1, "price": price, "currency": "RUB"}
        for n, (_, price) in enumerate(PRODUCTS, 1)
    ]
    return {"products": goods, "prices": prices}


def row(
    number: int, owner: int, name: str, price: str, quantity: str, product: int, position: int = 1
) -> Record:
    """A complete product row of a deal, without VAT and discount."""
    return {
        "ID": number, "OWNER_TYPE": "D", "OWNER_ID": owner, "PRODUCT_ID": product, "PRODUCT_NAME": name,
        **_prices(price), "PRICE_ACCOUNT": price, "QUANTITY": quantity, "DISCOUNT_TYPE_ID": 2, "TAX_RATE": None,
        "TAX_INCLUDED": "N", "CUSTOMIZED": "Y", "MEASURE_CODE": 796, "MEASURE_NAME": "шт", "SORT": position * 10,
        "TYPE": 1, "XML_ID": "",
    }  # fmt: skip


_PRICED: dict[str, dict[str, str]] = {}


def _prices(price: str) -> dict[str, str]:
    if price not in _PRICED:
        _PRICED[price] = {name: f"{value:.2f}" for name, value in price_row({"PRICE": price}).items()}
    return _PRICED[price]


def _merge(seed: Seed, records: dict[str, list[Record]]) -> None:
    for name, rows in records.items():
        seed.setdefault(name, []).extend(rows)


def generate(deals: int, *, seed: int = 1) -> Seed:
    """A portal of that many deals (ids with gaps, 0 to 4 rows each), a company per ten deals, contacts per five."""
    random = Random(seed)  # noqa: S311  (repeatable on purpose)
    portal: Seed = {"users": people.users(), "userfields": user_fields(VIDEO_FIELDS[:5]), **product_records()}
    _merge(portal, people.company_records(OWN, "ООО", "Наша компания", own=True))
    companies = deals // 10 + 1
    for number in range(2, companies + 2):
        _merge(portal, people.company_records(number, *people.company(number), manager=3 + number % 5))
    contacts = deals // 5 + 1
    portal["contacts"] = [_contact(number, 2 + number % companies) for number in range(1, contacts + 1)]
    portal["deals"], portal["productrows"] = [], []
    number = row_number = 0
    for _ in range(deals):
        number += random.randint(1, 5)
        portal["deals"].append(_deal(random, number, companies, contacts))
        for position in range(1, random.randint(0, 4) + 1):
            row_number += 1
            product = random.randint(1, len(PRODUCTS))
            name, price = PRODUCTS[product - 1]
            quantity = str(random.randint(1, 9))
            portal["productrows"].append(row(row_number, number, name, price, quantity, product, position))
    return portal


def _contact(number: int, company: int | None = None) -> Record:
    last, first, middle = people.split_name(people.person(number))
    card = {"ID": number, "LAST_NAME": last, "NAME": first, "SECOND_NAME": middle, "ASSIGNED_BY_ID": 3 + number % 5,
            "PHONE": [people.phone(5_000_000 + number)], "EMAIL": [f"person{number}@example.ru"]}  # fmt: skip
    return {**card, "COMPANY_ID": company} if company else card


def _deal(random: Random, number: int, companies: int, contacts: int) -> Record:
    begun = date(2025, 1, 9) + timedelta(days=number % 500)
    stamp = f"{begun.isoformat()}T{number % 24:02d}:{number % 60:02d}:00+03:00"
    return {
        "ID": number, "TITLE": f"Сделка {number}", "TYPE_ID": "SALE", "STAGE_ID": SALES_STAGES[number % 8],
        "CATEGORY_ID": 0, "OPPORTUNITY": f"{random.randint(100, 900_000)}.{number % 100:02d}", "CURRENCY_ID": "RUB",
        "COMPANY_ID": 2 + random.randrange(companies), "CONTACT_ID": 1 + random.randrange(contacts),
        "ASSIGNED_BY_ID": 3 + random.randrange(5), "BEGINDATE": begun.isoformat(), "DATE_CREATE": stamp,
        "DATE_MODIFY": stamp, "SOURCE_ID": "CALL", "COMMENTS": f"Комментарий к сделке {number}",
        "UF_CRM_PAYER": people.person(number), "UF_CRM_OBJECT_ADDRESS": people.address(random),
        "UF_CRM_CONTRACT_NUMBER": f"{number:05d}", "UF_CRM_CONTRACT_DATE": begun.isoformat(),
        "UF_CRM_MONTHLY_FEE": f"{random.choice(FEES)}|RUB",
    }  # fmt: skip


def video(today: date, deals: int = 240, seed: int = 1) -> Seed:
    """The portal of specification 000: contracts for video surveillance, sales and mounting around them.

    `today` is the day the story is told from: terminations lie in this month, the last one and the future.
    No contract stands beyond «Договор подтвержден» except terminated ones: those stages are reached by running
    the product. Needs at least 60 deals to hold every awkward case; raises ValueError for fewer.
    """
    if deals < 60:
        raise ValueError("the demonstration portal needs at least 60 deals")
    random = Random(seed)  # noqa: S311  (repeatable on purpose)
    portal: Seed = {
        "users": people.users(),
        "userfields": user_fields(VIDEO_FIELDS),
        "categories": _pipelines(),
        "statuses": _stages(),
        **product_records(),
    }
    _merge(portal, people.company_records(OWN, "ООО", "Светлый глаз", own=True))
    _merge(portal, people.company_records(2, "ООО", "Светлый глаз Монтаж", own=True))
    for number in range(3, 33):
        _merge(portal, people.company_records(number, *people.company(number), manager=3 + number % 5))
    contracts = deals * 3 // 5
    portal["contacts"] = [_contact(number) for number in range(1, deals + 1)]
    portal["deals"], portal["productrows"], portal["requisite_links"] = [], [], []
    for number in range(1, contracts + 1):
        _add_contract(portal, _contract(random, number, contracts, today))
    for number in range(contracts + 1, deals + 1):
        _add_sale(portal, random, number, today)
    return portal


def _pipelines() -> list[Record]:
    invoices = next(row for row in DEFAULTS["categories"] if row["entityTypeId"] == 31)
    names = ("Продажи", "Видеонаблюдение", "Монтаж")
    own = [{"id": n, "name": name, "sort": 100 * (n + 1), "entityTypeId": 2, "isDefault": "N" if n else "Y"}
           for n, name in enumerate(names)]  # fmt: skip
    return [*own, invoices]


def _stages() -> list[Record]:
    rows = list(DEFAULTS["statuses"])
    for category, stages in ((1, VIDEO_STAGES), (2, MOUNTING_STAGES)):
        rows += [
            {"ENTITY_ID": f"DEAL_STAGE_{category}", "STATUS_ID": code, "NAME": name, "SORT": 10 * n,
             "SEMANTICS": meaning}
            for n, (code, name, meaning) in enumerate(stages, 1)
        ]  # fmt: skip
    return rows


def _contract(random: Random, number: int, contracts: int, today: date) -> Record:
    """The n-th contract; the first ones are the awkward cases, then the ordinary ones by share."""
    month = today.replace(day=1)
    signed = month - timedelta(days=random.randint(20, 600))
    fee = FEES[number % len(FEES)]
    deal: Record = {
        "ID": number, "CATEGORY_ID": 1, "STAGE_ID": "C1:CONFIRMED", "TYPE_ID": "SALE", "TITLE": "Продажа",
        "CONTACT_ID": number, "ASSIGNED_BY_ID": 3 + number % 5, "BEGINDATE": signed.isoformat(),
        "UF_CRM_PAYER": people.person(number), "UF_CRM_OBJECT_ADDRESS": people.address(random),
        "UF_CRM_CONTRACT_NUMBER": f"В-{number:03d}/{signed:%y}", "UF_CRM_CONTRACT_DATE": signed.isoformat(),
        "UF_CRM_MONTHLY_FEE": f"{fee}|RUB", "UF_CRM_COMMISSION": f"{Decimal(fee) * 2 + number % 7:.2f}|RUB",
    }  # fmt: skip
    deal |= _awkward(number, month, signed)
    share = number * 100 // contracts
    if number > 14 and share >= 90:
        ended = month - timedelta(days=random.randint(35, 200))
        deal |= {"STAGE_ID": "C1:LOSE", "UF_CRM_TERMINATED_ON": max(ended, signed).isoformat()}
    elif number > 14 and share >= 75:
        deal |= {"STAGE_ID": "C1:NEW" if number % 2 else "C1:AGREEMENT", "UF_CRM_CONTRACT_NUMBER": None,
                 "UF_CRM_CONTRACT_DATE": None}  # fmt: skip
    if number % 6 == 0:
        deal["COMPANY_ID"] = 3 + number % 30
    made = f"{deal['BEGINDATE']}T10:{number % 60:02d}:00+03:00"
    return {
        **deal,
        "TITLE": f"Видеонаблюдение: {deal['UF_CRM_OBJECT_ADDRESS']}",
        "DATE_CREATE": made,
        "DATE_MODIFY": made,
    }


def _awkward(number: int, month: date, signed: date) -> Record:
    """What makes billing hard, one case per deal; the payers of 1 and 2 are namesakes."""
    last_month = month - timedelta(days=3)
    after = (month + timedelta(days=32)).replace(day=1)
    terminated = {"STAGE_ID": "C1:LOSE"}
    cases: dict[int, Record] = {
        1: {"UF_CRM_PAYER": "Кузнецов Сергей Иванович"},
        2: {"UF_CRM_PAYER": "Кузнецов Сергей Иванович"},
        3: {"UF_CRM_CONTRACT_NUMBER": None},
        4: {"UF_CRM_MONTHLY_FEE": None},
        5: {**terminated, "UF_CRM_TERMINATED_ON": None},
        6: {**terminated, "UF_CRM_TERMINATED_ON": month.isoformat()},
        7: {**terminated, "UF_CRM_TERMINATED_ON": last_month.isoformat()},
        8: {"UF_CRM_TERMINATED_ON": (after + timedelta(days=14)).isoformat()},
        9: {"UF_CRM_CONTRACT_DATE": (after + timedelta(days=4)).isoformat()},
        10: {"UF_CRM_MONTHLY_FEE": "1234.56|RUB", "UF_CRM_COMMISSION": "2469.13|RUB"},
        11: {"UF_CRM_MONTHLY_FEE": "0.01|RUB", "UF_CRM_COMMISSION": "0.01|RUB"},
        12: {"UF_CRM_CONTRACT_DATE": month.isoformat(), "BEGINDATE": month.isoformat()},
        13: {"UF_CRM_PAYER": None},
        14: {"UF_CRM_CONTRACT_DATE": None, "UF_CRM_TERMINATED_ON": (signed - timedelta(days=5)).isoformat()},
    }
    return cases.get(number, {})


def _add_contract(portal: Seed, deal: Record) -> None:
    portal["deals"].append({name: value for name, value in deal.items() if value is not None})
    fee = str(deal["UF_CRM_MONTHLY_FEE"] or "1000.00|RUB").split("|")[0]
    number = len(portal["productrows"]) + 1
    portal["productrows"].append(
        row(number, deal["ID"], "Видеонаблюдение, абонентская плата за месяц", fee, "12", 0)
    )
    portal["requisite_links"].append(
        {"ENTITY_TYPE_ID": 2, "ENTITY_ID": deal["ID"], "REQUISITE_ID": 0, "BANK_DETAIL_ID": 0,
         "MC_REQUISITE_ID": OWN, "MC_BANK_DETAIL_ID": OWN}
    )  # fmt: skip


def _add_sale(portal: Seed, random: Random, number: int, today: date) -> None:
    """A deal of «Продажи» or «Монтаж», at any stage."""
    mounting = number % 3 == 0
    codes = [code for code, _, _ in MOUNTING_STAGES] if mounting else list(SALES_STAGES)
    begun = today - timedelta(days=random.randint(1, 300))
    made = f"{begun.isoformat()}T11:{number % 60:02d}:00+03:00"
    portal["deals"].append(
        {"ID": number, "TITLE": f"{'Монтаж' if mounting else 'Поставка'} № {number}", "TYPE_ID": "SALE",
         "CATEGORY_ID": 2 if mounting else 0, "STAGE_ID": codes[number % len(codes)], "CONTACT_ID": number,
         "COMPANY_ID": 3 + number % 30, "ASSIGNED_BY_ID": 3 + number % 5, "BEGINDATE": begun.isoformat(),
         "DATE_CREATE": made, "DATE_MODIFY": made, "UF_CRM_OBJECT_ADDRESS": people.address(random)}
    )  # fmt: skip
    for position in range(1, 2 + number % 3):
        product = 1 + (number + position) % len(PRODUCTS)
        name, price = PRODUCTS[product - 1]
        next_id = len(portal["productrows"]) + 1
        portal["productrows"].append(
            row(next_id, number, name, price, str(1 + number % 5), product, position)
        )
