"""Bank statements of invented companies for tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

OUR, FOREIGN, OUR_INN = "40702810900000000001", "40817810500000000777", "7707083893"


def document(**changes: Any) -> dict[str, str]:
    """Fields of one incoming payment order."""
    fields = {
        "СекцияДокумент": "Платежное поручение",
        "Номер": "17",
        "Дата": "18.11.2026",
        "Сумма": "1500.00",
        "ПлательщикСчет": FOREIGN,
        "ДатаСписано": "18.11.2026",
        "Плательщик": "ИНН 500100732259 Кузнецов Пётр Ильич",
        "ПлательщикИНН": "500100732259",
        "Плательщик1": "Кузнецов Пётр Ильич",
        "ПлательщикРасчСчет": FOREIGN,
        "ПолучательСчет": OUR,
        "ДатаПоступило": "18.11.2026",
        "Получатель1": 'ООО "Видеоконтроль"',
        "ПолучательИНН": OUR_INN,
        "ПолучательРасчСчет": OUR,
        "НазначениеПлатежа": "Оплата по договору № 15",
    }
    return {key: value for key, value in {**fields, **changes}.items() if value is not None}


def outgoing(**changes: Any) -> dict[str, str]:
    """Fields of one outgoing payment order: money back to the same person."""
    swapped = {
        key.replace("Плательщик", "#").replace("Получатель", "Плательщик").replace("#", "Получатель"): value
        for key, value in document().items()
    }
    return {**swapped, "НазначениеПлатежа": "Возврат по договору № 15", **changes}


def statement(
    documents: Iterable[Mapping[str, str]],
    *,
    turnover: bool = True,
    header: Mapping[str, str] | None = None,
    end: str = "КонецФайла",
) -> str:
    listed = list(documents)
    got, spent = (
        sum((Decimal(one["Сумма"]) for one in listed if one.get(f"{side}Счет") == OUR), Decimal(0))
        for side in ("Получатель", "Плательщик")
    )
    lines = ["1CClientBankExchange"]
    lines += [
        f"{key}={value}"
        for key, value in {
            "ВерсияФормата": "1.03",
            "Кодировка": "Windows",
            "Отправитель": "Банк",
            "Получатель": "1С",
            "ДатаСоздания": "19.11.2026",
            "ДатаНачала": "18.11.2026",
            "ДатаКонца": "18.11.2026",
            "РасчСчет": OUR,
            **(header or {}),
        }.items()
    ]
    if turnover:
        lines += [
            "СекцияРасчСчет",
            "ДатаНачала=18.11.2026",
            "ДатаКонца=18.11.2026",
            f"РасчСчет={OUR}",
            "НачальныйОстаток=100.00",
            f"ВсегоПоступило={got:.2f}",
            f"ВсегоСписано={spent:.2f}",
            f"КонечныйОстаток={100 + got - spent:.2f}",
            "КонецРасчСчет",
        ]
    for one in listed:
        lines += [f"{key}={value}" for key, value in one.items()] + ["КонецДокумента"]
    return "\r\n".join([*lines, end, ""])


def receipt(number: str, amount: Decimal | str, purpose: str, **changes: Any) -> dict[str, Any]:
    """A row of the table `receipts`."""
    day = changes.pop("day", dt.date(2026, 11, 18))
    return {
        "account": OUR,
        "number": number,
        "date": day,
        "amount": Decimal(amount),
        "payer_inn": None,
        "payer_name": None,
        "payer_account": FOREIGN,
        "purpose": purpose,
        "direction": "in",
        "booked_on": day,
        "hash": f"h{number}",
        "file": "kl.txt",
        "place": "строка 1",
        **changes,
    }
