"""Rows of a text table: CSV of the portal and of Excel (cp1251, `;`), «Текст Юникод» (UTF-16, tabs)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from etl.extract.spreadsheet import child
from etl.extract.spreadsheet.archive import refused

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def rows(data: bytes, name: str) -> list[list[str]]:
    """The rows as texts. Rejected for broken quotes and for what is larger than a workbook may be."""
    text = decoded(data)
    head = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(";\t,", key=head.count)
    csv.field_size_limit(child.TEXT)
    try:
        found = list(_rows(text, delimiter, name))
    except csv.Error:
        raise refused(
            name,
            "таблица CSV повреждена: кавычки не сходятся или ячейка длиннее 40 000 знаков",
            "Выгрузите файл заново.",
        ) from None
    return _without_tail(found)


def is_utf_16(data: bytes) -> bool:
    """Whether a text begins with the mark of UTF-16."""
    return data.startswith(_UTF_16)


def decoded(data: bytes) -> str:
    """The text of a file by its mark, else UTF-8, else cp1251."""
    if is_utf_16(data):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1251", "replace")


def _rows(text: str, delimiter: str, name: str) -> Iterator[list[str]]:
    """The rows of a text, no more and no wider than those of a workbook may be."""
    source = io.StringIO(text, newline="")
    lines = csv.reader(source, delimiter=delimiter, strict=True)
    for number, row in enumerate(lines):
        if number >= child.ROWS or len(row) > child.COLUMNS:
            raise refused(
                name,
                f"строк больше {child.ROWS} или столбцов больше {child.COLUMNS}",
                "Разделите выгрузку на части.",
            )
        yield [value.strip() for value in row]


def _without_tail(found: list[list[str]]) -> list[list[str]]:
    """The portal ends each line with a delimiter: an empty tail of the captions is dropped everywhere."""
    captions = found[0] if found else []
    width = len(captions)
    if width < 2 or captions[-1] != "":
        return found
    for row in found:
        if len(row) == width and row[-1] == "":
            row.pop()
    return found
