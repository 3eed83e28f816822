"""The accountant loads a spreadsheet: every row becomes a document, by the captions of the first row.

Бухгалтерия 3.0 makes an invoice of a charge (it has no orders), the trading configurations an order. Loading
a file twice doubles the books, as in 1C, unless the base was set up to match by the column «Ключ».
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from etl.sandbox.onec.books import KEY, Books
from etl.sandbox.onec.display import displayed
from etl.sandbox.onec.incoming import (
    Outcome,
    Settings,
    find_or_create_party,
    find_or_create_product,
    vat_rate,
)
from etl.sandbox.onec.records import ZERO, Document, Line, Party, money
from etl.sandbox.onec.xml import Refusal

_EMPTY_ROWS = 30
Row = dict[str, str]  # caption -> displayed text
#: kind of file -> captions without which it is not one
_NEEDED = {
    "charge": {"Контрагент", "Номенклатура", "Сумма"},
    "act": {"Исполнитель", "Сумма"},
    "payment": {"Заказ", "Сумма"},
}


#: columns that stand in the document itself and not among its requisites
_NUMBERS = ("Цена", "Сумма", "Количество")


@dataclass(frozen=True)
class Sheet:
    """A file under way: the base, what kind of file it is, the time of day its documents get."""

    books: Books
    settings: Settings
    kind: str
    time: dt.time
    outcome: Outcome


@dataclass(frozen=True)
class Entry:
    """A row that was matched: a document of `kind` of this sum (in roubles, below zero money went back)."""

    row: Row
    kind: str
    amount: Decimal
    moment: dt.datetime


def load_sheet(books: Books, settings: Settings, path: Path, now: dt.datetime) -> Outcome:
    """Rows of a file of charges, acts or payments into documents; a row that cannot be matched is a warning.

    Raises Refusal for a file the base does not take (onec §2.1, §2.2).
    """
    if settings.dialect == "ut103" and path.suffix.lower() == ".xlsx":
        raise Refusal(f"файл «{path.name}»: обработка загрузки УТ 10.3 не читает .xlsx, дайте .txt")
    rows = displayed(path)
    captions = [caption.strip() for caption in rows[0]] if rows else []
    kind = _kind_of(set(captions))
    if kind is None:
        raise Refusal(
            f"файл «{path.name}»: в первой строке нет заголовков столбцов, которые сопоставлены в базе"
        )
    sheet = Sheet(books, settings, kind, now.time(), Outcome())
    empty = 0
    for place, texts in enumerate(rows[1:], start=2):
        stripped = [text.strip() for text in texts]
        if any(stripped):
            empty = 0
            _load_row(sheet, dict(zip(captions, stripped, strict=False)), place)
        else:
            empty += 1
        if empty > _EMPTY_ROWS:
            break
    return sheet.outcome


def _kind_of(captions: set[str]) -> str | None:
    for kind, needed in _NEEDED.items():
        if needed <= captions:
            return kind
    return None


def _load_row(sheet: Sheet, row: Row, place: int) -> None:
    """One row into a document; the document it stands upon is registered for export."""
    entry = _matched(sheet, row)
    if entry is None:
        who = row.get("Контрагент") or row.get("Исполнитель") or ""
        sheet.outcome.warnings.append(
            f"строка {place}: не сопоставлено (дата «{row.get('Дата', '')}», сумма «{row['Сумма']}», «{who}»)"
        )
        return
    key = row.get(KEY, "")
    if sheet.settings.match_key and sheet.books.numbered(entry.kind, key):
        sheet.outcome.skipped.append(key)
        return
    document = _payment(sheet, entry) if sheet.kind == "payment" else _charge(sheet, entry)
    if document is None:
        sheet.outcome.warnings.append(f"строка {place}: не найден заказ «{row['Заказ']}»")
        return
    sheet.books.put(document)
    basis = sheet.books.get(document.basis)
    if basis is not None:
        sheet.books.touch(basis)
    sheet.outcome.created.append(document.number)


def _matched(sheet: Sheet, row: Row) -> Entry | None:
    """The row as a document to enter.

    None without a sum, a date or a counterparty (a payment has its order).
    """
    amount = to_number(row["Сумма"])
    on = to_date(row.get("Дата", ""))
    who = row.get("Контрагент") or row.get("Исполнитель")
    if amount is None or on is None:
        return None
    if not who and sheet.kind != "payment":
        return None
    return Entry(row, _target(sheet, amount), amount, dt.datetime.combine(on, sheet.time))


def _target(sheet: Sheet, amount: Decimal) -> str:
    """The kind of document a row becomes: Бухгалтерия 3.0 has no orders."""
    if sheet.kind == "charge":
        return "invoice" if sheet.settings.dialect == "bp3" else "order"
    if sheet.kind == "payment":
        return "refund" if amount < 0 else "payment"
    return "act"


def _charge(sheet: Sheet, entry: Entry) -> Document:
    """An order, an invoice or an act with one row of a service."""
    books, row = sheet.books, entry.row
    party = _party(books, row)
    number = books.new_number(entry.kind, entry.moment.year)
    line = _line(books, row, entry.amount)
    document = Document(
        books.new_guid("document"),
        entry.kind,
        number,
        number,
        entry.moment.date(),
        entry.moment,
        money(entry.amount),
        origin="sheet",
        party=party.guid,
        role="Исполнитель" if entry.kind == "act" else "Покупатель",
        lines=[line],
        comment=row.get("Комментарий", ""),
        manager=row.get("Ответственный") or None,
        organisation=row.get("Организация") or sheet.settings.organisation,
        requisites={name: value for name, value in row.items() if value and name not in _NUMBERS},
    )
    contract = row.get("Номер договора")
    if contract:
        date = to_date(row.get("Дата договора", ""))
        document.contract = books.contract(party, contract, date).guid
    return document


def _party(books: Books, row: Row) -> Party:
    """By ИНН, else by exact name; a new one is a person."""
    name = row.get("Контрагент") or row["Исполнитель"]
    full_name = row.get("ФИО плательщика") or name
    told = Party("", name, "person", full_name, row.get("ИНН") or None)
    party, _ = find_or_create_party(books, told, keep_guid=False)
    return party


def _line(books: Books, row: Row, amount: Decimal) -> Line:
    quantity = to_number(row.get("Количество", "")) or Decimal(1)
    line = Line(
        row.get("Номенклатура", ""),
        quantity,
        price=to_number(row.get("Цена", "")) or amount / quantity,
        amount=amount,
        vat=vat_rate(row.get("Ставка НДС")),
        vat_amount=to_number(row.get("Сумма НДС", "")) or ZERO,
        service=True,
    )
    line.product = find_or_create_product(books, line, keep_guid=False, by_article=False)
    return line


def _payment(sheet: Sheet, entry: Entry) -> Document | None:
    """Money for the invoice or order that the row names; None where there is none."""
    books, key = sheet.books, entry.row.get(KEY)
    basis = _payable(books, entry.row["Заказ"])
    if basis is None:
        return None
    number = books.new_number(entry.kind, entry.moment.year)
    return Document(
        books.new_guid("document"),
        entry.kind,
        number,
        number,
        entry.moment.date(),
        entry.moment,
        money(abs(entry.amount)),
        basis=basis.guid,
        party=basis.party,
        contract=basis.contract,
        organisation=basis.organisation,
        origin="sheet",
        requisites={KEY: key} if key else {},
    )


def _payable(books: Books, told: str) -> Document | None:
    """The latest invoice of this number, else the latest order."""
    for kind in ("invoice", "order"):
        numbered = books.numbered(kind, told)
        if numbered:
            return numbered[-1]
    return None


def to_number(text: str) -> Decimal | None:
    """БСП keeps only `-0123456789,.` and casts what is left (onec §2.1).

    What does not cast is empty («1234,50.» of «руб.»).
    """
    kept = re.sub(r"[^-0-9,.]", "", text).replace(",", ".")
    try:
        return Decimal(kept) if kept else None
    except InvalidOperation:
        return None


def to_date(text: str) -> dt.date | None:
    """dd.mm.yyyy or yyyy-MM-dd; anything else is empty."""
    russian = re.fullmatch(r"(\d\d)\.(\d\d)\.(\d{4})", text)
    if russian:
        day, month, year = russian.groups()
        text = f"{year}-{month}-{day}"
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None
