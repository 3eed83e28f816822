"""Workbooks of the accountant: registers for people, import files for 1C.

A register is never loadable and an import file holds nothing but captions and rows: 1C reads the displayed text of every
cell of every sheet (reference onec §2.1). Each register and act book carries a hidden sheet with the exact table, so a
lost state can be restored from the archive. Money in tables is Decimal roubles; totals are sums of written cells.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from etl import tables
from etl.load.spreadsheet import columns, save
from etl.load.spreadsheet.book import Block, Column, Sheet
from etl.load.spreadsheet.columns import Field, ImportKind, Row
from etl.load.spreadsheet.texts import harmless, money_shown, one_line, rounded, shown
from etl.values import clean

HIDDEN = "obmen24 {table}"


@dataclass(frozen=True, slots=True)
class Meta:
    """Heading of a book for people: whose it is, what month (`YYYY-MM`), from where, which version, when it was formed."""

    organisation: str
    period: str
    portal: str
    formed_at: dt.datetime
    version: int = 1
    inn: str | None = None
    kpp: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What was published. `path` differs from the asked one when that file was open; None for a stream."""

    path: Path | None
    sha256: str
    rows: dict[str, int] = field(default_factory=dict)
    totals: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    issues: pd.DataFrame = field(default_factory=lambda: tables.frame("issues"))


def write_register(
    target: Path | BinaryIO,
    *,
    charges: pd.DataFrame,
    meta: Meta,
    exceptions: pd.DataFrame | None = None,
    terminated: pd.DataFrame | None = None,
    comparison: Sequence[Row] = (),
    payments: pd.DataFrame | None = None,
) -> Written:
    """The monthly register: «Реестр», «Не вошли», «Расторгнутые», «Сверка» and, when given, «Оплаты».

    `charges` and `terminated` are tables of `charges`, `exceptions` of `exceptions`, `payments` of `payments`;
    `comparison` are the records of `transform.billing.compare`. `extract.spreadsheet.read_register` reads it back.
    Rejected when the written file does not read back to the kopeck.
    """
    sheets = [
        _people(
            "Реестр",
            columns.REGISTER,
            tables.each(charges),
            below=_signed,
            empty="Начислений нет.",
            above=[*_heading("Реестр начислений абонентской платы", meta, charges), *_services(charges)],
        ),
        _people(
            "Не вошли",
            columns.EXCEPTIONS,
            _rows(exceptions),
            above=["Сделки, которые не начислены, и почему"],
            empty="Все сделки начислены.",
        ),
        _people(
            "Расторгнутые",
            columns.TERMINATED,
            _rows(terminated),
            above=["Договоры, расторгнутые после начисления"],
            empty="Расторгнутых договоров нет.",
        ),
        _comparison_sheet(comparison),
    ]
    if payments is not None:
        sheets.append(
            _people(
                "Оплаты",
                columns.PAYMENTS,
                tables.each(payments),
                above=["Поступившие оплаты"],
                empty="Оплат нет.",
            )
        )
    return _save(target, [*sheets, _hidden("charges", charges)])


def write_acts(target: Path | BinaryIO, *, accruals: pd.DataFrame, meta: Meta) -> Written:
    """Accruals for people, one block with a subtotal per manager, and the hidden sheet for `read_acts`."""
    rows = tables.records(accruals)
    managers = sorted({(row["manager_name"] or "", row["manager"] or "") for row in rows})
    blocks = [
        Block(
            _cells(
                columns.ACTS,
                [row for row in rows if (row["manager_name"] or "", row["manager"] or "") == one],
            ),
            title=one[0] or one[1] or "Ответственный не указан",
        )
        for one in managers
    ]
    sheet = Sheet(
        "Акты",
        [column for column, _ in columns.ACTS],
        blocks,
        above=_heading("Начисление вознаграждения менеджерам", meta, accruals),
        below=_signed,
        empty="Начислений нет.",
    )
    return _save(target, [sheet, _hidden("accruals", accruals)])


def write_reconciliation(
    target: Path | BinaryIO,
    *,
    summary: pd.DataFrame,
    documents: pd.DataFrame,
    contracts: pd.DataFrame,
    parties: pd.DataFrame,
    meta: Meta,
) -> Written:
    """The reconciliation workbook: «Итоги», «Документы», «Договоры», «Плательщики» of `transform.reconcile.Result`."""
    title = f"Сверка за {clean.month_name(meta.period)}: портал, реестр, 1С, банк"
    where = f"{meta.organisation}. Портал {meta.portal}. Сформировано {meta.formed_at:%d.%m.%Y %H:%M}."
    levels = (("Документы", documents), ("Договоры", contracts), ("Плательщики", parties))
    sheets = [_people("Итоги", columns.SUMMARY, tables.each(summary), above=[title, where])]
    sheets += [
        _people(
            name, columns.DIFFERENCES, tables.each(level), above=[f"{title}. {name}"], empty="Сверять нечего."
        )
        for name, level in levels
    ]
    return _save(target, sheets)


def write_import(target: Path | BinaryIO, frame: pd.DataFrame, kind: ImportKind) -> Written:
    """The file 1C loads: one sheet, captions in row 1, no formula, no total (onec §2.1).

    `frame` is a table of `charges`, `accruals` or `payments`. One organisation per file, else ValueError.
    """
    rows, fields = _importable(frame), columns.IMPORTS[kind]
    return _save(
        target,
        [
            Sheet(
                columns.IMPORT_SHEETS[kind],
                [column for column, _ in fields],
                [Block(_cells(fields, rows))],
                plain=True,
            )
        ],
    )


def write_import_txt(target: Path | BinaryIO, frame: pd.DataFrame, kind: ImportKind) -> Written:
    """The same rows for УТ 10.3, which reads no XLSX: tab-separated cp1251, CRLF, texts as the sheet displays them.

    Characters outside cp1251 become «?» and texts that look like a formula get an apostrophe; both are issues (warn).
    """
    fields = columns.IMPORTS[kind]
    issues: list[tables.Record] = []
    lines = []
    for number, row in enumerate(_importable(frame), start=2):
        texts = [_twin(column, get(row), number, issues) for column, get in fields]
        lines.append("\t".join(texts))
    text = "\r\n".join(["\t".join(column.caption for column, _ in fields), *lines, ""])
    path, digest = save.save_bytes(target, text.encode("cp1251"))
    return Written(
        path, digest, {columns.IMPORT_SHEETS[kind]: len(lines)}, issues=tables.frame("issues", issues)
    )


def import_captions(kind: ImportKind) -> list[str]:
    """Captions of the import file, in order. They are part of the contract: 1C keeps the accountant's mapping by them."""
    return [column.caption for column, _ in columns.IMPORTS[kind]]


def _save(target: Path | BinaryIO, sheets: Sequence[Sheet]) -> Written:
    path, filled, digest = save.save(target, sheets)
    visible = [one for one in filled if not one.title.startswith("obmen24")]
    cut = [
        tables.issue(
            "Текст длиннее 32 767 знаков: Excel столько не хранит, в книге он обрезан. Сократите его в источнике.",
            severity="warn",
            file=path.name if path else None,
            place=f"{one.title}: {place}",
        )
        for one in visible
        for place in one.cut
    ]
    return Written(
        path,
        digest,
        {one.title: one.rows for one in visible},
        {one.title: one.totals for one in visible},
        tables.frame("issues", cut),
    )


def _rows(frame: pd.DataFrame | None) -> Iterable[Row]:
    return [] if frame is None else tables.each(frame)


def _cells(fields: Sequence[Field], rows: Iterable[Row]) -> Iterator[list[Any]]:
    getters = [get for _, get in fields]
    return ([get(row) for get in getters] for row in rows)


def _people(title: str, fields: Sequence[Field], rows: Iterable[Row], **more: Any) -> Sheet:
    cells = ([number, *values] for number, values in enumerate(_cells(fields, rows), start=1))
    return Sheet(title, [Column("№", "integer"), *(column for column, _ in fields)], [Block(cells)], **more)


def _heading(title: str, meta: Meta, rows: pd.DataFrame) -> list[str]:
    codes = ", ".join(f"{name} {value}" for name, value in (("ИНН", meta.inn), ("КПП", meta.kpp)) if value)
    total = sum(map(rounded, rows["amount"]), Decimal(0))
    return [
        f"{title} за {clean.month_name(meta.period)}",
        meta.organisation + (f" ({codes})" if codes else ""),
        f"Портал {meta.portal}. Версия {meta.version}. Сформирован {meta.formed_at:%d.%m.%Y %H:%M}. "
        "Документ для чтения, в 1С не загружается.",
        f"Контрольные итоги: строк {len(rows)}, всего {money_shown(total)} руб.",
    ]


def _services(rows: pd.DataFrame) -> list[str]:
    return [f"Услуга: {service}" for service in sorted({service for service in rows["service"] if service})]


def _signed(totals: dict[str, Decimal], rows: int) -> list[str]:
    total = next((totals[name] for name in ("Всего к оплате", "К начислению") if name in totals), Decimal(0))
    return [
        f"Всего строк: {rows}, на сумму {money_shown(total)} руб.",
        clean.in_words(total),
        "",
        "Составил ____________________ / ____________________",
        "",
        "Проверил ____________________ / ____________________",
    ]


def _comparison_sheet(rows: Sequence[Row]) -> Sheet:
    counts = {
        side: (
            sum(row[side] is not None for row in rows),
            sum((row[side] or Decimal(0) for row in rows), Decimal(0)),
        )
        for side in ("before", "after")
    }
    said = {
        side: f"начислений {count}, на сумму {money_shown(total)} руб."
        for side, (count, total) in counts.items()
    }
    return _people(
        "Сверка",
        columns.COMPARISON,
        [row for row in rows if row["change"] != "same"],
        above=[
            "Что изменилось против прошлого месяца",
            f"Прошлый месяц: {said['before']}",
            f"Этот месяц: {said['after']}",
        ],
        empty="Изменений нет.",
    )


def _hidden(table: str, frame: pd.DataFrame) -> Sheet:
    """The exact table as text cells, with a last row that proves it is whole: «#», number of rows, sha256 of the texts."""
    names = list(tables.TABLES[table].columns)
    return Sheet(
        HIDDEN.format(table=table),
        [Column(name, "id") for name in names],
        [Block(_proven(names, frame))],
        plain=True,
        hidden=True,
    )


def _proven(names: Sequence[str], frame: pd.DataFrame) -> Iterator[list[str | None]]:
    digest = hashlib.sha256(b"[")  # of the JSON of all rows, row by row
    for number, row in enumerate(tables.each(frame)):
        texts = [_exact(row[name]) for name in names]
        digest.update((", " * bool(number) + json.dumps(texts, ensure_ascii=False)).encode())
        yield texts
    digest.update(b"]")
    yield ["#", str(len(frame)), digest.hexdigest()] + [None] * (len(names) - 3)


def _exact(value: Any) -> str | None:
    """A value as text that reads back exactly; a text that a cell or an office suite could change is quoted as JSON."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dt.date):
        return value.isoformat()
    text = str(value)
    safe = text and not text.startswith('"') and one_line(text) == text and "_x" not in text
    return text if safe or not isinstance(value, str) else json.dumps(text).replace("_x", "\\u005fx")


def _importable(frame: pd.DataFrame) -> list[Row]:
    rows = tables.records(frame)
    organisations = {row.get("organisation") for row in rows}
    if len(organisations) > 1:
        raise ValueError(f"один файл импорта = одна организация, а здесь {len(organisations)}")
    return rows


def _twin(column: Column, value: Any, line: int, issues: list[tables.Record]) -> str:
    text = shown(value)
    safe = harmless(text) if column.kind in ("text", "id") else text
    known = safe.encode("cp1251", "replace").decode("cp1251")
    if known != text:
        issues.append(
            tables.issue(
                "Текст изменён в файле .txt: в нём знаки, которых нет в кодировке Windows, или он похож на формулу. "
                "Сверьте строку с файлом .xlsx.",
                severity="warn",
                place=f"строка {line}",
                field=column.caption,
                value=text,
            )
        )
    return known
