"""Invented charges and accruals for tests of workbooks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd

from etl import tables
from etl.load.spreadsheet.workbooks import Meta
from etl.values import keys

META = Meta(
    "ООО «Видеоконтроль»", "2026-11", "demo", dt.datetime(2026, 11, 2, 9, 30), 1, "7707083893", "770701001"
)
FIRST, LAST = (
    ("Кузнецов", "Лебедева", "Морозов", "Соколова", "Яхонтов-Ёлкин"),
    ("Пётр", "Анна", "Илья", "Ольга"),
)


def charge(number: int, **changes: Any) -> dict[str, Any]:
    name = f"{FIRST[number % 5]} {LAST[number % 4]} {number}"
    legal = number % 4 == 0
    amount = Decimal(1200 + number) + (Decimal("0.50") if number % 2 else 0)
    row = {
        "deal": str(100 + number),
        "month": "2026-11",
        "kind": "fee",
        "version": 1,
        "number": keys.charge(str(100 + number), "2026-11", 1),
        "payer": name,
        "payer_key": name if legal else f"{name} (дог. № ВН-{number})",
        "payer_inn": "0264019526" if legal else None,
        "address": f"г. Тверь, ул. Лесная, д. {number}, кв. {number * 2}",
        "contract_number": f"0{number}/26",
        "contract_date": dt.date(2026, 3, 1 + number % 28),
        "amount": amount,
        "vat_rate": Decimal(22) if legal else None,
        "vat_exempt": not legal,
        "vat_amount": (amount * 22 / 122).quantize(Decimal("0.01")) if legal else None,
        "date": dt.date(2026, 11, 1),
        "terminated_on": dt.date(2026, 11, 20) if number % 7 == 0 else None,
        "manager": "7",
        "manager_name": "Соколова Мария",
        "organisation": "ООО «Видеоконтроль»",
        "service": "Услуги видеонаблюдения за ноябрь 2026 г.",
        "note": None,
        "action": "new",
        "delta": amount,
    }
    return row | changes


def charges(count: int = 12, **changes: Any) -> pd.DataFrame:
    return tables.frame("charges", [charge(number, **changes) for number in range(1, count + 1)])


def accruals() -> pd.DataFrame:
    rows = [
        ("101", "first", "7", "Соколова Мария", "500.01"),
        ("102", "first", "8", "Морозов Илья", "750.00"),
        ("101", "second", "7", "Соколова Мария", "500.00"),
        ("103", "reversal-first", "8", "Морозов Илья", "-250.00"),
    ]
    return tables.frame(
        "accruals",
        [
            {
                "deal": deal,
                "part": part,
                "number": keys.act(deal, 1 if "first" in part else 2, reversal="reversal" in part),
                "date": dt.date(2026, 11, 20),
                "manager": manager,
                "manager_name": name,
                "organisation": "ООО «Видеоконтроль»",
                "agreed": Decimal("1000.01"),
                "amount": Decimal(amount),
                "contract_number": f"0{deal}/26",
                "contract_date": dt.date(2026, 3, 5),
                "payer": "Кузнецов Пётр",
                "paid_on": dt.date(2026, 11, 18),
                "paid_amount": Decimal("1500.00"),
                "basis": None,
                "service": "Вознаграждение за заключение договора, часть 1 из 2",
            }
            for deal, part, manager, name, amount in rows
        ],
    )
