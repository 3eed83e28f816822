"""Spreadsheets that people give us: the deal export of the portal's interface, reports of 1C, our own archived registers.

The manual route of specification 000. A file is judged by content (`spreadsheet_guard`), a column by its caption
(`spreadsheet_captions`), and a doubtful row is an Issue that names file, row and field and never stops its neighbours.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from etl import tables
from etl.errors import Rejected
from etl.extract.spreadsheet import captions
from etl.extract.spreadsheet.guard import Cell, pages
from etl.values import clean

_CURRENCIES = {"российский рубль": "RUB", "рубль": "RUB", "руб.": "RUB", "rub": "RUB"}


class Deals(NamedTuple):
    """Tables `deals` and `issues`."""

    deals: pd.DataFrame
    issues: pd.DataFrame


class Documents(NamedTuple):
    """Tables `documents`, `parties` (one per document, name and ИНН as the report says) and `issues`."""

    documents: pd.DataFrame
    parties: pd.DataFrame
    issues: pd.DataFrame


def read_deals(
    source: Path | bytes,
    *,
    name: str = "",
    columns: Mapping[str, Sequence[str]] | None = None,
    required: Sequence[str] = ("id",),
) -> Deals:
    """Deals of an export that a person saved from the portal, whatever Excel did to it since.

    `columns` (profile): our column -> captions, tried before the built-in ones; `required`: columns the file must have.
    Every other caption goes to `fields` as text. An export with product rows has one line per product: its deal gets the sum
    of the lines. A row with a value that cannot be read is rejected whole: half a deal could be billed wrongly.
    Rejected for a file that is no such table.
    """
    name = name or _name(source)
    known = _known(captions.DEALS, columns)
    header = captions.find_header(pages(_bytes(source), name), known, required, name)
    issues: list[tables.Record] = []
    rows: dict[str, list[tables.Record]] = {}
    for number, cells in _data_rows(header):
        place = f"строка {number}"
        if row := _deal(header, cells, name, place, issues):
            rows.setdefault(row["id"], []).append(row)
    by_product = set(captions.PRODUCTS) <= {captions.folded(caption) for caption in header.captions}
    deals = [deal for same in rows.values() if (deal := _one_deal(same, by_product, issues))]
    return Deals(tables.frame("deals", deals), tables.frame("issues", issues))


def verify(source: Path | bytes, *, name: str = "") -> None:
    """Rejected for a file that is neither a deal export nor a report of 1C; nothing else is judged yet."""
    name = name or _name(source)
    found = pages(_bytes(source), name)
    try:
        captions.find_header(found, captions.DOCUMENTS, ("amount", "number"), name)
    except Rejected:
        try:
            captions.find_header(found, captions.DOCUMENTS, ("amount", "document"), name)
        except Rejected:
            captions.find_header(found, captions.DEALS, ("id",), name)


def read_documents(
    source: Path | bytes,
    *,
    name: str = "",
    columns: Mapping[str, Sequence[str]] | None = None,
    kind: str | None = None,
) -> Documents:
    """Documents of a report of 1C (list of payments, of realisations): columns by caption, kind by the document's name.

    `kind` is the kind of rows that name none (`tables.DOCUMENT_KINDS`). Totals rows are skipped. Amounts are roubles, refunds
    positive. `requisites` holds «Договор» and «Ключ» as written, `comment` the comment or purpose.
    """
    name = name or _name(source)
    header = captions.find_header(
        pages(_bytes(source), name), _known(captions.DOCUMENTS, columns), ("amount",), name
    )
    issues: list[tables.Record] = []
    documents, parties = [], []
    for number, cells in _data_rows(header):
        found = _document(_values(header, cells), kind, name, f"строка {number}", issues)
        if found:
            documents.append(found[0])
            parties += found[1:]
    return Documents(
        *(
            tables.frame(table, rows)
            for table, rows in (("documents", documents), ("parties", parties), ("issues", issues))
        )
    )


def read_register(source: Path | bytes, *, name: str = "") -> pd.DataFrame:
    """The exact `charges` of a register written by `load.spreadsheet.write_register`. Rejected when the sheet was touched."""
    return _hidden(source, name, "charges")


def read_acts(source: Path | bytes, *, name: str = "") -> pd.DataFrame:
    """The exact `accruals` of a book written by `load.spreadsheet.write_acts`. Rejected when the sheet was touched."""
    return _hidden(source, name, "accruals")


# ---- the deal export ----


def _deal(
    header: captions.Header, cells: list[Cell], name: str, place: str, issues: list[tables.Record]
) -> tables.Record | None:
    def refuse(message: str, **more: Any) -> None:
        issues.append(tables.issue(message, file=name, place=place, entity="deal", **more))

    if len(cells) < len(header.captions) or any(cell != "" for cell in cells[len(header.captions) :]):
        refuse("Строка пропущена: число ячеек не совпадает с заголовком. Выгрузите список сделок заново.")
        return None
    row: tables.Record = {"file": name, "place": place}
    for column, position in header.positions.items():
        cell = cells[position]
        try:
            row[column] = captions.READERS.get(column, captions.text)(cell)
        except ValueError as error:
            refuse(
                f"Сделка пропущена: {error}. Исправьте поле «{header.captions[position]}» и выгрузите заново.",
                key=str(cells[header.positions["id"]]),
                field=header.captions[position],
                value=cell,
            )
            return None
    if not re.fullmatch(r"[1-9]\d*", row["id"] or ""):
        refuse(
            "Строка пропущена: в столбце ID не номер сделки. Выгрузите список сделок заново.",
            field="ID",
            value=row["id"],
        )
        return None
    _warn_about_zero(header, cells, row, issues)
    row["currency"] = _CURRENCIES.get(captions.folded(row.get("currency") or ""), row.get("currency"))
    used = set(header.positions.values())
    row["fields"] = {
        caption: str(cell)
        for index, (caption, cell) in enumerate(zip(header.captions, cells, strict=False))
        if caption and index not in used and cell != ""
    }
    return row


def _warn_about_zero(
    header: captions.Header, cells: list[Cell], row: tables.Record, issues: list[tables.Record]
) -> None:
    position = header.positions.get("payer_inn")
    if (
        position is not None
        and row["payer_inn"]
        and captions.inn_padded(captions.text(cells[position]) or "")
    ):
        issues.append(
            tables.issue(
                "В ИНН восстановлен ноль, потерянный Excel: контрольная цифра сошлась. Сверьте его с карточкой.",
                severity="warn",
                file=row["file"],
                place=row["place"],
                entity="deal",
                key=row["id"],
                field=header.captions[position],
                value=row["payer_inn"],
            )
        )


def _one_deal(
    same: list[tables.Record], by_product: bool, issues: list[tables.Record]
) -> tables.Record | None:
    """Lines of one ID: product rows are added up, equal lines are one, anything else is a contradiction."""
    first, changing = same[0], {"place", "amount"} if by_product else {"place"}
    plain = [{key: value for key, value in row.items() if key not in changing | {"fields"}} for row in same]
    if any(one != plain[0] for one in plain) or (
        not by_product and any(row["fields"] != first["fields"] for row in same)
    ):
        issues.append(
            tables.issue(
                "Сделка пропущена: её строки в файле противоречат друг другу. Выгрузите список сделок заново.",
                file=first["file"],
                place=first["place"],
                entity="deal",
                key=first["id"],
            )
        )
        return None
    if by_product and first.get("amount") is not None:
        return {**first, "amount": sum((row["amount"] or Decimal(0) for row in same), Decimal(0))}
    return first


# ---- reports of 1C ----

_KINDS = (
    ("refund", r"списание с расч|расходный кассовый|возврат (?:оплат|денеж|дс)|списание безналичн"),
    (
        "payment",
        r"поступление на (?:расч|счет)|поступление безналичн|поступление в кассу|плат[её]жн\w+ (?:поручение|ордер)|"
        r"приходный кассовый|оплата",
    ),
    ("invoice", r"сч[её]т на оплату"),
    ("order", r"заказ (?:покупателя|клиента)"),
    ("return", r"возврат товар"),
    ("act", r"акт |акт$|оказание услуг"),
    ("shipment", r"реализация|расходная накладная|отгрузка"),
    ("closing", r"закрытие заказ"),
)
_NAMED = re.compile(
    r"(?P<kind>.*?)\s*(?:№\s*)?(?P<number>[0-9A-Za-zА-Яа-яЁё\-/]*\d)\s+от\s+(?P<date>\d{1,2}\.\d{1,2}\.\d{4}(?: [\d:]+)?)"
)


def _document(
    row: Mapping[str, Cell], kind: str | None, name: str, place: str, issues: list[tables.Record]
) -> list[tables.Record] | None:
    """[document, party] of one row of a report, or None for a totals row or a refused one."""
    said = str(row.get("document", "")).strip()
    named = _NAMED.match(said)
    if not (named or row.get("number")) or captions.folded(said or row.get("number", "")).startswith(
        ("итого", "всего")
    ):
        return None
    try:
        number = named["number"] if named else captions.text(row["number"])
        on = clean.date(named["date"] if named else row.get("date", ""))
        amount, inn = captions.money(row.get("amount", "")), captions.inn(row.get("inn", ""))
        basis = _NAMED.match(str(row.get("basis", "")))
        found = {
            "kind": _kind(str(row.get("kind", "")) or (named["kind"] if named else ""), kind),
            "number": number,
            "number_1c": number,
            "date": on,
            "date_1c": on,
            "amount": None if amount is None else abs(amount),
            "posted": captions.flag(row.get("posted", "")),
            "basis_number": basis["number"] if basis else captions.text(row.get("basis", "")),
            "organisation": captions.text(row.get("organisation", "")),
            "comment": captions.text(row.get("comment", "")),
            "requisites": {
                word: str(row[key])
                for word, key in (("Договор", "contract"), ("Ключ", "key"))
                if row.get(key)
            },
            "file": name,
            "place": place,
        }
    except ValueError as error:
        issues.append(
            tables.issue(
                f"Строка отчёта пропущена: {error}. Исправьте её и загрузите отчёт ещё раз.",
                file=name,
                place=place,
                entity="document",
                key=said or None,
            )
        )
        return None
    found["id"] = f"{found['kind']}|{number}|{on.year if on else ''}"
    party = captions.text(row.get("party", ""))
    if party is None:
        return [found]
    found["party"] = inn or party
    return [
        found,
        {
            "id": inn or party,
            "document": found["id"],
            "name": party,
            "inn": inn,
            "file": name,
            "place": place,
        },
    ]


def _kind(said: str, default: str | None) -> str:
    words = captions.folded(said)
    return next(
        (kind for kind, form in _KINDS if re.search(form.replace("ё", "е"), words)), default or "other"
    )


# ---- our own books ----


def _hidden(source: Path | bytes, name: str, table: str) -> pd.DataFrame:
    name = name or _name(source)
    sheet = next((page for page in pages(_bytes(source), name) if page.name == f"obmen24 {table}"), None)
    rows = [[str(cell) for cell in row] for row in sheet.rows] if sheet else []
    if len(rows) < 2 or rows[-1][0] != "#":
        raise Rejected(
            f"Файл {name} не прочитан: это не книга obmen24 или её служебный лист удалён.",
            "Возьмите файл из папки archive, как он был сформирован.",
            file=name,
        )
    head, texts, proof = rows[0], [[cell or None for cell in row] for row in rows[1:-1]], rows[-1]
    digest = hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()
    if [str(len(texts)), digest] != proof[1:3] or set(head) - tables.TABLES[table].columns.keys():
        raise Rejected(
            f"Файл {name} не прочитан: служебный лист изменён после того, как книга была сформирована.",
            "Возьмите файл из папки archive, как он был сформирован.",
            file=name,
        )
    readers = [_exact_reader(tables.TABLES[table].columns[column].kind) for column in head]
    return tables.frame(
        table,
        [
            {
                column: None if cell is None else read(cell)
                for column, read, cell in zip(head, readers, row, strict=True)
            }
            for row in texts
        ],
    )


def _exact_reader(kind: str) -> Callable[[str], Any]:
    readers: dict[str, Callable[[str], Any]] = {
        "integer": int,
        "money": Decimal,
        "number": Decimal,
        "date": dt.date.fromisoformat,
        "flag": lambda cell: cell == "1",
    }
    return readers.get(kind, lambda cell: json.loads(cell) if cell.startswith('"') else cell)


# ---- small things ----


def _known(
    defaults: Mapping[str, Sequence[str]], columns: Mapping[str, Sequence[str]] | None
) -> dict[str, tuple[str, ...]]:
    own = columns or {}
    declared = {
        **defaults,
        **{column: own[column] for column in own if column in tables.TABLES["deals"].columns},
    }
    return {column: (*own.get(column, ()), *defaults.get(column, ())) for column in declared}


def _data_rows(header: captions.Header) -> list[tuple[int, list[Cell]]]:
    """(row number as a person counts, cells) of every row below the captions that is not empty."""
    return [
        (number, row)
        for number, row in enumerate(header.page.rows[header.row + 1 :], start=header.row + 2)
        if any(cell != "" for cell in row)
    ]


def _values(header: captions.Header, cells: list[Cell]) -> dict[str, Cell]:
    return {column: cells[position] for column, position in header.positions.items() if position < len(cells)}


def _bytes(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _name(source: Path | bytes) -> str:
    return source.name if isinstance(source, Path) else "файл"
