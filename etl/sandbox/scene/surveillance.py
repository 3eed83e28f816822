"""The video-surveillance portal of specification 000: contracts, and sales and mounting around them.

It depends on its arguments only, so the same call gives the same portal.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

from etl.sandbox.portal.seeds.defaults import DEFAULTS
from etl.sandbox.scene import people
from etl.sandbox.scene.cards import (
    Record,
    Seed,
    Stages,
    add,
    contact,
    invoice_pipeline,
    manager,
    requisite_link,
    stage_records,
)
from etl.sandbox.scene.demo import (
    CONTRACT_FIELDS,
    FEES,
    OWN,
    PRODUCTS,
    SALES_STAGES,
    add_companies,
    product_records,
    product_row,
    row,
    user_fields,
)

VIDEO_STAGES: Stages = (
    ("C1:NEW", "Новая", None),
    ("C1:AGREEMENT", "Договор на согласовании", None),
    ("C1:CONFIRMED", "Договор подтвержден", None),
    ("C1:CLIENT_PAID_1", "1-ая оплата клиента", None),
    ("C1:MANAGER_PAID_1", "1-ая оплата менеджеру", None),
    ("C1:CLIENT_PAID_2", "2-ая оплата клиента", None),
    ("C1:WON", "2-ая оплата менеджеру", "S"),
    ("C1:LOSE", "Договор расторгнут", "F"),
)
MOUNTING_STAGES: Stages = (
    ("C2:NEW", "Заявка", None),
    ("C2:PREPARATION", "Выезд замерщика", None),
    ("C2:EXECUTING", "Монтаж", None),
    ("C2:WON", "Объект сдан", "S"),
    ("C2:LOSE", "Отказ", "F"),
)
VIDEO_FIELDS = (
    *CONTRACT_FIELDS,
    ("UF_CRM_TERMINATED_ON", "date", "Дата расторжения"),
    ("UF_CRM_COMMISSION", "money", "Вознаграждение менеджера"),
    ("UF_CRM_PAID_ON", "date", "Дата последней оплаты"),
    ("UF_CRM_PAID_TOTAL", "money", "Оплачено всего"),
)
PIPELINES = ("Продажи", "Видеонаблюдение", "Монтаж")
FEWEST = 60
#: so many first contracts are the awkward cases
AWKWARD = 14


def video(today: date, deals: int = 240, seed: int = 1) -> Seed:
    """The portal of specification 000.

    `today` is the day the story is told from: terminations lie in this month, the last one and the future. No
    contract stands beyond «Договор подтвержден» except terminated ones: those stages are reached by running
    the product. Needs at least 60 deals to hold every awkward case; raises ValueError for fewer.
    """
    if deals < FEWEST:
        raise ValueError("the demonstration portal needs at least 60 deals")
    random = Random(seed)  # noqa: S311  (repeatable on purpose)
    portal: Seed = {
        "users": people.users(),
        "userfields": user_fields(VIDEO_FIELDS),
        "categories": _pipelines(),
        "statuses": _stages(),
        **product_records(),
    }
    add(portal, people.company_records(OWN, "ООО", "Светлый глаз", own=True))
    add(portal, people.company_records(2, "ООО", "Светлый глаз Монтаж", own=True))
    add_companies(portal, range(3, 33))
    contracts = deals * 3 // 5
    portal["contacts"] = [contact(number) for number in range(1, deals + 1)]
    portal["deals"] = []
    portal["productrows"] = []
    portal["requisite_links"] = []
    for number in range(1, contracts + 1):
        _add_contract(portal, _contract(random, number, contracts, today))
    for number in range(contracts + 1, deals + 1):
        _add_sale(portal, random, number, today)
    return portal


def _pipelines() -> list[Record]:
    """Of deals the first one is the default one."""
    rows = []
    for number, name in enumerate(PIPELINES):
        default = "N" if number else "Y"
        sort = 100 * (number + 1)
        rows.append({"id": number, "name": name, "sort": sort, "entityTypeId": 2, "isDefault": default})
    return [*rows, invoice_pipeline()]


def _stages() -> list[Record]:
    return [
        *DEFAULTS["statuses"],
        *stage_records("DEAL_STAGE_1", VIDEO_STAGES),
        *stage_records("DEAL_STAGE_2", MOUNTING_STAGES),
    ]


def _contract(random: Random, number: int, contracts: int, today: date) -> Record:
    """The n-th contract; the first ones are the awkward cases, then the ordinary ones by share."""
    month = today.replace(day=1)
    signed = month - timedelta(days=random.randint(20, 600))
    fee = FEES[number % len(FEES)]
    commission = Decimal(fee) * 2 + number % 7
    deal: Record = {
        "ID": number,
        "CATEGORY_ID": 1,
        "STAGE_ID": "C1:CONFIRMED",
        "TYPE_ID": "SALE",
        "TITLE": "Продажа",
        "CONTACT_ID": number,
        "ASSIGNED_BY_ID": manager(number),
        "BEGINDATE": signed.isoformat(),
        "UF_CRM_PAYER": people.person(number),
        "UF_CRM_OBJECT_ADDRESS": people.address(random),
        "UF_CRM_CONTRACT_NUMBER": f"В-{number:03d}/{signed:%y}",
        "UF_CRM_CONTRACT_DATE": signed.isoformat(),
        "UF_CRM_MONTHLY_FEE": f"{fee}|RUB",
        "UF_CRM_COMMISSION": f"{commission:.2f}|RUB",
    }
    if number <= AWKWARD:
        deal |= _awkward(number, month, signed)
    else:
        deal |= _ordinary(random, number, number * 100 // contracts, month, signed)
    if number % 6 == 0:
        deal["COMPANY_ID"] = 3 + number % 30
    made = f"{deal['BEGINDATE']}T10:{number % 60:02d}:00+03:00"
    deal["TITLE"] = f"Видеонаблюдение: {deal['UF_CRM_OBJECT_ADDRESS']}"
    deal["DATE_CREATE"] = made
    deal["DATE_MODIFY"] = made
    return deal


def _ordinary(random: Random, number: int, share: int, month: date, signed: date) -> Record:
    """What the contract at this per cent of all is: in force, not signed yet, or terminated."""
    if share >= 90:
        ended = month - timedelta(days=random.randint(35, 200))
        return {"STAGE_ID": "C1:LOSE", "UF_CRM_TERMINATED_ON": max(ended, signed).isoformat()}
    if share >= 75:
        stage = "C1:NEW" if number % 2 else "C1:AGREEMENT"
        return {"STAGE_ID": stage, "UF_CRM_CONTRACT_NUMBER": None, "UF_CRM_CONTRACT_DATE": None}
    return {}


def _awkward(number: int, month: date, signed: date) -> Record:
    """What makes billing hard, one case per deal; the payers of 1 and 2 are namesakes."""
    last_month = month - timedelta(days=3)
    after = (month + timedelta(days=32)).replace(day=1)
    ended = {"STAGE_ID": "C1:LOSE"}
    cases: dict[int, Record] = {
        1: {"UF_CRM_PAYER": "Кузнецов Сергей Иванович"},
        2: {"UF_CRM_PAYER": "Кузнецов Сергей Иванович"},
        3: {"UF_CRM_CONTRACT_NUMBER": None},
        4: {"UF_CRM_MONTHLY_FEE": None},
        5: {**ended, "UF_CRM_TERMINATED_ON": None},
        6: {**ended, "UF_CRM_TERMINATED_ON": month.isoformat()},
        7: {**ended, "UF_CRM_TERMINATED_ON": last_month.isoformat()},
        8: {"UF_CRM_TERMINATED_ON": (after + timedelta(days=14)).isoformat()},
        9: {"UF_CRM_CONTRACT_DATE": (after + timedelta(days=4)).isoformat()},
        10: {"UF_CRM_MONTHLY_FEE": "1234.56|RUB", "UF_CRM_COMMISSION": "2469.13|RUB"},
        11: {"UF_CRM_MONTHLY_FEE": "0.01|RUB", "UF_CRM_COMMISSION": "0.01|RUB"},
        12: {"UF_CRM_CONTRACT_DATE": month.isoformat(), "BEGINDATE": month.isoformat()},
        13: {"UF_CRM_PAYER": None},
        14: {
            "UF_CRM_CONTRACT_DATE": None,
            "UF_CRM_TERMINATED_ON": (signed - timedelta(days=5)).isoformat(),
        },
    }
    return cases[number]


def _add_contract(portal: Seed, deal: Record) -> None:
    """The deal with a year's fees as its row and our requisites."""
    portal["deals"].append({name: value for name, value in deal.items() if value is not None})
    fee, _, _ = (deal["UF_CRM_MONTHLY_FEE"] or "1000.00|RUB").partition("|")
    rows = portal["productrows"]
    service = "Видеонаблюдение, абонентская плата за месяц"
    rows.append(row(len(rows) + 1, deal["ID"], service, fee, "12", 0))
    portal["requisite_links"].append(requisite_link(deal["ID"], OWN))


def _add_sale(portal: Seed, random: Random, number: int, today: date) -> None:
    """A deal of «Продажи» or «Монтаж», at any stage."""
    category, name, codes = 0, "Поставка", list(SALES_STAGES)
    if number % 3 == 0:
        category, name, codes = 2, "Монтаж", [code for code, _, _ in MOUNTING_STAGES]
    begun = today - timedelta(days=random.randint(1, 300))
    made = f"{begun.isoformat()}T11:{number % 60:02d}:00+03:00"
    deal = {
        "ID": number,
        "TITLE": f"{name} № {number}",
        "TYPE_ID": "SALE",
        "CATEGORY_ID": category,
        "STAGE_ID": codes[number % len(codes)],
        "CONTACT_ID": number,
        "COMPANY_ID": 3 + number % 30,
        "ASSIGNED_BY_ID": manager(number),
        "BEGINDATE": begun.isoformat(),
        "DATE_CREATE": made,
        "DATE_MODIFY": made,
        "UF_CRM_OBJECT_ADDRESS": people.address(random),
    }
    portal["deals"].append(deal)
    rows = portal["productrows"]
    for position in range(1, 2 + number % 3):
        product = 1 + (number + position) % len(PRODUCTS)
        quantity = str(1 + number % 5)
        rows.append(product_row(len(rows) + 1, number, product, quantity, position))
