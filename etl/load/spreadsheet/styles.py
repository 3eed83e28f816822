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
_BAND: Look = {"bold": True, "bg_color": "#F3F3F3"}
_TITLE: Look = {"bold": True, "font_size": 13, "valign": "vcenter", "quote_prefix": True}


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
    return Styles(
        cells=[book.add_format(_cell(column.kind, sheet.plain)) for column in sheet.columns],
        head=book.add_format(_head(sheet.plain)),
        title=book.add_format(_FONT | _TITLE),
        note=book.add_format(_FONT | {"quote_prefix": True}),
        band=book.add_format(_FONT | _LINE | _BAND | {"quote_prefix": True}),
        sum=book.add_format(_FONT | _LINE | _BAND | _KINDS["money"]),
    )


def _cell(kind: Kind, plain: bool) -> Look:
    if not plain:
        return _FONT | _LINE | _KINDS[kind] | _WRAPPED.get(kind, {})
    if kind == "money":
        return _FONT | _KINDS[kind] | _PLAIN_MONEY
    return _FONT | _KINDS[kind]


def _head(plain: bool) -> Look:
    bold: Look = {"bold": True}
    return _FONT | bold if plain else _FONT | bold | _LINE | _HEAD
