"""Which columns each sheet has: captions, kinds, widths and where a value comes from. Facts only, no writing.

Sheets for people: reference onec §2.3 and §7. Files for 1C: onec §2.1, specification 000 (payer, address,
date and number of the contract, amount, date of termination). Captions of the files for 1C never change: 1C
keeps the accountant's mapping by them, letter by letter.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Literal

from etl.load.spreadsheet.layout import Column
from etl.load.spreadsheet.texts import month_short, rounded

ImportKind = Literal["charge", "act", "payment"]
Row = dict[str, Any]
Getter = Callable[[Row], Any]
Field = tuple[Column, Getter]

ZERO = Decimal(0)


def text(caption: str, source: str | Getter, limit: int = 30) -> Field:
    """Words; `limit` is the widest column on a sheet for people."""
    return Column(caption, "text", limit), _getter(source)


def code(caption: str, source: str | Getter, limit: int = 30) -> Field:
    """An identifier: always text, centred on a sheet for people."""
    return Column(caption, "id", limit), _getter(source)


def money(caption: str, source: str | Getter, *, total: bool = True) -> Field:
    """Roubles and kopecks; `total` puts a sum under the column and checks it after writing."""
    return Column(caption, "money", total=total), _getter(source)


def day(caption: str, source: str | Getter) -> Field:
    """A date."""
    return Column(caption, "date"), _getter(source)


def count(caption: str, source: str | Getter) -> Field:
    """A whole number."""
    return Column(caption, "integer"), _getter(source)


def _getter(source: str | Getter) -> Getter:
    """A column of the table by its name, or what computes the value."""
    if callable(source):
        return source
    return lambda row: row.get(source)


def _always(value: Any) -> Getter:
    """The same value in every row."""
    return lambda _row: value


def _vat_rate(row: Row) -> str:
    """«Без НДС» is not 0 % (onec §5)."""
    rate = row["vat_rate"]
    if rate is None:
        return "Без НДС"
    return f"{rate.normalize():f}%"


def _net(row: Row) -> Decimal:
    """Both are rounded first: what is shown adds up to the kopeck with the tax and the whole."""
    whole = rounded(row["amount"])
    tax = rounded(row["vat_amount"] or ZERO)
    return whole - tax


def _month(row: Row) -> str:
    """The period as accountants write it: «11.2026»."""
    return month_short(row["month"])


def _key_note(row: Row) -> str:
    """The key once more, in words: it survives in Комментарий where 1C drops a column."""
    parts = [row["number"], f"сделка {row['deal']}", row.get("note")]
    said = filter(None, parts)
    return "; ".join(said)


def _act_basis(row: Row) -> str:
    """Основание of an act: as given, else the deal and its contract (onec §7)."""
    if row["basis"]:
        return str(row["basis"])
    deal = f"Сделка № {row['deal']}"
    number, signed = row["contract_number"], row["contract_date"]
    if not number:
        return deal
    if not signed:
        return f"{deal}, договор № {number}"
    return f"{deal}, договор № {number} от {signed:%d.%m.%Y}"


def _change(row: Row) -> str:
    """What became of a charge since the last month, in words."""
    return _CHANGES[row["change"]]


def _difference(row: Row) -> Decimal:
    """A month without the charge counts as nothing."""
    before = row["before"] or ZERO
    after = row["after"] or ZERO
    return after - before


def _source(row: Row) -> str:
    """Where a payment is known from, in words where there are any."""
    source: str = row["source"]
    return _SOURCES.get(source, source)


def _part(row: Row) -> str:
    """Which half of the remuneration an accrual is, or takes back."""
    return _PARTS[row["part"]]


_PARTS = {
    "first": "1 из 2",
    "second": "2 из 2",
    "reversal-first": "возврат части 1",
    "reversal-second": "возврат части 2",
}
_SOURCES = {
    "1c": "1С",
    "1c-flag": "1С, признак",
    "1c-seen": "1С, без суммы",
    "bank": "банк",
    "xlsx": "отчёт 1С",
}
_CHANGES = {"added": "Добавлен", "ended": "Прекращён", "changed": "Изменена сумма"}

REGISTER: list[Field] = [
    code("Номер начисления", "number", 13),
    code("ID сделки", "deal", 9),
    text("Плательщик", "payer", 24),
    code("ИНН", "payer_inn", 14),
    text("Адрес объекта", "address", 26),
    code("Договор №", "contract_number", 12),
    day("Дата договора", "contract_date"),
    money("Сумма без НДС", _net),
    code("Ставка НДС", _vat_rate, 9),
    money("Сумма НДС", "vat_amount"),
    money("Всего к оплате", "amount"),
    day("Дата расторжения", "terminated_on"),
    text("Ответственный", "manager_name", 16),
    text("Примечание", "note", 18),
]
EXCEPTIONS: list[Field] = [
    code("ID сделки", "deal", 9),
    text("Сделка", "title", 26),
    text("Стадия", "stage", 20),
    text("Плательщик", "payer", 24),
    code("Договор №", "contract_number", 12),
    money("Сумма", "amount", total=False),
    text("Ответственный", "manager_name", 16),
    text("Почему не вошла", "reason", 34),
    text("Что сделать", "advice", 40),
]
TERMINATED: list[Field] = [
    code("ID сделки", "deal", 9),
    text("Плательщик", "payer", 28),
    text("Адрес объекта", "address", 30),
    code("Договор №", "contract_number", 12),
    day("Дата договора", "contract_date"),
    day("Дата расторжения", "terminated_on"),
    code("Последнее начисление", _month, 14),
    code("Номер начисления", "number", 13),
    money("Всего к оплате", "amount", total=False),
    text("Ответственный", "manager_name", 16),
]
COMPARISON: list[Field] = [
    text("Что изменилось", _change, 18),
    code("ID сделки", "deal", 9),
    text("Плательщик", "payer", 34),
    code("Договор №", "contract_number", 14),
    money("Прошлый месяц", "before"),
    money("Этот месяц", "after"),
    money("Разница", _difference),
]
PAYMENTS: list[Field] = [
    day("Дата", "date"),
    code("Номер платёжного документа", "number", 16),
    code("Заказ (счёт)", "target", 16),
    text("Плательщик", "party", 36),
    money("Сумма", "amount"),
    text("Откуда известно", _source, 16),
]
ACTS: list[Field] = [
    code("Номер акта", "number", 13),
    day("Дата", "date"),
    text("Часть", _part, 12),
    code("ID сделки", "deal", 9),
    text("Плательщик", "payer", 24),
    code("Договор №", "contract_number", 12),
    day("Дата договора", "contract_date"),
    text("Услуга", "service", 32),
    day("Дата оплаты клиентом", "paid_on"),
    money("Оплачено клиентом", "paid_amount", total=False),
    money("Договорённая сумма", "agreed", total=False),
    money("К начислению", "amount"),
]
SUMMARY: list[Field] = [
    text("Показатель", "title", 40),
    money("Портал", "portal", total=False),
    money("Реестр", "register", total=False),
    money("1С", "onec", total=False),
    money("Банк", "bank", total=False),
    count("Совпадает", "equal"),
    count("Расходится", "different"),
]
#: no totals: rows of what was charged and of what was paid stand together, «Итоги» adds each up
DIFFERENCES: list[Field] = [
    text("Что сверяется", "kind", 14),
    code("Документ", "document", 14),
    code("Договор №", "contract_number", 12),
    text("Плательщик", "party", 28),
    money("Портал", "portal", total=False),
    money("Реестр", "register", total=False),
    money("1С", "onec", total=False),
    money("Банк", "bank", total=False),
    money("Расхождение", "difference", total=False),
    text("Итог сверки", "status", 22),
    text("Причина", "reason", 36),
]

#: Columns of the files 1C loads, and the name of their only sheet.
IMPORTS: dict[ImportKind, list[Field]] = {
    "charge": [
        code("Ключ", "number"),
        day("Дата", "date"),
        code("Период", _month),
        text("Контрагент", "payer_key"),
        text("ФИО плательщика", "payer"),
        code("ИНН", "payer_inn"),
        text("Адрес объекта", "address"),
        code("Номер договора", "contract_number"),
        day("Дата договора", "contract_date"),
        text("Номенклатура", "service"),
        count("Количество", _always(1)),
        money("Цена", "amount"),
        money("Сумма", "amount"),
        code("Ставка НДС", _vat_rate),
        money("Сумма НДС", "vat_amount"),
        day("Дата расторжения", "terminated_on"),
        text("Организация", "organisation"),
        text("Ответственный", "manager_name"),
        text("Комментарий", _key_note),
    ],
    "act": [
        code("Ключ", "number"),
        day("Дата", "date"),
        text("Исполнитель", "manager_name"),
        text("Организация", "organisation"),
        text("Основание", _act_basis),
        code("Номер договора", "contract_number"),
        day("Дата договора", "contract_date"),
        text("Номенклатура", "service"),
        count("Количество", _always(1)),
        money("Цена", "amount"),
        money("Сумма", "amount"),
        code("Ставка НДС", _always("Без НДС")),
        day("Дата оплаты клиентом", "paid_on"),
        money("Сумма оплаты", "paid_amount"),
        text("Комментарий", _key_note),
    ],
    "payment": [
        code("Ключ", "id"),
        day("Дата", "date"),
        code("Номер документа", "number"),
        code("Заказ", "target"),
        text("Контрагент", "party"),
        money("Сумма", "amount"),
    ],
}
IMPORT_SHEETS: dict[ImportKind, str] = {"charge": "Начисления", "act": "Акты", "payment": "Оплаты"}
