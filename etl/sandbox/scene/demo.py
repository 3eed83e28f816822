"""A portal of any size to play with.

It depends on its arguments only: the same call gives the same portal.
"""

from __future__ import annotations

import functools
from datetime import date, timedelta
from random import Random

from etl.sandbox.portal.methods.arithmetic import price_row
from etl.sandbox.scene import people
from etl.sandbox.scene.cards import Record, Seed, add, contact, goods, manager, user_field

OWN = 1  # id of the portal's own company and of its requisites

PRODUCTS = (
    ("Камера видеонаблюдения уличная", "4870.50"),
    ("Видеорегистратор на 8 каналов", "12990.00"),
    ("Монтаж камеры", "2500.00"),
    ("Кабель витая пара, м", "38.40"),
    ("Блок питания 12 В", "1115.99"),
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
CONTRACT_FIELDS = (
    ("UF_CRM_PAYER", "string", "ФИО плательщика"),
    ("UF_CRM_OBJECT_ADDRESS", "string", "Адрес объекта"),
    ("UF_CRM_CONTRACT_NUMBER", "string", "Номер договора"),
    ("UF_CRM_CONTRACT_DATE", "date", "Дата договора"),
    ("UF_CRM_MONTHLY_FEE", "money", "Ежемесячный платеж"),
)
FEES = ("900.00", "1200.00", "1500.00", "1750.50", "2100.00", "3333.33", "4990.99")


def user_fields(fields: tuple[tuple[str, str, str], ...]) -> list[Record]:
    """User fields of deals."""
    return [user_field(number, "CRM_DEAL", *field) for number, field in enumerate(fields, 1)]


def product_records() -> dict[str, list[Record]]:
    """The goods of the portal, with codes of an outer system."""
    records = goods(PRODUCTS)
    for product in records["products"]:
        product["xmlId"] = f"demo-{product['id']}"
    return records


def product_row(number: int, owner: int, product: int, quantity: str, position: int) -> Record:
    """A complete product row of a deal with one of the goods."""
    name, price = PRODUCTS[product - 1]
    return row(number, owner, name, price, quantity, product, position)


def row(
    number: int, owner: int, name: str, price: str, quantity: str, product: int, position: int = 1
) -> Record:
    """A complete product row of a deal, without VAT and discount."""
    return {
        "ID": number,
        "OWNER_TYPE": "D",
        "OWNER_ID": owner,
        "PRODUCT_ID": product,
        "PRODUCT_NAME": name,
        **_prices(price),
        "PRICE_ACCOUNT": price,
        "QUANTITY": quantity,
        "DISCOUNT_TYPE_ID": 2,
        "TAX_RATE": None,
        "TAX_INCLUDED": "N",
        "CUSTOMIZED": "Y",
        "MEASURE_CODE": 796,
        "MEASURE_NAME": "шт",
        "SORT": position * 10,
        "TYPE": 1,
        "XML_ID": "",
    }


@functools.cache
def _prices(price: str) -> dict[str, str]:
    """All prices of a row; a big portal has few different ones."""
    return {name: f"{value:.2f}" for name, value in price_row({"PRICE": price}).items()}


def generate(deals: int, *, seed: int = 1) -> Seed:
    """A portal of that many deals (ids with gaps, 0 to 4 rows each).

    There is a company for every ten deals and a contact for every five.
    """
    random = Random(seed)  # noqa: S311  (repeatable on purpose)
    portal: Seed = {
        "users": people.users(),
        "userfields": user_fields(CONTRACT_FIELDS),
        **product_records(),
    }
    add(portal, people.company_records(OWN, "ООО", "Наша компания", own=True))
    companies = deals // 10 + 1
    add_companies(portal, range(2, companies + 2))
    contacts = deals // 5 + 1
    portal["contacts"] = [contact(number, 2 + number % companies) for number in range(1, contacts + 1)]
    portal["deals"] = []
    portal["productrows"] = []
    number = 0
    for _ in range(deals):
        number += random.randint(1, 5)
        portal["deals"].append(_deal(random, number, companies, contacts))
        _add_rows(portal["productrows"], random, number)
    return portal


def add_companies(portal: Seed, numbers: range) -> None:
    """Invented companies, each with one of the managers."""
    for number in numbers:
        form, name = people.company(number)
        add(portal, people.company_records(number, form, name, manager=manager(number)))


def _add_rows(rows: list[Record], random: Random, deal: int) -> None:
    """Up to four product rows of a deal."""
    for position in range(1, random.randint(0, 4) + 1):
        product = random.randint(1, len(PRODUCTS))
        quantity = str(random.randint(1, 9))
        rows.append(product_row(len(rows) + 1, deal, product, quantity, position))


def _deal(random: Random, number: int, companies: int, contacts: int) -> Record:
    begun = date(2025, 1, 9) + timedelta(days=number % 500)
    stamp = f"{begun.isoformat()}T{number % 24:02d}:{number % 60:02d}:00+03:00"
    return {
        "ID": number,
        "TITLE": f"Сделка {number}",
        "TYPE_ID": "SALE",
        "STAGE_ID": SALES_STAGES[number % 8],
        "CATEGORY_ID": 0,
        "OPPORTUNITY": f"{random.randint(100, 900_000)}.{number % 100:02d}",
        "CURRENCY_ID": "RUB",
        "COMPANY_ID": 2 + random.randrange(companies),
        "CONTACT_ID": 1 + random.randrange(contacts),
        "ASSIGNED_BY_ID": 3 + random.randrange(5),
        "BEGINDATE": begun.isoformat(),
        "DATE_CREATE": stamp,
        "DATE_MODIFY": stamp,
        "SOURCE_ID": "CALL",
        "COMMENTS": f"Комментарий к сделке {number}",
        "UF_CRM_PAYER": people.person(number),
        "UF_CRM_OBJECT_ADDRESS": people.address(random),
        "UF_CRM_CONTRACT_NUMBER": f"{number:05d}",
        "UF_CRM_CONTRACT_DATE": begun.isoformat(),
        "UF_CRM_MONTHLY_FEE": f"{random.choice(FEES)}|RUB",
    }
