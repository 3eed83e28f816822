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
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
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
    if not found or len(found[0]) < 2 or found[0][-1] != "":
        return found
    width = len(found[0])
    return [row[:-1] if len(row) == width and row[-1] == "" else row for row in found]
