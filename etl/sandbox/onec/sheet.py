"""The accountant loads a spreadsheet: every row becomes a document, by captions of the first row, as displayed.

Бухгалтерия 3.0 makes an invoice of a charge (it has no orders), the trading configurations an order. Loading a file twice
doubles the books, as in 1C, unless the base was set up to match by the column «Ключ».
"""

from __future__ import annotations

import datetime as dt
import re
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
_NEEDED = {"charge": ("Контрагент", "Номенклатура"), "act": ("Исполнитель",), "payment": ("Заказ",)}
Row = dict[str, str]


def load_sheet(books: Books, settings: Settings, path: Path, now: dt.datetime) -> Outcome:
    """Rows of a file of charges, acts or payments into documents; a row that cannot be matched is a warning."""
    if settings.dialect == "ut103" and path.suffix.lower() == ".xlsx":
        raise Refusal(f"файл «{path.name}»: обработка загрузки УТ 10.3 не читает .xlsx, дайте .txt")
    rows = displayed(path)
    captions = [caption.strip() for caption in rows[0]] if rows else []
    kind = next((kind for kind, needed in _NEEDED.items() if set(needed) <= set(captions)), None)
    if kind is None or "Сумма" not in captions:
        raise Refusal(
            f"файл «{path.name}»: в первой строке нет заголовков столбцов, которые сопоставлены в базе"
        )
    outcome, empty = Outcome(), 0
    for place, texts in enumerate(rows[1:], start=2):
        row = dict(zip(captions, (text.strip() for text in texts), strict=False))
        empty = 0 if any(row.values()) else empty + 1
        if empty > _EMPTY_ROWS:
            break
        if not empty:
            _load_row(books, settings, kind, row, place, now, outcome)
    return outcome


def _load_row(
    books: Books, settings: Settings, kind: str, row: Row, place: int, now: dt.datetime, outcome: Outcome
) -> None:
    amount, on = to_number(row["Сумма"]), to_date(row.get("Дата", ""))
    who = row.get("Контрагент") or row.get("Исполнитель") or ""
    if amount is None or on is None or not (who or kind == "payment"):
        outcome.warnings.append(
            f"строка {place}: не сопоставлено (дата «{row.get('Дата', '')}», сумма «{row['Сумма']}», «{who}»)"
        )
        return
    target = {
        "charge": "invoice" if settings.dialect == "bp3" else "order",
        "act": "act",
        "payment": "refund" if amount < 0 else "payment",
    }[kind]
    if settings.match_key and books.numbered(target, row.get(KEY, "")):
        outcome.skipped.append(row.get(KEY, ""))
        return
    moment = dt.datetime.combine(on, now.time())
    document = (
        _payment(books, target, row, amount, moment)
        if kind == "payment"
        else _charge(books, settings, target, row, amount, moment)
    )
    if document is None:
        outcome.warnings.append(f"строка {place}: не найден заказ «{row['Заказ']}»")
        return
    books.put(document)
    if (basis := books.get(document.basis)) is not None:
        books.touch(basis)
    outcome.created.append(document.number)


def _charge(
    books: Books, settings: Settings, kind: str, row: Row, amount: Decimal, moment: dt.datetime
) -> Document:
    name = row.get("Контрагент") or row["Исполнитель"]
    inn = row.get("ИНН") or None
    party, _ = find_or_create_party(
        books, Party("", name, "person", row.get("ФИО плательщика") or name, inn), keep_guid=False
    )
    number = books.new_number(kind, moment.year)
    quantity, rate = to_number(row.get("Количество", "")) or Decimal(1), vat_rate(row.get("Ставка НДС"))
    line = Line(
        row.get("Номенклатура", ""),
        quantity,
        to_number(row.get("Цена", "")) or amount / quantity,
        amount,
        vat=rate,
        vat_amount=to_number(row.get("Сумма НДС", "")) or ZERO,
        service=True,
    )
    line.product = find_or_create_product(books, line, keep_guid=False, by_article=False)
    document = Document(
        books.new_guid("document"),
        kind,
        number,
        number,
        moment.date(),
        moment,
        money(amount),
        origin="sheet",
        party=party.guid,
        role="Исполнитель" if kind == "act" else "Покупатель",
        lines=[line],
        comment=row.get("Комментарий", ""),
        manager=row.get("Ответственный") or None,
        organisation=row.get("Организация") or settings.organisation,
    )
    if row.get("Номер договора"):
        document.contract = books.contract(
            party, row["Номер договора"], to_date(row.get("Дата договора", ""))
        ).guid
    document.requisites = {
        name: value for name, value in row.items() if value and name not in ("Цена", "Сумма", "Количество")
    }
    return document


def _payment(books: Books, kind: str, row: Row, amount: Decimal, moment: dt.datetime) -> Document | None:
    basis = _payable(books, row["Заказ"])
    if basis is None:
        return None
    number = books.new_number(kind, moment.year)
    return Document(
        books.new_guid("document"),
        kind,
        number,
        number,
        moment.date(),
        moment,
        money(abs(amount)),
        basis=basis.guid,
        party=basis.party,
        contract=basis.contract,
        organisation=basis.organisation,
        origin="sheet",
        requisites={KEY: row[KEY]} if row.get(KEY) else {},
    )


def _payable(books: Books, told: str) -> Document | None:
    for kind in ("invoice", "order"):
        if numbered := books.numbered(kind, told):
            return numbered[-1]
    return None


def to_number(text: str) -> Decimal | None:
    """БСП keeps only `-0123456789,.` and casts what is left; what does not cast is empty («1234,50.» of «руб.»)."""
    kept = re.sub(r"[^-0-9,.]", "", text).replace(",", ".")
    try:
        return Decimal(kept) if kept else None
    except InvalidOperation:
        return None


def to_date(text: str) -> dt.date | None:
    """dd.mm.yyyy or yyyy-MM-dd; anything else is empty."""
    found = re.fullmatch(r"(\d\d)\.(\d\d)\.(\d{4})", text)
    try:
        return dt.date(int(found[3]), int(found[2]), int(found[1])) if found else dt.date.fromisoformat(text)
    except ValueError:
        return None
