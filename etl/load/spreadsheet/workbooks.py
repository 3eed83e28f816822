"""Workbooks of the accountant for people: the monthly register, acts, the reconciliation.

None is ever loadable: 1C reads the displayed text of every cell of every sheet (onec §2.1), what it loads
are the files of `imports`. Each register and act book carries a hidden sheet with the exact table. Money in
tables is Decimal roubles; totals are sums of written cells.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd

from etl import tables
from etl.load.spreadsheet import columns, save
from etl.load.spreadsheet.columns import Field, Row
from etl.load.spreadsheet.hidden import hidden, is_hidden
from etl.load.spreadsheet.layout import Block, Column, Filled, Sheet
from etl.load.spreadsheet.texts import money_shown, rounded
from etl.records import Accrual
from etl.values import clean

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Meta:
    """Heading of a book for people: whose it is, of what month (`YYYY-MM`), of which portal and version."""

    organisation: str
    period: str
    portal: str
    formed_at: dt.datetime
    version: int = 1
    inn: str | None = None
    kpp: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What was published. `path` differs from the asked one when that file was open; None for a stream.

    `rows` and `totals` (by caption, roubles) are told for each sheet that people see.
    """

    path: Path | None
    sha256: str
    rows: dict[str, int] = field(default_factory=dict)
    totals: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    issues: pd.DataFrame = field(default_factory=lambda: tables.frame("issues"))


# ---- the register ----


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
    """The monthly register (onec §2.3): «Реестр», «Не вошли», «Расторгнутые», «Сверка», where given «Оплаты».

    `charges` and `terminated` are tables of `charges`, `exceptions` of `exceptions`, `payments` of
    `payments`; `comparison` are the records of `transform.contracts.billing.compare`.
    `extract.spreadsheet.exact` reads it back. Rejected when the written file does not read back to the
    kopeck.
    """
    sheets = [
        _charges(charges, meta),
        _exceptions(exceptions),
        _terminated(terminated),
        _comparison(comparison),
    ]
    if payments is not None:
        sheets.append(_payments(payments))
    return publish(target, [*sheets, hidden("charges", charges)])


def _charges(charges: pd.DataFrame, meta: Meta) -> Sheet:
    above = _heading("Реестр начислений абонентской платы", meta, charges)
    services = {service for service in charges["service"] if service}
    for service in sorted(services):
        above.append(f"Услуга: {service}")
    return _table(
        "Реестр",
        columns.REGISTER,
        tables.each(charges),
        above=above,
        below=_signed,
        empty="Начислений нет.",
    )


def _exceptions(exceptions: pd.DataFrame | None) -> Sheet:
    return _table(
        "Не вошли",
        columns.EXCEPTIONS,
        _each(exceptions),
        above=["Сделки, которые не начислены, и почему"],
        empty="Все сделки начислены.",
    )


def _terminated(terminated: pd.DataFrame | None) -> Sheet:
    """Specification 000: the accountant is told of a termination after the last charge, on its own list."""
    return _table(
        "Расторгнутые",
        columns.TERMINATED,
        _each(terminated),
        above=["Договоры, расторгнутые после начисления"],
        empty="Расторгнутых договоров нет.",
    )


def _comparison(rows: Sequence[Row]) -> Sheet:
    """What changed since the last month; both months are summed up over all rows, the unchanged ones, too."""
    return _table(
        "Сверка",
        columns.COMPARISON,
        [row for row in rows if row["change"] != "same"],
        above=[
            "Что изменилось против прошлого месяца",
            f"Прошлый месяц: {_summed_up(rows, 'before')}",
            f"Этот месяц: {_summed_up(rows, 'after')}",
        ],
        empty="Изменений нет.",
    )


def _summed_up(rows: Sequence[Row], month: str) -> str:
    """Number and sum of the charges of a month; who was not charged in it has no amount."""
    amounts = [row[month] for row in rows if row[month] is not None]
    total = sum(amounts, _ZERO)
    return f"начислений {len(amounts)}, на сумму {money_shown(total)} руб."


def _payments(payments: pd.DataFrame) -> Sheet:
    return _table(
        "Оплаты",
        columns.PAYMENTS,
        tables.each(payments),
        above=["Поступившие оплаты"],
        empty="Оплат нет.",
    )


# ---- acts ----


def write_acts(target: Path | BinaryIO, *, accruals: pd.DataFrame, meta: Meta) -> Written:
    """Accruals for people, a block with a subtotal per manager, and the hidden sheet to read them back."""
    by_manager: dict[tuple[str, str], list[Accrual]] = {}
    for row in tables.each(accruals, Accrual):
        manager = (row["manager_name"] or "", row["manager"] or "")
        by_manager.setdefault(manager, []).append(row)
    blocks = []
    for manager in sorted(by_manager):
        rows = by_manager[manager]
        blocks.append(_manager_block(manager, rows))
    sheet = Sheet(
        "Акты",
        [column for column, _ in columns.ACTS],
        blocks,
        above=_heading("Начисление вознаграждения менеджерам", meta, accruals),
        below=_signed,
        empty="Начислений нет.",
    )
    return publish(target, [sheet, hidden("accruals", accruals)])


def _manager_block(manager: tuple[str, str], rows: Iterable[Accrual]) -> Block:
    """The accruals of a manager under his name, else under his number on the portal."""
    name, identifier = manager
    title = name or identifier or "Ответственный не указан"
    return Block(cells(columns.ACTS, rows), title)


# ---- the reconciliation ----


def write_reconciliation(
    target: Path | BinaryIO,
    *,
    summary: pd.DataFrame,
    documents: pd.DataFrame,
    contracts: pd.DataFrame,
    parties: pd.DataFrame,
    meta: Meta,
) -> Written:
    """The reconciliation workbook: «Итоги», «Документы», «Договоры», «Плательщики».

    The frames are those of `transform.money.reconcile.Result`.
    """
    title = f"Сверка за {clean.month_name(meta.period)}: портал, реестр, 1С, банк"
    where = f"{meta.organisation}. Портал {meta.portal}. Сформировано {meta.formed_at:%d.%m.%Y %H:%M}."
    sheets = [_table("Итоги", columns.SUMMARY, tables.each(summary), above=[title, where])]
    levels = {"Документы": documents, "Договоры": contracts, "Плательщики": parties}
    for name, level in levels.items():
        sheet = _table(
            name,
            columns.DIFFERENCES,
            tables.each(level),
            above=[f"{title}. {name}"],
            empty="Сверять нечего.",
        )
        sheets.append(sheet)
    return publish(target, sheets)


# ---- what all books share ----


def publish(target: Path | BinaryIO, sheets: Sequence[Sheet]) -> Written:
    """Save a book; what was published, with an issue for each text that a cell could not hold whole."""
    saved = save.save(target, sheets)
    visible = [sheet for sheet in saved.filled if not is_hidden(sheet.title)]
    issues = _cut_texts(visible, saved.path)
    return Written(
        saved.path,
        saved.sha256,
        rows={sheet.title: sheet.rows for sheet in visible},
        totals={sheet.title: sheet.totals for sheet in visible},
        issues=tables.frame("issues", issues),
    )


def _cut_texts(sheets: Iterable[Filled], path: Path | None) -> Iterator[tables.Record]:
    """An issue for each text that was cut, with its sheet, column and row."""
    for sheet in sheets:
        for place in sheet.cut:
            yield tables.issue(
                "Текст длиннее 32 767 знаков: Excel столько не хранит, в книге он обрезан. "
                "Сократите его в источнике.",
                severity="warn",
                file=path.name if path else None,
                place=f"{sheet.title}: {place}",
            )


def cells(fields: Sequence[Field], rows: Iterable[Any]) -> Iterator[list[Any]]:
    """The values of each record in the order of the columns."""
    getters = [get for _, get in fields]
    for row in rows:
        yield [get(row) for get in getters]


def _table(title: str, fields: Sequence[Field], rows: Iterable[Row], **more: Any) -> Sheet:
    """A sheet of numbered rows; `more`: what stands above and below, what is said of an empty one."""
    shown = [Column("№", "integer")]
    shown += [column for column, _ in fields]
    values = cells(fields, rows)
    return Sheet(title, shown, [Block(_numbered(values))], **more)


def _numbered(rows: Iterable[list[Any]]) -> Iterator[list[Any]]:
    """Rows with their number, from 1, in front."""
    for number, values in enumerate(rows, start=1):
        yield [number, *values]


def _each(frame: pd.DataFrame | None) -> Iterable[Row]:
    """The rows of a table that need not be given."""
    if frame is None:
        return []
    return tables.each(frame)


def _heading(title: str, meta: Meta, rows: pd.DataFrame) -> list[str]:
    """Whose book, of what month, and the control totals for which an accountant trusts it (onec §2.3)."""
    total = sum(map(rounded, rows["amount"]), _ZERO)
    return [
        f"{title} за {clean.month_name(meta.period)}",
        _whose(meta),
        f"Портал {meta.portal}. Версия {meta.version}. Сформирован {meta.formed_at:%d.%m.%Y %H:%M}. "
        "Документ для чтения, в 1С не загружается.",
        f"Контрольные итоги: строк {len(rows)}, всего {money_shown(total)} руб.",
    ]


def _whose(meta: Meta) -> str:
    """The organisation with the codes that are known of it."""
    codes = []
    if meta.inn:
        codes.append(f"ИНН {meta.inn}")
    if meta.kpp:
        codes.append(f"КПП {meta.kpp}")
    if not codes:
        return meta.organisation
    return f"{meta.organisation} ({', '.join(codes)})"


def _signed(totals: dict[str, Decimal], rows: int) -> list[str]:
    """Number and sum, also in words, and who signs. The register and the acts name their sum differently."""
    total = totals.get("Всего к оплате", totals.get("К начислению", _ZERO))
    return [
        f"Всего строк: {rows}, на сумму {money_shown(total)} руб.",
        clean.in_words(total),
        "",
        "Составил ____________________ / ____________________",
        "",
        "Проверил ____________________ / ____________________",
    ]
