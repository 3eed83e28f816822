"""Reports of 1C saved as a table: lists of payments, invoices, shipments."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd

from etl import tables
from etl.config import dialects
from etl.extract.spreadsheet import cells
from etl.extract.spreadsheet.captions import Captions, Header, find_header, with_own
from etl.extract.spreadsheet.cells import folded
from etl.extract.spreadsheet.guard import Cell, Source, name_of, pages_of
from etl.records import Document, Party
from etl.values import clean

#: captions of 1C's own reports in its configurations (onec §1.2)
DOCUMENTS: dict[str, tuple[str, ...]] = {
    "document": ("Документ", "Ссылка", "Регистратор", "Документ движения"),
    "kind": ("Вид документа", "Тип документа"),
    "number": ("Номер", "Номер документа", "№"),
    "date": ("Дата", "Дата документа"),
    "amount": ("Сумма", "Сумма документа", "Всего", "Сумма платежа"),
    "currency": ("Валюта", "Валюта документа"),
    "rate": ("Курс", "Курс взаиморасчетов"),
    "party": ("Контрагент", "Плательщик", "Клиент", "Покупатель"),
    "inn": ("ИНН", "ИНН контрагента"),
    "contract": ("Договор", "Договор контрагента", "Номер договора"),
    "basis": (
        "Заказ",
        "Заказ покупателя",
        "Заказ клиента",
        "Счет на оплату",
        "Сделка",
        "Основание",
        "Документ-основание",
    ),
    "key": ("Ключ",),
    "organisation": ("Организация",),
    "posted": ("Проведен",),
    "comment": ("Комментарий", "Назначение платежа"),
}
#: kind -> names of its documents in 1C's configurations (onec §1.2), folded; the first that fits
_KINDS = (
    ("refund", r"списание с расч|расходный кассовый|возврат (?:оплат|денеж|дс)|списание безналичн"),
    (
        "payment",
        r"поступление на (?:расч|счет)|поступление безналичн|поступление в кассу|"
        r"платежн\w+ (?:поручение|ордер)|приходный кассовый|оплата",
    ),
    ("invoice", r"счет на оплату"),
    ("order", r"заказ (?:покупателя|клиента)"),
    ("return", r"возврат товар"),
    ("act", r"акт |акт$|оказание услуг"),
    ("shipment", r"реализация|расходная накладная|отгрузка"),
    ("closing", r"закрытие заказ"),
)
#: «Заказ покупателя 00БП-000015 от 05.11.2026 12:00:00», as 1C presents a document
_NAMED = re.compile(
    r"(?P<kind>.*?)\s*(?:№\s*)?(?P<number>[0-9A-Za-zА-Яа-яЁё\-/]*\d)"
    r"\s+от\s+(?P<date>\d{1,2}\.\d{1,2}\.\d{4}(?: [\d:]+)?)"
)

#: our column -> cell; a column that the report lacks is absent
Row = Mapping[str, Cell]


class Documents(NamedTuple):
    """Tables `documents`, `parties` (one per document, name and ИНН as the report says) and `issues`."""

    documents: pd.DataFrame
    parties: pd.DataFrame
    issues: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Named:
    """What a row calls its document."""

    kind: str
    number: str | None
    date: dt.date | None


def read_documents(
    source: Source,
    *,
    name: str = "",
    columns: Captions | None = None,
    kind: str | None = None,
) -> Documents:
    """Documents of a report of 1C: columns by caption, kind by the document's name.

    `columns` (profile): our column -> captions, tried before the built-in ones; `kind` is the kind of rows
    that name none (`tables.DOCUMENT_KINDS`). Totals rows are skipped. Amounts are in the currency of
    the row, refunds positive, a reversal keeps its minus. `requisites` holds «Договор» and «Ключ» as written,
    `comment` the comment or purpose. Rejected
    for a file that is no such table.
    """
    name = name_of(source, name)
    header = find_header(pages_of(source, name), with_own(DOCUMENTS, columns), ("amount",), name)
    documents: list[Document] = []
    parties: list[Party] = []
    issues: list[tables.Record] = []
    for row, place in _rows(header):
        try:
            document, party = _document(row, kind), _party(row)
        except ValueError as error:
            issues.append(_skipped(row, error, name, place))
            continue
        documents.append(document | {"file": name, "place": place})
        if party:
            documents[-1]["party"] = party["id"]
            parties.append(party | {"document": document["id"], "file": name, "place": place})
    return Documents(
        tables.frame("documents", documents),
        tables.frame("parties", parties),
        tables.frame("issues", issues),
    )


def _rows(header: Header) -> Iterator[tuple[Row, str]]:
    """The rows that name a document, each with its place in the file."""
    for number, found in header.data_rows():
        row = {}
        width = len(found)
        for column, position in header.positions.items():
            if position < width:
                row[column] = found[position]
        if _is_document(row):
            yield row, f"строка {number}"


def _is_document(row: Row) -> bool:
    """Whether a row names a document; a totals row does not, whatever stands in it."""
    said = _said(row)
    number = row.get("number", "")
    if not number and not _NAMED.match(said):
        return False
    words = folded(said or number)
    return not words.startswith(("итого", "всего"))


def _said(row: Row) -> str:
    """What stands in «Документ»."""
    document = row.get("document", "")
    return str(document).strip()


def _document(row: Row, default_kind: str | None) -> Document:
    """The document of a row. ValueError (Russian) for a value that cannot be read."""
    named = _named(row, default_kind)
    amount = cells.money(row.get("amount", ""))
    currency = cells.text(row.get("currency", ""))
    return {
        "id": f"{named.kind}|{named.number}|{named.date.year if named.date else ''}",
        "kind": named.kind,
        "number": named.number,
        "number_1c": named.number,
        "date": named.date,
        "date_1c": named.date,
        "amount": _signed(amount, named.kind),
        "currency": dialects.currency_code(currency) if currency else None,
        "rate": clean.number(row.get("rate", "")),
        "posted": cells.flag(row.get("posted", "")),
        "basis_number": _basis_number(row),
        "organisation": cells.text(row.get("organisation", "")),
        "comment": cells.text(row.get("comment", "")),
        "requisites": _requisites(row),
    }


def _signed(amount: Decimal | None, kind: str) -> Decimal | None:
    """A report may show what went back with a minus; the minus of any other document makes it a reversal."""
    return abs(amount) if amount is not None and kind in ("refund", "return") else amount


def _named(row: Row, default_kind: str | None) -> _Named:
    """Kind, number and date from «Документ» where it presents one, else from their own columns."""
    named = _NAMED.match(_said(row))
    own_kind = str(row.get("kind", ""))
    if named:
        kind = _kind(own_kind or named["kind"], default_kind)
        date = clean.date(named["date"])
        return _Named(kind, named["number"], date)
    kind = _kind(own_kind, default_kind)
    number = cells.text(row["number"])
    date = clean.date(row.get("date", ""))
    return _Named(kind, number, date)


def _kind(said: str, default: str | None) -> str:
    """The kind of a document by the name 1C gives it."""
    words = folded(said)
    for kind, form in _KINDS:
        if re.search(form, words):
            return kind
    return default or "other"


def _basis_number(row: Row) -> str | None:
    """The number of the document a row rests on, where 1C presents one, else what stands there."""
    basis = row.get("basis", "")
    named = _NAMED.match(str(basis))
    if named:
        return named["number"]
    return cells.text(basis)


def _requisites(row: Row) -> dict[str, Any]:
    """«Договор» and «Ключ» as written, where they are."""
    found = {}
    for column, word in (("contract", "Договор"), ("key", "Ключ")):
        said = row.get(column)
        if said:
            found[word] = str(said)
    return found


def _party(row: Row) -> Party | None:
    """The counterparty, known by its ИНН, else by its name. ValueError (Russian) for an odd ИНН."""
    inn = cells.inn(row.get("inn", ""))
    name = cells.text(row.get("party", ""))
    if name is None:
        return None
    return {"id": inn or name, "name": name, "inn": inn}


def _skipped(row: Row, error: ValueError, name: str, place: str) -> tables.Record:
    """The issue of a row with a value that cannot be read."""
    return tables.issue(
        f"Строка отчёта пропущена: {error}. Исправьте её и загрузите отчёт ещё раз.",
        file=name,
        place=place,
        entity="document",
        key=_said(row) or None,
    )
