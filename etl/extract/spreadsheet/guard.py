"""Rows of a spreadsheet file that nobody vouches for, with the kind told by the content.

No library sees a workbook before every ZIP member went through a counter (`archive`), and then in a limited
child. Every refusal is one Russian sentence that says what to do.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from etl.extract.spreadsheet import archive, child, delimited
from etl.extract.spreadsheet.archive import refused

Cell = str | float | int | bool | dt.date | dt.datetime
Source = Path | bytes
FILE_BYTES = 64 << 20
_CHILD_SECONDS = 90


class Page(NamedTuple):
    """One sheet: its name and its rows as cells; an empty cell is ''."""

    name: str
    rows: list[list[Cell]]


def name_of(source: Source, name: str = "") -> str:
    """What the file is called in messages: the given name, else its own."""
    if name:
        return name
    return source.name if isinstance(source, Path) else "файл"


def pages_of(source: Source, name: str) -> list[Page]:
    """`pages` of a file or of its bytes."""
    data = source if isinstance(source, bytes) else source.read_bytes()
    return pages(data, name)


def pages(data: bytes, name: str) -> list[Page]:
    """Sheets of a file of any kind that people send.

    XLSX, HTML called .xls, real .xls, CSV and tab-separated text. Rejected, in one sentence, for anything
    else and for every workbook that is broken, hostile or protected.
    """
    if len(data) > FILE_BYTES:
        raise refused(name, "файл больше 64 МБ", "Разделите выгрузку на части.")
    kind = sniff(data, name)
    if kind == "csv":
        return [Page("CSV", [list(row) for row in delimited.rows(data, name)])]
    if kind == "xlsx":
        archive.check(data, name)
    return _parsed(data, name, "html" if kind == "html" else "xlsx")


def sniff(data: bytes, name: str) -> Literal["xlsx", "xls", "html", "csv"]:
    """What the bytes are, whatever the extension says. Rejected for what is no table."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        raise refused(name, "файл пуст", "Выгрузите его заново.")
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "xls"
    if _is_xml(head):
        raise refused(
            name,
            "это XML, а не таблица",
            "Файлы CommerceML кладите в папку from_1c, сюда нужна выгрузка Excel или CSV.",
        )
    if head.startswith(b"<"):
        return "html"
    if head.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"7z\xbc\xaf")):
        raise refused(name, "это не таблица", "Нужна выгрузка сделок: Excel или CSV.")
    if b"\0" in head and not delimited.is_utf_16(data):
        raise refused(name, "это не текст и не таблица", "Нужна выгрузка сделок: Excel или CSV.")
    return "csv"


def _is_xml(head: bytes) -> bool:
    """XML that is no page with a table: XHTML begins with a declaration, too."""
    lower = head.lower()
    return head.startswith(b"<?xml") and b"<html" not in lower and b"<table" not in lower


# ---- the child ----

#: code of a refusal of the child -> what is wrong, what to do
_CHILD_SAID = {
    "password": ("книга защищена паролем", "Снимите пароль и сохраните её заново."),
    "no table": (
        "в файле нет таблицы",
        "Если выгрузка была пуста, проверьте фильтр списка сделок и выгрузите заново.",
    ),
    "rows": (f"строк больше {child.ROWS}", "Разделите выгрузку на части."),
    "columns": (f"столбцов больше {child.COLUMNS}", "Скопируйте таблицу в новую книгу и сохраните её."),
    "sheets": (f"листов больше {child.SHEETS}", "Оставьте в книге один лист с таблицей."),
    "number": ("в ячейке не число (NaN или слишком большое)", "Исправьте её и сохраните книгу заново."),
}
_BROKEN = ("книга повреждена", "Откройте её в Excel и сохраните заново как .xlsx.")
_TAGS: dict[str, Callable[[str], Cell]] = {"d": dt.date.fromisoformat, "t": dt.datetime.fromisoformat}


def _parsed(data: bytes, name: str, kind: str) -> list[Page]:
    """Sheets as the child tells them."""
    done = _run_child(data, name, kind)
    told = done.stdout.decode("utf-8", "surrogatepass")
    found: list[Page] = []
    for line in told.split("\n")[:-1]:
        item = json.loads(line)
        if isinstance(item, list):
            row = [_cell(value) if type(value) is dict else value for value in item]
            found[-1].rows.append(row)
        elif "error" in item:
            raise refused(name, *_CHILD_SAID.get(item["error"], _BROKEN))
        else:
            found.append(Page(item["sheet"], []))
    if done.returncode or not found:
        raise refused(name, *_BROKEN)
    return found


def _run_child(data: bytes, name: str, kind: str) -> subprocess.CompletedProcess[bytes]:
    """The child with the file on its stdin, run to its end. Rejected when it takes too long."""
    command = [sys.executable, "-I", str(Path(child.__file__)), kind]
    try:
        return subprocess.run(command, input=data, capture_output=True, timeout=_CHILD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise refused(
            name, "книгу не удалось прочитать за отведённое время", "Разделите выгрузку на части."
        ) from None


def _cell(tagged: dict[str, Any]) -> Cell:
    """A value that JSON does not know, by the mark the child put on it."""
    ((mark, text),) = tagged.items()
    read = _TAGS.get(mark, str)
    return read(text)
