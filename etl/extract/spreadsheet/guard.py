"""Rows of a spreadsheet file that nobody vouches for: kind by content, sizes counted first, parsing in a limited child.

No library sees a workbook before every ZIP member went through a counter (claimed sizes are not trusted). The attack table
of reference reliability §4 is tests/attacks/test_workbooks.py. Every refusal is one Russian sentence that says what to do.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from etl.errors import Rejected
from etl.extract.spreadsheet import child

Cell = str | float | int | bool | dt.date | dt.datetime

FILE_BYTES = 64 << 20
MEMBERS, MEMBER_BYTES, BOOK_BYTES, RATIO = 2_000, 100 << 20, 200 << 20, 200
_RATIO_FROM, _CHUNK, _CHILD_SECONDS = 1 << 20, 1 << 18, 90

_ACTIVE = ("vbaproject.bin", "externallinks/", "embeddings/", "activex/", "oleobject")
_FAR = re.compile(rb"""\br=["'](?:[A-Za-z]{3,}[0-9]|[A-Za-z]*[0-9]{7,})""")
_UNCOUNTED = re.compile(rb"</f></c>|<f[^>]*/></c>|</f><v\s*/>|</f><v></v>")
_ENTITIES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.I)


class Page(NamedTuple):
    """One sheet: its name and its rows as cells; an empty cell is ''."""

    name: str
    rows: list[list[Cell]]


def pages(data: bytes, name: str) -> list[Page]:
    """Sheets of a file of any kind people send: XLSX, HTML called .xls, real .xls, CSV and tab-separated text.

    Rejected, in one sentence, for anything else and for every workbook that is broken, hostile or protected.
    """
    if len(data) > FILE_BYTES:
        raise _refused(name, "файл больше 64 МБ", "Разделите выгрузку на части.")
    kind = sniff(data, name)
    if kind == "csv":
        return [Page("CSV", _text_rows(data, name))]
    if kind == "xlsx":
        check_archive(data, name)
    return _parsed(data, name, "html" if kind == "html" else "xlsx")


def sniff(data: bytes, name: str) -> Literal["xlsx", "xls", "html", "csv"]:
    """What the bytes are, whatever the extension says. Rejected for what is no table."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        raise _refused(name, "файл пуст", "Выгрузите его заново.")
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "xls"
    if re.match(rb"<\?xml", head) and b"<html" not in head.lower() and b"<table" not in head.lower():
        raise _refused(
            name,
            "это XML, а не таблица",
            "Файлы CommerceML кладите в папку from_1c, сюда нужна выгрузка Excel или CSV.",
        )
    if head.startswith(b"<"):
        return "html"
    if head.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"Rar!", b"7z\xbc\xaf")):
        raise _refused(name, "это не таблица", "Нужна выгрузка сделок: Excel или CSV.")
    if b"\0" in head and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refused(name, "это не текст и не таблица", "Нужна выгрузка сделок: Excel или CSV.")
    return "csv"


def check_archive(data: bytes, name: str) -> None:
    """Count every member of a workbook before any library sees it. Rejected for bombs, macros, links, entities, far cells."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_members(archive, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError):
        raise _refused(
            name, "книга повреждена или скопирована не до конца", "Сохраните её заново и скопируйте ещё раз."
        ) from None


def _check_members(archive: zipfile.ZipFile, name: str) -> None:
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(members) > MEMBERS or len({one.casefold() for one in names}) != len(names):
        raise _refused(
            name, "в книге слишком много частей или части повторяются", "Сохраните её заново в Excel."
        )
    if any(member.flag_bits & 1 for member in members):
        raise _refused(name, "книга защищена паролем", "Снимите пароль и сохраните её заново.")
    if any(mark in one.casefold() for one in names for mark in _ACTIVE):
        raise _refused(
            name,
            "в книге макросы, связи или вложенные объекты",
            "Сохраните её как обычную книгу .xlsx без них.",
        )
    if "[Content_Types].xml" not in names:
        raise _refused(name, "это архив, а не книга Excel", "Распакуйте его и положите сами файлы.")
    total = 0
    for member in members:
        total += _check_member(archive, member, name, BOOK_BYTES - total)


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, left: int) -> int:
    """Stream one member through the counter; returns its real size."""
    size, tail, sheet = 0, b"", member.filename.startswith("xl/worksheets/")
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            if not size:
                _check_head(chunk, member.filename, name)
            size += len(chunk)
            if size > min(MEMBER_BYTES, left) or (
                size > _RATIO_FROM and size > RATIO * max(1, member.compress_size)
            ):
                raise _refused(name, "книга слишком велика после распаковки", "Разделите выгрузку на части.")
            if sheet:
                _check_sheet(tail + chunk, name)
                tail = chunk[-256:]
    return size


def _check_head(head: bytes, member: str, name: str) -> None:
    if not member.endswith((".xml", ".rels")):
        return
    if b"\0" in head or head.startswith((b"\xff\xfe", b"\xfe\xff")) or _ENTITIES.search(head):
        raise _refused(name, "в книге недопустимые объявления XML", "Сохраните её заново в Excel.")


def _check_sheet(part: bytes, name: str) -> None:
    if _FAR.search(part):
        raise _refused(
            name,
            "в книге ячейки за пределами таблицы (далёкая строка или столбец)",
            "Скопируйте таблицу в новую книгу и сохраните её.",
        )
    if _UNCOUNTED.search(part):
        raise _refused(
            name,
            "в книге формулы без сохранённых значений",
            "Откройте её в Excel, сохраните и пришлите ещё раз.",
        )


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


def _parsed(data: bytes, name: str, kind: str) -> list[Page]:
    command = [sys.executable, "-I", str(Path(child.__file__)), kind]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_CHILD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise _refused(
            name, "книгу не удалось прочитать за отведённое время", "Разделите выгрузку на части."
        ) from None
    found: list[Page] = []
    for line in done.stdout.decode("utf-8", "surrogatepass").split("\n")[:-1]:
        item = json.loads(line)
        if isinstance(item, list):
            found[-1].rows.append([_cell(value) if type(value) is dict else value for value in item])
        elif "error" in item:
            raise _refused(name, *_CHILD_SAID.get(item["error"], _BROKEN))
        else:
            found.append(Page(item["sheet"], []))
    if done.returncode or not found:
        raise _refused(name, *_BROKEN)
    return found


def _cell(tagged: dict[str, str]) -> Any:
    ((mark, text),) = tagged.items()
    return {"d": dt.date.fromisoformat, "t": dt.datetime.fromisoformat}.get(mark, str)(text)


def _text_rows(data: bytes, name: str) -> list[list[Cell]]:
    """CSV of the portal, of Excel (cp1251, `;`), of «Текст Юникод» (UTF-16, tabs); the empty tail of each line is dropped."""
    text = _decoded(data)
    head = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(";\t,", key=head.count)
    csv.field_size_limit(child.TEXT)
    try:
        rows = [list(row) for row in _csv(text, delimiter, name)]
    except csv.Error:
        raise _refused(
            name,
            "таблица CSV повреждена: кавычки не сходятся или ячейка длиннее 40 000 знаков",
            "Выгрузите файл заново.",
        ) from None
    if rows and len(rows[0]) > 1 and rows[0][-1] == "":
        width = len(rows[0]) - 1
        rows = [row[:width] if len(row) == width + 1 and row[-1] == "" else row for row in rows]
    return [list(row) for row in rows]


def _csv(text: str, delimiter: str, name: str) -> Iterator[list[str]]:
    for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)):
        if number >= child.ROWS or len(row) > child.COLUMNS:
            raise _refused(
                name,
                f"строк больше {child.ROWS} или столбцов больше {child.COLUMNS}",
                "Разделите выгрузку на части.",
            )
        yield [value.strip() for value in row]


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1251", "replace")


def _refused(name: str, why: str, advice: str) -> Rejected:
    return Rejected(f"Файл {name} не прочитан: {why}.", advice, file=name)
