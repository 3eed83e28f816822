"""Writers of cells, one per kind of column.

Each puts a value and keeps account of widths, sums and cut texts. They are closures over what a cell needs: a
register of 100,000 rows calls them more than a million times.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from etl.load.spreadsheet.layout import Column, Filled, Kind
from etl.load.spreadsheet.texts import cleaned, one_line, rounded, shortened

#: row, column, a value that is present
CellWriter = Callable[[int, int, Any], None]
_EPOCH = dt.date(1899, 12, 30)
_WIDEST = 250


@dataclass(frozen=True, slots=True)
class Target:
    """A column of a sheet being written: where its cells go and where the account is kept."""

    page: Worksheet
    index: int
    column: Column
    style: Format
    widths: list[int]  # longest text so far, of all columns
    filled: Filled
    one_line: bool  # texts are for a machine: no line breaks


def writer(target: Target) -> CellWriter:
    """The writer of the cells of a column."""
    return _MAKERS[target.column.kind](target)


def _text(target: Target) -> CellWriter:
    """Texts and identifiers; a text that a cell cannot hold is cut, and its place is kept."""
    put, widths, cut = target.page.write_string, target.widths, target.filled.cut
    index, caption, style = target.index, target.column.caption, target.style
    tidy = one_line if target.one_line else cleaned

    def write(row: int, at: int, value: str) -> None:
        text, was_cut = shortened(tidy(value))
        if was_cut:
            cut.append(f"{caption}, строка {row + 1}")
        length = len(text)
        if length > widths[index]:
            widths[index] = min(length, _WIDEST)
        put(row, at, text, style)

    return write


def _money(target: Target) -> CellWriter:
    """Amounts to the kopeck; a totalled column is summed up as it is written."""
    put, widths, sums = target.page.write_number, target.widths, target.filled.sums
    index, style, is_totalled = target.index, target.style, target.column.total
    if is_totalled:
        sums[index] = Decimal(0)

    def write(row: int, at: int, value: Decimal) -> None:
        amount = rounded(value)
        if is_totalled:
            sums[index] += amount
        digits = len(str(amount))
        shown = digits + digits // 3  # a blank between thousands
        widths[index] = max(widths[index], shown)
        put(row, at, amount, style)

    return write


def _integer(target: Target) -> CellWriter:
    """Whole numbers, shown without blanks."""
    put, widths = target.page.write_number, target.widths
    index, style = target.index, target.style

    def write(row: int, at: int, value: int) -> None:
        digits = len(str(value))
        widths[index] = max(widths[index], digits)
        put(row, at, value, style)

    return write


def _date(target: Target) -> CellWriter:
    """Dates as Excel keeps them: days since its epoch; all are of one width."""
    put, style = target.page.write_number, target.style
    target.widths[target.index] = len("дд.мм.гггг")

    def write(row: int, at: int, value: dt.date) -> None:
        days = (value - _EPOCH).days
        put(row, at, days, style)

    return write


_MAKERS: dict[Kind, Callable[[Target], CellWriter]] = {
    "text": _text,
    "id": _text,
    "money": _money,
    "integer": _integer,
    "date": _date,
}
