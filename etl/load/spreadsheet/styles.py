"""How cells look: an accountant's printed sheet (onec §2.3), and the plain one that 1C reads (onec §2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook

from etl.load.spreadsheet.layout import Kind, Sheet

Look = dict[str, Any]

_FONT: Look = {"font_name": "Arial", "font_size": 9, "valign": "top"}
_LINE: Look = {"border": 1, "border_color": "#A6A6A6"}
#: `quote_prefix`: a text can never become a formula; `@`: an identifier keeps its zeros (onec §2.1)
_KINDS: dict[Kind, Look] = {
    "text": {"quote_prefix": True},
    "id": {"num_format": "@", "quote_prefix": True},
    "money": {"num_format": "#,##0.00"},
    "integer": {"num_format": "0", "align": "center"},
    "date": {"num_format": "dd.mm.yyyy", "align": "center"},
}
#: 1C reads a cell as it is displayed, and groups of digits are no number (onec §0.2)
_PLAIN_MONEY: Look = {"num_format": "0.00"}
_WRAPPED: dict[Kind, Look] = {
    "text": {"text_wrap": True, "align": "left", "indent": 1},
    "id": {"text_wrap": True, "align": "center"},
}
_HEAD: Look = {"text_wrap": True, "bg_color": "#E7ECF3", "align": "center", "valign": "vcenter"}
_SHADED: Look = _FONT | _LINE | {"bold": True, "bg_color": "#F3F3F3"}
_BAND: Look = _SHADED | {"quote_prefix": True}
_SUM: Look = _SHADED | _KINDS["money"]
_NOTE: Look = _FONT | {"quote_prefix": True}
_TITLE: Look = _FONT | {"bold": True, "font_size": 13, "valign": "vcenter", "quote_prefix": True}


@dataclass(frozen=True, slots=True)
class Styles:
    """The formats of one sheet: cells by column, captions, title, lines of text, subheadings, sums."""

    cells: list[Format]
    head: Format
    title: Format
    note: Format
    band: Format
    sum: Format


def styles(book: Workbook, sheet: Sheet) -> Styles:
    """Add the formats of a sheet to its book. Their order is that of the file: it must not change."""
    cells = []
    for column in sheet.columns:
        look = _cell(column.kind, sheet.plain)
        cells.append(book.add_format(look))
    return Styles(
        cells,
        head=book.add_format(_head(sheet.plain)),
        title=book.add_format(_TITLE),
        note=book.add_format(_NOTE),
        band=book.add_format(_BAND),
        sum=book.add_format(_SUM),
    )


def _cell(kind: Kind, plain: bool) -> Look:
    """A cell of data: framed for people, for 1C without frame, wrapping and blanks between thousands."""
    if not plain:
        return _FONT | _LINE | _KINDS[kind] | _WRAPPED.get(kind, {})
    if kind == "money":
        return _FONT | _KINDS[kind] | _PLAIN_MONEY
    return _FONT | _KINDS[kind]


def _head(plain: bool) -> Look:
    """A caption: bold; for people also framed and shaded."""
    bold: Look = _FONT | {"bold": True}
    return bold if plain else bold | _LINE | _HEAD
