"""What 1C sees in a spreadsheet: the *displayed text* of cells in a Russian Excel (onec §2.1), or the fields of a .txt twin.

Number format and column width are data: a narrow column reads as `########`, a hidden one as nothing, an uncalculated
formula as its cached value, all sheets of a book one under another (onec, facts 1-3).
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.cell.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from etl.sandbox.onec.xml import Refusal

NBSP = "\u00a0"
_DEFAULT_WIDTH = 8.43
_DATE_PARTS = re.compile(r"yyyy|yy|mm|dd|d|hh|h|ss", re.IGNORECASE)


def displayed(path: Path) -> list[list[str]]:
    """Rows of displayed texts. Raises Refusal for a kind of file the reader does not take."""
    if path.suffix.lower() == ".txt":
        return _tabbed(path)
    if path.suffix.lower() != ".xlsx":
        raise Refusal(f"файл «{path.name}»: такой вид файла не читается")
    book = openpyxl.load_workbook(path, data_only=True)
    return [row for sheet in book.worksheets for row in _sheet(sheet)]


def _tabbed(path: Path) -> list[list[str]]:
    try:
        return [line.split("\t") for line in path.read_bytes().decode("cp1251").split("\r\n") if line]
    except UnicodeDecodeError:
        raise Refusal(f"файл «{path.name}»: не в кодировке Windows-1251") from None


def _sheet(sheet: Worksheet) -> list[list[str]]:
    hidden = {letter for letter, column in sheet.column_dimensions.items() if column.hidden}
    rows = []
    for number, row in enumerate(sheet.iter_rows(), 1):
        gone = sheet.row_dimensions[number].hidden
        rows.append(
            [
                "" if gone or get_column_letter(place) in hidden else shown(cell, _width(sheet, place))
                for place, cell in enumerate(row, 1)
            ]
        )
    return rows


def _width(sheet: Worksheet, place: int) -> float:
    for column in sheet.column_dimensions.values():
        # a range of equal columns is stored under its first letter
        if column.min and column.max and column.min <= place <= column.max:
            return float(column.width or _DEFAULT_WIDTH)
    return _DEFAULT_WIDTH


def shown(cell: Cell | Any, width: float) -> str:
    """Text of one cell as a Russian Excel paints it in a column `width` characters wide."""
    value, pattern = cell.value, cell.number_format
    if value is None:
        return ""
    if isinstance(value, bool):
        return "ИСТИНА" if value else "ЛОЖЬ"
    if isinstance(value, str):
        return value
    text = _date(value, pattern) if isinstance(value, dt.date) else _number(Decimal(repr(value)), pattern)
    return text if len(text) <= width else "#" * max(int(width), 1)


def _date(value: dt.date, pattern: str) -> str:
    moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
    if pattern in ("General", "mm-dd-yy"):
        # built-in format 14 follows the locale of Windows
        pattern = "dd.mm.yyyy"
    parts = {
        "yyyy": f"{moment:%Y}",
        "yy": f"{moment:%y}",
        "mm": f"{moment:%m}",
        "dd": f"{moment:%d}",
        "d": str(moment.day),
        "hh": f"{moment:%H}",
        "h": str(moment.hour),
        "ss": f"{moment:%S}",
    }
    return _DATE_PARTS.sub(
        lambda found: parts[found.group().lower()], pattern.split(";")[0].replace("\\", "").replace('"', "")
    )


def _number(value: Decimal, pattern: str) -> str:
    if pattern in ("General", "@"):
        return f"{value:f}".replace(".", ",")
    pattern = re.sub(r"\[[^\]]*\]", "", pattern.split(";")[0])
    whole, _, fraction = pattern.partition(".")
    places = sum(char in "0#" for char in fraction)
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    digits, _, decimals = f"{abs(rounded):f}".partition(".")
    body = _placed(digits, whole)
    tail = re.sub(r"[^0-9]", "", decimals)
    return f"{'-' if rounded < 0 else ''}{body}{',' + tail if places else ''}{_literal(fraction)}"


def _placed(digits: str, pattern: str) -> str:
    """Digits poured into the placeholders from the right; a comma between placeholders groups by three."""
    grouped = "," in pattern.strip("#0 ,") or bool(re.search(r"[0#],[0#]", pattern))
    digits = digits.rjust(pattern.count("0"), "0")
    shown_digits, taken, left = "", 0, list(digits)
    for char in reversed(pattern):
        if char in "0#":
            if left:
                shown_digits = _one(left, taken, grouped) + shown_digits
                taken += 1
        elif char == " " and left:
            shown_digits = " " + shown_digits
        elif char not in ',"\\':
            shown_digits = char + shown_digits
    while left:
        shown_digits = _one(left, taken, grouped) + shown_digits
        taken += 1
    return shown_digits


def _one(left: list[str], taken: int, grouped: bool) -> str:
    return left.pop() + (NBSP if grouped and taken and taken % 3 == 0 else "")


def _literal(fraction: str) -> str:
    return re.sub(r'[0#"\\]', "", fraction)
