"""What 1C sees in a spreadsheet: the *displayed text* of cells (onec §2.1), or the fields of a .txt twin.

Number format and column width are data: a narrow column reads as `########`, a hidden one as nothing, an
uncalculated formula as its cached value, all sheets of a book one under another (onec, facts 1-3).
"""

from __future__ import annotations

import datetime as dt
import re
from collections import deque
from collections.abc import Iterator
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
    """Rows of displayed texts, all sheets one under another.

    Raises Refusal for a kind of file that is not read.
    """
    kind = path.suffix.lower()
    if kind == ".txt":
        return _tabbed(path)
    if kind != ".xlsx":
        raise Refusal(f"файл «{path.name}»: такой вид файла не читается")
    book = openpyxl.load_workbook(path, data_only=True)
    rows = []
    for sheet in book.worksheets:
        rows += _sheet(sheet)
    return rows


def _tabbed(path: Path) -> list[list[str]]:
    """The .txt twin of a spreadsheet."""
    try:
        text = path.read_bytes().decode("cp1251")
    except UnicodeDecodeError:
        raise Refusal(f"файл «{path.name}»: не в кодировке Windows-1251") from None
    return [line.split("\t") for line in text.split("\r\n") if line]


def _sheet(sheet: Worksheet) -> list[list[str]]:
    """Hidden rows and columns are read as nothing."""
    hidden = {letter for letter, column in sheet.column_dimensions.items() if column.hidden}
    rows = []
    for number, cells in enumerate(sheet.iter_rows(), 1):
        gone = sheet.row_dimensions[number].hidden
        row = []
        for place, cell in enumerate(cells, 1):
            unseen = gone or get_column_letter(place) in hidden
            row.append("" if unseen else shown(cell, _width(sheet, place)))
        rows.append(row)
    return rows


def _width(sheet: Worksheet, place: int) -> float:
    """Width of a column in characters; a range of equal columns is stored under its first letter."""
    for column in sheet.column_dimensions.values():
        if column.min and column.max and column.min <= place <= column.max:
            return float(column.width or _DEFAULT_WIDTH)
    return _DEFAULT_WIDTH


def shown(cell: Cell | Any, width: float) -> str:
    """Text of one cell as a Russian Excel paints it in a column `width` characters wide (onec §2.1)."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "ИСТИНА" if value else "ЛОЖЬ"
    if isinstance(value, str):
        return value
    if isinstance(value, dt.date):
        text = _date(value, cell.number_format)
    else:
        text = _number(Decimal(repr(value)), cell.number_format)
    return text if len(text) <= width else "#" * max(int(width), 1)


def _date(value: dt.date, pattern: str) -> str:
    """A date by its format."""
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
    first, _, _ = pattern.partition(";")
    unquoted = first.replace("\\", "").replace('"', "")
    return _DATE_PARTS.sub(lambda found: parts[found.group().lower()], unquoted)


def _number(value: Decimal, pattern: str) -> str:
    """A number by the first part of its format; colours and locales in brackets are passed over."""
    if pattern in ("General", "@"):
        return f"{value:f}".replace(".", ",")
    first, _, _ = pattern.partition(";")
    whole, _, fraction = re.sub(r"\[[^\]]*\]", "", first).partition(".")
    places = fraction.count("0") + fraction.count("#")
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    digits, _, decimals = f"{abs(rounded):f}".partition(".")
    sign = "-" if rounded < 0 else ""
    tail = f",{decimals}" if places else ""
    return f"{sign}{_placed(digits, whole)}{tail}{_literal(fraction)}"


def _placed(digits: str, pattern: str) -> str:
    """Digits poured into the placeholders from the right; what has no placeholder stands in front."""
    padded = digits.rjust(pattern.count("0"), "0")
    left = deque(_from_the_right(padded, _groups(pattern)))
    text = ""
    for char in reversed(pattern):
        if char in "0#":
            text = (left.popleft() if left else "") + text
        elif char not in ',"\\':
            text = char + text
    return "".join(reversed(left)) + text


def _groups(pattern: str) -> bool:
    """Whether a comma between placeholders asks for groups of three."""
    return "," in pattern.strip("#0 ,") or bool(re.search(r"[0#],[0#]", pattern))


def _from_the_right(digits: str, grouped: bool) -> Iterator[str]:
    """The digits, the last one first; a no-break space stands behind every third."""
    for place, digit in enumerate(reversed(digits)):
        ends_group = grouped and place > 0 and place % 3 == 0
        yield digit + NBSP if ends_group else digit


def _literal(fraction: str) -> str:
    """What of the format stands behind the digits as it is."""
    return re.sub(r'[0#"\\]', "", fraction)
